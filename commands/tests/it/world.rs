//! What every test begins with: a database with log, sequencer and feed, and any number of processes on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use blobs::Files;
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    BotCommand, CommandError, Commands, Context, Credential, Denials, Desk, DialogueOptions, Dialogues,
    DriveOptions, Executor, Extent, NewTurn, NoDesk, PackageFiles, Programs, ReceivedTurn, Recovery, Runners,
    Services, Tables, Unconfigured, VisitorSession, assemble,
};
use domain::bot::{Bot, Package};
use domain::conversation::{ConversationEvent, Turn};
use domain::{Aggregate, BotId, ConversationId, OrganisationId, Personal, TurnId, encode};
use event_log::{
    AppendCommand, EventLog, Feed, Keyring, MasterKey, Metadata, NewEvent, Outcome, Position, Sequencer,
    StreamId,
};
use serde_json::{Value, json};
use sqlx::PgPool;
use test_database::TestDatabase;
use tokio::sync::watch;
use uuid::Uuid;

/// The largest message, so that a test can send a larger one.
pub const MESSAGE_BYTES_MAX: usize = 1024;

/// What a script has for a turn, unless a test says otherwise.
const SCRIPT_TIME_MAX: Duration = Duration::from_secs(30);

/// A database and what goes on beside the processes under test. Stops when dropped.
pub struct World {
    pub tenant: OrganisationId,
    /// As `botserver_log`.
    pub log_pool: PgPool,
    pub projector_pool: PgPool,
    pub keyring: Keyring,
    pub feed: Feed,
    /// Where states that are too large for an event are kept.
    pub blobs: tempfile::TempDir,
    pub app_pool: PgPool,
    stop: watch::Sender<bool>,
    database: TestDatabase,
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

/// What a process is made of that tests change.
struct Parts {
    tables: Tables,
    services: Arc<dyn Services>,
    desk: Arc<dyn Desk>,
    script_time_max: Duration,
}

impl World {
    pub async fn new() -> Self {
        let database = test_database::create().await;
        let log_pool = database.pool("botserver_log").await;
        let projector_pool = database.pool("botserver_projector").await;
        let app_pool = database.pool("botserver_app").await;
        let keys_pool = database.pool("botserver_keys").await;
        let keyring = Keyring::open(keys_pool, MasterKey::from_bytes([7; 32]))
            .await
            .expect("the keyring opens");
        let (stop, stopped) = watch::channel(false);
        let (placed, positions) = watch::channel(Position::default());
        let wake = EventLog::new(log_pool.clone(), keyring.clone()).wake();
        let sequencer = Sequencer::new(log_pool.clone(), wake)
            .await
            .expect("the sequencer starts");
        tokio::spawn(sequencer.run(placed, until_stopped(stopped)));
        Self {
            tenant: OrganisationId(Uuid::now_v7()),
            feed: Feed::new(log_pool.clone(), positions),
            log_pool,
            projector_pool,
            keyring,
            blobs: tempfile::tempdir().expect("a folder"),
            app_pool,
            stop,
            database,
        }
    }

    /// Whether a text stands anywhere in the database, in any table of any schema, as it is stored.
    pub async fn stores(&self, text: &str) -> bool {
        let owner = self.owner().await;
        let tables: Vec<String> = sqlx::query_scalar(
            "select format('%I.%I', schemaname, tablename) from pg_tables
              where schemaname not in ('pg_catalog', 'information_schema')",
        )
        .fetch_all(&owner)
        .await
        .expect("the catalogue is readable");
        assert!(tables.len() > 10, "{tables:?}");
        for table in tables {
            let sql = format!("select exists (select from {table} t where position($1 in t::text) > 0)");
            let found: bool = sqlx::query_scalar(&sql)
                .bind(text)
                .fetch_one(&owner)
                .await
                .expect("readable");
            if found {
                return true;
            }
        }
        false
    }

    /// Connections as whoever owns the database.
    pub async fn owner(&self) -> PgPool {
        self.database.pool("botserver_owner").await
    }

    /// How the test's server is reached as its owner.
    pub fn psql_env(&self) -> std::collections::HashMap<&'static str, String> {
        self.database.psql_env()
    }

    pub fn log(&self) -> EventLog {
        EventLog::new(self.log_pool.clone(), self.keyring.clone())
    }

    /// A process that took the lease when it started.
    pub async fn process(&self) -> Commands {
        self.process_with(Arc::new(Unconfigured)).await
    }

    /// The same, with services behind the words of scripts.
    pub async fn process_with(&self, services: Arc<dyn Services>) -> Commands {
        let parts = self.parts();
        self.process_of(Parts { services, ..parts }).await
    }

