//! Numbers as people write them: counts, amounts of money, telephone numbers.

use crate::value::{Value, parse_number};

pub(super) fn integer(text: &str) -> Option<Value> {
    match parse_number(text)? {
        whole @ Value::Integer(_) => Some(whole),
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            Some(Value::Integer(number as i64))
        }
        _ => None,
    }
}

/// A comma alone is taken for the decimal sign, as most of the world writes it.
pub(super) fn number(text: &str) -> Option<Value> {
    let single_comma = text.matches(',').count() == 1 && !text.contains('.');
    if single_comma {
        parse_number(&text.replace(',', "."))
    } else {
        parse_number(text)
    }
}

/// Signs and codes of currencies, which may stand before or after an amount. Longer ones come first.
const CURRENCIES: &[&str] = &[
    "r$", "us$", "reais", "real", "dollars", "dollar", "dólares", "dolares", "euros", "euro", "pesos", "brl",
    "usd", "eur", "gbp", "mxn", "ars", "$", "€", "£", "¥",
];

/// Understands `1,234.56`, `1.234,56`, `R$ 10`, `€ 9,90`, `1 234.50`, `-5 USD`; rounds to cents.
///
/// Of two different separators the last is the decimal sign. One alone is the decimal sign too, unless
/// exactly three digits follow it: money has no thousandths, so it then stands between thousands.
pub(super) fn money(text: &str) -> Option<Value> {
    let text = text.to_lowercase();
    let (minus, text) = signed(&text);
    let (inner_minus, text) = signed(without_currency(text));
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.chars().all(allowed) {
        return None;
    }
    let (whole, cents) = split_decimals(&digits)?;
    let amount: f64 = format!("{whole}.{cents}0").parse().ok()?;
    // 2⁵³ cents: beyond, a fraction does not hold every cent.
    if amount >= 9.0e13 {
        return None;
    }
    let cents = (amount * 100.0).round();
    let cents = if minus || inner_minus { -cents } else { cents };
    Some(if cents % 100.0 == 0.0 {
        Value::Integer((cents / 100.0) as i64)
    } else {
        Value::Number(cents / 100.0)
    })
}

fn signed(text: &str) -> (bool, &str) {
    match text.trim().strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.trim()),
    }
}

fn without_currency(text: &str) -> &str {
    let before = CURRENCIES.iter().find_map(|sign| text.strip_prefix(sign));
    let after = || CURRENCIES.iter().find_map(|sign| text.strip_suffix(sign));
    before.or_else(after).unwrap_or(text).trim()
}

/// The digits before the decimal sign, without separators of thousands, and those after it.
fn split_decimals(digits: &str) -> Option<(String, &str)> {
    let last = digits.rfind(['.', ',']);
    let Some(at) = last else {
        return Some((digits.to_owned(), ""));
    };
    let (before, sign, after) = (&digits[..at], &digits[at..=at], &digits[at + 1..]);
    let other = if sign == "." { "," } else { "." };
    let thousands = |text: &str, separator: &str| {
        let groups: Vec<&str> = text.split(separator).collect();
        let (first, rest) = groups.split_first()?;
        let good = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
        (good || rest.is_empty()).then(|| groups.concat())
    };
    let repeats = before.contains(sign);
    if repeats || after.len() == 3 && !before.contains(other) && before != "0" {
        return Some((thousands(digits, sign)?, ""));
    }
    Some((thousands(before, other)?, after))
}

/// The digits of a telephone number. Fewer than 8 or more than 15 (E.164) belong to no telephone.
pub(super) fn phone(text: &str) -> Option<String> {
    let rest = text.strip_prefix('+').unwrap_or(text);
    let between = |c: char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let good = rest.chars().all(|c| c.is_ascii_digit() || between(c));
    (good && (8..=15).contains(&digits.len())).then_some(digits)
}
