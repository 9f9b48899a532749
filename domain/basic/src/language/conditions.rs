//! Conditions, as FILTER and FIND take them: in texts, `status = 'open' AND total > 10`, and as the compiler makes them.
//!
//! A condition that a script puts together from parts stands in its program as a text with holes and the values that
//! belong there. Only the text is read as a condition, so that no value changes what it means.

mod assignments;
mod parser;

use std::cmp::Ordering;

use crate::machine::Fault;
use crate::value::{Value, compare, equal, get_member};

/// Bytes that one call compares at most: a second or so.
const WORK_MAX: u64 = 1 << 28;
/// Bytes that are compared in about the time of a step of the machine.
const WORK_PER_STEP: u64 = 64;

/// Bytes that one condition takes at most, with the values that were put into its texts: more than anybody writes.
const BYTES_MAX: usize = 16 << 20;

/// A condition that rows meet or not.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Either(Vec<Condition>),
    Both(Vec<Condition>),
    Not(Box<Condition>),
    Compared {
        field: String,
        comparison: Comparison,
        value: Value,
    },
    OneOf {
        field: String,
        values: Vec<Value>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `%` stands for anything, `_` for one character, whatever the case.
    Like,
    Contains,
    IsNull,
}

/// Stands in a text for the value of this number.
pub(crate) fn hole(number: usize) -> char {
    u32::try_from(number)
        .ok()
        .and_then(|number| char::from_u32(FIRST_HOLE.saturating_add(number)))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Of a plane that no text uses.
const FIRST_HOLE: u32 = 0xF_0000;

/// Conditions in conditions, as the compiler nests them.
const DEPTH_MAX: usize = 128;

impl Condition {
    pub(crate) fn parse(text: &str) -> Result<Condition, Fault> {
        parser::parse(text, &[], &mut Room::new())
    }

    /// Reads a condition from a text; an error says what is wrong with it.
    pub fn read(text: &str) -> Result<Condition, String> {
        Condition::parse(text).map_err(|fault| fault.message)
    }

    /// Field and value are equal.
    pub fn equals(field: impl Into<String>, value: Value) -> Condition {
        Condition::Compared {
            field: field.into(),
            comparison: Comparison::Equal,
            value,
        }
    }

    /// A condition as scripts give it: a text, or what the compiler made of one.
    pub(crate) fn of(value: &Value) -> Result<Condition, Fault> {
        Condition::within(value, 0, &mut Room::new())
    }

    fn within(value: &Value, depth: usize, room: &mut Room) -> Result<Condition, Fault> {
        let unclear = || Fault::argument("a condition is a text such as status = 'open'");
        if depth > DEPTH_MAX {
            return Err(unclear());
        }
        room.take(size_of::<Condition>())?;
        let list = match value {
            Value::Array(list) => list.as_slice(),
            Value::Text(text) => return parser::parse(text, &[], room),
            Value::Object(fields) => {
                let equal = |(name, value): (&str, &Value)| Condition::equals(name, value.clone());
                return Ok(Condition::Both(fields.iter().map(equal).collect()));
            }
            _ => return Err(unclear()),
        };
        let [Value::Text(sign), operands @ ..] = list else {
            return Err(unclear());
        };
        let mut all = |operands: &[Value]| -> Result<Vec<Condition>, Fault> {
            operands
                .iter()
                .map(|operand| Condition::within(operand, depth + 1, room))
                .collect()
        };
        let compared = |field: &Value, comparison, value: &Value| -> Result<Condition, Fault> {
            Ok(Condition::Compared {
                field: field.to_text()?,
                comparison,
                value: value.clone(),
            })
        };
        match (sign.as_str(), operands) {
            ("text", [Value::Text(text), Value::Array(values)]) => {
                parser::parse(text, values.as_slice(), room)
            }
            ("or", operands) => Ok(Condition::Either(all(operands)?)),
            ("and", operands) => Ok(Condition::Both(all(operands)?)),
            ("not", [operand]) => Ok(Condition::Not(Box::new(Condition::within(
                operand,
                depth + 1,
                room,
            )?))),
            ("null", [field]) => compared(field, Comparison::IsNull, &Value::Null),
            ("in", [field, values]) => Ok(Condition::OneOf {
                field: field.to_text()?,
                values: one_of(values),
            }),
            ("between", [field, low, high]) => Ok(Condition::Both(vec![
                compared(field, Comparison::GreaterOrEqual, low)?,
                compared(field, Comparison::LessOrEqual, high)?,
            ])),
            (sign, [field, value]) => compared(field, Comparison::of(sign).ok_or_else(unclear)?, value),
            _ => Err(unclear()),
        }
    }

    pub(crate) fn holds(&self, row: &Value, work: &mut Work) -> Result<bool, Fault> {
        // A condition may join very many that compare nothing.
        work.spend(1)?;
        match self {
            Condition::Either(conditions) => {
                for condition in conditions {
                    if condition.holds(row, work)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Both(conditions) => {
                for condition in conditions {
                    if !condition.holds(row, work)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Not(condition) => Ok(!condition.holds(row, work)?),
            Condition::Compared {
                field,
                comparison,
                value,
            } => comparison.holds(&field_of(row, field, work)?, value, work),
            Condition::OneOf { field, values } => {
                let found = field_of(row, field, work)?;
                work.spend(size(&found).saturating_mul(values.len() as u64))?;
                Ok(values.iter().any(|value| equal(&found, value)))
            }
        }
    }
}

/// `IN list` means the items of the list.
fn one_of(values: &Value) -> Vec<Value> {
    match values {
        Value::Array(items) => match items.as_slice() {
            [Value::Array(only)] => only.as_slice().to_vec(),
            items => items.to_vec(),
        },
        other => vec![other.clone()],
    }
}

/// What one call may take: many rows may share one long text, so that their number and size say little of it.
#[derive(Debug)]
pub(crate) struct Work {
    left: u64,
}

impl Work {
    pub fn new() -> Self {
        Self { left: WORK_MAX }
    }

    /// Steps of the machine in whose time that is done which was done so far.
    pub fn steps(&self) -> u64 {
        (WORK_MAX - self.left) / WORK_PER_STEP
    }

    pub fn spend(&mut self, bytes: u64) -> Result<(), Fault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| Fault::argument("this is too much work for one call; take the array in parts"))?;
        Ok(())
    }
}

/// What one condition may take, however many texts it is read from: a value may be put in again and again.
struct Room {
    left: usize,
}

impl Room {
    fn new() -> Room {
        Room { left: BYTES_MAX }
    }

    fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Fault::argument("the condition is too long, with the values that are put into it")
        })?;
        Ok(())
    }

    /// For a value as text.
    fn take_text(&mut self, value: &Value) -> Result<(), Fault> {
        self.take(usize::try_from(value.weight()).unwrap_or(usize::MAX))
    }
}

