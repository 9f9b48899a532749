//! Parking: an event that cannot be folded holds up its own ordering key and nothing else.
//!
//! 1. What came for the key before it is in the rows; it and whatever comes after wait, in order.
//! 2. Events are parked, and leave, in the transaction that moves or holds the checkpoint: none is lost or folded twice.
//! 3. What a leader remembers of parked keys is exact while its shares last, since only who has a share parks and
//!    releases what is of it.

mod operating;
mod row;

use std::collections::BTreeSet;
use std::time::Duration;

use event_log::{Position, RecordedEvent};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::checkpoint::{Lease, Place};
pub use operating::{ParkedError, parked, parked_at, retry, skip};
pub use row::{ParkedFilter, ParkedRow};

/// The first pause before a parked key is tried again; it doubles up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(600);

/// Which keys wait, and which events are passed over.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Parking {
    pub keys: BTreeSet<String>,
    pub skipped: BTreeSet<Position>,
}

/// An event that waits, and what hinders it; `None` when it waits behind another.
#[derive(Debug, Clone)]
pub(crate) struct Parked<'a> {
    pub event: &'a RecordedEvent,
    pub error: Option<String>,
}

impl Parking {
    /// What waits of the shares of these leases.
    pub async fn load(
        connection: &mut PgConnection,
        place: Place,
        leases: &[Lease],
    ) -> Result<Self, sqlx::Error> {
        let (from, to) = ranges(leases);
        let keys = sqlx::query_scalar(
            "select distinct ordering_key from read.parked p where name = $1 and slot = $2
                and exists (select from unnest($3::smallint[], $4::smallint[]) r(a, b) where slice >= a and slice < b)",
        )
        .bind(place.name)
        .bind(place.slot.as_str())
        .bind(from)
        .bind(to)
        .fetch_all(&mut *connection)
        .await?;
        Ok(Self {
            keys: keys.into_iter().collect(),
            skipped: skipped(connection, place.name).await?,
        })
    }

