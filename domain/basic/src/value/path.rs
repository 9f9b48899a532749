//! Reading and changing parts of values: `a.b`, `a[i]`, `a.b[i].c = v`.

use chrono::{Datelike, Timelike};

use super::{NESTING_MAX, Value};
use crate::machine::Fault;

/// `value.key`. Whatever is missing is null: scripts ask for a field and then whether it is there.
pub(crate) fn get_member(value: &Value, key: &str) -> Value {
    match value {
        Value::Object(object) => object.member(key).cloned().unwrap_or_default(),
        Value::Array(array) => match key.to_ascii_lowercase().as_str() {
            "length" | "count" | "size" => Value::Integer(array.len() as i64),
            // A list of rows answers for its first row, as scripts that look up one record expect.
            _ => match array.get(0) {
                Some(Value::Object(first)) => first.member(key).cloned().unwrap_or_default(),
                _ => Value::Null,
            },
        },
        Value::Text(text) if key.eq_ignore_ascii_case("length") => {
            Value::Integer(text.chars().count() as i64)
        }
        Value::Date(date) => date_member(date, key),
        Value::Moment(moment) => match key.to_ascii_lowercase().as_str() {
            "hour" => Value::Integer(moment.hour().into()),
            "minute" => Value::Integer(moment.minute().into()),
            "second" => Value::Integer(moment.second().into()),
            _ => date_member(moment, key),
        },
        _ => Value::Null,
    }
}

fn date_member(date: &impl Datelike, key: &str) -> Value {
    match key.to_ascii_lowercase().as_str() {
        "year" => Value::Integer(date.year().into()),
        "month" => Value::Integer(date.month().into()),
        "day" => Value::Integer(date.day().into()),
        _ => Value::Null,
    }
}

/// `value[index]`: an item counted from 0, or a field by name. Missing parts are null.
pub(crate) fn get_index(value: &Value, index: &Value) -> Value {
    match (value, index) {
        (Value::Object(object), _) => match index {
            Value::Text(key) => object.get(key).cloned().unwrap_or_default(),
            other => object.get(&other.to_string()).cloned().unwrap_or_default(),
        },
        (Value::Array(array), _) => match position(index) {
            Some(at) => array.get(at).cloned().unwrap_or_default(),
            None => match index {
                Value::Text(key) => get_member(value, key),
                _ => Value::Null,
            },
        },
        (Value::Text(text), _) => match position(index).and_then(|at| text.chars().nth(at)) {
            Some(character) => Value::text(character),
            None => Value::Null,
        },
        (_, Value::Text(key)) => get_member(value, key),
        _ => Value::Null,
    }
}

/// One step of a path to a part that is to change.
pub(crate) enum Key<'k> {
    /// `.name`
    Member(&'k str),
    /// `[value]`
    Index(&'k Value),
}

/// Sets the part of `value` at the end of `keys`. Objects and arrays on the way that are missing come into being.
/// Adds to `copied` the items that had to be copied because they were shared.
pub(crate) fn set_path(
    value: &mut Value,
    keys: &[Key<'_>],
    new: Value,
    copied: &mut usize,
) -> Result<(), Fault> {
    // Checked once, before anything changes, so that a refusal leaves the value as it was.
    if keys.len() + usize::from(new.depth()) > usize::from(NESTING_MAX) {
        return Err(Fault::nesting());
    }
    descend(value, keys, new, copied)
}

fn descend(value: &mut Value, keys: &[Key<'_>], new: Value, copied: &mut usize) -> Result<(), Fault> {
    let Some((key, rest)) = keys.split_first() else {
        *value = new;
        return Ok(());
    };
    if matches!(value, Value::Null) {
        // What is missing becomes what the key asks for.
        *value = match key {
            Key::Index(Value::Integer(_)) => Value::Array(Default::default()),
            _ => Value::Object(Default::default()),
        };
    }
    match value {
        Value::Object(object) => {
            *copied += object.copied_by_change();
            match key {
                Key::Member(name) => object.change_member(name, |field| descend(field, rest, new, copied)),
                Key::Index(Value::Text(name)) => {
                    object.change(name, |field| descend(field, rest, new, copied))
                }
                Key::Index(other) => {
                    object.change(&other.to_string(), |field| descend(field, rest, new, copied))
                }
            }
        }
        Value::Array(array) => {
            let at = match key {
                Key::Index(index) => position(index),
                Key::Member(_) => None,
            };
            let at = at.ok_or_else(|| Fault::index(key))?;
            *copied += array.copied_by_change();
            array.change(at, |item| descend(item, rest, new, copied))
        }
        other => Err(Fault::no_parts(other)),
    }
}

/// A value as the place of an item. Negative numbers and fractions are no place.
fn position(index: &Value) -> Option<usize> {
    match index {
        Value::Integer(at) => usize::try_from(*at).ok(),
        Value::Number(at) if at.fract() == 0.0 && *at >= 0.0 && *at < 1e9 => Some(*at as usize),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}