    /// The same, with a desk where conversations wait for people.
    pub async fn process_at(&self, desk: Arc<dyn Desk>) -> Commands {
        let parts = self.parts();
        self.process_of(Parts { desk, ..parts }).await
    }

    /// The same, where a script has so much time for a turn.
    pub async fn process_within(&self, script_time_max: Duration) -> Commands {
        let parts = self.parts();
        self.process_of(Parts {
            script_time_max,
            ..parts
        })
        .await
    }

    /// The same, where nobody waits longer than this for databases of others.
    pub async fn process_waiting(&self, patience: Duration) -> Commands {
        let parts = self.parts();
        let tables = parts.tables.waiting(patience);
        self.process_of(Parts { tables, ..parts }).await
    }

    fn parts(&self) -> Parts {
        Parts {
            // Other databases of a test are on this machine.
            tables: Tables::new(self.app_pool.clone()).reaching(Arc::new(|address| address.is_loopback())),
            services: Arc::new(Unconfigured),
            desk: Arc::new(NoDesk),
            script_time_max: SCRIPT_TIME_MAX,
        }
    }

    async fn process_of(&self, parts: Parts) -> Commands {
        let lease_epoch = Recovery::take_lease(&self.projector_pool)
            .await
            .expect("the lease is free");
        let executor = Executor::new(self.log());
        let options = DialogueOptions {
            idle: TimeDelta::minutes(30),
            message_bytes_max: MESSAGE_BYTES_MAX,
            script: basic::Limits::default(),
            script_time_max: parts.script_time_max,
            runners: Runners::alone(lease_epoch),
            services: parts.services,
            desk: parts.desk,
            drive: DriveOptions {
                bytes_max: 1 << 20,
                pdf: None,
            },
        };
        let blobs = Files::open(self.blobs.path()).expect("the folder is there");
        let dialogues = Dialogues::new(
            executor.clone(),
            self.programs(),
            parts.tables,
            Arc::new(blobs),
            options,
        );
        Commands::new(executor, dialogues, Arc::new(Denials::default()))
    }

    /// Starts what looks after unanswered turns in a process.
    pub async fn recover(&self, process: &Commands) {
        let recovery = Recovery::new(
            self.projector_pool.clone(),
            self.feed.clone(),
            process.dialogues().clone(),
        )
        .await
        .expect("the checkpoint is readable");
        tokio::spawn(recovery.run(until_stopped(self.stop.subscribe())));
    }

    /// Where whoever looks after unanswered turns would begin after a crash.
    pub async fn checkpoint(&self) -> Position {
        let position = sqlx::query_scalar("select position from app.workers where name = 'runs'")
            .fetch_one(&self.projector_pool)
            .await
            .expect("somebody took the lease");
        Position(position)
    }

    pub fn programs(&self) -> Programs {
        Programs::new(self.app_pool.clone())
    }

    pub fn context(&self) -> Context {
        Context::system(self.tenant, "test")
    }

    pub fn numbered(&self, id: u128, digest: u8) -> Context {
        self.context().with_command(Uuid::from_u128(id), [digest; 32])
    }

    /// A bot that runs `start.bas` and says "No idea." where nothing else answers.
    pub async fn bot(&self, process: &Commands, start: &str) -> BotId {
        let bot = process
            .create_bot(&self.context(), "helper")
            .await
            .expect("the name is free")
            .bot_id;
        self.load(process, bot, start).await;
        bot
    }

    pub async fn load(&self, process: &Commands, bot: BotId, start: &str) {
        self.load_scripts(process, bot, &[("start", start)]).await;
    }

    /// Loads a package of these scripts, by name.
    pub async fn load_scripts(&self, process: &Commands, bot: BotId, scripts: &[(&str, &str)]) {
        let programs = self.load_scripts_without_programs(process, bot, scripts).await;
        let declared: Vec<basic::Table> = programs
            .iter()
            .flat_map(|(program, _)| program.declared().tables.clone())
            .collect();
        let migration = process
            .dialogues()
            .tables()
            .declare(self.tenant, bot, &declared, Extent::Additive)
            .await
            .expect("tables are made");
        assert_eq!(migration.refused, []);
        self.programs()
            .store(self.tenant, programs)
            .await
            .expect("programs are stored");
    }

    /// Loads a package whose programs are not there yet.
    pub async fn load_without_programs(
        &self,
        process: &Commands,
        bot: BotId,
        start: &str,
    ) -> Vec<(basic::Program, String)> {
        self.load_scripts_without_programs(process, bot, &[("start", start)])
            .await
    }

