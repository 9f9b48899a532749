//! `inference-worker models`: what the configured folders hold, or what a running worker has.

use std::io::{Write as _, stdout};

use serde::{Deserialize, Serialize};

use super::source::Worker;
use crate::config::Config;
use crate::model::Model;
use crate::settings::{DeviceChoice, ModelSettings};
use crate::torch::device;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    worker: Worker,
    /// A JSON line for each model
    #[arg(long)]
    json: bool,
}

/// A model in a line.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Row {
    #[serde(alias = "id")]
    name: String,
    status: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    dimensions: usize,
    #[serde(default)]
    tokens_max: usize,
    #[serde(default)]
    precision: String,
    #[serde(default)]
    bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

#[derive(Deserialize)]
struct List {
    data: Vec<Row>,
}

impl Arguments {
    /// Whether every model can be used.
    pub async fn run(&self, config: Config) -> anyhow::Result<bool> {
        let remote = self.worker.remote()?;
        let is_remote = remote.is_some();
        let rows = match remote {
            Some(remote) => remote.get::<List>("/v1/models").await?.data,
            None => config.models.iter().map(look).collect(),
        };
        let mut out = stdout().lock();
        if self.json {
            for row in &rows {
                writeln!(out, "{}", serde_json::to_string(row)?)?;
            }
        } else if rows.is_empty() {
            writeln!(
                out,
                "no models are configured; `inference-worker config` shows how"
            )?;
        } else {
            write!(out, "{}", table(&rows))?;
            if !is_remote {
                writeln!(out, "{}", budget(&config, &rows)?)?;
            }
        }
        Ok(rows.iter().all(|row| row.problem.is_none()))
    }
}

/// Reads a folder but for its weights.
fn look(settings: &ModelSettings) -> Row {
    match Model::open(settings) {
        Ok(opened) => {
            let card = opened.model.card();
            Row {
                name: card.name.clone(),
                status: "fits".to_owned(),
                task: word(&card.task),
                architecture: card.architecture.clone(),
                dimensions: card.dimensions,
                tokens_max: card.tokens_max,
                precision: word(&card.precision),
                bytes: card.bytes,
                problem: None,
            }
        }
        Err(error) => Row {
            name: settings.name.clone(),
            status: "unusable".to_owned(),
            problem: Some(error.to_string()),
            ..Row::default()
        },
    }
}

/// As it stands in the configuration.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

fn table(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0).max(5);
    let mut text = format!(
        "{:width$}  {:8}  {:6}  {:12}  {:>10}  {:>6}  {:9}  {:>9}\n",
        "model", "status", "task", "architecture", "dimensions", "tokens", "precision", "memory"
    );
    for row in rows {
        if let Some(problem) = &row.problem {
            text += &format!("{:width$}  {:8}  {problem}\n", row.name, row.status);
            continue;
        }
        text += &format!(
            "{:width$}  {:8}  {:6}  {:12}  {:>10}  {:>6}  {:9}  {:>9}\n",
            row.name,
            row.status,
            row.task,
            row.architecture,
            row.dimensions,
            row.tokens_max,
            row.precision,
            mib(row.bytes),
        );
    }
    text
}

fn budget(config: &Config, rows: &[Row]) -> anyhow::Result<String> {
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    let memory = memory(config)?;
    let verdict = if bytes <= memory {
        "they fit together"
    } else {
        "not all fit at once: those that are loaded on demand take turns"
    };
    Ok(format!(
        "{} of {} for weights; {verdict}",
        mib(bytes),
        mib(memory)
    ))
}

/// Bytes that weights may take.
pub(super) fn memory(config: &Config) -> anyhow::Result<u64> {
    if let Some(mib) = config.engine.memory_mib {
        return Ok(mib << 20);
    }
    let choice = match config.engine.device {
        DeviceChoice::Cpu => DeviceChoice::Cpu,
        _ => DeviceChoice::Auto,
    };
    Ok(device::memory(&device::devices(choice)?))
}

pub(super) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
