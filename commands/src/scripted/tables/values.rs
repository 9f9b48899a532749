//! Values of scripts as values of columns, and back.

use basic::{FieldKind, Refusal, Value};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::definition::{Column, sql_type};

/// What is bound for a column: a text that PostgreSQL reads as the column's type, or nothing.
pub(super) fn bound(column: &Column, value: &Value) -> Result<Option<String>, Refusal> {
    let wrong = || {
        let shown: String = value.to_string().chars().take(40).collect();
        Refusal::mistake(
            "value_refused",
            format!("{} takes {}, not `{shown}`", column.name, article(column.kind)),
        )
    };
    let text = match value {
        Value::Null => return Ok(None),
        value => value.to_string(),
    };
    let trimmed = text.trim();
    // What a form left empty is nothing, where it cannot be a text.
    if trimmed.is_empty() && !matches!(column.kind, FieldKind::Text { .. } | FieldKind::Json) {
        return Ok(None);
    }
    if text.contains('\0') {
        return Err(wrong());
    }
    Ok(Some(match column.kind {
        FieldKind::Text { length: Some(length) } if text.chars().count() > length as usize => {
            let message = format!("{} takes at most {length} characters", column.name);
            return Err(Refusal::mistake("value_refused", message));
        }
        FieldKind::Text { .. } => text,
        FieldKind::Integer => whole(value, trimmed).ok_or_else(wrong)?.to_string(),
        FieldKind::Decimal { .. } | FieldKind::Double => match value {
            Value::Bool(value) => i64::from(*value).to_string(),
            Value::Integer(_) => text,
            // All digits, where a script shows fifteen.
            Value::Number(number) => number.to_string(),
            _ => number(trimmed).ok_or_else(wrong)?,
        },
        FieldKind::Boolean => truth(value, trimmed).ok_or_else(wrong)?.to_string(),
        FieldKind::Date => date(value, trimmed).ok_or_else(wrong)?.to_string(),
        FieldKind::Time => match value {
            Value::Moment(moment) => moment.time().to_string(),
            _ => time(trimmed).ok_or_else(wrong)?.to_string(),
        },
        FieldKind::DateTime => {
            let moment = moment(value, trimmed).ok_or_else(wrong)?;
            moment.to_rfc3339_opts(SecondsFormat::Micros, true)
        }
        FieldKind::Uuid => Uuid::try_parse(trimmed).map_err(|_| wrong())?.to_string(),
        FieldKind::Json => match value {
            // A text that is JSON is meant so.
            Value::Text(_) if serde_json::from_str::<serde_json::Value>(trimmed).is_ok() => text,
            value => value.to_json().to_string(),
        },
    }))
}

pub(super) fn article(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Text { .. } => "a text",
        FieldKind::Integer => "a whole number",
        FieldKind::Decimal { .. } | FieldKind::Double => "a number",
        FieldKind::Boolean => "TRUE or FALSE",
        FieldKind::Date => "a date such as 2026-12-01",
        FieldKind::Time => "a time such as 09:30",
        FieldKind::DateTime => "a date and time such as 2026-12-01 09:30",
        FieldKind::Uuid => "an id such as GUID() makes",
        FieldKind::Json => "any value",
    }
}

fn whole(value: &Value, text: &str) -> Option<i64> {
    match value {
        Value::Integer(value) => Some(*value),
        Value::Bool(value) => Some((*value).into()),
        Value::Number(value) if value.fract() == 0.0 && value.abs() < 9e18 => Some(*value as i64),
        Value::Text(_) => text.parse().ok(),
        _ => None,
    }
}

fn number(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    number.is_finite().then(|| text.to_owned())
}