/// Bytes that are gone through, of which a number has some too.
fn size(value: &Value) -> u64 {
    value.weight().max(16)
}

/// A field, or a field of a field: `customer.city`.
pub(super) fn field_of(row: &Value, path: &str, work: &mut Work) -> Result<Value, Fault> {
    // Following a part of the path takes longer than comparing as many bytes.
    work.spend(path.len() as u64 * 8)?;
    let mut parts = path.split('.');
    let first = get_member(row, parts.next().unwrap_or_default());
    Ok(parts.fold(first, |value, part| get_member(&value, part)))
}

impl Comparison {
    fn of(sign: &str) -> Option<Comparison> {
        Some(match sign {
            "=" => Comparison::Equal,
            "<>" => Comparison::Unequal,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "like" => Comparison::Like,
            "contains" => Comparison::Contains,
            _ => return None,
        })
    }

    fn holds(self, found: &Value, value: &Value, work: &mut Work) -> Result<bool, Fault> {
        let (found_size, value_size) = (size(found), size(value));
        work.spend(match self {
            // Each place of the text may be tried with the whole pattern.
            Comparison::Like => found_size.saturating_mul(value_size),
            _ => found_size.saturating_add(value_size),
        })?;
        let order = || compare(found, value);
        Ok(match self {
            Comparison::Equal => equal(found, value),
            Comparison::Unequal => !equal(found, value),
            Comparison::Less => order() == Some(Ordering::Less),
            Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
            Comparison::Greater => order() == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Comparison::Like => like(&lower(found), &lower(value)),
            Comparison::Contains => match found {
                Value::Array(array) => array.position_of(value).is_some(),
                other => lower(other).contains(&lower(value)),
            },
            Comparison::IsNull => *found == Value::Null,
        })
    }
}

fn lower(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        other => other.to_text().unwrap_or_default().to_lowercase(),
    }
}

/// Whether a value has the form of a pattern.
pub(super) fn is_like(value: &Value, pattern: &Value, work: &mut Work) -> Result<bool, Fault> {
    Comparison::Like.holds(value, pattern, work)
}

/// Without going back further than the last `%`, so that no pattern takes long.
fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut t, mut p) = (0, 0);
    let mut last_wild = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '%' {
            last_wild = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '_' || pattern[p] == text[t]) {
            (t, p) = (t + 1, p + 1);
        } else if let Some((wild, from)) = last_wild {
            last_wild = Some((wild, from + 1));
            (t, p) = (from + 1, wild + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '%')
}
