//! What an answer looks like over HTTP: its media type, its status and its body.
//!
//! The statuses are those of the public `graphql-http` audits:
//!
//! | what happened                          | `application/graphql-response+json` | `application/json` |
//! |----------------------------------------|-------------------------------------|--------------------|
//! | executed, with field errors or without | 200                                 | 200                |
//! | document or variables are not valid    | 400, no `data`                      | 200, no `data`     |
//! | no GraphQL request                     | [`Refusal::status`]                 | the same           |

use async_graphql::{Response as Executed, ServerError};
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::refusal::Refusal;

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    GraphqlResponse,
}

impl Media {
    /// What the client likes best of the two. Whoever does not say gets plain JSON.
    pub fn accepted(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut asked = false;
        let mut best: Option<(u16, Media)> = None;
        for line in headers.get_all(ACCEPT) {
            for range in line.to_str().map_err(|_| Refusal::NotAcceptable)?.split(',') {
                asked |= !range.trim().is_empty();
                if let Some((weight, media)) = offered(range)
                    && weight > 0
                    && best.is_none_or(|(heaviest, _)| weight > heaviest)
                {
                    best = Some((weight, media));
                }
            }
        }
        match best {
            Some((_, media)) => Ok(media),
            None if asked => Err(Refusal::NotAcceptable),
            None => Ok(Media::Json),
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Media::Json => "application/json; charset=utf-8",
            Media::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
        })
    }
}

/// Weight in thousandths and the media type that a range of `Accept` stands for here.
fn offered(range: &str) -> Option<(u16, Media)> {
    let mut parts = range.split(';').map(str::trim);
    let media = match parts.next()?.to_ascii_lowercase().as_str() {
        "application/graphql-response+json" => Media::GraphqlResponse,
        "application/json" | "application/*" | "*/*" => Media::Json,
        _ => return None,
    };
    let mut weight = 1000;
    for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
        match name.trim().to_ascii_lowercase().as_str() {
            "q" => weight = thousandths(value.trim())?,
            "charset" if !value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8") => return None,
            _ => {}
        }
    }
    Some((weight, media))
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The answer of an execution, or of a validation that failed.
pub(super) fn answer(media: Media, executed: &Executed) -> Response {
    let status = match media {
        Media::GraphqlResponse if is_request_error(executed) => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    written(status, media, &ExecutionResult::from(executed))
}

/// True where nothing was executed: an error of the request itself stands at no field.
pub(super) fn is_request_error(executed: &Executed) -> bool {
    executed.data == async_graphql::Value::Null
        && !executed.errors.is_empty()
        && executed.errors.iter().all(|error| error.path.is_empty())
}

/// An execution's result as it is written, its fields in their order. Where nothing was executed there is no `data`,
/// not even null.
#[derive(Serialize)]
pub(super) struct ExecutionResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a async_graphql::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<Value>,
}

impl<'a> From<&'a Executed> for ExecutionResult<'a> {
    fn from(executed: &'a Executed) -> Self {
        Self {
            data: (!is_request_error(executed)).then_some(&executed.data),
            errors: (!executed.errors.is_empty()).then(|| errors(executed)),
        }
    }
}

/// The errors of an execution, as JSON.
pub(super) fn errors(executed: &Executed) -> Value {
    executed.errors.iter().map(error_json).collect()
}

/// The answer to a request that GraphQL does not get to see.
pub(super) fn refused(media: Media, refusal: Refusal) -> Response {
    let body = json!({ "errors": [refusal_json(refusal)] });
    let mut response = written(refusal.status(), media, &body);
    if refusal == Refusal::NotAQuery {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

/// A refusal in the form of an error.
pub(super) fn refusal_json(refusal: Refusal) -> Value {
    json!({ "message": refusal.to_string(), "extensions": { "code": refusal.code() } })
}

/// A body or a frame as text.
pub(super) fn json_text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("bodies and frames have texts as keys")
}

fn error_json(error: &ServerError) -> Value {
    serde_json::to_value(error).unwrap_or_else(|_| json!({ "message": error.message }))
}

fn written(status: StatusCode, media: Media, body: &impl Serialize) -> Response {
    let headers = [
        (CONTENT_TYPE, media.content_type()),
        (VARY, HeaderValue::from_static("Accept, Authorization")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, json_text(body)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(lines: &[&'static str]) -> Result<Media, Refusal> {
        Media::accepted(
            &lines
                .iter()
                .map(|line| (ACCEPT, HeaderValue::from_static(line)))
                .collect(),
        )
    }

    #[test]
    fn the_heaviest_range_decides() {
        for (lines, media) in [
            (&[][..], Ok(Media::Json)),
            (&[""], Ok(Media::Json)),
            (&["*/*"], Ok(Media::Json)),
            (&["application/*;q=0.1"], Ok(Media::Json)),
            (&["application/json"], Ok(Media::Json)),
            (&["application/graphql-response+json"], Ok(Media::GraphqlResponse)),
            (
                &["Application/GraphQL-Response+JSON; charset=utf-8, application/json;q=0.9"],
                Ok(Media::GraphqlResponse),
            ),
            (
                &["application/graphql-response+json;q=0.5, application/json"],
                Ok(Media::Json),
            ),
            (
                &["application/graphql-response+json, application/json"],
                Ok(Media::GraphqlResponse),
            ),
            (
                &["application/json, application/graphql-response+json"],
                Ok(Media::Json),
            ),
            (
                &["text/html", "application/graphql-response+json"],
                Ok(Media::GraphqlResponse),
            ),
            (&["text/html"], Err(Refusal::NotAcceptable)),
            (&["application/json;q=0"], Err(Refusal::NotAcceptable)),
            (&["application/json;q=2"], Err(Refusal::NotAcceptable)),
            (&["application/json; charset=latin1"], Err(Refusal::NotAcceptable)),
        ] {
            assert_eq!(accepted(lines), media, "{lines:?}");
        }
    }

    #[test]
    fn an_error_of_the_request_has_no_data_and_its_status_depends_on_the_media_type() {
        for (media, status) in [(Media::Json, 200), (Media::GraphqlResponse, 400)] {
            let executed = Executed::from_errors(vec![ServerError::new("no", None)]);
            assert_eq!(answer(media, &executed).status(), status);
        }
    }

    #[test]
    fn an_error_at_a_field_is_no_error_of_the_request() {
        let mut error = ServerError::new("no", None);
        error.path = vec![async_graphql::PathSegment::Field("bots".to_owned())];
        let response = answer(Media::GraphqlResponse, &Executed::from_errors(vec![error]));
        assert_eq!(response.status(), 200);
    }
}
