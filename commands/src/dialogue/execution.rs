//! Running a script until it waits or ends, and gathering what it said.

use std::time::Duration;

use basic::{Called, Effect, Hear, Input, Machine, ProgramHash, RuntimeError, Step, Value};
use domain::conversation::{ReplyContent, Suggestion, SuggestionAction};

use crate::CommandError;
use crate::scripted::{Host, WAIT_FOR_EVENT, awaited};

/// Machine steps between two looks at the clock and at other tasks, whatever the script does meanwhile: well under a
/// millisecond of work.
const SLICE_STEPS: u64 = 20_000;

/// The code of a script that worked for too long.
pub(crate) const SCRIPT_TIME: &str = "script_time";

/// What came of one turn of a script.
pub(crate) struct Execution {
    pub replies: Vec<ReplyContent>,
    /// Quick replies on offer afterwards.
    pub suggestions: Vec<Suggestion>,
    pub end: ExecutionEnd,
    pub steps: u64,
    /// Whether something was stored in the conversation's own stream.
    pub conversation_changed: bool,
    /// What the script ended with, where that can be said.
    pub returned: Option<String>,
}

impl Execution {
    /// Whether the script waits for a turn.
    pub fn waits(&self) -> bool {
        matches!(self.end, ExecutionEnd::Waiting(_))
    }

    /// Has what a tool returns said, if it said nothing itself.
    pub fn say_what_is_returned(&mut self) {
        if self.replies.iter().any(|reply| !reply.text.trim().is_empty()) {
            return;
        }
        if let Some(text) = self.returned.take() {
            let text = ReplyContent {
                text,
                ..ReplyContent::default()
            };
            self.replies.insert(0, text);
        }
    }
}

pub(crate) enum ExecutionEnd {
    Waiting(Hear),
    /// Goes on by itself after so many seconds, or before that when an event is published.
    Pausing {
        seconds: f64,
        event: Option<String>,
    },
    /// With what it returned.
    Completed(Value),
    Failed(RuntimeError),
}

/// Runs `machine` until it waits, ends or breaks, and has what it remembered stored.
pub(crate) async fn execute(
    machine: &mut Machine,
    host: &mut Host<'_>,
    input: Input,
    suggestions: Vec<Suggestion>,
) -> Result<Execution, CommandError> {
    let execution = execute_within(machine, host, input, suggestions).await?;
    host.finish().await?;
    Ok(Execution {
        conversation_changed: host.conversation_changed,
        ..execution
    })
}

/// The same for a machine within another one's turn.
///
/// Gives way to other tasks after every slice, so that endless scripts do not hold up other sessions.
pub(crate) async fn execute_within(
    machine: &mut Machine,
    host: &mut Host<'_>,
    input: Input,
    suggestions: Vec<Suggestion>,
) -> Result<Execution, CommandError> {
    let now = host.now;
    let time_max = host.shared.options.script_time_max;
    let mut gathered = Gathered {
        replies: Vec::new(),
        suggestions,
        menu: Vec::new(),
    };
    // An answer begins a turn, whose steps are counted anew.
    let mut slice_end = SLICE_STEPS;
    if !matches!(input, Input::Answer { .. }) {
        slice_end += machine.steps();
    }
    let mut fuel = SLICE_STEPS;
    let mut input = input;
    let mut returned = None;
    let end = loop {
        input = match machine.run(input, now, fuel) {
            Step::Yielded => Input::Continue,
            Step::Effect(Effect::SystemPrompt { text }) => {
                host.set_system_prompt(&text);
                Input::Continue
            }
            Step::Effect(effect) => {
                gathered.take(effect);
                Input::Continue
            }
            Step::Waiting(hear) => {
                gathered.offer_menu(&hear);
                break ExecutionEnd::Waiting(hear);
            }
            Step::Script { name } => Input::Program(host.called(&name).await?),
            Step::Request(request) if request.word == WAIT_FOR_EVENT => match awaited(&request) {
                Ok((event, seconds)) => {
                    let event = Some(event);
                    break ExecutionEnd::Pausing { seconds, event };
                }
                Err(refusal) => Input::Refused(refusal),
            },
            Step::Request(request) => {
                if host.is_late() {
                    break ExecutionEnd::Failed(out_of_time(time_max));
                }
                // Futures of requests are large, and most turns ask nothing.
                let answer = Box::pin(host.answer(request)).await?.into();
                gathered.replies.append(&mut host.said);
                answer
            }
            Step::Sleeping { seconds } => break ExecutionEnd::Pausing { seconds, event: None },
            Step::Ended(value) => {
                returned = Some(value.to_string()).filter(|text| !text.trim().is_empty());
                break ExecutionEnd::Completed(value);
            }
            Step::Failed(error) => break ExecutionEnd::Failed(error),
        };
        fuel = slice_end.saturating_sub(machine.steps());
        if fuel == 0 {
            if host.is_late() {
                break ExecutionEnd::Failed(out_of_time(time_max));
            }
            tokio::task::yield_now().await;
            slice_end = machine.steps() + SLICE_STEPS;
            fuel = SLICE_STEPS;
        }
    };
    // While a script pauses nobody is asked anything.
    let silent = matches!(end, ExecutionEnd::Failed(_) | ExecutionEnd::Pausing { .. });
    gathered.attach_suggestions(silent);
    Ok(Execution {
        replies: gathered.replies,
        suggestions: gathered.suggestions,
        end,
        steps: machine.steps(),
        conversation_changed: false,
        returned,
    })
}

