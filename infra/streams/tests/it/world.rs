//! A log with a sequencer at work, a Kafka, and relays that come and go.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_log::{
    AppendCommand, EventLog, Feed, Keyring, MasterKey, Metadata, NewEvent, Outcome, Position, Sequencer,
    StreamId,
};
use rand::distr::Alphanumeric;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use streams::{Relay, Settings, Topic, partition_of};
use test_broker::Broker;
use test_database::{TestCluster, TestDatabase};
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(120);

pub struct World {
    pub settings: Settings,
    pub log: EventLog,
    pub feed: Feed,
    /// As `botserver_log`.
    pub pool: PgPool,
    pub database: Database,
    appended: AtomicU64,
    stop: watch::Sender<bool>,
}

/// Where the log lives.
pub enum Database {
    Shared(#[expect(dead_code, reason = "it is dropped with the world")] TestDatabase),
    /// To be killed and put back.
    Own(Box<Mutex<TestCluster>>),
    /// Another world has it.
    Gone,
}

/// A relay at work.
pub struct Relaying {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relaying {
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.task.await.expect("the relay ends in order");
    }
}

/// A record as a reader of committed records sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    pub topic: Topic,
    pub partition: i32,
    pub key: String,
    pub value: String,
    pub headers: BTreeMap<String, String>,
}

impl Seen {
    pub fn number(&self, header: &str) -> i64 {
        self.headers[header].parse().expect(header)
    }

    pub fn position(&self) -> i64 {
        self.number("ce_position")
    }
}

pub fn settings(broker: &Broker) -> Settings {
    Settings {
        prefix: test_broker::prefix(),
        partitions: 6,
        ..Settings::new(vec![broker.address()])
    }
}

impl World {
    /// In topics of its own on this program's broker.
    pub async fn new() -> World {
        let broker = tokio::task::spawn_blocking(test_broker::shared)
            .await
            .expect("a broker");
        World::on(settings(broker)).await
    }

    pub async fn on(settings: Settings) -> World {
        let database = test_database::create().await;
        let options = |role| database.connect_options(role);
        let (log, keys) = (options("botserver_log"), options("botserver_keys"));
        World::with(settings, Database::Shared(database), log, keys).await
    }

    /// On a database server of its own.
    pub async fn own(settings: Settings) -> World {
        let cluster = test_database::create_cluster().await;
        let options = |role| cluster.connect_options(role);
        let (log, keys) = (options("botserver_log"), options("botserver_keys"));
        World::with(settings, Database::Own(Box::new(Mutex::new(cluster))), log, keys).await
    }

    async fn with(
        settings: Settings,
        database: Database,
        log: PgConnectOptions,
        keys: PgConnectOptions,
    ) -> World {
        let pool = |options| {
            PgPoolOptions::new()
                .max_connections(10)
                .connect_lazy_with(options)
        };
        let (pool, keys) = (pool(log), pool(keys));
        let keyring = Keyring::open(keys, MasterKey::from_bytes([7; 32]))
            .await
            .expect("a keyring");
        let log = EventLog::new(pool.clone(), keyring);
        let sequencer = Sequencer::new(pool.clone(), log.wake())
            .await
            .expect("a sequencer");
        let (placed, positions) = watch::channel(Position(0));
        let (stop, mut stopping) = watch::channel(false);
        tokio::spawn(sequencer.run(placed, async move {
            let _ = stopping.wait_for(|stop| *stop).await;
        }));
        World {
            settings,
            log,
            feed: Feed::new(pool.clone(), positions),
            pool,
            database,
            appended: AtomicU64::new(0),
            stop,
        }
    }

    pub fn relay(&self) -> Relaying {
        self.relay_of(Uuid::new_v4())
    }

    pub fn relay_of(&self, owner: Uuid) -> Relaying {
        let (stop, stopping) = watch::channel(false);
        let relay = Relay::new(
            self.settings.clone(),
            self.pool.clone(),
            self.feed.clone(),
            owner,
            stopping,
        );
        Relaying {
            stop,
            task: tokio::spawn(relay.run()),
        }
    }

