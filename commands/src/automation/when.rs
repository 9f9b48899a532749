//! When a schedule is due: cron, or words such as `every monday at 9am`, in the clock of a zone.
//!
//! Where the clock is put forward, what was due in the hour that is left out comes at its end; where it is put back, an
//! hour that comes twice counts once, unless the schedule is for every hour or oftener.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use domain::schedule::{Timetable, When};

/// A schedule starts its script at most so often, and what scripts plan is at least so far ahead.
pub(crate) const APART_MIN: TimeDelta = TimeDelta::seconds(10);

/// Texts longer than this are no schedule.
const CHARACTERS_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    #[error("`{0}` is no schedule; examples are \"0 9 * * MON-FRI\" and \"every day at 9am\"")]
    NotUnderstood(String),
    #[error("{every} {unit} do not divide {whole} evenly; write when in the form of cron")]
    Uneven {
        every: u32,
        unit: &'static str,
        whole: &'static str,
    },
    #[error("`{0}` is at no time of any year")]
    Never(String),
}

/// Reads what follows SET SCHEDULE.
pub fn parse(text: &str) -> Result<When, WhenError> {
    let short: String = text.trim().chars().take(CHARACTERS_MAX + 1).collect();
    let understood = match cron(&short) {
        Some(_) if short.chars().count() <= CHARACTERS_MAX => short.clone(),
        _ => Words::of(&short).cron()?,
    };
    let again = cron(&understood).ok_or_else(|| WhenError::NotUnderstood(short.clone()))?;
    again
        .find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, false)
        .map_err(|_| WhenError::Never(short))?;
    Ok(When::Again { cron: understood })
}

/// The zone of this IANA name.
pub fn zone(name: &str) -> Option<Tz> {
    name.trim().parse().ok()
}

/// When the schedule is due next, if it fired at `fired_at` and was resumed at `resumed_at` last. None when it never is
/// again.
pub fn next_due(
    timetable: &Timetable,
    fired_at: Option<DateTime<Utc>>,
    resumed_at: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let again = match &timetable.when {
        When::Once { at } => return fired_at.is_none().then_some(*at),
        When::Again { cron: text } => cron(text)?,
    };
    let not_before = timetable.from.map(|from| from - TimeDelta::seconds(1));
    let rested = fired_at.map(|at| at + APART_MIN - TimeDelta::seconds(1));
    let after = [Some(timetable.set_at), not_before, rested, resumed_at]
        .into_iter()
        .flatten()
        .max()?;
    let zone = zone(&timetable.timezone).unwrap_or(Tz::UTC);
    let next = again
        .find_next_occurrence(&after.with_timezone(&zone), false)
        .ok()?;
    Some(next.with_timezone(&Utc))
}

fn cron(text: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    // Its nicknames, such as @reboot, have a meaning that is not ours.
    (!text.contains('@')).then(|| parser.parse(text).ok()).flatten()
}

/// The words of a schedule that are not read yet.
struct Words {
    text: String,
    words: Vec<String>,
    at: usize,
}

impl Words {
    fn of(text: &str) -> Words {
        let lower = text.to_lowercase().replace([',', ';'], " ");
        // `9 am` is one word.
        let mut words: Vec<String> = Vec::new();
        for word in lower.split_whitespace() {
            match (words.last_mut(), word) {
                (Some(hour), "am" | "pm") if hour.starts_with(|c: char| c.is_ascii_digit()) => {
                    hour.push_str(word);
                }
                _ => words.push(word.to_owned()),
            }
        }
        Words {
            text: text.to_owned(),
            words,
            at: 0,
        }
    }

    fn peek(&self) -> &str {
        self.words.get(self.at).map_or("", String::as_str)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = words.contains(&self.peek());
        if found {
            self.at += 1;
        }
        found
    }

    fn not_understood(&self) -> WhenError {
        WhenError::NotUnderstood(self.text.clone())
    }

