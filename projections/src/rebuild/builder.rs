//! Filling the slot that nobody reads: one task looks through the log, others write, each with its part of the slices.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use event_log::{Feed, Position, RecordedEvent, SLICES};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{Progress, RebuildError, RebuildOptions, Stage};
use crate::checkpoint::{self, Lease, Place};
use crate::fold::{Projection, fold_batch};
use crate::membership;
use crate::parking::{self, Parking};
use crate::share::{NEW_EPOCH, Share, Slices};
use crate::slot::{self, SlotState, Standing};

/// Positions of the log that are looked through at once.
const SCAN_EVENTS: i64 = 8_192;
/// Batches that wait for a writer, so that reading goes on while it writes.
const BATCHES_AHEAD: usize = 2;

/// How a slot is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Whatever it holds is thrown away.
    Empty,
    /// As an interrupted rebuild left it.
    Begun,
    /// As it was when it was live.
    Kept,
}

/// Who fills a slot.
pub(super) struct Builder<'a, P> {
    pub(super) pool: &'a PgPool,
    pub(super) feed: &'a Feed,
    pub(super) options: &'a RebuildOptions,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    pub(super) place: Place,
    /// What this builder has: every share of the slot.
    leases: Vec<Lease>,
    pub(super) how: Take,
    pub(super) from: Position,
    projection: PhantomData<fn() -> P>,
}

/// Events for a writer, and how far the log was looked through for them.
type Batch = (Vec<Arc<RecordedEvent>>, Position);

impl<'a, P: Projection> Builder<'a, P> {
    /// Takes the slot that is not read, in the way that `decide` says of the live one and of that one.
    pub async fn take(
        pool: &'a PgPool,
        feed: &'a Feed,
        options: &'a RebuildOptions,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
        decide: impl FnOnce(Standing, Standing) -> Result<Take, RebuildError>,
    ) -> Result<Self, RebuildError> {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let (live, other) = slot::lock(&mut transaction, P::NAME).await?;
        let how = decide(live, other)?;
        let place = Place {
            name: P::NAME,
            slot: other.slot,
        };
        let leases = take_shares::<P>(&mut transaction, options, place, how).await?;
        transaction.commit().await?;
        let mut builder = Self {
            pool,
            feed,
            options,
            progress,
            place,
            leases,
            how,
            from: Position(0),
            projection: PhantomData,
        };
        builder.from = builder.position();
        Ok(builder)
    }

    /// How far the slot is filled.
    pub fn position(&self) -> Position {
        let positions = self.leases.iter().map(|lease| lease.position);
        positions.min().unwrap_or_default()
    }

    pub fn tell(&self, stage: Stage, target: Position) {
        (self.progress)(Progress {
            stage,
            from: self.from,
            position: self.position(),
            target,
        });
    }

    /// Folds what the log has up to a position, which is not beyond its end: at the pace that was asked for, or at once
    /// while somebody waits for it.
    pub async fn fill(&mut self, target: Position, pace: Option<u32>) -> Result<(), RebuildError> {
        let from = self.position();
        if from >= target {
            return Ok(());
        }
        let mut queues = Vec::new();
        // Tasks of their own, so that they share the cores; dropped with this, so that nothing goes on alone.
        let mut writers = JoinSet::new();
        let (written, progress) = mpsc::unbounded_channel();
        for (number, lease) in self.leases.iter().enumerate() {
            let (queue, batches) = mpsc::channel(BATCHES_AHEAD);
            queues.push((lease.slices, queue));
            let writer = Writer {
                pool: self.pool.clone(),
                place: self.place,
                number,
                lease: *lease,
                written: written.clone(),
            };
            writers.spawn(writer.write::<P>(batches));
        }
        drop(written);
        let pace = Pace::new(pace);
        let mut reader = JoinSet::new();
        reader.spawn(read::<P>(self.feed.clone(), from, target, queues, pace));
        let mut at: Vec<Position> = self.leases.iter().map(|lease| lease.position).collect();
        follow(self.from, target, self.progress, &mut at, progress).await;
        while let Some(moved) = writers.join_next().await {
            let (number, lease) = moved.map_err(|_| RebuildError::Broken { name: P::NAME })??;
            self.leases[number] = lease;
        }
        while let Some(read) = reader.join_next().await {
            read.map_err(|_| RebuildError::Broken { name: P::NAME })??;
        }
        Ok(())
    }
}

/// Who writes one share of a slot.
struct Writer {
    pool: PgPool,
    place: Place,
    number: usize,
    lease: Lease,
    written: mpsc::UnboundedSender<(usize, Position)>,
}

