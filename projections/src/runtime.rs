//! The runtime: feeds a projection from the log, batch by batch, for as long as the process lives.
//!
//! The processes that fold a projection share its slices. A batch is one transaction: it moves the checkpoints of the
//! process's shares under their epochs, loads the rows concerned, folds, and writes them. Who falls silent loses its
//! shares to the others, and who joins takes a fair part from them: a share changes hands by its epoch alone, and
//! whoever had it notices when it cannot write.
//!
//! An event that cannot be folded is parked with its ordering key and tried again with growing pauses. Only what is no
//! event's fault, a database or a log that cannot be read, stops a projection, and the others go on.

mod delivered;
mod leading;
mod reached;

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLogError, Feed, Position, RecordedEvent};
use sqlx::{Connection, PgPool};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use self::leading::Leading;
pub use self::reached::Reached;
use crate::checkpoint::{self, Failure, Lease, Place};
use crate::fold::{Projection, described};
use crate::membership;
use crate::rebuild::{self, RebuildError};
use crate::share::{Share, settled};
use crate::slot::{self, SlotState};
use crate::source::{Source, SourceError};

/// How projections are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Fold; else only hear how far those are who do.
    pub folds: bool,
    /// Who runs them: kept with the data folder, so that a restarted server is known again and takes over at once.
    pub owner: Uuid,
    /// Take over from those whose time is not over: for the only server of a data folder.
    pub takeover: bool,
    /// How long others wait for a silent process.
    pub lease: Duration,
    /// Most events of a batch.
    pub batch_events: i64,
    /// How often a process that does not fold everything looks at what the others do.
    pub follow_every: Duration,
    /// Longest pause between two attempts at what fails.
    pub retry_max: Duration,
}

impl Options {
    pub fn new(owner: Uuid) -> Self {
        Self {
            folds: true,
            owner,
            takeover: false,
            lease: Duration::from_secs(10),
            batch_events: 1_000,
            follow_every: Duration::from_millis(100),
            retry_max: Duration::from_secs(30),
        }
    }
}

/// The first pause after a failure; it doubles up to `Options::retry_max`.
const RETRY_FIRST: Duration = Duration::from_millis(100);

/// One projection's task.
pub(crate) struct Worker<P> {
    pool: PgPool,
    feed: Feed,
    options: Options,
    reached: watch::Sender<Reached>,
    stop: watch::Receiver<bool>,
    source: Option<Arc<dyn Source>>,
    projection: PhantomData<fn() -> P>,
}

/// What one step did.
enum Step {
    /// Folded so many events.
    Folded(i64),
    /// There is nothing to fold.
    Idle,
    /// The shares are as far as each other, and may become one.
    Level,
    /// Somebody else has a share.
    Lost,
}

/// What stopped a step.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("{}", described(.0))]
    Database(#[from] sqlx::Error),
    /// Its own text says what is wrong with the log, and nothing of its contents.
    #[error("the log cannot be read: {0}")]
    Log(EventLogError),
    #[error("the source brings nothing: {0}")]
    Source(SourceError),
}

/// How a process finds the read model.
enum Found {
    Divided {
        place: Place,
        shares: Vec<Share>,
    },
    /// The rows were made by another version of the fold.
    OtherVersion(i32),
}

impl<P: Projection> Worker<P> {
    pub fn new(
        pool: PgPool,
        feed: Feed,
        options: Options,
        source: Option<Arc<dyn Source>>,
        stop: watch::Receiver<bool>,
    ) -> (Self, watch::Receiver<Reached>) {
        let (reached, heard) = watch::channel(Reached::default());
        (
            Self {
                pool,
                feed,
                options,
                reached,
                stop,
                source,
                projection: PhantomData,
            },
            heard,
        )
    }

    pub async fn run(mut self) {
        if !self.options.folds {
            return self.follow().await;
        }
        if let Some(source) = self.source.clone() {
            return self.be_fed(&source).await;
        }
        let mut attempts = 0;
        // What this process had before it was started anew is fenced off once.
        let mut fresh = true;
        while !self.stopped() {
            let me = self.options.owner;
            let divided = self
                .divide(|shares, present| settled(shares, me, present, fresh))
                .await;
            match divided {
                Ok(Found::Divided { place, shares }) => {
                    (attempts, fresh) = (0, false);
                    self.fold(place, shares).await;
                }
                Ok(Found::OtherVersion(stored)) => {
                    if let Err(error) = self.make_anew(stored).await {
                        attempts += 1;
                        let (name, ours) = (P::NAME, P::VERSION);
                        error!(projection.name = name, stored, ours, %error, "rows not made anew");
                        self.pause(attempts).await;
                    }
                }
                Err(error) => {
                    attempts += 1;
                    warn!(projection.name = P::NAME, %error, "checkpoint cannot be read");
                    self.pause(attempts).await;
                }
            }
        }
    }

