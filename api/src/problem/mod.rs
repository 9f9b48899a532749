//! Problem documents (RFC 9457): the one form of every error.
//!
//! A handler returns a [`Problem`]; the outermost layer adds which request it was, logs an unexpected cause once,
//! and turns whatever else answered with an error into the same form.

mod code;
mod from_command;

use std::borrow::Cow;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub use code::{CODES, Code, error_table};

pub(crate) const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not done, for a program and for a person.
#[derive(Debug, Clone)]
pub struct Problem {
    code: &'static str,
    status: StatusCode,
    title: &'static str,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldProblem>,
    /// Boxed: a problem travels through many results.
    headers: Box<HeaderMap>,
    /// Logged by the outermost layer, never shown.
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FieldProblem {
    pub detail: String,
    /// JSON Pointer into the body, as a fragment: `#/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Where the text of the body stops being JSON; from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// A problem as it travels, `application/problem+json`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(crate) struct ProblemDocument<'a> {
    /// `urn:botserver:problem:` and the code.
    r#type: String,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    /// Stable name of the problem; docs/errors.md lists them.
    code: &'a str,
    /// The request, as `urn:uuid:` and its correlation id.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schemars(default)]
    errors: &'a [FieldProblem],
}

impl FieldProblem {
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            pointer: Some(pointer.into()),
            line: None,
            column: None,
        }
    }
}

impl Problem {
    /// A problem of the list in `code.rs`.
    pub fn new(code: &'static str) -> Self {
        match CODES.iter().find(|known| known.name == code) {
            Some(known) => Self::with(known.name, status(known.status), known.title),
            // A test keeps the list complete; a code that it misses still must not become a success.
            None => Self::with(code, StatusCode::INTERNAL_SERVER_ERROR, "Unexpected error"),
        }
    }

    /// The problem that says no more than a status does.
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status.as_u16() {
            401 => "unauthenticated",
            403 => "forbidden",
            404 => "not_found",
            405 => "method_not_allowed",
            408 => "request_timeout",
            413 => "body_too_large",
            414 => "address_too_long",
            415 => "media_type_unsupported",
            422 => "body_invalid",
            426 => "upgrade_required",
            429 => "too_many_requests",
            431 => "headers_too_large",
            503 => "unavailable",
            400..=499 => "request_malformed",
            _ => "unexpected",
        };
        Self {
            status,
            ..Self::new(code)
        }
    }

    /// Something that no caller can do anything about. The cause goes into the log only.
    pub fn unexpected(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            cause: Some(Arc::from(cause.into())),
            ..Self::new("unexpected")
        }
    }

    pub(crate) fn with(code: &'static str, status: StatusCode, title: &'static str) -> Self {
        let mut headers = Box::new(HeaderMap::new());
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        Self {
            code,
            status,
            title,
            detail: None,
            errors: Vec::new(),
            headers,
            cause: None,
        }
    }

    pub fn detail(self, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            detail: Some(detail.into()),
            ..self
        }
    }

    pub fn error(mut self, error: FieldProblem) -> Self {
        self.errors.push(error);
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.header(RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What a person reads.
    pub fn message(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.title)
    }

    /// Writes the unexpected cause into the log, once, under the id that the caller is told.
    pub(crate) fn log(&self, correlation_id: Uuid) {
        if let Some(cause) = &self.cause {
            let mut chain = cause.to_string();
            let mut source = cause.source();
            while let Some(error) = source {
                chain = format!("{chain}: {error}");
                source = error.source();
            }
            tracing::error!(correlation.id = %correlation_id, problem = self.code, error = chain, "request failed");
        }
    }

    /// The answer that says which request it belongs to.
    pub(crate) fn into_response_for(self, correlation_id: Option<Uuid>) -> Response {
        let document = ProblemDocument {
            r#type: format!("urn:botserver:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: self.detail.as_deref(),
            code: self.code,
            instance: correlation_id.map(|id| format!("urn:uuid:{id}")),
            errors: &self.errors,
        };
        let body = serde_json::to_vec(&document).expect("a problem document has only strings and numbers");
        let mut response = (self.status, HeaderMap::clone(&self.headers), body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        self.into_response_for(None)
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests;
