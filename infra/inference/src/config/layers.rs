//! Reading the layers: built-in defaults, a file, the environment, the command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::{Table, Value};

use super::{Config, ConfigError};

const PREFIX: &str = "INFERENCE_WORKER_";

/// Variables with the prefix that are no settings: the file, and the key of `embed --url` and its like.
const FILE_VARIABLE: &str = "INFERENCE_WORKER_CONFIG";
pub(crate) const KEY_VARIABLE: &str = "INFERENCE_WORKER_KEY";

/// A larger file is not a configuration but a mistake.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The file that is read where none is named.
const FILE: &str = "inference.toml";

/// Every setting that is one value; those in the second place are texts, whatever they look like.
pub const KEYS: &[(&str, bool)] = &[
    ("server.host", true),
    ("server.port", false),
    ("server.open", false),
    ("server.metrics_open", false),
    ("server.request_ms", false),
    ("server.body_ms", false),
    ("server.idle_ms", false),
    ("server.drain_ms", false),
    ("server.body_bytes_max", false),
    ("server.bodies_bytes_max", false),
    ("server.connections_max", false),
    ("server.readers", false),
    ("tls.certificate", true),
    ("tls.key", true),
    ("tls.check_ms", false),
    ("engine.device", true),
    ("engine.threads", false),
    ("engine.memory_mib", false),
    ("engine.batch_ms", false),
    ("engine.batch_tokens_max", false),
    ("engine.queue_ms", false),
    ("engine.queue_tokens_max", false),
    ("log.format", true),
    ("log.filter", true),
    ("telemetry.endpoint", true),
    ("telemetry.sample_percent", false),
];

/// What a configuration is read from, apart so that a test can give its own.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// What `--config` says.
    pub file: Option<PathBuf>,
    /// What `--set` says, each `section.name=value`.
    pub set: Vec<String>,
    pub environment: Vec<(OsString, OsString)>,
    pub working_dir: PathBuf,
}

impl Sources {
    pub fn of_process(file: Option<PathBuf>, set: Vec<String>) -> Sources {
        Sources {
            file,
            set,
            environment: std::env::vars_os().collect(),
            working_dir: std::env::current_dir().unwrap_or_default(),
        }
    }

    /// The file to read; none where none is named and none lies in the working folder.
    pub fn path(&self) -> Option<PathBuf> {
        let named = self.file.clone().or_else(|| {
            let variable = self.environment.iter().find(|(name, _)| name == FILE_VARIABLE)?;
            (!variable.1.is_empty()).then(|| PathBuf::from(&variable.1))
        });
        let beside = || Some(PathBuf::from(FILE)).filter(|file| self.working_dir.join(file).exists());
        named.or_else(beside).map(|path| self.working_dir.join(path))
    }
}

pub(super) fn read(sources: &Sources) -> Result<Config, ConfigError> {
    let mut wrong = Vec::new();
    let mut tree = Table::new();
    if let Some(path) = sources.path() {
        match read_file(&path) {
            Ok(table) => tree = table,
            Err(line) => wrong.push(line),
        }
    }
    for (name, value) in &sources.environment {
        if let Err(line) = take_variable(&mut tree, name, value) {
            wrong.push(line);
        }
    }
    for text in &sources.set {
        if let Err(line) = take_flag(&mut tree, text) {
            wrong.push(line);
        }
    }
    if !wrong.is_empty() {
        return Err(ConfigError(wrong));
    }
    Config::deserialize(tree).map_err(|error| ConfigError(vec![one_line(&error.to_string())]))
}

/// Also told apart from the other layers, because only here a mistake has a line.
fn read_file(path: &Path) -> Result<Table, String> {
    let shown = path.display();
    let unreadable = |problem: &dyn std::fmt::Display| format!("{shown}: cannot be read ({problem})");
    let found = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if found.is_dir() {
        return Err(unreadable(&"it is a folder"));
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(unreadable(&format!("it is longer than {FILE_BYTES_MAX} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&"it is not UTF-8"))?;
    let located = |error: &toml::de::Error| {
        let byte = error.span().map_or(0, |span| span.start);
        let line = 1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count();
        format!("{shown}:{line}: {}", one_line(error.message()))
    };
    toml::from_str::<Config>(&text).map_err(|error| located(&error))?;
    text.parse::<Table>().map_err(|error| located(&error))
}

fn take_variable(tree: &mut Table, name: &OsString, value: &OsString) -> Result<(), String> {
    let Some(setting) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else {
        return Ok(());
    };
    if [FILE_VARIABLE, KEY_VARIABLE].iter().any(|other| name == other) {
        return Ok(());
    }
    let found = KEYS
        .iter()
        .find(|(key, _)| key.replace('.', "_").to_uppercase() == setting);
    let Some((key, is_text)) = found else {
        return Err(format!(
            "{PREFIX}{setting}: unknown setting in the environment; `inference-worker config` prints all"
        ));
    };
    let value = value
        .to_str()
        .ok_or_else(|| format!("{PREFIX}{setting}: not UTF-8"))?;
    take(tree, key, *is_text, value);
    Ok(())
}

fn take_flag(tree: &mut Table, text: &str) -> Result<(), String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("--set: expected section.name=value, as server.port=8600".to_owned());
    };
    let name = name.trim();
    let Some((key, is_text)) = KEYS.iter().find(|(key, _)| *key == name) else {
        return Err(format!(
            "--set {name}: unknown setting; `inference-worker config` prints all"
        ));
    };
    take(tree, key, *is_text, value.trim());
    Ok(())
}

/// An empty value sets nothing: compose files and units pass what is not set as empty.
fn take(tree: &mut Table, key: &str, is_text: bool, text: &str) {
    let Some((section, name)) = key.split_once('.').filter(|_| !text.is_empty()) else {
        return;
    };
    let read = || {
        let mut table = format!("value = {text}").parse::<Table>().ok()?;
        table.remove("value")
    };
    let value = match is_text && !text.starts_with(['"', '\'']) {
        true => None,
        false => read(),
    };
    let section = tree.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(
            name.to_owned(),
            value.unwrap_or_else(|| Value::String(text.to_owned())),
        );
    }
}

/// Without what would break the line or steer the terminal.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).collect()
}
