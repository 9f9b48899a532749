//! Functions on numbers. What does not fit a whole number becomes a fraction; what does not fit a
//! fraction either is an error.

use super::conditions::field_of;
use super::texts::whole;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Array, Operator, Value, apply, compare, negate, parse_number};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function("ABS", &[], "ABS(number)", "Without its sign.", (1, 1), abs),
    function(
        "INT",
        &["FLOOR"],
        "INT(number)",
        "The next whole number below.",
        (1, 1),
        |_, values| rounded(&values[0], "INT", f64::floor),
    ),
    function(
        "FIX",
        &[],
        "FIX(number)",
        "The number without its decimals.",
        (1, 1),
        |_, values| rounded(&values[0], "FIX", f64::trunc),
    ),
    function(
        "CEIL",
        &["CEILING"],
        "CEIL(number)",
        "The next whole number above.",
        (1, 1),
        |_, values| rounded(&values[0], "CEIL", f64::ceil),
    ),
    function(
        "ROUND",
        &[],
        "ROUND(number, decimals)",
        "Rounded; halves away from zero.",
        (1, 2),
        round,
    ),
    function(
        "SGN",
        &["SIGN"],
        "SGN(number)",
        "-1, 0 or 1.",
        (1, 1),
        |_, values| {
            let number = fraction(&values[0], "SGN")?;
            Ok(Value::Integer(if number > 0.0 {
                1
            } else if number < 0.0 {
                -1
            } else {
                0
            }))
        },
    ),
    function(
        "SQR",
        &["SQRT"],
        "SQR(number)",
        "The square root.",
        (1, 1),
        |_, values| {
            let number = fraction(&values[0], "SQR")?;
            if number < 0.0 {
                return Err(Fault::argument("SQR needs a number that is not negative"));
            }
            narrowed(number.sqrt())
        },
    ),
    function(
        "POW",
        &["POWER"],
        "POW(base, exponent)",
        "The base to the power of the exponent.",
        (2, 2),
        |_, values| apply(Operator::Power, values[0].clone(), &values[1]),
    ),
    function(
        "MOD",
        &[],
        "MOD(number, divisor)",
        "What is left over by a division.",
        (2, 2),
        |_, values| apply(Operator::Remainder, values[0].clone(), &values[1]),
    ),
    function(
        "MAX",
        &[],
        "MAX(a, b) or MAX(array)",
        "The largest.",
        (1, 255),
        |_, values| Ok(extreme(values, std::cmp::Ordering::Greater)),
    ),
    function(
        "MIN",
        &[],
        "MIN(a, b) or MIN(array)",
        "The smallest.",
        (1, 255),
        |_, values| Ok(extreme(values, std::cmp::Ordering::Less)),
    ),
    function(
        "SUM",
        &[],
        "SUM(array)",
        "All numbers together; SUM(rows, \"price\") those of a field.",
        (1, 255),
        |context, values| {
            of_field(context, values)?;
            sum(values, "SUM")
        },
    ),
    function(
        "PRODUCT",
        &[],
        "PRODUCT(array)",
        "All numbers multiplied; 1 without any.",
        (1, 255),
        |_, values| {
            let mut product = Value::Integer(1);
            for value in items(values) {
                product = apply(Operator::Multiply, product, &number(value, "PRODUCT")?)?;
            }
            Ok(product)
        },
    ),
    function(
        "AVG",
        &["AVERAGE"],
        "AVG(array)",
        "The average of the numbers, or of a field of rows; 0 without any.",
        (1, 255),
        |context, values| {
            of_field(context, values)?;
            let count = items(values).count();
            if count == 0 {
                return Ok(Value::Integer(0));
            }
            apply(
                Operator::Divide,
                sum(values, "AVG")?,
                &Value::Integer(count as i64),
            )
        },
    ),
    function("PI", &[], "PI()", "3.14159…", (0, 0), |_, _| {
        Ok(Value::Number(std::f64::consts::PI))
    })
    .bare(),
    function(
        "RANDOM",
        &[],
        "RANDOM(least, most)",
        "A whole number by chance; RANDOM() is a fraction below 1.",
        (0, 2),
        random,
    )
    .bare(),
    function(
        "RND",
        &[],
        "RND()",
        "A fraction from 0 to below 1 by chance.",
        (0, 1),
        |context, _| Ok(Value::Number(context.random.fraction())),
    )
    .bare(),
    function(
        "VAL",
        &[],
        "VAL(text)",
        "The number at the beginning of a text; 0 without one.",
        (1, 1),
        val,
    ),
    function(
        "CINT",
        &["TOINT"],
        "CINT(value)",
        "The value as a whole number, rounded.",
        (1, 1),
        |_, values| rounded(&number(&values[0], "CINT")?, "CINT", f64::round),
    ),
    function(
        "CDBL",
        &["CFLOAT", "TOFLOAT"],
        "CDBL(value)",
        "The value as a number.",
        (1, 1),
        |_, values| Value::number(fraction(&values[0], "CDBL")?),
    ),
];