    /// Appends so many events to various streams, a few of them compliance facts.
    pub async fn append(&self, count: u64) {
        let first = self.appended.fetch_add(count, Ordering::Relaxed);
        let commands: Vec<AppendCommand> = (first..first + count).map(command).collect();
        for commands in commands.chunks(200) {
            // Connections of before a restart are found to be dead.
            let stored = loop {
                match self.log.append(commands.to_vec()).await {
                    Ok(outcomes) => break outcomes,
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            };
            assert!(stored.iter().all(is_stored), "{stored:?}");
        }
    }

    /// Appends an event with so many bytes of text that does not get smaller.
    pub async fn append_large(&self, bytes: usize) {
        let mut command = command(self.appended.fetch_add(1, Ordering::Relaxed));
        let random = StdRng::seed_from_u64(1).sample_iter(Alphanumeric).take(bytes);
        command.events[0].payload = json!({ "text": random.map(char::from).collect::<String>() });
        let stored = self.log.append(vec![command]).await.expect("the log takes it");
        assert!(stored.iter().all(is_stored), "{stored:?}");
    }

    /// Waits until everything appended so far has its position.
    pub async fn placed(&self) {
        let count = self.count().await;
        while self.feed.head().await.expect("the head") < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// As a server that is started anew finds what is there.
    pub async fn again(mut self) -> World {
        self.stop.send_replace(true);
        let Database::Own(cluster) = std::mem::replace(&mut self.database, Database::Gone) else {
            panic!("the database is not this world's own");
        };
        let options = |role| cluster.try_lock().expect("nobody has it").connect_options(role);
        let (log, keys) = (options("botserver_log"), options("botserver_keys"));
        let world = World::with(self.settings.clone(), Database::Own(cluster), log, keys).await;
        // Other events than those that were lost.
        world.appended.store(1_000_000, Ordering::Relaxed);
        world
    }

    /// The database server of this world's own.
    pub async fn cluster(&self) -> MutexGuard<'_, TestCluster> {
        match &self.database {
            Database::Own(cluster) => cluster.lock().await,
            _ => panic!("the database is not this world's own"),
        }
    }

    /// Appends without a pause until told to stop, whatever happens to the database; answers how many events were
    /// acknowledged.
    pub async fn append_until(&self, stop: &AtomicBool) -> u64 {
        let mut acknowledged = 0;
        while !stop.load(Ordering::Relaxed) {
            let number = self.appended.fetch_add(1, Ordering::Relaxed);
            let command = command(number);
            loop {
                match self.log.append(vec![command.clone()]).await.as_deref() {
                    Ok([outcome]) if is_stored(outcome) => break,
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            acknowledged += 1;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        acknowledged
    }

    /// How many events there are.
    pub async fn count(&self) -> Position {
        let count: i64 = sqlx::query_scalar("select count(*) from log.events")
            .fetch_one(&self.pool)
            .await
            .expect("a count");
        Position(count)
    }

    /// Waits until everything appended so far is in Kafka.
    pub async fn relayed(&self) {
        let count = self.count().await;
        self.relayed_up_to(count).await;
    }

    pub async fn relayed_up_to(&self, position: Position) {
        let began = std::time::Instant::now();
        loop {
            let status = self.status().await;
            if status.as_ref().is_some_and(|status| status.position >= position) {
                return;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "not relayed up to {position}: {status:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn status(&self) -> Option<projections::StreamStatus> {
        let head = self.feed.head().await.ok()?;
        let mut connection = self.pool.acquire().await.ok()?;
        let all = projections::streams(&mut connection, head).await.ok()?;
        all.into_iter().find(|status| status.name == self.settings.prefix)
    }

    /// Everything in the topics of facts, by topic, partition and offset.
    pub async fn seen(&self) -> Vec<Seen> {
        let settings = self.settings.clone();
        tokio::task::spawn_blocking(move || seen(&settings))
            .await
            .expect("Kafka can be read")
    }

    /// Kafka has each event of the log once, in its topic and partition, in order, as it is stored.
    pub async fn assert_streamed(&self) -> Vec<Seen> {
        self.relayed().await;
        let seen = self.seen().await;
        self.assert_is_log(&seen, 0).await;
        seen
    }

    /// The same of those after a position.
    pub async fn assert_is_log(&self, seen: &[Seen], after: i64) {
        let rows: Vec<(i64, Uuid, String, String, String, i16, String)> = sqlx::query_as(
            "select p.position, e.event_id, e.aggregate_type, e.payload::text, e.ordering_key, e.slice,
                    encode(p.leaf, 'hex')
               from log.positions p join log.events e on e.seq_no = p.seq_no
              where p.position > $1 order by p.position",
        )
        .bind(after)
        .fetch_all(&self.pool)
        .await
        .expect("the log");
        let facts = seen.iter().filter(|seen| seen.headers["ce_type"] != "log.forked");
        let mut by_position: BTreeMap<i64, &Seen> = BTreeMap::new();
        for fact in facts.clone() {
            let before = by_position.insert(fact.position(), fact);
            assert!(before.is_none(), "position {} is there twice", fact.position());
        }
        let positions: Vec<i64> = by_position.keys().copied().collect();
        assert_eq!(positions, rows.iter().map(|row| row.0).collect::<Vec<_>>());
        for (position, id, noun, payload, key, slice, leaf) in rows {
            let fact = by_position[&position];
            assert_eq!(fact.headers["ce_id"], id.to_string());
            assert_eq!(fact.headers["ce_leafhash"], leaf);
            assert_eq!((&fact.value, &fact.key), (&payload, &key));
            assert_eq!(fact.topic, Topic::of(&noun));
            let partition = partition_of(slice.unsigned_abs(), self.settings.partitions);
            assert_eq!(fact.partition, i32::from(partition));
        }
        let mut last: BTreeMap<(Topic, i32), i64> = BTreeMap::new();
        for fact in facts {
            let before = last.insert((fact.topic, fact.partition), fact.position());
            if let Some(before) = before {
                // Exactly the one before, but where topics were filled again or a part of them is void.
                assert!(
                    (before..fact.position()).contains(&fact.number("ce_previous")),
                    "{fact:?}"
                );
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn is_stored(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stored(_) | Outcome::Duplicate(_))
}

fn command(number: u64) -> AppendCommand {
    let noun = if number % 7 == 3 { "token" } else { "task" };
    let stream = format!("{noun}-{}", number % 50);
    AppendCommand {
        tenant: Uuid::from_u128(1),
        stream: StreamId::new(noun, &stream),
        expected_version: None,
        lease_epoch: None,
        command_id: Some(Uuid::from_u128(number.into())),
        digest: [0; 32],
        ordering_key: stream,
        metadata: Metadata {
            actor: "system/test".to_owned(),
            correlation_id: Uuid::from_u128(5),
            causation_id: Some(Uuid::from_u128(6)),
            origin: None,
        },
        events: vec![NewEvent {
            event_type: format!("{noun}.counted"),
            event_version: 1,
            payload: json!({"number": number, "words": "one two three"}),
        }],
        claims: vec![],
        answer: json!(null),
    }
}

fn seen(settings: &Settings) -> Vec<Seen> {
    let mut config = ClientConfig::new();
    if let Some(sasl) = &settings.security.sasl {
        config
            .set("security.protocol", "sasl_plaintext")
            .set("sasl.mechanism", &sasl.mechanism)
            .set("sasl.username", &sasl.username)
            .set("sasl.password", &sasl.password);
    }
    let consumer: BaseConsumer = config
        .set("bootstrap.servers", settings.brokers.join(","))
        .set("group.id", "seen")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create()
        .expect("a consumer");
    let mut list = TopicPartitionList::new();
    for topic in Topic::ALL {
        for partition in 0..settings.partitions {
            list.add_partition_offset(&topic.name(settings), partition.into(), Offset::Beginning)
                .expect("an offset");
        }
    }
    consumer.assign(&list).expect("assigned");
    let (mut open, mut seen) = (list.count(), Vec::new());
    while open > 0 {
        match consumer
            .poll(Duration::from_secs(60))
            .expect("something within a minute")
        {
            Err(KafkaError::PartitionEOF(_)) => open -= 1,
            Err(error) => panic!("{error}"),
            Ok(message) => {
                let text = |bytes: Option<&[u8]>| {
                    String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("text")
                };
                let headers = message.headers().expect("headers").iter();
                let topic = Topic::ALL
                    .into_iter()
                    .find(|topic| topic.name(settings) == message.topic());
                let record = Seen {
                    topic: topic.expect("a topic of facts"),
                    partition: message.partition(),
                    key: text(message.key()),
                    value: text(message.payload()),
                    headers: headers
                        .map(|header| (header.key.to_owned(), text(header.value)))
                        .collect(),
                };
                seen.push((message.offset(), record));
            }
        }
    }
    seen.sort_by_key(|(offset, record)| (record.topic, record.partition, *offset));
    seen.into_iter().map(|(_, record)| record).collect()
}
