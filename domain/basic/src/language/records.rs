//! Functions on lists of records: which of them, which fields of them, and texts made from them.

use super::conditions::{Condition, Work, field_of};
use super::lists::items;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Array, ITEMS_MAX, Object, TEXT_BYTES_MAX, Value};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function(
        "FILTER",
        &[],
        "FILTER(array, \"status = 'open' AND total > 10\")",
        "The records that meet a condition: =, <>, <, >, LIKE, CONTAINS, IN, IS NULL with AND, OR, NOT.",
        (2, 2),
        filter,
    ),
    function(
        "MAP",
        &[],
        "MAP(array, \"name -> label, total\")",
        "One field of each record, or records of several fields under other names.",
        (2, 2),
        map,
    ),
    function(
        "FILL",
        &[],
        "FILL(array, template)",
        "A text or an object for each record, with the record's fields in the place of {{name}}.",
        (2, 2),
        fill,
    ),
];

fn filter(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let condition = Condition::of(&values[1])?;
    let mut kept = Vec::new();
    for row in items(&values[0], "FILTER")? {
        if condition.holds(row, &mut context.work)? {
            kept.push(row.clone());
        }
    }
    Array::from_values(kept).map(Value::Array)
}

fn map(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let text = values[1].to_text()?;
    let mut fields = Vec::new();
    for part in text.split(',') {
        let (field, name) = part.split_once("->").unwrap_or((part, part));
        let (field, name) = (field.trim(), name.trim());
        if field.is_empty() || name.is_empty() {
            return Err(Fault::argument(format!(
                "MAP needs names of fields with commas between them, not `{text}`"
            )));
        }
        fields.push((field, name));
    }
    let rows = items(&values[0], "MAP")?;
    if rows.len().saturating_mul(fields.len()) > ITEMS_MAX {
        return Err(Fault::array_length());
    }
    let work = &mut context.work;
    let mapped: Result<Vec<Value>, Fault> = match fields[..] {
        [(field, name)] if field == name => rows.iter().map(|row| field_of(row, field, work)).collect(),
        _ => rows.iter().map(|row| record(row, &fields, work)).collect(),
    };
    Array::from_values(mapped?).map(Value::Array)
}

fn record(row: &Value, fields: &[(&str, &str)], work: &mut Work) -> Outcome {
    let mut record = Object::default();
    for (field, name) in fields {
        record.set(name, field_of(row, field, work)?)?;
    }
    Ok(Value::Object(record))
}

fn fill(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let template = &values[1];
    let mut room = Room {
        items: ITEMS_MAX,
        bytes: TEXT_BYTES_MAX,
        work: &mut context.work,
    };
    match &values[0] {
        Value::Array(rows) => {
            let made: Result<Vec<Value>, Fault> =
                rows.iter().map(|row| filled(template, row, &mut room)).collect();
            Array::from_values(made?).map(Value::Array)
        }
        Value::Null => Ok(Value::Array(Array::default())),
        row => filled(template, row, &mut room),
    }
}

/// What one call may make: the limits of one array and of one text hold for everything together.
struct Room<'c> {
    items: usize,
    bytes: usize,
    work: &'c mut Work,
}

impl Room<'_> {
    fn item(&mut self) -> Result<(), Fault> {
        self.items = self.items.checked_sub(1).ok_or_else(Fault::array_length)?;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Fault> {
        self.bytes = self
            .bytes
            .checked_sub(text.len())
            .ok_or_else(Fault::text_length)?;
        Ok(())
    }
}

fn filled(template: &Value, row: &Value, room: &mut Room<'_>) -> Outcome {
    room.item()?;
    match template {
        Value::Text(text) => filled_text(text, row, room),
        Value::Array(array) => {
            let items: Result<Vec<Value>, Fault> = array.iter().map(|item| filled(item, row, room)).collect();
            Array::from_values(items?).map(Value::Array)
        }
        Value::Object(object) => {
            let mut made = Object::default();
            for (key, value) in object.iter() {
                room.text(key)?;
                made.set(key, filled(value, row, room)?)?;
            }
            Ok(Value::Object(made))
        }
        other => Ok(other.clone()),
    }
}

/// A text that is one field alone becomes the field's value, whatever its type.
fn filled_text(text: &str, row: &Value, room: &mut Room<'_>) -> Outcome {
    room.work.spend(text.len() as u64)?;
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, field, after)) = next_field(rest) {
        let value = field_of(row, field.trim(), room.work)?;
        if made.is_empty() && before.is_empty() && after.is_empty() {
            return Ok(value);
        }
        let value = match value {
            Value::Null => String::new(),
            other => other.to_text()?,
        };
        for part in [before, &value] {
            room.text(part)?;
            made.push_str(part);
        }
        rest = after;
    }
    room.text(rest)?;
    made.push_str(rest);
    Ok(Value::text(made))
}

/// What stands before the next `{{field}}`, the field, and what stands after it.
fn next_field(text: &str) -> Option<(&str, &str, &str)> {
    let (before, begun) = text.split_once("{{")?;
    let (field, after) = begun.split_once("}}")?;
    Some((before, field, after))
}
