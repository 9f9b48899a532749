//! What a process does for its shares: batch after batch, what is parked when it is due, and the checkpoints.
//!
//! Shares that are as far as each other are folded together. One that is behind, because it was taken from somebody who
//! was, is brought to the others first.

use std::collections::BTreeSet;
use std::time::Duration;

use event_log::{Position, RecordedEvent};
use sqlx::Connection;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::{Step, StepError, Worker, spans};
use crate::checkpoint::{self, Lease, Place};
use crate::fold::{Projection, fold_batch};
use crate::parking::{self, Parked, Parking};
use crate::share::Slices;

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

/// What a process knows of its shares while it has them.
pub(super) struct Leading {
    pub(super) place: Place,
    pub(super) leases: Vec<Lease>,
    /// How far those have come that are furthest behind. Between their checkpoints and here is no event that they have
    /// a use for.
    pub(super) passed: Position,
    /// When to move the checkpoints there.
    save_at: Option<Instant>,
    /// When the next batch may begin.
    fold_at: Instant,
    pub(super) parking: Parking,
    /// What is parked was taken over.
    begun: bool,
    /// When to look at what is parked.
    look_at: Instant,
}

impl Leading {
    pub fn new(place: Place, leases: Vec<Lease>) -> Self {
        let now = Instant::now();
        Self {
            place,
            passed: least(&leases),
            leases,
            save_at: None,
            fold_at: now,
            parking: Parking::default(),
            begun: false,
            look_at: now,
        }
    }

    /// Those that are furthest behind, and where the next ones stand.
    fn behind(&self) -> (Vec<Lease>, Option<Position>) {
        let least = least(&self.leases);
        let behind = |lease: &&Lease| lease.position == least;
        let next = self.leases.iter().filter(|lease| !behind(lease));
        let next = next.map(|lease| lease.position).min();
        (self.leases.iter().filter(behind).copied().collect(), next)
    }

    /// Those that were furthest behind are there.
    fn moved(&mut self, to: Position) {
        let least = least(&self.leases);
        for lease in self.leases.iter_mut().filter(|lease| lease.position == least) {
            lease.position = to;
        }
        self.passed = self::least(&self.leases);
        self.save_at = None;
    }

    /// How far each share is.
    pub fn reached(&self) -> impl Iterator<Item = (Slices, Position)> + '_ {
        let at = |lease: &Lease| (lease.slices, lease.position.max(self.passed));
        self.leases.iter().map(at)
    }

    /// When something is due though nothing comes.
    pub fn wake_at(&self) -> Option<Instant> {
        let look_at = (!self.parking.keys.is_empty()).then_some(self.look_at);
        [look_at, self.save_at].into_iter().flatten().min()
    }
}

fn least(leases: &[Lease]) -> Position {
    let positions = leases.iter().map(|lease| lease.position);
    positions.min().unwrap_or_default()
}

impl<P: Projection> Worker<P> {
    /// Takes over what is parked. Perhaps this version can fold it, so all of it is tried.
    pub(super) async fn take_over_parked(&self, leading: &mut Leading) -> Result<(), StepError> {
        let mut connection = self.pool.acquire().await?;
        parking::hasten(&mut *connection, P::NAME, None).await?;
        leading.parking = Parking::load(&mut connection, leading.place, &leading.leases).await?;
        leading.begun = true;
        drop(connection);
        self.tell_parked(leading).await;
        Ok(())
    }

    /// Tries what is parked when it is time.
    pub(super) async fn retry_when_due(&self, leading: &mut Leading) -> Result<Step, StepError> {
        if leading.parking.keys.is_empty() || leading.look_at > Instant::now() {
            return Ok(Step::Idle);
        }
        self.retry(leading).await
    }

