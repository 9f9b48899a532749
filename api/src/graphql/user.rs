//! Users: visitors, and people with an account.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{Permission, UserId};
use projections::user::{Account as RowAccount, UserFilter, UserKind as RowKind, UserRow};

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::loaders::find_by_text;
use super::paging::{List, cost, counted, list, page};

pub(super) struct User(UserRow);

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self(row)
    }
}

/// Whether somebody has an account.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowKind")]
pub(super) enum UserKind {
    /// Somebody who talks to bots without an account.
    Visitor,
    /// Somebody with an account.
    Member,
}

/// What somebody has who registered.
#[derive(SimpleObject)]
pub(super) struct Account {
    /// Unique in the organisation, in lower case. Null when it was erased.
    login: Option<String>,
    /// What the person is called. Null when it was erased.
    name: Option<String>,
    /// False while the account is switched off.
    active: bool,
    /// When the person registered.
    registered_at: DateTime<Utc>,
}

impl From<&RowAccount> for Account {
    fn from(account: &RowAccount) -> Self {
        Self {
            login: account.login.clear().cloned(),
            name: account.name.clear().cloned(),
            active: account.active,
            registered_at: account.registered_at,
        }
    }
}

/// Somebody who talks to bots, with an account or without.
#[Object]
impl User {
    /// Identifies the person.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whether the person has an account.
    async fn kind(&self) -> UserKind {
        self.0.kind().into()
    }

    /// The account. Null for a visitor.
    async fn account(&self) -> Option<Account> {
        self.0.account.as_ref().map(Account::from)
    }

    /// When the person first came.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    /// The person of this id. Null when there is none. Needs `user.read`.
    #[graphql(guard = "Needs(Permission::UserRead)")]
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which person.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<User>, AskError> {
        find_by_text::<UserId, User>(ctx, &id).await
    }

    /// People, those who came last first. Null when they cannot be read. Needs `user.read`.
    #[graphql(
        guard = "Needs(Permission::UserRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only visitors, or only people with an account.")] kind: Option<UserKind>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<User>>, AskError> {
        let filter = UserFilter {
            kind: kind.map(RowKind::from),
        };
        let page = page(first, last, after, before)?;
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.user_count(&filter).await?)
        } else {
            None
        };
        Ok(Some(list(reads.users(&page, &filter).await?, total)))
    }
}
