//! Events as they are stored, for those who pass them on: texts unparsed, with the leaf that stands for them.

use chrono::{DateTime, Utc};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{EVENTS_MAX, Feed};
use crate::{EventLogError, Position, StreamId};

/// An event and its place, personal values sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    pub position: Position,
    pub event_id: Uuid,
    pub tenant: Uuid,
    pub stream: StreamId,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: String,
    /// JSON, byte for byte as stored: the leaf is made of it.
    pub payload: String,
    /// JSON, an object of strings.
    pub metadata: String,
    pub ordering_key: String,
    pub slice: u16,
    pub recorded_at: DateTime<Utc>,
    /// See [`crate::leaf`].
    pub leaf: [u8; 32],
}

impl Feed {
    /// The next events after a position as they are stored, in order: `limit` and 8 MiB at most.
    ///
    /// Fails as corrupt when a position is missing or its event is.
    pub async fn read_stored(&self, after: Position, limit: i64) -> Result<Vec<StoredEvent>, EventLogError> {
        let rows = self.page(after, limit.clamp(1, EVENTS_MAX)).await?;
        rows.iter().map(stored).collect()
    }

    /// The leaves of those of some positions that are placed.
    pub async fn leaves(&self, positions: &[Position]) -> Result<Vec<(Position, [u8; 32])>, EventLogError> {
        let positions: Vec<i64> = positions.iter().map(|position| position.0).collect();
        let rows: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("select position, leaf from log.positions where position = any ($1)")
                .bind(positions)
                .fetch_all(&self.pool)
                .await?;
        let leaf = |(position, leaf): (i64, Vec<u8>)| {
            let wrong =
                || EventLogError::Corrupt(format!("the leaf at position {position} has a wrong length"));
            Ok((Position(position), leaf.try_into().map_err(|_| wrong())?))
        };
        rows.into_iter().map(leaf).collect()
    }

    /// The last position of which everything up to it was recorded before a moment, give or take what was in flight.
    pub async fn position_before(&self, moment: DateTime<Utc>) -> Result<Position, EventLogError> {
        let (mut before, mut after) = (0, self.head().await?.0 + 1);
        // Recorded in about the order of positions: halving needs thirty looks for a billion events.
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            let recorded_at: Option<DateTime<Utc>> = sqlx::query_scalar(
                "select e.recorded_at from log.positions p
                   join log.events e on e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no
                  where p.position = $1",
            )
            .bind(middle)
            .fetch_optional(&self.pool)
            .await?;
            if recorded_at.is_some_and(|recorded_at| recorded_at < moment) {
                before = middle;
            } else {
                after = middle;
            }
        }
        Ok(Position(before))
    }
}

fn stored(row: &PgRow) -> Result<StoredEvent, EventLogError> {
    let event_id: Uuid = row.try_get("event_id")?;
    let leaf: Vec<u8> = row.try_get("leaf")?;
    let corrupt = |what: &str| EventLogError::Corrupt(format!("event {event_id} has a wrong {what}"));
    Ok(StoredEvent {
        position: Position(row.try_get("position")?),
        event_id,
        tenant: row.try_get("tenant_id")?,
        stream: StreamId {
            aggregate_type: row.try_get("aggregate_type")?,
            aggregate_id: row.try_get("aggregate_id")?,
        },
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        payload: row.try_get("payload")?,
        metadata: row.try_get("metadata")?,
        ordering_key: row.try_get("ordering_key")?,
        slice: u16::try_from(row.try_get::<i16, _>("slice")?).map_err(|_| corrupt("slice"))?,
        recorded_at: row.try_get("recorded_at")?,
        leaf: leaf.try_into().map_err(|_| corrupt("leaf"))?,
    })
}