fn truth(value: &Value, text: &str) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Integer(0) => Some(false),
        Value::Integer(1) => Some(true),
        Value::Text(_) => match text.to_lowercase().as_str() {
            "true" | "yes" | "1" | "on" => Some(true),
            "false" | "no" | "0" | "off" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn date(value: &Value, text: &str) -> Option<NaiveDate> {
    match value {
        Value::Date(date) => Some(*date),
        Value::Moment(moment) => Some(moment.date_naive()),
        _ => text.get(..10).and_then(|day| day.parse().ok()),
    }
}

fn time(text: &str) -> Option<NaiveTime> {
    ["%H:%M:%S%.f", "%H:%M"]
        .iter()
        .find_map(|pattern| NaiveTime::parse_from_str(text, pattern).ok())
}

fn moment(value: &Value, text: &str) -> Option<DateTime<Utc>> {
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        _ => {
            let zoned = DateTime::parse_from_rfc3339(text)
                .map(|moment| moment.to_utc())
                .ok();
            let plain = || {
                [
                    "%Y-%m-%d %H:%M:%S%.f",
                    "%Y-%m-%dT%H:%M:%S%.f",
                    "%Y-%m-%d %H:%M",
                    "%Y-%m-%dT%H:%M",
                ]
                .iter()
                .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok())
            };
            let day = || Some(text.parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN));
            zoned.or_else(|| plain().or_else(day).map(|moment| moment.and_utc()))
        }
    }
}

/// How an expression is selected so that [`read`] understands it, whatever its type is: a database of others may have
/// another one than is declared.
pub(super) fn selected(sql: &str, kind: FieldKind) -> String {
    match kind {
        FieldKind::Decimal { .. }
        | FieldKind::Time
        | FieldKind::Uuid
        | FieldKind::Json
        | FieldKind::Text { .. } => format!("{sql}::text"),
        kind => format!("{sql}::{}", sql_type(kind)),
    }
}

/// The value at a place of a row, which was [`selected`].
pub(super) fn read(row: &PgRow, at: usize, kind: FieldKind) -> Result<Value, Refusal> {
    let value = match kind {
        FieldKind::Text { .. } | FieldKind::Time | FieldKind::Uuid => row
            .try_get::<Option<String>, _>(at)
            .map(|text| text.map(Value::from)),
        FieldKind::Integer => row
            .try_get::<Option<i64>, _>(at)
            .map(|number| number.map(Value::Integer)),
        FieldKind::Decimal { .. } => row
            .try_get::<Option<String>, _>(at)
            .map(|text| text.map(|text| decimal(&text))),
        FieldKind::Double => row
            .try_get::<Option<f64>, _>(at)
            .map(|number| number.filter(|number| number.is_finite()).map(Value::Number)),
        FieldKind::Boolean => row
            .try_get::<Option<bool>, _>(at)
            .map(|truth| truth.map(Value::Bool)),
        // As they are sent: chrono's own reading panics at what it has no date for.
        FieldKind::Date => row
            .try_get_unchecked::<Option<i32>, _>(at)
            .map(|days| days.map(day_of)),
        FieldKind::DateTime => row
            .try_get_unchecked::<Option<i64>, _>(at)
            .map(|micros| micros.map(moment_of)),
        FieldKind::Json => row.try_get::<Option<String>, _>(at).map(|text| {
            text.map(|text| match serde_json::from_str(&text) {
                Ok(json) => Value::from_json(json),
                // It nests deeper, or has larger numbers, than is read.
                Err(_) => Value::from(text),
            })
        }),
    };
    value.map(Option::unwrap_or_default).map_err(|error| {
        tracing::debug!(%error, "a value of a row cannot be read");
        Refusal::new("value_unreadable", "what a row holds cannot be read")
    })
}

/// The day that PostgreSQL counts from.
const EPOCH: NaiveDate = NaiveDate::from_ymd_opt(2000, 1, 1).expect("it is in every calendar");

/// A day as PostgreSQL counts it. What is before or behind all days is a text, as it is in SQL; behind those that scripts
/// have is nothing.
fn day_of(days: i32) -> Value {
    let day = || EPOCH.checked_add_signed(TimeDelta::try_days(days.into())?);
    match days {
        i32::MAX => Value::from("infinity"),
        i32::MIN => Value::from("-infinity"),
        _ => day().map_or(Value::Null, Value::Date),
    }
}

/// The same of a moment, in microseconds.
fn moment_of(micros: i64) -> Value {
    let midnight = EPOCH.and_time(NaiveTime::MIN).and_utc();
    match micros {
        i64::MAX => Value::from("infinity"),
        i64::MIN => Value::from("-infinity"),
        _ => midnight
            .checked_add_signed(TimeDelta::microseconds(micros))
            .map_or(Value::Null, Value::Moment),
    }
}

/// A decimal number as a script has it: whole where it is.
pub(super) fn decimal(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Value::Integer(whole),
        (_, Ok(number)) if number.is_finite() => Value::Number(number),
        _ => Value::from(text),
    }
}
