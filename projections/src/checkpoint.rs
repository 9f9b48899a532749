//! Checkpoints: how far a projection has folded, who may move it on, and what stopped it.
//!
//! A lease is fenced by its epoch, not by the clock: a leader whose time ran out may go on until somebody takes
//! over, and then cannot write. So an idle leader need not write to stay leader.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row};
use uuid::Uuid;

use crate::column;

/// Where a projection stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionStatus {
    pub name: &'static str,
    /// Of the fold that made the rows.
    pub version: i32,
    pub position: Position,
    /// Events of the log not yet folded, but for those that are parked.
    pub lag_events: u64,
    /// Events that wait because they, or one before them of the same ordering key, cannot be folded; as far as whoever
    /// asks may see.
    pub parked_events: u64,
    /// When the checkpoint last moved; None when it never ran.
    pub updated_at: Option<DateTime<Utc>>,
    /// What stopped it; None while all is well.
    pub failure: Option<Failure>,
}

/// What stopped a projection. It is tried again with growing pauses, and cleared once it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Never quotes data.
    pub error: String,
    pub attempts: u32,
    pub at: DateTime<Utc>,
}

/// A checkpoint as stored.
#[derive(Debug, Clone)]
pub(crate) struct Checkpoint {
    pub name: String,
    pub version: i32,
    pub position: Position,
    pub updated_at: DateTime<Utc>,
    /// Nobody holds the lease, or its time is over.
    pub free: bool,
    pub failure: Option<Failure>,
}

/// The right to move a checkpoint on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lease {
    pub epoch: i64,
    /// Where the checkpoint stands.
    pub position: Position,
}

/// Who asks for a lease, and on what terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claimant {
    pub owner: Uuid,
    pub duration: Duration,
    /// Take it from a holder whose time is not over.
    pub takeover: bool,
}

/// What asking for a lease brought.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Granted(Lease),
    Held,
    /// The rows were made by another version of the fold.
    OtherVersion(i32),
}

/// Makes the checkpoint of a projection that never ran.
pub(crate) async fn ensure(
    executor: impl PgExecutor<'_>,
    name: &str,
    version: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into read.checkpoints (name, version) values ($1, $2)
         on conflict on constraint checkpoints_pkey do nothing",
    )
    .bind(name)
    .bind(version)
    .execute(executor)
    .await?;
    Ok(())
}

/// Asks for the lease: granted when it is free, run out, the claimant's own, or to be taken over.
pub(crate) async fn ask(
    pool: &PgPool,
    name: &str,
    version: i32,
    claimant: Claimant,
) -> Result<Asked, sqlx::Error> {
    ensure(pool, name, version).await?;
    let granted = sqlx::query(
        "update read.checkpoints
         set lease_owner = $2, lease_epoch = lease_epoch + 1,
             lease_until = clock_timestamp() + make_interval(secs => $3)
         where name = $1 and version = $5
           and (lease_owner is null or lease_owner = $2 or lease_until < clock_timestamp() or $4)
         returning lease_epoch, position",
    )
    .bind(name)
    .bind(claimant.owner)
    .bind(claimant.duration.as_secs_f64())
    .bind(claimant.takeover)
    .bind(version)
    .fetch_optional(pool)
    .await?;
    if let Some(row) = granted {
        let position = Position(row.try_get("position")?);
        return Ok(Asked::Granted(Lease {
            epoch: row.try_get("lease_epoch")?,
            position,
        }));
    }
    Ok(match find(pool, name).await? {
        Some(checkpoint) if checkpoint.version != version => Asked::OtherVersion(checkpoint.version),
        _ => Asked::Held,
    })
}

