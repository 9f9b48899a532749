//! Logs: one line per event, to standard error. Never the text of messages, tokens or addresses. Traces beside them.

use telemetry::logs::Log;
use telemetry::traces::Telemetry;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::traces::{Flush, Traces, is_trace};

/// Starts logging, and traces where they are configured, for the rest of the process. To be held until its end.
pub fn start(log: &Log, telemetry: &Telemetry) -> anyhow::Result<Option<Flush>> {
    // Spans of traces are not shown in lines: they say nothing that a line does not.
    let lines = log.lines().with_filter(log.filter()?.and(is_trace().not()));
    let (traces, flush) = Traces::start(telemetry)?.unzip();
    let traces = traces.map(|traces| traces.with_filter(is_trace()));
    tracing_subscriber::registry()
        .with(lines)
        .with(traces)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    Ok(flush)
}
