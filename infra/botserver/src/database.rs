//! The database: our own private server, or one that is configured.

use std::str::FromStr;

use anyhow::Context as _;
use local_postgres::{OWNER, Server, Settings};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};
use tracing::log::LevelFilter;

use crate::config::Config;

/// The database's name within our own server.
const NAME: &str = "botserver";

/// Roles of `migrations/0001_roles.sql` that the server connects as.
pub const ROLES: &[&str] = &[
    "botserver_log",
    "botserver_projector",
    "botserver_keys",
    "botserver_app",
];

/// A database that can be reached.
pub enum Database {
    /// Started by us and stopped with us.
    Own(Server),
    /// Ours too, but started by a server that runs beside this command.
    Beside(local_postgres::Beside),
    /// Somebody else's, by address.
    Configured(Box<PgConnectOptions>),
}

/// One pool for each role.
#[derive(Clone)]
pub struct Pools {
    pub log: PgPool,
    pub projector: PgPool,
    pub keys: PgPool,
    pub app: PgPool,
}

impl Database {
    /// For the server itself: starts our own database unless another is configured.
    pub async fn start(config: &Config) -> anyhow::Result<Database> {
        match &config.database.url {
            Some(url) => Ok(Database::Configured(Box::new(configured(url)?))),
            None => Ok(Database::Own(Server::start(settings(config)).await?)),
        }
    }

    /// For a command: the database of a server that runs, or our own started for the while.
    pub async fn reach(config: &Config) -> anyhow::Result<Database> {
        if config.database.url.is_none()
            && let Some(beside) = local_postgres::Beside::find(&settings(config)).await?
        {
            return Ok(Database::Beside(beside));
        }
        Self::start(config).await
    }

    /// For looking only: a database that runs already; nothing where our own does not.
    pub async fn running(config: &Config) -> anyhow::Result<Option<Database>> {
        if config.database.url.is_some() {
            return Ok(Some(Self::start(config).await?));
        }
        // Asking for the lock would make its file.
        if !config.data_dir.join("postgres.lock").exists() {
            return Ok(None);
        }
        let beside = local_postgres::Beside::find(&settings(config)).await?;
        Ok(beside.map(Database::Beside))
    }

    /// Creates the database where it is missing and brings it to this version.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        if !matches!(self, Database::Configured(_)) {
            let server = pool(self.options(OWNER, "postgres"), 1, true);
            let exists: bool =
                sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                    .bind(NAME)
                    .fetch_one(&server)
                    .await
                    .context("cannot look for the database")?;
            if !exists {
                sqlx::query("create database botserver")
                    .execute(&server)
                    .await
                    .context("cannot create the database")?;
            }
            server.close().await;
        }
        let owner = pool(self.owner_options(), 1, true);
        event_log::migrate(&owner)
            .await
            .context("migrations cannot be applied")?;
        owner.close().await;
        Ok(())
    }

    pub fn pools(&self, connections_max: u32) -> Pools {
        let [log, projector, keys, app] = [
            "botserver_log",
            "botserver_projector",
            "botserver_keys",
            "botserver_app",
        ]
        .map(|role| self.options(role, NAME));
        // Shares of the whole, as the work is divided: requests append and read; keys are cached.
        let share = |of_ten: u32| (connections_max * of_ten / 10).max(2);
        Pools {
            // Each append would wait for the ping; a lost connection is recovered by asking for the receipt.
            log: pool(log, share(4), false),
            // A rebuild holds the live rows still with one while two write and one says that it is alive.
            projector: pool(projector, share(3).max(5), true),
            keys: pool(keys, share(1), true),
            app: pool(app, share(2), true),
        }
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        if let Database::Own(server) = self {
            server.stop().await?;
        }
        Ok(())
    }

    /// As whom migrations are applied.
    pub fn owner_options(&self) -> PgConnectOptions {
        match self {
            Database::Configured(options) => (**options).clone(),
            _ => self.options(OWNER, NAME),
        }
    }

    fn options(&self, role: &str, database: &str) -> PgConnectOptions {
        match self {
            Database::Own(server) => server.connect_options(role, database),
            Database::Beside(server) => server.connect_options(role, database),
            // The role is set as the connection starts, so that even `reset role` leads back to it.
            Database::Configured(options) => (**options).clone().options([("role", role)]),
        }
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        roles: ROLES.iter().map(|role| (*role).to_owned()).collect(),
        ..Settings::new(&config.data_dir)
    }
}

fn configured(url: &str) -> anyhow::Result<PgConnectOptions> {
    PgConnectOptions::from_str(url).context("database.url is not an address of PostgreSQL")
}

/// `tested`: connections are pinged before each use, so that one that was lost is not handed out.
fn pool(options: PgConnectOptions, connections_max: u32, tested: bool) -> PgPool {
    // Statements are not logged: their values may be personal.
    let options = options
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Default::default());
    PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(std::time::Duration::from_secs(5))
        .test_before_acquire(tested)
        .connect_lazy_with(options)
}
