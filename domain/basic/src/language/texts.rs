//! Functions on texts. Positions count characters from 1, as BASIC always did; lengths count characters.

use super::conditions::is_like;
use super::{Word, function, tables};
use crate::machine::{Context, Fault};
use crate::value::{Array, ITEMS_MAX, TEXT_BYTES_MAX, Value, parse_number};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function(
        "LEN",
        &["LENGTH"],
        "LEN(text)",
        "Characters of a text, items of an array.",
        (1, 1),
        len,
    ),
    function(
        "LEFT",
        &[],
        "LEFT(text, count)",
        "The first characters.",
        (2, 2),
        left,
    ),
    function(
        "RIGHT",
        &[],
        "RIGHT(text, count)",
        "The last characters.",
        (2, 2),
        right,
    ),
    function(
        "MID",
        &["SUBSTRING"],
        "MID(text, start, count)",
        "Characters from the middle; start counts from 1.",
        (2, 3),
        mid,
    ),
    function(
        "TRIM",
        &[],
        "TRIM(text)",
        "Without spaces at both ends.",
        (1, 1),
        |_, values| map_text(&values[0], |text| text.trim().to_owned()),
    ),
    function(
        "LTRIM",
        &[],
        "LTRIM(text)",
        "Without spaces at the beginning.",
        (1, 1),
        |_, values| map_text(&values[0], |text| text.trim_start().to_owned()),
    ),
    function(
        "RTRIM",
        &[],
        "RTRIM(text)",
        "Without spaces at the end.",
        (1, 1),
        |_, values| map_text(&values[0], |text| text.trim_end().to_owned()),
    ),
    function(
        "UCASE",
        &["UPPER"],
        "UCASE(text)",
        "In capitals.",
        (1, 1),
        |_, values| map_text(&values[0], |text| text.to_uppercase()),
    ),
    function(
        "LCASE",
        &["LOWER"],
        "LCASE(text)",
        "In small letters.",
        (1, 1),
        |_, values| map_text(&values[0], |text| text.to_lowercase()),
    ),
    function(
        "REPLACE",
        &[],
        "REPLACE(text, old, new)",
        "With every occurrence replaced.",
        (3, 3),
        replace,
    ),
    function(
        "INSTR",
        &[],
        "INSTR(text, part)",
        "Where a part begins, from 1; 0 if nowhere.",
        (2, 3),
        instr,
    ),
    function(
        "SPLIT",
        &[],
        "SPLIT(text, separator)",
        "The parts between separators, as an array.",
        (1, 2),
        split,
    ),
    function(
        "JOIN",
        &[],
        "JOIN(array, separator)",
        "The items as one text; or of two lists of records those that belong together by a key.",
        (1, 3),
        join,
    ),
    function(
        "CONCAT",
        &[],
        "CONCAT(a, b, …)",
        "All values as one text.",
        (1, 255),
        concat,
    ),
    function(
        "ISNUMERIC",
        &["IS NUMERIC"],
        "ISNUMERIC(value)",
        "Whether it is a number or spells one.",
        (1, 1),
        |_, values| {
            Ok(Value::Bool(match &values[0] {
                Value::Text(text) => parse_number(text).is_some(),
                other => matches!(other, Value::Integer(_) | Value::Number(_)),
            }))
        },
    ),
    function(
        "STR",
        &["CSTR", "TOSTRING"],
        "STR(value)",
        "The value as a text.",
        (1, 1),
        |_, values| Ok(Value::text(values[0].to_text()?)),
    ),
    function(
        "JSON",
        &[],
        "JSON(value)",
        "What a text holds as JSON, where that is an object or a list; of other values their JSON text.",
        (1, 1),
        |context, values| {
            let read = match &values[0] {
                Value::Text(text) if text.trim_start().starts_with(['{', '[']) => {
                    Value::parse_json(text, context.memory_bytes)?
                }
                _ => None,
            };
            read.map_or_else(|| Ok(Value::text(values[0].to_json_text()?)), Ok)
        },
    ),
    function(
        "TOJSON",
        &["TO JSON"],
        "TOJSON(value)",
        "The value as JSON text.",
        (1, 1),
        |_, values| Ok(Value::text(values[0].to_json_text()?)),
    ),
    function(
        "IS LIKE",
        &[],
        "text LIKE \"A%\"",
        "Whether a text has a form: `%` stands for anything, `_` for one character, whatever the case.",
        (2, 2),
        |context, values| is_like(&values[0], &values[1], &mut context.work).map(Value::Bool),
    ),
    function(
        "CHR",
        &[],
        "CHR(code)",
        "The character of a number: CHR(10) begins a new line.",
        (1, 1),
        chr,
    )
    .constant(),
    function(
        "ASC",
        &[],
        "ASC(text)",
        "The number of the first character.",
        (1, 1),
        |_, values| {
            let first = values[0].to_text()?.chars().next();
            Ok(first.map_or(Value::Null, |first| Value::Integer(i64::from(u32::from(first)))))
        },
    ),
];

fn map_text(value: &Value, change: impl FnOnce(&str) -> String) -> Outcome {
    let changed = match value {
        Value::Text(text) => change(text),
        other => change(&other.to_text()?),
    };
    bounded(changed)
}