impl Host<'_> {
    /// A script that the run may call: of those that its package had when it started.
    async fn called(&self, name: &str) -> Result<Option<Called>, CommandError> {
        let Some(hash) = self.start.scripts.get(name) else {
            return Ok(None);
        };
        let hash: ProgramHash = hash.parse().map_err(CommandError::unexpected)?;
        let program = self.shared.programs.load(self.context.tenant, hash).await?;
        let variables = self.shared.variables(self.context.tenant, &self.start).await?;
        Ok(Some(Called { program, variables }))
    }
}

struct Gathered {
    replies: Vec<ReplyContent>,
    /// Offered by the script until it clears them.
    suggestions: Vec<Suggestion>,
    /// Offered by the question it waits at, and gone with it.
    menu: Vec<Suggestion>,
}

impl Gathered {
    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Talk { text } => self.replies.push(ReplyContent {
                text,
                ..ReplyContent::default()
            }),
            Effect::AddSuggestion(added) => self.offer(suggestion(added)),
            Effect::ClearSuggestions => self.suggestions.clear(),
            // What a script prints may quote people, so only that it printed is logged.
            Effect::Log { text, .. } => tracing::debug!(bytes = text.len(), "script printed"),
            // Taken before, for the session and not for this turn.
            Effect::SystemPrompt { .. } => {}
        }
    }

    fn offer(&mut self, new: Suggestion) {
        self.suggestions.retain(|known| known.text != new.text);
        self.suggestions.push(new);
    }

    fn offer_menu(&mut self, hear: &Hear) {
        for option in &hear.options {
            let action = SuggestionAction::SendMessage {
                message: option.clone(),
            };
            self.menu.push(Suggestion {
                text: option.clone(),
                context: None,
                action,
            });
        }
    }

    /// Offers stand beside the last thing said; when nothing was said, they stand alone.
    fn attach_suggestions(&mut self, failed: bool) {
        let offered: Vec<_> = self.menu.iter().chain(&self.suggestions).cloned().collect();
        if offered.is_empty() || failed {
            return;
        }
        match self.replies.last_mut() {
            Some(last) => last.suggestions = offered,
            None => self.replies.push(ReplyContent {
                suggestions: offered,
                ..ReplyContent::default()
            }),
        }
    }
}

fn suggestion(from: basic::Suggestion) -> Suggestion {
    let action = match from.action {
        basic::SuggestionAction::SendMessage { message } => SuggestionAction::SendMessage { message },
        basic::SuggestionAction::SelectContext { context } => SuggestionAction::SelectContext { context },
        basic::SuggestionAction::InvokeTool { tool } => SuggestionAction::InvokeTool { tool },
    };
    Suggestion {
        text: from.text,
        context: from.context,
        action,
    }
}

fn out_of_time(time_max: Duration) -> RuntimeError {
    RuntimeError {
        code: SCRIPT_TIME.into(),
        message: format!(
            "the script worked longer than {} seconds on one turn",
            time_max.as_secs()
        ),
        line: 0,
        column: 0,
    }
}
