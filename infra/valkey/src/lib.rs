//! Valkey, or a Redis: what processes of one installation tell each other in passing. Nothing in it is missed when it is
//! gone: counts are then each process's own, and the log is looked at as often as without it.

mod counts;
mod fan_out;

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

pub use counts::Counts;
pub use fan_out::share_positions;

/// Why it cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("valkey.url is not an address such as redis://127.0.0.1:6379: {0}")]
pub struct UrlError(#[from] redis::RedisError);

/// A server by its address. Cheap to clone.
#[derive(Clone)]
pub struct Valkey {
    client: redis::Client,
    connection: ConnectionManager,
    prefix: String,
}

/// Longest wait for an answer, which requests wait for too.
const ANSWER: Duration = Duration::from_millis(100);
const CONNECTING: Duration = Duration::from_secs(1);

/// Whether a text is an address of one.
pub fn is_url(text: &str) -> bool {
    redis::Client::open(text).is_ok()
}

impl Valkey {
    /// Connects when first used, and again whenever the connection breaks. Everything is kept under `prefix`. To be called
    /// within a runtime.
    pub fn new(url: &str, prefix: &str) -> Result<Valkey, UrlError> {
        let client = redis::Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER))
            .set_connection_timeout(Some(CONNECTING))
            .set_max_delay(CONNECTING);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        Ok(Valkey {
            client,
            connection,
            prefix: prefix.to_owned(),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}
