//! What may be asked of a run from outside. What a run does by itself is recorded by the dialogue worker.

use chrono::{DateTime, Utc};
use domain::run::{Run, RunEvent, RunOutcome};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum RunCommand {
    Cancel { at: DateTime<Utc> },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    #[error("run not found")]
    NotFound,
}

impl Refusal for RunError {
    fn kind(&self) -> RefusalKind {
        RefusalKind::NotFound
    }

    fn code(&self) -> &'static str {
        "run_not_found"
    }
}

impl Decide for Run {
    type Command = RunCommand;
    type Error = RunError;

    fn decide(&self, command: RunCommand) -> Result<Vec<RunEvent>, RunError> {
        let RunCommand::Cancel { at } = command;
        match self {
            Run::Absent => Err(RunError::NotFound),
            Run::Started { start, .. } | Run::Waiting { start, .. } => Ok(vec![RunEvent::Ended {
                session_id: start.session_id,
                conversation_id: start.conversation_id,
                turn_id: None,
                outcome: RunOutcome::Cancelled,
                ended_at: at,
                returned: None,
            }]),
            Run::Ended => Ok(vec![]),
        }
    }
}
