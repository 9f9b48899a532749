//! Functions on arrays. Indices count from 0.

use std::cmp::Ordering;
use std::collections::HashSet;

use super::conditions::field_of;
use super::maths::narrowed;
use super::texts::whole;
use super::{Changes, Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Array, Encoder, ITEMS_MAX, Value, compare, equal};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function(
        "UBOUND",
        &["COUNT", "SIZE"],
        "UBOUND(array)",
        "How many items it has.",
        (1, 1),
        count,
    )
    .constant(),
    function(
        "LBOUND",
        &[],
        "LBOUND(array)",
        "The first index: 0.",
        (1, 1),
        |_, _| Ok(Value::Integer(0)),
    )
    .constant(),
    function(
        "PUSH",
        &["APPEND"],
        "PUSH array, value",
        "Adds items at the end.",
        (2, 255),
        push,
    )
    .constant()
    .changing(Changes::AsStatement),
    function(
        "POP",
        &[],
        "POP(array)",
        "Takes the last item away and gives it.",
        (1, 1),
        |_, values| {
            with_array("POP", &mut values[0], |array| {
                array
                    .len()
                    .checked_sub(1)
                    .and_then(|last| array.remove(last))
                    .unwrap_or_default()
            })
        },
    )
    .constant()
    .changing(Changes::Always),
    function(
        "SHIFT",
        &[],
        "SHIFT(array)",
        "Takes the first item away and gives it.",
        (1, 1),
        |_, values| {
            with_array("SHIFT", &mut values[0], |array| {
                array.remove(0).unwrap_or_default()
            })
        },
    )
    .changing(Changes::Always),
    function(
        "SLICE",
        &["SUBARRAY"],
        "SLICE(array, start, end)",
        "The items from start to before end.",
        (2, 3),
        slice,
    ),
    function(
        "SORT",
        &["SORT ASC"],
        "SORT(array)",
        "In ascending order; SORT(rows, \"price\") by a field.",
        (1, 2),
        |context, values| sort(context, values, false),
    ),
    function(
        "SORT DESC",
        &[],
        "SORT_DESC(array)",
        "In descending order, perhaps by a field.",
        (1, 2),
        |context, values| sort(context, values, true),
    ),
    function(
        "REVERSE",
        &[],
        "REVERSE(array)",
        "Back to front; also a text.",
        (1, 1),
        reverse,
    ),
    function(
        "UNIQUE",
        &["DISTINCT"],
        "UNIQUE(array)",
        "Every different item once; with a field, the first record of each of its values.",
        (1, 2),
        unique,
    ),
    function(
        "CONTAINS",
        &["IN ARRAY", "INCLUDES", "HAS"],
        "CONTAINS(array, value)",
        "Whether an array has an item, a text a part or an object a field.",
        (2, 2),
        contains,
    ),
    function(
        "KEYS",
        &["OBJECT KEYS"],
        "KEYS(object)",
        "The names of an object's fields, in their order.",
        (1, 1),
        |_, values| match &values[0] {
            Value::Object(fields) => {
                let names = fields.iter().map(|(name, _)| Value::text(name)).collect();
                Array::from_values(names).map(Value::Array)
            }
            Value::Null => Ok(Value::Array(Array::default())),
            other => Err(Fault::argument(format!(
                "KEYS needs an object, not a value of type {}",
                other.type_name()
            ))),
        },
    ),
    function(
        "INDEX OF",
        &["INDEXOF"],
        "INDEX_OF(array, value)",
        "Where an item stands, from 0; -1 if nowhere.",
        (2, 2),
        index_of,
    ),
    function(
        "RANGE",
        &[],
        "RANGE(first, last, step)",
        "The numbers from first to last, both included.",
        (2, 3),
        range,
    ),
    function(
        "FIRST",
        &[],
        "FIRST(array)",
        "The first item of an array or word of a text.",
        (1, 1),
        |_, values| {
            Ok(end(
                &values[0],
                |array| array.get(0),
                |text| text.split_whitespace().next(),
            ))
        },
    )
    .constant(),
    function(
        "LAST",
        &[],
        "LAST(array)",
        "The last item of an array or word of a text.",
        (1, 1),
        |_, values| {
            Ok(end(
                &values[0],
                |array| array.as_slice().last(),
                |text| text.split_whitespace().next_back(),
            ))
        },
    )
    .constant(),
];

fn count(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    Ok(Value::Integer(match &values[0] {
        Value::Array(array) => array.len() as i64,
        Value::Object(object) => object.len() as i64,
        Value::Text(text) => text.chars().count() as i64,
        Value::Null => 0,
        _ => 1,
    }))
}

/// Extends the array in place when nobody else holds it. Missing arrays come into being.
fn push(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let Some((first, added)) = values.split_first_mut() else {
        return Ok(Value::Null);
    };
    let mut array = match std::mem::take(first) {
        Value::Array(array) => array,
        Value::Null => Array::default(),
        other => return Err(not_an_array("PUSH", &other)),
    };
    for value in added {
        array.push(std::mem::take(value))?;
    }
    Ok(Value::Array(array))
}

pub(super) fn not_an_array(function: &str, value: &Value) -> Fault {
    Fault::argument(format!(
        "{function} needs an array, not a value of type {}",
        value.type_name()
    ))
}

fn with_array(function: &str, value: &mut Value, change: impl FnOnce(&mut Array) -> Value) -> Outcome {
    match value {
        Value::Array(array) => Ok(change(array)),
        Value::Null => Ok(Value::Null),
        other => Err(not_an_array(function, other)),
    }
}

pub(super) fn items<'v>(value: &'v Value, function: &str) -> Result<&'v [Value], Fault> {
    match value {
        Value::Array(array) => Ok(array.as_slice()),
        Value::Null => Ok(&[]),
        other => Err(not_an_array(function, other)),
    }
}