    async fn load_scripts_without_programs(
        &self,
        process: &Commands,
        bot: BotId,
        scripts: &[(&str, &str)],
    ) -> Vec<(basic::Program, String)> {
        let source = |(name, source): &(&str, &str)| ((*name).to_owned(), source.as_bytes().to_vec());
        let files = PackageFiles {
            scripts: scripts.iter().map(source).collect(),
            settings: BTreeMap::from([("no-answer".to_owned(), "No idea.".to_owned())]),
            ..PackageFiles::default()
        };
        let assembled = assemble("helper", &Package::default(), &files);
        for script in assembled.package.scripts.values() {
            assert!(script.findings.is_empty(), "{:?}", script.findings);
        }
        let command = BotCommand::LoadPackage(Box::new(assembled.package));
        process
            .executor()
            .execute::<Bot>(&self.context(), bot, command, Value::Null)
            .await
            .expect("the package is loaded");
        assembled.programs
    }

    /// Somebody who opened the page and has said nothing yet.
    pub async fn visitor(&self, process: &Commands, bot: BotId) -> VisitorSession {
        let started = process
            .admit_visitor(self.tenant, bot, start_of_day())
            .await
            .expect("the bot takes visitors");
        let credential: Credential = started
            .credential
            .expect("it is new")
            .parse()
            .expect("it is ours");
        process
            .authenticate_session(self.tenant, &credential)
            .await
            .expect("the credential fits")
    }

    /// A turn that another process stored and did not live to hand over.
    pub async fn orphan(&self, visitor: &VisitorSession, conversation: ConversationId, text: &str) -> TurnId {
        let turn_id = TurnId(Uuid::now_v7());
        let turn = ConversationEvent::TurnReceived(Turn {
            turn_id,
            session_id: visitor.session_id,
            message_id: None,
            content: Personal::conversation(visitor.open.user_id, text.to_owned()),
            files: None,
            invokes: None,
            received_at: start_of_day(),
        });
        let (event_type, event_version, payload) = encode(&turn).expect("it has a form");
        let command = AppendCommand {
            tenant: self.tenant.0,
            stream: StreamId::new("conversation", conversation),
            expected_version: None,
            lease_epoch: None,
            command_id: Some(turn_id.0),
            digest: [0; 32],
            ordering_key: conversation.to_string(),
            metadata: Metadata {
                actor: "system/test".to_owned(),
                correlation_id: turn_id.0,
                causation_id: None,
                origin: None,
            },
            events: vec![NewEvent {
                event_type,
                event_version,
                payload,
            }],
            claims: vec![],
            answer: json!({ "turn_id": turn_id, "conversation_id": conversation }),
        };
        let outcomes = self.log().append(vec![command]).await.expect("the log answers");
        assert!(matches!(outcomes[..], [Outcome::Stored(_)]), "{outcomes:?}");
        turn_id
    }
}

/// Midday of some day: tests say what time it is.
pub fn start_of_day() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(12)
}

pub fn minute(number: i64) -> DateTime<Utc> {
    start_of_day() + TimeDelta::minutes(number)
}

pub fn message(text: &str) -> NewTurn {
    NewTurn {
        content: text.to_owned(),
        invokes: None,
        files: Vec::new(),
        message_id: None,
    }
}

/// A message under its sender's own id.
pub fn message_with_id(id: u128, text: &str) -> NewTurn {
    NewTurn {
        content: text.to_owned(),
        invokes: None,
        files: Vec::new(),
        message_id: Some(Uuid::from_u128(id)),
    }
}

/// Says something that must be taken in.
pub async fn say(process: &Commands, visitor: &VisitorSession, text: &str) -> ReceivedTurn {
    process
        .receive_turn(visitor, message(text), start_of_day())
        .await
        .expect("it is taken in")
}

/// Every file below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The code under which a command was refused.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(result: Result<T, CommandError>) -> &'static str {
    match result {
        Err(CommandError::Refused { code, .. }) => code,
        other => panic!("not refused: {other:?}"),
    }
}

/// Does the same so many times at once.
pub async fn at_once<T, F>(times: usize, mut one: impl FnMut(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..times).map(|number| tokio::spawn(one(number))).collect();
    let mut results = Vec::with_capacity(times);
    for task in tasks {
        results.push(task.await.expect("it does not panic"));
    }
    results
}

/// The version of a noun's stream, read by a process that remembers nothing.
pub async fn version_of<A: Aggregate>(world: &World, id: Uuid) -> i64 {
    Executor::new(world.log())
        .load::<A>(world.tenant, id)
        .await
        .expect("it is readable")
        .version
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
