//! What a value's type does not say: ranges, and what must fit together.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::{Config, ConfigError};
use crate::settings::{NAMES, is_name};

/// One hour: a longer time is a mistake.
const HOUR_MS: u64 = 3_600_000;

pub(super) fn check(config: &Config) -> Result<(), ConfigError> {
    let mut wrong = ranges(config);
    wrong.extend(together(config));
    wrong.extend(keys(config));
    wrong.extend(models(config));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(ConfigError(wrong))
    }
}

fn ranges(config: &Config) -> Vec<String> {
    let (server, engine) = (&config.server, &config.engine);
    let mut checked: Vec<(&str, u64, RangeInclusive<u64>)> = vec![
        ("server.request_ms", server.request_ms.into(), 1..=HOUR_MS),
        ("server.body_ms", server.body_ms.into(), 1..=HOUR_MS),
        ("server.idle_ms", server.idle_ms.into(), 100..=HOUR_MS),
        ("server.drain_ms", server.drain_ms.into(), 0..=HOUR_MS),
        (
            "server.body_bytes_max",
            server.body_bytes_max.into(),
            1_024..=1 << 30,
        ),
        (
            "server.bodies_bytes_max",
            server.bodies_bytes_max,
            server.body_bytes_max.into()..=1 << 40,
        ),
        (
            "server.connections_max",
            server.connections_max.into(),
            1..=1_000_000,
        ),
        ("tls.check_ms", config.tls.check_ms.into(), 100..=24 * HOUR_MS),
        ("engine.batch_ms", engine.batch_ms.into(), 1..=60_000),
        (
            "engine.batch_tokens_max",
            engine.batch_tokens_max.into(),
            1..=1_000_000,
        ),
        ("engine.queue_ms", engine.queue_ms.into(), 1..=HOUR_MS),
        (
            "engine.queue_tokens_max",
            engine.queue_tokens_max.into(),
            1..=1_000_000_000,
        ),
        (
            "telemetry.sample_percent",
            config.telemetry.sample_percent.into(),
            0..=100,
        ),
    ];
    checked.extend(
        server
            .readers
            .map(|readers| ("server.readers", readers.into(), 1..=1_024)),
    );
    checked.extend(
        engine
            .threads
            .map(|threads| ("engine.threads", threads.get().into(), 1..=4_096)),
    );
    checked.extend(
        engine
            .memory_mib
            .map(|mib| ("engine.memory_mib", mib, 1..=1 << 30)),
    );
    let outside = checked.iter().filter(|(_, value, range)| !range.contains(value));
    outside
        .map(|(key, value, range)| format!("{key}: {value}; expected {} to {}", range.start(), range.end()))
        .collect()
}

fn together(config: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    if config.server.host.trim().is_empty() {
        wrong.push("server.host: empty; expected an address or a name, as 127.0.0.1".to_owned());
    }
    if config.tls.certificate.is_some() != config.tls.key.is_some() {
        wrong.push("tls: one of certificate and key; expected both or none".to_owned());
    }
    if let Some(endpoint) = &config.telemetry.endpoint
        && !endpoint.starts_with("http://")
        && !endpoint.starts_with("https://")
    {
        wrong.push("telemetry.endpoint: no address; expected one such as http://127.0.0.1:4318".to_owned());
    }
    if !config.engine.models.is_empty() {
        wrong.push("engine.models: not here; expected [[models]]".to_owned());
    }
    if let Ok(address) = config.server.host.parse::<IpAddr>()
        && let Err(error) = config.allow_address(address)
    {
        wrong.extend(error.0);
    }
    wrong
}

fn keys(config: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut names, mut digests) = (BTreeSet::new(), BTreeSet::new());
    for key in &config.keys {
        let name = &key.name;
        if !is_name(name) {
            wrong.push(format!("keys: name {name:?}; expected {NAMES}"));
        }
        if !names.insert(name) {
            wrong.push(format!("keys: two of the name {name:?}"));
        }
        let digest = key.sha256.to_ascii_lowercase();
        if hex::decode(&digest).map_or(0, |bytes| bytes.len()) != 32 {
            wrong.push(format!(
                "keys: sha256 of {name:?} is no digest; expected 64 hexadecimal digits (`inference-worker key`)"
            ));
        } else if !digests.insert(digest) {
            wrong.push(format!("keys: {name:?} has the digest of another one"));
        }
    }
    wrong
}

fn models(config: &Config) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut names = BTreeSet::new();
    for model in &config.models {
        let name = &model.name;
        if !is_name(name) {
            wrong.push(format!("models: name {name:?}; expected {NAMES}"));
        }
        // The addresses of these would be taken for others.
        if name.starts_with('/') || name.ends_with("/load") || name.ends_with("/unload") {
            wrong.push(format!("models: name {name:?} cannot be told from an address"));
        }
        if !names.insert(name) {
            wrong.push(format!("models: two of the name {name:?}"));
        }
        if model.folder.as_os_str().is_empty() {
            wrong.push(format!("models: {name:?} has no folder"));
        }
    }
    wrong
}
