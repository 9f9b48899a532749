//! Filling the slot that nobody reads: one task looks through the log, others write, each with its part of the slices.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use event_log::{Feed, Position, RecordedEvent, SLICES};
use sqlx::{Connection, PgPool};
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

/// Who fills a slot.
pub(super) struct Builder<'a, P> {
    pub(super) pool: &'a PgPool,
    pub(super) feed: &'a Feed,
    pub(super) options: &'a RebuildOptions,
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    pub(super) place: Place,
    /// What this builder has: every share of the slot.
    leases: Vec<Lease>,
    from: Position,
    projection: PhantomData<fn() -> P>,
}

/// Events for a writer, and how far the log was looked through for them.
type Batch = (Vec<Arc<RecordedEvent>>, Position);

impl<'a, P: Projection> Builder<'a, P> {
    /// Takes the slot that is not read: as an interrupted rebuild left it, or empty.
    pub async fn begin(
        pool: &'a PgPool,
        feed: &'a Feed,
        options: &'a RebuildOptions,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Self, RebuildError> {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let (_, other) = slot::lock(&mut transaction, P::NAME).await?;
        let goes_on =
            !options.restart && other.state == SlotState::Building && other.version == Some(P::VERSION);
        let leases = take::<P>(&mut transaction, options, other, !goes_on).await?;
        transaction.commit().await?;
        Ok(Self::new(pool, feed, options, progress, other, leases))
    }

    /// Takes the rows that were live before the last switch.
    pub async fn take_kept(
        pool: &'a PgPool,
        feed: &'a Feed,
        options: &'a RebuildOptions,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Self, RebuildError> {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let (_, other) = slot::lock(&mut transaction, P::NAME).await?;
        if other.state != SlotState::Kept {
            return Err(RebuildError::NothingKept { name: P::NAME });
        }
        if let Some(stored) = other.version.filter(|version| *version != P::VERSION) {
            let ours = P::VERSION;
            return Err(RebuildError::OtherVersion { stored, ours });
        }
        let leases = take::<P>(&mut transaction, options, other, false).await?;
        transaction.commit().await?;
        Ok(Self::new(pool, feed, options, progress, other, leases))
    }

    /// As [`Builder::take_kept`] or, where nothing of this version is kept, [`Builder::begin`]; which of them is told.
    /// None when the live rows are not of an older version.
    pub async fn begin_older(
        pool: &'a PgPool,
        feed: &'a Feed,
        options: &'a RebuildOptions,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
    ) -> Result<Option<(Self, bool)>, RebuildError> {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let (live, other) = slot::lock(&mut transaction, P::NAME).await?;
        if live.version.is_none_or(|version| version >= P::VERSION) {
            return Ok(None);
        }
        let ours = other.version == Some(P::VERSION);
        let kept = ours && other.state == SlotState::Kept;
        let goes_on = ours && other.state == SlotState::Building;
        let leases = take::<P>(&mut transaction, options, other, !kept && !goes_on).await?;
        transaction.commit().await?;
        let builder = Self::new(pool, feed, options, progress, other, leases);
        Ok(Some((builder, kept)))
    }

    fn new(
        pool: &'a PgPool,
        feed: &'a Feed,
        options: &'a RebuildOptions,
        progress: &'a (dyn Fn(Progress) + Send + Sync),
        slot: Standing,
        leases: Vec<Lease>,
    ) -> Self {
        let mut builder = Self {
            pool,
            feed,
            options,
            progress,
            place: place::<P>(slot),
            leases,
            from: Position(0),
            projection: PhantomData,
        };
        builder.from = builder.position();
        builder
    }

    /// How far the slot is filled.
    pub fn position(&self) -> Position {
        let positions = self.leases.iter().map(|lease| lease.position);
        positions.min().unwrap_or_default()
    }

    pub fn from(&self) -> Position {
        self.from
    }

    pub fn tell(&self, stage: Stage, target: Position) {
        (self.progress)(Progress {
            stage,
            from: self.from,
            position: self.position(),
            target,
        });
    }

    /// Folds what the log has up to a position, which is not beyond its end.
    pub async fn fill(&mut self, target: Position) -> Result<(), RebuildError> {
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
        let pace = Pace::new(self.options.events_per_second);
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

/// Takes every share of a slot; with `anew`, of an empty one that is being built from now on.
async fn take<P: Projection>(
    connection: &mut sqlx::PgConnection,
    options: &RebuildOptions,
    other: Standing,
    anew: bool,
) -> Result<Vec<Lease>, RebuildError> {
    let place = place::<P>(other);
    let mut shares = checkpoint::lock(connection, place).await?;
    let present = membership::present(&mut *connection, false).await?;
    let others = shares.iter().filter_map(|share| share.owner);
    if others
        .filter(|owner| *owner != options.owner)
        .any(|owner| present.contains(&owner))
    {
        return Err(RebuildError::Held { name: P::NAME });
    }
    if anew {
        slot::empty(connection, P::NAME, other.slot).await?;
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
    slot::set(
        connection,
        P::NAME,
        other.slot,
        SlotState::Building,
        Some(P::VERSION),
    )
    .await?;
    let shares = checkpoint::replace(connection, place, &shares).await?;
    Ok(Lease::of(&shares, options.owner))
}

fn place<P: Projection>(standing: Standing) -> Place {
    Place {
        name: P::NAME,
        slot: standing.slot,
    }
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
