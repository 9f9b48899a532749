//! What an answer means, by the kind of the question.

use chrono::{DateTime, Utc};

use super::dates::parse_spoken_date;
use super::{Fault, File, Hear, HearKind, codes, files, numbers, registrations, times};
use crate::value::Value;

/// The value of an answer; absent when the answer does not fit the question.
pub(super) fn understand(
    hear: &Hear,
    answer: &str,
    files: &[File],
    now: DateTime<Utc>,
) -> Result<Option<Value>, Fault> {
    let trimmed = answer.trim();
    let file = || files::first(hear.kind, files).transpose();
    Ok(match hear.kind {
        HearKind::Text => Some(Value::text(answer)),
        HearKind::Name => name(trimmed),
        HearKind::Integer => numbers::integer(trimmed),
        HearKind::Number => numbers::number(trimmed),
        HearKind::Boolean => boolean(trimmed),
        HearKind::Email => email(trimmed),
        HearKind::Date => parse_spoken_date(trimmed, now.date_naive()).map(Value::Date),
        HearKind::Menu { open } => choice(&hear.options, trimmed)
            .or_else(|| (open && !trimmed.is_empty()).then(|| Value::text(trimmed))),
        HearKind::Time => times::time_of_day(trimmed).map(Value::text),
        HearKind::Money => numbers::money(trimmed),
        HearKind::Phone => numbers::phone(trimmed).map(Value::text),
        HearKind::PostalCode => codes::postal_code(trimmed).map(Value::text),
        HearKind::Language => codes::language(trimmed).map(Value::text),
        HearKind::Cpf => registrations::cpf(trimmed).map(Value::text),
        HearKind::Cnpj => registrations::cnpj(trimmed).map(Value::text),
        // Of a picture the host has read the code.
        HearKind::QrCode => (!trimmed.is_empty()).then(|| Value::text(trimmed)),
        HearKind::Login => login(trimmed),
        HearKind::File | HearKind::Image | HearKind::Audio | HearKind::Video | HearKind::Document => file()?,
        HearKind::Url => codes::url(trimmed).map(Value::text),
        HearKind::Uuid => codes::uuid(trimmed).map(Value::text),
        HearKind::Color => codes::color(trimmed).map(Value::text),
        HearKind::Card => registrations::card(trimmed).map(Value::text),
        HearKind::Password => password(answer),
    })
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

/// A name of the kind that sites accept, or an e-mail address.
fn login(text: &str) -> Option<Value> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = (2..=64).contains(&text.chars().count())
        && text.chars().all(plain)
        && text.starts_with(char::is_alphanumeric);
    email(text).or_else(|| good.then(|| Value::text(text.to_lowercase())))
}

/// As it was typed: spaces are part of a password, the end of the line is not.
fn password(answer: &str) -> Option<Value> {
    let typed = answer.trim_end_matches(['\n', '\r']);
    let good = typed.chars().count() >= 8 && !typed.trim().is_empty();
    good.then(|| Value::text(typed))
}
