//! Valkey, or a Redis: what processes of one installation tell each other in passing. Nothing in it is missed when it is
//! gone: counts are then each process's own, and the log is looked at as often as without it.

mod counts;
mod fan_out;
mod presence;

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};

pub use counts::Counts;
pub use fan_out::share_positions;
pub use presence::Presences;

/// Why it cannot be used at all.
#[derive(Debug, thiserror::Error)]
#[error("valkey.url is not an address such as redis://127.0.0.1:6379: {0}")]
pub struct UrlError(#[from] redis::RedisError);

/// A server by its address. Cheap to clone.
#[derive(Clone)]
pub struct Valkey {
    client: redis::Client,
    /// Set once it was reached; then it connects again by itself.
    connection: Arc<OnceLock<ConnectionManager>>,
    prefix: String,
}

/// Longest wait for an answer, which requests wait for too.
const ANSWER: Duration = Duration::from_millis(100);
const CONNECTING: Duration = Duration::from_secs(1);

/// Whether a text is an address of one.
pub fn is_url(text: &str) -> bool {
    redis::Client::open(text).is_ok()
}

/// Whether it answers.
pub async fn reach(url: &str) -> Result<(), redis::RedisError> {
    let client = redis::Client::open(url)?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    redis::cmd("PING").query_async(&mut connection).await
}

impl Valkey {
    /// Connects aside, again and again until it succeeds, and whenever the connection breaks. Everything is kept under
    /// `prefix`. To be called within a runtime.
    pub fn new(url: &str, prefix: &str) -> Result<Valkey, UrlError> {
        let valkey = Valkey {
            client: redis::Client::open(url)?,
            connection: Arc::default(),
            prefix: prefix.to_owned(),
        };
        tokio::spawn(connect(valkey.client.clone(), Arc::downgrade(&valkey.connection)));
        Ok(valkey)
    }

    /// None until it was reached for the first time.
    fn connection(&self) -> Option<ConnectionManager> {
        self.connection.get().cloned()
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }
}

/// Until it succeeds, or nobody wants it any more.
async fn connect(client: redis::Client, wanted: Weak<OnceLock<ConnectionManager>>) {
    let mut told = false;
    while wanted.strong_count() > 0 {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(ANSWER)
            .set_connection_timeout(CONNECTING)
            .set_max_delay(1_000);
        match ConnectionManager::new_with_config(client.clone(), config).await {
            Ok(connection) => {
                if let Some(wanted) = wanted.upgrade() {
                    let _ = wanted.set(connection);
                }
                return;
            }
            Err(error) if !told => {
                told = true;
                tracing::warn!(%error, "Valkey cannot be reached: each process counts limits for itself");
            }
            Err(_) => {}
        }
        tokio::time::sleep(CONNECTING).await;
    }
}
