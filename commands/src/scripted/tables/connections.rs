//! Databases of others, which packages name in their settings: `TABLE orders ON shop`.
//!
//! Settings are secrets and stay in memory. Each address that a name leads to is checked before it is connected to, and
//! what is connected to is that address. What goes wrong there is told to the script and holds up nobody else.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use basic::Refusal;
use domain::BotId;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _, PgPool};
use tokio::time::timeout;
use tracing::log::LevelFilter;

use super::{Opened, STATEMENT_SECONDS};

/// Connections to one database: scripts share them.
const POOL_MAX: u32 = 4;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What a database may take for what a script asks: a statement's time there, and the way.
const ANSWER_WITHIN: Duration = Duration::from_secs(STATEMENT_SECONDS as u64 + 5);
/// How long a connection that nobody uses stays open.
const IDLE_FOR: Duration = Duration::from_secs(60);
/// How long the address of a name is believed.
const RESOLVED_FOR: Duration = Duration::from_secs(300);
/// What a package may say of connections.
const SETTINGS_MAX: usize = 500;

/// Whether an address may be connected to.
pub type Reach = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The connections of all bots.
#[derive(Clone)]
pub(super) struct Connections {
    reach: Reach,
    /// How long is waited for what is asked.
    patience: Duration,
    bots: Arc<Mutex<HashMap<BotId, Configured>>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connections")
    }
}

/// What one bot's package says, and what is open.
#[derive(Default)]
struct Configured {
    /// Of the package, by key in lower case.
    settings: BTreeMap<String, String>,
    open: HashMap<String, Pooled>,
}

/// Connections to one address, and when a name led there.
struct Pooled {
    pool: PgPool,
    address: SocketAddr,
    since: Instant,
}

/// Why a connection of a package can never be used as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Misconfigured {
    #[error("config.csv has no {0}")]
    Missing(String),
    #[error("{0} is no driver that is served: only postgres is")]
    Driver(String),
    #[error("{0} is no port")]
    Port(String),
    #[error("{0} is set where the server runs, and would be used for it; name it in database.url instead")]
    Environment(&'static str),
}

/// Where a connection leads.
#[derive(Debug, PartialEq)]
struct Target {
    host: String,
    port: u16,
    database: String,
    username: String,
    password: String,
}

/// The settings of a connection, `custom` under its own names.
fn target(name: &str, settings: &BTreeMap<String, String>) -> Result<Target, Misconfigured> {
    check_environment(|name| std::env::var_os(name).is_some())?;
    let said = |what: &str| {
        let key = format!("{name}-{what}");
        settings
            .get(&key)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    };
    if let Some(driver) = said("driver")
        && !["postgres", "postgresql", "pg", "pgsql"].contains(&driver.to_lowercase().as_str())
    {
        return Err(Misconfigured::Driver(driver.chars().take(40).collect()));
    }
    let wanted = |what: &str| {
        said(what)
            .map(str::to_owned)
            .ok_or_else(|| Misconfigured::Missing(format!("{name}-{what}")))
    };
    let port = match said("port") {
        None => 5432,
        Some(port) => port
            .parse()
            .map_err(|_| Misconfigured::Port(format!("{name}-port")))?,
    };
    Ok(Target {
        host: wanted("server")?,
        port,
        // `custom-database` is what `shop-name` is of a named one.
        database: match said("database") {
            Some(database) => database.to_owned(),
            None if name == "custom" => wanted("database")?,
            None => wanted("name")?,
        },
        username: wanted("username")?,
        password: said("password").unwrap_or_default().to_owned(),
    })
}

impl Connections {
    pub fn new(reach: Reach) -> Connections {
        Connections {
            reach,
            patience: ANSWER_WITHIN,
            bots: Arc::default(),
        }
    }

    pub fn waiting(self, patience: Duration) -> Connections {
        Connections {
            patience: patience.min(self.patience),
            ..self
        }
    }

