//! Folding what a source brings instead of reading the log.
//!
//! Each share stands where it stands; a part that begins where a share is, or before, is folded, and whatever is missing
//! before it is read from the log. So a source may double, be late or lose, and the rows are the same. While it brings
//! nothing and the log grows, the log is read.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use event_log::{Position, RecordedEvent};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::leading::Leading;
use super::{Found, Step, StepError, Worker, spans};
use crate::checkpoint::{self, Lease};
use crate::fold::{Projection, fold_batch};
use crate::parking;
use crate::share::{Share, Slices, assigned};
use crate::source::{Deliveries, Delivery, Part, Passed, Source};

/// How long a share may stand still while the log grows, before the log is read instead.
const SILENCE: Duration = Duration::from_secs(5);
/// How often checkpoints are moved past what no row is made from.
const PASSED_EVERY: Duration = Duration::from_millis(100);
/// How long a share that was taken waits to be assigned anew before it is taken back.
const LOST_FOR: Duration = Duration::from_millis(500);

/// How long slices may be nobody's before somebody reads the log for them: longer than a source needs to give them away.
const ORPHANED_FOR: Duration = Duration::from_secs(8);

/// What was brought and what is this process's.
struct Fed {
    deliveries: Box<dyn Deliveries>,
    assigned: Vec<Slices>,
    /// What the source has given to nobody, and since when that is so.
    orphans: Vec<Slices>,
    orphaned_at: Option<Instant>,
    passed: Option<Passed>,
    /// How far the share is that is furthest behind, and until when it may stand there while the log grows.
    least: Position,
    silent_until: Instant,
    pass_at: Instant,
}

/// Nobody who is there has it.
fn is_orphan(share: &Share, present: &BTreeSet<Uuid>) -> bool {
    share.owner.is_none_or(|owner| !present.contains(&owner))
}

impl<P: Projection> Worker<P> {
    /// Folds what a source brings until told to stop.
    pub(super) async fn be_fed(&mut self, source: &Arc<dyn Source>) {
        let wanted = |event: &RecordedEvent| !matches!(P::key(event), Ok(None));
        let (mut attempts, mut fresh) = (0, true);
        let mut orphaned_at = None;
        while !self.stopped() {
            let deliveries = match source.join(P::NAME, wanted) {
                Ok(deliveries) => deliveries,
                Err(error) => {
                    attempts += 1;
                    warn!(projection.name = P::NAME, %error, "the source cannot be joined");
                    self.pause(attempts).await;
                    continue;
                }
            };
            let now = Instant::now();
            let mut fed = Fed {
                deliveries,
                assigned: Vec::new(),
                orphans: Vec::new(),
                orphaned_at,
                passed: None,
                least: Position(0),
                silent_until: now + SILENCE,
                pass_at: now,
            };
            while !self.stopped() {
                let me = self.options.owner;
                let mine = |shares: &[Share], present: &BTreeSet<Uuid>| {
                    let adopted = shares.iter().filter(|share| {
                        let wanted = fed
                            .orphans
                            .iter()
                            .any(|orphan| orphan.contains(share.slices.from));
                        wanted && (share.owner == Some(me) || is_orphan(share, present))
                    });
                    let adopted = adopted.map(|share| share.slices);
                    let mine: Vec<Slices> = fed.assigned.iter().copied().chain(adopted).collect();
                    assigned(shares, me, &mine, fresh)
                };
                let divided = self.divide(mine).await;
                match divided {
                    Ok(Found::Divided { place, shares }) => {
                        fresh = false;
                        let mut leading = Leading::new(place, Lease::of(&shares, self.options.owner));
                        leading.passed = Position(0);
                        if let Err(error) = self.fold_fed(&mut fed, &mut leading, shares).await {
                            attempts += 1;
                            self.failed(&leading, &error, attempts).await;
                            let ended = matches!(error, StepError::Source(_));
                            if ended {
                                // What is this process's is not to wait for the source.
                                let head = self.feed.known();
                                if let Err(error) = self.fold_log(&mut leading, &[], head).await {
                                    debug!(projection.name = P::NAME, %error, "the log is not folded");
                                }
                            }
                            self.pause(attempts).await;
                            if ended {
                                orphaned_at = fed.orphaned_at;
                                break;
                            }
                        } else {
                            attempts = 0;
                        }
                        if self.stopped()
                            && let Err(error) = checkpoint::release(&self.pool, place, &leading.leases).await
                        {
                            debug!(projection.name = P::NAME, %error, "shares not released");
                        }
                    }
                    // Rows of another version: made anew from the log, as where no source is.
                    Ok(Found::OtherVersion(_)) => self.await_version().await,
                    Err(error) => {
                        attempts += 1;
                        warn!(projection.name = P::NAME, %error, "checkpoint cannot be read");
                        self.pause(attempts).await;
                    }
                }
            }
        }
    }

