//! Operators on values.
//!
//! Whole numbers stay whole while they fit and become fractions when they do not. Where one side of an
//! arithmetic operator is a text that spells a number, it counts as that number; `+` with a text joins.
//! Null is 0 in arithmetic and empty in texts.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use triomphe::Arc;

use super::{Array, TEXT_BYTES_MAX, Value, parse_date, parse_moment, parse_number};
use crate::machine::Fault;

/// Stored in programs: append only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Join,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Whether it puts texts together.
    pub fn joins_texts(self) -> bool {
        matches!(self, Operator::Add | Operator::Join)
    }
}

/// Takes the left side by value, so that a text or array that nobody else holds is extended in place.
pub(crate) fn apply(operator: Operator, left: Value, right: &Value) -> Result<Value, Fault> {
    match operator {
        Operator::Add => add(left, right),
        Operator::Join => join(left, right),
        Operator::Equal => Ok(Value::Bool(equal(&left, right))),
        Operator::NotEqual => Ok(Value::Bool(!equal(&left, right))),
        Operator::Less => Ok(Value::Bool(compare(&left, right) == Some(Ordering::Less))),
        Operator::LessOrEqual => Ok(Value::Bool(matches!(
            compare(&left, right),
            Some(Ordering::Less | Ordering::Equal)
        ))),
        Operator::Greater => Ok(Value::Bool(compare(&left, right) == Some(Ordering::Greater))),
        Operator::GreaterOrEqual => Ok(Value::Bool(matches!(
            compare(&left, right),
            Some(Ordering::Greater | Ordering::Equal)
        ))),
        _ => arithmetic(operator, &left, right),
    }
}

fn add(left: Value, right: &Value) -> Result<Value, Fault> {
    match (left, right) {
        (left @ Value::Text(_), _) => join(left, right),
        (left, Value::Text(_)) => join(left, right),
        (Value::Array(mut left), Value::Array(right)) => {
            right.iter().try_for_each(|item| left.push(item.clone()))?;
            Ok(Value::Array(left))
        }
        (left @ (Value::Array(_) | Value::Object(_) | Value::Date(_) | Value::Moment(_)), _) => {
            join(left, right)
        }
        (left, Value::Array(_) | Value::Object(_) | Value::Date(_) | Value::Moment(_)) => join(left, right),
        (left, right) => arithmetic(Operator::Add, &left, right),
    }
}

/// The two values as one text.
fn join(left: Value, right: &Value) -> Result<Value, Fault> {
    let mut text = match left {
        Value::Text(text) => text,
        other => Arc::new(other.to_text()?),
    };
    let written = Arc::make_mut(&mut text);
    match right {
        Value::Text(more) if written.len() + more.len() <= TEXT_BYTES_MAX => written.push_str(more),
        Value::Integer(number) if written.len() + DIGITS_MAX <= TEXT_BYTES_MAX => {
            push_integer(written, *number);
        }
        other => other.write_to(written)?,
    }
    Ok(Value::Text(text))
}

/// Of a whole number, with its sign.
pub(crate) const DIGITS_MAX: usize = 20;

/// Appends a whole number as TALK shows it.
pub(crate) fn push_integer(text: &mut String, number: i64) {
    let mut digits = [0; DIGITS_MAX];
    let (mut at, mut rest) = (DIGITS_MAX, number.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        at -= 1;
        digits[at] = b'-';
    }
    text.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Fraction(f64),
}

impl Number {
    fn of(value: &Value) -> Option<Number> {
        match value {
            Value::Integer(value) => Some(Number::Whole(*value)),
            Value::Number(value) => Some(Number::Fraction(*value)),
            Value::Bool(value) => Some(Number::Whole((*value).into())),
            Value::Null => Some(Number::Whole(0)),
            Value::Text(text) => Number::of(&parse_number(text)?),
            _ => None,
        }
    }

