//! The sequencer gives every committed event its position: dense, never skipping, never waiting for a stranger.
//!
//! A step compares two snapshots. S1 is stored with the head; S2 is the step's own. An event belongs to this step if its
//! transaction is visible in S2 and was not in S1: it began after S1 (`tx_id >= xmax`), or was in flight then (`xip`).
//! Each transaction is so in exactly one step; rolled-back events in none. Within a step `seq_no` decides, which
//! extends the order of every stream and of what a writer had read, since numbers are taken when rows are written and a
//! reader sees only what was committed. A long transaction elsewhere delays its own events and nobody else's.
//!
//! A step cannot be bounded by a number of events: all that is visible must be placed before the snapshot moves. It is
//! bounded by what was committed since the last one; after an outage that is everything since, at about 200,000 a second.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, PgPool};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::crash_point::{armed, crash_point};
use crate::{Position, epoch};

/// Poll for events of other processes, which cannot wake this one: while events come, and when none came for a while.
const POLL_BUSY: Duration = Duration::from_millis(5);
const POLL_IDLE: Duration = Duration::from_millis(20);
/// Steps that place something begin so far apart: what is committed in between is placed by one of them, and a step costs
/// about as much as twenty events.
const STEPS_APART: Duration = Duration::from_millis(2);
/// How often a process that does not lead looks whether it should.
const POLL_STANDBY: Duration = Duration::from_millis(500);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);
/// Head steps that are kept, and how many steps pass between prunings.
const STEPS_KEPT: i64 = 16;
const PRUNED_EVERY: u64 = 64;
/// Key of the advisory lock of whoever leads.
const LEADER_LOCK: i64 = 0x6576_656e_745f_6c67;

#[derive(Debug, Error)]
pub enum SequencerError {
    /// Another role sees fewer rows: what it skipped would stay skipped.
    #[error("the sequencer must run as botserver_log, not as {0}")]
    WrongRole(String),
    #[error("the sequencer must run on the primary server")]
    Standby,
    #[error("the sequencer cannot reach the database")]
    Database(#[from] sqlx::Error),
}

/// One of possibly many: any process may run it, one of them leads.
pub struct Sequencer {
    pool: PgPool,
    wake: Arc<Notify>,
    connection: Option<PgConnection>,
    leading: bool,
    position: Position,
    steps: u64,
}

impl Sequencer {
    /// Refuses to run as any role but `botserver_log` and on a standby; begins another epoch where the log was moved.
    pub async fn new(log_pool: PgPool, wake: Arc<Notify>) -> Result<Sequencer, SequencerError> {
        let mut sequencer = Sequencer {
            pool: log_pool,
            wake,
            connection: None,
            leading: false,
            position: Position(0),
            steps: 0,
        };
        sequencer.connect().await?;
        Ok(sequencer)
    }

    /// Places every event that was committed and has no position yet; returns how many.
    ///
    /// Safe whoever else does the same: the step's key lets one of two succeed, the other places nothing.
    pub async fn step(&mut self) -> Result<u64, SequencerError> {
        let placed = match self.try_step().await {
            Err(SequencerError::Database(error)) if is_rival(&error) => 0,
            Err(error) => {
                // Whatever state the connection is in, the lock goes with it.
                self.connection = None;
                self.leading = false;
                return Err(error);
            }
            Ok(placed) => placed,
        };
        if placed > 0 {
            self.steps += 1;
            if self.steps.is_multiple_of(PRUNED_EVERY) {
                self.prune().await?;
            }
        }
        Ok(placed)
    }

    /// The last position this sequencer knows to be placed.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Steps until `stop`, telling every new position to `placed`.
    ///
    /// Whoever holds the advisory lock steps whenever something is appended. The others stand by and step now and then
    /// all the same, so that a leader that hangs, lock in hand, delays nobody for long.
    pub async fn run(mut self, placed: watch::Sender<Position>, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut idle_steps = 0_u32;
        loop {
            let mut next_step = Instant::now();
            let pause = match self.lead_or_stand_by().await {
                Ok(count) => {
                    next_step += if count > 0 { STEPS_APART } else { Duration::ZERO };
                    idle_steps = if count > 0 {
                        0
                    } else {
                        idle_steps.saturating_add(1)
                    };
                    if !self.leading {
                        POLL_STANDBY
                    } else if idle_steps < 100 {
                        POLL_BUSY
                    } else {
                        POLL_IDLE
                    }
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "sequencer step failed");
                    PAUSE_AFTER_FAILURE
                }
            };
            let position = self.position;
            placed.send_if_modified(|known| {
                let further = *known < position;
                *known = position.max(*known);
                further
            });
            tokio::select! {
                () = &mut stop => return,
                () = self.wake.notified(), if self.leading => {}
                () = tokio::time::sleep(pause) => {}
            }
            tokio::select! {
                () = &mut stop => return,
                () = tokio::time::sleep_until(next_step) => {}
            }
        }
    }

