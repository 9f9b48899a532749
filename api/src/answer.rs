//! How a command is answered: the body, and in headers what readers and repeaters look for.

use axum::Json;
use axum::response::{IntoResponse, Response};
use commands::{Done, ReadToken};
use http::header::LOCATION;
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;

/// Carries the read token, beside the body.
pub(crate) const READ_TOKEN: HeaderName = HeaderName::from_static("botserver-token");
/// `true` when the command had been carried out before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A command that has nothing to say but that it is done.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Changed {
    /// For `waitFor`: a reader that has passed it sees the change. Null when nothing had to change.
    pub token: Option<String>,
}

/// Answers a command that changed something.
pub(crate) fn changed(done: &Done) -> Response {
    answer(
        StatusCode::OK,
        &Changed {
            token: text(done.token),
        },
        done.token,
        done.repeated,
    )
}

/// Answers a command that made something, which `location` names.
pub(crate) fn created<T: Serialize>(location: &str, body: &T, done: &Done) -> Response {
    let mut response = answer(StatusCode::CREATED, body, done.token, done.repeated);
    let location = HeaderValue::try_from(location).expect("a path of ids is a header's value");
    response.headers_mut().insert(LOCATION, location);
    response
}

pub(crate) fn answer<T: Serialize>(
    status: StatusCode,
    body: &T,
    token: Option<ReadToken>,
    repeated: bool,
) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Some(token) = text(token) {
        headers.insert(
            READ_TOKEN,
            HeaderValue::try_from(token).expect("base64 is a header's value"),
        );
    }
    if repeated {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

pub(crate) fn text(token: Option<ReadToken>) -> Option<String> {
    token.map(|token| token.to_string())
}
