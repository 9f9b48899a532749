//! Dates as people write them.

use chrono::{Datelike, Days, NaiveDate};

/// Names of months in English, Portuguese and Spanish. Prefixes of three letters or more count too.
const MONTHS: [&[&str]; 12] = [
    &["january", "janeiro", "enero"],
    &["february", "fevereiro", "febrero"],
    &["march", "março", "marco", "marzo"],
    &["april", "abril"],
    &["may", "maio", "mayo"],
    &["june", "junho", "junio"],
    &["july", "julho", "julio"],
    &["august", "agosto"],
    &["september", "setembro", "septiembre", "setiembre"],
    &["october", "outubro", "octubre"],
    &["november", "novembro", "noviembre"],
    &["december", "dezembro", "diciembre"],
];

/// Understands `2026-12-31`, `31/12/2026`, `31.12.2026`, `31 December 2026`, `December 31, 2026`,
/// `31 de dezembro de 2026`, and the words for today, tomorrow and yesterday.
///
/// Of two numbers before a year the first is the day, as most of the world writes it, unless only the
/// other reading is a date. Without a year it is the next such day from `today` on.
pub(super) fn parse_spoken_date(text: &str, today: NaiveDate) -> Option<NaiveDate> {
    let text = text.trim().trim_end_matches(['.', '!']).to_lowercase();
    match text.as_str() {
        "today" | "hoje" | "hoy" => return Some(today),
        "tomorrow" | "amanhã" | "amanha" | "mañana" | "manana" => {
            return today.checked_add_days(Days::new(1));
        }
        "yesterday" | "ontem" | "ayer" => return today.checked_sub_days(Days::new(1)),
        _ => {}
    }
    let parts: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, '/' | '-' | '.' | ','))
        .filter(|part| !part.is_empty() && !matches!(*part, "de" | "del" | "of" | "the"))
        .collect();
    match parts.as_slice() {
        [year, month, day] if year.len() == 4 && year.chars().all(|c| c.is_ascii_digit()) => {
            date(number(year)?, month_number(month)?, number(day)?)
        }
        [first, second, year] => day_and_month(first, second, year_number(year)?),
        [first, second] => {
            let this_year = day_and_month(first, second, today.year());
            match this_year {
                Some(date) if date >= today => Some(date),
                _ => day_and_month(first, second, today.year() + 1).or(this_year),
            }
        }
        _ => None,
    }
}

fn day_and_month(first: &str, second: &str, year: i32) -> Option<NaiveDate> {
    if first.starts_with(char::is_alphabetic) {
        return date(year, month_number(first)?, number(second)?);
    }
    let day_first = month_number(second).and_then(|month| date(year, month, number(first)?));
    day_first.or_else(|| date(year, number(first)?, number(second)?))
}

fn date(year: i32, month: i32, day: i32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
}

fn month_number(text: &str) -> Option<i32> {
    let named = |names: &&[&str]| {
        names
            .iter()
            .any(|name| *name == text || text.chars().count() >= 3 && name.starts_with(text))
    };
    match MONTHS.iter().position(named) {
        Some(at) => Some(at as i32 + 1),
        None => number(text),
    }
}

/// A year of two digits is of this century.
fn year_number(text: &str) -> Option<i32> {
    let year = number(text)?;
    match text.len() {
        2 => Some(2000 + year),
        4 => Some(year),
        _ => None,
    }
}

/// Digits, perhaps with the ending of an English ordinal.
fn number(text: &str) -> Option<i32> {
    let digits = ["st", "nd", "rd", "th", "º"]
        .iter()
        .find_map(|ending| text.strip_suffix(ending))
        .unwrap_or(text);
    let plain = !digits.is_empty() && digits.len() <= 4 && digits.chars().all(|c| c.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}
