//! FORMAT: values in the form in which people read them.

use super::date_patterns::by_date_pattern;
use super::dates::moment;
use super::maths::fraction;
use super::texts::bounded;
use super::{Word, function};
use crate::machine::{Context, Fault};
use crate::value::{Value, parse_number};

pub(super) const WORDS: &[Word] = &[
    function(
        "FORMAT",
        &[],
        "FORMAT(value, pattern)",
        "A number, date or text by a pattern such as #,##0.00, N2, C2, 0%, dd/MM/yyyy or @@@-@@@.",
        (1, 2),
        format,
    )
    .separated_by("AS"),
    function(
        "FORMAT DATE",
        &[],
        "FORMAT_DATE(date, pattern)",
        "A date by a pattern such as dd/MM/yyyy or dddd, d MMMM.",
        (1, 2),
        format_date,
    )
    .separated_by("AS"),
];

fn format_date(context: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    let Some(moment) = moment(&values[0]) else {
        return Ok(Value::text(values[0].to_text()?));
    };
    let pattern = values.get(1).map_or(Ok(String::new()), Value::to_text)?;
    let pattern = if pattern.is_empty() {
        "yyyy-MM-dd"
    } else {
        &pattern
    };
    let formatted = by_date_pattern(&moment, pattern, *context.language);
    bounded(formatted.unwrap_or_default())
}

/// A pattern that does not fit the value leaves it as it is.
fn format(context: &mut Context<'_>, values: &mut [Value]) -> Result<Value, Fault> {
    let pattern = values.get(1).map_or(Ok(String::new()), Value::to_text)?;
    let numeric = match &values[0] {
        Value::Text(text) => parse_number(text).is_some(),
        other => matches!(other, Value::Integer(_) | Value::Number(_)),
    };
    let formatted = if numeric {
        by_number_pattern(fraction(&values[0], "FORMAT")?, &pattern)
    } else {
        moment(&values[0]).and_then(|moment| by_date_pattern(&moment, &pattern, *context.language))
    };
    let plain = || values[0].to_text();
    bounded(match formatted {
        Some(text) => text,
        None => by_text_pattern(&plain()?, &pattern).map_or_else(plain, Ok)?,
    })
}

/// `<` and `>` make small letters and capitals; `@` is a character or a space, `&` a character or nothing.
/// Characters fill these places from the right, after `!` from the left; too many stand where the filling
/// ends.
fn by_text_pattern(text: &str, pattern: &str) -> Option<String> {
    let from_left = pattern.contains('!');
    let text = match (pattern.contains('<'), pattern.contains('>')) {
        (true, _) => text.to_lowercase(),
        (_, true) => text.to_uppercase(),
        _ => text.to_owned(),
    };
    let is_place = |c: char| matches!(c, '@' | '&');
    let places = pattern.chars().filter(|c| is_place(*c)).count();
    if places == 0 {
        let only_case = !pattern.is_empty() && pattern.chars().all(|c| matches!(c, '<' | '>' | '!'));
        return only_case.then_some(text);
    }
    let characters: Vec<char> = text.chars().collect();
    let extra = characters.len().saturating_sub(places);
    let missing = places.saturating_sub(characters.len());
    let mut rest = characters.into_iter();
    let mut formatted = String::new();
    let mut place = 0;
    for c in pattern.chars() {
        match c {
            '<' | '>' | '!' => {}
            c if is_place(c) => {
                let empty = if from_left {
                    place + missing >= places
                } else {
                    place < missing
                };
                let taken = if place == 0 && !from_left { extra + 1 } else { 1 };
                if !empty {
                    formatted.extend(rest.by_ref().take(taken));
                } else if c == '@' {
                    formatted.push(' ');
                }
                place += 1;
            }
            other => formatted.push(other),
        }
    }
    formatted.extend(rest);
    Some(formatted)
}

/// Most decimals that a pattern can ask for: a fraction holds no more.
const DECIMALS_MAX: usize = 15;

fn by_number_pattern(number: f64, pattern: &str) -> Option<String> {
    let pattern = pattern.trim();
    if let Some(rest) = pattern.strip_prefix(['N', 'n', 'C', 'c']) {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let decimals = if digits == 0 {
            2
        } else {
            rest[..digits].parse().ok()?
        };
        let (sign, point, group) = locale(rest[digits..].trim_matches(['[', ']']))?;
        let plain = grouped(number, decimals, point, group);
        let currency = pattern.starts_with(['C', 'c']);
        return Some(match (currency, plain.strip_prefix('-')) {
            (false, _) => plain,
            (true, Some(positive)) => format!("-{sign}{positive}"),
            (true, None) => format!("{sign}{plain}"),
        });
    }
    by_digit_pattern(number, pattern)
}

/// Currency sign, decimal point and separator of thousands.
fn locale(name: &str) -> Option<(&'static str, char, Option<char>)> {
    Some(match name {
        "" | "en" => ("$", '.', Some(',')),
        "pt" => ("R$ ", ',', Some('.')),
        "de" | "es" | "it" => ("€ ", ',', Some('.')),
        "fr" => ("€ ", ',', Some(' ')),
        _ => return None,
    })
}

/// Patterns of digits such as `#,##0.00`, `000`, `0%`, with text before and after.
fn by_digit_pattern(number: f64, pattern: &str) -> Option<String> {
    let is_digit = |c: char| matches!(c, '0' | '#' | ',' | '.');
    let start = pattern.find(['0', '#'])?;
    let length = pattern[start..]
        .find(|c: char| !is_digit(c))
        .unwrap_or(pattern.len() - start);
    let (before, digits, after) = (
        &pattern[..start],
        &pattern[start..start + length],
        &pattern[start + length..],
    );
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let number = if after.starts_with('%') {
        number * 100.0
    } else {
        number
    };
    let group = whole.contains(',').then_some(',');
    let least = decimals.chars().filter(|c| *c == '0').count();
    let mut text = grouped(number, decimals.len(), '.', group);
    while text.contains('.') && text.ends_with('0') && text.len() - text.find('.')? - 1 > least {
        text.pop();
    }
    let text = text.trim_end_matches('.');
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |text| ("-", text));
    let whole_digits = text.find('.').unwrap_or(text.len());
    let zeros = whole.matches('0').count().min(40).saturating_sub(whole_digits);
    Some(format!("{before}{sign}{}{text}{after}", "0".repeat(zeros)))
}

fn grouped(number: f64, decimals: usize, point: char, group: Option<char>) -> String {
    let decimals = decimals.min(DECIMALS_MAX);
    // Half a cent is rounded by the digits that are shown, as in ROUND.
    let shown: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    let nudged = shown + shown.signum() * 10_f64.powi(-(decimals as i32)) * 1e-9;
    let plain = format!("{:.decimals$}", nudged.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let negative = number < 0.0 && plain.chars().any(|c| matches!(c, '1'..='9'));
    let mut text = String::from(if negative { "-" } else { "" });
    for (at, digit) in whole.chars().enumerate() {
        if let Some(separator) = group
            && at > 0
            && (whole.len() - at).is_multiple_of(3)
        {
            text.push(separator);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}
