//! The one place where an error of a command, or of a reading on its way, becomes a problem.

use commands::{CommandError, RefusalKind};
use http::StatusCode;
use projections::ReadError;

use super::{CODES, FieldProblem, Problem};

/// Seconds after which a command that met others, or a database that was away, is worth another try.
const RETRY_AFTER_SECONDS: u64 = 1;
/// Seconds after which a storage that was full or away is worth another try.
const STORAGE_RETRY_AFTER_SECONDS: u64 = 10;

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        match error {
            CommandError::Denied(_) => Problem::new("forbidden").detail(detail),
            CommandError::Unauthenticated => Problem::new("unauthenticated"),
            CommandError::Refused { kind, code, message } => refused(kind, code).detail(message),
            CommandError::Invalid { field, message } => Problem::new("field_invalid")
                .detail(detail)
                .error(FieldProblem::at(format!("#/{field}"), message)),
            CommandError::Taken { kind } if kind == "bot_name" => Problem::new("bot_name_taken"),
            CommandError::Taken { kind } if kind == "login" => Problem::new("user_login_taken"),
            CommandError::Taken { .. } => Problem::new("taken").detail(detail),
            CommandError::Mismatch => Problem::new("idempotency_key_reused"),
            CommandError::Contended => Problem::new("contended").retry_after(RETRY_AFTER_SECONDS),
            CommandError::Overloaded => Problem::new("overloaded").retry_after(RETRY_AFTER_SECONDS),
            CommandError::Unavailable(cause) => Problem {
                cause: Some(std::sync::Arc::new(cause)),
                ..Problem::new("unavailable")
            }
            .retry_after(RETRY_AFTER_SECONDS),
            CommandError::StorageUnavailable(cause) => Problem {
                cause: Some(std::sync::Arc::from(cause)),
                ..Problem::new("storage_unavailable")
            }
            .retry_after(STORAGE_RETRY_AFTER_SECONDS),
            CommandError::Unexpected(cause) => Problem::unexpected(cause),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(cause) => Problem {
                cause: Some(std::sync::Arc::new(cause)),
                ..Problem::new("unavailable")
            }
            .retry_after(RETRY_AFTER_SECONDS),
            other => Problem::unexpected(other),
        }
    }
}

fn refused(kind: RefusalKind, code: &'static str) -> Problem {
    if CODES.iter().any(|known| known.name == code) {
        return Problem::new(code);
    }
    let (status, title) = match kind {
        RefusalKind::NotFound => (StatusCode::NOT_FOUND, "Not found"),
        RefusalKind::Conflict => (StatusCode::CONFLICT, "Conflict"),
        RefusalKind::Invalid => (StatusCode::UNPROCESSABLE_ENTITY, "Not valid"),
    };
    Problem::with(code, status, title)
}
