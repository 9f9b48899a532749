//! Numbers with check digits: tax numbers of Brazil, payment cards.

/// A CPF as its 11 digits. The last two check the others by weights that fall to 2, modulo 11.
pub(super) fn cpf(text: &str) -> Option<String> {
    let digits = characters(text, |c| c.is_ascii_digit(), 11)?;
    checked(&digits, 9, 11)
}

/// A CNPJ as its 14 characters: digits, or letters too in the 12 before the check digits, as issued
/// since July 2026 (Receita Federal, IN RFB 2.229/2024). A letter counts as its ASCII code less 48.
pub(super) fn cnpj(text: &str) -> Option<String> {
    let code = characters(&text.to_uppercase(), |c| c.is_ascii_alphanumeric(), 14)?;
    code[12..]
        .bytes()
        .all(|digit| digit.is_ascii_digit())
        .then_some(())?;
    checked(&code, 12, 9)
}

/// The characters of a number whose separators may be written or not.
fn characters(text: &str, belongs: fn(char) -> bool, length: usize) -> Option<String> {
    let separates = |c: char| matches!(c, '.' | '-' | '/' | ' ');
    let code: String = text.chars().filter(|c| !separates(*c)).collect();
    let good = code.chars().all(belongs) && code.len() == length;
    // A number of one repeated digit has right check digits, yet nobody has it.
    let repeated = code.chars().all(|c| code.starts_with(c));
    (good && !repeated).then_some(code)
}

/// The code, if both digits from `length` on are right. Weights grow from 2 to `most` from the right, then
/// begin again.
fn checked(code: &str, length: usize, most: u32) -> Option<String> {
    let digit = |length: usize| {
        let weights = (2..=most).cycle();
        let sum: u32 = code[..length]
            .bytes()
            .rev()
            .zip(weights)
            .map(|(character, weight)| u32::from(character - b'0') * weight)
            .sum();
        let rest = sum % 11;
        if rest < 2 { 0 } else { 11 - rest }
    };
    let right = |at: usize| u32::from(code.as_bytes()[at] - b'0') == digit(at);
    (right(length) && right(length + 1)).then(|| code.to_owned())
}

/// A card's number, masked but for its last four digits: the rest is nothing that a script should keep.
pub(super) fn card(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    // ISO/IEC 7812-1: up to 19 digits; cards that are issued have at least 12.
    let good = (12..=19).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    let repeated = digits.chars().all(|c| digits.starts_with(c));
    if !good || repeated || !passes_luhn(&digits) {
        return None;
    }
    Some(format!("**** **** **** {}", &digits[digits.len() - 4..]))
}

/// Every second digit from the right is doubled; all digits together give a multiple of ten.
fn passes_luhn(digits: &str) -> bool {
    let value = |(at, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match at % 2 {
            0 => digit,
            _ => digit * 2 / 10 + digit * 2 % 10,
        }
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}
