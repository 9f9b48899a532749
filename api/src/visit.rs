//! What a chat page asks before it opens its socket: what the bot looks like, and who the visitor is.
//!
//! The bots are those of the default organisation. `session_id` is a credential: it stands in a query, so neither
//! the log nor the measures may hold queries.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use commands::{BotError, CommandError, Credential};
use domain::bot::Mounted;
use domain::{BotId, UserId};
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::address::ClientAddress;
use crate::rate::{RATE_LIMIT, RATE_LIMIT_POLICY};
use crate::{Edge, Problem};

#[derive(Deserialize)]
pub(crate) struct Visit {
    bot_name: Option<String>,
    session_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Which {
    bot_name: Option<String>,
}

/// Who a visitor is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Visitor {
    user_id: UserId,
    /// The credential of the session, `<uuid>.<secret>`; everywhere else only the uuid is used.
    session_id: String,
    bot_id: BotId,
    bot_name: String,
    status: VisitorStatus,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VisitorStatus {
    /// Without an account.
    Anonymous,
}

/// What a page shows of a bot.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BotConfiguration {
    bot_id: BotId,
    bot_name: String,
    title: String,
    description: String,
    theme: Theme,
}

/// CSS colours.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Theme {
    color1: Option<String>,
    color2: Option<String>,
}

/// Resumes the visitor's session, or lets a new visitor in.
pub(crate) async fn authenticate(
    State(edge): State<Edge>,
    ClientAddress(address): ClientAddress,
    query: Result<Query<Visit>, QueryRejection>,
) -> Result<Response, Problem> {
    let visits = &edge.gates.visits;
    let remaining = visits.pass(address).await?;
    let Query(visit) = query.map_err(|_| Problem::new("query_invalid"))?;
    let (bot_id, bot) = find_bot(&edge, visit.bot_name.as_deref()).await?;
    let resumed = match visit.session_id {
        Some(text) if !text.is_empty() => resume(&edge, bot_id, text).await?,
        _ => None,
    };
    let (user_id, session_id) = match resumed {
        Some(known) => known,
        None => admit(&edge, bot_id).await?,
    };
    let visitor = Visitor {
        user_id,
        session_id,
        bot_id,
        bot_name: bot.name,
        status: VisitorStatus::Anonymous,
    };
    let standing = [
        (RATE_LIMIT_POLICY, visits.policy()),
        (RATE_LIMIT, visits.standing(remaining, 60)),
    ];
    Ok((StatusCode::OK, standing, Json(visitor)).into_response())
}

/// What a page shows of a bot: its name, its words and its colours, and nothing else of its package.
pub(crate) async fn configuration(
    State(edge): State<Edge>,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Json<BotConfiguration>, Problem> {
    let Query(which) = query.map_err(|_| Problem::new("query_invalid"))?;
    let (bot_id, bot) = find_bot(&edge, which.bot_name.as_deref()).await?;
    let profile = bot.package.profile;
    let title = if profile.title.is_empty() {
        bot.name.clone()
    } else {
        profile.title
    };
    let theme = Theme {
        color1: profile.color1,
        color2: profile.color2,
    };
    Ok(Json(BotConfiguration {
        bot_id,
        bot_name: bot.name,
        title,
        description: profile.description,
        theme,
    }))
}

/// A bot of the default organisation by name; the default bot where none is named.
pub(crate) async fn find_bot(edge: &Edge, name: Option<&str>) -> Result<(BotId, Mounted), Problem> {
    let unknown = || Problem::from(CommandError::from(BotError::NotFound));
    let named = name.filter(|name| !name.is_empty());
    let name = named
        .or(edge.settings.default_bot.as_deref())
        .ok_or_else(unknown)?;
    let organisation = edge.settings.default_organisation;
    let bot_id = edge
        .commands
        .bot_named(organisation, name)
        .await?
        .ok_or_else(unknown)?;
    let bot = edge.commands.bot(organisation, bot_id).await?;
    Ok((bot_id, bot.mounted().cloned().ok_or_else(unknown)?))
}

/// None when the credential is not one of an open session of this bot: a page with an old one gets a new visitor.
async fn resume(edge: &Edge, bot: BotId, text: String) -> Result<Option<(UserId, String)>, Problem> {
    let Ok(credential) = text.parse::<Credential>() else {
        return Ok(None);
    };
    match edge
        .commands
        .authenticate_session(edge.settings.default_organisation, &credential)
        .await
    {
        Ok(known) if known.open.bot_id == bot => Ok(Some((known.open.user_id, text))),
        Ok(_) | Err(CommandError::Unauthenticated) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn admit(edge: &Edge, bot: BotId) -> Result<(UserId, String), Problem> {
    let organisation = edge.settings.default_organisation;
    let started = edge.commands.admit_visitor(organisation, bot, Utc::now()).await?;
    // Only a repetition has no credential, and letting a visitor in has no id to repeat.
    let credential = started
        .credential
        .ok_or_else(|| Problem::unexpected("a new visitor without a credential"))?;
    Ok((started.user_id, credential))
}
