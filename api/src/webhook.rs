//! Webhooks and forms: requests that a bot's script answers.
//!
//! The bots are those of the default organisation. What a script returns is sent as it is, but under a policy that keeps a
//! browser from running anything in it, and without headers that could loosen the server's own.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use commands::{ScriptAnswer, WebCall};
use http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::address::ClientAddress;
use crate::asked::unread;
use crate::layers::Authored;
use crate::visit::find_bot;
use crate::{Edge, Problem};

/// How long a caller waits for a script; after that it goes on alone.
const PATIENCE: Duration = Duration::from_secs(25);

/// Nothing that a script returns runs in a browser, or is shown within another page.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// Headers that a script may set, besides those that begin with `x-`.
const HEADERS: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-language",
    "content-type",
    "etag",
    "last-modified",
    "location",
    "retry-after",
];

/// Headers that begin with `x-` and are the server's.
const OWN_HEADERS: [&str; 3] = ["x-content-type-options", "x-frame-options", "x-request-id"];

/// By these a sender marks a repetition.
const IDS: [&str; 2] = ["webhook-id", "idempotency-key"];

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(crate) async fn webhook(
    State(edge): State<Edge>,
    address: ClientAddress,
    Path((bot, endpoint)): Path<(String, String)>,
    method: Method,
    query: Parameters,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    edge.gates.calls.pass(address.0).await?;
    let Query(parameters) = query.map_err(|_| Problem::new("query_invalid"))?;
    let (params, body) = (
        object(parameters),
        read(&headers, &body.map_err(|rejection| unread(&rejection))?)?,
    );
    // Other headers change when a sender tries again, such as a time and the signature over it.
    let proof = headers
        .get(AUTHORIZATION)
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let said = json!([method.as_str(), params, body, proof]);
    let variables = [
        ("params", params),
        ("body", body),
        ("headers", told(&headers)),
        ("method", json!(method.as_str())),
        ("path", json!(format!("/{endpoint}"))),
    ];
    let call = WebCall {
        is_form: false,
        name: endpoint,
        id: sender_id(&headers)?,
        said,
        variables: named(variables),
    };
    answer(&edge, &bot, call).await
}

