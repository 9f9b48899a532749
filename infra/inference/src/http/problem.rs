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

/// Why a request is not answered: what a program acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    InvalidJson,
    InvalidUtf8,
    MissingParameter,
    InvalidType,
    InvalidValue,
    EmptyInput,
    TooManyInputs,
    TooLong,
    UnknownToken,
    UnknownPrompt,
    WrongTask,
    MissingKey,
    InvalidKey,
    NotAdmin,
    OriginRefused,
    ModelNotFound,
    RouteNotFound,
    MethodNotAllowed,
    BodyTimeout,
    BodyTooLarge,
    MediaType,
    Busy,
    Internal,
    ModelUnavailable,
    NoMemory,
    Starting,
    Stopping,
    DeadlineExceeded,
}

use Code::{
    BodyTimeout, BodyTooLarge, Busy, DeadlineExceeded, EmptyInput, Internal, InvalidJson, InvalidKey,
    InvalidType, InvalidUtf8, InvalidValue, MediaType, MethodNotAllowed, MissingKey, MissingParameter,
    ModelNotFound, ModelUnavailable, NoMemory, NotAdmin, OriginRefused, RouteNotFound, Starting, Stopping,
    TooLong, TooManyInputs, UnknownPrompt, UnknownToken, WrongTask,
};

/// Every code: its status, its name on the wire, and what it means.
pub const CODES: &[(Code, u16, &str, &str)] = &[
    (
        InvalidJson,
        400,
        "invalid_json",
        "The body is no JSON object; the message names line and column.",
    ),
    (
        InvalidUtf8,
        400,
        "invalid_utf8",
        "The body is not UTF-8; the message names the byte.",
    ),
    (
        MissingParameter,
        400,
        "missing_required_parameter",
        "`param` is needed and absent.",
    ),
    (InvalidType, 400, "invalid_type", "`param` is of another type."),
    (
        InvalidValue,
        400,
        "invalid_value",
        "`param` is of the right type and out of what is taken.",
    ),
    (
        EmptyInput,
        400,
        "empty_input",
        "There is no text, or an empty one.",
    ),
    (
        TooManyInputs,
        400,
        "too_many_inputs",
        "More than 2,048 texts or documents.",
    ),
    (
        TooLong,
        400,
        "context_length_exceeded",
        "A text is longer than the model reads; the message names its tokens. `truncate: true` cuts it.",
    ),
    (
        UnknownToken,
        400,
        "unknown_token",
        "A token id is not of the model's vocabulary.",
    ),
    (
        UnknownPrompt,
        400,
        "unknown_prompt",
        "The model has no prompt of this name.",
    ),
    (
        WrongTask,
        400,
        "wrong_task",
        "A reranker was asked for vectors, or an embedding model for scores.",
    ),
    (
        MissingKey,
        401,
        "missing_api_key",
        "There is no `Authorization: Bearer …`.",
    ),
    (
        InvalidKey,
        401,
        "invalid_api_key",
        "The key is not one of the worker's.",
    ),
    (
        NotAdmin,
        403,
        "admin_required",
        "The key may not load and unload models.",
    ),
    (
        OriginRefused,
        403,
        "origin_refused",
        "A page of a browser asked a worker that has no keys.",
    ),
    (
        ModelNotFound,
        404,
        "model_not_found",
        "No model of this name is configured.",
    ),
    (
        RouteNotFound,
        404,
        "not_found",
        "There is nothing at this address.",
    ),
    (
        MethodNotAllowed,
        405,
        "method_not_allowed",
        "The address takes other methods; see `Allow`.",
    ),
    (
        BodyTimeout,
        408,
        "body_timeout",
        "The body came too slowly (`server.body_ms`).",
    ),
    (
        BodyTooLarge,
        413,
        "body_too_large",
        "The body is larger than `server.body_bytes_max`.",
    ),
    (
        MediaType,
        415,
        "unsupported_media_type",
        "The body is not `application/json`, or it is compressed.",
    ),
    (
        Busy,
        429,
        "rate_limit_exceeded",
        "Too much waits already; come back after `Retry-After`.",
    ),
    (
        Internal,
        500,
        "internal_error",
        "A mistake of the worker; its log says more under the request's id.",
    ),
    (
        ModelUnavailable,
        503,
        "model_unavailable",
        "The model is configured and cannot be loaded; the log says why.",
    ),
    (
        NoMemory,
        503,
        "out_of_memory",
        "There is not enough memory for the model or the request.",
    ),
    (
        Starting,
        503,
        "starting",
        "Models of the start are being loaded; come back after `Retry-After`.",
    ),
    (
        Stopping,
        503,
        "stopping",
        "The worker is stopping; ask another one.",
    ),
    (
        DeadlineExceeded,
        504,
        "deadline_exceeded",
        "It was not done in time (`server.request_ms`, `x-request-timeout-ms`).",
    ),
];

impl Code {
    fn facts(self) -> (StatusCode, &'static str) {
        let found = CODES.iter().find(|(code, ..)| *code == self);
        let found = found.and_then(|(_, status, name, _)| Some((StatusCode::from_u16(*status).ok()?, *name)));
        found.unwrap_or((StatusCode::INTERNAL_SERVER_ERROR, "internal_error"))
    }

    pub fn name(self) -> &'static str {
        self.facts().1
    }

    /// As OpenAI's clients expect it.
    fn kind(self) -> &'static str {
        match self.facts().0.as_u16() {
            403 => "permission_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        }
    }
}

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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_a_status_of_an_error() {
        let names: BTreeSet<&str> = CODES.iter().map(|(_, _, name, _)| *name).collect();
        assert_eq!(names.len(), CODES.len());
        assert!(
            CODES
                .iter()
                .all(|(_, status, ..)| (400..600).contains(status) && *status != 422)
        );
    }

    #[test]
    fn a_short_wait_is_a_whole_second_on_the_wire() {
        let busy = |millis| retry_after_seconds(Duration::from_millis(millis));
        assert_eq!([busy(0), busy(1), busy(1000), busy(1001)], [1, 1, 1, 2]);
    }
}
