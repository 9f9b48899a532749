//! Slots: each read model has two sets of tables. One is read; the other is empty, being built, or kept from before.

use event_log::Position;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, PgExecutor, Row};

use crate::checkpoint::SILENT_FOR;
use crate::column::{self, stored_word};

stored_word! {
    Slot { A = "a", B = "b" }
}

stored_word! {
    SlotState {
        Empty = "empty",
        /// Filled beside the live one.
        Building = "building",
        /// Read, and kept up to date.
        Live = "live",
        /// Was live before the last switch.
        Kept = "kept",
    }
}

/// What a slot is at the moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Standing {
    pub slot: Slot,
    pub state: SlotState,
    /// Of the fold that made its rows; None until somebody folds.
    pub version: Option<i32>,
}

impl Slot {
    /// The schema of its tables.
    pub fn schema(self, name: &str) -> String {
        format!("read_{name}_{}", self.as_str())
    }
}

impl<'r> FromRow<'r, PgRow> for Standing {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            slot: column::word(row, "slot", Slot::parse)?,
            state: column::word(row, "state", SlotState::parse)?,
            version: row.try_get("version")?,
        })
    }
}

/// The slot that is read.
pub(crate) async fn live(executor: impl PgExecutor<'_>, name: &str) -> Result<Standing, sqlx::Error> {
    sqlx::query_as("select slot, state, version from read.slots where name = $1 and state = 'live'")
        .bind(name)
        .fetch_one(executor)
        .await
}

/// Version of the fold that made the rows that are read.
pub(crate) async fn live_version(
    executor: impl PgExecutor<'_>,
    name: &str,
) -> Result<Option<i32>, sqlx::Error> {
    Ok(live(executor, name).await?.version)
}

/// The slot that is read and the other one, both locked until the end of the transaction: whoever changes a slot or
/// divides its shares anew holds this, always taken in one order.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    name: &str,
) -> Result<(Standing, Standing), sqlx::Error> {
    let both: Vec<Standing> = sqlx::query_as(
        "select slot, state, version, set_config('idle_in_transaction_session_timeout', $2, true)
           from read.slots where name = $1 order by slot for update",
    )
    .bind(name)
    .bind(SILENT_FOR)
    .fetch_all(connection)
    .await?;
    match both.as_slice() {
        [live, other] if live.state == SlotState::Live => Ok((*live, *other)),
        [other, live] if live.state == SlotState::Live => Ok((*live, *other)),
        _ => Err(sqlx::Error::RowNotFound),
    }
}

pub(crate) async fn set(
    connection: &mut PgConnection,
    name: &str,
    slot: Slot,
    state: SlotState,
    version: Option<i32>,
) -> Result<(), sqlx::Error> {
    sqlx::query("update read.slots set state = $3, version = $4 where name = $1 and slot = $2")
        .bind(name)
        .bind(slot.as_str())
        .bind(state.as_str())
        .bind(version)
        .execute(connection)
        .await?;
    Ok(())
}

/// Empties a slot that nobody reads, and takes its indexes away.
pub(crate) async fn empty(connection: &mut PgConnection, name: &str, slot: Slot) -> Result<(), sqlx::Error> {
    sqlx::query("select read.empty_slot($1, $2)")
        .bind(name)
        .bind(slot.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the indexes again that [`empty`] took away.
pub(crate) async fn index(executor: impl PgExecutor<'_>, name: &str, slot: Slot) -> Result<(), sqlx::Error> {
    sqlx::query("select read.index_slot($1, $2)")
        .bind(name)
        .bind(slot.as_str())
        .execute(executor)
        .await?;
    Ok(())
}

/// How far a slot is folded: the least of its shares.
pub(crate) async fn position(
    executor: impl PgExecutor<'_>,
    name: &str,
    slot: Slot,
) -> Result<Position, sqlx::Error> {
    let least: Option<i64> =
        sqlx::query_scalar("select min(position) from read.shares where name = $1 and slot = $2")
            .bind(name)
            .bind(slot.as_str())
            .fetch_one(executor)
            .await?;
    Ok(Position(least.unwrap_or_default()))
}
