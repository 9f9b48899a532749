//! Statements that make the host do something: say, suggest, log.

use super::{Arguments, Role, Word};
use crate::machine::{Effect, Fault, LogLevel, Suggestion, SuggestionAction};
use crate::value::Value;

const fn effect(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    help: &'static str,
    (least, most): (u8, u8),
    perform: fn(&mut [Value]) -> Result<Effect, Fault>,
) -> Word {
    Word {
        name,
        aliases,
        form,
        help,
        role: Role::Effect {
            arguments: Arguments::new(least, most),
            perform,
        },
    }
}

pub(super) const WORDS: &[Word] = &[
    effect(
        "TALK",
        &[],
        "TALK value",
        "Says something to the user.",
        (1, 1),
        talk,
    ),
    effect(
        "SYSTEM PROMPT",
        &["SET SYSTEM PROMPT"],
        "SYSTEM PROMPT text",
        "Tells the language model how to behave.",
        (1, 1),
        system_prompt,
    ),
    effect(
        "ADD SUGGESTION",
        &[],
        "ADD SUGGESTION \"context\" AS \"text\"",
        "Offers a button that selects a context, or that sends its text when there is no context.",
        (1, 2),
        add_suggestion,
    )
    .separated_by("AS"),
    effect(
        "ADD SUGGESTION TOOL",
        &[],
        "ADD SUGGESTION TOOL \"tool\" AS \"text\"",
        "Offers a button that calls a tool.",
        (1, 2),
        add_tool_suggestion,
    )
    .separated_by("AS"),
    effect(
        "ADD SUGGESTION TEXT",
        &[],
        "ADD SUGGESTION TEXT \"message\" AS \"text\"",
        "Offers a button that sends another message than it shows.",
        (1, 2),
        add_text_suggestion,
    )
    .separated_by("AS"),
    effect(
        "CLEAR SUGGESTIONS",
        &[],
        "CLEAR SUGGESTIONS",
        "Takes all suggestions away.",
        (0, 0),
        |_| Ok(Effect::ClearSuggestions),
    ),
    effect(
        "PRINT",
        &["LOG INFO"],
        "PRINT value",
        "Writes to the log of the bot.",
        (1, 255),
        |values| log(LogLevel::Info, values),
    ),
    effect(
        "LOG DEBUG",
        &[],
        "LOG DEBUG value",
        "Writes to the log of the bot, for finding mistakes.",
        (1, 255),
        |values| log(LogLevel::Debug, values),
    ),
    effect(
        "LOG WARN",
        &["LOG WARNING"],
        "LOG WARN value",
        "Writes a warning to the log of the bot.",
        (1, 255),
        |values| log(LogLevel::Warn, values),
    ),
    effect(
        "LOG ERROR",
        &[],
        "LOG ERROR value",
        "Writes an error to the log of the bot.",
        (1, 255),
        |values| log(LogLevel::Error, values),
    ),
];

fn talk(values: &mut [Value]) -> Result<Effect, Fault> {
    // What the host refused says why, and not how it is stored.
    let said = match &values[0] {
        Value::Object(object) if object.get("success") == Some(&Value::Bool(false)) => {
            object.get("error").unwrap_or(&values[0])
        }
        value => value,
    };
    Ok(Effect::Talk {
        text: said.to_text()?,
    })
}

fn system_prompt(values: &mut [Value]) -> Result<Effect, Fault> {
    Ok(Effect::SystemPrompt {
        text: values[0].to_text()?,
    })
}

fn add_suggestion(values: &mut [Value]) -> Result<Effect, Fault> {
    let first = values[0].to_text()?;
    let suggestion = match values.get(1) {
        Some(text) => Suggestion {
            text: text.to_text()?,
            context: Some(first.clone()),
            action: SuggestionAction::SelectContext { context: first },
        },
        None => {
            let action = SuggestionAction::SendMessage {
                message: first.clone(),
            };
            Suggestion {
                text: first,
                context: None,
                action,
            }
        }
    };
    Ok(Effect::AddSuggestion(suggestion))
}

fn add_tool_suggestion(values: &mut [Value]) -> Result<Effect, Fault> {
    let tool = values[0].to_text()?;
    let text = values.get(1).unwrap_or(&values[0]).to_text()?;
    Ok(Effect::AddSuggestion(Suggestion {
        text,
        context: None,
        action: SuggestionAction::InvokeTool { tool },
    }))
}

fn add_text_suggestion(values: &mut [Value]) -> Result<Effect, Fault> {
    let message = values[0].to_text()?;
    let text = values.get(1).unwrap_or(&values[0]).to_text()?;
    Ok(Effect::AddSuggestion(Suggestion {
        text,
        context: None,
        action: SuggestionAction::SendMessage { message },
    }))
}

fn log(level: LogLevel, values: &mut [Value]) -> Result<Effect, Fault> {
    let texts = values.iter().map(Value::to_text).collect::<Result<Vec<_>, _>>()?;
    Ok(Effect::Log {
        level,
        text: texts.join(" "),
    })
}
