//! Organisations: the tenant that the token belongs to.

use async_graphql::{Context, ID, Object};
use chrono::{DateTime, Utc};
use domain::Permission;
use projections::organisation::OrganisationRow;

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::paging::{Stretch, cost, page, stretch};

/// A tenant. Everything else belongs to one.
pub(super) struct Organisation(OrganisationRow);

impl From<OrganisationRow> for Organisation {
    fn from(row: OrganisationRow) -> Self {
        Self(row)
    }
}

/// A tenant. Everything else belongs to one.
#[Object]
impl Organisation {
    /// Identifies the organisation.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// What the organisation is called.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }
}

#[derive(Default)]
pub(super) struct OrganisationQuery;

#[Object]
impl OrganisationQuery {
    /// The organisation that the token belongs to. Null until the read model shows it. Needs `organisation.read`.
    #[graphql(guard = "Needs(Permission::OrganisationRead)")]
    async fn organisation(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Organisation>, AskError> {
        let asking = Asking::of(ctx);
        Ok(asking
            .reads()
            .await?
            .organisation(asking.organisation_id())
            .await?
            .map(Organisation::from))
    }

    /// The organisations that the token may read: its own. Null when they cannot be read. Needs
    /// `organisation.read`.
    #[graphql(
        guard = "Needs(Permission::OrganisationRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    async fn organisations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Stretch<Organisation>>, AskError> {
        let page = page(first, last, after, before)?;
        Ok(Some(stretch(
            Asking::of(ctx).reads().await?.organisations(&page).await?,
        )))
    }
}
