//! What a command brings along: who asks, under which id, and a body that was read strictly.
//!
//! 1. The order of refusals: media type (415), size (413), time (408), JSON (400, with line and column), form (422,
//!    with the field), idempotency key (400).
//! 2. An `Idempotency-Key` names the command: its id is a UUIDv5 of organisation, actor and key. What the key
//!    stands for is the SHA-256 of method, path and the body in canonical form (members sorted, no white space).

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use commands::{Actor, Context};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::problem::FieldProblem;
use crate::{Edge, Problem};

/// Namespace of command ids that are made from idempotency keys.
const KEYS: Uuid = Uuid::from_u128(0x2f1b_6c0e_9d53_4f0a_8a47_d1c5_60e7_93b2);

const KEY_BYTES_MAX: usize = 255;

/// A command as it arrived.
pub(crate) struct Asked<T> {
    pub context: Context,
    pub body: T,
}

/// A body that a command reads.
pub(crate) trait RequestBody: DeserializeOwned {
    /// What a request without a body says, where that is allowed.
    fn absent() -> Option<Self> {
        None
    }
}

/// The body of commands that say everything in their address: none, or `{}`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl RequestBody for Nothing {
    fn absent() -> Option<Self> {
        Some(Nothing {})
    }
}

impl<T: RequestBody> FromRequest<Edge> for Asked<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Edge) -> Result<Self, Problem> {
        let context = request.extensions().get::<Context>().cloned();
        // The guard put it there; a route without a guard gets no command through.
        let context = context.ok_or_else(|| Problem::new("unauthenticated"))?;
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let headers = request.headers().clone();
        let arrived = tokio::time::timeout(
            edge.settings.limits.body_within,
            Bytes::from_request(request, edge),
        );
        let bytes = match arrived.await {
            Ok(bytes) => bytes.map_err(|rejection| unread(&rejection))?,
            Err(_) => return Err(Problem::new("request_timeout")),
        };
        let body = match T::absent() {
            Some(absent) if bytes.is_empty() => absent,
            _ => {
                require_json(&headers)?;
                read(&bytes)?
            }
        };
        let context = match idempotency_key(&headers)? {
            Some(key) => {
                let digest = digest(method.as_str(), &path, &bytes);
                context.with_command(command_id(&context, key), digest)
            }
            None => context,
        };
        Ok(Self { context, body })
    }
}

/// An id in the path, hyphenated. Anything else names nothing, so it is not found.
pub(crate) struct Id<T>(pub T);

impl<T: From<Uuid>, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| no_id())?;
        Ok(Self(id(&text)?))
    }
}

/// Two ids in the path.
pub(crate) struct Ids<A, B>(pub A, pub B);

impl<A: From<Uuid>, B: From<Uuid>, S: Send + Sync> FromRequestParts<S> for Ids<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path((first, second)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| no_id())?;
        Ok(Self(id(&first)?, id(&second)?))
    }
}

fn id<T: From<Uuid>>(text: &str) -> Result<T, Problem> {
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Ok(T::from(id)),
        _ => Err(no_id()),
    }
}

fn no_id() -> Problem {
    Problem::new("not_found").detail("an id is a hyphenated uuid")
}

/// Why a body could not be taken in.
pub(crate) fn unread(rejection: &BytesRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new("body_too_large"),
        _ => Problem::new("request_malformed").detail("the body broke off"),
    }
}

/// `application/json`, in UTF-8, not compressed.
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers
        .get(CONTENT_TYPE)
        .map(HeaderValue::to_str)
        .and_then(Result::ok)
        .unwrap_or_default();
    let mut parts = text.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .all(|(name, value)| {
            !name.eq_ignore_ascii_case("charset") || value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        });
    let plain = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if json && utf8 && plain {
        Ok(())
    } else {
        Err(Problem::new("media_type_unsupported"))
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let body: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        unreadable(bytes, &path, error.inner())
    })?;
    deserializer
        .end()
        .map_err(|error| unreadable(bytes, "", &error))?;
    Ok(body)
}

fn unreadable(bytes: &[u8], path: &str, error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    // serde_json ends its messages with the place, which stands in fields of its own here.
    let message = text.split(" at line ").next().unwrap_or_default().to_owned();
    let (line, column) = (Some(error.line()), Some(error.column()));
    // Where a name is wanted, serde_json calls an array a mistake of syntax.
    let is_json = || str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    if error.is_data() || is_json() {
        let pointer = pointer(path, &message);
        let field = FieldProblem {
            detail: message,
            pointer: Some(pointer),
            line: None,
            column: None,
        };
        return Problem::new("body_invalid").error(field);
    }
    Problem::new("body_malformed").error(FieldProblem {
        detail: message,
        pointer: None,
        line,
        column,
    })
}

/// A path like `permissions[0]` as a JSON Pointer. A missing field is named by the message only.
fn pointer(path: &str, message: &str) -> String {
    let mut pointer = String::from("#");
    for part in path
        .split(['.', '[', ']'])
        .filter(|part| !part.is_empty() && *part != "?")
    {
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
    }
    let named = |prefix| {
        message
            .strip_prefix(prefix)
            .and_then(|rest: &str| rest.split('`').next())
    };
    let field = named("missing field `")
        .or_else(|| named("unknown field `"))
        .or_else(|| named("duplicate field `"));
    match field {
        Some(field) if !pointer.ends_with(&format!("/{field}")) => format!("{pointer}/{field}"),
        _ => pointer,
    }
}

/// The context of a command that a request numbers by its `Idempotency-Key`, if it does. What the key stands for is
/// for the command to say.
pub(crate) fn numbered(context: Context, headers: &HeaderMap) -> Result<Context, Problem> {
    Ok(match idempotency_key(headers)? {
        Some(key) => context.with_command(command_id(&context, key), [0; 32]),
        None => context,
    })
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let bytes = value.as_bytes();
    let fits = second.is_none()
        && (1..=KEY_BYTES_MAX).contains(&bytes.len())
        && bytes.iter().all(u8::is_ascii_graphic);
    match value.to_str() {
        Ok(key) if fits => Ok(Some(key)),
        _ => Err(Problem::new("idempotency_key_invalid")),
    }
}

/// The same for a repetition by the same actor; nobody can use another's keys.
fn command_id(context: &Context, key: &str) -> Uuid {
    let actor = match &context.actor {
        Actor::Token { id, .. } => id.0,
        Actor::Visitor { user, .. } => user.0,
        Actor::System(_) => Uuid::nil(),
    };
    Uuid::new_v5(&KEYS, format!("{}/{actor}/{key}", context.tenant).as_bytes())
}

fn digest(method: &str, path: &str, body: &[u8]) -> [u8; 32] {
    // The body was read as JSON before, or is empty.
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut canonical = String::new();
    write_canonical(&body, &mut canonical);
    Sha256::digest(format!("{method} {path}\n{canonical}")).into()
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| name.as_str());
            text.push('{');
            for (name, value) in members {
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(elements) => {
            text.push('[');
            for element in elements {
                write_canonical(element, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests;
