//! A database with log, sequencer and keyring, stepped by hand so that tests decide when events are placed.

use std::time::Duration;

use domain::{Event, OrganisationId};
use event_log::{
    AppendCommand, EventLog, Feed, Keyring, MasterKey, Metadata, NewEvent, Outcome, Position, Sequencer,
    StreamId, Token,
};
use projections::{NAMES, Options, Projections, Reader, Reads, RebuildOptions, Rebuilt};
use serde_json::json;
use sqlx::PgPool;
use test_database::TestDatabase;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Fixture {
    pub database: TestDatabase,
    pub projector: PgPool,
    pub log: EventLog,
    pub feed: Feed,
    pub keyring: Keyring,
    pub reader: Reader,
    sequencer: Mutex<Sequencer>,
    placed: watch::Sender<Position>,
}

/// Running projections, stopped and awaited by `stop`.
pub struct Running {
    pub projections: Projections,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Running {
    pub async fn stop(self) {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
    }
}

impl Fixture {
    pub async fn new() -> Self {
        let database = test_database::create().await;
        let keys = database.pool("botserver_keys").await;
        let keyring = Keyring::open(keys, MasterKey::from_bytes([7; 32]))
            .await
            .expect("a keyring");
        let log_pool = database.pool("botserver_log").await;
        let log = EventLog::new(log_pool.clone(), keyring.clone());
        let sequencer = Sequencer::new(log_pool.clone(), log.wake())
            .await
            .expect("a sequencer");
        let (placed, heard) = watch::channel(Position(0));
        let reader = Reader::new(database.pool("botserver_app").await, keyring.clone());
        Self {
            projector: database.pool("botserver_projector").await,
            feed: Feed::new(log_pool, heard),
            sequencer: Mutex::new(sequencer),
            database,
            log,
            keyring,
            reader,
            placed,
        }
    }

    /// Appends to a stream, whatever its version; not placed yet.
    pub async fn append<E: Event>(
        &self,
        tenant: Uuid,
        noun: &str,
        id: Uuid,
        key: Uuid,
        events: &[E],
    ) -> Token {
        let events = events
            .iter()
            .map(|event| {
                let (event_type, event_version, payload) = domain::encode(event).expect("well formed");
                NewEvent {
                    event_type,
                    event_version,
                    payload,
                }
            })
            .collect();
        self.append_raw(tenant, noun, id, key, events).await
    }

    pub async fn append_raw(
        &self,
        tenant: Uuid,
        noun: &str,
        id: Uuid,
        key: Uuid,
        events: Vec<NewEvent>,
    ) -> Token {
        let command = AppendCommand {
            tenant,
            stream: StreamId::new(noun, id),
            expected_version: None,
            lease_epoch: None,
            command_id: None,
            digest: [0; 32],
            ordering_key: key.to_string(),
            metadata: Metadata {
                actor: "system/test".to_owned(),
                correlation_id: Uuid::now_v7(),
                causation_id: None,
                origin: None,
            },
            events,
            claims: Vec::new(),
            answer: json!(null),
        };
        let outcomes = self
            .log
            .append(vec![command])
            .await
            .expect("the log can be written");
        match outcomes.into_iter().next() {
            Some(Outcome::Stored(stored)) => stored.token,
            other => panic!("not stored: {other:?}"),
        }
    }

    /// Places what was appended and tells it; returns the head.
    pub async fn place(&self) -> Position {
        let mut sequencer = self.sequencer.lock().await;
        while sequencer.step().await.expect("the sequencer steps") > 0 {}
        let head = self.feed.head().await.expect("the log can be read");
        self.placed.send_replace(head);
        head
    }

    pub fn options() -> Options {
        let mut options = Options::new(Uuid::now_v7());
        options.lease = Duration::from_secs(2);
        options.follow_every = Duration::from_millis(20);
        options.retry_max = Duration::from_millis(100);
        options
    }

    pub fn start(&self, options: &Options) -> Running {
        let (stop, stopped) = watch::channel(false);
        let (projections, tasks) = Projections::start(&self.projector, &self.feed, options, &stopped);
        Running {
            projections,
            tasks,
            stop,
        }
    }

    /// Runs the projections until they have folded everything there is.
    pub async fn catch_up(&self, options: &Options) {
        let head = self.place().await;
        let running = self.start(options);
        running
            .projections
            .wait_for(NAMES, head, PATIENCE)
            .await
            .expect("they catch up");
        running.stop().await;
    }

    pub async fn reads(&self, tenant: Uuid) -> Reads {
        self.reader
            .tenant(OrganisationId(tenant))
            .await
            .expect("a transaction")
    }

    pub async fn digests(&self) -> Vec<[u8; 32]> {
        let mut digests = Vec::new();
        for name in NAMES {
            digests.push(
                projections::digest(&self.projector, name)
                    .await
                    .expect("a digest"),
            );
        }
        digests
    }

    /// Executes a statement as the owner of everything.
    pub async fn as_owner(&self, statement: &str) {
        let owner = self.database.pool("botserver_owner").await;
        sqlx::raw_sql(statement)
            .execute(&owner)
            .await
            .expect("the owner may");
        owner.close().await;
    }

    /// Rebuilds one projection and has the new rows read.
    pub async fn rebuild(&self, name: &str) -> Rebuilt {
        projections::rebuild(&self.projector, &self.feed, name, &Self::building(), |_| {})
            .await
            .expect("rebuilt")
    }

    pub fn building() -> RebuildOptions {
        RebuildOptions::new(Uuid::now_v7(), Duration::from_secs(2))
    }

    /// The rows as they are are those that a rebuild makes.
    pub async fn assert_rebuilds_alike(&self) {
        for name in NAMES {
            let certificate = self.rebuild(name).await.certificate.expect("compared");
            assert!(certificate.equal, "{name}: {:?}", certificate.tables);
        }
    }

    /// The schema in which a projection's rows are read.
    pub async fn live(&self, name: &str) -> String {
        sqlx::query_scalar(
            "select format('read_%s_%s', name, slot) from read.slots where name = $1 and state = 'live'",
        )
        .bind(name)
        .fetch_one(&self.projector)
        .await
        .expect("one is live")
    }

    /// Throws away rows and checkpoints.
    pub async fn forget(&self) {
        self.as_owner(
            "truncate read_organisation_a.organisations, read_bot_a.bots, read_session_a.sessions,
                      read_conversation_a.conversations, read_conversation_a.turns,
                      read_conversation_a.notes, read_run_a.runs,
                      read_user_a.users, read_file_a.files, read.parked, read.skipped;
             update read.shares set position = 0",
        )
        .await;
    }
}
