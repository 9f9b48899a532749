//! What an operator may set: models, devices, keys, and how the service behaves.
//!
//! The commented file `default.toml` is the documentation. A file comes over it, then the environment, then the
//! command line. Whatever is wrong is told in one line: which setting, where it was read, what was expected.

mod check;
mod layers;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use telemetry::logs::Log;
use telemetry::traces::Telemetry;

use crate::settings::{EngineSettings, ModelSettings};

pub(crate) use layers::KEY_VARIABLE;
pub use layers::{KEYS, Sources};

/// The commented defaults: the reference of all settings.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything that can be set, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub server: Server,
    pub tls: Tls,
    pub engine: EngineSettings,
    pub log: Log,
    pub telemetry: Telemetry,
    pub keys: Vec<Key>,
    pub models: Vec<ModelSettings>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// An address or a name; an IPv6 address without brackets.
    pub host: String,
    pub port: u16,
    pub open: bool,
    pub metrics_open: bool,
    pub request_ms: u32,
    pub body_ms: u32,
    pub idle_ms: u32,
    pub drain_ms: u32,
    pub body_bytes_max: u32,
    pub bodies_bytes_max: u64,
    pub connections_max: u32,
    /// Threads that read texts; by default one for each core.
    pub readers: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// The chain, the worker's own certificate first.
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub check_ms: u32,
}

/// Who may ask. The key itself is nowhere: only its digest.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub name: String,
    /// Of the key's text, in hexadecimal digits.
    pub sha256: String,
    #[serde(default)]
    pub admin: bool,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("name", &self.name)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

/// A wrong configuration: a line for each thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub Vec<String>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl Default for Server {
    fn default() -> Server {
        Server {
            host: "127.0.0.1".to_owned(),
            port: 8600,
            open: false,
            metrics_open: false,
            request_ms: 60_000,
            body_ms: 20_000,
            idle_ms: 75_000,
            drain_ms: 30_000,
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 256 << 20,
            connections_max: 1_024,
            readers: None,
        }
    }
}

impl Default for Tls {
    fn default() -> Tls {
        Tls {
            certificate: None,
            key: None,
            check_ms: 10_000,
        }
    }
}

impl Config {
    /// Reads and checks the configuration of this process.
    pub fn load(sources: &Sources) -> Result<Config, ConfigError> {
        let mut config = layers::read(sources)?;
        check::check(&config)?;
        if let Some(endpoint) = &mut config.telemetry.endpoint {
            endpoint.truncate(endpoint.trim_end_matches('/').len());
        }
        Ok(config)
    }

    /// What the engine is started with.
    pub fn engine_settings(&self) -> EngineSettings {
        EngineSettings {
            models: self.models.clone(),
            ..self.engine.clone()
        }
    }

    /// Whether whoever reaches the port may ask.
    pub fn is_open(&self) -> bool {
        self.keys.is_empty()
    }

    /// Refuses an address that others reach where nobody would be asked for a key.
    pub fn allow_address(&self, address: IpAddr) -> Result<(), ConfigError> {
        if address.is_loopback() || !self.is_open() || self.server.open {
            return Ok(());
        }
        Err(ConfigError(vec![format!(
            "server.host: {address} is reached by others and there are no keys; add [[keys]] (`inference-worker key` \
             makes one), or set server.open = true"
        )]))
    }

    /// What a running service cannot take over from a newer configuration; the names of the sections.
    pub fn needs_restart(&self, newer: &Config) -> Vec<&'static str> {
        let fixed = [
            ("server", self.server != newer.server),
            ("tls", self.tls != newer.tls),
            ("log", self.log != newer.log),
            ("telemetry", self.telemetry != newer.telemetry),
        ];
        fixed
            .into_iter()
            .filter_map(|(name, differs)| differs.then_some(name))
            .collect()
    }
}

impl Server {
    pub fn request_within(&self) -> Duration {
        Duration::from_millis(self.request_ms.into())
    }

    pub fn body_within(&self) -> Duration {
        Duration::from_millis(self.body_ms.into())
    }

    pub fn idle_for(&self) -> Duration {
        Duration::from_millis(self.idle_ms.into())
    }

    pub fn drain_within(&self) -> Duration {
        Duration::from_millis(self.drain_ms.into())
    }
}

impl Tls {
    /// Certificate and key, where TLS is spoken.
    pub fn files(&self) -> Option<(&Path, &Path)> {
        Some((self.certificate.as_deref()?, self.key.as_deref()?))
    }
}
