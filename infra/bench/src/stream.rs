//! The stream: relaying against Kafka's own producer, reading what was just committed, read models fed from Kafka
//! against the log, and catching up.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use event_log::{Outcome, Position};
use projections::{Delivery, NAMES, Options, Projections, Source};
use serde::Serialize;
use sqlx::PgPool;
use streams::{KafkaSource, Relay, Settings};
use test_broker::{Broker, Features};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep, sleep_until};
use uuid::Uuid;

use crate::distribution::Distribution;
use crate::rebuild::fill;
use crate::stage::Stage;
use crate::talk::Talk;

/// Exchanges in the log: a turn and a reply each.
const EXCHANGES: usize = 50_000;
/// Records of a transaction, ours and theirs.
const TRANSACTION: u64 = 4_000;
const CALLERS: usize = 32;
/// Of a production that is far from what is borne.
const PRODUCTION: f64 = 500.0;
const AWAY: Duration = Duration::from_secs(300);
const PATIENCE: Duration = Duration::from_secs(300);

async fn broker() -> anyhow::Result<Broker> {
    Ok(spawn_blocking(|| Broker::start(Features::default())).await?)
}

fn settings(broker: &Broker) -> Settings {
    Settings {
        prefix: test_broker::prefix(),
        ..Settings::new(vec![broker.address()])
    }
}

