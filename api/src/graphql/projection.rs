//! Projections: how far the read models are behind the log.

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use commands::Position;
use domain::Permission;
use projections::{Failure, ParkedFilter, ParkedRow, ProjectionStatus};

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::paging::{List, cost, counted, list, page};
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
    /// Events of the log that are not in it yet, but for those that are parked.
    lag_events: Long,
    /// Events of the organisation that wait because they, or one before them of the same ordering key, cannot be folded.
    parked_events: Long,
    /// Processes that make it now.
    leaders: u32,
    /// Its being made anew beside what is read. Null when it is not.
    building: Option<ProjectionBuilding>,
    /// When it last moved. Null when it never did.
    updated_at: Option<DateTime<Utc>>,
    /// What stopped it. Null while all is well.
    failure: Option<ProjectionFailure>,
}

/// A read model that is made anew. What is read stays as it is until then.
#[derive(SimpleObject)]
pub(super) struct ProjectionBuilding {
    /// How far it is.
    position: Long,
    /// Somebody works at it. If not, it goes on when it is begun again.
    active: bool,
}

/// What stopped a read model. It is tried again by itself.
#[derive(SimpleObject)]
pub(super) struct ProjectionFailure {
    /// What happened. Never quotes data.
    error: String,
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
            parked_events: status.parked_events.into(),
            leaders: status.leaders,
            building: status.building.map(|building| ProjectionBuilding {
                position: Long(building.position.0),
                active: building.active,
            }),
            updated_at: status.updated_at,
            failure: status.failure.map(ProjectionFailure::from),
        }
    }
}

impl From<Failure> for ProjectionFailure {
    fn from(failure: Failure) -> Self {
        Self {
            error: failure.error,
            attempts: failure.attempts,
            at: failure.at,
        }
    }
}

/// An event that a read model cannot take up, or that waits behind one. It is tried again by itself.
#[derive(SimpleObject)]
pub(super) struct ParkedEvent {
    /// Identifies it among the parked ones.
    id: ID,
    /// The read model's name.
    projection: String,
    /// Events of this key wait for one another.
    ordering_key: String,
    /// Where it stands in the log.
    position: Long,
    /// The event.
    event_id: ID,
    /// What kind of event it is.
    event_type: String,
    /// What hinders it, without data. Null of one that waits behind another of its key.
    error: Option<String>,
    /// How often it was tried.
    attempts: u32,
    /// When it was parked.
    parked_at: DateTime<Utc>,
    /// When it is tried again. Null of one that waits behind another.
    retry_at: Option<DateTime<Utc>>,
}

impl From<ParkedRow> for ParkedEvent {
    fn from(row: ParkedRow) -> Self {
        Self {
            id: row.id.to_string().into(),
            projection: row.projection,
            ordering_key: row.ordering_key,
            position: Long(row.position.0),
            event_id: row.event_id.to_string().into(),
            event_type: row.event_type,
            error: row.error,
            attempts: row.attempts,
            parked_at: row.parked_at,
            retry_at: row.retry_at,
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

    /// Events that cannot be taken up, and those that wait behind them, newest first. Null when they cannot be read.
    /// Needs `projection.read`.
    #[graphql(
        guard = "Needs(Permission::ProjectionRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn parked_events(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only those of this read model.")] projection: Option<String>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<ParkedEvent>>, AskError> {
        let filter = ParkedFilter { projection };
        let page = page(first, last, after, before)?;
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.parked_count(&filter).await?)
        } else {
            None
        };
        Ok(Some(list(reads.parked(&page, &filter).await?, total)))
    }
}

/// The last position of the log, and where each read model stands.
pub(super) async fn standings(asking: &Asking) -> Result<(Position, Vec<ProjectionStatus>), AskError> {
    let reads = asking.reads().await?;
    let head = asking.head().await?;
    let mut standings = reads.standings(head).await?;
    for status in &mut standings {
        // What a checkpoint says, events without rows follow a moment later; who waited for one has been told already.
        let known = asking.projections().position(status.name).unwrap_or_default();
        if known > status.position {
            status.position = known;
            status.lag_events = u64::try_from(head.0 - known.0).unwrap_or(0);
        }
    }
    Ok((head, standings))
}
