//! Values as text and text as values.

use std::fmt::{self, Write};

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::{TEXT_BYTES_MAX, Value};
use crate::machine::Fault;

impl Value {
    /// The value as TALK shows it, unless that is longer than a text may be.
    pub(crate) fn to_text(&self) -> Result<String, Fault> {
        let mut text = String::new();
        self.write_to(&mut text)?;
        Ok(text)
    }

    /// Appends the value as TALK shows it.
    pub(crate) fn write_to(&self, text: &mut String) -> Result<(), Fault> {
        write!(Bounded(text), "{self}").map_err(|_| Fault::text_length())
    }

    /// The value as JSON text, fields in the order of the object.
    pub(crate) fn to_json_text(&self) -> Result<String, Fault> {
        let mut text = String::new();
        write_json(&mut Bounded(&mut text), self).map_err(|_| Fault::text_length())?;
        Ok(text)
    }
}

/// A text that refuses to grow too long, before it does.
struct Bounded<'t>(&'t mut String);

impl Write for Bounded<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.0.len() + part.len() > TEXT_BYTES_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

impl fmt::Display for Value {
    /// As TALK shows it: texts as they are, nothing for null, arrays and objects as JSON, but files of LIST by their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Text(text) => f.write_str(text),
            Value::Object(object) => match object.file_name() {
                Some(name) => f.write_str(name),
                None => write_json(f, self),
            },
            Value::Array(_) => write_json(f, self),
            other => write_scalar(f, other),
        }
    }
}

/// Writes JSON with the fields in the order of the object.
fn write_json(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Null => out.write_str("null"),
        Value::Bool(_) | Value::Integer(_) | Value::Number(_) => write_scalar(out, value),
        Value::Text(text) => write_quoted(out, text),
        Value::Date(_) | Value::Moment(_) => {
            out.write_char('"')?;
            write_scalar(out, value)?;
            out.write_char('"')
        }
        Value::Array(array) => {
            out.write_char('[')?;
            for (at, item) in array.iter().enumerate() {
                out.write_str(if at > 0 { ", " } else { "" })?;
                write_json(out, item)?;
            }
            out.write_char(']')
        }
        Value::Object(object) => {
            out.write_char('{')?;
            for (at, (key, field)) in object.iter().enumerate() {
                out.write_str(if at > 0 { ", " } else { "" })?;
                write_quoted(out, key)?;
                out.write_str(": ")?;
                write_json(out, field)?;
            }
            out.write_char('}')
        }
    }
}

fn write_quoted(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            c if c < ' ' => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

fn write_scalar(out: &mut impl Write, value: &Value) -> fmt::Result {
    match value {
        Value::Bool(value) => out.write_str(if *value { "true" } else { "false" }),
        Value::Integer(value) => write!(out, "{value}"),
        Value::Number(value) => write_number(out, *value),
        Value::Date(date) => write!(out, "{}", date.format("%Y-%m-%d")),
        Value::Moment(moment) => write!(out, "{}", moment.format("%Y-%m-%d %H:%M:%S")),
        _ => Ok(()),
    }
}

/// Writes 15 significant digits at most, so that sums of cents do not show the binary fraction.
fn write_number(out: &mut impl Write, number: f64) -> fmt::Result {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let size = rounded.abs();
    if size != 0.0 && !(1e-7..1e21).contains(&size) {
        return write!(out, "{rounded:e}");
    }
    // No "-0".
    write!(out, "{}", if rounded == 0.0 { 0.0 } else { rounded })
}

/// The number a text spells, if it does: spaces around it are fine, units and separators are not.
pub(crate) fn parse_number(text: &str) -> Option<Value> {
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None; // Keeps out what Rust also reads as numbers: "inf", "NaN".
    }
    if let Ok(integer) = text.parse() {
        return Some(Value::Integer(integer));
    }
    let number: f64 = text.parse().ok()?;
    number.is_finite().then_some(Value::Number(number))
}

/// A date in ISO form, alone or before a time.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    let text = text.trim();
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return in_range(date);
    }
    in_range(parse_moment(text)?.date_naive())
}

/// A point in time in ISO form; without an offset it is UTC.
pub(crate) fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|pattern| NaiveDateTime::parse_from_str(text, pattern).ok());
    let moment = match naive {
        Some(naive) => naive.and_utc(),
        None => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
    };
    in_range(moment.date_naive()).map(|_| moment)
}

/// Years of four digits only, so that what is written can be read again.
fn in_range(date: NaiveDate) -> Option<NaiveDate> {
    use chrono::Datelike;
    (0..=9999).contains(&date.year()).then_some(date)
}