    /// How long is waited for what is asked of a database.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// What comes of something that is asked of a database; None where it takes too long.
    pub async fn timely<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        timeout(self.patience, asked).await.ok()
    }

    /// Whether a change is known to be done.
    pub async fn commit(&self, opened: Opened) -> bool {
        matches!(self.timely(opened.transaction.commit()).await, Some(Ok(())))
    }

    /// Takes what a package's settings say. What changed is connected to anew.
    pub fn configure(&self, bot: BotId, settings: &BTreeMap<String, String>) {
        let ends = [
            "-driver",
            "-server",
            "-port",
            "-name",
            "-database",
            "-username",
            "-password",
        ];
        let settings: BTreeMap<String, String> = settings
            .iter()
            .filter(|(key, _)| ends.iter().any(|end| key.ends_with(end)))
            .take(SETTINGS_MAX)
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        let mut bots = self.bots();
        let known = bots.entry(bot).or_default();
        if known.settings != settings {
            *known = Configured {
                settings,
                open: HashMap::new(),
            };
        }
    }

    /// Whether what is configured can be used at all.
    pub fn check(&self, bot: BotId, name: &str) -> Result<(), Misconfigured> {
        let bots = self.bots();
        let none = BTreeMap::new();
        let settings = bots.get(&bot).map_or(&none, |known| &known.settings);
        target(&name.to_lowercase(), settings).map(|_| ())
    }

    /// A transaction on a connection of a bot.
    pub async fn open(&self, bot: BotId, name: &str) -> Result<Opened, Refusal> {
        let name = name.to_lowercase();
        let pool = self.pool(bot, &name).await?;
        let begin = format!("begin; set local statement_timeout = '{STATEMENT_SECONDS}s'");
        // Connecting has a limit of its own, but not what is said first.
        let begun = timeout(CONNECT_WITHIN.min(self.patience), pool.begin_with(begin)).await;
        let begun = begun.map_err(|_| sqlx::Error::PoolTimedOut).flatten();
        let transaction = begun.map_err(|error| {
            tracing::debug!(%error, connection = name, "a connection cannot be used");
            failed(&name)
        })?;
        Ok(Opened {
            transaction,
            bot,
            connection: Some(name),
        })
    }

    async fn pool(&self, bot: BotId, name: &str) -> Result<PgPool, Refusal> {
        let target = {
            let mut bots = self.bots();
            let known = bots.entry(bot).or_default();
            if let Some(pooled) = known.open.get(name)
                && pooled.since.elapsed() < RESOLVED_FOR
            {
                return Ok(pooled.pool.clone());
            }
            target(name, &known.settings).map_err(|wrong| {
                Refusal::new("connection_unusable", format!("the connection {name}: {wrong}"))
            })?
        };
        let address = self.address(name, &target).await?;
        let mut bots = self.bots();
        let known = bots.entry(bot).or_default();
        // Connections to the same address stay, and with them the limit of how many there are.
        if let Some(pooled) = known.open.get_mut(name)
            && pooled.address == address
        {
            pooled.since = Instant::now();
            return Ok(pooled.pool.clone());
        }
        let pool = PgPoolOptions::new()
            .max_connections(POOL_MAX)
            .acquire_timeout(CONNECT_WITHIN)
            .idle_timeout(IDLE_FOR)
            .after_release(|connection, _| {
                // One that has fallen silent is closed: otherwise it would be waited for without end.
                Box::pin(async {
                    Ok(matches!(
                        timeout(CONNECT_WITHIN, connection.ping()).await,
                        Ok(Ok(()))
                    ))
                })
            })
            .connect_lazy_with(options(&target, address));
        let pooled = Pooled {
            pool: pool.clone(),
            address,
            since: Instant::now(),
        };
        known.open.insert(name.to_owned(), pooled);
        Ok(pool)
    }

    /// The address to connect to; every one that the name leads to must be allowed.
    async fn address(&self, name: &str, target: &Target) -> Result<SocketAddr, Refusal> {
        let looked_up = tokio::net::lookup_host((target.host.as_str(), target.port));
        let found = match tokio::time::timeout(CONNECT_WITHIN, looked_up).await {
            Ok(Ok(found)) => found.collect::<Vec<SocketAddr>>(),
            _ => Vec::new(),
        };
        let Some(first) = found.first().copied() else {
            return Err(failed(name));
        };
        if !found.iter().all(|address| (self.reach)(address.ip())) {
            let message = format!("the address of the connection {name} is not in the public network");
            return Err(Refusal::new("address_refused", message));
        }
        Ok(first)
    }

    fn bots(&self) -> MutexGuard<'_, HashMap<BotId, Configured>> {
        self.bots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Variables that are read with whatever options are made, and cannot be taken out of them again: a key of the server's
