//! Logs: one line per event, to standard error. Never a text, a vector or a key.

use telemetry::logs::Log;
use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Starts logging for the rest of the process.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let lines = log.lines().with_filter(log.filter()?);
    tracing_subscriber::registry()
        .with(lines)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))
}
