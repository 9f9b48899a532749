//! What may be decided about a read model.

use domain::projection::{Projection, ProjectionEvent};
use uuid::Uuid;

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum ProjectionCommand {
    /// Passes an event over that cannot be folded.
    Skip {
        projection: String,
        position: i64,
        event_id: Uuid,
        event_type: String,
        reason: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionError {
    #[error("a reason has 1 to 500 characters")]
    Reason,
}

impl Refusal for ProjectionError {
    fn kind(&self) -> RefusalKind {
        RefusalKind::Invalid
    }

    fn code(&self) -> &'static str {
        "skip_reason_invalid"
    }
}

impl Decide for Projection {
    type Command = ProjectionCommand;
    type Error = ProjectionError;

    fn decide(&self, command: ProjectionCommand) -> Result<Vec<ProjectionEvent>, ProjectionError> {
        let ProjectionCommand::Skip {
            projection,
            position,
            event_id,
            event_type,
            reason,
        } = command;
        let reason = reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > 500 {
            return Err(ProjectionError::Reason);
        }
        Ok(vec![ProjectionEvent::EventSkipped {
            projection,
            position,
            event_id,
            event_type,
            reason,
        }])
    }
}
