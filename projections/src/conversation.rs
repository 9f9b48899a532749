//! Conversations as read: when they began and were last active, how much was said, and the turns themselves.
//!
//! A reply is recorded where it was decided, by a run or by the bot; both carry the conversation's id as ordering
//! key, so one fold sees turns and replies in one order. What was said is kept in `turns`, sealed as stored.

mod desk;
mod notes;
mod questions;
mod store;
mod turns;

use chrono::{DateTime, Utc};
use domain::conversation::{
    Control, ControlChange, Conversation, ConversationEnd, ConversationEvent, Note, Priority, Rating, Reply,
    Turn,
};
use domain::run::{Run, RunEvent};
use domain::{
    Aggregate, BotId, ConversationId, OrganisationId, Personal, ReplyId, SessionId, TurnId, UserId,
};
use event_log::{Position, RecordedEvent, StreamTypes};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub use desk::{DeskFilter, QueueFilter, QueuedRow};
pub use notes::NoteRow;
pub use questions::ConversationFilter;
pub use turns::{Said, TurnRow};

use crate::column::stored_word;
use crate::fold::{FoldError, Projection, Rows, decoded, sealed, stream_key};

/// The projection's name.
pub const NAME: &str = "conversation";
const TABLE: &str = "conversations";
/// Events of runs that concern a conversation.
const SAID_BY_RUN: &[&str] = &["reply.produced", "answer.masked"];

#[derive(Debug, Clone, PartialEq)]
pub struct ConversationRow {
    pub id: ConversationId,
    pub organisation_id: OrganisationId,
    pub session_id: SessionId,
    pub bot_id: BotId,
    pub user_id: UserId,
    pub state: ConversationState,
    /// Why it ended; None while it is open.
    pub end: Option<ConversationEnd>,
    pub started_at: DateTime<Utc>,
    /// When the last turn came, or the conversation started.
    pub active_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
    /// Messages of the person.
    pub turn_count: u64,
    /// Messages of the bot, and of people in its place.
    pub reply_count: u64,
    /// Who answers, since when.
    pub control: Control,
    pub control_since: DateTime<Utc>,
    /// Who answers, or shall, as the person is told.
    pub attendant: Option<Personal<String>>,
    pub reason: Option<Personal<String>>,
    pub department: Option<String>,
    pub priority: Priority,
    /// In order of their letters.
    pub tags: Vec<String>,
}

stored_word! {
    ConversationState { Open = "open", Ended = "ended" }
}

stored_word! {
    /// Who said something.
    Author { Visitor = "visitor", Bot = "bot" }
}

/// The conversation, and what was said since it was loaded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fold {
    pub row: ConversationRow,
    pub turns: Vec<StoredTurn>,
    pub notes: Vec<StoredNote>,
    /// Turns, of these or of before, that are shown to nobody from now on.
    pub masked: Vec<TurnId>,
    /// What was said of replies, of these or of before, in order.
    pub rated: Vec<(ReplyId, Option<Rating>)>,
}

/// One message as the table holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredTurn {
    pub position: Position,
    pub session_id: SessionId,
    /// Of the turn or of the reply.
    pub id: Uuid,
    pub author: Author,
    pub message_id: Option<Uuid>,
    pub in_reply_to: Option<Uuid>,
    pub run_id: Option<Uuid>,
    /// Who said it in the bot's place: the marker as stored.
    pub attendant: Option<Value>,
    /// The marker as stored.
    pub content: Value,
    /// What was attached: the marker as stored.
    pub files: Option<Value>,
    pub at: DateTime<Utc>,
}

/// A remark as the table holds it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredNote {
    pub position: Position,
    /// The marker as stored.
    pub text: Value,
    pub at: DateTime<Utc>,
}

pub(crate) struct Conversations;

