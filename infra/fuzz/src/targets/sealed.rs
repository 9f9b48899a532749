//! Personal values in JSON, on their way into the log and out of it.

use std::sync::LazyLock;

use chrono::DateTime;
use event_log::Probe;
use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::host::now;
use crate::{Violation, Worth};

static PROBE: LazyLock<Probe> = LazyLock::new(|| Probe::new([7; 32]));
const TENANT: Uuid = Uuid::from_u128(1);
const EVENT: Uuid = Uuid::from_u128(2);
const NAMES: [&str; 3] = ["$personal", "$sealed", "$erased"];

pub fn sealed(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(payload) = serde_json::from_slice::<Value>(input) else {
        return Ok(Worth::Nothing);
    };
    let Ok(sealed) = PROBE.seal(TENANT, EVENT, payload.clone(), now()) else {
        return Ok(Worth::Perhaps);
    };
    // As it is stored.
    let text = sealed.to_string();
    let Ok(stored) = serde_json::from_str::<Value>(&text) else {
        return Err(Violation::new("what was sealed can be read again", text));
    };
    if let Some(clear) = clear_within(&stored) {
        return Err(Violation::new("nothing personal stays clear", clear.to_string()));
    }
    match PROBE.open(stored.clone()) {
        Ok(opened) if without_sealed(&payload) && !same(&opened, &payload) => Err(Violation::new(
            "what was sealed opens as it was",
            format!("{opened}, not {payload}"),
        )),
        Ok(_) => moved(&stored),
        Err(error) => Err(Violation::new("what was sealed can be opened", error.to_string())),
    }
}

/// A sealed value that is stored again stays as it is.
fn moved(stored: &Value) -> Result<Worth, Violation> {
    match PROBE.seal(TENANT, Uuid::from_u128(3), stored.clone(), now()) {
        Ok(again) if again == *stored => Ok(Worth::Perhaps),
        other => Err(Violation::new(
            "what is sealed stays as it is",
            format!("{other:?}"),
        )),
    }
}

/// The same as it is stored, where a subject may be written in several ways.
fn same(opened: &Value, payload: &Value) -> bool {
    *opened == canonical(payload)
}

fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let named = NAMES.iter().find_map(|name| fields.get(*name));
            if let Some(Ok(subject)) = named.map(|marker| Uuid::deserialize(&marker["subject"])) {
                let mut whole = value.clone();
                for name in NAMES {
                    if let Some(marker) = whole.get_mut(name) {
                        marker["subject"] = json!(subject);
                    }
                }
                return whole;
            }
            let fields = fields
                .iter()
                .map(|(name, field)| (name.clone(), canonical(field)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.iter().map(canonical).collect(),
        other => other.clone(),
    }
}

fn clear_within(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(fields) if fields.contains_key(NAMES[0]) => Some(value),
        Value::Object(fields) if NAMES.iter().any(|name| fields.contains_key(*name)) => None,
        Value::Object(fields) => fields.values().find_map(clear_within),
        Value::Array(items) => items.iter().find_map(clear_within),
        _ => None,
    }
}

fn without_sealed(value: &Value) -> bool {
    match value {
        Value::Object(fields) if fields.contains_key(NAMES[1]) => false,
        // Whatever a personal value holds is nothing but its text.
        Value::Object(fields) if fields.contains_key(NAMES[0]) => true,
        Value::Object(fields) => fields.values().all(without_sealed),
        Value::Array(items) => items.iter().all(without_sealed),
        _ => true,
    }
}

/// The value that everything in [`envelopes`] says.
const SAID: &str = "said in private";

/// Sealed values as they are stored.
pub fn envelopes() -> Vec<Value> {
    let personal = |value: Value| json!({"text": {"$personal": {"subject": Uuid::from_u128(4), "class": "conversation", "value": value}}, "n": 1});
    [
        json!(SAID),
        json!([SAID, {"$sealed": SAID}]),
        json!({"a": {"b": SAID}}),
    ]
    .into_iter()
    .filter_map(|value| {
        let event = DateTime::from_timestamp(0, 0)?;
        PROBE.seal(TENANT, EVENT, personal(value), event).ok()
    })
    .collect()
}

pub fn opened(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(value) = serde_json::from_slice::<Value>(input) else {
        return Ok(Worth::Nothing);
    };
    let Ok(opened) = PROBE.open(value) else {
        return Ok(Worth::Perhaps);
    };
    // Only what was sealed comes out: what a changed envelope says was never said.
    let mut personal = Vec::new();
    values_within(&opened, &mut personal);
    let _ = PROBE.seal(TENANT, EVENT, opened.clone(), now());
    let inside = String::from_utf8_lossy(input);
    for value in personal {
        let text = value.to_string();
        if !text.contains(SAID) && !inside.contains("$personal") {
            return Err(Violation::new(
                "a changed envelope does not open as another",
                text,
            ));
        }
    }
    Ok(Worth::Perhaps)
}

fn values_within<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(fields) => match fields.get(NAMES[0]) {
            Some(personal) => found.push(&personal["value"]),
            None => fields.values().for_each(|field| values_within(field, found)),
        },
        Value::Array(items) => items.iter().for_each(|item| values_within(item, found)),
        _ => {}
    }
}
