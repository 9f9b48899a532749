//! Conversations: the turns of a session until it falls idle.
//!
//! Turns may always be added, so they are appended without an expected version. What answers them is recorded
//! where it was decided: by a run in the run's stream, by the bot itself here. Both carry the conversation's id as
//! ordering key, so a reader sees them in one order.

mod control;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use control::{ChangedBy, Control, ControlChange, Controlled, Note, Priority, is_label};

use crate::file::AttachedFile;
use crate::trigger::Trigger;
use crate::{Aggregate, BotId, Claim, Event, Personal, ReplyId, SessionId, TurnId, UserId};

/// What happened in a conversation. Stored for ever: see `schemas/events/conversation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ConversationEvent {
    #[serde(rename = "conversation.started")]
    Started {
        session_id: SessionId,
        bot_id: BotId,
        user_id: UserId,
        started_at: DateTime<Utc>,
        /// What began it, where nobody talks in it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Box<Trigger>>,
    },
    #[serde(rename = "turn.received")]
    TurnReceived(Turn),
    /// The bot answered by itself, without a script, or a person did in its place.
    #[serde(rename = "reply.produced")]
    ReplyProduced(Reply),
    /// A turn came while the bot did not answer: no script is given it.
    #[serde(rename = "turn.left_to_human")]
    TurnLeftToHuman { session_id: SessionId, turn_id: TurnId },
    /// The person says what they think of a reply; said again, the last one counts.
    #[serde(rename = "reply.rated")]
    ReplyRated {
        session_id: SessionId,
        reply_id: ReplyId,
        /// None takes an earlier one back.
        rating: Option<Rating>,
        rated_at: DateTime<Utc>,
    },
    /// Somebody else answers from now on.
    #[serde(rename = "conversation.control_changed")]
    ControlChanged(ControlChange),
    #[serde(rename = "conversation.priority_set")]
    PrioritySet {
        session_id: SessionId,
        priority: Priority,
        by: ChangedBy,
    },
    /// Marked with a [label](is_label).
    #[serde(rename = "conversation.tagged")]
    Tagged {
        session_id: SessionId,
        tag: String,
        by: ChangedBy,
    },
    #[serde(rename = "conversation.noted")]
    Noted(Note),
    #[serde(rename = "conversation.ended")]
    Ended {
        session_id: SessionId,
        reason: ConversationEnd,
    },
}

impl Event for ConversationEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("conversation.started", 1),
        ("turn.received", 1),
        ("reply.produced", 1),
        ("turn.left_to_human", 1),
        ("reply.rated", 1),
        ("conversation.control_changed", 1),
        ("conversation.priority_set", 1),
        ("conversation.tagged", 1),
        ("conversation.noted", 1),
        ("conversation.ended", 1),
    ];
}

/// One message of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turn {
    pub turn_id: TurnId,
    pub session_id: SessionId,
    /// The sender's own id of the message, by which a repetition is recognised.
    pub message_id: Option<Uuid>,
    /// Owned by its author.
    pub content: Personal<String>,
    /// What was attached, in order; none when nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Personal<Vec<AttachedFile>>>,
    /// The tool that it asks for, if that is what it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invokes: Option<Invocation>,
    pub received_at: DateTime<Utc>,
}

/// A tool of the bot, called by the person and not by a script or a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Invocation {
    /// Name of a tool that the bot had when the turn was taken.
    pub tool: String,
    /// A JSON object as text: values by name of parameter.
    pub arguments: Personal<String>,
}

impl Turn {
    /// What was attached and can be read.
    pub fn attached(&self) -> &[AttachedFile] {
        self.files
            .as_ref()
            .and_then(Personal::clear)
            .map_or(&[], Vec::as_slice)
    }
}

/// One message of a bot, or of a person in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    pub reply_id: ReplyId,
    pub session_id: SessionId,
    /// None for what is said before anybody asked.
    pub in_reply_to: Option<TurnId>,
    /// Owned by whoever triggered it.
    pub content: Personal<ReplyContent>,
    /// The name of the person who says it in the bot's place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attendant: Option<Personal<String>>,
    pub produced_at: DateTime<Utc>,
}