    /// Until the slices are others, or the rows are.
    async fn fold_fed(
        &mut self,
        fed: &mut Fed,
        leading: &mut Leading,
        mut shares: Vec<Share>,
    ) -> Result<(), StepError> {
        self.take_over_parked(leading).await?;
        self.publish(&shares, leading);
        let mut look_at = Instant::now();
        while !self.stopped() {
            if look_at <= Instant::now() {
                look_at = Instant::now() + self.options.follow_every;
                match checkpoint::look(&self.pool, leading.place).await? {
                    Some((seen, present)) if self.are_as_known(&seen, leading) => {
                        let orphans = seen.iter().filter(|share| is_orphan(share, &present));
                        let orphans: Vec<Slices> = orphans.map(|share| share.slices).collect();
                        shares = seen;
                        self.publish(&shares, leading);
                        if orphans.is_empty() {
                            fed.orphaned_at = None;
                        } else if fed.orphaned_at.get_or_insert_with(Instant::now).elapsed() > ORPHANED_FOR {
                            info!(
                                projection.name = P::NAME,
                                "slices of nobody are read from the log"
                            );
                            fed.orphans = orphans;
                            fed.orphaned_at = None;
                            return Ok(());
                        }
                    }
                    Some(_) => {
                        debug!(projection.name = P::NAME, "share lost");
                        return self.await_assignment(fed).await;
                    }
                    None => return Ok(()),
                }
            }
            if let Step::Lost = self.retry_when_due(leading).await? {
                return self.await_assignment(fed).await;
            }
            let head = self.feed.known();
            let least = leading.leases.iter().map(|lease| lease.position).min();
            let behind = least.is_some_and(|least| least < head);
            // What others have is no comfort to the one that the source has forgotten.
            if !behind || least > Some(fed.least) {
                fed.least = least.unwrap_or_default();
                fed.silent_until = Instant::now() + SILENCE;
            }
            Self::tell_lag((head.0 - self.reached.borrow().position().0).max(0));
            let wake_at = look_at.min(fed.pass_at.max(Instant::now() + Duration::from_millis(5)));
            let mut stop = self.stop.clone();
            let delivery = tokio::select! {
                delivery = fed.deliveries.next() => Some(delivery.map_err(StepError::Source)?),
                () = sleep_until(wake_at) => None,
                _ = stop.wait_for(|stop| *stop) => return Ok(()),
            };
            let step = match delivery {
                Some(Delivery::Assigned(slices)) => {
                    info!(projection.name = P::NAME, parts = slices.len(), "slices assigned");
                    fed.assigned = slices;
                    fed.orphans.clear();
                    fed.least = Position(0);
                    return Ok(());
                }
                Some(Delivery::Parts(parts)) => {
                    let parts = self.of_this_log(parts).await?;
                    let step = self.fold_parts(leading, &parts).await?;
                    if let Step::Folded(_) = step {
                        fed.deliveries.stored();
                    }
                    step
                }
                Some(Delivery::Passed(passed)) => {
                    let of_this_log = self.has(&[(passed.to, &passed.leaf)]).await?[0];
                    fed.passed = Some(passed).filter(|_| of_this_log);
                    Step::Idle
                }
                None if fed.pass_at <= Instant::now() => {
                    fed.pass_at = Instant::now() + PASSED_EVERY;
                    match &fed.passed {
                        Some(passed) => self.pass(leading, passed).await?,
                        None => Step::Idle,
                    }
                }
                None => Step::Idle,
            };
            let step = match step {
                Step::Idle | Step::Folded(_) if behind && fed.silent_until <= Instant::now() => {
                    debug!(
                        projection.name = P::NAME,
                        "the source brings too little, the log is read"
                    );
                    self.fold_log(leading, &[], head).await?
                }
                step => step,
            };
            match step {
                Step::Lost => {
                    debug!(projection.name = P::NAME, "share lost");
                    return self.await_assignment(fed).await;
                }
                Step::Folded(_) => self.publish(&shares, leading),
                Step::Idle | Step::Level => {}
            }
        }
        Ok(())
    }