    /// `[every] [number] unit | days  [at time] [from hour to hour] [on days]`
    fn cron(mut self) -> Result<String, WhenError> {
        let mut fields = Fields::default();
        self.take(&["run", "execute"]);
        let every = self.take(&["every", "each"]);
        let number = self.peek().parse::<u32>().ok();
        if number.is_some() {
            self.at += 1;
        }
        let every_n = number.unwrap_or(1);
        match self.peek() {
            "second" | "seconds" if every => fields.repeat(Unit::Second, every_n)?,
            "minute" | "minutes" if every => fields.repeat(Unit::Minute, every_n)?,
            "hour" | "hours" if every => fields.repeat(Unit::Hour, every_n)?,
            "hourly" => fields.repeat(Unit::Hour, 1)?,
            "day" | "days" if every => fields.repeat(Unit::Day, every_n)?,
            "daily" => fields.repeat(Unit::Day, 1)?,
            "month" | "months" if every => fields.repeat(Unit::Month, every_n)?,
            "monthly" => fields.repeat(Unit::Month, 1)?,
            "week" if every && number.is_none_or(|number| number == 1) => fields.days = Some("1".to_owned()),
            "weekly" => fields.days = Some("1".to_owned()),
            "business" if !every => {
                fields.repeat(Unit::Hour, 1)?;
                (fields.hours, fields.days) = ("9-17".to_owned(), Some("1-5".to_owned()));
                self.at += 1;
                self.take(&["hours"]);
                self.at -= 1;
            }
            _ if number.is_none() => {
                fields.days = Some(self.days().ok_or_else(|| self.not_understood())?);
                self.at -= 1;
            }
            _ => return Err(self.not_understood()),
        }
        self.at += 1;
        while self.at < self.words.len() {
            self.addition(&mut fields)?;
        }
        Ok(fields.joined())
    }

    fn addition(&mut self, fields: &mut Fields) -> Result<(), WhenError> {
        if self.take(&["at"]) {
            let (hour, minute) = self.time()?;
            (fields.minutes, fields.hours) = (minute.to_string(), hour.to_string());
        } else if self.take(&["from", "between"]) {
            let (first, _) = self.time()?;
            if !self.take(&["to", "and", "until", "till"]) {
                return Err(self.not_understood());
            }
            let (last, _) = self.time()?;
            fields.hours = format!("{first}-{last}");
        } else if self.take(&["on"]) && self.take(&["day", "the"]) || self.peek().parse::<u32>().is_ok() {
            let day = self.peek().trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let day: u32 = day.parse().map_err(|_| self.not_understood())?;
            fields.day_of_month = day.to_string();
            self.at += 1;
        } else if let Some(days) = self.days() {
            fields.days = Some(days);
        } else {
            return Err(self.not_understood());
        }
        Ok(())
    }

    /// `9`, `9am`, `21:30`, `noon`
    fn time(&mut self) -> Result<(u32, u32), WhenError> {
        let word = self.peek().to_owned();
        self.at += 1;
        let wrong = || WhenError::NotUnderstood(self.text.clone());
        match word.as_str() {
            "noon" | "midday" => return Ok((12, 0)),
            "midnight" => return Ok((0, 0)),
            _ => {}
        }
        let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
            (Some(digits), _) => (digits, Some(0)),
            (_, Some(digits)) => (digits, Some(12)),
            _ => (word.strip_suffix('h').unwrap_or(&word), None),
        };
        let (hour, minute) = digits.split_once([':', '.', 'h']).unwrap_or((digits, "0"));
        let hour: u32 = hour.parse().map_err(|_| wrong())?;
        let minute: u32 = minute.parse().map_err(|_| wrong())?;
        let hour = match half {
            Some(_) if !(1..=12).contains(&hour) => return Err(wrong()),
            Some(half) => hour % 12 + half,
            None => hour,
        };
        if hour > 23 || minute > 59 {
            return Err(wrong());
        }
        Ok((hour, minute))
    }

    /// Days of the week, as cron counts them.
    fn days(&mut self) -> Option<String> {
        let mut days = Vec::new();
        loop {
            let word = self.peek().trim_end_matches('s');
            let day = match word {
                "weekday" | "workday" => "1-5",
                "weekend" => "0,6",
                "sunday" | "sun" => "0",
                "monday" | "mon" => "1",
                "tuesday" | "tue" => "2",
                "wednesday" | "wed" | "wedne" => "3",
                "thursday" | "thu" | "thur" => "4",
                "friday" | "fri" => "5",
                "saturday" | "sat" => "6",
                "and" if !days.is_empty() => {
                    self.at += 1;
                    continue;
                }
                _ => break,
            };
            self.at += 1;
            days.push(day);
        }
        (!days.is_empty()).then(|| days.join(","))
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Month,
}

