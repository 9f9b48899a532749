//! What kind of value a text in a file is.

use basic::Value;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// Digits that a number has at most; more are an article's number or an account's.
const DIGITS_MAX: usize = 15;

/// A field of a file as a value: nothing, a truth, a number, a date, a moment, or the text that it is. Numbers with a comma
/// are numbers where the file does not separate its fields by commas.
pub fn typed(text: &str, decimal_comma: bool) -> Value {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Value::Null;
    }
    if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") {
        return Value::Bool(trimmed.len() == 4);
    }
    if let Some(number) = number(trimmed, decimal_comma) {
        return number;
    }
    if let Some(date) = date(trimmed) {
        return date;
    }
    Value::from(text)
}

/// A number that is written as one is. `007` and `+351 912` name something: they would lose their zeros and signs.
fn number(text: &str, decimal_comma: bool) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let point = if decimal_comma && !digits.contains('.') {
        ','
    } else {
        '.'
    };
    let (whole, part) = match digits.split_once(point) {
        Some((whole, part)) => (whole, Some(part)),
        None => (digits, None),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = are_digits(whole)
        && part.is_none_or(are_digits)
        && (whole == "0" || !whole.starts_with('0'))
        && whole.len() + part.map_or(0, str::len) <= DIGITS_MAX;
    if !fits {
        return None;
    }
    match part {
        None => text.parse().ok().map(Value::Integer),
        Some(_) => text.replace(',', ".").parse().ok().map(Value::Number),
    }
}

fn date(text: &str) -> Option<Value> {
    let bytes = text.as_bytes();
    if bytes.len() < 10 || bytes[4] != b'-' || !bytes[0].is_ascii_digit() {
        return None;
    }
    if bytes.len() == 10 {
        return NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Value::Date);
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(Value::Moment(moment.to_utc()));
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let read = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    read.map(|moment| Value::Moment(moment.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_is_written_as() {
        for (text, kind) in [
            ("", "null"),
            (" ", "null"),
            ("TRUE", "boolean"),
            ("false", "boolean"),
            ("0", "integer"),
            ("-12", "integer"),
            ("0.5", "number"),
            ("12.50", "number"),
            ("007", "string"),
            ("+351912345678", "string"),
            ("1234567890123456", "string"),
            ("1,234", "string"),
            ("1e5", "string"),
            ("NaN", "string"),
            ("12.", "string"),
            ("-", "string"),
            ("2026-11-30", "date"),
            ("2026-13-30", "string"),
            ("2026-11-30 08:15", "datetime"),
            ("2026-11-30T08:15:00Z", "datetime"),
            ("ééééé-11-30", "string"),
        ] {
            assert_eq!(typed(text, false).type_name(), kind, "{text}");
        }
        assert_eq!(typed("12,50", true), Value::Number(12.5));
        assert_eq!(typed("12,50", false), Value::from("12,50"));
        assert_eq!(typed("1.234,50", true), Value::from("1.234,50"));
    }
}
