//! What the server says: its frames, as JSON.
//!
//! A frame with a message has neither `type` nor `event`; only such frames move a client's position.

mod choices;

use chrono::{DateTime, SecondsFormat, Utc};
use commands::{CommandError, ReceivedTurn, SetUp, VisitorSession};
use domain::conversation::{Control, Rating, Reply, ReplyContent, Suggestion, SuggestionAction, Turn};
use domain::file::AttachedFile;
use domain::{Personal, ReplyId, TurnId};
use projections::conversation::{Said, TurnRow};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use self::choices::{SwitcherFrame, switchers};
pub(super) use self::choices::{change_theme, chosen, set_up};
use super::incoming::FrameError;

const VISITOR: u8 = 1;
const BOT: u8 = 2;

/// Who talks to whom: what every frame of a socket repeats.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Parties {
    bot_id: Uuid,
    user_id: Uuid,
    session_id: Uuid,
    channel: &'static str,
}

impl From<&VisitorSession> for Parties {
    fn from(visitor: &VisitorSession) -> Self {
        Self {
            bot_id: visitor.open.bot_id.0,
            user_id: visitor.open.user_id.0,
            session_id: visitor.session_id.0,
            channel: visitor.open.channel.as_str(),
        }
    }
}

/// A turn or a reply. `turn_id` is the turn itself, or the one that is answered.
#[derive(Serialize)]
struct MessageFrame<'a> {
    #[serde(flatten)]
    parties: &'a Parties,
    content: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    masked: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    files: &'a [AttachedFile],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    asks_secret: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<Rating>,
    /// The name of the person who says it in the bot's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    attendant: Option<&'a str>,
    message_type: u8,
    is_complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestions: Option<Vec<SuggestionFrame<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    switchers: Vec<SwitcherFrame<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context_name: Option<&'a str>,
    position: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_reply_to: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_id: Option<Uuid>,
    at: String,
}

