//! Dates by patterns such as `dddd, d MMMM yyyy`, with names in the language of the run.

use chrono::{DateTime, Datelike, Timelike, Utc};

use crate::machine::Language;

/// Names in small letters where the language writes them so. The short ones are their first three characters.
struct Names {
    months: [&'static str; 12],
    /// From Sunday on.
    days: [&'static str; 7],
}

const ENGLISH: Names = Names {
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    days: [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ],
};

const PORTUGUESE: Names = Names {
    months: [
        "janeiro",
        "fevereiro",
        "março",
        "abril",
        "maio",
        "junho",
        "julho",
        "agosto",
        "setembro",
        "outubro",
        "novembro",
        "dezembro",
    ],
    days: [
        "domingo",
        "segunda-feira",
        "terça-feira",
        "quarta-feira",
        "quinta-feira",
        "sexta-feira",
        "sábado",
    ],
};

const SPANISH: Names = Names {
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    days: [
        "domingo",
        "lunes",
        "martes",
        "miércoles",
        "jueves",
        "viernes",
        "sábado",
    ],
};

impl Names {
    fn of(language: Language) -> &'static Names {
        match language {
            Language::English => &ENGLISH,
            Language::Portuguese => &PORTUGUESE,
            Language::Spanish => &SPANISH,
        }
    }
}

fn short(name: &str) -> String {
    name.chars().take(3).collect()
}

/// The moment as the letters of the pattern say; what is none of them stands for itself, as does what
/// stands in ' '. Absent for an empty pattern.
pub(super) fn by_date_pattern(moment: &DateTime<Utc>, pattern: &str, language: Language) -> Option<String> {
    if pattern.is_empty() {
        return None;
    }
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        if let Some((quoted, after)) = rest.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            text.push_str(quoted);
            rest = after;
            continue;
        }
        let length = rest.chars().take_while(|c| *c == first).map(char::len_utf8).sum();
        let (run, after) = rest.split_at(length);
        let piece = match first {
            'y' | 'Y' | 'M' | 'd' | 'D' => of_date(moment, first, length, Names::of(language)),
            _ => of_time(moment, first, length, pattern),
        };
        text.push_str(piece.as_deref().unwrap_or(run));
        rest = after;
    }
    Some(text)
}

/// MM is the month and mm the minute; everything else may be written either way.
fn of_date(moment: &DateTime<Utc>, letter: char, length: usize, names: &Names) -> Option<String> {
    let month = names.months[moment.month0() as usize];
    let day = names.days[moment.weekday().num_days_from_sunday() as usize];
    Some(match (letter, length) {
        ('y' | 'Y', 2) => format!("{:02}", moment.year().rem_euclid(100)),
        ('y' | 'Y', _) => format!("{:04}", moment.year()),
        ('M', 4) => month.to_owned(),
        ('M', 3) => short(month),
        ('M', 2) => format!("{:02}", moment.month()),
        ('M', 1) => moment.month().to_string(),
        ('d' | 'D', 4) => day.to_owned(),
        ('d' | 'D', 3) => short(day),
        ('d' | 'D', 2) => format!("{:02}", moment.day()),
        ('d' | 'D', 1) => moment.day().to_string(),
        _ => return None,
    })
}

/// Hours count to 12 where the pattern says which half of the day it is.
fn of_time(moment: &DateTime<Utc>, letter: char, length: usize, pattern: &str) -> Option<String> {
    let twelve = |hour: u32| if hour.is_multiple_of(12) { 12 } else { hour % 12 };
    Some(match (letter, length) {
        ('H', 2) => format!("{:02}", moment.hour()),
        ('H', 1) => moment.hour().to_string(),
        ('h', 2) if pattern.contains("tt") => format!("{:02}", twelve(moment.hour())),
        ('h', 1) if pattern.contains('t') => twelve(moment.hour()).to_string(),
        ('h', 1 | 2) => format!("{:02}", moment.hour()),
        ('m', 2) => format!("{:02}", moment.minute()),
        ('m', 1) => moment.minute().to_string(),
        ('s', 2) => format!("{:02}", moment.second()),
        ('s', 1) => moment.second().to_string(),
        ('f', 1..=3) => format!("{:03}", moment.timestamp_subsec_millis())[..length].to_owned(),
        ('t', 2) => (if moment.hour() < 12 { "AM" } else { "PM" }).to_owned(),
        _ => return None,
    })
}