    /// Looks at what is parked when it is time; else reads a batch and folds it.
    pub(super) async fn step(&self, leading: &mut Leading) -> Result<Step, StepError> {
        if leading.leases.is_empty() {
            return Ok(Step::Idle);
        }
        if !leading.begun {
            self.take_over_parked(leading).await?;
            return Ok(Step::Folded(0));
        }
        match self.retry_when_due(leading).await? {
            Step::Idle => {}
            step => return Ok(step),
        }
        if leading.save_at.is_some_and(|at| at <= Instant::now()) {
            return self.save(leading).await;
        }
        let (from, (leases, next)) = (leading.passed, leading.behind());
        if next.is_none() && self.feed.known() <= from {
            return Ok(Step::Idle);
        }
        let limit = next.map_or(self.batch_events(), |next| {
            self.batch_events().min(next.0 - from.0)
        });
        if next.is_none() && self.feed.known().0 - from.0 < limit {
            sleep_until(leading.fold_at).await;
        }
        leading.fold_at = Instant::now() + BATCHES_APART;
        let mut events = self.feed.read(from, limit).await.map_err(StepError::Log)?;
        let Some(to) = events.last().and_then(|event| event.position) else {
            return Ok(Step::Idle);
        };
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        let ours = |event: &RecordedEvent| leases.iter().any(|lease| lease.slices.contains(event.slice));
        let concerns = |event: &RecordedEvent| ours(event) && !matches!(P::key(event), Ok(None));
        if next.is_none() && !events.iter().any(|event| concerns(event)) {
            leading.passed = to;
            leading.save_at.get_or_insert(Instant::now() + PASSED_FOR);
            return Ok(Step::Folded(count));
        }
        events.retain(|event| ours(event));
        let _spans = spans::<P>(&events);
        let mut transaction = self.pool.begin().await?;
        if !checkpoint::advance(&mut transaction, leading.place, &leases, to).await? {
            return Ok(Step::Lost);
        }
        let parked = fold_batch::<P>(&mut transaction, &events, &leading.parking).await?;
        parking::park(&mut transaction, leading.place, &parked).await?;
        transaction.commit().await?;
        leading.moved(to);
        self.note_parked(leading, &parked).await;
        if next == Some(to) && leading.behind().1.is_none() {
            return Ok(Step::Level);
        }
        Ok(Step::Folded(count))
    }

    /// Remembers and tells what was just parked.
    pub(super) async fn note_parked(&self, leading: &mut Leading, parked: &[Parked<'_>]) {
        if parked.is_empty() {
            return;
        }
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
        leading.parking.add(parked);
        self.tell_parked(leading).await;
    }

    /// Moves the checkpoints past events that were passed over.
    pub(super) async fn save(&self, leading: &mut Leading) -> Result<Step, StepError> {
        let (leases, _) = leading.behind();
        let to = leading.passed;
        if leases.first().is_some_and(|lease| to > lease.position) {
            let mut connection = self.pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            if !checkpoint::advance(&mut transaction, leading.place, &leases, to).await? {
                return Ok(Step::Lost);
            }
            transaction.commit().await?;
        }
        leading.moved(to);
        Ok(Step::Folded(0))
    }

    /// Tries the parked keys that are due, one after the other.
    async fn retry(&self, leading: &mut Leading) -> Result<Step, StepError> {
        leading.look_at = Instant::now() + PARKED_LOOK_EVERY;
        let place = leading.place;
        while let Some(key) = parking::due(&self.pool, place, &leading.leases).await? {
            loop {
                let positions = parking::positions(&self.pool, place, &key, PARKED_EVENTS).await?;
                let mut events = Vec::with_capacity(positions.len());
                for position in &positions {
                    let before = Position(position.0 - 1);
                    events.extend(self.feed.read(before, 1).await.map_err(StepError::Log)?);
                }
                let mut transaction = self.pool.begin().await?;
                if !checkpoint::hold(&mut transaction, place, &leading.leases).await? {
                    return Ok(Step::Lost);
                }
                let mut others = Parking::load(&mut transaction, place, &leading.leases).await?;
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
                let free = parking::settle(&mut transaction, place, &key, &folded, hindered).await?;
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
        self.tell_parked(leading).await;
        Ok(Step::Folded(0))
    }

    pub(super) fn batch_events(&self) -> i64 {
        self.options.batch_events.max(1)
    }

    async fn tell_parked(&self, leading: &Leading) {
        let count = if leading.parking.keys.is_empty() {
            Ok(0)
        } else {
            parking::count(&self.pool, leading.place, &leading.leases).await
        };
        if let Ok(count) = count {
            metrics::gauge!("projection_parked_events", "name" => P::NAME).set(count as f64);
        }
    }
}
