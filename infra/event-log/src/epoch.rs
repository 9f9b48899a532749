//! Epochs: a log that finds itself in another cluster, or on another timeline, begins a new one.
//!
//! Transaction ids and snapshots mean nothing there. The new epoch is begun while no appender is underway: whatever
//! the old one left without a position gets one, by looking for it once, and the head starts from the present.

use sqlx::{Connection, PgConnection, PgPool};

use crate::SequencerError;

/// Key of the advisory lock of whoever begins an epoch.
const EPOCH_LOCK: i64 = 0x6576_656e_745f_6570;

/// Compares the cluster with the one the log remembers, and begins the next epoch where it is another.
pub(crate) async fn settle(connection: &mut PgConnection) -> Result<(), SequencerError> {
    let (system, timeline): (i64, i32) =
        sqlx::query_as("select system_identifier, log.timeline() from pg_control_system()")
            .fetch_one(&mut *connection)
            .await?;
    if remembered(connection)
        .await?
        .is_some_and(|(_, known, line)| (known, line) == (system, timeline))
    {
        return Ok(());
    }
    begin(connection, system, timeline).await
}

/// The epoch the log is in.
pub async fn current(pool: &PgPool) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("select max(epoch) from log.instances")
        .fetch_one(pool)
        .await
}

/// Begins the epoch after `known`, unless it has begun: for whoever finds that the log lost a part of its history,
/// which the cluster itself does not tell of when its files were put back. `pool` connects as `botserver_log`.
pub async fn begin_next(pool: &PgPool, known: i32) -> Result<i32, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    lock(&mut transaction).await?;
    let Some((epoch, system, timeline)) = remembered(&mut transaction).await? else {
        return Err(sqlx::Error::RowNotFound);
    };
    if epoch > known {
        return Ok(epoch);
    }
    place_leftovers(&mut transaction, epoch + 1, system, timeline).await?;
    transaction.commit().await?;
    Ok(epoch + 1)
}

async fn begin(connection: &mut PgConnection, system: i64, timeline: i32) -> Result<(), SequencerError> {
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    let (epoch, known, line) = remembered(&mut transaction).await?.unwrap_or((0, 0, 0));
    if (known, line) == (system, timeline) {
        return Ok(());
    }
    place_leftovers(&mut transaction, epoch + 1, system, timeline).await?;
    transaction.commit().await?;
    Ok(())
}

/// Taken before anything is read: another process that begins the epoch is waited for, then seen.
async fn lock(transaction: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(EPOCH_LOCK)
        .execute(transaction)
        .await?;
    Ok(())
}

async fn place_leftovers(
    transaction: &mut PgConnection,
    next: i32,
    system: i64,
    timeline: i32,
) -> Result<(), sqlx::Error> {
    sqlx::query("select log.begin_epoch($1)")
        .bind(next)
        .execute(&mut *transaction)
        .await?;
    let leftovers: i64 = sqlx::query_scalar(LEFTOVERS)
        .bind(next)
        .fetch_one(&mut *transaction)
        .await?;
    sqlx::query("insert into log.instances (epoch, system_identifier, timeline) values ($1, $2, $3)")
        .bind(next)
        .bind(system)
        .bind(timeline)
        .execute(&mut *transaction)
        .await?;
    tracing::warn!(epoch = next, leftovers, "log began another epoch");
    Ok(())
}

async fn remembered(connection: &mut PgConnection) -> Result<Option<(i32, i64, i32)>, sqlx::Error> {
    sqlx::query_as("select epoch, system_identifier, timeline from log.instances order by epoch desc limit 1")
        .fetch_optional(connection)
        .await
}

/// Every event of the log that has no position, in the order of their numbers. Reads the whole log, once an epoch.
const LEFTOVERS: &str = "
    with head as (
      select step, position from log.head order by step desc limit 1
    ), placed as (
      insert into log.positions (position, seq_no, epoch, tx_id, tenant_id, slice, leaf)
      select n.place, n.seq_no, n.epoch, n.tx_id, n.tenant_id, n.slice,
             log.leaf(n.place, n.epoch, n.event_id, n.tenant_id, n.aggregate_type, n.aggregate_id, n.sequence,
                      n.event_type, n.event_version, n.recorded_at, n.payload, n.metadata)
        from (
          select h.position + row_number() over (order by e.seq_no) as place, e.*
            from head h cross join log.events e
           where not exists (select from log.positions p where p.seq_no = e.seq_no)
        ) n
      returning 1
    ), counted as (
      select count(*) as placed from placed
    ), stepped as (
      insert into log.head (step, position, snap, epoch)
      select h.step + 1, h.position + c.placed, pg_current_snapshot(), $1 from head h, counted c
      returning 1
    )
    select c.placed from counted c, stepped";
