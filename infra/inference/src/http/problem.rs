//! Errors as OpenAI's protocol has them: `{"error": {"message", "type", "param", "code"}}`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::engine::{ModelError, RunError};
use crate::model::TextError;

use super::code::Code;
use Code::{
    BodyTimeout, BodyTooLarge, Busy, DeadlineExceeded, EmptyInput, Internal, InvalidValue, ModelNotFound,
    ModelUnavailable, NoMemory, Stopping, TooLong, UnknownPrompt, UnknownToken,
};

/// A request that is not answered, as it is told.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    message: String,
    param: Option<String>,
    retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Wire<'a> {
    error: WireError<'a>,
}

#[derive(Serialize)]
struct WireError<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

impl Problem {
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem {
            code,
            message: message.into(),
            param: None,
            retry_after: None,
        }
    }

    /// A mistake of ours: the log says what, the client only that.
    pub fn internal(reason: impl Into<String>) -> Problem {
        tracing::error!(reason = reason.into(), "a request failed");
        Problem::new(
            Internal,
            "the worker made a mistake; its log says more under this request's id",
        )
    }

    #[must_use]
    pub fn of(mut self, param: impl Into<String>) -> Problem {
        self.param = Some(param.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after = Some(seconds);
        self
    }

    pub fn stopping() -> Problem {
        Problem::new(Stopping, "the worker is stopping").retry_after(1)
    }

    pub fn deadline() -> Problem {
        Problem::new(DeadlineExceeded, "the request was not done in time")
    }

    /// Of a text: the `index`th of `param`, where there may be several.
    pub fn of_text(error: &TextError, param: &str, index: Option<usize>) -> Problem {
        let code = match error {
            TextError::Empty => EmptyInput,
            TextError::TooLong { .. } | TextError::TooManyBytes { .. } => TooLong,
            TextError::UnknownToken { .. } => UnknownToken,
            TextError::UnknownPrompt { .. } => {
                return Problem::new(UnknownPrompt, error.to_string()).of("prompt_name");
            }
            TextError::Unreadable { .. } => InvalidValue,
        };
        let place = index.map_or_else(|| param.to_owned(), |index| format!("{param}[{index}]"));
        let advice = match code {
            TooLong => "; set truncate to cut it",
            _ => "",
        };
        Problem::new(code, format!("{place}: {error}{advice}")).of(param)
    }

    /// Why a folder cannot be loaded names paths, which are for the log and for those who may load models.
    pub fn of_model(error: &ModelError, admin: bool) -> Problem {
        match error {
            ModelError::Unknown { .. } => {
                let message = format!("{error}; GET /v1/models lists all");
                Problem::new(ModelNotFound, message).of("model")
            }
            ModelError::Folder { name, .. } => {
                tracing::warn!(error = %error, "a model cannot be loaded");
                let message = if admin {
                    error.to_string()
                } else {
                    format!("model \"{name}\" cannot be loaded; the worker's log says why")
                };
                Problem::new(ModelUnavailable, message).of("model")
            }
            ModelError::NoMemory { .. } => Problem::new(NoMemory, error.to_string())
                .of("model")
                .retry_after(5),
            ModelError::Stopping => Problem::stopping(),
        }
    }

    pub fn of_run(error: &RunError) -> Problem {
        match error {
            RunError::Busy { retry_after } => {
                let seconds = retry_after_seconds(*retry_after);
                Problem::new(Busy, error.to_string()).retry_after(seconds)
            }
            RunError::TooLate => Problem::deadline(),
            RunError::OutOfMemory => Problem::new(NoMemory, error.to_string()).retry_after(1),
            RunError::Stopping => Problem::stopping(),
            RunError::Failed { reason } => Problem::internal(reason),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.message)
    }
}

/// Whole seconds, at least one: the header knows no others.
fn retry_after_seconds(wait: Duration) -> u64 {
    (wait.as_millis().div_ceil(1000) as u64).clamp(1, 3600)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = self.code.facts();
        let wire = Wire {
            error: WireError {
                message: &self.message,
                r#type: self.code.kind(),
                param: self.param.as_deref(),
                code,
            },
        };
        let body = serde_json::to_vec(&wire).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // What follows in a body that was not read cannot be told from the next request.
        if [BodyTimeout, BodyTooLarge, Stopping].contains(&self.code) {
            headers.insert(http::header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_wait_is_a_whole_second_on_the_wire() {
        let busy = |millis| retry_after_seconds(Duration::from_millis(millis));
        assert_eq!([busy(0), busy(1), busy(1000), busy(1001)], [1, 1, 1, 2]);
    }
}
