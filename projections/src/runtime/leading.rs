//! What a leader does: batch after batch, what is parked when it is due, and the checkpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use event_log::{Position, RecordedEvent};
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{Step, StepError, Worker};
use crate::checkpoint::{self, Lease};
use crate::fold::{Projection, fold_batch};
use crate::parking::{self, Parking};

/// Batches begin so far apart while less than a whole one waits: what comes in between costs one transaction, not several.
const BATCHES_APART: Duration = Duration::from_millis(5);
/// How long the checkpoint may stay behind events that no row is made from. To pass them is no work, to write down that
/// they were passed is a transaction.
const PASSED_FOR: Duration = Duration::from_millis(50);
/// How often a leader looks whether a parked key is due, and an operator has said something; not at all while nothing
/// is parked.
const PARKED_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Parked events that are folded in one transaction.
const PARKED_EVENTS: i64 = 200;

/// What a leader knows while its lease lasts.
pub(super) struct Leading {
    pub(super) lease: Lease,
    /// How far it has come. Between the checkpoint and here is no event that it has a use for.
    pub(super) passed: Position,
    /// When to move the checkpoint there.
    save_at: Option<Instant>,
    /// When the next batch may begin.
    fold_at: Instant,
    parking: Parking,
    /// When to look at what is parked.
    look_at: Instant,
}

impl Leading {
    /// The checkpoint is there.
    fn moved(&mut self, to: Position) {
        self.lease.position = to;
        self.passed = to;
        self.save_at = None;
    }

    /// When something is due though nothing comes.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let look_at = (!self.parking.keys.is_empty()).then_some(self.look_at);
        [look_at, self.save_at].into_iter().flatten().min()
    }
}

impl<P: Projection> Worker<P> {
    /// Takes over what is parked. Perhaps this version can fold it, so all of it is tried.
    pub(super) async fn begin(&self, lease: Lease) -> Result<Leading, StepError> {
        let mut connection = self.pool.acquire().await?;
        parking::hasten(&mut *connection, P::NAME, None).await?;
        let parking = Parking::load(&mut connection, P::NAME).await?;
        self.tell_parked(&parking).await;
        Ok(Leading {
            lease,
            passed: lease.position,
            save_at: None,
            fold_at: Instant::now(),
            parking,
            look_at: Instant::now(),
        })
    }

    /// Looks at what is parked when it is time; else reads a batch and folds it.
    pub(super) async fn step(&self, leading: &mut Leading) -> Result<Step, StepError> {
        if !leading.parking.keys.is_empty() && leading.look_at <= Instant::now() {
            return self.retry(leading).await;
        }
        if leading.save_at.is_some_and(|at| at <= Instant::now()) {
            return self.save(leading).await;
        }
        let from = leading.passed;
        if self.feed.known() <= from {
            return Ok(Step::Idle);
        }
        let limit = self.batch_events();
        if self.feed.known().0 - from.0 < limit {
            sleep_until(leading.fold_at).await;
        }
        leading.fold_at = Instant::now() + BATCHES_APART;
        let events = self.feed.read(from, limit).await.map_err(StepError::Log)?;
        let Some(to) = events.last().and_then(|event| event.position) else {
            return Ok(Step::Idle);
        };
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let concerns = |event: &RecordedEvent| !matches!(P::key(event), Ok(None));
        if !events.iter().any(|event| concerns(event)) {
            leading.passed = to;
            leading.save_at.get_or_insert(Instant::now() + PASSED_FOR);
            return Ok(Step::Folded(count));
        }
        let mut transaction = self.pool.begin().await?;
        if !checkpoint::advance(&mut transaction, P::NAME, leading.lease, to, self.options.lease).await? {
            return Ok(Step::Lost);
        }
        let parked = fold_batch::<P>(&mut transaction, &events, &leading.parking).await?;
        parking::park(&mut transaction, P::NAME, &parked).await?;
        transaction.commit().await?;
        leading.moved(to);
        if !parked.is_empty() {
            for one in parked.iter().filter(|one| one.error.is_some()) {
                warn!(
                    projection.name = P::NAME,
                    event.position = one.event.position.map(|position| position.0),
                    event.id = %one.event.event_id,
                    error = one.error.as_deref(),
                    "event parked"
                );
            }
            if leading.parking.keys.is_empty() {
                leading.look_at = Instant::now() + PARKED_LOOK_EVERY;
            }
            leading.parking.add(&parked);
            self.tell_parked(&leading.parking).await;
        }
        Ok(Step::Folded(count))
    }

    /// Moves the checkpoint past events that were passed over.
    pub(super) async fn save(&self, leading: &mut Leading) -> Result<Step, StepError> {
        if leading.passed > leading.lease.position {
            let mut connection = self.pool.acquire().await?;
            let (to, lease) = (leading.passed, leading.lease);
            if !checkpoint::advance(&mut connection, P::NAME, lease, to, self.options.lease).await? {
                return Ok(Step::Lost);
            }
        }
        leading.moved(leading.passed);
        Ok(Step::Folded(0))
    }

    /// Tries the parked keys that are due, one after the other.
    async fn retry(&self, leading: &mut Leading) -> Result<Step, StepError> {
        leading.look_at = Instant::now() + PARKED_LOOK_EVERY;
        while let Some(key) = parking::due(&self.pool, P::NAME).await? {
            loop {
                let positions = parking::positions(&self.pool, P::NAME, &key, PARKED_EVENTS).await?;
                let mut events = Vec::with_capacity(positions.len());
                for position in &positions {
                    let before = Position(position.0 - 1);
                    events.extend(self.feed.read(before, 1).await.map_err(StepError::Log)?);
                }
                let mut transaction = self.pool.begin().await?;
                if !checkpoint::hold(&mut transaction, P::NAME, leading.lease, self.options.lease).await? {
                    return Ok(Step::Lost);
                }
                let mut others = Parking::load(&mut transaction, P::NAME).await?;
                others.keys.remove(&key);
                let parked = fold_batch::<P>(&mut transaction, &events, &others).await?;
                let hindered = parked
                    .first()
                    .and_then(|one| Some((one.event.position?, one.error.as_deref()?)));
                let waiting: BTreeSet<Position> =
                    parked.iter().filter_map(|one| one.event.position).collect();
                let folded: Vec<Position> = positions
                    .iter()
                    .filter(|position| !waiting.contains(position))
                    .copied()
                    .collect();
                let free = parking::settle(&mut transaction, P::NAME, &key, &folded, hindered).await?;
                transaction.commit().await?;
                if free {
                    info!(projection.name = P::NAME, "parked events folded");
                    leading.parking.keys.remove(&key);
                }
                if free || hindered.is_some() {
                    break;
                }
            }
        }
        self.tell_parked(&leading.parking).await;
        Ok(Step::Folded(0))
    }

    pub(super) fn batch_events(&self) -> i64 {
        self.options.batch_events.max(1)
    }

    async fn tell_parked(&self, parking: &Parking) {
        let count = if parking.keys.is_empty() {
            Ok(0)
        } else {
            parking::count(&self.pool, P::NAME).await
        };
        if let Ok(count) = count {
            metrics::gauge!("projection_parked_events", "name" => P::NAME).set(count as f64);
        }
    }
}
