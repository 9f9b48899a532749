//! Functions that give parts of arrays, or put arrays together.

use super::lists::{items, not_an_array};
use super::texts::whole;
use super::{Changes, Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Array, Value, equal};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function(
        "UNSHIFT",
        &["PREPEND"],
        "UNSHIFT array, value",
        "Adds items at the beginning.",
        (2, 255),
        unshift,
    )
    .changing(Changes::AsStatement),
    function(
        "LAST INDEX OF",
        &["LASTINDEXOF"],
        "LAST_INDEX_OF(array, value)",
        "Where an item stands last, from 0; -1 if nowhere.",
        (2, 2),
        last_index_of,
    ),
    function(
        "FLATTEN",
        &[],
        "FLATTEN(array)",
        "The items of all arrays inside of it, in one array.",
        (1, 1),
        |_, values| {
            let mut flat = Vec::new();
            flatten(items(&values[0], "FLATTEN")?, &mut flat);
            Array::from_values(flat).map(Value::Array)
        },
    ),
    function(
        "CHUNK",
        &["BATCH"],
        "CHUNK(array, size)",
        "Arrays of that many items each; the last may have fewer.",
        (2, 2),
        chunk,
    ),
    function(
        "TAKE",
        &["HEAD"],
        "TAKE(array, count)",
        "The first items.",
        (2, 2),
        |_, values| part(values, "TAKE", |length, count| 0..count.min(length)),
    ),
    function(
        "DROP",
        &[],
        "DROP(array, count)",
        "All but the first items.",
        (2, 2),
        |_, values| part(values, "DROP", |length, count| count.min(length)..length),
    ),
    function(
        "TAIL",
        &[],
        "TAIL(array, count)",
        "The last items.",
        (2, 2),
        |_, values| {
            part(values, "TAIL", |length, count| {
                length.saturating_sub(count)..length
            })
        },
    ),
];

fn unshift(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (array, added) = values.split_at_mut(1);
    let kept = items(&array[0], "UNSHIFT")?;
    let all = added.iter_mut().map(std::mem::take).chain(kept.iter().cloned());
    Array::from_values(all.collect()).map(Value::Array)
}

fn last_index_of(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let at = match &values[0] {
        Value::Text(text) => {
            let part = values[1].to_text()?;
            text.rfind(&part).map(|offset| text[..offset].chars().count())
        }
        other => items(other, "LAST_INDEX_OF")?
            .iter()
            .rposition(|item| equal(item, &values[1])),
    };
    Ok(Value::Integer(at.map_or(-1, |at| at as i64)))
}

/// Values do not nest deeply, so this may recurse.
fn flatten(items: &[Value], flat: &mut Vec<Value>) {
    for item in items {
        match item {
            Value::Array(inner) => flatten(inner.as_slice(), flat),
            other => flat.push(other.clone()),
        }
    }
}

fn chunk(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let size = usize::try_from(whole(&values[1], "CHUNK")?).unwrap_or(0);
    if size == 0 {
        return Err(Fault::argument("CHUNK needs a size of 1 or more"));
    }
    let chunks = items(&values[0], "CHUNK")?
        .chunks(size)
        .map(|chunk| Array::from_values(chunk.to_vec()).map(Value::Array))
        .collect::<Result<Vec<_>, _>>()?;
    Array::from_values(chunks).map(Value::Array)
}

/// A range of an array, or of the characters of a text, by its length and the count that was asked for.
fn part(values: &[Value], function: &str, range: fn(usize, usize) -> std::ops::Range<usize>) -> Outcome {
    let count = usize::try_from(whole(&values[1], function)?.max(0)).unwrap_or(usize::MAX);
    match &values[0] {
        Value::Text(text) => {
            let range = range(text.chars().count(), count);
            let part: String = text.chars().skip(range.start).take(range.len()).collect();
            Ok(Value::text(part))
        }
        Value::Array(array) => {
            let part = array.as_slice()[range(array.len(), count)].to_vec();
            Array::from_values(part).map(Value::Array)
        }
        Value::Null => Ok(Value::Array(Array::default())),
        other => Err(not_an_array(function, other)),
    }
}
