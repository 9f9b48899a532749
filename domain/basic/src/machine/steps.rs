//! What passes between a machine and its host.

use serde::{Deserialize, Serialize};

use std::sync::Arc;

use super::{Hear, Refusal, Request, RuntimeError};
use crate::program::Program;
use crate::value::Value;

/// What the host gives the machine to go on with.
#[derive(Clone, Debug)]
pub enum Input {
    /// The first call.
    Start,
    /// After [`Step::Yielded`], or when an effect is performed that has no result.
    Continue,
    /// The answer that [`Step::Waiting`] waits for.
    Answer {
        text: String,
        /// What the user attached, in the order in which it was attached.
        files: Vec<File>,
    },
    /// What [`Step::Request`] asks for.
    Value(Value),
    /// Why it is not given.
    Refused(Refusal),
    /// The script that [`Step::Script`] asks for; absent when the bot has none of that name.
    Program(Option<Called>),
}

/// A script that another one calls.
#[derive(Clone, Debug)]
pub struct Called {
    pub program: Arc<Program>,
    /// What it finds set, as [`Start::variables`](super::Start::variables) is for the first script.
    pub variables: Vec<(String, Value)>,
}

impl Input {
    /// An answer of words alone.
    pub fn text(text: impl Into<String>) -> Input {
        Input::Answer {
            text: text.into(),
            files: Vec::new(),
        }
    }
}

/// A file that a user attached to an answer. The host keeps its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    pub id: String,
    /// As the user's device calls it.
    pub name: String,
    /// Such as `image/png`.
    pub media_type: String,
    /// The size of the content.
    pub bytes: u64,
    /// Where the content can be fetched.
    pub url: String,
}

/// Why the machine handed back.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The fuel is used up. Goes on with [`Input::Continue`].
    Yielded,
    /// Something is to be done. Goes on with [`Input::Continue`].
    Effect(Effect),
    /// The host is asked for something. Goes on with [`Input::Value`] or [`Input::Refused`].
    Request(Request),
    /// A question is open. Goes on with [`Input::Answer`], however much later.
    Waiting(Hear),
    /// Another script of the bot is called. Goes on with [`Input::Program`].
    Script {
        /// In lower case, without `.bas`.
        name: String,
    },
    /// The script pauses so long, from 0 to 300 seconds. Goes on with [`Input::Continue`] after that.
    Sleeping { seconds: f64 },
    /// The script came to its end, with what RETURN said.
    Ended(Value),
    /// The script was stopped by a mistake or a limit.
    Failed(RuntimeError),
}

/// Something that a script wants done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Effect {
    /// Say this to the user.
    Talk {
        text: String,
    },
    AddSuggestion(Suggestion),
    ClearSuggestions,
    /// Tell the language model how to behave in this session.
    SystemPrompt {
        text: String,
    },
    Log {
        level: LogLevel,
        text: String,
    },
}

/// A button under the conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// What the button shows.
    pub text: String,
    /// The named context that it belongs to.
    pub context: Option<String>,
    pub action: SuggestionAction,
}

/// What pressing a suggestion does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum SuggestionAction {
    SendMessage { message: String },
    SelectContext { context: String },
    InvokeTool { tool: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}