/// The fields of cron; once a day at midnight where nothing more is said.
struct Fields {
    seconds: String,
    minutes: String,
    hours: String,
    day_of_month: String,
    month: String,
    days: Option<String>,
}

impl Default for Fields {
    fn default() -> Fields {
        let zero = || "0".to_owned();
        let any = || "*".to_owned();
        Fields {
            seconds: zero(),
            minutes: zero(),
            hours: zero(),
            day_of_month: any(),
            month: any(),
            days: None,
        }
    }
}

impl Fields {
    fn repeat(&mut self, unit: Unit, every: u32) -> Result<(), WhenError> {
        let (whole, name, within) = match unit {
            Unit::Second => (60, "seconds", "a minute"),
            Unit::Minute => (60, "minutes", "an hour"),
            Unit::Hour => (24, "hours", "a day"),
            // Days are counted from the first of each month.
            Unit::Day => (every, "days", "a month"),
            Unit::Month => (12, "months", "a year"),
        };
        if every == 0 || every > whole || whole % every != 0 || (matches!(unit, Unit::Day) && every > 31) {
            return Err(WhenError::Uneven {
                every,
                unit: name,
                whole: within,
            });
        }
        let again = if every == 1 {
            "*".to_owned()
        } else {
            format!("*/{every}")
        };
        let any = || "*".to_owned();
        match unit {
            Unit::Second => (self.seconds, self.minutes, self.hours) = (again, any(), any()),
            Unit::Minute => (self.minutes, self.hours) = (again, any()),
            Unit::Hour => self.hours = again,
            Unit::Day => self.day_of_month = again,
            Unit::Month => (self.month, self.day_of_month) = (again, "1".to_owned()),
        }
        Ok(())
    }