/// Negative positions count from the end.
fn slice(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let items = items(&values[0], "SLICE")?;
    let place = |at: i64| {
        let from_start = if at < 0 {
            at.saturating_add(items.len() as i64)
        } else {
            at
        };
        from_start.clamp(0, items.len() as i64) as usize
    };
    let start = place(whole(&values[1], "SLICE")?);
    let end = values
        .get(2)
        .map_or(Ok(items.len()), |end| whole(end, "SLICE").map(place))?;
    Array::from_values(items.get(start..end).unwrap_or_default().to_vec()).map(Value::Array)
}

/// Numbers before texts, dates among themselves; what cannot be compared goes by its type.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Integer(_) | Value::Number(_) => 2,
        Value::Date(_) | Value::Moment(_) => 3,
        Value::Text(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) => 6,
    };
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        // Exact, where comparing as fractions would be no order.
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Integer(a), Value::Number(b)) => whole_and_fraction(*a, *b),
        (Value::Number(a), Value::Integer(b)) => whole_and_fraction(*b, *a).reverse(),
        (Value::Date(a), Value::Moment(b)) => a.and_time(chrono::NaiveTime::MIN).and_utc().cmp(b),
        (Value::Moment(a), Value::Date(b)) => a.cmp(&b.and_time(chrono::NaiveTime::MIN).and_utc()),
        _ => compare(a, b).unwrap_or(Ordering::Equal),
    })
}

fn whole_and_fraction(whole: i64, fraction: f64) -> Ordering {
    // Beyond the range of whole numbers the sign decides.
    if fraction >= 9.3e18 {
        return Ordering::Less;
    }
    if fraction <= -9.3e18 {
        return Ordering::Greater;
    }
    let floor = fraction.floor();
    (i128::from(whole))
        .cmp(&(floor as i128))
        .then(if fraction > floor {
            Ordering::Less
        } else {
            Ordering::Equal
        })
}

fn sort(context: &mut Context<'_>, values: &[Value], descending: bool) -> Outcome {
    let items = items(&values[0], "SORT")?;
    let field = match values.get(1) {
        None | Some(Value::Null) => None,
        Some(field) => Some(field.to_text()?),
    };
    let key = |item: &Value| match &field {
        Some(field) => field_of(item, field.trim(), &mut context.work),
        None => Ok(item.clone()),
    };
    let keys: Result<Vec<Value>, Fault> = items.iter().map(key).collect();
    let mut sorted: Vec<(Value, Value)> = keys?.into_iter().zip(items.iter().cloned()).collect();
    sorted.sort_by(|(a, _), (b, _)| if descending { order(b, a) } else { order(a, b) });
    Array::from_values(sorted.into_iter().map(|(_, item)| item).collect()).map(Value::Array)
}

fn reverse(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    match &values[0] {
        Value::Array(array) => Array::from_values(array.iter().rev().cloned().collect()).map(Value::Array),
        other => Ok(Value::text(other.to_text()?.chars().rev().collect::<String>())),
    }
}

/// Items are the same when they are stored the same; the number 1 and the text "1" are two.
fn unique(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    let field = values.get(1).map(Value::to_text).transpose()?;
    for item in items(&values[0], "UNIQUE")? {
        let mut encoder = Encoder::default();
        let told_apart = match &field {
            Some(field) => &field_of(item, field, &mut context.work)?,
            None => item,
        };
        match told_apart {
            // 1.0 is 1: it reads the same and compares the same.
            Value::Number(number) => encoder.value(&narrowed(*number)?),
            other => encoder.value(other),
        }
        if seen.insert(encoder.bytes) {
            kept.push(item.clone());
        }
    }
    Array::from_values(kept).map(Value::Array)
}

fn contains(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let found = match &values[0] {
        Value::Array(array) => array.position_of(&values[1]).is_some(),
        Value::Object(object) => object.member(&values[1].to_text()?).is_some(),
        Value::Null => false,
        other => other.to_text()?.contains(&values[1].to_text()?),
    };
    Ok(Value::Bool(found))
}

fn index_of(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let at = match &values[0] {
        Value::Text(text) => {
            let part = values[1].to_text()?;
            text.find(&part).map(|offset| text[..offset].chars().count())
        }
        other => items(other, "INDEX_OF")?
            .iter()
            .position(|item| equal(item, &values[1])),
    };
    Ok(Value::Integer(at.map_or(-1, |at| at as i64)))
}

fn range(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (first, last) = (whole(&values[0], "RANGE")?, whole(&values[1], "RANGE")?);
    let downwards = first > last;
    let step = values
        .get(2)
        .map_or(Ok(if downwards { -1 } else { 1 }), |step| whole(step, "RANGE"))?;
    if step == 0 {
        return Err(Fault::argument("RANGE needs a step other than 0"));
    }
    let count = if downwards == (step < 0) {
        first.abs_diff(last) / step.unsigned_abs() + 1
    } else {
        0
    };
    if count > ITEMS_MAX as u64 {
        return Err(Fault::array_length());
    }
    let numbers = std::iter::successors(Some(first), |number| number.checked_add(step));
    Array::from_values(numbers.take(count as usize).map(Value::Integer).collect()).map(Value::Array)
}

/// One end of an array, or of a text.
fn end<'v>(
    value: &'v Value,
    item: impl FnOnce(&'v Array) -> Option<&'v Value>,
    word: impl FnOnce(&'v str) -> Option<&'v str>,
) -> Value {
    match value {
        Value::Array(array) => item(array).cloned().unwrap_or_default(),
        Value::Text(text) => word(text).map_or(Value::text(""), Value::text),
        other => other.clone(),
    }
}
