//! Where the stream stands, for whoever asks.

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::types::Json;

/// How far the stream is, as the database last heard.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStatus {
    /// Prefix of the topics.
    pub name: String,
    /// Everything up to here is in Kafka.
    pub position: Position,
    /// Events of the log that are not in Kafka yet.
    pub lag_events: u64,
    /// A process relays now.
    pub relaying: bool,
    /// When something was last relayed.
    pub relayed_at: Option<DateTime<Utc>>,
    /// What stopped it; None while all is well.
    pub failure: Option<RelayFailure>,
    /// Newest first.
    pub forks: Vec<ForkFound>,
}

/// Why nothing is relayed. It is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelayFailure {
    /// Never quotes data.
    pub error: String,
    pub attempts: u32,
    pub at: DateTime<Utc>,
}

/// Kafka held what the log did not, since the database had been put back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ForkFound {
    /// The epoch that began with it.
    pub epoch: i32,
    /// The last position that both had.
    pub position: Position,
    /// The last that Kafka had; what lies between is void.
    pub abandoned: Position,
    pub found_at: DateTime<Utc>,
}

/// Every stream that was ever relayed from this database, by prefix. `pool` may connect as any role.
pub async fn status(pool: &PgPool, head: Position) -> Result<Vec<StreamStatus>, sqlx::Error> {
    type Row = (
        String,
        i64,
        bool,
        Option<DateTime<Utc>>,
        Option<Json<RelayFailure>>,
    );
    let rows: Vec<Row> = sqlx::query_as(
        "select name, position, lease_owner is not null and lease_until > clock_timestamp(), relayed_at, failure
           from log.relays order by name",
    )
    .fetch_all(pool)
    .await?;
    let mut all = Vec::with_capacity(rows.len());
    for (name, position, relaying, relayed_at, failure) in rows {
        all.push(StreamStatus {
            position: Position(position),
            lag_events: (head.0 - position).max(0).unsigned_abs(),
            relaying,
            relayed_at,
            failure: failure.map(|Json(failure)| failure),
            forks: forks(pool, &name).await?,
            name,
        });
    }
    Ok(all)
}

/// Those of one stream, newest first.
pub(crate) async fn forks(pool: &PgPool, name: &str) -> Result<Vec<ForkFound>, sqlx::Error> {
    let rows: Vec<(i32, i64, i64, DateTime<Utc>)> = sqlx::query_as(
        "select epoch, position, abandoned, found_at from log.forks where name = $1 order by epoch desc",
    )
    .bind(name)
    .fetch_all(pool)
    .await?;
    let fork = |(epoch, position, abandoned, found_at)| ForkFound {
        epoch,
        position: Position(position),
        abandoned: Position(abandoned),
        found_at,
    };
    Ok(rows.into_iter().map(fork).collect())
}