    fn joined(&self) -> String {
        let days = self.days.as_deref().unwrap_or("*");
        let (minutes, hours, day, month) = (&self.minutes, &self.hours, &self.day_of_month, &self.month);
        let five = format!("{minutes} {hours} {day} {month} {days}");
        match self.seconds.as_str() {
            "0" => five,
            seconds => format!("{seconds} {five}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron_of(text: &str) -> String {
        match parse(text) {
            Ok(When::Again { cron }) => cron,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn words_become_cron() {
        for (words, cron) in [
            ("0 9 * * *", "0 9 * * *"),
            ("0 8,16 * * MON", "0 8,16 * * MON"),
            ("30 0 9 * * *", "30 0 9 * * *"),
            ("every 5 minutes", "*/5 * * * *"),
            ("every 30 seconds", "*/30 * * * * *"),
            ("every minute", "* * * * *"),
            ("every 1 hour", "0 * * * *"),
            ("Every 6 hours", "0 */6 * * *"),
            ("hourly", "0 * * * *"),
            ("every hour from 9 to 17", "0 9-17 * * *"),
            (
                "every 15 minutes from 9am to 5pm on weekdays",
                "*/15 9-17 * * 1-5",
            ),
            ("every day at 9am", "0 9 * * *"),
            ("daily at 21:30", "30 21 * * *"),
            ("every day at 9 pm", "0 21 * * *"),
            ("every day", "0 0 * * *"),
            ("weekdays at 8am", "0 8 * * 1-5"),
            ("weekends at noon", "0 12 * * 0,6"),
            ("every monday at 9", "0 9 * * 1"),
            ("every monday, wednesday and friday at 18:15", "15 18 * * 1,3,5"),
            ("weekly", "0 0 * * 1"),
            ("monthly", "0 0 1 * *"),
            ("every month on the 15th at 7am", "0 7 15 * *"),
            ("business hours", "0 9-17 * * 1-5"),
        ] {
            assert_eq!(cron_of(words), cron, "{words}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused() {
        for text in [
            "",
            "soon",
            "every 7 minutes",
            "every 0 hours",
            "every day at 25:00",
            "61 * * * *",
            "* * *",
            "@reboot",
            "every banana",
            "0 0 31 2 *",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"* ".repeat(100_000)).is_err());
    }

    fn timetable(when: &str, timezone: &str, set_at: &str) -> Timetable {
        Timetable {
            bot_id: domain::BotId::default(),
            script: "report".to_owned(),
            when: parse(when).expect("a schedule"),
            timezone: timezone.to_owned(),
            job: None,
            from: None,
            user_id: None,
            set_at: set_at.parse().expect("a time"),
        }
    }

    #[test]
    fn a_schedule_follows_the_clock_of_its_zone() {
        let daily = timetable("every day at 2:30", "Europe/Lisbon", "2026-03-27T00:00:00Z");
        let mut due = Vec::new();
        let mut fired = None;
        for _ in 0..4 {
            fired = next_due(&daily, fired, None);
            due.push(fired.expect("again and again").to_rfc3339());
        }
        // On the 29th of March the clock goes from 1 to 2 there, and is an hour ahead from then on.
        let expected = [
            "2026-03-27T02:30:00+00:00",
            "2026-03-28T02:30:00+00:00",
            "2026-03-29T01:30:00+00:00",
            "2026-03-30T01:30:00+00:00",
        ];
        assert_eq!(due, expected);
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_or_has_twice_comes_once() {
        let daily = timetable("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z");
        let left_out = next_due(&daily, None, None).expect("due");
        assert_eq!(left_out.to_rfc3339(), "2026-03-29T01:00:00+00:00");
        let next = next_due(&daily, Some(left_out), None).expect("due");
        assert_eq!(next.to_rfc3339(), "2026-03-30T00:30:00+00:00");

        let autumn = timetable("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z");
        let twice = next_due(&autumn, None, None).expect("due");
        assert_eq!(twice.to_rfc3339(), "2026-10-25T00:30:00+00:00");
        let next = next_due(&autumn, Some(twice), None).expect("due");
        assert_eq!(next.to_rfc3339(), "2026-10-26T01:30:00+00:00");
    }

    #[test]
    fn a_schedule_starts_nothing_before_its_day_and_not_too_often() {
        let mut often = timetable("* * * * * *", "UTC", "2026-01-01T00:00:00Z");
        let first = next_due(&often, None, None).expect("due");
        let second = next_due(&often, Some(first), None).expect("due");
        assert_eq!(second - first, APART_MIN);
        often.from = Some("2026-05-01T12:00:00Z".parse().expect("a time"));
        assert_eq!(next_due(&often, None, None), often.from);
    }

    #[test]
    fn what_is_due_once_is_due_once() {
        let at = "2026-05-01T12:00:00Z".parse().expect("a time");
        let mut once = timetable("daily", "UTC", "2026-01-01T00:00:00Z");
        once.when = When::Once { at };
        assert_eq!(next_due(&once, None, None), Some(at));
        assert_eq!(next_due(&once, Some(at), None), None);
    }
}
