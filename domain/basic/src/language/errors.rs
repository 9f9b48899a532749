//! Raising errors, and asking about the one that was caught.

use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::Value;

pub(super) const WORDS: &[Word] = &[
    function(
        "ERROR",
        &[],
        "ERROR",
        "The error that was caught, or raises one.",
        (0, 1),
        error,
    )
    .bare(),
    function(
        "ERR",
        &["ERR NUMBER"],
        "ERR",
        "The number of the error that was caught, or 0.",
        (0, 0),
        number,
    )
    .bare(),
    function(
        "ERROR MESSAGE",
        &["GET ERROR MESSAGE", "ERR DESCRIPTION"],
        "ERROR MESSAGE",
        "What the error that was caught says.",
        (0, 0),
        message,
    )
    .bare(),
    function(
        "CLEAR ERROR",
        &["ERR CLEAR"],
        "CLEAR ERROR",
        "Forgets the error that was caught.",
        (0, 0),
        clear,
    )
    .bare(),
    function(
        "THROW",
        &["RAISE"],
        "THROW message",
        "Raises an error.",
        (1, 1),
        throw,
    ),
    function(
        "ASSERT",
        &[],
        "ASSERT condition, message",
        "Raises an error unless a condition holds.",
        (1, 2),
        assert,
    ),
];

fn error(context: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    if values.is_empty() {
        let caught = context.error.as_ref();
        Ok(caught.map_or(Value::Bool(false), |error| Value::text(error.message.as_str())))
    } else {
        throw(context, values)
    }
}

fn number(context: &mut Context<'_>, _: &mut [Value]) -> Result<Value, Fault> {
    let code = context
        .error
        .as_ref()
        .and_then(|error| error.code.get(1..)?.parse().ok());
    Ok(Value::Integer(code.unwrap_or(0)))
}

fn message(context: &mut Context<'_>, _: &mut [Value]) -> Result<Value, Fault> {
    let caught = context.error.as_ref();
    Ok(Value::text(caught.map_or("", |error| error.message.as_str())))
}

fn clear(context: &mut Context<'_>, _: &mut [Value]) -> Result<Value, Fault> {
    *context.error = None;
    Ok(Value::Null)
}

fn throw(_: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    Err(Fault::thrown(values[0].to_text()?))
}

fn assert(_: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    if values[0].is_truthy() {
        return Ok(Value::Null);
    }
    let said = values.get(1).map(Value::to_text).transpose()?;
    Err(Fault::thrown(
        said.unwrap_or_else(|| "an assertion does not hold".to_owned()),
    ))
}
