//! What an operator may set, read once at the start into real types.
//!
//! The commented file `default.toml` is the documentation and the first layer; a file, the environment and the
//! command line come over it. Whatever is wrong is told in one line: which setting, where it was read, what was
//! expected.

mod command;
mod error;
mod flags;
mod key;
mod layers;
mod print;
mod reference;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    ops::Deref,
    path::{Path, PathBuf},
    time::Duration,
};

pub use command::{EXIT_CONFIG, run};
pub use error::{ConfigError, ConfigErrors};
pub use flags::Flags;
use ipnet::IpNet;
pub use key::{KEYS, Key};
pub use layers::{Origin, Sources};
pub use reference::document;
use serde::{Deserialize, Deserializer, de};
use telemetry::logs::Log;
use telemetry::traces::Telemetry;

/// Everything that can be set, checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub server: Server,
    pub database: Database,
    pub keys: Keys,
    pub bots: Bots,
    pub blobs: Blobs,
    pub kafka: Kafka,
    pub valkey: Valkey,
    pub log: Log,
    pub telemetry: Telemetry,
    pub web: Web,
    pub limits: Limits,
    pub graphql: Graphql,
    pub conversation: Conversation,
    pub organisation: Organisation,
    /// The checked values again, by key, with where each was read: for `config print`.
    #[serde(skip)]
    read: Read,
}

#[derive(Clone, Default)]
struct Read(BTreeMap<&'static str, (toml::Value, Origin)>);

impl fmt::Debug for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Holds secrets as plain values.
        f.write_str("…")
    }
}

/// What scripts may reach over HTTP.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    pub enabled: bool,
    /// Networks that are reached although they are not public.
    #[serde(deserialize_with = "networks")]
    pub allowed_networks: Vec<IpNet>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// An address or a name; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    /// Scheme, host and perhaps port, without a slash at the end.
    pub public_url: Option<String>,
    pub roles: Vec<Role>,
    pub drain_seconds: u32,
    #[serde(deserialize_with = "networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Each a scheme, a host and perhaps a port, or `*`.
    #[serde(deserialize_with = "origins")]
    pub embed_origins: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: Option<DatabaseUrl>,
    pub read_url: Option<DatabaseUrl>,
    pub connections_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Always set after loading.
    pub file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bots {
    /// Always set after loading.
    pub dir: Option<PathBuf>,
    pub default: Option<String>,
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Api,
    Run,
    Project,
    Relay,
    Jobs,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    /// Always set after loading.
    pub dir: Option<PathBuf>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Valkey {
    pub url: Option<String>,
    pub prefix: String,
}

impl fmt::Debug for Valkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("Valkey")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// None: no stream.
    pub brokers: Vec<String>,
    pub prefix: String,
    pub partitions: u16,
    pub replication: u16,
    pub events_retention_hours: u32,
    pub compliance_retention_hours: u32,
    pub readers: Vec<String>,
    pub compliance_readers: Vec<String>,
    pub tls: bool,
    pub ca_file: Option<PathBuf>,
    pub mechanism: String,
    pub username: Option<String>,
    pub password: Option<String>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Holds a password.
        f.debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Kafka {
    /// The stream as it is configured; None where there is none.
    pub fn settings(&self) -> Option<streams::Settings> {
        if self.brokers.is_empty() {
            return None;
        }
        let hours = |hours: u32| Duration::from_secs(u64::from(hours) * 60 * 60);
        let sasl = self.username.as_ref().map(|username| streams::Sasl {
            mechanism: self.mechanism.clone(),
            username: username.clone(),
            password: self.password.clone().unwrap_or_default(),
        });
        Some(streams::Settings {
            brokers: self.brokers.clone(),
            prefix: self.prefix.clone(),
            security: streams::Security {
                tls: self.tls,
                ca_file: self.ca_file.clone(),
                sasl,
            },
            partitions: self.partitions,
            replication: self.replication,
            events_retention: hours(self.events_retention_hours),
            compliance_retention: hours(self.compliance_retention_hours),
            readers: self.readers.clone(),
            compliance_readers: self.compliance_readers.clone(),
        })
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub message_bytes_max: u32,
    pub messages_per_minute_max: u32,
    pub sockets_per_session_max: u32,
    pub sockets_max: u32,
    pub body_bytes_max: u32,
    pub file_bytes_max: u64,
    pub session_file_bytes_max: u64,
    pub files_per_minute_max: u32,
    /// The files of one bot's drive together.
    pub drive_bytes_max: u64,
    pub script_steps_max: u64,
    pub script_memory_mib_max: u32,
    pub script_seconds_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graphql {
    pub depth_max: u32,
    pub complexity_max: u32,
    pub introspection: bool,
    pub sockets_per_token_max: u32,
    pub operations_per_socket_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    pub idle_minutes: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    pub name: String,
}

/// An address of PostgreSQL. Shown without its password wherever it is printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl Deref for DatabaseUrl {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print::without_password(&self.0))
    }
}

impl Config {
    /// Reads the configuration of this process; `file` and `flags` are what the command line says.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Config, ConfigErrors> {
        Config::load_from(&Sources::of_process(file, flags)?)
    }

    pub fn load_from(sources: &Sources) -> Result<Config, ConfigErrors> {
        let read = layers::read(sources)?;
        let mut tree = toml::Table::new();
        for (key, (value, _)) in &read {
            match key.split_once('.') {
                None => drop(tree.insert((*key).to_owned(), value.clone())),
                Some((section, name)) => {
                    let section = tree
                        .entry(section)
                        .or_insert_with(|| toml::Value::Table(toml::Table::new()));
                    if let toml::Value::Table(section) = section {
                        section.insert(name.to_owned(), value.clone());
                    }
                }
            }
        }
        // A section without a set key exists all the same.
        for key in KEYS {
            if let Some(section) = key.section() {
                tree.entry(section)
                    .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            }
        }
        let mut config = Config::deserialize(tree).map_err(|error| ConfigError::unexpected(&error))?;
        config.read = Read(read);
        Ok(config)
    }

    /// The configuration in effect, as a file, with where each value was read. Without passwords.
    pub fn print(&self) -> String {
        print::print(&self.read.0)
    }

    /// The same for programs: one document with every setting.
    pub fn print_json(&self) -> serde_json::Value {
        print::print_json(&self.read.0)
    }

    /// The file that was read; nothing where none set anything.
    pub fn file(&self) -> Option<&Path> {
        self.read.0.values().find_map(|(_, origin)| match origin {
            Origin::File { path, .. } => Some(path.as_path()),
            _ => None,
        })
    }

    /// Where a setting was read; nothing for one that is not set.
    pub fn origin(&self, key: &str) -> Option<&Origin> {
        self.read.0.get(key).map(|(_, origin)| origin)
    }
}

/// The commented defaults: the reference of all settings.
pub fn default_toml() -> &'static str {
    include_str!("default.toml")
}

/// An origin has no slash at the end, however it was written.
fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    Ok(texts
        .iter()
        .map(|text| text.trim_end_matches('/').to_owned())
        .collect())
}

fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let texts: Vec<String> = Vec::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| key::network(text).ok_or_else(|| de::Error::custom("not a network")))
        .collect()
}