/// The value as a number: an integer or a fraction.
fn number(value: &Value, function: &str) -> Outcome {
    let number = match value {
        Value::Integer(_) | Value::Number(_) => Some(value.clone()),
        Value::Bool(value) => Some(Value::Integer((*value).into())),
        Value::Null => Some(Value::Integer(0)),
        Value::Text(text) => parse_number(text),
        _ => None,
    };
    number.ok_or_else(|| {
        Fault::argument(format!(
            "{function} needs a number, not a value of type {}",
            value.type_name()
        ))
    })
}

pub(super) fn fraction(value: &Value, function: &str) -> Result<f64, Fault> {
    match number(value, function)? {
        Value::Integer(number) => Ok(number as f64),
        Value::Number(number) => Ok(number),
        _ => Ok(0.0),
    }
}

/// A whole result as an integer, where it is exact.
pub(super) fn narrowed(number: f64) -> Outcome {
    // 2⁵³: up to here every whole fraction is the number that it shows.
    if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
        return Ok(Value::Integer(number as i64));
    }
    Value::number(number)
}

fn abs(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let number = number(&values[0], "ABS")?;
    if compare(&number, &Value::Integer(0)) == Some(std::cmp::Ordering::Less) {
        negate(&number)
    } else {
        Ok(number)
    }
}

fn rounded(value: &Value, function: &str, round: fn(f64) -> f64) -> Outcome {
    match number(value, function)? {
        Value::Number(number) => narrowed(round(number)),
        whole => Ok(whole),
    }
}

/// Negative decimals round to tens and hundreds.
fn round(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let number = number(&values[0], "ROUND")?;
    let decimals = values
        .get(1)
        .map_or(Ok(0), |value| whole(value, "ROUND"))?
        .clamp(-18, 18) as i32;
    if decimals >= 0 && matches!(number, Value::Integer(_)) {
        return Ok(number);
    }
    let number = fraction(&number, "ROUND")?;
    let scale = 10_f64.powi(decimals);
    // 2.675 is stored a little lower than it reads; rounding the digits that are shown is what people expect.
    let shifted: f64 = format!("{:.11e}", number * scale)
        .parse()
        .unwrap_or(number * scale);
    let exact = shifted.abs() < 1e11;
    let result = if exact {
        shifted.round() / scale
    } else {
        (number * scale).round() / scale
    };
    if decimals <= 0 {
        narrowed(result)
    } else {
        Value::number(result)
    }
}

/// The items of a single array, else the arguments themselves; what is missing is left out.
fn items(values: &[Value]) -> impl Iterator<Item = &Value> {
    let all = match values {
        [Value::Array(array)] | [Value::Array(array), Value::Null] => array.as_slice(),
        other => other,
    };
    all.iter().filter(|value| **value != Value::Null)
}

/// `rows, "price"` becomes the list of that field, and nothing else.
fn of_field(context: &mut Context<'_>, values: &mut [Value]) -> Result<(), Fault> {
    let [Value::Array(rows), Value::Text(field)] = values else {
        return Ok(());
    };
    let found: Result<Vec<Value>, Fault> = rows
        .iter()
        .map(|row| field_of(row, field.trim(), &mut context.work))
        .collect();
    let found = Array::from_values(found?)?;
    values[0] = Value::Array(found);
    values[1] = Value::Null;
    Ok(())
}

fn extreme(values: &[Value], wanted: std::cmp::Ordering) -> Value {
    let best = items(values).reduce(|best, value| {
        if compare(value, best) == Some(wanted) {
            value
        } else {
            best
        }
    });
    best.cloned().unwrap_or_default()
}

fn sum(values: &[Value], function: &str) -> Outcome {
    let mut total = Value::Integer(0);
    for value in items(values) {
        total = apply(Operator::Add, total, &number(value, function)?)?;
    }
    Ok(total)
}

/// `RANDOM()`, `RANDOM(most)` from 0 to below most, `RANDOM(least, most)` with both included.
fn random(context: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    match values {
        [] => Ok(Value::Number(context.random.fraction())),
        [most] => {
            let most = whole(most, "RANDOM")?;
            Ok(Value::Integer(if most < 1 {
                0
            } else {
                context.random.between(0, most - 1)
            }))
        }
        [least, most, ..] => Ok(Value::Integer(
            context
                .random
                .between(whole(least, "RANDOM")?, whole(most, "RANDOM")?),
        )),
    }
}

fn val(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let Value::Text(text) = &values[0] else {
        return number(&values[0], "VAL");
    };
    let text = text.trim_start();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.'))
        .unwrap_or(text.len());
    // The longest beginning that is a number: "3.5.1" begins with 3.5, "7-up" with 7. Numbers in a
    // text are short, so trying all of them is cheap.
    let end = end.min(40);
    let number = (0..=end).rev().find_map(|end| parse_number(text.get(..end)?));
    Ok(number.unwrap_or(Value::Integer(0)))
}