/// A relay at work.
struct Relaying {
    progress: watch::Receiver<Option<Position>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relaying {
    fn begin(stage: &Stage, settings: &Settings) -> Relaying {
        let (stop, stopped) = watch::channel(false);
        let pool = stage.pool("botserver_log", 4);
        let relay = Relay::new(
            settings.clone(),
            pool,
            stage.feed.clone(),
            Uuid::now_v7(),
            stopped,
        );
        Relaying {
            progress: relay.progress(),
            stop,
            task: tokio::spawn(relay.run()),
        }
    }

    /// When it was seen to have relayed up to a position.
    async fn reached(&mut self, position: Position) -> anyhow::Result<Instant> {
        let reached = self
            .progress
            .wait_for(|reached| reached.is_some_and(|reached| reached >= position));
        tokio::time::timeout(PATIENCE, reached)
            .await
            .context("the stream does not get there")??;
        Ok(Instant::now())
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        Ok(self.task.await?)
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Relayed {
    /// Records a second.
    pub ours: f64,
    pub theirs: f64,
    pub record_bytes: u64,
}

/// A log that lies ready into empty topics, and the same number of records as large by Kafka's own tool.
pub async fn relay(rounds: u32) -> anyhow::Result<Vec<Relayed>> {
    let broker = broker().await?;
    let stage = Stage::empty().await?;
    fill(&stage, EXCHANGES).await?;
    let head = stage.feed.head().await?;
    let mut found = Vec::new();
    for round in 0..=rounds {
        let settings = settings(&broker);
        let mut relaying = Relaying::begin(&stage, &settings);
        let began = relaying.reached(Position(0)).await?;
        let ours = head.0 as f64 / (relaying.reached(head).await? - began).as_secs_f64();
        relaying.stop().await?;
        let record_bytes = record_bytes(&broker, &settings, head.0.unsigned_abs()).await?;
        let theirs = produced(&broker, &settings, head.0.unsigned_abs(), record_bytes, ours).await?;
        // The first warms up the broker.
        if round > 0 {
            found.push(Relayed {
                ours,
                theirs,
                record_bytes,
            });
        }
    }
    Ok(found)
}

/// What a record of ours has, key, value and headers, as Kafka stores it uncompressed.
async fn record_bytes(broker: &Broker, settings: &Settings, records: u64) -> anyhow::Result<u64> {
    let output = tokio::process::Command::new("kcat")
        .args(["-C", "-q", "-e", "-c", "1000", "-b", &broker.address()])
        .args(["-t", &format!("{}.events.v1", settings.prefix), "-f", "%k%s%h\n"])
        .output()
        .await
        .context("kcat")?;
    let lines = output.stdout.iter().filter(|byte| **byte == b'\n').count() as u64;
    anyhow::ensure!(lines > 0 && records > 0, "kcat reads nothing");
    Ok(output.stdout.len() as u64 / lines)
}

/// Records a second of `kafka-producer-perf-test`: idempotent, all replicas, compressed as ours, in transactions of about
/// as many records at a speed that is guessed from ours.
async fn produced(
    broker: &Broker,
    settings: &Settings,
    records: u64,
    bytes: u64,
    ours: f64,
) -> anyhow::Result<f64> {
    // It ends a transaction by the clock: twice our speed is what it was found to have.
    let transaction = (TRANSACTION as f64 / (ours * 2.0) * 1e3).max(5.0);
    let topic = format!("{}.compliance.v1", settings.prefix);
    let mut tool =
        tokio::process::Command::from(test_broker::java("org.apache.kafka.tools.ProducerPerformance"));
    let output = tool
        .args(["--topic", &topic, "--num-records", &records.to_string()])
        .args(["--record-size", &bytes.to_string(), "--throughput", "-1"])
        .args(["--transactional-id", &format!("{}.perf", settings.prefix)])
        .args(["--transaction-duration-ms", &format!("{transaction:.0}")])
        .arg("--producer-props")
        .arg(format!("bootstrap.servers={}", broker.address()))
        .args([
            "acks=all",
            "enable.idempotence=true",
            "compression.type=lz4",
            "linger.ms=5",
            "batch.size=1000000",
        ])
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = text
        .lines()
        .rfind(|line| line.contains("records/sec"))
        .context(text.clone())?;
    let rate = last
        .split(", ")
        .nth(1)
        .and_then(|part| part.split(' ').next()?.parse().ok());
    rate.with_context(|| text.clone())
}

pub struct Read {
    /// Appends a second that commit and stream bear together.
    pub borne: f64,
    pub rate: f64,
    pub times: Distribution,
}

/// From the commit of an event until a consumer of Kafka has it, at half of what is borne.
pub async fn read(time: Duration) -> anyhow::Result<Read> {
    let broker = broker().await?;
    let stage = Stage::empty().await?;
    let settings = settings(&broker);
    let mut relaying = Relaying::begin(&stage, &settings);
    relaying.reached(Position(0)).await?;
    let borne = borne(&stage, &mut relaying, time).await?;
    let rate = borne / 2.0;
    sqlx::query("checkpoint").execute(&stage.owner).await?;

    let mut deliveries = KafkaSource::new(settings).join("bench", |_| true)?;
    let (found, mut heard) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(delivery) = deliveries.next().await {
            if let Delivery::Parts(parts) = delivery {
                let now = Instant::now();
                for event in parts.into_iter().flat_map(|part| part.events) {
                    let _ = found.send((event.stream.aggregate_id.clone(), event.sequence, now));
                }
                deliveries.stored();
            }
        }
    });
    // What was there before is read first.
    sleep(Duration::from_secs(5)).await;
    while heard.try_recv().is_ok() {}

    let start = Instant::now();
    let mut talks: Vec<Talk> = (0..CALLERS).map(|_| Talk::begin()).collect();
    let mut appends = JoinSet::new();
    for number in 0_u64.. {
        let at = start + Duration::from_secs_f64(number as f64 / rate);
        if at > start + time {
            break;
        }
        sleep_until(at).await;
        let command = talks[number as usize % CALLERS].next();
        let log = stage.log.clone();
        appends.spawn(async move {
            let stream = command.stream.aggregate_id.clone();
            match log.append_one(command).await? {
                Outcome::Stored(stored) => Ok((stream, stored.last_sequence, Instant::now())),
                other => anyhow::bail!("not stored: {other:?}"),
            }
        });
    }
    let mut committed = HashMap::new();
    while let Some(append) = appends.join_next().await {
        let (stream, sequence, at) = append??;
        committed.insert((stream, sequence), at);
    }
    let mut times = Vec::with_capacity(committed.len());
    while times.len() < committed.len() {
        let next = tokio::time::timeout(PATIENCE, heard.recv()).await?;
        let (stream, sequence, at) = next.context("the consumer ended")?;
        if let Some(before) = committed.get(&(stream, sequence)) {
            times.push(at.saturating_duration_since(*before));
        }
    }
    relaying.stop().await?;
    Ok(Read {
        borne,
        rate,
        times: Distribution::of(times),
    })
}

/// How many appends a second end up in Kafka when as many are made as can be.
async fn borne(stage: &Stage, relaying: &mut Relaying, time: Duration) -> anyhow::Result<f64> {
    let started = Instant::now();
    let until = started + time;
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let log = stage.log.clone();
        callers.spawn(async move {
            let mut talk = Talk::begin();
            let mut stored = 0_u64;
            while Instant::now() < until {
                log.append_one(talk.next()).await?;
                stored += 1;
            }
            anyhow::Ok(stored)
        });
    }
    let mut stored = 0;
    while let Some(count) = callers.join_next().await {
        stored += count??;
    }
    let events: i64 = sqlx::query_scalar("select count(*) from log.events")
        .fetch_one(&stage.owner)
        .await?;
    let done = relaying.reached(Position(events)).await?;
    Ok(stored as f64 / (done - started).as_secs_f64())
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct Fed {
    /// Events a second, all read models together at each.
    pub by_kafka: f64,
    pub by_log: f64,
}

/// All read models from nothing, fed from Kafka and from the log in turns; their rows are compared.
pub async fn fed(rounds: u32) -> anyhow::Result<Vec<Fed>> {
    let broker = broker().await?;
    let mut stage = Stage::empty().await?;
    fill(&stage, EXCHANGES).await?;
    let head = stage.feed.head().await?;
    // Each round has topics and groups of its own, which nobody has read.
    let streams: Vec<Settings> = (0..rounds).map(|_| settings(&broker)).collect();
    for settings in &streams {
        let mut relaying = Relaying::begin(&stage, settings);
        relaying.reached(head).await?;
        relaying.stop().await?;
    }
    stage.cluster.back_up().await;
    let mut found = Vec::new();
    for settings in streams {
        stage.cluster.put_back().await;
        let (by_log, rows) = folded(&stage, None, head).await?;
        stage.cluster.put_back().await;
        let source: Arc<dyn Source> = Arc::new(KafkaSource::new(settings));
        let (by_kafka, same) = folded(&stage, Some(source), head).await?;
        anyhow::ensure!(rows == same, "rows differ");
        found.push(Fed { by_kafka, by_log });
    }
    Ok(found)
}

async fn folded(
    stage: &Stage,
    source: Option<Arc<dyn Source>>,
    head: Position,
) -> anyhow::Result<(f64, Vec<String>)> {
    let projector = stage.pool("botserver_projector", 10);
    until_answers(&projector).await;
    let (stop, stopped) = watch::channel(false);
    let options = Options::new(Uuid::now_v7());
    let (projections, tasks) = match &source {
        Some(source) => Projections::fed_by(source, &projector, &stage.feed, &options, &stopped),
        None => Projections::start(&projector, &stage.feed, &options, &stopped),
    };
    // From the first batch: to join a group takes a while, and is done once.
    while projections
        .position("conversation")
        .is_none_or(|position| position == Position(0))
    {
        sleep(Duration::from_millis(1)).await;
    }
    let began = Instant::now();
    projections.wait_for(NAMES, head, PATIENCE).await?;
    let seconds = began.elapsed().as_secs_f64();
    stop.send_replace(true);
    tasks.join_all().await;
    let mut digests = Vec::new();
    for name in NAMES {
        digests.push(format!("{:?}", projections::digest(&projector, name).await?));
    }
    Ok((head.0 as f64 / seconds, digests))
}

/// The first connections after the files were put back find the server gone.
async fn until_answers(pool: &PgPool) {
    while sqlx::query("select 1").execute(pool).await.is_err() {
        sleep(Duration::from_millis(50)).await;
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
pub struct CaughtUp {
    pub events: u64,
    pub seconds: f64,
    /// Events a second that were relayed while production went on.
    pub rate: f64,
    pub production: f64,
}

/// Kafka comes back after as many events as five minutes bring, and production goes on.
pub async fn catch_up() -> anyhow::Result<CaughtUp> {
    let broker = broker().await?;
    let stage = Stage::empty().await?;
    let settings = settings(&broker);
    let mut relaying = Relaying::begin(&stage, &settings);
    relaying.reached(Position(0)).await?;
    let broker = Arc::new(broker);
    let away = broker.clone();
    spawn_blocking(move || away.stop()).await?;
    let backlog = (PRODUCTION * AWAY.as_secs_f64()) as usize;
    fill(&stage, backlog / 2).await?;
    let producing = Arc::new(AtomicBool::new(true));
    let producer = tokio::spawn(produce(stage.log.clone(), producing.clone()));
    let back = broker.clone();
    spawn_blocking(move || back.resume()).await?;
    let before = relaying.progress.borrow().unwrap_or_default();
    // From the first transaction after the return: until then the client finds the broker again.
    let began = relaying.reached(Position(before.0 + 1)).await?;
    loop {
        let reached = relaying.progress.borrow_and_update().unwrap_or_default();
        if stage.feed.known().0 - reached.0 <= PRODUCTION as i64 / 5 {
            break;
        }
        relaying.progress.changed().await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    let events = (relaying.progress.borrow().unwrap_or_default().0 - before.0).unsigned_abs();
    producing.store(false, Ordering::Relaxed);
    producer.await??;
    relaying.stop().await?;
    Ok(CaughtUp {
        events,
        seconds,
        rate: events as f64 / seconds,
        production: PRODUCTION,
    })
}

async fn produce(log: event_log::EventLog, on: Arc<AtomicBool>) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut talks: Vec<Talk> = (0..CALLERS).map(|_| Talk::begin()).collect();
    let mut appends = JoinSet::new();
    for number in 0_u64.. {
        if !on.load(Ordering::Relaxed) {
            break;
        }
        sleep_until(start + Duration::from_secs_f64(number as f64 / PRODUCTION)).await;
        let command = talks[number as usize % CALLERS].next();
        let log = log.clone();
        appends.spawn(async move { log.append_one(command).await.map(drop) });
        while let Some(done) = appends.try_join_next() {
            done??;
        }
    }
    Ok(())
}
