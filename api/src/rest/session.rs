//! Commands of sessions, and the turns that a client of the API posts to one.

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use commands::{Context, NewTurn, RatedReply};
use domain::conversation::Rating;
use domain::{BotId, ConversationId, FileId, ReplyId, SessionId, TurnId, UserId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::answer::{answer, changed, created, text};
use crate::asked::{Asked, Id, Ids, Nothing, RequestBody};
use crate::{Edge, Problem};

/// The session to start.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    bot_id: BotId,
}

impl RequestBody for NewSession {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StartedSession {
    session_id: SessionId,
    user_id: UserId,
    bot_id: BotId,
    /// Proves the session to the web socket. Shown once: null when the command is a repetition.
    credential: Option<String>,
    /// For `waitFor`: a reader that has passed it sees the change.
    token: Option<String>,
}

/// A message of a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "properties": { "content": { "pattern": r"[^\s\u0085]" } } },
    { "properties": { "files": { "minItems": 1 } }, "required": ["files"] }
]))]
pub(crate) struct Turn {
    /// May be empty when files come with it.
    #[schemars(length(max = 16384), extend("pattern" = r"^[^\u0000]*$"))]
    content: String,
    /// Files that were uploaded to the session, in order; each goes with one message.
    #[serde(default)]
    #[schemars(length(max = 10), extend("uniqueItems" = true))]
    files: Vec<FileId>,
    /// The sender's own id of the message: sent again, it is not received again. Without it an `Idempotency-Key`
    /// does the same.
    message_id: Option<Uuid>,
}

impl RequestBody for Turn {}

/// What the person thinks of a reply.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRating {
    /// Null takes an earlier one back.
    rating: Option<Rating>,
}

impl RequestBody for NewRating {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReceivedTurn {
    turn_id: TurnId,
    conversation_id: ConversationId,
    /// For `waitFor`: a reader that has passed it sees the turn.
    token: String,
}

pub(crate) async fn start(
    State(edge): State<Edge>,
    Asked { context, body }: Asked<NewSession>,
) -> Result<Response, Problem> {
    let started = edge
        .commands
        .start_session(&context, body.bot_id, Utc::now())
        .await?;
    let body = StartedSession {
        session_id: started.session_id,
        user_id: started.user_id,
        bot_id: started.bot_id,
        credential: started.credential,
        token: text(started.done.token),
    };
    Ok(created(
        &format!("/api/v1/sessions/{}", started.session_id),
        &body,
        &started.done,
    ))
}

pub(crate) async fn end(
    State(edge): State<Edge>,
    Id(session): Id<SessionId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.end_session(&context, session).await?))
}

pub(crate) async fn receive_turn(
    State(edge): State<Edge>,
    Id(session): Id<SessionId>,
    Asked { context, body }: Asked<Turn>,
) -> Result<Response, Problem> {
    if !edge.sockets.may_speak(session).await {
        return Err(Problem::new("too_many_requests").retry_after(1));
    }
    // What a turn says is personal: the command makes its own id and keyed digest, from the message's id.
    let message_id = body.message_id.or(context.command.map(|command| command.id));
    let context = Context {
        command: None,
        ..context
    };
    let turn = NewTurn {
        content: body.content,
        invokes: None,
        files: body.files,
        message_id,
    };
    let received = edge
        .commands
        .post_turn(&context, session, turn, Utc::now())
        .await?;
    let body = ReceivedTurn {
        turn_id: received.turn_id,
        conversation_id: received.conversation_id,
        token: received.token.to_string(),
    };
    Ok(answer(
        StatusCode::ACCEPTED,
        &body,
        Some(received.token),
        received.repeated,
    ))
}

pub(crate) async fn rate_reply(
    State(edge): State<Edge>,
    Ids(session_id, reply_id): Ids<SessionId, ReplyId>,
    Asked { context, body }: Asked<NewRating>,
) -> Result<Response, Problem> {
    if !edge.sockets.may_speak(session_id).await {
        return Err(Problem::new("too_many_requests").retry_after(1));
    }
    let reads = edge.reader.tenant(context.tenant).await?;
    let found = reads.conversation_of_reply(session_id, reply_id).await?;
    drop(reads);
    let reply = RatedReply {
        session_id,
        conversation_id: found.ok_or_else(|| Problem::new("reply_not_found"))?,
        reply_id,
    };
    let done = edge
        .commands
        .rate_reply(&context, reply, body.rating, Utc::now())
        .await?;
    Ok(changed(&done))
}
