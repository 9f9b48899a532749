//! Commands of API tokens.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::{Permission, TokenId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{changed, created, text};
use crate::asked::{Asked, Id, Nothing, RequestBody};
use crate::{Edge, Problem};

/// The token to issue.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for; 1 to 200 characters.
    #[schemars(length(min = 1, max = 200), extend("pattern" = r"[^\s\u0085]"))]
    name: String,
    /// At least one, and none that the caller does not have.
    #[schemars(with = "Vec<Permission>", length(min = 1))]
    permissions: BTreeSet<Permission>,
    /// Without it the token lives until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

impl RequestBody for NewToken {}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct IssuedToken {
    token_id: TokenId,
    /// What to send as `Authorization: Bearer`. Shown once: null when the command is a repetition.
    credential: Option<String>,
    /// For `waitFor`: a reader that has passed it sees the change.
    token: Option<String>,
}

pub(crate) async fn issue(
    State(edge): State<Edge>,
    Asked { context, body }: Asked<NewToken>,
) -> Result<Response, Problem> {
    let NewToken {
        name,
        permissions,
        expires_at,
    } = body;
    let new = commands::NewToken {
        name,
        permissions,
        expires_at,
    };
    let issued = edge.commands.issue_token(&context, new, Utc::now()).await?;
    let body = IssuedToken {
        token_id: issued.token_id,
        credential: issued.text,
        token: text(issued.done.token),
    };
    Ok(created(
        &format!("/api/v1/tokens/{}", issued.token_id),
        &body,
        &issued.done,
    ))
}

pub(crate) async fn revoke(
    State(edge): State<Edge>,
    Id(token): Id<TokenId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.revoke_token(&context, token).await?))
}
