//! Streams: numbered without a gap, as long as their heads say, each event with a position.

use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::Verification;
use crate::{EventLogError, StreamId};

const PAGE: i64 = 1_000;

/// The stream being walked through, as its last event showed it.
struct Walked {
    stream: StreamId,
    sequence: i64,
    seq_no: i64,
    head: Option<i64>,
}

pub(super) async fn verify_streams(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut walked: Option<Walked> = None;
    loop {
        let (stream, sequence) = match &walked {
            Some(walked) => (walked.stream.clone(), walked.sequence),
            None => (StreamId::new("", ""), 0),
        };
        let rows = sqlx::query(PAGE_OF_EVENTS)
            .bind(&stream.aggregate_type)
            .bind(&stream.aggregate_id)
            .bind(sequence)
            .bind(PAGE)
            .fetch_all(pool)
            .await?;
        for row in &rows {
            verification.events += 1;
            walked = Some(verify_event(row, walked, verification)?);
        }
        progress("events", verification.events);
        if rows.is_empty() {
            break;
        }
    }
    if let Some(walked) = walked {
        leave(&walked, verification);
    }
    Ok(())
}

fn verify_event(
    row: &PgRow,
    before: Option<Walked>,
    verification: &mut Verification,
) -> Result<Walked, EventLogError> {
    let stream = StreamId {
        aggregate_type: row.try_get("aggregate_type")?,
        aggregate_id: row.try_get("aggregate_id")?,
    };
    let event_id: Uuid = row.try_get("event_id")?;
    let now = Walked {
        stream,
        sequence: row.try_get("sequence")?,
        seq_no: row.try_get("seq_no")?,
        head: row.try_get("version")?,
    };
    let mut expected = 1;
    match before {
        Some(before) if before.stream == now.stream => {
            expected = before.sequence + 1;
            if before.seq_no >= now.seq_no {
                verification.find(
                    format_args!("event {event_id}"),
                    "was numbered before its predecessor",
                );
            }
        }
        Some(before) => {
            leave(&before, verification);
            verification.streams += 1;
        }
        None => verification.streams += 1,
    }
    if now.sequence != expected {
        let problem = format!("event {expected} is missing; {} follows", now.sequence);
        verification.find(format_args!("stream {}", now.stream), problem);
    }
    let tenant: Uuid = row.try_get("tenant_id")?;
    if row
        .try_get::<Option<Uuid>, _>("head_tenant")?
        .is_some_and(|head| head != tenant)
    {
        verification.find(
            format_args!("event {event_id}"),
            "belongs to another tenant than its stream",
        );
    }
    if !row.try_get::<bool, _>("placed")? {
        if row.try_get::<bool, _>("due")? {
            verification.find(
                format_args!("event {event_id}"),
                "has no position and would never get one",
            );
        } else {
            verification.unplaced += 1;
        }
    }
    Ok(now)
}

/// The last event of a stream and its head were read in one statement.
fn leave(walked: &Walked, verification: &mut Verification) {
    let place = format!("stream {}", walked.stream);
    match walked.head {
        Some(version) if version == walked.sequence => {}
        Some(version) => {
            verification.find(
                place,
                format!("its head says {version}, its events end at {}", walked.sequence),
            );
        }
        None => verification.find(place, "has no head"),
    }
}

pub(super) async fn verify_heads(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut last = StreamId::new("", "");
    let mut seen = 0;
    loop {
        let rows: Vec<(String, String, bool)> = sqlx::query_as(
            "select h.aggregate_type, h.aggregate_id,
                    exists (select from log.events e
                      where e.aggregate_type = h.aggregate_type and e.aggregate_id = h.aggregate_id)
               from log.heads h where (h.aggregate_type, h.aggregate_id) > ($1, $2)
              order by h.aggregate_type, h.aggregate_id limit $3",
        )
        .bind(&last.aggregate_type)
        .bind(&last.aggregate_id)
        .bind(PAGE)
        .fetch_all(pool)
        .await?;
        if rows.is_empty() {
            return Ok(());
        }
        for (aggregate_type, aggregate_id, inhabited) in rows {
            last = StreamId {
                aggregate_type,
                aggregate_id,
            };
            seen += 1;
            if !inhabited {
                verification.find(format_args!("stream {last}"), "has a head and no events");
            }
        }
        progress("heads", seen);
    }
}

/// An event is due when the head's snapshot had seen it, or when its epoch is over.
const PAGE_OF_EVENTS: &str = "
    select e.aggregate_type, e.aggregate_id, e.sequence, e.seq_no, e.event_id, e.tenant_id,
           h.version, h.tenant_id as head_tenant,
           exists (select from log.positions p where p.seq_no = e.seq_no) as placed,
           e.epoch < l.epoch or (e.epoch = l.epoch and pg_visible_in_snapshot(e.tx_id, l.snap)) as due
      from log.events e
      left join log.heads h on h.aggregate_type = e.aggregate_type and h.aggregate_id = e.aggregate_id
      cross join (select epoch, snap from log.head order by step desc limit 1) l
     where (e.aggregate_type, e.aggregate_id, e.sequence) > ($1, $2, $3)
     order by e.aggregate_type, e.aggregate_id, e.sequence limit $4";
