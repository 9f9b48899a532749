//! Runs: one execution of a script, whatever started it.
//!
//! A run waits at HEAR as stored state and goes on when the next turn comes, in this process or another. Its state
//! names the program it belongs to, so a changed script lets running conversations finish on their version.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conversation::{Reply, Suggestion};
use crate::{
    Aggregate, BlobReference, BotId, Claim, ConversationId, Event, Personal, SessionId, TurnId, UserId,
};

/// The claim of a run that a conversation's turns go to.
pub const ACTIVE_RUN: &str = "active_run";
/// The claim of a run that was called as a tool, over the other.
pub const TOOL_RUN: &str = "tool_run";

/// What happened to a run. Stored for ever: see `schemas/events/run.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum RunEvent {
    #[serde(rename = "run.started")]
    Started(RunStart),
    /// The script said something.
    #[serde(rename = "reply.produced")]
    ReplyProduced(Reply),
    /// A turn answered a question for a secret, as a password is: what it says is shown to nobody.
    #[serde(rename = "answer.masked")]
    AnswerMasked { session_id: SessionId, turn_id: TurnId },
    /// What the run was answered so far in this turn is kept, so that a repetition goes the same way.
    #[serde(rename = "run.recorded")]
    Recorded(Recording),
    /// Scripts of the bot that wait for such an event are told of it.
    #[serde(rename = "event.published")]
    EventPublished(Publication),
    /// The script waits for a turn.
    #[serde(rename = "run.suspended")]
    Suspended(Suspension),
    #[serde(rename = "run.ended")]
    Ended {
        session_id: SessionId,
        conversation_id: ConversationId,
        /// The turn that was being answered.
        turn_id: Option<TurnId>,
        outcome: RunOutcome,
        ended_at: DateTime<Utc>,
        /// What the script returned, where somebody waits for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        returned: Option<Personal<StoredAnswers>>,
    },
}

impl Event for RunEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("run.started", 1),
        ("reply.produced", 1),
        ("answer.masked", 1),
        ("run.recorded", 1),
        ("event.published", 1),
        ("run.suspended", 1),
        ("run.ended", 1),
    ];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStart {
    pub bot_id: BotId,
    pub session_id: SessionId,
    pub conversation_id: ConversationId,
    pub user_id: UserId,
    /// Name of the script within the package.
    pub script: String,
    /// Hash of the compiled program, hexadecimal.
    pub program: String,
    /// The scripts that it may call, by name, and the hashes of their programs: those that were there when it started.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scripts: BTreeMap<String, String>,
    /// Whether the person called it as a tool, over whatever script waits in the conversation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub invoked: bool,
    /// Seed of the run's random numbers: with the turns it makes the run repeatable.
    pub seed: u64,
    pub started_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suspension {
    pub session_id: SessionId,
    /// The turn that brought it here; None at the first HEAR of the opening script.
    pub turn_id: Option<TurnId>,
    /// What the script waits for: `text`, `integer`, `date` …; `time` or `event` when it goes on by itself.
    pub waits_for: String,
    /// Set when it waits for time and not for a turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// It holds what people said, so it is theirs to erase.
    pub state: Personal<StoredRun>,
    /// Machine steps of this turn.
    pub steps: u64,
    pub suspended_at: DateTime<Utc>,
}

/// Answers that a run got, in the order in which it asked, since the last of these or since it was given its turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recording {
    pub session_id: SessionId,
    /// The turn that is being answered; None in the opening script.
    pub turn_id: Option<TurnId>,
    pub answers: Personal<StoredAnswers>,
    /// The change to the bot's tables that was stored together with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<DataStatement>,
    /// Whether the first of them stands in place of the last that was recorded, which only said that a service is asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces_last: bool,
    /// How many scripts started one another before this one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
    pub recorded_at: DateTime<Utc>,
}

fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

/// An event among the scripts of a bot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Publication {
    pub session_id: SessionId,
    /// Whose scripts are told.
    pub bot_id: BotId,
    pub name: String,
    /// JSON.
    pub data: Personal<String>,
    /// How many scripts started one another before the one that published it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
    pub published_at: DateTime<Utc>,
}

/// Answers as bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredAnswers {
    /// Base64; empty when they are kept in a blob.
    pub answers: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobReference>,
}

/// What a script changed in a table of its bot. What the rows hold is not in the log: the table is the truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataStatement {
    pub table: String,
    pub operation: DataOperation,
    pub rows: u64,
    /// SHA-256 over the keys of the rows, hexadecimal; empty unless the keys are ids: others could be guessed from it.
    pub digest: String,
    /// Whose table it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot_id: Option<BotId>,
    /// How many of the rows are new. Only MERGE and SAVE both add and change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<u64>,
    /// Which rows, where they are few and their keys say nothing of anybody else than the person of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Personal<RowKeys>>,
    /// What the rows were and are, where a script of the bot is started by such changes: of each of `keys` in turn, first
    /// the added, then the changed, then the deleted ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<RowValues>,
}