/// own would be shown to whoever a package names.
const CARRIED: [&str; 4] = ["PGSSLCERT", "PGSSLKEY", "PGSSLROOTCERT", "PGOPTIONS"];

/// Refuses all connections while the environment would be used for them.
fn check_environment(is_set: impl Fn(&str) -> bool) -> Result<(), Misconfigured> {
    match CARRIED.into_iter().find(|name| is_set(name)) {
        Some(name) => Err(Misconfigured::Environment(name)),
        None => Ok(()),
    }
}

/// Nothing of this machine's environment is used: neither its variables for passwords nor its files; see
/// [`check_environment`].
fn options(target: &Target, address: SocketAddr) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .host(&address.ip().to_string())
        .port(address.port())
        .username(&target.username)
        .password(&target.password)
        .database(&target.database)
        .application_name("botserver")
        // TLS where the server offers it.
        .ssl_mode(PgSslMode::Prefer)
        // Statements are not logged: their values may be personal.
        .log_statements(LevelFilter::Off)
        .log_slow_statements(LevelFilter::Off, Duration::default())
}

pub(super) fn failed(name: &str) -> Refusal {
    Refusal::new(
        "connection_failed",
        format!("the database of the connection {name} cannot be reached, or does not answer"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> BTreeMap<String, String> {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn connections_are_read_from_settings() {
        let named = settings(
            "shop-server=db.example.org shop-port=5433 shop-name=orders shop-username=u shop-password=p",
        );
        assert_eq!(
            target("shop", &named),
            Ok(Target {
                host: "db.example.org".into(),
                port: 5433,
                database: "orders".into(),
                username: "u".into(),
                password: "p".into(),
            })
        );
        let custom = settings("custom-server=db custom-database=crm custom-username=u");
        let found = target("custom", &custom).expect("it is whole");
        assert_eq!((found.port, found.database.as_str()), (5432, "crm"));
        let wrong = |text: &str| {
            target("shop", &settings(text))
                .expect_err("it is not whole")
                .to_string()
        };
        assert_eq!(wrong(""), "config.csv has no shop-server");
        assert_eq!(
            wrong("shop-driver=mariadb"),
            "mariadb is no driver that is served: only postgres is"
        );
        assert_eq!(wrong("shop-server=a shop-port=x"), "shop-port is no port");
        assert_eq!(
            wrong("shop-server=a shop-username=u"),
            "config.csv has no shop-name"
        );
        assert_eq!(check_environment(|name| name == "PGPASSWORD"), Ok(()));
        assert_eq!(
            check_environment(|name| name == "PGSSLCERT"),
            Err(Misconfigured::Environment("PGSSLCERT"))
        );
    }

    #[tokio::test]
    async fn what_may_not_be_reached_is_not_connected_to() {
        let connections = Connections::new(Arc::new(|_| false));
        let bot = BotId::default();
        connections.configure(bot, &settings("a-server=127.0.0.1 a-name=x a-username=u"));
        let refused = async |name: &str| {
            connections
                .open(bot, name)
                .await
                .err()
                .map(|refusal| refusal.code)
        };
        assert_eq!(refused("A").await.as_deref(), Some("address_refused"));
        assert_eq!(refused("b").await.as_deref(), Some("connection_unusable"));
        connections.configure(bot, &settings("a-server=/var/run a-name=x a-username=u"));
        assert_eq!(
            refused("a").await.as_deref(),
            Some("connection_failed"),
            "no path of this machine"
        );
    }
}
