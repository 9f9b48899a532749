//! The runtime: feeds a projection from the log, batch by batch, for as long as the process lives.
//!
//! One process leads a projection; others follow its checkpoint and take over when it falls silent. A batch is one
//! transaction: it moves the checkpoint under the lease's epoch, loads the rows concerned, folds, and writes them.
//! An event that cannot be folded stops its projection there and is tried again with growing pauses; the events
//! before it are in the rows, and the other projections go on.

use std::marker::PhantomData;
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLogError, Feed, Position, RecordedEvent};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use crate::checkpoint::{self, Asked, Claimant, Failure, Lease};
use crate::fold::{BatchError, Projection, fold_batch};

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
    #[error("{}", .0.described())]
    Batch(#[from] BatchError),
    /// Its own text says what is wrong with the log, and nothing of its contents.
    #[error("the log cannot be read: {0}")]
    Log(EventLogError),
}

impl From<sqlx::Error> for StepError {
    fn from(error: sqlx::Error) -> Self {
        StepError::Batch(BatchError::Sql(error))
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
    async fn lead(&mut self, mut lease: Lease) {
        self.publish(lease.position);
        let mut attempts = 0;
        // Events still to be taken one by one, to find the one that made a batch fail.
        let mut singly = 0;
        while !self.stopped() {
            let limit = if singly > 0 {
                1
            } else {
                self.options.batch_events.max(1)
            };
            match self.step(&mut lease, limit).await {
                Ok(Step::Folded(events)) => {
                    singly = (singly - events).max(0);
                    attempts = 0;
                    self.publish(lease.position);
                    if events == limit {
                        self.measure_lag(lease.position).await;
                    }
                }
                Ok(Step::Idle) => {
                    Self::tell_lag(0);
                    self.wait(lease.position).await;
                }
                Ok(Step::Lost) => {
                    debug!(projection.name = P::NAME, lease.epoch, "lease lost");
                    return;
                }
                Err(StepError::Batch(_)) if limit > 1 => singly = limit,
                Err(error) => {
                    attempts += 1;
                    self.failed(lease, &error, attempts).await;
                    self.measure_lag(lease.position).await;
                    self.pause(attempts).await;
                }
            }
        }
        if let Err(error) = checkpoint::release(&self.pool, P::NAME, lease).await {
            debug!(projection.name = P::NAME, %error, "lease not released");
        }
    }

    /// Reads a batch and folds it, moving the lease's position when it is committed.
    async fn step(&self, lease: &mut Lease, limit: i64) -> Result<Step, StepError> {
        let events = self
            .feed
            .read(lease.position, limit)
            .await
            .map_err(StepError::Log)?;
        let Some(to) = events.last().and_then(|event| event.position) else {
            return Ok(Step::Idle);
        };
        if !self.commit(*lease, &events, to).await? {
            return Ok(Step::Lost);
        }
        lease.position = to;
        Ok(Step::Folded(i64::try_from(events.len()).unwrap_or(i64::MAX)))
    }

    async fn commit(&self, lease: Lease, events: &[RecordedEvent], to: Position) -> Result<bool, StepError> {
        let mut transaction = self.pool.begin().await?;
        if !checkpoint::advance(&mut transaction, P::NAME, lease, to, self.options.lease).await? {
            return Ok(false);
        }
        fold_batch::<P>(&mut transaction, events).await?;
        transaction.commit().await?;
        Ok(true)
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
        let (position, event_id) = match error {
            StepError::Batch(BatchError::Fold {
                position, event_id, ..
            }) => (Some(*position), Some(*event_id)),
            _ => (None, None),
        };
        let failure = Failure {
            position,
            event_id,
            error: error.to_string(),
            attempts,
            at: Utc::now(),
        };
        error!(
            projection.name = P::NAME,
            event.position = position.map(|position| position.0),
            event.id = event_id.map(tracing::field::display),
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

    /// Until there is more to fold, or it is time to stop.
    async fn wait(&mut self, after: Position) {
        tokio::select! {
            () = self.feed.wait_past(after) => {}
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
