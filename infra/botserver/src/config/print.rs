//! Showing the configuration in effect.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::json;
use toml::Value;

use super::key::Kind;
use super::{KEYS, Key, Origin};

/// Every setting as a line of a file, with where it was read.
pub(super) fn print(read: &BTreeMap<&'static str, (Value, Origin)>) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        if of != section {
            section = of;
            let _ = writeln!(text, "\n[{section}]");
        }
        let _ = match read.get(key.name) {
            Some((value, Origin::Default)) => writeln!(text, "{name} = {}", shown(key, value)),
            Some((value, origin)) => writeln!(text, "{name} = {}  # from {origin}", shown(key, value)),
            None => writeln!(text, "# {name} is not set"),
        };
    }
    text
}

/// Every setting as `key`, `value` (null where it is not set) and `origin`.
pub(super) fn print_json(read: &BTreeMap<&'static str, (Value, Origin)>) -> serde_json::Value {
    let settings = KEYS.iter().map(|key| {
        let found = read.get(key.name);
        let value = found.map(|(value, _)| shown(key, value));
        json!({
            "key": key.name,
            "value": value.and_then(|value| serde_json::to_value(value).ok()),
            "origin": found.map(|(_, origin)| origin.to_string()),
        })
    });
    json!({ "settings": settings.collect::<Vec<_>>() })
}

/// A value as it may be shown: without the password that it may hold.
pub(super) fn shown(key: &Key, value: &Value) -> Value {
    match value {
        Value::String(_) if matches!(key.kind, Kind::Secret) => Value::String("***".to_owned()),
        Value::String(secret) if key.secret => Value::String(without_password(secret)),
        value => value.clone(),
    }
}

/// An address with `***` for everything that may be secret: the password, and the parameters, which may hold one.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    let (rest, parameters) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?***"),
        None => (rest, ""),
    };
    // The last @: a password may hold one.
    match rest.rsplit_once('@') {
        None => format!("{scheme}://{rest}{parameters}"),
        Some((login, place)) => match login.split_once(':') {
            None => format!("{scheme}://{login}@{place}{parameters}"),
            Some((name, _)) => format!("{scheme}://{name}:***@{place}{parameters}"),
        },
    }
}
