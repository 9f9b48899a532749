//! What can go wrong while a script runs. A code keeps its meaning for ever.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::value::{Key, NESTING_MAX, Operator, Value};

/// An error that ended a script, at the place in the source where it happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message} (line {line}, {code})")]
pub struct RuntimeError {
    /// Stable: `R` and four digits. `R01…` are limits, `R02…` mistakes of the script, `R09…` of the host.
    pub code: String,
    pub message: String,
    /// Counted from 1; 0 where the source is not known.
    pub line: u32,
    pub column: u32,
}

/// An error that does not know its place yet.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub code: &'static str,
    pub message: String,
}

impl Fault {
    fn new(code: &'static str, message: impl Into<String>) -> Fault {
        Fault {
            code,
            message: message.into(),
        }
    }

    pub fn at(self, line: u32, column: u32) -> RuntimeError {
        RuntimeError {
            code: self.code.to_owned(),
            message: self.message,
            line,
            column,
        }
    }

    // Limits.

    pub fn steps(limit: u64) -> Fault {
        Fault::new(
            "R0101",
            format!("the script did not come to an end within {limit} steps; is there an endless loop?"),
        )
    }

    pub fn memory(limit: u64) -> Fault {
        Fault::new(
            "R0102",
            format!("the values of the script need more than {} MiB", limit >> 20),
        )
    }

    pub fn depth(limit: u32) -> Fault {
        Fault::new(
            "R0103",
            format!(
                "procedures call each other more than {limit} levels deep; does one call itself for ever?"
            ),
        )
    }

    pub fn output_bytes(limit: u64) -> Fault {
        Fault::new(
            "R0104",
            format!("the script says more than {} KiB in one turn", limit >> 10),
        )
    }

    pub fn outputs(limit: u32) -> Fault {
        Fault::new(
            "R0105",
            format!("the script sends more than {limit} messages in one turn"),
        )
    }

    pub fn nesting() -> Fault {
        Fault::new(
            "R0106",
            format!("arrays and objects are nested more than {NESTING_MAX} levels deep"),
        )
    }

    pub fn text_length() -> Fault {
        Fault::new("R0107", "a text is longer than 10 MB")
    }

    pub fn array_length() -> Fault {
        Fault::new("R0108", "an array or object has more than 1000000 items")
    }

    // Mistakes of the script.

    pub fn operands(operator: Operator, left: &Value, right: &Value) -> Fault {
        let sign = match operator {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
            Operator::Remainder => "MOD",
            _ => "^",
        };
        Fault::new(
            "R0201",
            format!(
                "{sign} needs two numbers, not {} and {}",
                named(left),
                named(right)
            ),
        )
    }

    pub fn negation(value: &Value) -> Fault {
        Fault::new("R0201", format!("cannot take the negative of {}", named(value)))
    }

    pub fn division_by_zero() -> Fault {
        Fault::new("R0202", "division by zero")
    }

    pub fn index(key: &Key<'_>) -> Fault {
        let message = match key {
            Key::Member(name) => {
                format!("an array has no field .{name}; its items are numbered: [0], [1], …")
            }
            Key::Index(index) => format!("{} is no place in an array; places count from 0", named(index)),
        };
        Fault::new("R0203", message)
    }

    pub fn no_parts(value: &Value) -> Fault {
        Fault::new(
            "R0203",
            format!("{} has no parts that could be set", named(value)),
        )
    }

    /// Something is wrong with an argument. `message` is a whole sentence.
    pub fn argument(message: impl Into<String>) -> Fault {
        Fault::new("R0204", message)
    }

    pub fn number_range() -> Fault {
        Fault::new("R0205", "the result is too large for a number")
    }

    pub fn loop_step() -> Fault {
        Fault::new("R0206", "STEP is 0, so the loop would never end")
    }

    pub fn loop_bounds(value: &Value) -> Fault {
        Fault::new(
            "R0207",
            format!("FOR counts with numbers, not with {}", named(value)),
        )
    }

    /// What THROW and ASSERT say.
    pub fn thrown(message: impl Into<String>) -> Fault {
        Fault::new("R0208", message)
    }

    pub fn script(name: &str) -> Fault {
        Fault::new(
            "R0209",
            format!("the bot has no script `{name}` that could be called"),
        )
    }

    pub fn script_arguments(name: &str, takes: usize) -> Fault {
        let message = match takes {
            0 => format!("the script `{name}` has no parameters"),
            1 => format!("the script `{name}` has no more than 1 parameter"),
            _ => format!("the script `{name}` has no more than {takes} parameters"),
        };
        Fault::new("R0210", message)
    }

    /// What the host refuses, as it says it.
    pub fn refused(refusal: &Refusal) -> Fault {
        Fault::new("R0211", format!("{} ({})", refusal.message, refusal.code))
    }

    /// Whether a script may go on after it: limits and mistakes of the host end it in any case.
    pub fn catchable(&self) -> bool {
        self.code.starts_with("R02")
    }

    // Mistakes of the host.

    pub fn program() -> Fault {
        Fault::new("R0901", "the compiled program is damaged")
    }

    pub fn input() -> Fault {
        Fault::new("R0902", "the machine was given something it did not wait for")
    }
}

/// A value as an error mentions it: never long, never the whole of what a user wrote.
fn named(value: &Value) -> String {
    match value {
        Value::Text(text) if text.chars().count() <= 20 => format!("the text \"{text}\""),
        Value::Text(_) => "a text".to_owned(),
        Value::Integer(_) | Value::Number(_) => format!("the number {value}"),
        Value::Array(_) | Value::Object(_) => format!("an {}", value.type_name()),
        Value::Null => "nothing".to_owned(),
        other => format!("a {}", other.type_name()),
    }
}
