//! Values of a running script.
//!
//! Invariants:
//! 1. A value takes 16 bytes; copying one is cheap, and changing a copy never changes the original.
//! 2. There are no cycles, and nothing nests deeper than [`NESTING_MAX`], so that dropping, printing and
//!    storing may recurse.
//! 3. Every value knows its logical weight without walking: what it would take if nothing were shared.
//! 4. A `Number` is finite.

mod array;
mod codec;
mod convert;
mod json;
mod object;
mod operators;
mod path;

pub use array::Array;
pub(crate) use array::ITEM_WEIGHT;
pub use object::Object;

pub(crate) use codec::{Decoder, Encoder, SHARED_FROM};
pub(crate) use convert::{parse_date, parse_moment, parse_number};
pub(crate) use operators::{DIGITS_MAX, Operator, apply, compare, equal, increment, negate, push_integer};
pub(crate) use path::{Key, get_index, get_member, set_path};

use chrono::{DateTime, NaiveDate, Utc};
use triomphe::Arc;

/// Deepest nesting of arrays and objects.
pub(crate) const NESTING_MAX: u8 = 100;
/// Longest text, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 10 << 20;
/// Most items in an array or fields in an object.
pub(crate) const ITEMS_MAX: usize = 1_000_000;
/// What the header of a text, array or object is taken to weigh.
const HEADER_WEIGHT: u64 = 32;

/// A value of a running script.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    /// Finite.
    Number(f64),
    Date(NaiveDate),
    Moment(DateTime<Utc>),
    // Those with weight come last, so that one comparison tells them.
    Text(Arc<String>),
    Array(Array),
    Object(Object),
}

const _: () = assert!(size_of::<Value>() == 16);

impl Value {
    pub fn text(text: impl Into<String>) -> Value {
        Value::Text(Arc::new(text.into()))
    }

    /// A number as a value: whole numbers of moderate size become integers.
    pub(crate) fn number(number: f64) -> Result<Value, crate::machine::Fault> {
        if number.is_nan() {
            let message = "no number is the result of this, as of the root of a negative number";
            Err(crate::machine::Fault::argument(message))
        } else if number.is_finite() {
            Ok(Value::Number(number))
        } else {
            Err(crate::machine::Fault::number_range())
        }
    }

    /// Bytes this value would take if nothing were shared, beyond the 16 of the value itself.
    pub fn weight(&self) -> u64 {
        match self {
            Value::Text(text) => HEADER_WEIGHT + text.len() as u64,
            Value::Array(array) => array.weight(),
            Value::Object(object) => object.weight(),
            _ => 0,
        }
    }

    /// How deep arrays and objects nest in this value, at most: 0 for anything else.
    pub(crate) fn depth(&self) -> u8 {
        match self {
            Value::Array(array) => array.depth(),
            Value::Object(object) => object.depth(),
            _ => 0,
        }
    }

    /// What a condition makes of the value: nothing, zero and everything empty are false.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Integer(value) => *value != 0,
            Value::Number(value) => *value != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Array(array) => !array.is_empty(),
            Value::Object(object) => !object.is_empty(),
            Value::Date(_) | Value::Moment(_) => true,
        }
    }

    /// The type as scripts see it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Integer(_) => "integer",
            Value::Number(_) => "number",
            Value::Text(_) => "string",
            Value::Date(_) => "date",
            Value::Moment(_) => "datetime",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::text(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::text(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}
