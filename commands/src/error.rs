//! Why a command was not carried out, as every edge sees it.

use domain::Permission;
use event_log::EventLogError;

use crate::{Refusal, RefusalKind};

#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("the permission {0} is needed")]
    Denied(Permission),
    #[error("the credential is not valid")]
    Unauthenticated,
    /// The noun's own refusal.
    #[error("{message}")]
    Refused {
        kind: RefusalKind,
        code: &'static str,
        message: String,
    },
    #[error("{field}: {message}")]
    Invalid { field: &'static str, message: String },
    #[error("this {kind} is taken")]
    Taken { kind: String },
    #[error("this id was used before for a different command")]
    Mismatch,
    /// Others changed the same thing again and again; worth another try.
    #[error("too many changes at once")]
    Contended,
    /// More commands wait to be stored than this server takes in.
    #[error("the server is overloaded")]
    Overloaded,
    #[error("the event log is not available")]
    Unavailable(#[source] EventLogError),
    /// Where large values are kept cannot be reached, or is full.
    #[error("the storage is not available")]
    StorageUnavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("unexpected")]
    Unexpected(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl CommandError {
    pub(crate) fn unexpected(source: impl std::error::Error + Send + Sync + 'static) -> Self {
        CommandError::Unexpected(Box::new(source))
    }

    pub(crate) fn not_found(noun: &'static str, code: &'static str) -> Self {
        CommandError::Refused {
            kind: RefusalKind::NotFound,
            code,
            message: format!("{noun} not found"),
        }
    }

    /// True when the same call may succeed a moment later.
    pub fn retryable(&self) -> bool {
        matches!(
            self,
            CommandError::Contended
                | CommandError::Overloaded
                | CommandError::Unavailable(_)
                | CommandError::StorageUnavailable(_)
        )
    }
}

impl<R: Refusal> From<R> for CommandError {
    fn from(refusal: R) -> Self {
        CommandError::Refused {
            kind: refusal.kind(),
            code: refusal.code(),
            message: refusal.to_string(),
        }
    }
}

impl From<EventLogError> for CommandError {
    fn from(error: EventLogError) -> Self {
        match error {
            EventLogError::Unavailable(_) | EventLogError::Closed => CommandError::Unavailable(error),
            EventLogError::Overloaded => CommandError::Overloaded,
            other => CommandError::unexpected(other),
        }
    }
}
