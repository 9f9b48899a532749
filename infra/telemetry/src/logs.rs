//! Logs: one line per event, to standard error.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer, fmt};

/// The section `log` of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub format: Format,
    /// As `EnvFilter` has it: "info,inference=debug".
    pub filter: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    #[default]
    Text,
    Json,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            format: Format::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Log {
    pub fn filter(&self) -> anyhow::Result<EnvFilter> {
        EnvFilter::try_new(&self.filter).with_context(|| {
            format!(
                "log.filter {:?} is not a filter such as \"info,inference=debug\"",
                self.filter
            )
        })
    }

    /// What writes lines of all events that it is given.
    pub fn lines<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let colours = std::io::stderr().is_terminal();
        let lines = fmt::layer().with_ansi(colours).with_writer(std::io::stderr);
        match self.format {
            Format::Text => lines.boxed(),
            Format::Json => lines.json().flatten_event(true).boxed(),
        }
    }
}
