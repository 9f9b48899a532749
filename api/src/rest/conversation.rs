//! Commands of conversations.

use axum::extract::State;
use axum::response::Response;
use chrono::Utc;
use domain::conversation::{Control, Priority};
use domain::{ConversationId, ReplyId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{answer, changed, text};
use crate::asked::{Asked, Id, Nothing, RequestBody};
use crate::{Edge, Problem};

pub(crate) async fn end(
    State(edge): State<Edge>,
    Id(conversation): Id<ConversationId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(
        &edge.commands.end_conversation(&context, conversation).await?,
    ))
}

/// Who shall answer in a conversation.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewControl {
    control: Control,
    /// Who answers, or shall, as the person is told.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    attendant: Option<String>,
    /// Why; the person does not see it.
    #[serde(default)]
    #[schemars(length(max = 2000))]
    reason: Option<String>,
    /// Letters, digits, spaces and `- _ . &`. Kept as it was without one.
    #[serde(default)]
    #[schemars(length(min = 1, max = 40))]
    department: Option<String>,
    /// Kept as it was without one.
    #[serde(default)]
    priority: Option<Priority>,
}

impl RequestBody for NewControl {}

/// What a person says in the bot's place.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReply {
    /// Markdown.
    #[schemars(length(min = 1, max = 16384), extend("pattern" = r"^[^\u0000]*[^\s\u0085\u0000][^\u0000]*$"))]
    content: String,
    /// The name that the person is told. Without one it is whoever the conversation was given to.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    attendant: Option<String>,
}

impl RequestBody for NewReply {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct GivenReply {
    reply_id: ReplyId,
    /// For `waitFor`: a reader that has passed it sees the reply.
    token: Option<String>,
}

pub(crate) async fn control(
    State(edge): State<Edge>,
    Id(conversation): Id<ConversationId>,
    Asked { context, body }: Asked<NewControl>,
) -> Result<Response, Problem> {
    let to = commands::NewControl {
        control: body.control,
        attendant: body.attendant,
        reason: body.reason,
        department: body.department,
        priority: body.priority,
    };
    let done = edge
        .commands
        .control_conversation(&context, conversation, to, Utc::now())
        .await?;
    Ok(changed(&done))
}

pub(crate) async fn reply(
    State(edge): State<Edge>,
    Id(conversation): Id<ConversationId>,
    Asked { context, body }: Asked<NewReply>,
) -> Result<Response, Problem> {
    let reply = commands::NewReply {
        content: body.content,
        attendant: body.attendant,
    };
    let given = edge
        .commands
        .reply(&context, conversation, reply, Utc::now())
        .await?;
    let body = GivenReply {
        reply_id: given.reply_id,
        token: text(given.done.token),
    };
    Ok(answer(
        StatusCode::CREATED,
        &body,
        given.done.token,
        given.done.repeated,
    ))
}
