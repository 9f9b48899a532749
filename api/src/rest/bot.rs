//! Commands of bots.

use axum::extract::State;
use axum::response::Response;
use domain::BotId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{changed, created, text};
use crate::asked::{Asked, Id, Nothing, RequestBody};
use crate::{Edge, Problem};

/// The bot to create.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewBot {
    /// Stands in addresses: 1 to 64 characters of a-z, 0-9, - and _, beginning with a letter or digit.
    #[schemars(extend("pattern" = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"))]
    name: String,
}

impl RequestBody for NewBot {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CreatedBot {
    bot_id: BotId,
    /// In lower case, as it stands in addresses.
    name: String,
    /// For `waitFor`: a reader that has passed it sees the change.
    token: Option<String>,
}

pub(crate) async fn create(
    State(edge): State<Edge>,
    Asked { context, body }: Asked<NewBot>,
) -> Result<Response, Problem> {
    let made = edge.commands.create_bot(&context, &body.name).await?;
    let body = CreatedBot {
        bot_id: made.bot_id,
        name: made.name,
        token: text(made.done.token),
    };
    Ok(created(
        &format!("/api/v1/bots/{}", made.bot_id),
        &body,
        &made.done,
    ))
}

pub(crate) async fn pause(
    State(edge): State<Edge>,
    Id(bot): Id<BotId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.pause_bot(&context, bot).await?))
}

pub(crate) async fn resume(
    State(edge): State<Edge>,
    Id(bot): Id<BotId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.resume_bot(&context, bot).await?))
}

pub(crate) async fn retire(
    State(edge): State<Edge>,
    Id(bot): Id<BotId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.retire_bot(&context, bot).await?))
}
