//! Logs: one line per event, to standard error. Never the text of messages, tokens or addresses. Traces beside them.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::config::{Log, LogFormat, Telemetry};
use crate::traces::{Flush, Traces, is_trace};

/// Starts logging, and traces where they are configured, for the rest of the process. To be held until its end.
pub fn start(settings: &Log, telemetry: &Telemetry) -> anyhow::Result<Option<Flush>> {
    let filter = EnvFilter::try_new(&settings.filter).with_context(|| {
        format!(
            "log.filter {:?} is not a filter such as \"info,api=debug\"",
            settings.filter
        )
    })?;
    let colours = std::io::stderr().is_terminal();
    let lines = fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
    let lines = match settings.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // Spans of traces are not shown in lines: they say nothing that a line does not.
    let lines = lines.with_filter(filter.and(is_trace().not()));
    let (traces, flush) = Traces::start(telemetry)?.unzip();
    let traces = traces.map(|traces| traces.with_filter(is_trace()));
    tracing_subscriber::registry()
        .with(lines)
        .with(traces)
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging cannot be started: {error}"))?;
    Ok(flush)
}
