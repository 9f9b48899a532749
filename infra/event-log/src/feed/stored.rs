//! Events as they are stored, for those who pass them on: texts unparsed, with the leaf that stands for them.

use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use super::{BYTES_MAX, EVENTS_MAX, Feed};
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
        let rows = sqlx::query(
            "select * from (
               select p.position, p.leaf, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
                      e.payload::text as payload, e.metadata::text as metadata, e.event_id, e.tenant_id,
                      e.ordering_key, e.slice, e.recorded_at,
                      sum(octet_length(e.payload::text)) over (order by p.position rows unbounded preceding) as bytes
                 from (select * from log.positions where position > $1 order by position limit $2) p
                 left join lateral (
                   select * from log.events e
                    where e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no offset 0
                 ) e on true
             ) page
             where page.position = $1 + 1 or coalesce(page.bytes, 0) <= $3
             order by page.position",
        )
        .bind(after.0)
        .bind(limit.clamp(1, EVENTS_MAX))
        .bind(BYTES_MAX)
        .fetch_all(&self.pool)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for (expected, row) in (after.0 + 1..).zip(&rows) {
            let position: i64 = row.try_get("position")?;
            if position != expected {
                return Err(EventLogError::Corrupt(format!("position {expected} is missing")));
            }
            let Some(event_id) = row.try_get::<Option<Uuid>, _>("event_id")? else {
                let text = format!("the event at position {position} is missing");
                return Err(EventLogError::Corrupt(text));
            };
            let leaf: Vec<u8> = row.try_get("leaf")?;
            let corrupt = |what: &str| EventLogError::Corrupt(format!("event {event_id} has a wrong {what}"));
            events.push(StoredEvent {
                position: Position(position),
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
            });
        }
        Ok(events)
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
