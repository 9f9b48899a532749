//! Rebuilds: the rows of a read model made again from the whole log, in the slot that nobody reads.
//!
//! 1. The log is looked through up to where the live rows are, in batches that each move a checkpoint: who is
//!    interrupted goes on there. Nobody who folds or reads waits meanwhile.
//! 2. When only a few events are missing, the live rows are held still for as long as these take, both sets of rows are
//!    seen in one snapshot at one position, and compared; what was found is kept as a certificate.
//! 3. Once more held still, the slots change places. Readers find their slot by their snapshot, folds by their epochs.
//!
//! The rows that were live are kept as they were then. Rolling back brings them up to date and changes places again.

mod builder;
mod certificate;
mod switch;

use std::time::Duration;

use event_log::{EventLogError, Feed, Position};
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;

use self::builder::{Builder, Take};
pub use self::certificate::{Certificate, TableCompared, certificates, digest};
use crate::fold::Projection;
use crate::membership::Member;
use crate::registry::{NAMES, each_projection};
use crate::slot::{SlotState, Standing};

/// On what terms a rebuild works.
#[derive(Debug, Clone)]
pub struct RebuildOptions {
    /// Who builds.
    pub owner: Uuid,
    /// How long others wait for a builder that fell silent before they go on with its work.
    pub patience: Duration,
    /// Writers, each with its part of the slices; one where a pace is kept.
    pub writers: u16,
    /// Events of the log looked through in a second, at most.
    pub events_per_second: Option<u32>,
    /// Begin from nothing, whatever an interrupted rebuild left.
    pub restart: bool,
    /// Have the new rows read; else they are only compared.
    pub switch: bool,
}

impl RebuildOptions {
    pub fn new(owner: Uuid, patience: Duration) -> Self {
        Self {
            owner,
            patience,
            writers: 2,
            events_per_second: None,
            restart: false,
            switch: true,
        }
    }
}