impl Projection for Conversations {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[
        (TABLE, "id"),
        ("turns", "conversation_id, position"),
        ("notes", "conversation_id, position"),
    ];
    const STREAMS: &'static [StreamTypes] = &[
        StreamTypes::all(Conversation::TYPE),
        StreamTypes::some(Run::TYPE, SAID_BY_RUN),
    ];
    const VERSION: i32 = 3;
    type Key = ConversationId;
    type Row = Fold;

    /// The stream's id or, for what a run says, the ordering key. A run of no conversation orders by itself.
    fn key(event: &RecordedEvent) -> Result<Option<ConversationId>, FoldError> {
        let said_by_run = event.stream.aggregate_type == Run::TYPE
            && SAID_BY_RUN.contains(&event.event_type.as_str())
            && event.ordering_key != event.stream.aggregate_id;
        if said_by_run {
            let id = Uuid::parse_str(&event.ordering_key).map_err(|_| FoldError::StreamId)?;
            return Ok(Some(ConversationId(id)));
        }
        stream_key(event, Conversation::TYPE)
    }

    fn apply(row: &mut Option<Fold>, event: &RecordedEvent) -> Result<(), FoldError> {
        if event.stream.aggregate_type == Run::TYPE {
            return match decoded::<RunEvent>(event)? {
                RunEvent::ReplyProduced(reply) => begun(row)?.replied(event, &reply),
                RunEvent::AnswerMasked { turn_id, .. } => {
                    begun(row)?.masked.push(turn_id);
                    Ok(())
                }
                RunEvent::Started(_)
                | RunEvent::Recorded(_)
                | RunEvent::EventPublished(_)
                | RunEvent::Suspended(_)
                | RunEvent::Ended { .. } => Ok(()),
            };
        }
        match decoded::<ConversationEvent>(event)? {
            ConversationEvent::Started {
                session_id,
                bot_id,
                user_id,
                started_at,
                ..
            } => {
                let id = Self::key(event)?.ok_or(FoldError::StreamId)?;
                let row_of = ConversationRow {
                    id,
                    organisation_id: OrganisationId(event.tenant),
                    session_id,
                    bot_id,
                    user_id,
                    state: ConversationState::Open,
                    end: None,
                    started_at,
                    active_at: started_at,
                    ended_at: None,
                    turn_count: 0,
                    reply_count: 0,
                    control: Control::Bot,
                    control_since: started_at,
                    attendant: None,
                    reason: None,
                    department: None,
                    priority: Priority::Normal,
                    tags: Vec::new(),
                };
                *row = Some(Fold::of(row_of));
                Ok(())
            }
            ConversationEvent::TurnReceived(turn) => begun(row)?.received(event, &turn),
            ConversationEvent::ReplyProduced(reply) => begun(row)?.replied(event, &reply),
            ConversationEvent::ReplyRated { reply_id, rating, .. } => {
                begun(row)?.rated.push((reply_id, rating));
                Ok(())
            }
            ConversationEvent::TurnLeftToHuman { .. } => Ok(()),
            ConversationEvent::ControlChanged(change) => begun(row)?.row.controlled(event, change),
            ConversationEvent::PrioritySet { priority, .. } => {
                begun(row)?.row.priority = priority;
                Ok(())
            }
            ConversationEvent::Tagged { tag, .. } => {
                let tags = &mut begun(row)?.row.tags;
                if let Err(place) = tags.binary_search(&tag) {
                    tags.insert(place, tag);
                }
                Ok(())
            }
            ConversationEvent::Noted(note) => begun(row)?.noted(event, &note),
            ConversationEvent::Ended { reason, .. } => {
                let row = &mut begun(row)?.row;
                row.state = ConversationState::Ended;
                row.end = Some(reason);
                row.ended_at = Some(event.recorded_at);
                Ok(())
            }
        }
    }

    async fn load(connection: &mut PgConnection, keys: &[ConversationId]) -> Result<Rows<Self>, sqlx::Error> {
        store::load(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        store::store_conversations(connection, rows).await?;
        store::store_turns(connection, rows).await?;
        store::store_notes(connection, rows).await?;
        store::mask_turns(connection, rows).await?;
        store::rate_turns(connection, rows).await
    }
}

fn begun(row: &mut Option<Fold>) -> Result<&mut Fold, FoldError> {
    row.as_mut().ok_or(FoldError::Unbegun)
}

impl ConversationRow {
    fn controlled(&mut self, event: &RecordedEvent, change: ControlChange) -> Result<(), FoldError> {
        for text in change.attendant.iter().chain(&change.reason) {
            sealed(event, text)?;
        }
        self.control = change.control;
        self.control_since = change.changed_at;
        self.attendant = change.attendant;
        self.reason = change.reason;
        self.department = change.department;
        self.priority = change.priority;
        Ok(())
    }
}

impl Fold {
    /// A row of which nothing was said since it was loaded.
    fn of(row: ConversationRow) -> Self {
        Self {
            row,
            turns: Vec::new(),
            notes: Vec::new(),
            masked: Vec::new(),
            rated: Vec::new(),
        }
    }

    fn noted(&mut self, event: &RecordedEvent, note: &Note) -> Result<(), FoldError> {
        self.notes.push(StoredNote {
            position: event.position.ok_or(FoldError::Unplaced)?,
            text: sealed(event, &note.text)?,
            at: note.noted_at,
        });
        Ok(())
    }

    fn received(&mut self, event: &RecordedEvent, turn: &Turn) -> Result<(), FoldError> {
        self.row.turn_count += 1;
        self.row.active_at = turn.received_at;
        self.turns.push(StoredTurn {
            position: event.position.ok_or(FoldError::Unplaced)?,
            session_id: turn.session_id,
            id: turn.turn_id.0,
            author: Author::Visitor,
            message_id: turn.message_id,
            in_reply_to: None,
            run_id: None,
            attendant: None,
            content: sealed(event, &turn.content)?,
            files: turn
                .files
                .as_ref()
                .map(|files| sealed(event, files))
                .transpose()?,
            at: turn.received_at,
        });
        Ok(())
    }

    fn replied(&mut self, event: &RecordedEvent, reply: &Reply) -> Result<(), FoldError> {
        let run_id = if event.stream.aggregate_type == Run::TYPE {
            stream_key(event, Run::TYPE)?
        } else {
            None
        };
        self.row.reply_count += 1;
        self.turns.push(StoredTurn {
            position: event.position.ok_or(FoldError::Unplaced)?,
            session_id: reply.session_id,
            id: reply.reply_id.0,
            author: Author::Bot,
            message_id: None,
            in_reply_to: reply.in_reply_to.map(|turn| turn.0),
            run_id,
            attendant: reply
                .attendant
                .as_ref()
                .map(|name| sealed(event, name))
                .transpose()?,
            content: sealed(event, &reply.content)?,
            files: None,
            at: reply.produced_at,
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