    fn are_as_known(&self, seen: &[Share], leading: &Leading) -> bool {
        let mine = Lease::of(seen, self.options.owner);
        mine.len() == leading.leases.len()
            && mine.iter().zip(&leading.leases).all(|(a, b)| a.epoch == b.epoch)
    }

    /// Somebody took what is this process's: most often because the source has given it to them, and says so soon.
    async fn await_assignment(&self, fed: &mut Fed) -> Result<(), StepError> {
        let until = Instant::now() + LOST_FOR;
        loop {
            tokio::select! {
                delivery = fed.deliveries.next() => match delivery.map_err(StepError::Source)? {
                    Delivery::Assigned(slices) => {
                        fed.assigned = slices;
                        fed.orphans.clear();
                        return Ok(());
                    }
                    // What is not folded is read from the log.
                    Delivery::Parts(_) | Delivery::Passed(_) => {}
                },
                () = sleep_until(until) => return Ok(()),
            }
        }
    }

    /// Which of some positions the log has with these leaves, or their beginnings.
    async fn has(&self, wanted: &[(Position, &Vec<u8>)]) -> Result<Vec<bool>, StepError> {
        let positions: Vec<Position> = wanted.iter().map(|(position, _)| *position).collect();
        let leaves = self.feed.leaves(&positions).await.map_err(StepError::Log)?;
        let has = |(position, leaf): &(Position, &Vec<u8>)| {
            let mut leaves = leaves.iter();
            leaves.any(|(placed, found)| placed == position && found.starts_with(leaf))
        };
        Ok(wanted.iter().map(has).collect())
    }

    /// Leaves out what was sent before the log was put back to an older state.
    async fn of_this_log(&self, mut parts: Vec<Part>) -> Result<Vec<Part>, StepError> {
        let wanted: Vec<(Position, &Vec<u8>)> = parts.iter().map(|part| (part.to, &part.leaf)).collect();
        let mut has = self.has(&wanted).await?.into_iter();
        let all = parts.len();
        parts.retain(|_| has.next().unwrap_or_default());
        if parts.len() < all {
            warn!(
                projection.name = P::NAME,
                parts = all - parts.len(),
                "the source brings events that the log does not have"
            );
        }
        Ok(parts)
    }

    /// Folds what is new of some parts; what is missing before them comes from the log.
    async fn fold_parts(&self, leading: &mut Leading, parts: &[Part]) -> Result<Step, StepError> {
        let concerns = |lease: &Lease, part: &Part| part.slices.contains(lease.slices.from);
        let missing = parts.iter().filter(|part| {
            let mut leases = leading.leases.iter();
            leases.any(|lease| concerns(lease, part) && lease.position < part.after)
        });
        let missing: Vec<&Part> = missing.collect();
        if let Some(up_to) = missing.iter().map(|part| part.after).max() {
            let slices: Vec<Slices> = missing.iter().map(|part| part.slices).collect();
            debug!(projection.name = P::NAME, %up_to, "events missing from the source are read from the log");
            if let Step::Lost = self.fold_log(leading, &slices, up_to).await? {
                return Ok(Step::Lost);
            }
        }
        let mut moves = Vec::new();
        let mut events: Vec<Arc<RecordedEvent>> = Vec::new();
        for lease in &leading.leases {
            let Some(part) = parts.iter().find(|part| concerns(lease, part)) else {
                continue;
            };
            if part.to > lease.position {
                moves.push((*lease, part.to));
                let new = part.events.iter().filter(|event| {
                    lease.slices.contains(event.slice) && event.position > Some(lease.position)
                });
                events.extend(new.cloned());
            }
        }
        self.fold_moves(leading, &moves, &events, "stream").await
    }

