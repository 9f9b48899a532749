//! Functions that choose, and that ask what a value is.

use super::texts::whole;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Value, equal};

pub(super) const WORDS: &[Word] = &[
    function(
        "IIF",
        &[],
        "IIF(condition, yes, no)",
        "One of two values. Both are computed.",
        (3, 3),
        |_, values| {
            let chosen = if values[0].is_truthy() { 1 } else { 2 };
            Ok(std::mem::take(&mut values[chosen]))
        },
    )
    .constant(),
    function(
        "CHOOSE",
        &[],
        "CHOOSE(number, first, second, …)",
        "The value of that number, from 1.",
        (2, 255),
        choose,
    )
    .constant(),
    function(
        "COALESCE",
        &["NVL", "IFNULL"],
        "COALESCE(a, b, …)",
        "The first value that is not null.",
        (1, 255),
        |_, values| {
            Ok(values
                .iter_mut()
                .find(|value| **value != Value::Null)
                .map(std::mem::take)
                .unwrap_or_default())
        },
    )
    .constant(),
    function(
        "ISNULL",
        &["IS NULL"],
        "ISNULL(value)",
        "Whether it is null.",
        (1, 1),
        |_, values| Ok(Value::Bool(values[0] == Value::Null)),
    )
    .constant(),
    function(
        "ISEMPTY",
        &["IS EMPTY"],
        "ISEMPTY(value)",
        "Whether it is null or has nothing in it.",
        (1, 1),
        |_, values| {
            Ok(Value::Bool(match &values[0] {
                Value::Null => true,
                Value::Text(text) => text.trim().is_empty(),
                Value::Array(array) => array.is_empty(),
                Value::Object(object) => object.is_empty(),
                _ => false,
            }))
        },
    ),
    function(
        "TYPEOF",
        &["TYPENAME"],
        "TYPEOF(value)",
        "The name of its type.",
        (1, 1),
        |_, values| Ok(Value::text(values[0].type_name())),
    )
    .constant(),
    asks(
        "IS STRING",
        &["ISSTRING"],
        "IS_STRING(value)",
        "Whether it is a text.",
        |_, values| Ok(Value::Bool(matches!(values[0], Value::Text(_)))),
    ),
    asks(
        "IS NUMBER",
        &["ISNUMBER"],
        "IS_NUMBER(value)",
        "Whether it is a number.",
        |_, values| {
            Ok(Value::Bool(matches!(
                values[0],
                Value::Integer(_) | Value::Number(_)
            )))
        },
    ),
    asks(
        "IS BOOL",
        &["ISBOOL", "IS BOOLEAN", "ISBOOLEAN"],
        "IS_BOOL(value)",
        "Whether it is TRUE or FALSE.",
        |_, values| Ok(Value::Bool(matches!(values[0], Value::Bool(_)))),
    ),
    asks(
        "IS ARRAY",
        &["ISARRAY"],
        "IS_ARRAY(value)",
        "Whether it is an array.",
        |_, values| Ok(Value::Bool(matches!(values[0], Value::Array(_)))),
    ),
    asks(
        "IS OBJECT",
        &["ISOBJECT"],
        "IS_OBJECT(value)",
        "Whether it is an object.",
        |_, values| Ok(Value::Bool(matches!(values[0], Value::Object(_)))),
    ),
    asks(
        "IS ERROR",
        &["ISERROR"],
        "IS_ERROR(value)",
        "Whether it is a result that says what went wrong in its field `error`.",
        |_, values| {
            let failed = match &values[0] {
                Value::Object(object) => object.member("error").is_some_and(Value::is_truthy),
                _ => false,
            };
            Ok(Value::Bool(failed))
        },
    ),
    function(
        "AND",
        &[],
        "AND(a, b, …)",
        "Whether all hold.",
        (1, 255),
        |_, values| Ok(Value::Bool(values.iter().all(Value::is_truthy))),
    )
    .constant(),
    function(
        "OR",
        &[],
        "OR(a, b, …)",
        "Whether one holds.",
        (1, 255),
        |_, values| Ok(Value::Bool(values.iter().any(Value::is_truthy))),
    )
    .constant(),
    function(
        "SWITCH FUNC",
        &[],
        "SWITCH_FUNC(value, case, result, …, otherwise)",
        "The result that stands after the case that equals the value.",
        (3, 255),
        switch,
    ),
];

const fn asks(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    help: &'static str,
    call: super::Call,
) -> Word {
    function(name, aliases, form, help, (1, 1), call).constant()
}

/// Without a fitting case: what stands alone at the end, else null.
fn switch(_: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    let (value, cases) = values.split_at_mut(1);
    for pair in cases.chunks_mut(2) {
        match pair {
            [case, result] if equal(&value[0], case) => return Ok(std::mem::take(result)),
            [otherwise] => return Ok(std::mem::take(otherwise)),
            _ => {}
        }
    }
    Ok(Value::Null)
}

fn choose(_: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    let number = usize::try_from(whole(&values[0], "CHOOSE")?).unwrap_or(0);
    Ok(if number == 0 {
        Value::Null
    } else {
        values.get_mut(number).map(std::mem::take).unwrap_or_default()
    })
}
