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
        "NOW UTC",
        &[],
        "NOW_UTC()",
        "The date and time in UTC.",
        (0, 0),
        |context, _| Ok(Value::Moment(context.now)),
    )
    .bare(),
    function(
        "TIME",
        &[],
        "TIME()",
        "The time of day as HH:MM:SS.",
        (0, 0),
        |context, _| Ok(Value::text(context.now.format("%H:%M:%S").to_string())),
    ),
    function(
        "TIMESTAMP",
        &["UNIX TIMESTAMP"],
        "TIMESTAMP()",
        "Seconds since 1970.",
        (0, 0),
        |context, _| Ok(Value::Integer(context.now.timestamp())),
    ),
    function(
        "TIMESTAMP MS",
        &[],
        "TIMESTAMP_MS()",
        "Thousandths of a second since 1970.",
        (0, 0),
        |context, _| Ok(Value::Integer(context.now.timestamp_millis())),
    ),
    function(
        "WEEKDAY",
        &[],
        "WEEKDAY(date)",
        "The day of the week: 1 is Sunday, 7 Saturday.",
        (1, 1),
        |_, values| {
            part(values, "WEEKDAY", |moment| {
                moment.weekday().number_from_sunday().into()
            })
        },
    ),
    function(
        "ISDATE",
        &["IS DATE"],
        "ISDATE(value)",
        "Whether it is a date or spells one, as year-month-day.",
        (1, 1),
        |_, values| Ok(Value::Bool(moment(&values[0]).is_some())),
    ),
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