    /// Reads the log for shares of some slices, of all when none are named, up to a position.
    async fn fold_log(
        &self,
        leading: &mut Leading,
        slices: &[Slices],
        up_to: Position,
    ) -> Result<Step, StepError> {
        let concerns = |lease: &Lease| {
            lease.position < up_to
                && (slices.is_empty() || slices.iter().any(|slices| slices.contains(lease.slices.from)))
        };
        loop {
            let behind: Vec<Lease> = leading
                .leases
                .iter()
                .filter(|lease| concerns(lease))
                .copied()
                .collect();
            let Some(from) = behind.iter().map(|lease| lease.position).min() else {
                return Ok(Step::Folded(0));
            };
            let scanned = self.feed.scan(from, up_to, self.batch_events(), P::STREAMS).await;
            let mut scanned = scanned.map_err(StepError::Log)?;
            let moves: Vec<(Lease, Position)> = behind
                .into_iter()
                .filter(|lease| lease.position < scanned.to)
                .map(|lease| (lease, scanned.to))
                .collect();
            scanned.events.retain(|event| {
                let mut moves = moves.iter();
                moves.any(|(lease, _)| {
                    lease.slices.contains(event.slice) && event.position > Some(lease.position)
                })
            });
            if let Step::Lost = self.fold_moves(leading, &moves, &scanned.events, "log").await? {
                return Ok(Step::Lost);
            }
        }
    }

    /// Moves checkpoints past what no row is made from, as far as the source has told.
    async fn pass(&self, leading: &mut Leading, passed: &Passed) -> Result<Step, StepError> {
        let mut moves = Vec::new();
        for lease in &leading.leases {
            let mut after = passed.after.iter();
            if let Some((_, after)) = after.find(|(slices, _)| slices.contains(lease.slices.from))
                && (*after..passed.to).contains(&lease.position)
            {
                moves.push((*lease, passed.to));
            }
        }
        if moves.is_empty() {
            return Ok(Step::Idle);
        }
        self.fold_moves(leading, &moves, &[], "stream").await
    }

    /// One transaction: the checkpoints and the rows.
    async fn fold_moves(
        &self,
        leading: &mut Leading,
        moves: &[(Lease, Position)],
        events: &[Arc<RecordedEvent>],
        source: &'static str,
    ) -> Result<Step, StepError> {
        if moves.is_empty() {
            return Ok(Step::Folded(0));
        }
        let _spans = spans::<P>(events);
        let mut transaction = self.pool.begin().await?;
        if !checkpoint::advance_each(&mut transaction, leading.place, moves).await? {
            return Ok(Step::Lost);
        }
        let parked = fold_batch::<P>(&mut transaction, events, &leading.parking).await?;
        parking::park(&mut transaction, leading.place, &parked).await?;
        transaction.commit().await?;
        for (moved, to) in moves {
            let lease = leading.leases.iter_mut().find(|lease| lease.epoch == moved.epoch);
            if let Some(lease) = lease {
                lease.position = *to;
            }
        }
        self.note_parked(leading, &parked).await;
        metrics::counter!("projection_events_total", "name" => P::NAME, "source" => source)
            .increment(events.len() as u64);
        Ok(Step::Folded(i64::try_from(events.len()).unwrap_or(i64::MAX)))
    }
}
