//! Reading the log in order, against PostgreSQL's fastest way out for the same rows.

use std::time::{Duration, Instant};

use event_log::Position;
use futures::TryStreamExt as _;

use crate::append;
use crate::stage::Stage;

/// Events that are read: some seconds' worth of appends, a fraction of a second's worth of reading.
const EVENTS: i64 = 20_000;
const PAGE: i64 = 1_000;

/// Fills the log, and waits until everything has its position.
pub async fn prepare(stage: &Stage) -> anyhow::Result<()> {
    for _ in 0..EVENTS / 500 {
        let batch = (0..50)
            .map(|_| append::command(&append::Stream::new(), 10))
            .collect();
        stage.log.append(batch).await?;
    }
    stage.feed.wait_past(Position(EVENTS - 1)).await;
    sqlx::raw_sql("vacuum analyze log.events, log.positions")
        .execute(&stage.owner)
        .await?;
    Ok(())
}

/// Reads the first events again and again, in pages, as a projection does; returns how many.
pub async fn run(stage: &Stage, time: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + time;
    let mut read = 0;
    while Instant::now() < until {
        let mut position = Position(0);
        while position.0 < EVENTS {
            let page = stage.feed.read(position, PAGE.min(EVENTS - position.0)).await?;
            let last = page.last().and_then(|event| event.position);
            position = last.ok_or_else(|| anyhow::anyhow!("the feed ended at {position}"))?;
            read += page.len() as u64;
        }
    }
    Ok(read)
}

/// Copies the same rows out, in order, as text that nobody parses; returns how many.
pub async fn copy(stage: &Stage, time: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + time;
    let statement = format!(
        "copy (select p.position, e.* from log.positions p
                 join log.events e on e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no
                where p.position <= {EVENTS} order by p.position) to stdout"
    );
    let mut read = 0;
    while Instant::now() < until {
        let mut connection = stage.owner.acquire().await?;
        let mut rows = connection.copy_out_raw(&statement).await?;
        while let Some(bytes) = rows.try_next().await? {
            read += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        }
    }
    Ok(read)
}
