//! Showing the configuration in effect.

use std::{collections::BTreeMap, fmt::Write};

use toml::Value;

use super::{KEYS, Origin};

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
            Some((Value::String(secret), origin)) if key.secret => {
                writeln!(
                    text,
                    "{name} = {}  # from {origin}",
                    Value::String(without_password(secret))
                )
            }
            Some((value, Origin::Default)) => writeln!(text, "{name} = {value}"),
            Some((value, origin)) => writeln!(text, "{name} = {value}  # from {origin}"),
            None => writeln!(text, "# {name} is not set"),
        };
    }
    text
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