impl DataStatement {
    /// Rows that a statement names by their keys at most.
    pub const KEYS_MAX: usize = 100;
    /// A row's values, as JSON.
    pub const ROW_BYTES_MAX: usize = 16 << 10;
    /// The values of all rows of a statement together.
    pub const VALUES_BYTES_MAX: usize = 256 << 10;
}

/// Keys of rows as texts, by what became of the rows; the parts of a longer key stand apart by a space.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RowKeys {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted: Vec<String>,
}

/// What a row was before a statement and is after it, each of the person whose row it was or is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RowValues {
    /// A JSON object of the fields; None where there was no such row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Personal<String>>,
    /// None where there is no such row any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Personal<String>>,
    /// Whether something is left out of this: it was too large.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub omitted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataOperation {
    Insert,
    Update,
    Delete,
    Merge,
}

/// A run that goes on by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pause {
    pub conversation_id: ConversationId,
    pub until: DateTime<Utc>,
    /// What ends it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<AwaitedEvent>,
}

/// An event among the scripts of a bot, which a run waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AwaitedEvent {
    pub bot_id: BotId,
    pub name: String,
}

/// What a waiting run needs to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredRun {
    /// The machine's state, base64; empty when it is kept in a blob.
    pub machine: String,
    /// Where a state is kept that is too large for the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobReference>,
    /// Quick replies on offer: they stay until the script clears them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RunOutcome {
    Completed,
    /// The script broke. The message may quote what people said.
    Failed {
        code: String,
        message: Personal<String>,
        line: u32,
        column: u32,
    },
    Cancelled,
}

impl RunOutcome {
    pub fn as_str(&self) -> &'static str {
        match self {
            RunOutcome::Completed => "completed",
            RunOutcome::Failed { .. } => "failed",
            RunOutcome::Cancelled => "cancelled",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Run {
    #[default]
    Absent,
    /// Started and, as far as the log knows, before its first wait.
    Started {
        start: RunStart,
        recorded: Vec<Recording>,
    },
    Waiting {
        start: RunStart,
        suspension: Box<Suspension>,
        /// Since it waits.
        recorded: Vec<Recording>,
    },
    Ended,
}

impl Aggregate for Run {
    const TYPE: &'static str = "run";
    /// 2: with what was recorded since it waits. 3: that says how deep scripts started one another.
    const FORM: i32 = 3;
    type Event = RunEvent;

    fn apply(&mut self, event: &RunEvent) {
        match event {
            RunEvent::Started(start) => {
                *self = Run::Started {
                    start: start.clone(),
                    recorded: Vec::new(),
                };
            }
            RunEvent::ReplyProduced(_) | RunEvent::AnswerMasked { .. } | RunEvent::EventPublished(_) => {}
            RunEvent::Recorded(recording) => match self {
                Run::Started { recorded, .. } | Run::Waiting { recorded, .. } => {
                    recorded.push(recording.clone());
                }
                Run::Absent | Run::Ended => {}
            },
            RunEvent::Suspended(suspension) => match std::mem::take(self) {
                Run::Started { start, .. } | Run::Waiting { start, .. } => {
                    *self = Run::Waiting {
                        start,
                        suspension: Box::new(suspension.clone()),
                        recorded: Vec::new(),
                    };
                }
                before @ (Run::Absent | Run::Ended) => *self = before,
            },
            RunEvent::Ended { .. } => *self = Run::Ended,
        }
    }

    /// Runs are read together with the turns they answer.
    fn ordering_key(&self, id: &str) -> String {
        match self {
            Run::Started { start, .. } | Run::Waiting { start, .. } => start.conversation_id.to_string(),
            Run::Absent | Run::Ended => id.to_owned(),
        }
    }

    /// A conversation has one run that turns go to, and over it one that the person called as a tool.
    fn claims(id: &str, event: &RunEvent) -> Vec<Claim> {
        match event {
            RunEvent::Started(start) => vec![Claim::Take {
                kind: if start.invoked { TOOL_RUN } else { ACTIVE_RUN },
                key: start.conversation_id.to_string(),
                owner: id.to_owned(),
            }],
            // It holds one of them; letting go of what it does not hold changes nothing.
            RunEvent::Ended { conversation_id, .. } => [ACTIVE_RUN, TOOL_RUN]
                .map(|kind| Claim::Release {
                    kind,
                    key: conversation_id.to_string(),
                    owner: id.to_owned(),
                })
                .into(),
            RunEvent::ReplyProduced(_)
            | RunEvent::AnswerMasked { .. }
            | RunEvent::Recorded(_)
            | RunEvent::EventPublished(_)
            | RunEvent::Suspended(_) => Vec::new(),
        }
    }
}
