//! Scans: reading far through the log for few kinds of events, without the rest.

use std::sync::Arc;

use futures::TryStreamExt as _;
use sqlx::Row;

use super::{Feed, placed_event};
use crate::{EventLogError, Position, RecordedEvent};

/// Bytes of payload in one scan, unless the first event alone has more.
const BYTES_MAX: usize = 8 << 20;

/// Events of the streams of one aggregate type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamTypes {
    pub aggregate_type: &'static str,
    /// Those of these types; of every type when None.
    pub event_types: Option<&'static [&'static str]>,
}

impl StreamTypes {
    pub const fn all(aggregate_type: &'static str) -> Self {
        Self {
            aggregate_type,
            event_types: None,
        }
    }

    pub const fn some(aggregate_type: &'static str, event_types: &'static [&'static str]) -> Self {
        Self {
            aggregate_type,
            event_types: Some(event_types),
        }
    }
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq)]
pub struct Scanned {
    /// Sealed, in order, without their metadata.
    pub events: Vec<Arc<RecordedEvent>>,
    /// How far the log has been looked through.
    pub to: Position,
}

impl Feed {
    /// Looks through the log after one position and up to another for the events of some streams: through `limit`
    /// positions at most, and for 8 MiB of payload. What is read is not kept in memory for others.
    ///
    /// Fails as corrupt when a position is missing or its event is.
    pub async fn scan(
        &self,
        after: Position,
        up_to: Position,
        limit: i64,
        streams: &[StreamTypes],
    ) -> Result<Scanned, EventLogError> {
        let up_to = up_to.0.min(after.0.saturating_add(limit.max(1)));
        let (whole, partly): (Vec<&StreamTypes>, Vec<&StreamTypes>) =
            streams.iter().partition(|stream| stream.event_types.is_none());
        let whole: Vec<&str> = whole.iter().map(|stream| stream.aggregate_type).collect();
        let partly: Vec<(&str, &str)> = partly
            .iter()
            .flat_map(|stream| {
                let types = stream.event_types.unwrap_or_default();
                types
                    .iter()
                    .map(|event_type| (stream.aggregate_type, *event_type))
            })
            .collect();
        let (partly, event_types): (Vec<&str>, Vec<&str>) = partly.into_iter().unzip();
        let mut rows = sqlx::query(SCAN)
            .bind(after.0)
            .bind(up_to)
            .bind(whole)
            .bind(partly)
            .bind(event_types)
            .fetch(&self.pool);
        let mut scanned = Scanned {
            events: Vec::new(),
            to: Position(up_to.max(after.0)),
        };
        let mut bytes = 0;
        // Read as they come, so that the database goes on meanwhile.
        while let Some(row) = rows.try_next().await? {
            let event = placed_event(&row)?;
            bytes += row.try_get::<&str, _>("payload")?.len();
            if bytes > BYTES_MAX && !scanned.events.is_empty() {
                scanned.to = scanned
                    .events
                    .last()
                    .and_then(|last| last.position)
                    .unwrap_or(after);
                break;
            }
            scanned.events.push(Arc::new(event));
        }
        drop(rows);
        let placed: i64 =
            sqlx::query_scalar("select count(*) from log.positions where position > $1 and position <= $2")
                .bind(after.0)
                .bind(up_to)
                .fetch_one(&self.pool)
                .await?;
        if placed != (up_to - after.0).max(0) {
            let text = format!("between positions {after} and {up_to} one is missing");
            return Err(EventLogError::Corrupt(text));
        }
        Ok(scanned)
    }
}

/// What is wanted, and what is missing.
const SCAN: &str = "
select p.position, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
       e.payload::text as payload, 'null' as metadata, p.seq_no, e.event_id, e.tenant_id, e.ordering_key, e.slice,
       e.command_id, e.recorded_at
  from (select * from log.positions where position > $1 and position <= $2 order by position offset 0) p
  left join lateral (
    select * from log.events e where e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no offset 0
  ) e on true
 where e.event_id is null or e.aggregate_type = any ($3)
    or (e.aggregate_type, e.event_type) in (select * from unnest($4::text[], $5::text[]))
 order by p.position";
