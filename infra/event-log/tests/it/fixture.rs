//! What every test begins with: a database, a log on it, and short ways to say what is appended.

use event_log::{
    AppendCommand, Claim, EventLog, Keyring, MasterKey, Metadata, NewEvent, Outcome, Sequencer, Stored,
    StreamId,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use test_database::TestDatabase;
use uuid::Uuid;

pub struct Fixture {
    pub log: EventLog,
    /// As `botserver_log`.
    pub pool: PgPool,
    pub database: TestDatabase,
}

pub async fn fixture() -> Fixture {
    let database = test_database::create().await;
    let pool = pool(&database, "botserver_log", 24);
    let keyring = keyring(&database, [7; 32]).await;
    Fixture {
        log: EventLog::new(pool.clone(), keyring),
        pool,
        database,
    }
}

pub fn pool(database: &TestDatabase, role: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .connect_lazy_with(database.connect_options(role))
}

pub async fn keyring(database: &TestDatabase, master: [u8; 32]) -> Keyring {
    Keyring::open(pool(database, "botserver_keys", 4), MasterKey::from_bytes(master))
        .await
        .expect("keyring opens")
}

impl Fixture {
    /// As the owner, who is a superuser: may plant what nobody else can.
    pub async fn plant(&self, statements: &str) {
        let owner = pool(&self.database, "botserver_owner", 1);
        let statements = format!("set log.unlock = 'on'; {statements}");
        sqlx::raw_sql(&statements).execute(&owner).await.expect("planted");
        owner.close().await;
    }

    pub async fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.pool.clone(), self.log.wake())
            .await
            .expect("sequencer starts")
    }

    /// Places everything that is committed.
    pub async fn place_all(&self) {
        let mut sequencer = self.sequencer().await;
        while sequencer.step().await.expect("step") > 0 {}
    }

    pub async fn one(&self, command: AppendCommand) -> Outcome {
        let mut outcomes = self.log.append(vec![command]).await.expect("append answers");
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    pub async fn stored(&self, command: AppendCommand) -> Stored {
        stored(self.one(command).await)
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.pool)
            .await
            .expect(query)
    }

    /// Every invariant of the log, by its own verification and by plain queries that share nothing with it.
    pub async fn assert_sound(&self) {
        self.place_all().await;
        let verification = event_log::verify(&self.pool, true, |_, _| {})
            .await
            .expect("verification runs");
        assert!(verification.sound(), "{:#?}", verification.findings);
        assert_eq!(verification.unplaced, 0);
        assert_eq!(
            self.count("select count(*) from log.events").await,
            verification.events as i64
        );
        assert_eq!(
            self.count("select count(*) from log.positions").await,
            verification.events as i64
        );
        assert_eq!(
            self.count("select coalesce(max(position), 0) from log.positions")
                .await,
            verification.events as i64,
            "positions are dense"
        );
        let inversions = "select count(*) from log.events a
            join log.events b on b.aggregate_type = a.aggregate_type and b.aggregate_id = a.aggregate_id
                             and b.sequence = a.sequence + 1
            join log.positions p on p.seq_no = a.seq_no join log.positions q on q.seq_no = b.seq_no
            where q.position < p.position or b.seq_no < a.seq_no";
        assert_eq!(self.count(inversions).await, 0);
    }
}

pub fn stored(outcome: Outcome) -> Stored {
    match outcome {
        Outcome::Stored(stored) => stored,
        other => panic!("not stored: {other:?}"),
    }
}

pub fn tenant(number: u128) -> Uuid {
    Uuid::from_u128(0xace_0000 + number)
}

pub fn stream(name: &str) -> StreamId {
    StreamId::new("task", name)
}

/// A command of one event for any version, without an id.
pub fn to(name: &str) -> AppendCommand {
    AppendCommand {
        tenant: tenant(1),
        stream: stream(name),
        expected_version: None,
        lease_epoch: None,
        command_id: None,
        digest: [1; 32],
        ordering_key: name.to_owned(),
        metadata: Metadata {
            actor: "system/test".to_owned(),
            correlation_id: Uuid::from_u128(5),
            causation_id: Some(Uuid::from_u128(6)),
            origin: None,
        },
        events: events(1),
        claims: vec![],
        answer: json!({"for": name}),
    }
}

pub fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|n| event(json!({"n": n}))).collect()
}

pub fn event(payload: Value) -> NewEvent {
    NewEvent {
        event_type: "task.created".to_owned(),
        event_version: 1,
        payload,
    }
}

/// Changes to a command, one behind the other.
pub trait With {
    fn expecting(self, version: i64) -> Self;
    fn leased(self, epoch: i64) -> Self;
    fn id(self, id: u128) -> Self;
    fn of(self, tenant: Uuid) -> Self;
    fn with(self, events: Vec<NewEvent>) -> Self;
    fn taking(self, key: &str, owner: &str) -> Self;
    fn releasing(self, key: &str, owner: &str) -> Self;
}

impl With for AppendCommand {
    fn expecting(mut self, version: i64) -> Self {
        self.expected_version = Some(version);
        self
    }
    fn leased(mut self, epoch: i64) -> Self {
        self.lease_epoch = Some(epoch);
        self
    }
    fn id(mut self, id: u128) -> Self {
        self.command_id = Some(Uuid::from_u128(id));
        self
    }
    fn of(mut self, tenant: Uuid) -> Self {
        self.tenant = tenant;
        self
    }
    fn with(mut self, events: Vec<NewEvent>) -> Self {
        self.events = events;
        self
    }
    fn taking(mut self, key: &str, owner: &str) -> Self {
        self.claims.push(Claim::Take {
            kind: "login",
            key: key.to_owned(),
            owner: owner.to_owned(),
        });
        self
    }
    fn releasing(mut self, key: &str, owner: &str) -> Self {
        self.claims.push(Claim::Release {
            kind: "login",
            key: key.to_owned(),
            owner: owner.to_owned(),
        });
        self
    }
}
