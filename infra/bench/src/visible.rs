//! From the commit of an event until it can be read: the conversation read model, at half of the load that it bears.

use std::time::Duration;

use event_log::{Outcome, Token};
use futures::future::try_join_all;
use projections::{Options, Projections};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::distribution::Distribution;
use crate::stage::Stage;
use crate::talk::Talk;

const READ_MODEL: &[&str] = &["conversation"];
const CALLERS: usize = 32;
/// One append of so many is followed until it can be read.
const FOLLOWED: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Visible {
    /// Appends a second that commit and read model bear together.
    pub borne: f64,
    pub rate: f64,
    pub times: Distribution,
}

pub async fn run(time: Duration) -> anyhow::Result<Visible> {
    let stage = Stage::empty().await?;
    let (_stop, stopped) = watch::channel(false);
    let projector = stage.pool("botserver_projector", 8);
    let (projections, _tasks) =
        Projections::start(&projector, &stage.feed, &Options::new(Uuid::now_v7()), &stopped);
    let borne = borne(&stage, &projections, time).await?;
    let rate = borne / 2.0;
    // A new server makes each segment of its log by writing 16 MiB, for which everybody waits; one that has run for a
    // while takes those that a checkpoint has set free.
    sqlx::query("checkpoint").execute(&stage.owner).await?;
    let times = followed(&stage, &projections, rate, time).await?;
    Ok(Visible { borne, rate, times })
}

/// How many appends a second end up in the read model when as many are made as can be.
async fn borne(stage: &Stage, projections: &Projections, time: Duration) -> anyhow::Result<f64> {
    let started = Instant::now();
    let until = started + time;
    let callers = (0..CALLERS).map(|_| {
        let log = stage.log.clone();
        let caller = tokio::spawn(async move {
            let mut talk = Talk::begin();
            let (mut stored, mut last) = (0_u64, None);
            while Instant::now() < until {
                last = Some(token(log.append_one(talk.next()).await?)?);
                stored += 1;
            }
            anyhow::Ok((stored, last))
        });
        async move { caller.await? }
    });
    let mut stored = 0;
    for (count, last) in try_join_all(callers).await? {
        stored += count;
        if let Some(last) = last {
            projections
                .wait_for_token(&stage.log, READ_MODEL, last, PATIENCE)
                .await?;
        }
    }
    Ok(stored as f64 / started.elapsed().as_secs_f64())
}

/// Appends at even distances, whether or not those before are stored; how long those that are followed took from their
/// commit until they could be read.
pub async fn followed(
    stage: &Stage,
    projections: &Projections,
    rate: f64,
    time: Duration,
) -> anyhow::Result<Distribution> {
    let start = Instant::now();
    let mut talks: Vec<Talk> = (0..CALLERS).map(|_| Talk::begin()).collect();
    let mut appends = Vec::new();
    for number in 0_u64.. {
        let at = start + Duration::from_secs_f64(number as f64 / rate);
        if at > start + time {
            break;
        }
        sleep_until(at).await;
        let command = talks[number as usize % CALLERS].next();
        let (log, projections) = (stage.log.clone(), projections.clone());
        appends.push(tokio::spawn(async move {
            let token = token(log.append_one(command).await?)?;
            if number % FOLLOWED != 0 {
                return anyhow::Ok(None);
            }
            let committed = Instant::now();
            projections
                .wait_for_token(&log, READ_MODEL, token, PATIENCE)
                .await?;
            Ok(Some(committed.elapsed()))
        }));
    }
    let mut times = Vec::new();
    for append in appends {
        times.extend(append.await??);
    }
    Ok(Distribution::of(times))
}

fn token(outcome: Outcome) -> anyhow::Result<Token> {
    match outcome {
        Outcome::Stored(stored) => Ok(stored.token),
        other => anyhow::bail!("not stored: {other:?}"),
    }
}