/// Moves the checkpoint and renews the lease, as the first statement of a batch: it keeps every other writer out
/// until the batch commits. False when the lease is lost or the checkpoint is elsewhere.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    name: &str,
    lease: Lease,
    to: Position,
    duration: Duration,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "update read.checkpoints
         set position = $4, failure = null, updated_at = clock_timestamp(),
             lease_until = clock_timestamp() + make_interval(secs => $5)
         where name = $1 and lease_epoch = $2 and position = $3",
    )
    .bind(name)
    .bind(lease.epoch)
    .bind(lease.position.0)
    .bind(to.0)
    .bind(duration.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Renews the lease without moving the checkpoint, as the first statement of a transaction that changes rows all the
/// same. False when the lease is lost.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    name: &str,
    lease: Lease,
    duration: Duration,
) -> Result<bool, sqlx::Error> {
    let held = sqlx::query(
        "update read.checkpoints set lease_until = clock_timestamp() + make_interval(secs => $4)
         where name = $1 and lease_epoch = $2 and position = $3",
    )
    .bind(name)
    .bind(lease.epoch)
    .bind(lease.position.0)
    .bind(duration.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(held.rows_affected() == 1)
}

/// Records what stopped the projection, and keeps the lease while it is tried again.
pub(crate) async fn fail(
    pool: &PgPool,
    name: &str,
    lease: Lease,
    failure: &Failure,
    duration: Duration,
) -> Result<bool, sqlx::Error> {
    let recorded = sqlx::query(
        "update read.checkpoints
         set failure = $4, lease_until = clock_timestamp() + make_interval(secs => $5)
         where name = $1 and lease_epoch = $2 and position = $3",
    )
    .bind(name)
    .bind(lease.epoch)
    .bind(lease.position.0)
    .bind(Json(failure))
    .bind(duration.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(recorded.rows_affected() == 1)
}

/// Lets go of the lease, so that another process need not wait for its end.
pub(crate) async fn release(pool: &PgPool, name: &str, lease: Lease) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update read.checkpoints set lease_owner = null, lease_until = null
         where name = $1 and lease_epoch = $2",
    )
    .bind(name)
    .bind(lease.epoch)
    .execute(pool)
    .await?;
    Ok(())
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select name, version, position, updated_at, failure, ",
            "lease_owner is null or lease_until < clock_timestamp() as free from read.checkpoints ",
            $rest
        )
    };
}

pub(crate) async fn find(
    executor: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_as(select!("where name = $1"))
        .bind(name)
        .fetch_optional(executor)
        .await
}

/// Every checkpoint, and how many events are parked, as far as whoever asks may see.
pub(crate) async fn all(executor: impl PgExecutor<'_>) -> Result<Vec<(Checkpoint, u64)>, sqlx::Error> {
    let rows = sqlx::query(
        "select c.*, lease_owner is null or lease_until < clock_timestamp() as free,
                (select count(*) from read.parked p where p.name = c.name) as parked
           from read.checkpoints c order by name",
    )
    .fetch_all(executor)
    .await?;
    rows.iter()
        .map(|row| Ok((Checkpoint::from_row(row)?, column::count(row, "parked")?)))
        .collect()
}

/// The checkpoint, locked until the end of the caller's transaction: nobody else folds meanwhile.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    name: &str,
) -> Result<Option<Checkpoint>, sqlx::Error> {
    sqlx::query_as(select!("where name = $1 for update"))
        .bind(name)
        .fetch_optional(connection)
        .await
}

/// Sets a locked checkpoint after a rebuild.
pub(crate) async fn set(
    connection: &mut PgConnection,
    name: &str,
    version: i32,
    position: Position,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "update read.checkpoints
         set version = $2, position = $3, failure = null, updated_at = clock_timestamp()
         where name = $1",
    )
    .bind(name)
    .bind(version)
    .bind(position.0)
    .execute(connection)
    .await?;
    Ok(())
}

impl<'r> FromRow<'r, PgRow> for Checkpoint {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let failure: Option<Json<Failure>> = row.try_get("failure")?;
        Ok(Self {
            name: row.try_get("name")?,
            version: row.try_get("version")?,
            position: Position(row.try_get("position")?),
            updated_at: row.try_get("updated_at")?,
            free: row.try_get::<Option<bool>, _>("free")?.unwrap_or(true),
            failure: failure.map(|Json(failure)| failure),
        })
    }
}
