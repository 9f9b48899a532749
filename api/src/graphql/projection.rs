//! Projections: how far the read models are behind the log.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use commands::Position;
use domain::Permission;
use projections::{Failure, ProjectionStatus};

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::scalar::Long;

/// Read models that there are about, when the cost of a document is measured.
const PROJECTIONS: usize = 6;

/// The log, and the read models made from it.
#[derive(SimpleObject)]
pub(super) struct ReadModels {
    /// The last position of the log.
    head: Long,
    /// Where each read model stands.
    #[graphql(complexity = "1 + PROJECTIONS * child_complexity")]
    items: Vec<Projection>,
}

/// Where a read model stands.
#[derive(SimpleObject)]
pub(super) struct Projection {
    /// What it is called.
    name: &'static str,
    /// The last position of the log that is in it.
    position: Long,
    /// Events of the log that are not in it yet.
    lag_events: Long,
    /// When it last moved. Null when it never did.
    updated_at: Option<DateTime<Utc>>,
    /// What stopped it. Null while all is well.
    failure: Option<ProjectionFailure>,
}

/// What stopped a read model. It is tried again by itself.
#[derive(SimpleObject)]
pub(super) struct ProjectionFailure {
    /// What happened. Never quotes data.
    error: String,
    /// Position of the event that cannot be folded. Null when no event is to blame.
    position: Option<Long>,
    /// The event that cannot be folded. Null when no event is to blame.
    event_id: Option<ID>,
    /// How often it was tried.
    attempts: u32,
    /// When it was last tried.
    at: DateTime<Utc>,
}

impl ReadModels {
    pub fn new(head: Position, items: Vec<ProjectionStatus>) -> Self {
        Self {
            head: Long(head.0),
            items: items.into_iter().map(Projection::from).collect(),
        }
    }
}

impl From<ProjectionStatus> for Projection {
    fn from(status: ProjectionStatus) -> Self {
        Self {
            name: status.name,
            position: Long(status.position.0),
            lag_events: status.lag_events.into(),
            updated_at: status.updated_at,
            failure: status.failure.map(ProjectionFailure::from),
        }
    }
}

impl From<Failure> for ProjectionFailure {
    fn from(failure: Failure) -> Self {
        Self {
            error: failure.error,
            position: failure.position.map(|position| Long(position.0)),
            event_id: failure.event_id.map(|id| id.to_string().into()),
            attempts: failure.attempts,
            at: failure.at,
        }
    }
}

#[derive(Default)]
pub(super) struct ProjectionQuery;

#[Object]
impl ProjectionQuery {
    /// How far the read models are. Null when that cannot be read. Needs `projection.read`.
    #[graphql(guard = "Needs(Permission::ProjectionRead)")]
    async fn projections(
        &self,
        ctx: &Context<'_>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<ReadModels>, AskError> {
        let (head, items) = standings(Asking::of(ctx)).await?;
        Ok(Some(ReadModels::new(head, items)))
    }
}

/// The last position of the log, and where each read model stands.
pub(super) async fn standings(asking: &Asking) -> Result<(Position, Vec<ProjectionStatus>), AskError> {
    let reads = asking.reads().await?;
    let head = asking.head().await?;
    Ok((head, reads.standings(head).await?))
}