/// Capitals can be longer than small letters, so even mapping can make a text too long.
pub(super) fn bounded(text: String) -> Outcome {
    if text.len() > TEXT_BYTES_MAX {
        Err(Fault::text_length())
    } else {
        Ok(Value::text(text))
    }
}

fn len(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let length = match &values[0] {
        Value::Array(array) => array.len(),
        Value::Object(object) => object.len(),
        Value::Text(text) => text.chars().count(),
        other => other.to_text()?.chars().count(),
    };
    Ok(Value::Integer(length as i64))
}

fn chr(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let code = match &values[0] {
        Value::Integer(code) => u32::try_from(*code).ok(),
        Value::Number(code) if code.fract() == 0.0 && (0.0..=1_114_111.0).contains(code) => {
            Some(*code as u32)
        }
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let character = code.and_then(char::from_u32);
    let character = character.ok_or_else(|| Fault::argument("CHR needs the number of a character"))?;
    Ok(Value::text(character.to_string()))
}

fn left(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let count = count(&values[1], "LEFT")?;
    map_text(&values[0], |text| text.chars().take(count).collect())
}

fn right(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let count = count(&values[1], "RIGHT")?;
    map_text(&values[0], |text| {
        let skipped = text.chars().count().saturating_sub(count);
        text.chars().skip(skipped).collect()
    })
}

/// A start before the text begins means its beginning; a missing count means all the rest.
fn mid(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let skipped = whole(&values[1], "MID")?.saturating_sub(1).max(0) as usize;
    let count = match values.get(2) {
        Some(value) => count(value, "MID")?,
        None => usize::MAX,
    };
    map_text(&values[0], |text| {
        text.chars().skip(skipped).take(count).collect()
    })
}

fn replace(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (text, old, new) = (values[0].to_text()?, values[1].to_text()?, values[2].to_text()?);
    if old.is_empty() {
        return Ok(Value::text(text));
    }
    // Found out before it is built: a short text can become enormous.
    let found = text.matches(&old).count();
    let grown = (text.len() - found * old.len()).saturating_add(found.saturating_mul(new.len()));
    if grown > TEXT_BYTES_MAX {
        Err(Fault::text_length())
    } else {
        Ok(Value::text(text.replace(&old, &new)))
    }
}

/// `INSTR(text, part)` or `INSTR(start, text, part)`.
fn instr(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (start, at) = if values.len() == 3 {
        (whole(&values[0], "INSTR")?.max(1) as usize, 1)
    } else {
        (1, 0)
    };
    let (text, part) = (values[at].to_text()?, values[at + 1].to_text()?);
    let Some((skipped, _)) = text.char_indices().chain([(text.len(), ' ')]).nth(start - 1) else {
        return Ok(Value::Integer(0));
    };
    let found = text[skipped..]
        .find(&part)
        .map(|offset| text[..skipped + offset].chars().count() + 1);
    Ok(Value::Integer(found.unwrap_or(0) as i64))
}

/// Without a separator, at commas. An empty separator gives the characters.
fn split(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let text = values[0].to_text()?;
    let separator = values.get(1).map_or(Ok(",".to_owned()), Value::to_text)?;
    if text.is_empty() {
        return Ok(Value::Array(Array::default()));
    }
    // One more than allowed is taken, so that the array itself refuses.
    let parts: Vec<Value> = if separator.is_empty() {
        text.chars().take(ITEMS_MAX + 1).map(Value::text).collect()
    } else {
        text.split(&separator)
            .take(ITEMS_MAX + 1)
            .map(Value::text)
            .collect()
    };
    Array::from_values(parts).map(Value::Array)
}

fn join(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    if values.len() == 3 {
        return tables::join(context, values);
    }
    let separator = values.get(1).cloned().unwrap_or_else(|| Value::text(","));
    let Value::Array(array) = &values[0] else {
        return Ok(Value::text(values[0].to_text()?));
    };
    let mut text = String::new();
    for (at, item) in array.iter().enumerate() {
        if at > 0 {
            separator.write_to(&mut text)?;
        }
        item.write_to(&mut text)?;
    }
    Ok(Value::text(text))
}

fn concat(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let mut text = String::new();
    for value in values {
        value.write_to(&mut text)?;
    }
    Ok(Value::text(text))
}

/// A whole number, as positions and counts are.
pub(super) fn whole(value: &Value, function: &str) -> Result<i64, Fault> {
    let number = match value {
        Value::Text(text) => parse_number(text),
        Value::Bool(value) => Some(Value::Integer((*value).into())),
        other => Some(other.clone()),
    };
    match number {
        Some(Value::Integer(number)) => Ok(number),
        // Saturates at the ends of the range.
        Some(Value::Number(number)) => Ok(number as i64),
        _ => Err(Fault::argument(format!(
            "{function} needs a whole number, not a value of type {}",
            value.type_name()
        ))),
    }
}

/// How many: negative numbers count as none.
fn count(value: &Value, function: &str) -> Result<usize, Fault> {
    Ok(usize::try_from(whole(value, function)?.max(0)).unwrap_or(usize::MAX))
}
