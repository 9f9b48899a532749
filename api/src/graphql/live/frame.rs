//! Frames of graphql-transport-ws: JSON texts with a `type`.
//!
//! Source: the protocol text of the `graphql-ws` project, with the close codes of its reference implementation.

use async_graphql::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::outcome::{self, ExecutionResult};
use super::super::parameters::Parameters;
use super::super::refusal::Refusal;

/// Longest id of an operation, in bytes: clients number them or use UUIDs.
const ID_BYTES_MAX: usize = 128;

/// What a client says.
#[derive(Debug, PartialEq)]
pub(super) enum ClientFrame {
    ConnectionInit { payload: Map<String, Value> },
    Subscribe { id: String, asked: Parameters },
    Complete { id: String },
    Ping { payload: Option<Value> },
    Pong,
}

/// Why a frame is none of the protocol. The socket is closed with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadFrame {
    #[error("frames are JSON objects with a type")]
    NotAFrame,
    #[error("unknown type of frame")]
    Type,
    #[error("id is missing, empty or too long")]
    Id,
    #[error("payload is not an object")]
    Payload,
    #[error("{0}")]
    Request(Refusal),
}

impl ClientFrame {
    pub fn parse(text: &str) -> Result<Self, BadFrame> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
            return Err(BadFrame::NotAFrame);
        };
        let Some(Value::String(kind)) = members.remove("type") else {
            return Err(BadFrame::NotAFrame);
        };
        match kind.as_str() {
            "connection_init" => Ok(Self::ConnectionInit {
                payload: payload(&mut members)?.unwrap_or_default(),
            }),
            "subscribe" => Ok(Self::Subscribe {
                id: id(&mut members)?,
                asked: Parameters::from_members(payload(&mut members)?.ok_or(BadFrame::Payload)?)
                    .map_err(BadFrame::Request)?,
            }),
            "complete" => Ok(Self::Complete {
                id: id(&mut members)?,
            }),
            "ping" => Ok(Self::Ping {
                payload: payload(&mut members)?.map(Value::Object),
            }),
            "pong" => payload(&mut members).map(|_| Self::Pong),
            _ => Err(BadFrame::Type),
        }
    }
}

fn id(members: &mut Map<String, Value>) -> Result<String, BadFrame> {
    match members.remove("id") {
        Some(Value::String(id)) if (1..=ID_BYTES_MAX).contains(&id.len()) => Ok(id),
        _ => Err(BadFrame::Id),
    }
}

fn payload(members: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, BadFrame> {
    match members.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(BadFrame::Payload),
    }
}

pub(super) fn connection_ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

pub(super) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

pub(super) fn next(id: &str, response: &Response) -> String {
    #[derive(Serialize)]
    struct Next<'a> {
        #[serde(rename = "type")]
        kind: &'static str,
        id: &'a str,
        payload: ExecutionResult<'a>,
    }
    outcome::json_text(&Next {
        kind: "next",
        id,
        payload: response.into(),
    })
}

/// Nothing of the operation was executed, and nothing follows.
pub(super) fn error(id: &str, response: &Response) -> String {
    json!({ "type": "error", "id": id, "payload": outcome::errors(response) }).to_string()
}

pub(super) fn complete(id: &str) -> String {
    json!({ "type": "complete", "id": id }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &Result<ClientFrame, BadFrame>) {
        assert_eq!(&ClientFrame::parse(text), expected, "{text}");
    }

    #[test]
    fn the_protocols_frames_are_read() {
        check(
            r#"{"type":"connection_init"}"#,
            &Ok(ClientFrame::ConnectionInit { payload: Map::new() }),
        );
        check(
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":null}}"#,
            &Ok(ClientFrame::Subscribe {
                id: "1".to_owned(),
                asked: Parameters {
                    query: "{a}".to_owned(),
                    ..Parameters::default()
                },
            }),
        );
        check(
            r#"{"type":"complete","id":"1"}"#,
            &Ok(ClientFrame::Complete { id: "1".to_owned() }),
        );
        check(
            r#"{"type":"ping","payload":{"n":1}}"#,
            &Ok(ClientFrame::Ping {
                payload: Some(json!({ "n": 1 })),
            }),
        );
        check(r#"{"type":"pong"}"#, &Ok(ClientFrame::Pong));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "null", "[]", "{}", r#"{"type":1}"#, "{"] {
            check(text, &Err(BadFrame::NotAFrame));
        }
        check(r#"{"type":"start","id":"1"}"#, &Err(BadFrame::Type));
        check(r#"{"type":"complete"}"#, &Err(BadFrame::Id));
        check(r#"{"type":"complete","id":""}"#, &Err(BadFrame::Id));
        check(r#"{"type":"complete","id":1}"#, &Err(BadFrame::Id));
        check(
            &format!(r#"{{"type":"complete","id":"{}"}}"#, "x".repeat(129)),
            &Err(BadFrame::Id),
        );
        check(r#"{"type":"ping","payload":[]}"#, &Err(BadFrame::Payload));
        check(r#"{"type":"subscribe","id":"1"}"#, &Err(BadFrame::Payload));
        check(
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            &Err(BadFrame::Request(Refusal::Parameter("query"))),
        );
    }
}