    async fn lead_or_stand_by(&mut self) -> Result<u64, SequencerError> {
        if !self.leading {
            let connection = self.connect().await?;
            let leading: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
                .bind(LEADER_LOCK)
                .fetch_one(connection)
                .await
                .inspect_err(|_| self.connection = None)?;
            self.leading = leading;
        }
        self.step().await
    }

    async fn try_step(&mut self) -> Result<u64, SequencerError> {
        let connection = self.connect().await?;
        let (placed, position) = if armed("inside-sequencer") {
            let mut transaction = connection.begin().await?;
            let row: (i64, i64) = sqlx::query_as(STEP).fetch_one(&mut *transaction).await?;
            if row.0 > 0 {
                crash_point("inside-sequencer");
            }
            transaction.commit().await?;
            row
        } else {
            sqlx::query_as(STEP).fetch_one(connection).await?
        };
        self.position = self.position.max(Position(position));
        Ok(placed.unsigned_abs())
    }

    async fn prune(&mut self) -> Result<(), SequencerError> {
        let connection = self.connect().await?;
        sqlx::query("delete from log.head where step <= (select max(step) from log.head) - $1")
            .bind(STEPS_KEPT)
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The connection of this sequencer's own. The pool never gets it back, so that its lock ends with it.
    async fn connect(&mut self) -> Result<&mut PgConnection, SequencerError> {
        if self.connection.is_none() {
            self.leading = false;
            let mut connection = self.pool.acquire().await?.detach();
            self.position = check(&mut connection).await?;
            self.connection = Some(connection);
        }
        self.connection
            .as_mut()
            .ok_or(SequencerError::Database(sqlx::Error::PoolClosed))
    }
}

async fn check(connection: &mut PgConnection) -> Result<Position, SequencerError> {
    let (role, standby): (String, bool) = sqlx::query_as("select current_user::text, pg_is_in_recovery()")
        .fetch_one(&mut *connection)
        .await?;
    if role != "botserver_log" {
        return Err(SequencerError::WrongRole(role));
    }
    if standby {
        return Err(SequencerError::Standby);
    }
    epoch::settle(connection).await?;
    // The range of a step is small whatever the statistics say, and a plan made for an empty table must serve a full one.
    sqlx::query(
        "select set_config(name, 'off', false)
           from unnest(array['enable_seqscan', 'enable_bitmapscan', 'jit']) as name",
    )
    .execute(&mut *connection)
    .await?;
    let head = sqlx::query_scalar("select position from log.head order by step desc limit 1")
        .fetch_one(connection)
        .await?;
    Ok(Position(head))
}

/// Another sequencer placed the same events first.
fn is_rival(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| {
        error.is_unique_violation()
            && matches!(
                error.constraint(),
                Some("positions_pkey" | "positions_seq_no_key" | "head_pkey")
            )
    })
}

/// One step in one statement, hence under one snapshot, which is S2. The head moves only if something was placed:
/// otherwise an idle sequencer would commit for ever. Answers how many, and where the head is now.
pub const STEP: &str = "
    with head as materialized (
      select step, position, snap, epoch from log.head order by step desc limit 1
    ), fresh as (
      select f.* from head h cross join lateral (
        select * from log.events e where e.epoch = h.epoch and e.tx_id >= pg_snapshot_xmax(h.snap) offset 0
      ) f
      union all
      select f.* from head h cross join lateral pg_snapshot_xip(h.snap) as inflight(tx_id) cross join lateral (
        select * from log.events e where e.epoch = h.epoch and e.tx_id = inflight.tx_id offset 0
      ) f
    ), placed as (
      insert into log.positions (position, seq_no, epoch, tx_id, tenant_id, slice, leaf)
      select n.place, n.seq_no, n.epoch, n.tx_id, n.tenant_id, n.slice,
             log.leaf(n.place, n.epoch, n.event_id, n.tenant_id, n.aggregate_type, n.aggregate_id, n.sequence,
                      n.event_type, n.event_version, n.recorded_at, n.payload, n.metadata)
        from (
          select h.position + row_number() over (order by f.seq_no) as place, f.* from fresh f cross join head h
        ) n
       order by n.place
      returning 1
    ), counted as (
      select count(*) as placed from placed
    ), stepped as (
      insert into log.head (step, position, snap, epoch)
      select h.step + 1, h.position + c.placed, pg_current_snapshot(), h.epoch
        from head h, counted c where c.placed > 0
      returning 1
    )
    select c.placed, h.position + c.placed from head h, counted c";

/// `run` is spawned, so its future must be `Send`; the compiler says so here and not at every caller.
#[expect(dead_code, reason = "checked by being compiled")]
fn assert_run_is_send(sequencer: Sequencer, placed: watch::Sender<Position>) -> impl Send {
    sequencer.run(placed, std::future::pending())
}
