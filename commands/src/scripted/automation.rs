//! SET SCHEDULE of another script, and PUBLISH EVENT.

use basic::{Refusal, Request, Value};
use chrono::{DateTime, NaiveTime, Utc};
use domain::Personal;
use domain::bot::Bot;
use domain::run::{Publication, RunEvent};
use domain::schedule::{Timetable, When};

use super::{Answered, Host, text};
use crate::CommandError;
use crate::automation::{DEPTH_MAX, SCHEDULES_MAX, when};

/// The longest name of an event, in characters.
const NAME_CHARACTERS_MAX: usize = 200;

/// What an event may carry, in bytes of JSON.
const DATA_BYTES_MAX: usize = 16 << 10;

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
        let name = text(request, 0).trim().to_owned();
        let length = name.chars().count();
        if length == 0 || length > NAME_CHARACTERS_MAX {
            let message = format!("the name of an event has 1 to {NAME_CHARACTERS_MAX} characters");
            return Ok(Err(Refusal::mistake("event_name", message)));
        }
        let data = match request.clause("WITH") {
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
        if self.dialogues().schedules_of(self.start.bot_id) >= SCHEDULES_MAX {
            let message = format!("a bot has at most {SCHEDULES_MAX} schedules");
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
        let when = match moment(&first) {
            Some(at) => When::Once { at },
            None => match when::parse(&first.to_string()) {
                Ok(when) => when,
                Err(error) => return Ok(mistake(error.to_string())),
            },
        };
        if let Some(first_day) = arguments.peek().and_then(|value| moment(value)) {
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
        let timezone = mounted.package.profile.timezone.as_deref().unwrap_or("UTC");
        Ok(Ok(Timetable {
            bot_id: self.start.bot_id,
            script,
            when,
            timezone: timezone.to_owned(),
            job,
            from,
            user_id: Some(self.start.user_id),
            set_at: self.now,
        }))
    }
}

/// A date means its beginning.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Moment(moment) => Some(*moment),
        Value::Date(date) => Some(date.and_time(NaiveTime::MIN).and_utc()),
        Value::Text(text) => {
            let text = text.trim();
            let date = text.parse::<chrono::NaiveDate>().ok();
            let moment = text.parse::<DateTime<Utc>>().ok();
            moment.or_else(|| date.map(|date| date.and_time(NaiveTime::MIN).and_utc()))
        }
        _ => None,
    }
}
