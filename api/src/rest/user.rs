//! Commands of users: people with an account.

use axum::extract::State;
use axum::response::Response;
use commands::NewAccount;
use domain::UserId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::{changed, created, text};
use crate::asked::{Asked, Id, Nothing, RequestBody};
use crate::{Edge, Problem};

/// The account to give.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// 3 to 254 characters, none of them a space or a control character; unique in the organisation whatever its case.
    #[schemars(extend("pattern" = r"^[^\s\u0000-\u001f\u007f-\u009f]{3,254}$"))]
    login: String,
    /// What the person is called: 1 to 200 characters.
    #[schemars(length(min = 1, max = 200), extend("pattern" = r"[^\s\u0085]"))]
    name: String,
}

impl RequestBody for Account {}

impl From<Account> for NewAccount {
    fn from(account: Account) -> Self {
        Self {
            login: account.login,
            name: account.name,
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RegisteredUser {
    user_id: UserId,
    /// For `waitFor`: a reader that has passed it sees the change.
    token: Option<String>,
}

/// The new name of a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonName {
    /// 1 to 200 characters.
    #[schemars(length(min = 1, max = 200), extend("pattern" = r"[^\s\u0085]"))]
    name: String,
}

impl RequestBody for PersonName {}

pub(crate) async fn register(
    State(edge): State<Edge>,
    Asked { context, body }: Asked<Account>,
) -> Result<Response, Problem> {
    let registered = edge.commands.register_user(&context, body.into()).await?;
    let body = RegisteredUser {
        user_id: registered.user_id,
        token: text(registered.done.token),
    };
    let location = format!("/api/v1/users/{}", registered.user_id);
    Ok(created(&location, &body, &registered.done))
}

pub(crate) async fn register_visitor(
    State(edge): State<Edge>,
    Id(user): Id<UserId>,
    Asked { context, body }: Asked<Account>,
) -> Result<Response, Problem> {
    let registered = edge.commands.register_visitor(&context, user, body.into());
    Ok(changed(&registered.await?))
}

pub(crate) async fn rename(
    State(edge): State<Edge>,
    Id(user): Id<UserId>,
    Asked { context, body }: Asked<PersonName>,
) -> Result<Response, Problem> {
    Ok(changed(
        &edge.commands.rename_user(&context, user, body.name).await?,
    ))
}

pub(crate) async fn deactivate(
    State(edge): State<Edge>,
    Id(user): Id<UserId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.deactivate_user(&context, user).await?))
}

pub(crate) async fn reactivate(
    State(edge): State<Edge>,
    Id(user): Id<UserId>,
    Asked { context, .. }: Asked<Nothing>,
) -> Result<Response, Problem> {
    Ok(changed(&edge.commands.reactivate_user(&context, user).await?))
}
