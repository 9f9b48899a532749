//! Rebuilds: the rows of a projection made again from the whole log, and the digest that compares them.
//!
//! For now a rebuild is one transaction over the live tables: readers see the old rows until it commits, the live
//! runtime waits for it, and vacuum is held back while it lasts. Building beside the live rows and switching comes
//! next.

use event_log::{EventLogError, Feed, Position};
use sqlx::{Connection, PgConnection, PgPool};

use crate::checkpoint;
use crate::fold::{Projection, fold_batch};
use crate::parking::{self, Parking};
use crate::registry::{NAMES, each_projection};

/// Events of a step, which is what is in memory at once.
const STEP_EVENTS: i64 = 1_000;

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub position: Position,
    /// The last position of the log when the rebuild began, or later.
    pub head: Position,
}

/// What a rebuild did.
#[derive(Debug, Clone, PartialEq)]
pub struct Rebuilt {
    pub name: &'static str,
    /// Where the checkpoint stood, and where it stands.
    pub from: Position,
    pub to: Position,
    /// Of the rows before, and of those made again when they had come to `from`: equal when the fold is the same.
    pub before: [u8; 32],
    pub after: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error("there is no projection {name:?}; there are {}", NAMES.join(", "))]
    Unknown { name: String },
    /// The log ends before the rows do: it is not the one they were made from.
    #[error("the log ends at {end}, before the checkpoint at {checkpoint}")]
    LogShorter { end: Position, checkpoint: Position },
    #[error("the log cannot be read")]
    Log(#[from] EventLogError),
    #[error("the rows cannot be written")]
    Database(#[from] sqlx::Error),
}

/// Makes the rows of a projection again, from the first event to the end of the log. `pool` connects as
/// `botserver_projector`.
pub async fn rebuild(
    pool: &PgPool,
    feed: &Feed,
    name: &str,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Rebuilt, RebuildError> {
    macro_rules! when_named {
        ($projection:ty) => {
            if name == <$projection as Projection>::NAME {
                return rebuild_one::<$projection>(pool, feed, &mut progress).await;
            }
        };
    }
    each_projection!(when_named);
    Err(RebuildError::Unknown {
        name: name.to_owned(),
    })
}

/// SHA-256 over every row of a projection in order of its key: equal rows, equal digest.
pub async fn digest(pool: &PgPool, name: &str) -> Result<[u8; 32], RebuildError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    macro_rules! when_named {
        ($projection:ty) => {
            if name == <$projection as Projection>::NAME {
                return Ok(digest_of::<$projection>(&mut transaction).await?);
            }
        };
    }
    each_projection!(when_named);
    Err(RebuildError::Unknown {
        name: name.to_owned(),
    })
}

async fn rebuild_one<P: Projection>(
    pool: &PgPool,
    feed: &Feed,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<Rebuilt, RebuildError> {
    let mut transaction = pool.begin().await?;
    checkpoint::ensure(&mut *transaction, P::NAME, P::VERSION).await?;
    let from = checkpoint::lock(&mut transaction, P::NAME)
        .await?
        .map_or(Position(0), |row| row.position);
    let before = digest_of::<P>(&mut transaction).await?;
    P::clear(&mut transaction).await?;
    parking::clear(&mut transaction, P::NAME).await?;
    let mut parking = Parking::load(&mut transaction, P::NAME).await?;
    let head = feed.head().await?;
    let mut to = Position(0);
    let mut after = None;
    loop {
        // The rows are compared where they stood, so a step ends there.
        if to == from {
            after = Some(digest_of::<P>(&mut transaction).await?);
        }
        let limit = if to < from {
            STEP_EVENTS.min(from.0 - to.0)
        } else {
            STEP_EVENTS
        };
        let events = feed.read(to, limit).await?;
        let Some(last) = events.last().and_then(|event| event.position) else {
            break;
        };
        let parked = fold_batch::<P>(&mut transaction, &events, &parking).await?;
        parking::park(&mut transaction, P::NAME, &parked).await?;
        parking.add(&parked);
        to = last;
        progress(Progress {
            position: to,
            head: head.max(to),
        });
    }
    let Some(after) = after else {
        return Err(RebuildError::LogShorter {
            end: to,
            checkpoint: from,
        });
    };
    checkpoint::set(&mut transaction, P::NAME, P::VERSION, to).await?;
    transaction.commit().await?;
    Ok(Rebuilt {
        name: P::NAME,
        from,
        to,
        before,
        after,
    })
}

/// Rows are compared as text, and moments have one in a time zone only.
async fn digest_of<P: Projection>(connection: &mut PgConnection) -> Result<[u8; 32], sqlx::Error> {
    sqlx::query("select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true)")
        .execute(&mut *connection)
        .await?;
    let digest = P::digest(connection).await?;
    <[u8; 32]>::try_from(digest).map_err(|_| sqlx::Error::Decode("a digest has 32 bytes".into()))
}
