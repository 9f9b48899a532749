//! The runtime: feeds a projection from the log, batch by batch, for as long as the process lives.
//!
//! One process leads a projection; others follow its checkpoint and take over when it falls silent. A batch is one
//! transaction: it moves the checkpoint under the lease's epoch, loads the rows concerned, folds, and writes them.
//! An event that cannot be folded is parked with its ordering key and tried again with growing pauses. Only what is no
//! event's fault, a database or a log that cannot be read, stops a projection, and the others go on.

mod leading;

use std::marker::PhantomData;
use std::time::Duration;

use chrono::Utc;
use event_log::{EventLogError, Feed, Position};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, error, info, warn};
use uuid::Uuid;

use self::leading::Leading;
use crate::checkpoint::{self, Asked, Claimant, Failure, Lease};
use crate::fold::{Projection, described};

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
    #[error("{}", described(.0))]
    Database(#[from] sqlx::Error),
    /// Its own text says what is wrong with the log, and nothing of its contents.
    #[error("the log cannot be read: {0}")]
    Log(EventLogError),
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
