//! What an answer means, by the kind of the question, and what to say when it means nothing.

use chrono::{DateTime, Utc};

use super::dates::parse_spoken_date;
use super::{Hear, HearKind};
use crate::value::{Value, parse_number};

/// The value of an answer; absent when the answer does not fit the question.
pub(super) fn understand(hear: &Hear, answer: &str, now: DateTime<Utc>) -> Option<Value> {
    let trimmed = answer.trim();
    match hear.kind {
        HearKind::Text => Some(Value::text(answer)),
        HearKind::Name => name(trimmed),
        HearKind::Integer => integer(trimmed),
        HearKind::Number => number(trimmed),
        HearKind::Boolean => boolean(trimmed),
        HearKind::Email => email(trimmed),
        HearKind::Date => parse_spoken_date(trimmed, now.date_naive()).map(Value::Date),
        HearKind::Menu { open } => choice(&hear.options, trimmed)
            .or_else(|| (open && !trimmed.is_empty()).then(|| Value::text(trimmed))),
    }
}

/// What to say after an answer that did not fit.
pub(super) fn expected(hear: &Hear) -> String {
    match hear.kind {
        HearKind::Text | HearKind::Menu { open: true } => "Please send a message.".to_owned(),
        HearKind::Name => {
            "That does not look like a name. Please write a name, for example Maria Silva.".to_owned()
        }
        HearKind::Integer => {
            "That is not a whole number. Please send digits only, for example 42.".to_owned()
        }
        HearKind::Number => "That is not a number. Please send digits, for example 3.14.".to_owned(),
        HearKind::Boolean => "I did not understand that. Please answer yes or no.".to_owned(),
        HearKind::Email => {
            "That is not an e-mail address. Please send one, for example name@example.com.".to_owned()
        }
        HearKind::Date => {
            "I did not recognise the date. Please write it as year-month-day, for example 2026-12-31."
                .to_owned()
        }
        HearKind::Menu { open: false } => {
            let lines: Vec<String> = hear
                .options
                .iter()
                .enumerate()
                .map(|(at, option)| format!("{}. {option}", at + 1))
                .collect();
            format!(
                "Please choose one of these, by its text or its number:\n{}",
                lines.join("\n")
            )
        }
    }
}

/// Letters of any script, and what stands between the parts of names.
fn name(text: &str) -> Option<Value> {
    let between = |c: char| c.is_whitespace() || matches!(c, '\'' | '’' | '-' | '.' | ',' | '·');
    // Scripts of many languages write vowels as marks, which are not letters: only digits and signs
    // known not to occur in names are refused.
    let fits =
        |c: char| c.is_alphabetic() || between(c) || (!c.is_ascii() && !c.is_numeric() && !c.is_control());
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let good = letters >= 2 && text.chars().count() <= 100 && text.chars().all(fits);
    good.then(|| Value::text(text.split_whitespace().collect::<Vec<_>>().join(" ")))
}

fn integer(text: &str) -> Option<Value> {
    match parse_number(text)? {
        whole @ Value::Integer(_) => Some(whole),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(Value::Integer(number as i64))
        }
        _ => None,
    }
}

/// A comma alone is taken for the decimal sign, as most of the world writes it.
fn number(text: &str) -> Option<Value> {
    let single_comma = text.matches(',').count() == 1 && !text.contains('.');
    if single_comma {
        parse_number(&text.replace(',', "."))
    } else {
        parse_number(text)
    }
}

const YES: &[&str] = &[
    "yes",
    "y",
    "yeah",
    "yep",
    "true",
    "1",
    "ok",
    "okay",
    "sure",
    "on",
    "sim",
    "s",
    "claro",
    "verdadeiro",
    "sí",
    "si",
    "verdadero",
];
const NO: &[&str] = &["no", "n", "nope", "false", "0", "off", "não", "nao", "falso"];

fn boolean(text: &str) -> Option<Value> {
    let word = text.trim_end_matches(['.', '!']).to_lowercase();
    if YES.contains(&word.as_str()) {
        return Some(Value::Bool(true));
    }
    NO.contains(&word.as_str()).then_some(Value::Bool(false))
}

/// Checks the form only: whether an address exists, only a message to it can tell.
fn email(text: &str) -> Option<Value> {
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |c: char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, '@' | ',' | ';' | '<' | '>' | '"' | '(' | ')')
    };
    let labels_good = domain.split('.').all(|label| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    });
    let good = !local.is_empty()
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && domain.contains('.')
        && labels_good
        && text.len() <= 254; // RFC 5321, longest path
    good.then(|| Value::text(text.to_lowercase()))
}

/// The option that an answer means: by its text, by its number, or by a part that only one option has.
fn choice(options: &[String], answer: &str) -> Option<Value> {
    let wanted = answer.to_lowercase();
    if wanted.is_empty() {
        return None;
    }
    if let Some(option) = options
        .iter()
        .find(|option| option.trim().to_lowercase() == wanted)
    {
        return Some(Value::text(option.as_str()));
    }
    if let Ok(number) = wanted.trim_end_matches(['.', ')']).parse::<usize>() {
        return options
            .get(number.checked_sub(1)?)
            .map(|option| Value::text(option.as_str()));
    }
    let mut containing = options
        .iter()
        .filter(|option| option.to_lowercase().contains(&wanted));
    match (containing.next(), containing.next()) {
        (Some(only), None) => Some(Value::text(only.as_str())),
        _ => None,
    }
}