    fn as_f64(self) -> f64 {
        match self {
            Number::Whole(value) => value as f64,
            Number::Fraction(value) => value,
        }
    }
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Result<Value, Fault> {
    let (Some(a), Some(b)) = (Number::of(left), Number::of(right)) else {
        return Err(Fault::operands(operator, left, right));
    };
    if matches!(operator, Operator::Divide | Operator::Remainder) && b.as_f64() == 0.0 {
        return Err(Fault::division_by_zero());
    }
    if let (Number::Whole(a), Number::Whole(b)) = (a, b)
        && let Some(exact) = whole(operator, a, b)
    {
        return Ok(Value::Integer(exact));
    }
    let (a, b) = (a.as_f64(), b.as_f64());
    Value::number(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
        _ => a.powf(b),
    })
}

/// The result, where it is a whole number that fits.
fn whole(operator: Operator, a: i64, b: i64) -> Option<i64> {
    match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide => (a.checked_rem(b)? == 0).then(|| a.checked_div(b))?,
        Operator::Remainder => a.checked_rem(b),
        Operator::Power => a.checked_pow(u32::try_from(b).ok()?),
        _ => None,
    }
}

pub(crate) fn negate(value: &Value) -> Result<Value, Fault> {
    match Number::of(value) {
        Some(Number::Whole(whole)) => match whole.checked_neg() {
            Some(negated) => Ok(Value::Integer(negated)),
            None => Value::number(-(whole as f64)),
        },
        Some(Number::Fraction(fraction)) => Value::number(-fraction),
        None => Err(Fault::negation(value)),
    }
}

/// A loop's counter one step on; absent where it would leave the whole numbers.
pub(crate) fn increment(counter: &Value, step: &Value) -> Result<Option<Value>, Fault> {
    if let (Value::Integer(counter), Value::Integer(step)) = (counter, step) {
        return Ok(counter.checked_add(*step).map(Value::Integer));
    }
    // A loop that was jumped into never had its step, nor an end.
    if *step == Value::Null {
        return Ok(None);
    }
    arithmetic(Operator::Add, counter, step).map(Some)
}

/// Whether `=` holds. A missing value equals the empty text: scripts test fields that way.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Null, Value::Text(text)) | (Value::Text(text), Value::Null) => text.is_empty(),
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Bool(a), Value::Text(text)) | (Value::Text(text), Value::Bool(a)) => {
            text.eq_ignore_ascii_case(if *a { "true" } else { "false" })
        }
        (Value::Array(a), Value::Array(b)) => a == b,
        (Value::Object(a), Value::Object(b)) => a == b,
        (Value::Object(file), Value::Text(text)) | (Value::Text(text), Value::Object(file)) => {
            file.file_name() == Some(text.as_str())
        }
        _ => compare(left, right) == Some(Ordering::Equal),
    }
}

/// How two values are ordered; absent where they are not, which makes every comparison false.
pub(crate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.as_str().cmp(b.as_str())),
        (Value::Null, Value::Text(b)) => Some("".cmp(b.as_str())),
        (Value::Text(a), Value::Null) => Some(a.as_str().cmp("")),
        (Value::Date(a), _) => Some(a.cmp(&date_of(right)?)),
        (_, Value::Date(b)) => Some(date_of(left)?.cmp(b)),
        (Value::Moment(a), Value::Moment(b)) => Some(a.cmp(b)),
        (Value::Moment(a), Value::Text(b)) => Some(a.cmp(&parse_moment(b).or_else(|| midnight(b))?)),
        (Value::Text(a), Value::Moment(b)) => Some(parse_moment(a).or_else(|| midnight(a))?.cmp(b)),
        _ => Number::of(left)?
            .as_f64()
            .partial_cmp(&Number::of(right)?.as_f64()),
    }
}

fn midnight(text: &str) -> Option<chrono::DateTime<chrono::Utc>> {
    Some(parse_date(text)?.and_hms_opt(0, 0, 0)?.and_utc())
}

fn date_of(value: &Value) -> Option<chrono::NaiveDate> {
    match value {
        Value::Date(date) => Some(*date),
        Value::Moment(moment) => Some(moment.date_naive()),
        Value::Text(text) => parse_date(text),
        _ => None,
    }
}

impl Array {
    /// Whether an item equals `value`, and where the first one stands.
    pub(crate) fn position_of(&self, value: &Value) -> Option<usize> {
        self.iter().position(|item| equal(item, value))
    }
}