    /// Hears from the database how far the read model is, where others fold it.
    async fn follow(&mut self) {
        while !self.stopped() {
            match checkpoint::live(&self.pool, P::NAME).await {
                Ok(shares) if shares.is_empty() => {}
                Ok(shares) => {
                    let all = shares
                        .iter()
                        .map(|share| (share.slices, share.position))
                        .collect();
                    self.reached.send_if_modified(|reached| reached.hear(all));
                }
                Err(error) => warn!(projection.name = P::NAME, %error, "checkpoint cannot be read"),
            }
            let told = self.reached.borrow().position();
            // Nothing new can have been folded while the log has not grown.
            if self.feed.known() <= told {
                self.wait(Some(told), Instant::now() + self.options.lease / 2)
                    .await;
            } else {
                self.wait(None, Instant::now() + self.options.follow_every).await;
            }
        }
    }

    /// Divides the shares anew, as `how` says of those there are and of who is present.
    async fn divide(
        &self,
        how: impl FnOnce(&[Share], &BTreeSet<Uuid>) -> Vec<Share>,
    ) -> Result<Found, sqlx::Error> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let (live, _) = slot::lock(&mut transaction, P::NAME).await?;
        match live.version {
            Some(stored) if stored != P::VERSION => return Ok(Found::OtherVersion(stored)),
            Some(_) => {}
            None => {
                let version = Some(P::VERSION);
                slot::set(&mut transaction, P::NAME, live.slot, SlotState::Live, version).await?;
            }
        }
        let place = Place {
            name: P::NAME,
            slot: live.slot,
        };
        let present = membership::present(&mut *transaction, true).await?;
        let mut shares = checkpoint::lock(&mut transaction, place).await?;
        let divided = how(&shares, &present);
        if divided != shares {
            shares = checkpoint::replace(&mut transaction, place, &divided).await?;
        }
        transaction.commit().await?;
        Ok(Found::Divided { place, shares })
    }

    /// Rows of an older version are made anew beside those that are read, by whoever comes first; rows of a newer one
    /// are left to whoever made them.
    async fn make_anew(&mut self, stored: i32) -> Result<(), RebuildError> {
        if stored > P::VERSION {
            return Err(RebuildError::OtherVersion {
                stored,
                ours: P::VERSION,
            });
        }
        info!(
            projection.name = P::NAME,
            stored,
            ours = P::VERSION,
            "rows are made anew"
        );
        let options = rebuild::RebuildOptions::new(self.options.owner, self.options.lease);
        let mut stop = self.stop.clone();
        tokio::select! {
            renewed = rebuild::renew::<P>(&self.pool, &self.feed, &options) => renewed,
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        }
    }

    /// Makes the rows anew, or waits until whoever can has.
    async fn await_version(&mut self) {
        let mut attempts = 0;
        while !self.stopped() {
            let live = slot::live_version(&self.pool, P::NAME).await;
            match live {
                Ok(Some(stored)) if stored != P::VERSION => match self.make_anew(stored).await {
                    Ok(()) => return,
                    Err(error) => {
                        attempts += 1;
                        let (name, ours) = (P::NAME, P::VERSION);
                        error!(projection.name = name, stored, ours, %error, "rows not made anew");
                    }
                },
                Ok(_) => return,
                Err(error) => {
                    attempts += 1;
                    warn!(projection.name = P::NAME, %error, "checkpoint cannot be read");
                }
            }
            self.pause(attempts).await;
        }
    }

    /// Folds this process's shares until told to stop, until one is lost, or until they are to be divided anew.
    async fn fold(&mut self, place: Place, mut shares: Vec<Share>) {
        let me = self.options.owner;
        let leases = Lease::of(&shares, me);
        let alone = shares.iter().all(|share| share.owner == Some(me));
        debug!(
            projection.name = P::NAME,
            shares = leases.len(),
            alone,
            "shares taken"
        );
        let mut leading = Leading::new(place, leases);
        self.publish(&shares, &leading);
        // Who is alone looks too, now and then: others may be read since a rebuild, though nothing came to notice it by.
        let look_every = if alone {
            self.options.lease / 2
        } else {
            self.options.follow_every
        };
        let mut look_at = Instant::now() + look_every;
        let mut attempts = 0;
        while !self.stopped() {
            if look_at <= Instant::now() {
                look_at = Instant::now() + look_every;
                match self.others(place, &leading).await {
                    Ok(Some(seen)) => {
                        shares = seen;
                        self.publish(&shares, &leading);
                    }
                    Ok(None) => break,
                    Err(error) => warn!(projection.name = P::NAME, %error, "checkpoint cannot be read"),
                }
            }
            match self.step(&mut leading).await {
                Ok(Step::Folded(events)) => {
                    attempts = 0;
                    self.publish(&shares, &leading);
                    if events == self.batch_events() {
                        self.measure_lag().await;
                    }
                }
                Ok(Step::Idle) => {
                    attempts = 0;
                    // What this process has not folded, others may not have either.
                    let position = self.reached.borrow().position();
                    Self::tell_lag((self.feed.known().0 - position.0).max(0));
                    let wake_at = leading.wake_at().map_or(look_at, |at| at.min(look_at));
                    let passed = (!leading.leases.is_empty()).then_some(leading.passed);
                    self.wait(passed, wake_at).await;
                }
                Ok(Step::Level) => {
                    self.publish(&shares, &leading);
                    return;
                }
                Ok(Step::Lost) => {
                    debug!(projection.name = P::NAME, "share lost");
                    return;
                }
                Err(error) => {
                    attempts += 1;
                    self.failed(&leading, &error, attempts).await;
                    self.measure_lag().await;
                    self.pause(attempts).await;
                }
            }
        }
        if let Err(error) = self.save(&mut leading).await {
            debug!(projection.name = P::NAME, %error, "checkpoint not saved");
        }
        if self.stopped()
            && let Err(error) = checkpoint::release(&self.pool, place, &leading.leases).await
        {
            debug!(projection.name = P::NAME, %error, "shares not released");
        }
    }

    /// The shares as they stand; None when they are to be divided anew, or others are read now.
    async fn others(&self, place: Place, leading: &Leading) -> Result<Option<Vec<Share>>, sqlx::Error> {
        let me = self.options.owner;
        let Some((shares, present)) = checkpoint::look(&self.pool, place).await? else {
            return Ok(None);
        };
        let mine = Lease::of(&shares, me);
        let as_known = mine.len() == leading.leases.len()
            && mine.iter().zip(&leading.leases).all(|(a, b)| a.epoch == b.epoch);
        let stays = as_known && settled(&shares, me, &present, false) == shares;
        Ok(stays.then_some(shares))
    }

    async fn failed(&self, leading: &Leading, error: &StepError, attempts: u32) {
        let failure = Failure {
            error: error.to_string(),
            attempts,
            at: Utc::now(),
        };
        error!(
            projection.name = P::NAME,
            event.position = leading.passed.0,
            error = %failure.error,
            attempts,
            "projection stopped"
        );
        metrics::counter!("projection_failures_total", "name" => P::NAME).increment(1);
        let kept = checkpoint::fail(&self.pool, leading.place, &leading.leases, &failure).await;
        if let Err(error) = kept {
            warn!(projection.name = P::NAME, %error, "failure not recorded");
        }
    }

    /// Tells how far the read model is: this process's shares as it knows, the others' as they were last seen.
    fn publish(&self, shares: &[Share], leading: &Leading) {
        let me = self.options.owner;
        let others = shares.iter().filter(|share| share.owner != Some(me));
        let others = others.map(|share| (share.slices, share.position));
        let all = others.chain(leading.reached()).collect();
        self.reached.send_if_modified(|reached| reached.hear(all));
        let position = self.reached.borrow().position();
        metrics::gauge!("projection_position", "name" => P::NAME).set(position.0 as f64);
    }

    /// How many events of the log are not folded.
    async fn measure_lag(&self) {
        let position = self.reached.borrow().position();
        if let Ok(head) = self.feed.head().await {
            Self::tell_lag((head.0 - position.0).max(0));
        }
    }

    fn tell_lag(lag: i64) {
        metrics::gauge!("projection_lag_events", "name" => P::NAME).set(lag as f64);
    }

    /// True also when nobody is left who could say so.
    fn stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Until there is more to fold, or something is due, or it is time to stop.
    async fn wait(&mut self, after: Option<Position>, wake_at: Instant) {
        let grown = async {
            match after {
                Some(after) => self.feed.wait_past(after).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = grown => {}
            () = sleep_until(wake_at) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn pause(&mut self, attempts: u32) {
        let doubled = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        let duration = doubled.min(self.options.retry_max);
        tokio::select! {
            () = sleep(duration) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// A span in the trace of each event that is folded, open for as long as the batch's transaction.
fn spans<P: Projection>(events: &[Arc<RecordedEvent>]) -> Vec<tracing::Span> {
    if !tracing::enabled!(target: "trace", tracing::Level::INFO) {
        return Vec::new();
    }
    let span = |event: &Arc<RecordedEvent>| {
        let trace = event.metadata.get("correlation_id")?.as_str()?;
        P::key(event).ok()??;
        Some(tracing::info_span!(
            target: "trace",
            "projection.fold",
            trace.id = trace,
            projection.name = P::NAME,
            event.id = %event.event_id,
            event.name = event.event_type,
        ))
    };
    events.iter().filter_map(span).collect()
}
