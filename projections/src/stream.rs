//! Where streams to Kafka stand, for whoever asks.

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::reader::{ReadError, Reads};

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

/// Every stream that was ever relayed from this database, by name; `head` is the last position of the log. Whoever asks
/// may be of any role.
pub async fn streams(
    connection: &mut PgConnection,
    head: Position,
) -> Result<Vec<StreamStatus>, sqlx::Error> {
    let rows = sqlx::query(
        "select name, position, relayed_at, failure,
                lease_owner is not null and lease_until > clock_timestamp() as relaying
           from log.relays order by name",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut streams = Vec::with_capacity(rows.len());
    for row in rows {
        let position: i64 = row.try_get("position")?;
        let failure: Option<Json<RelayFailure>> = row.try_get("failure")?;
        streams.push(StreamStatus {
            name: row.try_get("name")?,
            position: Position(position),
            lag_events: (head.0 - position).max(0).unsigned_abs(),
            relaying: row.try_get("relaying")?,
            relayed_at: row.try_get("relayed_at")?,
            failure: failure.map(|Json(failure)| failure),
            forks: Vec::new(),
        });
    }
    let forks =
        sqlx::query("select name, epoch, position, abandoned, found_at from log.forks order by epoch desc")
            .fetch_all(connection)
            .await?;
    for fork in forks {
        let name: String = fork.try_get("name")?;
        if let Some(stream) = streams.iter_mut().find(|stream| stream.name == name) {
            stream.forks.push(ForkFound {
                epoch: fork.try_get("epoch")?,
                position: Position(fork.try_get("position")?),
                abandoned: Position(fork.try_get("abandoned")?),
                found_at: fork.try_get("found_at")?,
            });
        }
    }
    Ok(streams)
}

impl Reads {
    /// Where the streams stand; `head` is the last position of the log.
    pub async fn streams(&self, head: Position) -> Result<Vec<StreamStatus>, ReadError> {
        Ok(streams(&mut *self.connection().await, head).await?)
    }
}
