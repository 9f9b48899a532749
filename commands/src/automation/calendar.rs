//! The schedules that there are, in the order in which they are due. What the log says is kept in memory by whoever
//! follows it.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::schedule::{Schedule, ScheduleEvent, Timetable};
use domain::{Aggregate, BotId, OrganisationId, ScheduleId, decode};
use event_log::RecordedEvent;

use super::when::next_due;

#[derive(Debug, Default)]
pub(crate) struct Calendar {
    entries: HashMap<ScheduleId, Entry>,
    due: BTreeSet<(DateTime<Utc>, ScheduleId)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub tenant: OrganisationId,
    pub schedule: Schedule,
    /// When it is due; None when it never is.
    pub due_at: Option<DateTime<Utc>>,
}

impl Entry {
    /// None for one that has ended.
    pub fn timetable(&self) -> Option<&Timetable> {
        match &self.schedule {
            Schedule::Active { timetable, .. } => Some(timetable),
            Schedule::Absent | Schedule::Ended => None,
        }
    }
}

impl Calendar {
    /// Takes a schedule as the log has it.
    pub fn put(&mut self, id: ScheduleId, tenant: OrganisationId, schedule: Schedule) {
        if let Some(before) = self.entries.remove(&id)
            && let Some(due_at) = before.due_at
        {
            self.due.remove(&(due_at, id));
        }
        let Schedule::Active {
            timetable,
            fired_at,
            paused_at,
            resumed_at,
            ..
        } = &schedule
        else {
            return;
        };
        let due_at = match paused_at {
            Some(_) => None,
            None => next_due(timetable, *fired_at, *resumed_at),
        };
        self.due.extend(due_at.map(|due_at| (due_at, id)));
        let entry = Entry {
            tenant,
            schedule,
            due_at,
        };
        self.entries.insert(id, entry);
    }

    /// Takes what happened to a schedule. Said again, it changes nothing.
    pub fn observe(&mut self, event: &RecordedEvent) {
        if event.stream.aggregate_type != Schedule::TYPE {
            return;
        }
        let Ok(id) = event.stream.aggregate_id.parse() else {
            return;
        };
        let decoded: Result<ScheduleEvent, _> =
            decode(&event.event_type, event.event_version, &event.payload);
        match decoded {
            Ok(happened) => self.apply(id, OrganisationId(event.tenant), &happened),
            Err(error) => {
                tracing::warn!(schedule.id = %id, %error, "what happened to a schedule cannot be read");
            }
        }
    }

    pub fn apply(&mut self, id: ScheduleId, tenant: OrganisationId, happened: &ScheduleEvent) {
        let mut schedule = self
            .entries
            .get(&id)
            .map(|entry| entry.schedule.clone())
            .unwrap_or_default();
        schedule.apply(happened);
        self.put(id, tenant, schedule);
    }

    /// What is due by now, the longest due first.
    pub fn due(&self, now: DateTime<Utc>) -> Vec<(DateTime<Utc>, ScheduleId)> {
        let due = self.due.iter().take_while(|(due_at, _)| *due_at <= now);
        due.copied().collect()
    }

    pub fn get(&self, id: ScheduleId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    /// The schedules of a bot, with all that is known of them.
    pub fn entries_of(
        &self,
        tenant: OrganisationId,
        bot: BotId,
    ) -> impl Iterator<Item = (ScheduleId, &Entry)> {
        let entries = self
            .entries
            .iter()
            .filter(move |(_, entry)| entry.tenant == tenant);
        let of = move |entry: &Entry| entry.timetable().is_some_and(|timetable| timetable.bot_id == bot);
        entries
            .filter(move |(_, entry)| of(entry))
            .map(|(id, entry)| (*id, entry))
    }

    /// The schedules of a bot.
    pub fn of(&self, bot: BotId) -> impl Iterator<Item = (ScheduleId, &Timetable)> {
        let entries = self.entries.iter();
        entries.filter_map(move |(id, entry)| {
            let timetable = entry.timetable()?;
            (timetable.bot_id == bot).then_some((*id, timetable))
        })
    }
}
