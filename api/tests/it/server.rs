//! The whole server in this process, over a database of its own: sequencer, projections, dialogues, router.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{Check, Edge, Health, Settings};
use blobs::Files;
use chrono::{DateTime, TimeDelta, Utc};
use commands::{
    BotCommand, Commands, Context, Denials, DialogueOptions, Dialogues, DriveOptions, Executor, NewToken,
    NoDesk, PackageFiles, Programs, Recovery, Runners, Tables, Unconfigured,
};
use domain::bot::{Bot, Package};
use domain::{BotId, OrganisationId, Permission};
use event_log::{EventLog, Feed, Keyring, MasterKey, Position, Sequencer};
use projections::{Live, Projections, Reader};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;
use test_database::TestDatabase;
use tokio::sync::watch;
use uuid::Uuid;

/// A server on a port of its own. Stops when dropped.
pub struct TestServer {
    pub edge: Edge,
    pub address: SocketAddr,
    pub organisation: OrganisationId,
    /// A token with every permission.
    pub administrator: String,
    pub client: Client,
    pub feed: Feed,
    pub programs: Programs,
    stop: watch::Sender<bool>,
    _blobs: tempfile::TempDir,
    _database: TestDatabase,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With settings other than the default ones.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let database = test_database::create().await;
        let log_pool = database.pool("botserver_log").await;
        let app_pool = database.pool("botserver_app").await;
        let projector_pool = database.pool("botserver_projector").await;
        let keys_pool = database.pool("botserver_keys").await;
        let keyring = Keyring::open(keys_pool, MasterKey::from_bytes([7; 32]))
            .await
            .expect("the keyring opens");

        let (stop, stopped) = watch::channel(false);
        let log = EventLog::new(log_pool.clone(), keyring.clone());
        let (placed, positions) = watch::channel(Position::default());
        let sequencer = Sequencer::new(log_pool.clone(), log.wake())
            .await
            .expect("the sequencer starts");
        tokio::spawn(sequencer.run(placed, until(stopped.clone())));
        let feed = Feed::new(log_pool, positions);
        let options = projections::Options::new(Uuid::now_v7());
        let (projections, mut running) = Projections::start(&projector_pool, &feed, &options, &stopped);
        tokio::spawn(async move { while running.join_next().await.is_some() {} });

        let executor = Executor::new(log);
        let programs = Programs::new(app_pool.clone());
        let lease_epoch = Recovery::take_lease(&projector_pool)
            .await
            .expect("the lease is free");
        let blobs = tempfile::tempdir().expect("a folder");
        let files = Files::open(blobs.path()).expect("the folder is there");
        let options = dialogue_options(lease_epoch);
        let dialogues = Dialogues::new(
            executor.clone(),
            programs.clone(),
            Tables::new(app_pool.clone()),
            Arc::new(files),
            options,
        );
        let commands = Commands::new(executor, dialogues, Arc::new(Denials::default()));

        let organisation = OrganisationId(Uuid::now_v7());
        let mut settings = Settings::new(organisation);
        change(&mut settings);
        let context = Context::system(organisation, "test");
        commands
            .found_organisation(&context, "Test")
            .await
            .expect("the organisation is new");
        let administrator = issue(&commands, organisation, Permission::ALL, None).await;

