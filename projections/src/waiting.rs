//! Waiting until a projection has folded what a command stored: read-your-writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, EventLogError, Feed, Position, Token};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::registry::each_projection;
use crate::runtime::{Options, Worker};

/// How often a token is looked up while its event has no position yet: a sequencer takes a few milliseconds.
const TOKEN_POLL_FIRST: Duration = Duration::from_millis(2);
const TOKEN_POLL_MAX: Duration = Duration::from_millis(32);

/// The running projections. Cheap to clone.
#[derive(Clone)]
pub struct Projections {
    checkpoints: Arc<BTreeMap<&'static str, watch::Receiver<Position>>>,
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
    /// Several processes may run the same projections: one of them leads each, the others follow and take over.
    pub fn start(
        pool: &PgPool,
        feed: &Feed,
        options: &Options,
        stop: &watch::Receiver<bool>,
    ) -> (Projections, JoinSet<()>) {
        let mut tasks = JoinSet::new();
        let mut checkpoints = BTreeMap::new();
        macro_rules! begin {
            ($projection:ty) => {
                let (worker, checkpoint) =
                    Worker::<$projection>::new(pool.clone(), feed.clone(), options.clone(), stop.clone());
                checkpoints.insert(<$projection as crate::fold::Projection>::NAME, checkpoint);
                tasks.spawn(worker.run());
            };
        }
        each_projection!(begin);
        (
            Projections {
                checkpoints: Arc::new(checkpoints),
            },
            tasks,
        )
    }

    /// How far a projection has folded, as far as this process knows.
    pub fn position(&self, name: &str) -> Option<Position> {
        self.checkpoints.get(name).map(|checkpoint| *checkpoint.borrow())
    }

    /// The checkpoint of one projection, to be watched: it moves once rows are visible.
    pub fn watch(&self, name: &str) -> Option<watch::Receiver<Position>> {
        self.checkpoints.get(name).cloned()
    }

    /// Waits until each of `names` has folded `position`: a read begun afterwards sees it.
    pub async fn wait_for(
        &self,
        names: &[&str],
        position: Position,
        patience: Duration,
    ) -> Result<(), WaitError> {
        timeout(patience, self.reach(names, position))
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
            self.reach(names, position).await
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

    async fn reach(&self, names: &[&str], position: Position) -> Result<(), WaitError> {
        for name in names {
            let mut checkpoint = self
                .watch(name)
                .ok_or_else(|| WaitError::Unknown((*name).to_owned()))?;
            checkpoint
                .wait_for(|reached| *reached >= position)
                .await
                .map_err(|_| WaitError::Stopped)?;
        }
        Ok(())
    }
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
