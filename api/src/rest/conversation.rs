//! Commands of conversations.

use axum::extract::State;
use axum::response::Response;
use domain::ConversationId;

use crate::answer::changed;
use crate::asked::{Asked, Id, Nothing};
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
