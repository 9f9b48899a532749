//! Values of scripts as values of columns, and back.

use basic::{FieldKind, Refusal, Value};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::definition::Column;
use crate::CommandError;

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

/// How a column is selected so that [`read`] understands it.
pub(super) fn selected(column: &Column) -> String {
    match column.kind {
        FieldKind::Decimal { .. } | FieldKind::Time | FieldKind::Uuid | FieldKind::Text { .. } => {
            format!("{}::text", column.sql)
        }
        _ => column.sql.clone(),
    }
}

/// The value of the column at a place of a row.
pub(super) fn read(row: &PgRow, at: usize, kind: FieldKind) -> Result<Value, CommandError> {
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
        FieldKind::Date => row
            .try_get::<Option<NaiveDate>, _>(at)
            .map(|date| date.map(Value::Date)),
        FieldKind::DateTime => row
            .try_get::<Option<DateTime<Utc>>, _>(at)
            .map(|moment| moment.map(Value::Moment)),
        FieldKind::Json => row
            .try_get::<Option<serde_json::Value>, _>(at)
            .map(|json| json.map(Value::from_json)),
    };
    Ok(value.map_err(CommandError::unexpected)?.unwrap_or_default())
}

/// A decimal number as a script has it: whole where it is.
pub(super) fn decimal(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Value::Integer(whole),
        (_, Ok(number)) if number.is_finite() => Value::Number(number),
        _ => Value::from(text),
    }
}
