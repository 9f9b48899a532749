//! Streams: how far what goes to Kafka is behind the log.

use async_graphql::{Context, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::Permission;
use projections::{ForkFound, RelayFailure, StreamStatus};

use super::asking::Asking;
use super::error::AskError;
use super::guard::Needs;
use super::scalar::Long;

/// Where a stream to Kafka stands.
#[derive(SimpleObject)]
pub(super) struct Stream {
    /// What its topics begin with.
    name: String,
    /// Everything up to this position of the log is in Kafka.
    position: Long,
    /// Events of the log that are not in Kafka yet.
    lag_events: Long,
    /// A process relays now.
    relaying: bool,
    /// When something was last relayed. Null when nothing ever was.
    relayed_at: Option<DateTime<Utc>>,
    /// What stopped it. Null while all is well.
    failure: Option<StreamFailure>,
    /// Where the log was put back to an older state than Kafka had. Newest first.
    forks: Vec<StreamFork>,
}

/// What stopped a stream. It is tried again by itself.
#[derive(SimpleObject)]
pub(super) struct StreamFailure {
    /// What happened. Never quotes data.
    error: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was last tried.
    at: DateTime<Utc>,
}

/// Kafka held what the log did not.
#[derive(SimpleObject)]
pub(super) struct StreamFork {
    /// The epoch of the log that began with it.
    epoch: i32,
    /// The last position that both had.
    position: Long,
    /// The last position that Kafka had. What lies between is void.
    abandoned: Long,
    /// When it was found.
    found_at: DateTime<Utc>,
}

impl From<StreamStatus> for Stream {
    fn from(status: StreamStatus) -> Self {
        Self {
            name: status.name,
            position: Long(status.position.0),
            lag_events: status.lag_events.into(),
            relaying: status.relaying,
            relayed_at: status.relayed_at,
            failure: status.failure.map(StreamFailure::from),
            forks: status.forks.into_iter().map(StreamFork::from).collect(),
        }
    }
}

impl From<RelayFailure> for StreamFailure {
    fn from(failure: RelayFailure) -> Self {
        Self {
            error: failure.error,
            attempts: failure.attempts,
            at: failure.at,
        }
    }
}

impl From<ForkFound> for StreamFork {
    fn from(fork: ForkFound) -> Self {
        Self {
            epoch: fork.epoch,
            position: Long(fork.position.0),
            abandoned: Long(fork.abandoned.0),
            found_at: fork.found_at,
        }
    }
}

#[derive(Default)]
pub(super) struct StreamQuery;

#[Object]
impl StreamQuery {
    /// How far the streams to Kafka are, each by its prefix; empty where there never was one. Null when that cannot be
    /// read. Needs `projection.read`.
    #[graphql(guard = "Needs(Permission::ProjectionRead)")]
    async fn streams(&self, ctx: &Context<'_>) -> Result<Option<Vec<Stream>>, AskError> {
        let asking = Asking::of(ctx);
        let reads = asking.reads().await?;
        let head = asking.head().await?;
        let streams = reads.streams(head).await?;
        Ok(Some(streams.into_iter().map(Stream::from).collect()))
    }
}
