//! The database is cut off under load, again and again, as a crash would; nothing is lost, doubled, reordered or given
//! another place. Whatever a writer was told holds, and what readers saw stays as they saw it.

mod history;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use event_log::{
    AppendCommand, EventLog, EventLogError, Feed, Keyring, MasterKey, Outcome, Position, Sequencer,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::watch;
use uuid::Uuid;

use self::history::{History, Placed};
use crate::fixture::{With, event, to};

const WRITERS: usize = 8;
const READERS: usize = 2;
const CUTS: usize = 6;
/// Events that are acknowledged between two cuts.
const BETWEEN_CUTS: usize = 400;
/// How long anything may take on a busy machine before the test gives up.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two tries while the database is away.
const PAUSE: Duration = Duration::from_millis(5);

/// What everybody shares.
struct Scene {
    log: EventLog,
    feed: Feed,
    leaving: AtomicBool,
    acknowledged_count: AtomicUsize,
    history: Mutex<History>,
    /// The last event that a reader has read: what writers know of the log.
    seen: watch::Sender<Option<(i64, Uuid)>>,
    /// How many events the finished log has; None until the last writer has gone.
    everything: watch::Sender<Option<i64>>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_is_cut_off_under_load_keeps_its_promises() {
    let seed = std::env::var("BOTSERVER_TEST_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(rand::random::<u64>);
    let mut cluster = test_database::create_cluster().await;
    let pool = cluster.pool("botserver_log").await;
    let reading = cluster.pool("botserver_log").await;
    let keys = cluster.pool("botserver_keys").await;
    let keyring = Keyring::open(keys, MasterKey::from_bytes([7; 32]))
        .await
        .expect("the keyring opens");
    let log = EventLog::new(pool.clone(), keyring);
    let (placed, positions) = watch::channel(Position(0));
    let (stop, stopped) = watch::channel(false);
    let sequencer = Sequencer::new(reading.clone(), log.wake())
        .await
        .expect("the sequencer starts");
    let sequencing = tokio::spawn(sequencer.run(placed, until(stopped)));
    let scene = Arc::new(Scene {
        log,
        feed: Feed::new(reading.clone(), positions),
        leaving: AtomicBool::new(false),
        acknowledged_count: AtomicUsize::new(0),
        history: Mutex::default(),
        seen: watch::Sender::new(None),
        everything: watch::Sender::new(None),
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            tokio::spawn(write(
                scene.clone(),
                number,
                StdRng::seed_from_u64(seed ^ number as u64),
            ))
        })
        .collect();
    let readers: Vec<_> = (0..READERS).map(|_| tokio::spawn(read(scene.clone()))).collect();

    for cut in 0..CUTS {
        let wanted = (cut + 1) * BETWEEN_CUTS;
        assert!(
            eventually(|| scene.acknowledged_count.load(Ordering::Relaxed) >= wanted).await,
            "seed {seed}: writers do not get on after {cut} cuts"
        );
        cluster.restart_immediately().await;
    }
    let wanted = (CUTS + 1) * BETWEEN_CUTS;
    assert!(
        eventually(|| scene.acknowledged_count.load(Ordering::Relaxed) >= wanted).await,
        "seed {seed}: writers do not get on after the last cut"
    );
    scene.leaving.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("a writer ends well");
    }
    let everything = count(&reading, "select count(*) from log.events").await;
    scene.everything.send_replace(Some(everything));
    for reader in readers {
        let ended = tokio::time::timeout(PATIENCE, reader).await;
        ended
            .unwrap_or_else(|_| panic!("seed {seed}: not everything is placed"))
            .expect("a reader ends well");
    }
    stop.send_replace(true);
    sequencing.await.expect("the sequencer ends well");

    let mut history = scene.history.lock().expect("nobody panicked").clone();
    history.log = finished(&reading).await;
    assert!(
        history.readers.iter().all(|seen| seen.len() as i64 == everything),
        "seed {seed}"
    );
    assert_eq!(history.violations(), BTreeSet::new(), "seed {seed}");
    let verification = event_log::verify(&reading, true, |_, _| {})
        .await
        .expect("verification runs");
    assert!(verification.sound(), "seed {seed}: {:#?}", verification.findings);
    assert_eq!(verification.unplaced, 0, "seed {seed}");
}

/// Writes to streams of everybody's and to one of its own, whose version it knows; takes and lets go of names.
async fn write(scene: Arc<Scene>, number: usize, mut chance: StdRng) {
    let own = format!("own{number}");
    let mut own_version = 0;
    while !scene.leaving.load(Ordering::Relaxed) {
        let id = Uuid::from_u128(chance.random());
        let saw = *scene.seen.borrow();
        let payload = json!({ "id": id, "saw": saw });
        let shared = format!("shared{}", chance.random_range(0..3));
        let name = format!("name{}", chance.random_range(0..3));
        let command = match chance.random_range(0..4) {
            0 => to(&own).expecting(own_version),
            1 => to(&shared).taking(&name, &own),
            2 => to(&shared).releasing(&name, &own),
            _ => to(&shared),
        };
        let expects = command.expected_version.is_some();
        let command = command.id(id.as_u128()).with(vec![event(payload)]);
        scene.history().tried.insert(id);
        match settled(&scene.log, command).await {
            Outcome::Stored(stored) | Outcome::Duplicate(stored) => {
                scene.history().acknowledged.insert(id, stored.last_sequence);
                scene.acknowledged_count.fetch_add(1, Ordering::Relaxed);
                if expects {
                    own_version = stored.last_sequence;
                }
            }
            Outcome::Taken { .. } => {}
            other => panic!("nobody else writes to {own}: {other:?}"),
        }
    }
}

/// Sends a command until it is known what became of it.
async fn settled(log: &EventLog, command: AppendCommand) -> Outcome {
    loop {
        match log.append_one(command.clone()).await {
            Ok(outcome) => return outcome,
            // A busy machine may be away for longer than the log itself tries; with its id it is safe to send it again.
            Err(error) if error.retryable() || matches!(error, EventLogError::Unknown(_)) => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => panic!("nothing else goes wrong: {error:?}"),
        }
    }
}

/// Reads the log from its beginning, through every cut, until it has ended.
async fn read(scene: Arc<Scene>) {
    let mut seen: Vec<(i64, Uuid)> = Vec::new();
    loop {
        let after = Position(seen.last().map_or(0, |(position, _)| *position));
        match scene.feed.read(after, 50).await {
            Ok(events) if events.is_empty() => {
                if *scene.everything.borrow() == Some(after.0) {
                    break;
                }
                let _ = tokio::time::timeout(PAUSE * 10, scene.feed.wait_past(after)).await;
            }
            Ok(events) => {
                for event in events {
                    let id = event.payload["id"].as_str().and_then(|id| id.parse().ok());
                    let position = event.position.expect("the feed's events have a place");
                    seen.push((position.0, id.expect("every event says which it is")));
                }
                let last = seen.last().copied();
                scene.seen.send_if_modified(|known| {
                    let further = last > *known;
                    *known = last.max(*known);
                    further
                });
            }
            Err(error) if error.retryable() => tokio::time::sleep(PAUSE).await,
            Err(error) => panic!("the feed is never inconsistent: {error:?}"),
        }
    }
    scene.history().readers.push(seen);
}

impl Scene {
    fn history(&self) -> std::sync::MutexGuard<'_, History> {
        self.history.lock().expect("nobody panics while holding it")
    }
}

async fn finished(pool: &PgPool) -> Vec<Placed> {
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "select p.position, e.payload::text, e.aggregate_id, e.sequence
           from log.events e join log.positions p on p.seq_no = e.seq_no order by p.position",
    )
    .fetch_all(pool)
    .await
    .expect("the log is readable");
    let placed = |(position, payload, stream, sequence): (i64, String, String, i64)| {
        let payload: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(&payload).expect("payloads are objects");
        let read = |name: &str| serde_json::from_value(payload[name].clone());
        Placed {
            position,
            id: serde_json::from_value(payload["id"].clone()).expect("an id"),
            stream,
            sequence,
            saw: read("saw").expect("what was seen"),
        }
    };
    rows.into_iter().map(placed).collect()
}

async fn count(pool: &PgPool, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(pool).await.expect(query)
}

async fn eventually(holds: impl Fn() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > until {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
    true
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
