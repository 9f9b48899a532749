//! Reckoning with dates: DATEADD and DATEDIFF.
//!
//! Scripts write the arguments in the order of several other languages. The unit is whichever argument
//! spells one; of the two others of DATEADD the date is the one that is a date.

use chrono::{DateTime, Datelike, Months, TimeDelta, Utc};

use super::dates::moment;
use super::texts::whole;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::Value;

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function(
        "DATEADD",
        &["DATE ADD"],
        "DATEADD(date, count, \"days\")",
        "The date that many seconds, minutes, hours, days, weeks, months or years later.",
        (2, 3),
        date_add,
    )
    .constant(),
    function(
        "DATEDIFF",
        &["DATE DIFF"],
        "DATEDIFF(from, to, \"days\")",
        "How many whole days, or other units, lie between two dates.",
        (2, 3),
        date_diff,
    )
    .constant(),
];

#[derive(Clone, Copy)]
enum Unit {
    Seconds(i64),
    Months(i64),
}

const DAY: Unit = Unit::Seconds(86_400);

impl Unit {
    /// As in other dialects `m` is a month and `n` a minute.
    fn named(value: &Value) -> Option<Unit> {
        let Value::Text(text) = value else {
            return None;
        };
        Some(match text.trim().to_lowercase().as_str() {
            "s" | "sec" | "second" | "seconds" => Unit::Seconds(1),
            "n" | "min" | "minute" | "minutes" => Unit::Seconds(60),
            "h" | "hour" | "hours" => Unit::Seconds(3600),
            "d" | "day" | "days" => DAY,
            "w" | "ww" | "week" | "weeks" => Unit::Seconds(7 * 86_400),
            "m" | "month" | "months" => Unit::Months(1),
            "q" | "quarter" | "quarters" => Unit::Months(3),
            "y" | "yy" | "yyyy" | "year" | "years" => Unit::Months(12),
            _ => return None,
        })
    }
}

/// The unit and the other arguments in their order. Without a unit, days.
fn parted<'v>(values: &'v [Value], function: &str) -> Result<(Unit, &'v Value, &'v Value), Fault> {
    let found = values.iter().position(|value| Unit::named(value).is_some());
    let unit = match found {
        Some(at) => Unit::named(&values[at]).unwrap_or(DAY),
        None if values.len() == 3 => {
            return Err(Fault::argument(format!(
                "{function} needs a unit: second, minute, hour, day, week, month or year"
            )));
        }
        None => DAY,
    };
    let mut others = values
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != found)
        .map(|(_, value)| value);
    match (others.next(), others.next()) {
        (Some(first), Some(second)) => Ok((unit, first, second)),
        _ => Err(Fault::argument(format!(
            "{function} needs two values besides its unit"
        ))),
    }
}

fn needed(value: &Value, function: &str) -> Result<DateTime<Utc>, Fault> {
    moment(value).ok_or_else(|| {
        let kind = value.type_name();
        Fault::argument(format!(
            "{function} needs a date such as 2026-12-31, not a value of type {kind}"
        ))
    })
}

fn date_add(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (unit, first, second) = parted(values, "DATEADD")?;
    let swapped = moment(first).is_none() && moment(second).is_some();
    let (date, count) = if swapped { (second, first) } else { (first, second) };
    let start = needed(date, "DATEADD")?;
    let count = whole(count, "DATEADD")?;
    let end = later(start, unit, count).filter(|end| (0..=9999).contains(&end.year()));
    let end = end.ok_or_else(|| Fault::argument("DATEADD leaves the years from 0 to 9999"))?;
    Ok(if keeps_date(date, unit) {
        Value::Date(end.date_naive())
    } else {
        Value::Moment(end)
    })
}

/// Months and years keep the day, or take the last one of a shorter month.
fn later(start: DateTime<Utc>, unit: Unit, count: i64) -> Option<DateTime<Utc>> {
    match unit {
        Unit::Seconds(seconds) => {
            start.checked_add_signed(TimeDelta::try_seconds(count.checked_mul(seconds)?)?)
        }
        Unit::Months(months) => {
            let months = count.checked_mul(months)?;
            let size = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
            if months < 0 {
                start.checked_sub_months(size)
            } else {
                start.checked_add_months(size)
            }
        }
    }
}

/// A date without a time stays one when whole days are added.
fn keeps_date(date: &Value, unit: Unit) -> bool {
    let alone = match date {
        Value::Date(_) => true,
        Value::Text(text) => text.trim().len() == "2026-12-31".len(),
        _ => false,
    };
    alone && matches!(unit, Unit::Months(_) | Unit::Seconds(86_400..))
}

/// Only what has passed wholly counts: somebody born on 2 March is not a year older on 1 March.
fn date_diff(_: &mut Context<'_>, values: &mut [Value]) -> Outcome {
    let (unit, first, second) = parted(values, "DATEDIFF")?;
    let (from, to) = (needed(first, "DATEDIFF")?, needed(second, "DATEDIFF")?);
    Ok(Value::Integer(match unit {
        Unit::Seconds(seconds) => (to - from).num_seconds() / seconds,
        Unit::Months(months) => whole_months(from, to) / months,
    }))
}

fn whole_months(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    if to < from {
        return -whole_months(to, from);
    }
    let months = i64::from(to.year() - from.year()) * 12 + i64::from(to.month()) - i64::from(from.month());
    let passed = later(from, Unit::Months(1), months).is_some_and(|end| end <= to);
    if passed { months } else { months - 1 }
}
