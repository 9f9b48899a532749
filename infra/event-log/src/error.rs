//! What can go wrong, told apart where a caller acts differently.

use std::sync::Arc;

use thiserror::Error;

use crate::KeyringError;

#[derive(Debug, Error)]
pub enum EventLogError {
    /// Nothing was stored; the same again may succeed.
    #[error("event log is unavailable")]
    Unavailable(#[source] Arc<sqlx::Error>),
    /// More commands wait already than this process takes in; nothing was stored.
    #[error("too many commands wait to be stored")]
    Overloaded,
    /// This process stores no more, it is about to end; nothing was stored.
    #[error("event log is closed")]
    Closed,
    /// The connection was lost while a command was being stored: it may or may not have been. One with an id was tried again
    /// for as long as is borne, and may be sent again.
    #[error("whether the command was stored is unknown")]
    Unknown(#[source] Arc<sqlx::Error>),
    /// A personal value could not be sealed or opened.
    #[error("personal values could not be sealed or opened")]
    Keyring(#[source] KeyringError),
    /// The command breaks a limit or a rule of the log; it will never be stored.
    #[error("command cannot be stored: {0}")]
    Invalid(String),
    /// What is stored contradicts itself.
    #[error("event log is corrupt: {0}")]
    Corrupt(String),
    /// The token was given out before the log moved to another cluster or timeline.
    #[error("token belongs to another epoch of the log")]
    ForeignEpoch,
    /// The database refused for a reason that only a mistake in this program explains.
    #[error("database refused the statement ({code}, {constraint})")]
    Refused {
        code: String,
        /// Name of the violated constraint, `-` where there is none.
        constraint: String,
        #[source]
        source: sqlx::Error,
    },
}

impl EventLogError {
    /// Whether the same call may succeed later without any change.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Overloaded | Self::Closed => true,
            Self::Keyring(error) => error.retryable(),
            _ => false,
        }
    }
}

impl From<KeyringError> for EventLogError {
    fn from(error: KeyringError) -> Self {
        match error {
            KeyringError::Altered { .. } | KeyringError::KeyAltered { .. } => {
                Self::Corrupt(error.to_string())
            }
            _ => Self::Keyring(error),
        }
    }
}

impl From<sqlx::Error> for EventLogError {
    fn from(error: sqlx::Error) -> Self {
        match Failure::of(&error) {
            Failure::Refused { code, constraint } => Self::Refused {
                code,
                constraint,
                source: error,
            },
            Failure::Decoding => Self::Corrupt(error.to_string()),
            Failure::Collision | Failure::Lost | Failure::Absent => Self::Unavailable(Arc::new(error)),
        }
    }
}

/// What a database error means for the statement that met it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Deadlock or serialization failure: rolled back, to be repeated.
    Collision,
    /// The connection went away underway: committed or not, nobody told.
    Lost,
    /// No connection could be had, or the server turned the statement away for now: certainly not committed.
    Absent,
    /// Stored columns are not of the expected type.
    Decoding,
    Refused {
        code: String,
        constraint: String,
    },
}

impl Failure {
    pub(crate) fn of(error: &sqlx::Error) -> Failure {
        match error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                match code.as_ref() {
                    "40001" | "40P01" => Failure::Collision,
                    // The server says these when it ends a session, possibly after the commit.
                    "57P01" | "57P02" | "08000" | "08003" | "08006" => Failure::Lost,
                    // Too many connections, starting up, statement or lock timeout, read-only standby, no resources.
                    "57P03" | "57014" | "55P03" | "25006" | "53000" | "53100" | "53200" | "53300"
                    | "53400" => Failure::Absent,
                    _ => Failure::Refused {
                        code: code.into_owned(),
                        constraint: database.constraint().unwrap_or("-").to_owned(),
                    },
                }
            }
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. } => Failure::Decoding,
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Failure::Absent,
            _ => Failure::Lost,
        }
    }
}