#[derive(Serialize)]
struct SuggestionFrame<'a> {
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
    action: ActionFrame<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ActionFrame<'a> {
    SendMessage { message: &'a str },
    SelectContext { context: &'a str },
    InvokeTool { tool: &'a str },
}

impl<'a> From<&'a Suggestion> for SuggestionFrame<'a> {
    fn from(suggestion: &'a Suggestion) -> Self {
        let action = match &suggestion.action {
            SuggestionAction::SendMessage { message } => ActionFrame::SendMessage { message },
            SuggestionAction::SelectContext { context } => ActionFrame::SelectContext { context },
            SuggestionAction::InvokeTool { tool } => ActionFrame::InvokeTool { tool },
        };
        Self {
            text: &suggestion.text,
            context: suggestion.context.as_deref(),
            action,
        }
    }
}

/// The first frame of a socket that has shown a good credential.
pub(super) fn connected(parties: &Parties, bot_name: &str) -> String {
    json!({
        "type": "connected",
        "session_id": parties.session_id,
        "user_id": parties.user_id,
        "bot_id": parties.bot_id,
        "bot_name": bot_name,
        "message": "",
        "tools": [],
    })
    .to_string()
}

/// A frame of the history.
pub(super) fn of_row(parties: &Parties, row: &TurnRow, set_up: &SetUp) -> String {
    let position = row.position.0;
    match &row.said {
        Said::ByVisitor {
            turn_id,
            message_id,
            content,
            files,
        } => turn_frame(
            parties,
            position,
            *turn_id,
            *message_id,
            content.as_ref(),
            files.as_ref(),
            row.at,
        ),
        Said::ByBot {
            reply_id,
            in_reply_to,
            content,
            attendant,
            rating,
            ..
        } => reply_frame(
            parties,
            position,
            &ReplyParts {
                reply_id: *reply_id,
                in_reply_to: *in_reply_to,
                content,
                attendant: attendant.as_ref(),
                rating: *rating,
                at: row.at,
            },
            set_up,
        ),
    }
}

pub(super) fn turn(parties: &Parties, position: i64, turn: &Turn) -> String {
    turn_frame(
        parties,
        position,
        turn.turn_id,
        turn.message_id,
        Some(&turn.content),
        turn.files.as_ref(),
        turn.received_at,
    )
}

pub(super) fn reply(parties: &Parties, position: i64, reply: &Reply, set_up: &SetUp) -> String {
    reply_frame(
        parties,
        position,
        &ReplyParts {
            reply_id: reply.reply_id,
            in_reply_to: reply.in_reply_to,
            content: &reply.content,
            attendant: reply.attendant.as_ref(),
            rating: None,
            at: reply.produced_at,
        },
        set_up,
    )
}

/// The message is durable, under this id.
pub(super) fn received(message_id: Option<Uuid>, turn: &ReceivedTurn) -> String {
    let data = json!({ "message_id": message_id, "turn_id": turn.turn_id, "token": turn.token.to_string() });
    json!({ "event": "received", "data": data }).to_string()
}

/// Somebody works on an answer.
pub(super) fn typing(turn_id: TurnId) -> String {
    json!({ "event": "typing", "data": { "turn_id": turn_id } }).to_string()
}

/// Nothing more will be said to this turn.
pub(super) fn answered(turn_id: TurnId, position: i64) -> String {
    json!({ "event": "answered", "data": { "turn_id": turn_id }, "position": position }).to_string()
}

/// The turn is left to people: whoever answers does not name it.
pub(super) fn left_to_human(turn_id: TurnId, position: i64) -> String {
    json!({ "event": "left_to_human", "data": { "turn_id": turn_id }, "position": position }).to_string()
}

/// Who answers from now on, and their name where it is known.
pub(super) fn control(
    control: Control,
    attendant: Option<&Personal<String>>,
    since: DateTime<Utc>,
    position: Option<i64>,
) -> String {
    let data = json!({
        "control": control,
        "attendant": attendant.and_then(Personal::clear),
        "since": moment(since),
    });
    let mut frame = json!({ "event": "control", "data": data });
    if let Some(position) = position {
        frame["position"] = position.into();
    }
    frame.to_string()
}

/// What a turn says is a secret: it is shown no longer.
pub(super) fn masked(turn_id: TurnId, position: i64) -> String {
    json!({ "event": "masked", "data": { "turn_id": turn_id }, "position": position }).to_string()
}

/// The visitor says, perhaps elsewhere, what they think of a reply.
pub(super) fn rated(reply_id: ReplyId, rating: Option<Rating>, position: i64) -> String {
    json!({ "event": "rated", "data": { "reply_id": reply_id, "rating": rating }, "position": position })
        .to_string()
}

/// A frame that was not acted upon; the same again makes no difference.
pub(super) fn frame_error(error: &FrameError) -> String {
    error_event(error.code, error.message, error.message_id, false)
}

/// Too fast: the message is not stored and may be sent again.
pub(super) fn too_many_messages(message_id: Option<Uuid>) -> String {
    error_event(
        "too_many_messages",
        "too many messages within a minute",
        message_id,
        true,
    )
}

/// A message that could not be stored.
pub(super) fn command_error(error: &CommandError, message_id: Option<Uuid>) -> String {
    let (code, message) = match error {
        CommandError::Denied(_) => ("forbidden", error.to_string()),
        CommandError::Unauthenticated => ("unauthenticated", error.to_string()),
        CommandError::Refused { code, message, .. } => (*code, message.clone()),
        CommandError::Invalid { field: "files", .. } => ("files_invalid", error.to_string()),
        CommandError::Invalid {
            field: "context_name",
            ..
        } => ("context_invalid", error.to_string()),
        CommandError::Invalid {
            field: "arguments", ..
        } => ("tool_arguments_invalid", error.to_string()),
        CommandError::Invalid { .. } => ("content_invalid", error.to_string()),
        CommandError::Taken { .. } => ("taken", error.to_string()),
        CommandError::Mismatch => ("message_id_reused", error.to_string()),
        CommandError::Contended => ("contended", error.to_string()),
        CommandError::Overloaded => ("overloaded", "try again in a moment".to_owned()),
        CommandError::Unavailable(_) => ("unavailable", "try again in a moment".to_owned()),
        CommandError::StorageUnavailable(_) => ("storage_unavailable", "try again in a moment".to_owned()),
        CommandError::Unexpected(_) => ("unexpected", "something unexpected happened".to_owned()),
    };
    error_event(code, &message, message_id, error.retryable())
}

/// No answer within the time that a client can be expected to wait.
pub(super) fn timed_out(message_id: Option<Uuid>) -> String {
    error_event("unavailable", "try again in a moment", message_id, true)
}

fn error_event(code: &str, message: &str, message_id: Option<Uuid>, retryable: bool) -> String {
    let mut data = json!({ "code": code, "message": message, "retryable": retryable });
    if let Some(message_id) = message_id {
        data["message_id"] = Value::String(message_id.to_string());
    }
    json!({ "event": "error", "data": data }).to_string()
}

fn turn_frame(
    parties: &Parties,
    position: i64,
    turn_id: TurnId,
    message_id: Option<Uuid>,
    content: Option<&Personal<String>>,
    files: Option<&Personal<Vec<AttachedFile>>>,
    at: DateTime<Utc>,
) -> String {
    let clear = content.and_then(Personal::clear);
    let files = files.and_then(Personal::clear).map_or(&[][..], Vec::as_slice);
    written(&MessageFrame {
        parties,
        content: clear.map_or("", String::as_str),
        erased: content.is_some_and(|content| content.clear().is_none()),
        masked: content.is_none(),
        files,
        asks_secret: false,
        rating: None,
        attendant: None,
        message_type: VISITOR,
        is_complete: true,
        suggestions: None,
        switchers: Vec::new(),
        context_name: None,
        position,
        message_id,
        turn_id: Some(turn_id.0),
        in_reply_to: None,
        reply_id: None,
        at: moment(at),
    })
}

/// What a frame says of a reply, live or past.
struct ReplyParts<'a> {
    reply_id: ReplyId,
    in_reply_to: Option<TurnId>,
    content: &'a Personal<ReplyContent>,
    attendant: Option<&'a Personal<String>>,
    rating: Option<Rating>,
    at: DateTime<Utc>,
}

fn reply_frame(parties: &Parties, position: i64, reply: &ReplyParts<'_>, set_up: &SetUp) -> String {
    let clear = reply.content.clear();
    let suggestions = clear.map_or(&[][..], |content| &content.suggestions);
    written(&MessageFrame {
        parties,
        content: clear.map_or("", |content| content.text.as_str()),
        erased: clear.is_none(),
        masked: false,
        files: clear.map_or(&[][..], |content| &content.files),
        asks_secret: clear.is_some_and(|content| content.asks_secret),
        rating: reply.rating,
        attendant: reply.attendant.and_then(Personal::clear).map(String::as_str),
        message_type: BOT,
        is_complete: true,
        suggestions: Some(suggestions.iter().map(SuggestionFrame::from).collect()),
        switchers: switchers(set_up),
        context_name: set_up.context.as_deref(),
        position,
        message_id: None,
        turn_id: reply.in_reply_to.map(|turn| turn.0),
        in_reply_to: reply.in_reply_to.map(|turn| turn.0),
        reply_id: Some(reply.reply_id.0),
        at: moment(reply.at),
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn written(frame: &MessageFrame<'_>) -> String {
    serde_json::to_string(frame).expect("a frame has only texts and numbers")
}

#[cfg(test)]
mod tests;
