//! Runs as read: which script answers a conversation, what it waits for, and how it ended.

mod questions;
mod store;

use chrono::{DateTime, Utc};
use domain::run::{Run, RunEvent, RunOutcome, RunStart};
use domain::{Aggregate, BotId, ConversationId, OrganisationId, Personal, RunId, SessionId, UserId};
use event_log::{RecordedEvent, StreamTypes};
use sqlx::PgConnection;

pub use questions::RunFilter;

use crate::column::stored_word;
use crate::fold::{FoldError, Projection, Rows, decoded, sealed, stream_key};
use crate::listing;

/// The projection's name.
pub const NAME: &str = "run";
const TABLE: &str = "runs";

#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub id: RunId,
    pub organisation_id: OrganisationId,
    pub conversation_id: ConversationId,
    pub session_id: SessionId,
    pub bot_id: BotId,
    pub user_id: UserId,
    /// Name of the script within the package.
    pub script: String,
    /// Hash of the compiled program, hexadecimal.
    pub program: String,
    pub state: RunState,
    /// What the script waits for: `text`, `integer`, `date` …; None unless it waits.
    pub waits_for: Option<String>,
    /// How it ended; None until then.
    pub outcome: Option<Outcome>,
    /// Why it failed; None unless it did.
    pub failure: Option<RunFailure>,
    /// Machine steps up to the last wait.
    pub steps: u64,
    pub reply_count: u64,
    pub started_at: DateTime<Utc>,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// What broke, and where in the script.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFailure {
    pub code: String,
    /// May quote what people said: sealed in the table, opened for a reader.
    pub message: Personal<String>,
    pub line: u32,
    pub column: u32,
}

stored_word! {
    RunState {
        /// Between two waits, as far as the log knows.
        Running = "running",
        Waiting = "waiting",
        Ended = "ended",
    }
}

stored_word! {
    /// How a run ended.
    Outcome { Completed = "completed", Failed = "failed", Cancelled = "cancelled" }
}

pub(crate) struct Runs;

impl Projection for Runs {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(Run::TYPE)];
    const VERSION: i32 = 1;
    type Key = RunId;
    type Row = RunRow;

    fn key(event: &RecordedEvent) -> Result<Option<RunId>, FoldError> {
        stream_key(event, Run::TYPE)
    }

    fn apply(row: &mut Option<RunRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        let change = match decoded::<RunEvent>(event)? {
            RunEvent::Started(start) => {
                *row = Some(started(event, start)?);
                return Ok(());
            }
            other => other,
        };
        let row = row.as_mut().ok_or(FoldError::Unbegun)?;
        match change {
            RunEvent::Started(_)
            | RunEvent::AnswerMasked { .. }
            | RunEvent::Recorded(_)
            | RunEvent::EventPublished(_) => {}
            RunEvent::ReplyProduced(reply) => {
                row.reply_count += 1;
                row.updated_at = reply.produced_at;
            }
            RunEvent::Suspended(suspension) => {
                row.state = RunState::Waiting;
                row.waits_for = Some(suspension.waits_for);
                row.steps = row.steps.saturating_add(suspension.steps);
                row.updated_at = suspension.suspended_at;
            }
            RunEvent::Ended {
                outcome, ended_at, ..
            } => {
                row.state = RunState::Ended;
                row.waits_for = None;
                row.updated_at = ended_at;
                row.ended_at = Some(ended_at);
                (row.outcome, row.failure) = ended(event, outcome)?;
            }
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[RunId]) -> Result<Rows<Self>, sqlx::Error> {
        listing::load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        store::store(connection, rows).await
    }
}

fn started(event: &RecordedEvent, start: RunStart) -> Result<RunRow, FoldError> {
    Ok(RunRow {
        id: Runs::key(event)?.ok_or(FoldError::StreamId)?,
        organisation_id: OrganisationId(event.tenant),
        conversation_id: start.conversation_id,
        session_id: start.session_id,
        bot_id: start.bot_id,
        user_id: start.user_id,
        script: start.script,
        program: start.program,
        state: RunState::Running,
        waits_for: None,
        outcome: None,
        failure: None,
        steps: 0,
        reply_count: 0,
        started_at: start.started_at,
        updated_at: start.started_at,
        ended_at: None,
    })
}

fn ended(
    event: &RecordedEvent,
    outcome: RunOutcome,
) -> Result<(Option<Outcome>, Option<RunFailure>), FoldError> {
    Ok(match outcome {
        RunOutcome::Completed => (Some(Outcome::Completed), None),
        RunOutcome::Cancelled => (Some(Outcome::Cancelled), None),
        RunOutcome::Failed {
            code,
            message,
            line,
            column,
        } => {
            sealed(event, &message)?;
            (
                Some(Outcome::Failed),
                Some(RunFailure {
                    code,
                    message,
                    line,
                    column,
                }),
            )
        }
    })
}

#[cfg(test)]
mod tests;
