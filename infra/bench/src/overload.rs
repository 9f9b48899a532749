//! Ten times the load that can be borne: what is refused, and what memory that takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use event_log::EventLogError;
use tokio::time::{Instant, sleep};

use crate::append::{self, Stream};
use crate::stage::Stage;

/// Appends that have no answer yet, at most: twice of what the log takes in. More would measure the crowd before the door.
const UNANSWERED: u64 = 8_192;
/// Offers are made so often.
const TICK: Duration = Duration::from_millis(1);

pub struct Overload {
    /// Appends a second that are stored when callers wait for their answers.
    pub borne: f64,
    pub once: Offered,
    pub tenfold: Offered,
}

/// What became of appends that came whether or not others were stored.
#[derive(Debug, Clone, Copy)]
pub struct Offered {
    /// A second.
    pub offered: f64,
    pub stored: f64,
    pub refused: f64,
    /// Most that the process held in the first and in the second half, in bytes.
    pub memory: [u64; 2],
}

pub async fn run(time: Duration) -> anyhow::Result<Overload> {
    let stage = Stage::empty().await?;
    let stored = append::run(&stage, 256, 1, time).await?;
    let borne = stored as f64 / time.as_secs_f64();
    let once = offer(&stage, borne, time * 2).await?;
    let tenfold = offer(&stage, borne * 10.0, time * 4).await?;
    Ok(Overload { borne, once, tenfold })
}

#[derive(Default)]
struct Counts {
    stored: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    fn answered(&self) -> u64 {
        let counts = [&self.stored, &self.refused, &self.failed];
        counts.map(|count| count.load(Ordering::Relaxed)).iter().sum()
    }
}

async fn offer(stage: &Stage, rate: f64, time: Duration) -> anyhow::Result<Offered> {
    let counts = Arc::new(Counts::default());
    let start = Instant::now();
    let (mut offered, mut memory) = (0_u64, [0; 2]);
    let stream = Stream::new();
    while start.elapsed() < time {
        let due = (start.elapsed().as_secs_f64() * rate) as u64;
        let room = UNANSWERED.saturating_sub(offered - counts.answered());
        let count = due.saturating_sub(offered).min(room);
        for _ in 0..count {
            let (log, counts) = (stage.log.clone(), counts.clone());
            let command = append::command(&stream.next(), 1);
            tokio::spawn(async move {
                let counter = match log.append_one(command).await {
                    Ok(_) => &counts.stored,
                    Err(EventLogError::Overloaded) => &counts.refused,
                    Err(_) => &counts.failed,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            });
        }
        offered += count;
        let half = usize::from(start.elapsed() > time / 2);
        memory[half] = memory[half].max(resident()?);
        sleep(TICK).await;
    }
    let seconds = start.elapsed().as_secs_f64();
    let a_second = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / seconds;
    anyhow::ensure!(counts.failed.load(Ordering::Relaxed) == 0, "appends failed");
    Ok(Offered {
        offered: offered as f64 / seconds,
        stored: a_second(&counts.stored),
        refused: a_second(&counts.refused),
        memory,
    })
}

/// Bytes that this process holds now.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = status.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096)
}
