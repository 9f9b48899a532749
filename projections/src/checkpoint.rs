//! Checkpoints: how far each share of a read model is folded, who may move it on, and what stopped it.
//!
//! A share is fenced by its epoch, not by the clock: a process that fell silent may go on until somebody takes the
//! share, and then cannot write.

mod status;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row};
use uuid::Uuid;

pub(crate) use status::all;
pub use status::{Building, ProjectionStatus};

use crate::share::{Share, Slices};
use crate::slot::Slot;

/// A process that is paused in the midst of a transaction keeps others out until PostgreSQL ends it, after so long.
pub(crate) const SILENT_FOR: &str = "10s";

/// What stopped a projection. It is tried again with growing pauses, and cleared once it goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// Never quotes data.
    pub error: String,
    pub attempts: u32,
    pub at: DateTime<Utc>,
}

/// A read model's rows in one of its slots.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    pub name: &'static str,
    pub slot: Slot,
}

/// The right to move a share on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lease {
    pub slices: Slices,
    pub epoch: i64,
    /// Where the checkpoint stands.
    pub position: Position,
}

impl Lease {
    /// Of the shares that `owner` has.
    pub fn of(shares: &[Share], owner: Uuid) -> Vec<Lease> {
        let held = shares.iter().filter(|share| share.owner == Some(owner));
        held.map(|share| Lease {
            slices: share.slices,
            epoch: share.epoch,
            position: share.position,
        })
        .collect()
    }
}

impl<'r> FromRow<'r, PgRow> for Share {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let slice = |column| Ok::<u16, sqlx::Error>(row.try_get::<i16, _>(column)?.unsigned_abs());
        Ok(Share {
            slices: Slices {
                from: slice("slice_from")?,
                to: slice("slice_to")?,
            },
            position: Position(row.try_get("position")?),
            owner: row.try_get("lease_owner")?,
            epoch: row.try_get("lease_epoch")?,
        })
    }
}

