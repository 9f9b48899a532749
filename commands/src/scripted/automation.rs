//! SET SCHEDULE of another script, and PUBLISH EVENT.

use basic::{Refusal, Request, Value};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use domain::Personal;
use domain::bot::Bot;
use domain::run::{Publication, RunEvent};
use domain::schedule::{Timetable, When};

use super::{Answered, Host, text};
use crate::CommandError;
use crate::automation::{DEPTH_MAX, when};

/// The longest name of an event, in characters.
const NAME_CHARACTERS_MAX: usize = 200;

/// What an event may carry, in bytes of JSON.
const DATA_BYTES_MAX: usize = 16 << 10;

/// Events that a turn publishes at most: each may start scripts.
const PUBLISHED_MAX: u32 = 100;

/// Has a run stop until an event is published.
pub(crate) const WAIT_FOR_EVENT: &str = "WAIT FOR EVENT";

/// How long an event is waited for, in seconds: where nothing is said, and at most.
const WAITS_FOR: f64 = 60.0;
const WAITS_FOR_MAX: f64 = 3_600.0;

/// The event that a script waits for, and for how many seconds.
pub(crate) fn awaited(request: &Request) -> Result<(String, f64), Refusal> {
    let name = event_name(request)?;
    let seconds = match request.clause("timeout").unwrap_or(request.argument(1)) {
        Value::Null => WAITS_FOR,
        seconds => seconds.to_string().trim().parse().unwrap_or(f64::NAN),
    };
    if !(0.0..=WAITS_FOR_MAX).contains(&seconds) {
        let message = format!("an event is waited for between 0 and {WAITS_FOR_MAX} seconds");
        return Err(Refusal::mistake("event_timeout", message));
    }
    Ok((name, seconds))
}

fn event_name(request: &Request) -> Result<String, Refusal> {
    let name = text(request, 0).trim().to_owned();
    if (1..=NAME_CHARACTERS_MAX).contains(&name.chars().count()) {
        return Ok(name);
    }
    let message = format!("the name of an event has 1 to {NAME_CHARACTERS_MAX} characters");
    Err(Refusal::mistake("event_name", message))
}

/// Words that have scripts started.
pub(super) fn knows(word: &str) -> bool {
    matches!(word, "SCHEDULE" | "PUBLISH EVENT")
}

impl Host<'_> {
    pub(super) async fn automate(&mut self, request: &Request) -> Result<Answered, CommandError> {
        match request.word {
            "PUBLISH EVENT" => self.publish(request).await,
            _ => self.schedule(request).await,
        }
    }

    /// Tells scripts of the bot, in the same commit that records that they were told.
    async fn publish(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let name = match event_name(request) {
            Ok(name) => name,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let data = match request.clause("with") {
            Some(fields) => fields.to_json(),
            None => request.argument(1).to_json(),
        };
        let data = data.to_string();
        if data.len() > DATA_BYTES_MAX {
            let message = format!("an event carries at most {DATA_BYTES_MAX} bytes");
            return Ok(Err(Refusal::new("event_size", message)));
        }
        if self.depth >= DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} scripts start one another");
            return Ok(Err(Refusal::new("automation_depth", message)));
        }
        if self.published >= PUBLISHED_MAX {
            let message = format!("a turn publishes at most {PUBLISHED_MAX} events");
            return Ok(Err(Refusal::mistake("events_too_many", message)));
        }
        self.published += 1;
        self.begun.push(RunEvent::EventPublished(Publication {
            session_id: self.start.session_id,
            bot_id: self.start.bot_id,
            name,
            data: Personal::conversation(self.start.user_id, data),
            depth: self.depth,
            published_at: self.now,
        }));
        Ok(Ok(Value::Null))
    }

    /// Has a script of the bot start at its time: `cron [, first day] , script [, job]`, or a date instead of cron.
    async fn schedule(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let timetable = match self.timetable(request).await? {
            Ok(timetable) => timetable,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !self.dialogues().has_room(self.context.tenant, &timetable)? {
            let message =
                "too many schedules were set, by the bot's scripts or in this person's conversations";
            return Ok(Err(Refusal::new("schedules_limit", message)));
        }
        // A repetition must come to the same schedule: what it was answered so far is recorded first.
        if !self.unrecorded.is_empty() {
            self.record(None).await?;
        }
        let id = self
            .dialogues()
            .set_schedule(self.context.tenant, timetable)
            .await?;
        Ok(Ok(Value::from(id.to_string().as_str())))
    }

    async fn timetable(&self, request: &Request) -> Result<Result<Timetable, Refusal>, CommandError> {
        let mistake = |message: String| Err(Refusal::mistake("schedule", message));
        let bot = self
            .shared
            .executor
            .load::<Bot>(self.context.tenant, self.start.bot_id)
            .await?
            .state;
        let Some(mounted) = bot.mounted() else {
            return Ok(mistake("the bot is gone".to_owned()));
        };
        let mut arguments = request.arguments.iter().peekable();
        let first = arguments.next().cloned().unwrap_or_default();
        let mut from = None;
        let timezone = mounted.package.profile.timezone.as_deref().unwrap_or("UTC");
        let zone = when::zone(timezone).unwrap_or(Tz::UTC);
        let when = match moment(&first, zone) {
            // A script that plans itself for at once would never rest.
            Some(at) => When::Once {
                at: at.max(self.now + when::APART_MIN),
            },
            None => match when::parse(&first.to_string()) {
                Ok(when) => when,
                Err(error) => return Ok(mistake(error.to_string())),
            },
        };
        if let Some(first_day) = arguments.peek().and_then(|value| moment(value, zone)) {
            from = Some(first_day);
            arguments.next();
        }
        let named = arguments.next().map(Value::to_string).unwrap_or_default();
        let name = named.trim().trim_start_matches('/').to_lowercase();
        let script = name.strip_suffix(".bas").unwrap_or(&name).to_owned();
        if mounted
            .package
            .scripts
            .get(&script)
            .is_none_or(|script| script.program.is_none())
        {
            return Ok(mistake(format!("there is no script `{named}` to start")));
        }
        let job = arguments
            .next()
            .map(Value::to_string)
            .filter(|job| !job.is_empty());
        Ok(Ok(Timetable {
            bot_id: self.start.bot_id,
            script,
            when,
            timezone: timezone.to_owned(),
            job: job.map(|job| Personal::conversation(self.start.user_id, job)),
            from,
            user_id: Some(self.start.user_id),
            set_at: self.now,
        }))
    }
}

/// A date means its beginning by the clock of the zone.
fn moment(value: &Value, zone: Tz) -> Option<DateTime<Utc>> {
    let begins = |date: NaiveDate| {
        let local = date.and_time(NaiveTime::MIN).and_local_timezone(zone);
        Some(local.earliest()?.to_utc())
    };
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Date(date) => begins(*date),
        Value::Text(text) => match text.trim().parse::<DateTime<Utc>>() {
            Ok(moment) => Some(moment),
            Err(_) => begins(text.trim().parse().ok()?),
        },
        _ => None,
    }
}
