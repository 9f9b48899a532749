//! Functions of analysis: angles in radians, logarithms, the exponential.

use super::maths::{fraction, narrowed};
use super::{Word, function};
use crate::machine::Fault;
use crate::value::Value;

const fn curve(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    help: &'static str,
    call: super::Call,
) -> Word {
    function(name, aliases, form, help, (1, 1), call).constant()
}

pub(super) const WORDS: &[Word] = &[
    curve(
        "SIN",
        &[],
        "SIN(angle)",
        "The sine of an angle in radians.",
        |_, values| of(values, "SIN", f64::sin),
    ),
    curve(
        "COS",
        &[],
        "COS(angle)",
        "The cosine of an angle in radians.",
        |_, values| of(values, "COS", f64::cos),
    ),
    curve(
        "TAN",
        &[],
        "TAN(angle)",
        "The tangent of an angle in radians.",
        |_, values| of(values, "TAN", f64::tan),
    ),
    curve(
        "ASIN",
        &[],
        "ASIN(number)",
        "The angle of a sine, in radians.",
        |_, values| within_one(values, "ASIN", f64::asin),
    ),
    curve(
        "ACOS",
        &[],
        "ACOS(number)",
        "The angle of a cosine, in radians.",
        |_, values| within_one(values, "ACOS", f64::acos),
    ),
    curve(
        "ATAN",
        &["ATN"],
        "ATAN(number)",
        "The angle of a tangent, in radians.",
        |_, values| of(values, "ATAN", f64::atan),
    ),
    curve(
        "LOG",
        &["LN"],
        "LOG(number)",
        "The natural logarithm.",
        |_, values| above_zero(values, "LOG", f64::ln),
    ),
    curve(
        "LOG10",
        &[],
        "LOG10(number)",
        "The logarithm to base 10.",
        |_, values| above_zero(values, "LOG10", f64::log10),
    ),
    curve(
        "EXP",
        &[],
        "EXP(number)",
        "2.71828… to this power.",
        |_, values| of(values, "EXP", f64::exp),
    ),
];

fn of(values: &[Value], function: &str, curve: fn(f64) -> f64) -> Result<Value, Fault> {
    narrowed(curve(fraction(&values[0], function)?))
}

fn within_one(values: &[Value], function: &str, curve: fn(f64) -> f64) -> Result<Value, Fault> {
    if fraction(&values[0], function)?.abs() > 1.0 {
        return Err(Fault::argument(format!("{function} needs a number from -1 to 1")));
    }
    of(values, function, curve)
}

fn above_zero(values: &[Value], function: &str, curve: fn(f64) -> f64) -> Result<Value, Fault> {
    if fraction(&values[0], function)? <= 0.0 {
        return Err(Fault::argument(format!("{function} needs a number above 0")));
    }
    of(values, function, curve)
}