pub(crate) async fn form(
    State(edge): State<Edge>,
    address: ClientAddress,
    Path((bot, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    edge.gates.calls.pass(address.0).await?;
    let body = read(&headers, &body.map_err(|rejection| unread(&rejection))?)?;
    // Its fields are variables of the script too; what the platform and the package set stays what it is.
    let mut variables = body.as_object().cloned().unwrap_or_default();
    let said = body.clone();
    variables.extend(named([
        ("params", body.clone()),
        ("fields", body.clone()),
        ("body", body),
        ("form", json!(name)),
    ]));
    let call = WebCall {
        is_form: true,
        name,
        id: sender_id(&headers)?,
        said,
        variables,
    };
    answer(&edge, &bot, call).await
}

fn named<const N: usize>(variables: [(&str, Value); N]) -> Map<String, Value> {
    variables
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

async fn answer(edge: &Edge, bot: &str, call: WebCall) -> Result<Response, Problem> {
    let (bot_id, _) = find_bot(edge, Some(bot)).await?;
    let tenant = edge.settings.default_organisation;
    let answered = edge
        .commands
        .ask_script(tenant, bot_id, call, PATIENCE, Utc::now())
        .await?;
    Ok(match answered {
        ScriptAnswer::Returned(value) => returned(value),
        ScriptAnswer::Failed { run } => {
            return Err(Problem::new("script_failed").detail(format!("run {run}")));
        }
        ScriptAnswer::Running { run } => {
            (StatusCode::ACCEPTED, Json(json!({ "run_id": run }))).into_response()
        }
    })
}

/// The sender's id of the request.
fn sender_id(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(id) = IDS.iter().find_map(|name| headers.get(*name)) else {
        return Ok(None);
    };
    match id.to_str() {
        Ok(id) if !id.is_empty() && id.len() <= 255 => Ok(Some(id.to_owned())),
        _ => Err(Problem::new("idempotency_key_invalid")),
    }
}

/// A body as the script sees it: JSON and forms as values, anything else as text.
fn read(headers: &HeaderMap, body: &Bytes) -> Result<Value, Problem> {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if kind == "application/json" || kind.ends_with("+json") {
        return serde_json::from_slice(body).map_err(|_| Problem::new("body_malformed"));
    }
    if kind == "application/x-www-form-urlencoded" {
        return Ok(object(form_urlencoded::parse(body).into_owned().collect()));
    }
    let text = std::str::from_utf8(body).map_err(|_| Problem::new("media_type_unsupported"))?;
    Ok(Value::from(text))
}

/// Fields by name; one that comes several times is a list.
fn object(fields: Vec<(String, String)>) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        match object.get_mut(&name) {
            None => {
                object.insert(name, Value::from(value));
            }
            Some(Value::Array(values)) => values.push(Value::from(value)),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(object)
}

/// Headers by name in lower case; cookies are between a browser and this server.
fn told(headers: &HeaderMap) -> Value {
    let known = headers.iter().filter(|(name, _)| *name != COOKIE);
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    object(
        known
            .map(|(name, value)| (name.as_str().to_owned(), text(value)))
            .collect(),
    )
}

/// What a script returned, as an answer: `{status, headers, body}` says what it is, anything else is the body.
fn returned(value: Value) -> Response {
    let described = |object: &Map<String, Value>| {
        let fields = ["status", "headers", "body"];
        !object.is_empty() && object.keys().all(|key| fields.contains(&key.as_str()))
    };
    let mut response = match value {
        Value::Object(mut object) if described(&object) => {
            let status = object.get("status").and_then(status).unwrap_or(StatusCode::OK);
            let mut response = content(object.remove("body").unwrap_or_default(), status);
            let set = object
                .get("headers")
                .and_then(Value::as_object)
                .into_iter()
                .flatten();
            for (name, value) in set {
                set_header(response.headers_mut(), name, value);
            }
            response
        }
        value => content(value, StatusCode::OK),
    };
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response.extensions_mut().insert(Authored);
    response
}

/// A final status; a number may have come as a text.
fn status(value: &Value) -> Option<StatusCode> {
    let number = value
        .as_u64()
        .or_else(|| value.as_f64().map(|number| number as u64));
    let number = number.or_else(|| value.as_str()?.trim().parse().ok())?;
    let status = StatusCode::from_u16(number.try_into().ok()?).ok()?;
    (200..=599).contains(&status.as_u16()).then_some(status)
}

fn content(body: Value, status: StatusCode) -> Response {
    match body {
        Value::Null if status == StatusCode::OK => StatusCode::NO_CONTENT.into_response(),
        Value::Null => status.into_response(),
        Value::String(text) => (status, text).into_response(),
        body => (status, Json(body)).into_response(),
    }
}

fn set_header(headers: &mut HeaderMap, name: &str, value: &Value) {
    let name = name.to_ascii_lowercase();
    let allowed =
        HEADERS.contains(&name.as_str()) || name.starts_with("x-") && !OWN_HEADERS.contains(&name.as_str());
    let value = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if allowed
        && let Ok(name) = HeaderName::try_from(name)
        && let Ok(value) = HeaderValue::try_from(value)
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_says_status_headers_and_body_or_only_the_body() {
        let plain = returned(json!({"ok": true}));
        assert_eq!(plain.status(), StatusCode::OK);
        assert_eq!(plain.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(returned(Value::Null).status(), StatusCode::NO_CONTENT);
        let said = returned(
            json!({"status": "404", "headers": {"X-Why": "gone", "Set-Cookie": "a=b", "Content-Security-Policy": "x"}, "body": "no"}),
        );
        assert_eq!(said.status(), StatusCode::NOT_FOUND);
        assert_eq!(said.headers()["x-why"], "gone");
        assert!(!said.headers().contains_key("set-cookie"));
        assert_eq!(said.headers()[CONTENT_SECURITY_POLICY], POLICY);
        // A status that is none is left out.
        assert_eq!(
            returned(json!({"status": 99, "body": 1})).status(),
            StatusCode::OK
        );
        assert_eq!(
            returned(json!({"status": 200, "total": 1})).status(),
            StatusCode::OK
        );
    }

    #[test]
    fn fields_that_come_several_times_are_a_list() {
        let fields = [("a", "1"), ("b", "2"), ("a", "3"), ("a", "4")];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(object(fields.into()), json!({"a": ["1", "3", "4"], "b": "2"}));
    }
}