/// What a reply says and offers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReplyContent {
    /// Markdown.
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<Suggestion>,
    /// Files that come with it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<AttachedFile>,
    /// Whether it asks for a secret, as a password is: what is typed should be hidden.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asks_secret: bool,
}

/// What somebody thinks of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    Good,
    Bad,
}

/// A quick reply offered beside a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Suggestion {
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    pub action: SuggestionAction,
}

/// What choosing a suggestion does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SuggestionAction {
    SendMessage { message: String },
    SelectContext { context: String },
    InvokeTool { tool: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationEnd {
    Idle,
    Requested,
    SessionEnded,
    // Of a triggered one: its script has ended.
    Completed,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Conversation {
    #[default]
    Absent,
    Open(Box<OpenConversation>),
    Ended {
        session_id: SessionId,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenConversation {
    pub session_id: SessionId,
    pub bot_id: BotId,
    pub user_id: UserId,
    /// When the last turn came, or the conversation started.
    pub active_at: DateTime<Utc>,
    /// What began it, where nobody talks in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Box<Trigger>>,
    pub controlled: Controlled,
    pub tags: BTreeSet<String>,
    /// How many there are.
    pub notes: usize,
}

impl OpenConversation {
    /// As it begins.
    pub fn new(session_id: SessionId, bot_id: BotId, user_id: UserId, started_at: DateTime<Utc>) -> Self {
        Self {
            session_id,
            bot_id,
            user_id,
            active_at: started_at,
            controlled: Controlled::by_bot(started_at),
            tags: BTreeSet::new(),
            notes: 0,
            trigger: None,
        }
    }
}

impl Aggregate for Conversation {
    const TYPE: &'static str = "conversation";
    /// 2: who answers, tags and notes.
    const FORM: i32 = 2;
    type Event = ConversationEvent;

    fn apply(&mut self, event: &ConversationEvent) {
        match (event, &mut *self) {
            (
                ConversationEvent::Started {
                    session_id,
                    bot_id,
                    user_id,
                    started_at,
                    trigger,
                },
                _,
            ) => {
                let open = OpenConversation {
                    trigger: trigger.clone(),
                    ..OpenConversation::new(*session_id, *bot_id, *user_id, *started_at)
                };
                *self = Conversation::Open(Box::new(open));
            }
            (ConversationEvent::Ended { session_id, .. }, _) => {
                *self = Conversation::Ended {
                    session_id: *session_id,
                };
            }
            (ConversationEvent::TurnReceived(turn), Conversation::Open(open)) => {
                open.active_at = turn.received_at;
            }
            (ConversationEvent::ControlChanged(change), Conversation::Open(open)) => {
                open.controlled = change.into();
            }
            (ConversationEvent::PrioritySet { priority, .. }, Conversation::Open(open)) => {
                open.controlled.priority = *priority;
            }
            (ConversationEvent::Tagged { tag, .. }, Conversation::Open(open)) => {
                open.tags.insert(tag.clone());
            }
            (ConversationEvent::Noted(_), Conversation::Open(open)) => open.notes += 1,
            (
                ConversationEvent::TurnReceived(_)
                | ConversationEvent::TurnLeftToHuman { .. }
                | ConversationEvent::ReplyProduced(_)
                | ConversationEvent::ReplyRated { .. }
                | ConversationEvent::ControlChanged(_)
                | ConversationEvent::PrioritySet { .. }
                | ConversationEvent::Tagged { .. }
                | ConversationEvent::Noted(_),
                _,
            ) => {}
        }
    }

    /// A session has one open conversation that people talk in.
    fn claims(id: &str, event: &ConversationEvent) -> Vec<Claim> {
        let kind = "open_conversation";
        match event {
            ConversationEvent::Started {
                session_id,
                trigger: None,
                ..
            } => {
                vec![Claim::Take {
                    kind,
                    key: session_id.to_string(),
                    owner: id.to_owned(),
                }]
            }
            ConversationEvent::Ended { session_id, .. } => {
                vec![Claim::Release {
                    kind,
                    key: session_id.to_string(),
                    owner: id.to_owned(),
                }]
            }
            _ => Vec::new(),
        }
    }
}
