//! Positions: dense, each with its event, each leaf recomputed, no event before its predecessor.

use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::Verification;
use crate::{EventLogError, Leaf, leaf, slice_of};

/// Events whose texts are held at once: 100 MiB if each is as long as it may be.
const PAGE: i64 = 100;

pub(super) async fn verify_positions(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut last = 0;
    loop {
        let rows = sqlx::query(PAGE_OF_POSITIONS)
            .bind(last)
            .bind(PAGE)
            .fetch_all(pool)
            .await?;
        for row in &rows {
            let position: i64 = row.try_get("position")?;
            for missing in (last + 1..position).take(10) {
                verification.find(format_args!("position {missing}"), "is missing");
            }
            last = position;
            verification.positions += 1;
            verify_position(row, position, verification)?;
        }
        progress("positions", verification.positions);
        if rows.is_empty() {
            break;
        }
    }
    let head: i64 = sqlx::query_scalar("select position from log.head order by step desc limit 1")
        .fetch_one(pool)
        .await?;
    if head < last {
        verification.find("head", format!("says {head}, positions reach {last}"));
    } else if head > last {
        let reached: Option<i64> = sqlx::query_scalar("select max(position) from log.positions")
            .fetch_one(pool)
            .await?;
        if reached.unwrap_or(0) < head {
            let reached = reached.unwrap_or(0);
            verification.find("head", format!("says {head}, positions reach {reached}"));
        }
    }
    Ok(())
}

fn verify_position(row: &PgRow, position: i64, verification: &mut Verification) -> Result<(), EventLogError> {
    let Some(event_id) = row.try_get::<Option<Uuid>, _>("event_id")? else {
        verification.find(format_args!("position {position}"), "its event is missing");
        return Ok(());
    };
    let place = format!("event {event_id}");
    let tenant: Uuid = row.try_get("tenant_id")?;
    let slice: i16 = row.try_get("slice")?;
    let sequence: i64 = row.try_get("sequence")?;
    let ordering_key: String = row.try_get("ordering_key")?;
    if row.try_get::<Uuid, _>("placed_tenant")? != tenant {
        verification.find(&place, "its position belongs to another tenant");
    }
    if slice != slice_of(&ordering_key).cast_signed() || row.try_get::<i16, _>("placed_slice")? != slice {
        verification.find(&place, "its slice is not that of its ordering key");
    }
    let recomputed = leaf(&Leaf {
        position,
        epoch: row.try_get("epoch")?,
        event_id,
        tenant,
        aggregate_type: row.try_get("aggregate_type")?,
        aggregate_id: row.try_get("aggregate_id")?,
        sequence,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        recorded_at: row.try_get("recorded_at")?,
        payload: row.try_get("payload")?,
        metadata: row.try_get("metadata")?,
    });
    if row.try_get::<Vec<u8>, _>("leaf")? != recomputed {
        verification.find(
            &place,
            format!("was changed since it was given position {position}: its leaf differs"),
        );
    }
    if sequence > 1 {
        match row.try_get::<Option<i64>, _>("predecessor")? {
            Some(predecessor) if predecessor < position => {}
            Some(predecessor) => {
                verification.find(
                    &place,
                    format!("stands at {position}, before its predecessor at {predecessor}"),
                );
            }
            None => verification.find(&place, "its predecessor has no position"),
        }
    }
    Ok(())
}

const PAGE_OF_POSITIONS: &str = "
    select p.position, p.tenant_id as placed_tenant, p.slice as placed_slice, p.leaf,
           e.event_id, e.tenant_id, e.epoch, e.slice, e.ordering_key, e.aggregate_type, e.aggregate_id, e.sequence,
           e.event_type, e.event_version, e.recorded_at, e.payload::text as payload, e.metadata::text as metadata,
           b.position as predecessor
      from (select * from log.positions where position > $1 order by position limit $2) p
      left join lateral (
        select * from log.events e where e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no offset 0
      ) e on true
      left join lateral (
        select q.position from log.events f join log.positions q on q.seq_no = f.seq_no
         where f.aggregate_type = e.aggregate_type and f.aggregate_id = e.aggregate_id and f.sequence = e.sequence - 1
        offset 0
      ) b on true
     order by p.position";