    /// Remembers the keys of what was parked.
    pub fn add(&mut self, parked: &[Parked<'_>]) {
        self.keys
            .extend(parked.iter().map(|one| one.event.ordering_key.clone()));
    }
}

/// The bounds of the slices of leases.
fn ranges(leases: &[Lease]) -> (Vec<i16>, Vec<i16>) {
    let bounds = leases
        .iter()
        .map(|lease| (lease.slices.from.cast_signed(), lease.slices.to.cast_signed()));
    bounds.unzip()
}

/// The events that are passed over.
async fn skipped(executor: impl PgExecutor<'_>, name: &str) -> Result<BTreeSet<Position>, sqlx::Error> {
    let skipped: Vec<i64> = sqlx::query_scalar("select position from read.skipped where name = $1")
        .bind(name)
        .fetch_all(executor)
        .await?;
    Ok(skipped.into_iter().map(Position).collect())
}

/// Writes down what waits from now on.
pub(crate) async fn park(
    connection: &mut PgConnection,
    place: Place,
    parked: &[Parked<'_>],
) -> Result<(), sqlx::Error> {
    if parked.is_empty() {
        return Ok(());
    }
    let column =
        |of: fn(&RecordedEvent) -> &str| -> Vec<&str> { parked.iter().map(|one| of(one.event)).collect() };
    let positions: Vec<i64> = parked
        .iter()
        .map(|one| one.event.position.unwrap_or_default().0)
        .collect();
    let tenants: Vec<Uuid> = parked.iter().map(|one| one.event.tenant).collect();
    let events: Vec<Uuid> = parked.iter().map(|one| one.event.event_id).collect();
    let slices: Vec<i16> = parked.iter().map(|one| one.event.slice.cast_signed()).collect();
    let errors: Vec<Option<&str>> = parked.iter().map(|one| one.error.as_deref()).collect();
    sqlx::query(
        "insert into read.parked (name, slot, ordering_key, slice, position, tenant_id, event_id, event_type, error,
                                  attempts, retry_at)
         select $1, $2, n.key, n.slice, n.position, n.tenant, n.event, n.type, n.error,
                (n.error is not null)::integer,
                case when n.error is not null then clock_timestamp() + make_interval(secs => $10) end
           from unnest($3::text[], $4::smallint[], $5::bigint[], $6::uuid[], $7::uuid[], $8::text[], $9::text[])
             as n(key, slice, position, tenant, event, type, error)
         on conflict on constraint parked_pkey do nothing",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(column(|event| &event.ordering_key))
    .bind(slices)
    .bind(positions)
    .bind(tenants)
    .bind(events)
    .bind(column(|event| &event.event_type))
    .bind(errors)
    .bind(RETRY_FIRST.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(())
}

/// Has every parked key of the rows that are read tried at once: by a leader that has just begun, or when an operator
/// says so. Returns how many keys that are.
pub(crate) async fn hasten(
    executor: impl PgExecutor<'_>,
    name: &str,
    key: Option<&str>,
) -> Result<u64, sqlx::Error> {
    let hastened = sqlx::query(
        "update read.parked p set retry_at = clock_timestamp()
           from (select w.slot, ordering_key, min(position) as position
                   from read.parked w join read.slots s on s.name = w.name and s.slot = w.slot and s.state = 'live'
                  where w.name = $1 and ($2::text is null or ordering_key = $2) group by w.slot, ordering_key) f
          where p.name = $1 and p.slot = f.slot and p.ordering_key = f.ordering_key and p.position = f.position",
    )
    .bind(name)
    .bind(key)
    .execute(executor)
    .await?;
    Ok(hastened.rows_affected())
}

/// A key of the shares of these leases that is to be tried now, if any.
pub(crate) async fn due(
    executor: impl PgExecutor<'_>,
    place: Place,
    leases: &[Lease],
) -> Result<Option<String>, sqlx::Error> {
    let (from, to) = ranges(leases);
    sqlx::query_scalar(
        "select ordering_key from read.parked
          where name = $1 and slot = $2 and retry_at <= clock_timestamp()
            and exists (select from unnest($3::smallint[], $4::smallint[]) r(a, b) where slice >= a and slice < b)
          order by retry_at limit 1",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(from)
    .bind(to)
    .fetch_optional(executor)
    .await
}

/// The first positions that wait for a key, in order.
pub(crate) async fn positions(
    executor: impl PgExecutor<'_>,
    place: Place,
    key: &str,
    limit: i64,
) -> Result<Vec<Position>, sqlx::Error> {
    let positions: Vec<i64> = sqlx::query_scalar(
        "select position from read.parked where name = $1 and slot = $2 and ordering_key = $3
          order by position limit $4",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(key)
    .bind(limit)
    .fetch_all(executor)
    .await?;
    Ok(positions.into_iter().map(Position).collect())
}

/// Lets those events of a key go that were folded, and says of the first of the others what hinders it. True when none
/// is left.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    place: Place,
    key: &str,
    folded: &[Position],
    hindered: Option<(Position, &str)>,
) -> Result<bool, sqlx::Error> {
    let folded: Vec<i64> = folded.iter().map(|position| position.0).collect();
    sqlx::query(
        "delete from read.parked where name = $1 and slot = $2 and ordering_key = $3 and position = any ($4)",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(key)
    .bind(folded)
    .execute(&mut *connection)
    .await?;
    if let Some((position, error)) = hindered {
        sqlx::query(
            "update read.parked
                set error = $5, attempts = attempts + 1,
                    retry_at = clock_timestamp()
                      + make_interval(secs => least($6 * power(2, least(attempts, 30)), $7))
              where name = $1 and slot = $2 and ordering_key = $3 and position = $4",
        )
        .bind(place.name)
        .bind(place.slot.as_str())
        .bind(key)
        .bind(position.0)
        .bind(error)
        .bind(RETRY_FIRST.as_secs_f64())
        .bind(RETRY_LONGEST.as_secs_f64())
        .execute(connection)
        .await?;
        return Ok(false);
    }
    sqlx::query_scalar(
        "select not exists (select from read.parked where name = $1 and slot = $2 and ordering_key = $3)",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(key)
    .fetch_one(connection)
    .await
}

/// Forgets everything that waits, because all of it is folded again.
pub(crate) async fn clear(connection: &mut PgConnection, place: Place) -> Result<(), sqlx::Error> {
    sqlx::query("delete from read.parked where name = $1 and slot = $2")
        .bind(place.name)
        .bind(place.slot.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// How many events of the shares of these leases wait.
pub(crate) async fn count(
    executor: impl PgExecutor<'_>,
    place: Place,
    leases: &[Lease],
) -> Result<i64, sqlx::Error> {
    let (from, to) = ranges(leases);
    sqlx::query_scalar(
        "select count(*) from read.parked where name = $1 and slot = $2
            and exists (select from unnest($3::smallint[], $4::smallint[]) r(a, b) where slice >= a and slice < b)",
    )
    .bind(place.name)
    .bind(place.slot.as_str())
    .bind(from)
    .bind(to)
    .fetch_one(executor)
    .await
}