/// What a rebuild is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    Building,
    Indexing,
    Comparing,
    Switching,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub stage: Stage,
    /// Where this rebuild began: beyond 0 when it goes on with an interrupted one.
    pub from: Position,
    pub position: Position,
    /// Where the live rows were when they were last looked at.
    pub target: Position,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebuilt {
    pub name: &'static str,
    pub from: Position,
    pub to: Position,
    /// None of a rollback, which compares nothing.
    pub certificate: Option<Certificate>,
    pub switched: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("there is no projection {name:?}; there are {}", NAMES.join(", "))]
    Unknown { name: String },
    #[error("{name} is being rebuilt by another process, or was until seconds ago")]
    Held { name: &'static str },
    /// Somebody else went on with it meanwhile.
    #[error("the rebuild of {name} was taken over by another process")]
    Lost { name: &'static str },
    /// A bug: some part of it panicked.
    #[error("the rebuild of {name} broke down")]
    Broken { name: &'static str },
    #[error("{name} has no rows of before to go back to")]
    NothingKept { name: &'static str },
    #[error("the rows of {name} are not of an older version")]
    NotOlder { name: &'static str },
    #[error("the rows were made by version {stored} of the fold, this program has version {ours}")]
    OtherVersion { stored: i32, ours: i32 },
    /// Some process that folds is further behind than others, and stays so.
    #[error("the live rows of {name} did not come level in time")]
    NeverLevel { name: &'static str },
    /// The log ends before the rows do: it is not the one they were made from.
    #[error("the log ends at {end}, before the checkpoint at {checkpoint}")]
    LogShorter { end: Position, checkpoint: Position },
    #[error("the log cannot be read")]
    Log(#[from] EventLogError),
    #[error("the rows cannot be written")]
    Database(#[from] sqlx::Error),
}

/// Makes the rows of a projection again beside those that are read, compares them, and has them read if told so. Goes on
/// where an interrupted rebuild of the same version stopped. `pool` connects as `botserver_projector` and has three
/// connections more than there are writers.
pub async fn rebuild(
    pool: &PgPool,
    feed: &Feed,
    name: &str,
    options: &RebuildOptions,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Rebuilt, RebuildError> {
    named(pool, feed, name, options, &progress, Wish::Rebuild).await
}

/// Brings the rows that were live before the last switch up to date and has them read again.
pub async fn roll_back(
    pool: &PgPool,
    feed: &Feed,
    name: &str,
    options: &RebuildOptions,
    progress: impl Fn(Progress) + Send + Sync,
) -> Result<Rebuilt, RebuildError> {
    named(pool, feed, name, options, &progress, Wish::RollBack).await
}

/// One after the other in a process, so that a server that starts on older rows is not all rebuilds.
static RENEWING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Replaces rows of an older version, unless somebody has done so meanwhile: by those kept from before if they are of
/// this version, else by a rebuild. For a process that is present already.
pub(crate) async fn renew<P: Projection>(
    pool: &PgPool,
    feed: &Feed,
    options: &RebuildOptions,
) -> Result<(), RebuildError> {
    let _one_at_a_time = RENEWING.lock().await;
    let rebuilt = match run::<P>(pool, feed, options, &|_| {}, Wish::Renew).await {
        Err(RebuildError::NotOlder { .. }) => return Ok(()),
        done => done?,
    };
    let equal = rebuilt.certificate.map(|certificate| certificate.equal);
    tracing::info!(
        projection.name = P::NAME,
        to = rebuilt.to.0,
        equal,
        "rows made anew"
    );
    Ok(())
}

/// What is wanted of the slot that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// New rows.
    Rebuild,
    /// Those of before.
    RollBack,
    /// Rows of this version in place of older ones, whichever are sooner there.
    Renew,
}

async fn named(
    pool: &PgPool,
    feed: &Feed,
    name: &str,
    options: &RebuildOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
    wish: Wish,
) -> Result<Rebuilt, RebuildError> {
    macro_rules! when_named {
        ($projection:ty) => {
            if name == <$projection as Projection>::NAME {
                let work = run::<$projection>(pool, feed, options, progress, wish);
                return present(pool, options, work).await;
            }
        };
    }
    each_projection!(when_named);
    Err(unknown(name))
}

async fn run<P: Projection>(
    pool: &PgPool,
    feed: &Feed,
    options: &RebuildOptions,
    progress: &(dyn Fn(Progress) + Send + Sync),
    wish: Wish,
) -> Result<Rebuilt, RebuildError> {
    let how = |live, other| take::<P>(wish, options.restart, live, other);
    Builder::<P>::take(pool, feed, options, progress, how)
        .await?
        .finish()
        .await
}

/// How to take the slot that is not read.
fn take<P: Projection>(
    wish: Wish,
    restart: bool,
    live: Standing,
    other: Standing,
) -> Result<Take, RebuildError> {
    let (name, ours) = (P::NAME, P::VERSION);
    let holds = |state| other.state == state && other.version == Some(ours);
    match wish {
        Wish::Renew if live.version.is_none_or(|version| version >= ours) => {
            Err(RebuildError::NotOlder { name })
        }
        Wish::Renew | Wish::RollBack if holds(SlotState::Kept) => Ok(Take::Kept),
        Wish::RollBack => Err(match other.version {
            Some(stored) if other.state == SlotState::Kept => RebuildError::OtherVersion { stored, ours },
            _ => RebuildError::NothingKept { name },
        }),
        Wish::Rebuild | Wish::Renew if !restart && holds(SlotState::Building) => Ok(Take::Begun),
        Wish::Rebuild | Wish::Renew => Ok(Take::Empty),
    }
}

/// Works as a member, so that others see the builder alive.
async fn present<T>(
    pool: &PgPool,
    options: &RebuildOptions,
    work: impl Future<Output = Result<T, RebuildError>>,
) -> Result<T, RebuildError> {
    let member = Member {
        owner: options.owner,
        folds: false,
        patience: options.patience,
    };
    member.join(pool, false).await?;
    let (stop, stopped) = watch::channel(false);
    let kept = tokio::spawn(member.keep(pool.clone(), stopped));
    let done = work.await;
    stop.send_replace(true);
    let _ = kept.await;
    done
}

fn unknown(name: &str) -> RebuildError {
    RebuildError::Unknown {
        name: name.to_owned(),
    }
}