/// The shares of a slot, in order of their slices, and who folds at the moment; None when the slot is not the one that is
/// read.
pub(crate) async fn look(
    executor: impl PgExecutor<'_>,
    place: Place,
) -> Result<Option<(Vec<Share>, BTreeSet<Uuid>)>, sqlx::Error> {
    let rows = sqlx::query(
        "select s.slice_from, s.slice_to, s.position, s.lease_owner, s.lease_epoch,
                array(select owner from read.members where folds and alive_until > clock_timestamp()) as present
           from read.shares s join read.slots using (name, slot)
          where name = $1 and slot = $2 and state = 'live' order by s.slice_from",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .fetch_all(executor)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let present: Vec<Uuid> = first.try_get("present")?;
    let shares = rows.iter().map(Share::from_row).collect::<Result<_, _>>()?;
    Ok(Some((shares, present.into_iter().collect())))
}

/// The shares of the rows that are read.
pub(crate) async fn live(executor: impl PgExecutor<'_>, name: &str) -> Result<Vec<Share>, sqlx::Error> {
    sqlx::query_as(
        "select s.slice_from, s.slice_to, s.position, s.lease_owner, s.lease_epoch
           from read.shares s join read.slots using (name, slot)
          where name = $1 and state = 'live' order by s.slice_from",
    )
    .bind(name)
    .fetch_all(executor)
    .await
}

/// The shares of a slot, locked until the end of the transaction: nobody folds meanwhile. The slots are locked before.
pub(crate) async fn lock(connection: &mut PgConnection, place: Place) -> Result<Vec<Share>, sqlx::Error> {
    sqlx::query_as(
        "select slice_from, slice_to, position, lease_owner, lease_epoch from read.shares
          where name = $1 and slot = $2 order by slice_from for update",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .fetch_all(connection)
    .await
}

/// Writes shares down in the place of those there are, which the caller has locked, and returns them as written: those
/// that are new have their epochs.
pub(crate) async fn replace(
    connection: &mut PgConnection,
    place: Place,
    shares: &[Share],
) -> Result<Vec<Share>, sqlx::Error> {
    sqlx::query("delete from read.shares where name = $1 and slot = $2")
        .bind(place.name)
        .bind(place.slot.as_str())
        .execute(&mut *connection)
        .await?;
    let slices = |of: fn(&Slices) -> u16| -> Vec<i16> {
        let slices = shares.iter().map(|share| of(&share.slices));
        slices.map(|slice| slice.cast_signed()).collect()
    };
    let positions: Vec<i64> = shares.iter().map(|share| share.position.0).collect();
    let owners: Vec<Option<Uuid>> = shares.iter().map(|share| share.owner).collect();
    let epochs: Vec<i64> = shares.iter().map(|share| share.epoch).collect();
    sqlx::query_as(
        "insert into read.shares (name, slot, slice_from, slice_to, position, lease_owner, lease_epoch)
         select $1, $2, s.slice_from, s.slice_to, s.position, s.owner,
                case s.epoch when 0 then nextval('read.lease_epochs') else s.epoch end
           from unnest($3::smallint[], $4::smallint[], $5::bigint[], $6::uuid[], $7::bigint[])
             as s(slice_from, slice_to, position, owner, epoch)
         returning slice_from, slice_to, position, lease_owner, lease_epoch",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(slices(|slices| slices.from))
    .bind(slices(|slices| slices.to))
    .bind(positions)
    .bind(owners)
    .bind(epochs)
    .fetch_all(connection)
    .await
}

/// Moves shares on, as the first statement of a batch: it keeps every other writer of them out until the batch commits,
/// and leads to the slot's tables. False when one of them is lost or is elsewhere.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    place: Place,
    leases: &[Lease],
    to: Position,
) -> Result<bool, sqlx::Error> {
    let moves: Vec<(Lease, Position)> = leases.iter().map(|lease| (*lease, to)).collect();
    advance_each(connection, place, &moves).await
}

/// As [`advance`], each share to a position of its own.
pub(crate) async fn advance_each(
    connection: &mut PgConnection,
    place: Place,
    moves: &[(Lease, Position)],
) -> Result<bool, sqlx::Error> {
    let from = moves.iter().map(|(lease, _)| lease.slices.from.cast_signed());
    let from: Vec<i16> = from.collect();
    let epochs: Vec<i64> = moves.iter().map(|(lease, _)| lease.epoch).collect();
    let positions: Vec<i64> = moves.iter().map(|(lease, _)| lease.position.0).collect();
    let to: Vec<i64> = moves.iter().map(|(_, to)| to.0).collect();
    let row = sqlx::query(
        "with moved as (
           update read.shares s
              set position = greatest(l.moved_to, s.position), failure = null, updated_at = clock_timestamp()
             from unnest($3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[])
               as l(slice_from, epoch, position, moved_to)
            where s.name = $1 and s.slot = $2 and s.slice_from = l.slice_from and s.lease_epoch = l.epoch
              and s.position = l.position
           returning 1
         )
         select count(*) as moved, set_config('search_path', $7, true),
                set_config('idle_in_transaction_session_timeout', $8, true) from moved",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(from)
    .bind(epochs)
    .bind(positions)
    .bind(to)
    .bind(place.slot.schema(place.name))
    .bind(SILENT_FOR)
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(row.try_get::<i64, _>("moved")?) == Ok(moves.len()))
}

/// As [`advance`], for a transaction that changes rows and leaves the checkpoint where it is.
pub(crate) async fn hold(
    connection: &mut PgConnection,
    place: Place,
    leases: &[Lease],
) -> Result<bool, sqlx::Error> {
    advance(connection, place, leases, Position(0)).await
}

/// Records what stopped shares, while they are tried again.
pub(crate) async fn fail(
    pool: &PgPool,
    place: Place,
    leases: &[Lease],
    failure: &Failure,
) -> Result<(), sqlx::Error> {
    let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
    sqlx::query(
        "update read.shares set failure = $4 where name = $1 and slot = $2 and lease_epoch = any ($3)",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(epochs)
    .bind(Json(failure))
    .execute(pool)
    .await?;
    Ok(())
}

/// Lets go of shares, so that others need not wait until their holder is given up.
pub(crate) async fn release(pool: &PgPool, place: Place, leases: &[Lease]) -> Result<(), sqlx::Error> {
    let epochs: Vec<i64> = leases.iter().map(|lease| lease.epoch).collect();
    sqlx::query(
        "update read.shares set lease_owner = null where name = $1 and slot = $2 and lease_epoch = any ($3)",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(epochs)
    .execute(pool)
    .await?;
    Ok(())
}
