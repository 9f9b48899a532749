//! Waiting until a projection has folded what a command stored: read-your-writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, EventLogError, Feed, Position, Token};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::membership::Member;
use crate::registry::each_projection;
use crate::runtime::{Options, Reached, Worker};
use crate::source::Source;

/// How often a token is looked up while its event has no position yet: a sequencer takes a few milliseconds.
const TOKEN_POLL_FIRST: Duration = Duration::from_millis(2);
const TOKEN_POLL_MAX: Duration = Duration::from_millis(32);

/// Pauses between attempts to join the others.
const JOIN_FIRST: Duration = Duration::from_millis(100);
const JOIN_MAX: Duration = Duration::from_secs(5);

/// The running projections. Cheap to clone.
#[derive(Clone)]
pub struct Projections {
    reached: Arc<BTreeMap<&'static str, watch::Receiver<Reached>>>,
}

/// Why a wait ended without what was waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    #[error("the read model has not caught up in time")]
    Timeout,
    #[error("there is no projection {0:?}")]
    Unknown(String),
    /// The projections of this process were stopped.
    #[error("projections are stopped")]
    Stopped,
    /// The token was given before the log moved to another cluster or timeline.
    #[error("the token belongs to another epoch of the log")]
    ForeignEpoch,
    #[error("the token's position cannot be found")]
    Log(#[source] EventLogError),
}

impl Projections {
    /// Starts every projection, one task each, until `stop` turns true. `pool` connects as `botserver_projector`.
    ///
    /// Several processes may run the same projections: they share the slices of each, and who falls silent loses its
    /// part to the others.
    pub fn start(
        pool: &PgPool,
        feed: &Feed,
        options: &Options,
        stop: &watch::Receiver<bool>,
    ) -> (Projections, JoinSet<()>) {
        Self::start_with(None, pool, feed, options, stop)
    }

    /// As [`Projections::start`], but what the source brings is folded, and the log is read where it brings nothing.
    /// The source divides the slices among processes.
    pub fn fed_by(
        source: &Arc<dyn Source>,
        pool: &PgPool,
        feed: &Feed,
        options: &Options,
        stop: &watch::Receiver<bool>,
    ) -> (Projections, JoinSet<()>) {
        Self::start_with(Some(source), pool, feed, options, stop)
    }

    fn start_with(
        source: Option<&Arc<dyn Source>>,
        pool: &PgPool,
        feed: &Feed,
        options: &Options,
        stop: &watch::Receiver<bool>,
    ) -> (Projections, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let mut reached = BTreeMap::new();
        let member = Member {
            owner: options.owner,
            folds: true,
            patience: options.lease,
        };
        let (present, joined) = watch::channel(!options.folds);
        let part = take_part(member, options.takeover, pool.clone(), stop.clone(), present);
        if options.folds {
            tasks.spawn(part);
        }
        macro_rules! begin {
            ($projection:ty) => {
                let (worker, heard) = Worker::<$projection>::new(
                    pool.clone(),
                    feed.clone(),
                    options.clone(),
                    source.cloned(),
                    stop.clone(),
                );
                reached.insert(<$projection as crate::fold::Projection>::NAME, heard);
                let mut joined = joined.clone();
                tasks.spawn(async move {
                    if joined.wait_for(|joined| *joined).await.is_ok() {
                        worker.run().await;
                    }
                });
            };
        }
        each_projection!(begin);
        (
            Projections {
                reached: Arc::new(reached),
            },
            tasks,
        )
    }

    /// How far a projection has folded, as far as this process knows.
    pub fn position(&self, name: &str) -> Option<Position> {
        self.reached.get(name).map(|reached| reached.borrow().position())
    }

    /// How far one projection is, to be watched: it moves once rows are visible.
    pub fn watch(&self, name: &str) -> Option<watch::Receiver<Reached>> {
        self.reached.get(name).cloned()
    }

    /// Waits until each of `names` has folded `position`: a read begun afterwards sees it.
    pub async fn wait_for(
        &self,
        names: &[&str],
        position: Position,
        patience: Duration,
    ) -> Result<(), WaitError> {
        timeout(
            patience,
            self.reach(names, |reached| reached.position() >= position),
        )
        .await
        .map_err(|_| WaitError::Timeout)?
    }

    /// Waits until each of `names` has folded what the token stands for.
    pub async fn wait_for_token(
        &self,
        log: &EventLog,
        names: &[&str],
        token: Token,
        patience: Duration,
    ) -> Result<(), WaitError> {
        let wait = async {
            let position = placed(log, token).await?;
            let reaches = |reached: &Reached| reached.of_slice(token.slice) >= position;
            self.reach(names, reaches).await
        };
        timeout(patience, wait).await.map_err(|_| WaitError::Timeout)?
    }

    /// The position of what the token stands for, once it has one.
    pub async fn place_of_token(
        &self,
        log: &EventLog,
        token: Token,
        patience: Duration,
    ) -> Result<Position, WaitError> {
        timeout(patience, placed(log, token))
            .await
            .map_err(|_| WaitError::Timeout)?
    }

    async fn reach(&self, names: &[&str], reaches: impl Fn(&Reached) -> bool) -> Result<(), WaitError> {
        for name in names {
            let mut reached = self
                .watch(name)
                .ok_or_else(|| WaitError::Unknown((*name).to_owned()))?;
            reached.wait_for(&reaches).await.map_err(|_| WaitError::Stopped)?;
        }
        Ok(())
    }
}

/// Is one of those who fold until told to stop. What it had before is its own at once.
async fn take_part(
    member: Member,
    takeover: bool,
    pool: PgPool,
    mut stop: watch::Receiver<bool>,
    present: watch::Sender<bool>,
) {
    let mut pause = JOIN_FIRST;
    while let Err(error) = member.join(&pool, takeover).await {
        warn!(%error, "projections wait for the database");
        tokio::select! {
            () = sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = (pause * 2).min(JOIN_MAX);
    }
    present.send_replace(true);
    member.keep(pool, stop).await;
}

/// The token's position, once the sequencer has given it one.
async fn placed(log: &EventLog, token: Token) -> Result<Position, WaitError> {
    let mut pause = TOKEN_POLL_FIRST;
    loop {
        match log.position_of(token).await {
            Ok(Some(position)) => return Ok(position),
            Ok(None) => {}
            Err(EventLogError::ForeignEpoch) => return Err(WaitError::ForeignEpoch),
            Err(error) => return Err(WaitError::Log(error)),
        }
        sleep(pause).await;
        pause = (pause * 2).min(TOKEN_POLL_MAX);
    }
}