impl Writer {
    /// Batch after batch, each in a transaction that moves the checkpoint.
    async fn write<P: Projection>(
        mut self,
        mut batches: mpsc::Receiver<Batch>,
    ) -> Result<(usize, Lease), RebuildError> {
        let place = self.place;
        let mut connection = self.pool.acquire().await?;
        let mut parking = Parking::load(&mut connection, place, &[self.lease]).await?;
        while let Some((mut events, to)) = batches.recv().await {
            let at = self.lease.position;
            if to <= at {
                continue;
            }
            events.retain(|event| event.position > Some(at));
            let mut transaction = connection.begin().await?;
            if !checkpoint::advance(&mut transaction, place, &[self.lease], to).await? {
                return Err(RebuildError::Lost { name: P::NAME });
            }
            // What a crash of the database takes back is built again, rows and checkpoint alike; the switch waits.
            sqlx::query("set local synchronous_commit = off")
                .execute(&mut *transaction)
                .await?;
            let parked = fold_batch::<P>(&mut transaction, &events, &parking).await?;
            parking::park(&mut transaction, place, &parked).await?;
            transaction.commit().await?;
            parking.add(&parked);
            self.lease.position = to;
            let _ = self.written.send((self.number, to));
        }
        Ok((self.number, self.lease))
    }
}

/// Takes every share of a slot.
async fn take_shares<P: Projection>(
    connection: &mut PgConnection,
    options: &RebuildOptions,
    place: Place,
    how: Take,
) -> Result<Vec<Lease>, RebuildError> {
    let mut shares = checkpoint::lock(connection, place).await?;
    let present = membership::present(&mut *connection, false).await?;
    let mut others = shares
        .iter()
        .filter_map(|share| share.owner)
        .filter(|owner| *owner != options.owner);
    if others.any(|owner| present.contains(&owner)) {
        return Err(RebuildError::Held { name: P::NAME });
    }
    if how == Take::Empty {
        slot::empty(connection, P::NAME, place.slot).await?;
        parking::clear(connection, place).await?;
        // One that spares others leaves them a core.
        let writers = match options.events_per_second {
            Some(_) => 1,
            None => options.writers.clamp(1, SLICES),
        };
        shares = divided(writers);
    }
    for share in &mut shares {
        share.owner = Some(options.owner);
        share.epoch = NEW_EPOCH;
    }
    let (state, version) = (SlotState::Building, Some(P::VERSION));
    slot::set(connection, P::NAME, place.slot, state, version).await?;
    let shares = checkpoint::replace(connection, place, &shares).await?;
    Ok(Lease::of(&shares, options.owner))
}

/// All slices in so many parts, not folded yet.
fn divided(parts: u16) -> Vec<Share> {
    let bound =
        |part: u16| u16::try_from(u32::from(part) * u32::from(SLICES) / u32::from(parts)).unwrap_or(SLICES);
    let share = |part| Share {
        slices: Slices {
            from: bound(part),
            to: bound(part + 1),
        },
        ..Share::whole(Position(0), None)
    };
    (0..parts).map(share).collect()
}

/// Looks through the log and gives each writer what is of its slices.
async fn read<P: Projection>(
    feed: Feed,
    from: Position,
    target: Position,
    queues: Vec<(Slices, mpsc::Sender<Batch>)>,
    pace: Pace,
) -> Result<(), RebuildError> {
    let mut at = from;
    while at < target {
        let scanned = feed.scan(at, target, pace.limit(SCAN_EVENTS), P::STREAMS).await?;
        let mut batches: Vec<Batch> = vec![(Vec::new(), scanned.to); queues.len()];
        for event in scanned.events {
            let writer = queues.iter().position(|(slices, _)| slices.contains(event.slice));
            if let Some(writer) = writer {
                batches[writer].0.push(event);
            }
        }
        for ((_, queue), batch) in queues.iter().zip(batches) {
            // A writer that is gone says why itself.
            if queue.send(batch).await.is_err() {
                return Ok(());
            }
        }
        at = scanned.to;
        pace.keep(at.0 - from.0).await;
    }
    Ok(())
}

/// Tells how far the writers are, the slowest of them.
async fn follow(
    from: Position,
    target: Position,
    progress: &(dyn Fn(Progress) + Send + Sync),
    at: &mut [Position],
    mut written: mpsc::UnboundedReceiver<(usize, Position)>,
) {
    while let Some((number, to)) = written.recv().await {
        at[number] = to;
        progress(Progress {
            stage: Stage::Building,
            from,
            position: at.iter().copied().min().unwrap_or_default(),
            target,
        });
    }
}

/// Keeps reading at a pace.
struct Pace {
    began: Instant,
    events_per_second: Option<u32>,
}

impl Pace {
    fn new(events_per_second: Option<u32>) -> Self {
        Self {
            began: Instant::now(),
            events_per_second,
        }
    }

    /// As many as are due in a twentieth of a second, so that a slow pace is even.
    fn limit(&self, most: i64) -> i64 {
        let due = |rate: u32| i64::from(rate / 20).clamp(1, most);
        self.events_per_second.map_or(most, due)
    }

    /// Waits until so many events are due.
    async fn keep(&self, events: i64) {
        if let Some(rate) = self.events_per_second {
            let seconds = events as f64 / f64::from(rate.max(1));
            sleep_until(self.began + Duration::from_secs_f64(seconds)).await;
        }
    }
}
