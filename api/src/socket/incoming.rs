//! What a client says: its frames, read once and strictly.

use commands::{Choice, NewInvocation};
use domain::FileId;
use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

/// A frame that this server understands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ClientFrame {
    Auth(Auth),
    Message(Message),
    /// Understood and of no consequence: that somebody types, or what a client answers to a ping of its own making.
    Notice,
}

/// Who the client is and what it has seen.
#[derive(Clone, PartialEq, Deserialize)]
pub(super) struct Auth {
    /// The credential, `<uuid>.<secret>`.
    pub session_id: String,
    /// Position of the last frame seen; without it everything comes.
    #[serde(default)]
    pub resume_after: Option<i64>,
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Auth")
            .field("resume_after", &self.resume_after)
            .finish_non_exhaustive()
    }
}

/// Something to be said to the bot, chosen, or both.
#[derive(Clone, PartialEq)]
pub(super) struct Message {
    pub choice: Choice,
    pub said: Said,
    pub message_id: Option<Uuid>,
}

#[derive(Clone, PartialEq)]
pub(super) enum Said {
    Nothing,
    Words {
        content: String,
        files: Vec<FileId>,
        invokes: Option<NewInvocation>,
    },
}

/// Switches that a frame may name.
const SWITCHERS_MAX: usize = 100;
const MESSAGE: i64 = 1;
const SUGGESTION: i64 = 4;
const CONTEXT: i64 = 5;
const TOOL: i64 = 6;
const SWITCHER: i64 = 8;

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("message_id", &self.message_id)
            .finish_non_exhaustive()
    }
}

/// A frame that is not acted upon. `message_id` says which message it was, where that can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameError {
    pub code: &'static str,
    pub message: &'static str,
    pub message_id: Option<Uuid>,
}

impl FrameError {
    pub const BAD_FRAME: &'static str = "bad_frame";

    pub fn bad(message: &'static str) -> Self {
        Self {
            code: Self::BAD_FRAME,
            message,
            message_id: None,
        }
    }
}

/// The members of a message that are read. Others, such as ids of user and bot, are the server's to know.
#[derive(Deserialize)]
struct MessageFrame {
    #[serde(default)]
    content: Option<String>,
    /// As some clients call it.
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    message_type: Option<i64>,
    #[serde(default)]
    message_id: Option<String>,
    /// Ids of files that were uploaded to the session.
    #[serde(default)]
    files: Option<Vec<String>>,
    /// The context that is active from now on.
    #[serde(default)]
    context_name: Option<String>,
    /// Ids of the switches that are on from now on.
    #[serde(default)]
    active_switchers: Option<Vec<String>>,
    /// The tool that is called; the content names it where this does not.
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    params: Option<Map<String, Value>>,
}

/// Reads a text frame. Whether the message is good to be stored is decided here too, so that what is refused is
/// refused before anything else is asked.
pub(super) fn parse(text: &str, message_bytes_max: usize) -> Result<ClientFrame, FrameError> {
    let frame: Value =
        serde_json::from_str(text).map_err(|_| FrameError::bad("a frame is one JSON object"))?;
    if !frame.is_object() {
        return Err(FrameError::bad("a frame is one JSON object"));
    }
    match frame.get("type").map(|kind| kind.as_str().unwrap_or_default()) {
        Some("auth") => serde_json::from_value(frame)
            .map(ClientFrame::Auth)
            .map_err(|_| FrameError::bad("session_id is a text and resume_after a number")),
        Some("typing" | "status" | "ping" | "pong") => Ok(ClientFrame::Notice),
        None | Some("message" | "suggestion") => message(frame, message_bytes_max).map(ClientFrame::Message),
        Some(_) => Err(FrameError::bad("this type of frame is unknown")),
    }
}

