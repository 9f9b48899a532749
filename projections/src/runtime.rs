//! The runtime: feeds a projection from the log, batch by batch, for as long as the process lives.
//!
//! One process leads a projection; others follow its checkpoint and take over when it falls silent. A batch is one
//! transaction: it moves the checkpoint under the lease's epoch, loads the rows concerned, folds, and writes them.
//! An event that cannot be folded is parked with its ordering key and tried again with growing pauses. Only what is no
//! event's fault, a database or a log that cannot be read, stops a projection, and the others go on.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLogError, Feed, Position, RecordedEvent};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use crate::checkpoint::{self, Asked, Claimant, Failure, Lease};
use crate::fold::{Projection, described, fold_batch};
use crate::parking::{self, Parking};

/// How projections are run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Who runs them: kept with the data folder, so that a restarted server is known again and takes over at once.
    pub owner: Uuid,
    /// Take over from a holder whose lease has not run out: for the only server of a data folder.
    pub takeover: bool,
    /// How long others wait for a silent holder.
    pub lease: Duration,
    /// Most events of a batch.
    pub batch_events: i64,
    /// How often a follower looks at the checkpoint.
    pub follow_every: Duration,
    /// Longest pause between two attempts at what fails.
    pub retry_max: Duration,
}

impl Options {
    pub fn new(owner: Uuid) -> Self {
        Self {
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

/// One projection's task.
pub(crate) struct Worker<P> {
    pool: PgPool,
    feed: Feed,
    options: Options,
    reached: watch::Sender<Position>,
    stop: watch::Receiver<bool>,
    projection: PhantomData<fn() -> P>,
}

/// What one step of a leader did.
enum Step {
    /// Folded so many events.
    Folded(i64),
    /// There is nothing to fold.
    Idle,
    /// Somebody else has the lease, or moved the checkpoint.
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
}

/// What a leader knows while its lease lasts.
struct Leading {
    lease: Lease,
    /// How far it has come. Between the checkpoint and here is no event that it has a use for.
    passed: Position,
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
    fn wake_at(&self) -> Option<Instant> {
        let look_at = (!self.parking.keys.is_empty()).then_some(self.look_at);
        [look_at, self.save_at].into_iter().flatten().min()
    }
}

impl<P: Projection> Worker<P> {
    pub fn new(
        pool: PgPool,
        feed: Feed,
        options: Options,
        stop: watch::Receiver<bool>,
    ) -> (Self, watch::Receiver<Position>) {
        let (reached, checkpoint) = watch::channel(Position(0));
        (
            Self {
                pool,
                feed,
                options,
                reached,
                stop,
                projection: PhantomData,
            },
            checkpoint,
        )
    }

    pub async fn run(mut self) {
        let mut takeover = self.options.takeover;
        let mut attempts = 0;
        while !self.stopped() {
            let claimant = Claimant {
                owner: self.options.owner,
                duration: self.options.lease,
                takeover,
            };
            match checkpoint::ask(&self.pool, P::NAME, P::VERSION, claimant).await {
                Ok(Asked::Granted(lease)) => {
                    // Once: of two servers that both take over, neither would ever lead.
                    takeover = false;
                    attempts = 0;
                    info!(projection.name = P::NAME, lease.epoch, "projection led");
                    self.lead(lease).await;
                }
                Ok(Asked::Held) => {
                    attempts = 0;
                    self.follow().await;
                }
                Ok(Asked::OtherVersion(stored)) => {
                    attempts += 1;
                    error!(
                        projection.name = P::NAME,
                        stored,
                        ours = P::VERSION,
                        "projection must be rebuilt"
                    );
                    self.pause(attempts).await;
                }
                Err(error) => {
                    attempts += 1;
                    warn!(projection.name = P::NAME, %error, "checkpoint cannot be read");
                    self.pause(attempts).await;
                }
            }
        }
    }

    /// Folds until told to stop or until the lease is lost.
    async fn lead(&mut self, lease: Lease) {
        self.publish(lease.position);
        let mut attempts = 0;
        let mut leading = None;
        while !self.stopped() {
            let step = match &mut leading {
                None => self.begin(lease).await.map(|begun| {
                    leading = Some(begun);
                    Step::Folded(0)
                }),
                Some(leading) => self.step(leading).await,
            };
            let position = leading.as_ref().map_or(lease.position, |leading| leading.passed);
            match step {
                Ok(Step::Folded(events)) => {
                    attempts = 0;
                    self.publish(position);
                    if events == self.batch_events() {
                        self.measure_lag(position).await;
                    }
                }
                Ok(Step::Idle) => {
                    attempts = 0;
                    Self::tell_lag(0);
                    let wake_at = leading.as_ref().and_then(Leading::wake_at);
                    self.wait(position, wake_at).await;
                }
                Ok(Step::Lost) => {
                    debug!(projection.name = P::NAME, lease.epoch, "lease lost");
                    return;
                }
                Err(error) => {
                    attempts += 1;
                    let lease = leading.as_ref().map_or(lease, |leading| leading.lease);
                    self.failed(lease, &error, attempts).await;
                    self.measure_lag(position).await;
                    self.pause(attempts).await;
                }
            }
        }
        if let Some(leading) = &mut leading
            && let Err(error) = self.save(leading).await
        {
            debug!(projection.name = P::NAME, %error, "checkpoint not saved");
        }
        if let Err(error) = checkpoint::release(&self.pool, P::NAME, lease).await {
            debug!(projection.name = P::NAME, %error, "lease not released");
        }
    }

    /// Takes over what is parked. Perhaps this version can fold it, so all of it is tried.
    async fn begin(&self, lease: Lease) -> Result<Leading, StepError> {
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
    async fn step(&self, leading: &mut Leading) -> Result<Step, StepError> {
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
    async fn save(&self, leading: &mut Leading) -> Result<Step, StepError> {
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

    fn batch_events(&self) -> i64 {
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

    /// Keeps up with the checkpoint that another process moves, until it may be taken over: the lease is free and
    /// there is work that nobody did since the last look.
    async fn follow(&mut self) {
        let mut seen = None;
        while !self.stopped() {
            let every = self.options.follow_every;
            self.sleep(every).await;
            match checkpoint::find(&self.pool, P::NAME).await {
                Ok(Some(stored)) => {
                    self.publish(stored.position);
                    let silent = stored.free && seen == Some(stored.position);
                    if silent && self.measure_lag(stored.position).await > 0 {
                        return;
                    }
                    seen = Some(stored.position);
                }
                Ok(None) => return,
                Err(error) => warn!(projection.name = P::NAME, %error, "checkpoint cannot be read"),
            }
        }
    }

    async fn failed(&self, lease: Lease, error: &StepError, attempts: u32) {
        let failure = Failure {
            error: error.to_string(),
            attempts,
            at: Utc::now(),
        };
        error!(
            projection.name = P::NAME,
            event.position = lease.position.0,
            error = %failure.error,
            attempts,
            "projection stopped"
        );
        metrics::counter!("projection_failures_total", "name" => P::NAME).increment(1);
        let kept = checkpoint::fail(&self.pool, P::NAME, lease, &failure, self.options.lease).await;
        if let Err(error) = kept {
            warn!(projection.name = P::NAME, %error, "failure not recorded");
        }
    }

    fn publish(&self, position: Position) {
        self.reached.send_if_modified(|reached| {
            let moved = position > *reached;
            *reached = position.max(*reached);
            moved
        });
        metrics::gauge!("projection_position", "name" => P::NAME).set(position.0 as f64);
    }

    /// How many events of the log are not folded; 0 when the log cannot be asked.
    async fn measure_lag(&self, position: Position) -> i64 {
        let lag = self
            .feed
            .head()
            .await
            .map_or(0, |head| (head.0 - position.0).max(0));
        Self::tell_lag(lag);
        lag
    }

    fn tell_lag(lag: i64) {
        metrics::gauge!("projection_lag_events", "name" => P::NAME).set(lag as f64);
    }

    /// True also when nobody is left who could say so.
    fn stopped(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    /// Until there is more to fold, or something is due, or it is time to stop.
    async fn wait(&mut self, after: Position, wake_at: Option<Instant>) {
        let look = async {
            match wake_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.feed.wait_past(after) => {}
            () = look => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn pause(&mut self, attempts: u32) {
        let doubled = RETRY_FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
        self.sleep(doubled.min(self.options.retry_max)).await;
    }

    async fn sleep(&mut self, duration: Duration) {
        tokio::select! {
            () = sleep(duration) => {}
            _ = self.stop.wait_for(|stop| *stop) => {}
        }
    }
}
