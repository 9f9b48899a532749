//! Functions that choose, and that ask what a value is.

use super::texts::whole;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::Value;

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
];

fn choose(_: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    let number = usize::try_from(whole(&values[0], "CHOOSE")?).unwrap_or(0);
    Ok(if number == 0 {
        Value::Null
    } else {
        values.get_mut(number).map(std::mem::take).unwrap_or_default()
    })
}
