//! Functions on dates and times. All times are UTC.

use chrono::{DateTime, Datelike, NaiveTime, Timelike, Utc};

use super::{Word, function};
use crate::machine::Fault;
use crate::value::{Value, parse_date, parse_moment};

type Outcome = Result<Value, Fault>;

pub(super) const WORDS: &[Word] = &[
    function("NOW", &[], "NOW()", "The date and time.", (0, 0), |context, _| {
        Ok(Value::Moment(context.now))
    })
    .bare(),
    function("TODAY", &[], "TODAY()", "The date.", (0, 0), |context, _| {
        Ok(Value::Date(context.now.date_naive()))
    })
    .bare(),
    function(
        "YEAR",
        &[],
        "YEAR(date)",
        "The year of a date.",
        (1, 1),
        |_, values| part(values, "YEAR", |moment| moment.year().into()),
    ),
    function(
        "MONTH",
        &[],
        "MONTH(date)",
        "The month of a date, from 1.",
        (1, 1),
        |_, values| part(values, "MONTH", |moment| moment.month().into()),
    ),
    function(
        "DAY",
        &[],
        "DAY(date)",
        "The day of the month.",
        (1, 1),
        |_, values| part(values, "DAY", |moment| moment.day().into()),
    ),
    function(
        "HOUR",
        &[],
        "HOUR(time)",
        "The hour of a time, from 0.",
        (1, 1),
        |_, values| part(values, "HOUR", |moment| moment.hour().into()),
    ),
    function(
        "MINUTE",
        &[],
        "MINUTE(time)",
        "The minute of a time, from 0.",
        (1, 1),
        |_, values| part(values, "MINUTE", |moment| moment.minute().into()),
    ),
    function(
        "SECOND",
        &[],
        "SECOND(time)",
        "The second of a time, from 0.",
        (1, 1),
        |_, values| part(values, "SECOND", |moment| moment.second().into()),
    ),
];

fn part(values: &[Value], function: &str, of: fn(&DateTime<Utc>) -> i64) -> Outcome {
    match moment(&values[0]) {
        Some(moment) => Ok(Value::Integer(of(&moment))),
        None => {
            let kind = values[0].type_name();
            Err(Fault::argument(format!(
                "{function} needs a date such as 2026-12-31, not a value of type {kind}"
            )))
        }
    }
}

/// The value as a point in time; a date alone is its midnight.
pub(super) fn moment(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        Value::Text(text) => {
            parse_moment(text).or_else(|| Some(parse_date(text)?.and_time(NaiveTime::MIN).and_utc()))
        }
        _ => None,
    }
}
