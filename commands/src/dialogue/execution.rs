//! Running a script until it waits or ends, and gathering what it said.

use std::time::{Duration, Instant};

use basic::{Effect, Hear, Input, Machine, RuntimeError, Step};
use chrono::{DateTime, Utc};
use domain::conversation::{ReplyContent, Suggestion, SuggestionAction};

/// Machine steps between two looks at the clock and at other tasks: well under a millisecond of work.
const SLICE_STEPS: u64 = 20_000;

/// What came of one turn of a script.
pub(crate) struct Execution {
    pub replies: Vec<ReplyContent>,
    /// Quick replies on offer afterwards.
    pub suggestions: Vec<Suggestion>,
    pub end: ExecutionEnd,
    pub steps: u64,
}

pub(crate) enum ExecutionEnd {
    Waiting(Hear),
    Completed,
    Failed(RuntimeError),
}

/// Runs `machine` until it waits, ends or breaks.
///
/// Gives way to other tasks after every slice, so that endless scripts do not hold up other sessions.
pub(crate) async fn execute(
    machine: &mut Machine,
    input: Input,
    suggestions: Vec<Suggestion>,
    now: DateTime<Utc>,
    time_max: Duration,
) -> Execution {
    let started = Instant::now();
    let mut gathered = Gathered {
        replies: Vec::new(),
        suggestions,
        menu: Vec::new(),
    };
    let mut input = input;
    let end = loop {
        match machine.run(input, now, SLICE_STEPS) {
            Step::Yielded => {
                if started.elapsed() > time_max {
                    break ExecutionEnd::Failed(out_of_time(time_max));
                }
                tokio::task::yield_now().await;
            }
            Step::Effect(effect) => gathered.take(effect),
            Step::Waiting(hear) => {
                gathered.offer_menu(&hear);
                break ExecutionEnd::Waiting(hear);
            }
            // Scripts are found and pauses kept where the session is known.
            Step::Script { name } => {
                tracing::debug!(
                    bytes = name.len(),
                    "script calls another, which is not found here"
                );
                input = Input::Program(None);
                continue;
            }
            Step::Sleeping { .. } => break ExecutionEnd::Failed(cannot_pause()),
            Step::Ended(_) => break ExecutionEnd::Completed,
            Step::Failed(error) => break ExecutionEnd::Failed(error),
        }
        input = Input::Continue;
    };
    gathered.attach_suggestions(matches!(end, ExecutionEnd::Failed(_)));
    Execution {
        replies: gathered.replies,
        suggestions: gathered.suggestions,
        end,
        steps: machine.steps(),
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
                suggestions: Vec::new(),
            }),
            Effect::AddSuggestion(added) => self.offer(suggestion(added)),
            Effect::ClearSuggestions => self.suggestions.clear(),
            // What a script prints may quote people, so only that it printed is logged.
            Effect::Log { text, .. } => tracing::debug!(bytes = text.len(), "script printed"),
            Effect::SystemPrompt { text } => {
                tracing::debug!(bytes = text.len(), "script set a system prompt");
            }
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
                text: String::new(),
                suggestions: offered,
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

fn cannot_pause() -> RuntimeError {
    RuntimeError {
        code: "script_pause".into(),
        message: "WAIT is not possible in a conversation yet".into(),
        line: 0,
        column: 0,
    }
}

fn out_of_time(time_max: Duration) -> RuntimeError {
    RuntimeError {
        code: "script_time".into(),
        message: format!(
            "the script worked longer than {} seconds on one turn",
            time_max.as_secs()
        ),
        line: 0,
        column: 0,
    }
}