fn message(frame: Value, message_bytes_max: usize) -> Result<Message, FrameError> {
    let frame: MessageFrame = serde_json::from_value(frame).map_err(|_| {
        FrameError::bad(
            "content, message_id, context_name and tool are texts, message_type is a number, files and \
             active_switchers are lists of texts, params are an object",
        )
    })?;
    let message_id = match frame.message_id.as_deref() {
        None | Some("") => None,
        Some(text) => Some(Uuid::try_parse(text).map_err(|_| FrameError {
            code: "message_id_invalid",
            message: "message_id is a UUID",
            message_id: None,
        })?),
    };
    let refused = |code, message| {
        Err(FrameError {
            code,
            message,
            message_id,
        })
    };
    let kind = frame.message_type.unwrap_or(MESSAGE);
    if ![MESSAGE, SUGGESTION, CONTEXT, TOOL, SWITCHER].contains(&kind) {
        return refused("message_type_unsupported", "message_type is 1, 4, 5, 6 or 8");
    }
    let content = frame.content.or(frame.text).unwrap_or_default();
    if frame
        .active_switchers
        .as_ref()
        .is_some_and(|switchers| switchers.len() > SWITCHERS_MAX)
    {
        return refused("switchers_invalid", "there are too many switches");
    }
    let mut choice = Choice {
        context: frame.context_name,
        switchers: frame.active_switchers,
        toggle: None,
    };
    // These say nothing to the bot.
    if kind == CONTEXT || kind == SWITCHER {
        match kind {
            CONTEXT => choice.context = choice.context.or(Some(content)),
            _ if choice.switchers.is_none() => choice.toggle = Some(content),
            _ => {}
        }
        let said = Said::Nothing;
        return Ok(Message {
            choice,
            said,
            message_id,
        });
    }
    let invokes = (kind == TOOL).then(|| NewInvocation {
        tool: frame.tool.unwrap_or_else(|| content.clone()),
        arguments: frame.params.unwrap_or_default(),
    });
    let files = frame.files.unwrap_or_default();
    let files: Result<Vec<FileId>, _> = files
        .iter()
        .map(|file| Uuid::try_parse(file).map(FileId))
        .collect();
    let Ok(files) = files else {
        return refused("files_invalid", "files are UUIDs");
    };
    if content.trim().is_empty() && files.is_empty() {
        return refused("content_empty", "there is nothing in the message");
    }
    if content.len() > message_bytes_max {
        return refused("content_too_long", "the message is too long");
    }
    if content.contains('\0') {
        return refused("content_invalid", "the message holds a NUL character");
    }
    Ok(Message {
        choice,
        said: Said::Words {
            content,
            files,
            invokes,
        },
        message_id,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(frame: &Value) -> Result<ClientFrame, FrameError> {
        parse(&frame.to_string(), 10)
    }

    fn content_of(frame: &Value) -> String {
        match parsed(frame) {
            Ok(ClientFrame::Message(Message {
                said: Said::Words { content, .. },
                ..
            })) => content,
            other => panic!("{frame} is no message: {other:?}"),
        }
    }

    fn code_of(frame: &Value) -> &'static str {
        parsed(frame).expect_err("is refused").code
    }

    #[test]
    fn a_message_is_read_in_each_of_its_forms() {
        for frame in [
            json!({ "content": "hello" }),
            json!({ "text": "hello" }),
            json!({ "type": "message", "content": "hello", "session_id": "x" }),
            json!({ "content": "hello", "message_type": 1, "timestamp": "now", "active_switchers": [] }),
            json!({ "content": "hello", "message_type": 4, "context_name": "sales" }),
            json!({ "content": "hello", "message_id": null, "user_id": "u", "bot_id": "b", "channel": "web" }),
        ] {
            assert_eq!(content_of(&frame), "hello", "{frame}");
        }
    }

    #[test]
    fn files_may_come_without_words() {
        let file = Uuid::from_u128(7);
        let Ok(ClientFrame::Message(message)) = parsed(&json!({ "content": "", "files": [file] })) else {
            panic!("is a message");
        };
        let Said::Words { files, .. } = message.said else {
            panic!("says something");
        };
        assert_eq!(files, [FileId(file)]);
    }

    fn message_of(frame: &Value) -> Message {
        match parsed(frame) {
            Ok(ClientFrame::Message(message)) => message,
            other => panic!("{frame} is no message: {other:?}"),
        }
    }

    #[test]
    fn what_is_chosen_is_read_with_and_without_words() {
        let said =
            message_of(&json!({ "content": "a", "context_name": "prices", "active_switchers": ["tables"] }));
        assert_eq!(said.choice.context.as_deref(), Some("prices"));
        assert_eq!(said.choice.switchers, Some(vec!["tables".to_owned()]));
        let context = message_of(&json!({ "content": "prices", "message_type": 5 }));
        assert!(context.said == Said::Nothing && context.choice.context.as_deref() == Some("prices"));
        let switcher = message_of(&json!({ "content": "tables", "message_type": 8 }));
        assert!(switcher.said == Said::Nothing && switcher.choice.toggle.as_deref() == Some("tables"));
    }

    #[test]
    fn a_tool_is_named_by_itself_or_by_the_content() {
        for frame in [
            json!({ "content": "book", "message_type": 6 }),
            json!({ "content": "Book it", "tool": "book", "message_type": 6 }),
        ] {
            let Said::Words {
                invokes: Some(called),
                ..
            } = message_of(&frame).said
            else {
                panic!("{frame} calls a tool");
            };
            assert_eq!(called.tool, "book");
        }
    }

    #[test]
    fn a_message_keeps_its_id() {
        let id = Uuid::from_u128(7);
        let Ok(ClientFrame::Message(message)) = parsed(&json!({ "content": "a", "message_id": id })) else {
            panic!("is a message");
        };
        assert_eq!(message.message_id, Some(id));
    }

    #[test]
    fn a_credential_is_read_and_never_shown() {
        let frame = parsed(&json!({ "type": "auth", "session_id": "secret", "resume_after": 12 }));
        let Ok(ClientFrame::Auth(auth)) = frame else {
            panic!("is a credential")
        };
        assert_eq!(
            (auth.session_id.as_str(), auth.resume_after),
            ("secret", Some(12))
        );
        assert!(!format!("{auth:?}").contains("secret"));
    }

    #[test]
    fn what_cannot_be_stored_is_refused_with_its_reason() {
        for (frame, code) in [
            (json!({}), "content_empty"),
            (json!({ "content": " \n\t" }), "content_empty"),
            (json!({ "content": "12345678901" }), "content_too_long"),
            (json!({ "content": "ab\u{0}c" }), "content_invalid"),
            (
                json!({ "content": "a", "message_id": "mine" }),
                "message_id_invalid",
            ),
            (
                json!({ "content": "a", "active_switchers": vec!["x"; 101] }),
                "switchers_invalid",
            ),
            (
                json!({ "content": "a", "message_type": 6, "params": [1] }),
                "bad_frame",
            ),
            (
                json!({ "content": "a", "message_type": 2 }),
                "message_type_unsupported",
            ),
            (json!({ "content": "a", "files": ["mine"] }), "files_invalid"),
            (json!({ "content": "", "files": [] }), "content_empty"),
            (json!({ "content": "a", "files": "mine" }), "bad_frame"),
            (json!({ "content": 7 }), "bad_frame"),
            (json!({ "type": 7 }), "bad_frame"),
            (json!({ "type": "subscribe" }), "bad_frame"),
            (json!({ "type": "auth" }), "bad_frame"),
            (json!(["content"]), "bad_frame"),
        ] {
            assert_eq!(code_of(&frame), code, "{frame}");
        }
        assert_eq!(parse("{", 10).expect_err("is no JSON").code, "bad_frame");
    }

    #[test]
    fn a_refusal_says_which_message_it_was() {
        let id = Uuid::from_u128(7);
        let refused = parsed(&json!({ "content": "", "message_id": id })).expect_err("is empty");
        assert_eq!(refused.message_id, Some(id));
    }
}
