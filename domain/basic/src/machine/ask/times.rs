//! Times of day as people write them.

/// Understands `14:30`, `14h30`, `14h`, `2:30 pm`, `9pm`, `1430`, `9`, and the words for noon and midnight.
/// Gives `HH:MM`.
pub(super) fn time_of_day(text: &str) -> Option<String> {
    let text = text.trim_end_matches('!').to_lowercase();
    match text.as_str() {
        "noon" | "midday" | "meio-dia" | "meio dia" | "mediodía" | "mediodia" => {
            return Some("12:00".to_owned());
        }
        "midnight" | "meia-noite" | "meia noite" | "medianoche" => return Some("00:00".to_owned()),
        _ => {}
    }
    let (clock, half) = half_of_day(&text);
    let (hours, minutes) = hours_and_minutes(clock)?;
    let hours = match half {
        None => hours,
        Some(half) if (1..=12).contains(&hours) => hours % 12 + half,
        Some(_) => return None,
    };
    (hours < 24 && minutes < 60).then(|| format!("{hours:02}:{minutes:02}"))
}

/// The time without AM or PM, and the hours that these add.
fn half_of_day(text: &str) -> (&str, Option<u32>) {
    let endings = [("a.m.", 0), ("p.m.", 12), ("am", 0), ("pm", 12)];
    let found = endings
        .iter()
        .find_map(|(ending, hours)| Some((text.strip_suffix(ending)?.trim_end(), Some(*hours))));
    found.unwrap_or((text, None))
}

fn hours_and_minutes(clock: &str) -> Option<(u32, u32)> {
    let clock = clock
        .trim_end_matches(|c: char| c.is_alphabetic() && c != 'h')
        .trim();
    // Seconds are of no interest to whoever asks for an hour.
    let parts: Vec<&str> = clock.split([':', 'h', '.']).map(str::trim).collect();
    match parts.as_slice() {
        [hours_and_minutes] if hours_and_minutes.len() == 4 && hours_and_minutes.is_ascii() => {
            let (hours, minutes) = hours_and_minutes.split_at(2);
            Some((two_digits(hours)?, two_digits(minutes)?))
        }
        [hours] | [hours, ""] => Some((two_digits(hours)?, 0)),
        [hours, minutes] => Some((two_digits(hours)?, minute(minutes)?)),
        [hours, minutes, seconds] => {
            minute(seconds).filter(|seconds| *seconds < 60)?;
            Some((two_digits(hours)?, minute(minutes)?))
        }
        _ => None,
    }
}

fn two_digits(text: &str) -> Option<u32> {
    let good = (1..=2).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

/// Minutes always have both digits: 9:5 is a slip.
fn minute(text: &str) -> Option<u32> {
    (text.len() == 2).then(|| two_digits(text))?
}