        let health = Health::new(
            || {
                Box::pin(async {
                    vec![Check {
                        name: "database",
                        passed: true,
                    }]
                })
            },
            || "# no measures\n".to_owned(),
        );
        health.started();
        let live = Live::start(feed.clone(), keyring.clone(), stopped.clone());
        let reader = Reader::new(app_pool, keyring);
        let edge = Edge::new(commands, reader, live, projections, health, settings);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let service = api::router(edge.clone()).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move {
            axum::serve(listener, service)
                .with_graceful_shutdown(until(stopped))
                .await
                .expect("the server serves");
        });
        // What is compressed is looked at as it is.
        let client = Client::builder()
            .no_gzip()
            .no_brotli()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .build()
            .expect("a client");
        Self {
            edge,
            address,
            organisation,
            administrator,
            client,
            feed,
            programs,
            stop,
            _blobs: blobs,
            _database: database,
        }
    }

    /// Stops it, as a signal would.
    pub fn stop(&self) {
        let _ = self.stop.send(true);
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without credentials.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A command of the administrator.
    pub fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path)
            .bearer_auth(&self.administrator)
            .json(body)
    }

    /// A deletion by the administrator.
    pub fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
            .bearer_auth(&self.administrator)
    }

    /// A token of the server's organisation.
    pub async fn token(&self, permissions: &[Permission]) -> String {
        issue(&self.edge.commands, self.organisation, permissions, None).await
    }

    /// A token that expires.
    pub async fn token_until(&self, permissions: &[Permission], expires_at: DateTime<Utc>) -> String {
        issue(
            &self.edge.commands,
            self.organisation,
            permissions,
            Some(expires_at),
        )
        .await
    }

    /// Founds another organisation and returns an administrator's token of it.
    pub async fn stranger(&self) -> (OrganisationId, String) {
        let organisation = OrganisationId(Uuid::now_v7());
        let context = Context::system(organisation, "test");
        self.edge
            .commands
            .found_organisation(&context, "Stranger")
            .await
            .expect("the organisation is new");
        let token = issue(&self.edge.commands, organisation, Permission::ALL, None).await;
        (organisation, token)
    }

    /// A bot without scripts.
    pub async fn bot(&self, name: &str) -> BotId {
        let context = Context::system(self.organisation, "test");
        self.edge
            .commands
            .create_bot(&context, name)
            .await
            .expect("the name is free")
            .bot_id
    }

    /// A bot that runs `start.bas`.
    pub async fn bot_with(&self, name: &str, start: &str) -> BotId {
        let bot = self.bot(name).await;
        let files = PackageFiles {
            scripts: BTreeMap::from([("start".to_owned(), start.as_bytes().to_vec())]),
            ..PackageFiles::default()
        };
        self.load(bot, name, &files).await;
        bot
    }

    /// Loads a package into a bot.
    pub async fn load(&self, bot: BotId, name: &str, files: &PackageFiles) {
        let assembled = commands::assemble(name, &Package::default(), files);
        self.programs
            .store(self.organisation, assembled.programs)
            .await
            .expect("programs are stored");
        let context = Context::system(self.organisation, "test");
        let package = assembled.package.clone();
        let command = BotCommand::LoadPackage(Box::new(assembled.package));
        let executor = self.edge.commands.executor();
        executor
            .execute::<Bot>(&context, bot, command, Value::Null)
            .await
            .expect("the package is loaded");
        self.edge
            .commands
            .dialogues()
            .declare_schedules(self.organisation, bot, &package, Utc::now())
            .await
            .expect("schedules are set");
    }

    /// Waits until every projection has folded what a read token stands for.
    pub async fn settle(&self, token: &str) {
        let token = token.parse().expect("a read token");
        let log = self.edge.commands.executor().log();
        let patience = Duration::from_secs(60);
        self.edge
            .projections
            .wait_for_token(log, projections::NAMES, token, patience)
            .await
            .expect("they catch up");
    }
}

async fn issue(
    commands: &Commands,
    organisation: OrganisationId,
    permissions: &[Permission],
    expires_at: Option<DateTime<Utc>>,
) -> String {
    let context = Context::system(organisation, "test");
    let permissions = permissions.iter().copied().collect();
    let new = NewToken {
        name: "test".to_owned(),
        permissions,
        expires_at,
    };
    // Issued a day ago, so that it may have expired since.
    let issued_at = Utc::now() - TimeDelta::days(1);
    let issued = commands
        .issue_token(&context, new, issued_at)
        .await
        .expect("a token is issued");
    issued.text.expect("a new token has a text")
}

fn dialogue_options(lease_epoch: i64) -> DialogueOptions {
    DialogueOptions {
        idle: TimeDelta::minutes(30),
        message_bytes_max: 16 * 1024,
        script: basic::Limits::default(),
        script_time_max: Duration::from_secs(30),
        runners: Runners::alone(lease_epoch),
        services: Arc::new(Unconfigured),
        desk: Arc::new(NoDesk),
        drive: DriveOptions {
            bytes_max: 1 << 20,
            pdf: None,
        },
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
