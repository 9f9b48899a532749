//! The feed reads the log in the order of positions and asserts that none is missing.
//!
//! Many follow the log in one process, and each wants the same events at the same moment. So the end of the log is kept
//! in memory: the first who asks for what has just been placed reads it from the database, all others find it there.

mod scan;
mod stored;
mod tail;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::scan::{Scanned, StreamTypes};
pub use self::stored::StoredEvent;
use self::tail::Tail;
use crate::read::{head, recorded};
use crate::{EventLogError, Position, RecordedEvent};

/// Bytes of payload in one reading, unless the first event alone has more.
const BYTES_MAX: i64 = 8 << 20;
/// Events in one reading, whatever was asked for.
const EVENTS_MAX: i64 = 10_000;
/// How often the head is looked up when no sequencer of this process tells of it.
const POLL: Duration = Duration::from_millis(50);

/// Cheap to clone; readers do not disturb each other.
#[derive(Clone)]
pub struct Feed {
    pool: PgPool,
    placed: watch::Receiver<Position>,
    /// The furthest head that was looked up.
    seen: Arc<AtomicI64>,
    /// When it was, by whoever waits.
    looked: Arc<tokio::sync::Mutex<Option<Instant>>>,
    tail: Arc<Tail>,
}

/// An event, and how long its payload is as text.
struct Read {
    event: Arc<RecordedEvent>,
    bytes: usize,
}

fn events(read: Vec<Read>) -> Vec<Arc<RecordedEvent>> {
    read.into_iter().map(|one| one.event).collect()
}

/// The event of a position, which has one unless the log is damaged.
fn placed_event(row: &PgRow) -> Result<RecordedEvent, EventLogError> {
    assert_there(row)?;
    recorded(row)
}

fn assert_there(row: &PgRow) -> Result<(), EventLogError> {
    if row.try_get::<Option<uuid::Uuid>, _>("event_id")?.is_none() {
        let position: i64 = row.try_get("position")?;
        return Err(EventLogError::Corrupt(format!(
            "the event at position {position} is missing"
        )));
    }
    Ok(())
}

impl Feed {
    /// `pool` connects as the role `botserver_log`; `placed` is what [`crate::Sequencer::run`] tells, or stays silent
    /// where another process sequences.
    pub fn new(pool: PgPool, placed: watch::Receiver<Position>) -> Feed {
        Feed {
            pool,
            placed,
            seen: Arc::default(),
            looked: Arc::default(),
            tail: Arc::default(),
        }
    }

    /// How far the log is, as far as this process has heard.
    pub fn known(&self) -> Position {
        Position(self.seen.load(Ordering::Acquire)).max(*self.placed.borrow())
    }

    /// The next events after a position, sealed, in order: as many as there are, `limit` and 8 MiB at most.
    ///
    /// Fails as corrupt when a position is missing or its event is.
    pub async fn read(&self, after: Position, limit: i64) -> Result<Vec<Arc<RecordedEvent>>, EventLogError> {
        let limit = limit.clamp(1, EVENTS_MAX);
        if let Some(events) = self.tail.after(after, limit) {
            return Ok(events);
        }
        // Whoever is far behind reads by itself, and nobody waits for it.
        if !self.tail.ends_at(after) && self.known().0 - after.0 > tail::EVENTS_MAX {
            return Ok(events(self.fetch(after, limit).await?));
        }
        let fetching = self.tail.fetching().await;
        if let Some(events) = self.tail.after(after, limit) {
            return Ok(events);
        }
        let read = self.fetch(after, limit).await?;
        self.tail.append(after, &read);
        drop(fetching);
        Ok(events(read))
    }

    /// From the database.
    async fn fetch(&self, after: Position, limit: i64) -> Result<Vec<Read>, EventLogError> {
        let rows = self.page(after, limit).await?;
        let read = |row: &PgRow| {
            Ok(Read {
                event: Arc::new(recorded(row)?),
                bytes: row.try_get::<&str, _>("payload")?.len(),
            })
        };
        rows.iter().map(read).collect()
    }

    /// Rows of the next events after a position, none missing.
    async fn page(&self, after: Position, limit: i64) -> Result<Vec<PgRow>, EventLogError> {
        let rows = sqlx::query(
            "select * from (
               select p.position, p.leaf, e.aggregate_type, e.aggregate_id, e.sequence, e.event_type, e.event_version,
                      e.payload::text as payload, e.metadata::text as metadata, p.seq_no, e.event_id, e.tenant_id,
                      e.ordering_key, e.slice, e.command_id, e.recorded_at,
                      sum(octet_length(e.payload::text)) over (order by p.position rows unbounded preceding) as bytes
                 from (select * from log.positions where position > $1 order by position limit $2) p
                 left join lateral (
                   select * from log.events e
                    where e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no offset 0
                 ) e on true
                order by p.position
             ) page
             where page.position = $1 + 1 or coalesce(page.bytes, 0) <= $3
             order by page.position",
        )
        .bind(after.0)
        .bind(limit)
        .bind(BYTES_MAX)
        .fetch_all(&self.pool)
        .await?;
        for (expected, row) in (after.0 + 1..).zip(&rows) {
            let position: i64 = row.try_get("position")?;
            if position != expected {
                return Err(EventLogError::Corrupt(format!("position {expected} is missing")));
            }
            assert_there(row)?;
        }
        Ok(rows)
    }

    /// Returns when the log has grown past a position.
    ///
    /// Told by the sequencer of this process, and found by looking where another one sequences.
    pub async fn wait_past(&self, after: Position) {
        let mut placed = self.placed.clone();
        let mut told = true;
        loop {
            // Let go of before `known` asks for it again: between the two a sender may have come, who would wait for this.
            let heard = *placed.borrow_and_update();
            if heard.max(self.known()) > after {
                return;
            }
            tokio::select! {
                changed = placed.changed(), if told => told = changed.is_ok(),
                () = tokio::time::sleep_until(self.look_at()) => self.look().await,
            }
        }
    }

    /// When to look up the head: a while after somebody of this process did, so that whoever never waits for long looks
    /// too.
    fn look_at(&self) -> Instant {
        match self.looked.try_lock().as_deref() {
            Ok(Some(at)) => *at + POLL,
            Ok(None) => Instant::now(),
            Err(_) => Instant::now() + POLL,
        }
    }

    /// Looks up the head, unless somebody of this process has just done so.
    async fn look(&self) {
        let Ok(mut looked) = self.looked.try_lock() else {
            return;
        };
        if looked.is_some_and(|at| at.elapsed() < POLL) {
            return;
        }
        if let Err(error) = self.head().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "head of the log not readable"
            );
        }
        *looked = Some(Instant::now());
    }

    /// The last position that was placed.
    pub async fn head(&self) -> Result<Position, EventLogError> {
        let head = head(&self.pool).await?;
        self.seen.fetch_max(head.0, Ordering::AcqRel);
        Ok(head)
    }
}
