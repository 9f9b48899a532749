//! What follows the log: the sequencer, which gives events their place, and the projections, which read them.

use event_log::{Feed, Position};
use sqlx::PgPool;
use tokio::sync::watch;

use super::Finding;

const LAG_EVENTS_MAX: u64 = 1_000;
/// Events wait for milliseconds where a sequencer runs.
const WAITING_SECONDS_MAX: f64 = 5.0;

/// Events that were committed and have no position yet.
pub(super) async fn sequencer(log: &PgPool) -> sqlx::Result<Finding> {
    const CHECK: &str = "sequencer";
    let (waiting, seconds): (i64, f64) = sqlx::query_as(
        "select count(*), coalesce(extract(epoch from max(clock_timestamp() - recorded_at)), 0)::float8 from (
           select e.recorded_at
             from log.events e, (select snap, epoch from log.head order by step desc limit 1) h
            where e.epoch = h.epoch and e.tx_id >= pg_snapshot_xmin(h.snap)
              and not pg_visible_in_snapshot(e.tx_id, h.snap)
            limit 100000
         ) waiting",
    )
    .fetch_one(log)
    .await?;
    if seconds <= WAITING_SECONDS_MAX {
        return Ok(Finding::ok(
            CHECK,
            format!("{waiting} events wait for their position"),
        ));
    }
    let text = format!("{waiting} events wait for their position, the oldest for {seconds:.0} s");
    Ok(Finding::warning(
        CHECK,
        text,
        "start the server, or start it again if it runs",
    ))
}

pub(super) async fn projections(log: &PgPool, projector: &PgPool) -> sqlx::Result<Vec<Finding>> {
    const CHECK: &str = "projections";
    let (_, positions) = watch::channel(Position(0));
    let head = match Feed::new(log.clone(), positions).head().await {
        Ok(head) => head,
        Err(error) => {
            let mend = "botserver log verify";
            return Ok(vec![Finding::problem(
                CHECK,
                format!("the log cannot be read: {error}"),
                mend,
            )]);
        }
    };
    let mut findings = Vec::new();
    for status in projections::list(projector, head).await? {
        let name = status.name;
        if let Some(failure) = status.failure {
            findings.push(Finding::problem(
                CHECK,
                format!("{name} is stopped: {}", failure.error),
                format!("botserver projections rebuild {name}"),
            ));
        } else if status.parked_events > 0 {
            findings.push(Finding::problem(
                CHECK,
                format!("{name} has {} parked events", status.parked_events),
                format!("botserver projections parked {name}"),
            ));
        } else if status.lag_events > LAG_EVENTS_MAX {
            findings.push(Finding::warning(
                CHECK,
                format!("{name} is {} events behind", status.lag_events),
                "start the server and wait; botserver projections list shows how far it is",
            ));
        }
    }
    if findings.is_empty() {
        findings.push(Finding::ok(
            CHECK,
            format!("all follow the log, which is at {head}"),
        ));
    }
    Ok(findings)
}
