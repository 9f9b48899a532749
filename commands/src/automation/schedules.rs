//! Setting schedules, and starting what is due.
//!
//! Whose a schedule is follows from its id, as with conversations, so that one process starts its script; two that see
//! it differently for a moment start the same conversation. Times that passed while nobody looked are made up for by one
//! start; those that passed while the bot was paused are over.

use std::collections::BTreeSet;

use basic::ProgramHash;
use chrono::{DateTime, Utc};
use domain::bot::{Bot, Package};
use domain::schedule::{Schedule, ScheduleEvent, Timetable};
use domain::trigger::TriggerCause;
use domain::{Aggregate, BotId, ConversationId, OrganisationId, RunId, ScheduleId, decode};
use event_log::RecordedEvent;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Start, nobody, triggered_run, when};
use crate::dialogue::{Dialogues, lock};
use crate::{CommandError, Context, ScheduleCommand};

/// Schedules of one bot at most that its scripts set, and of those at most for one person.
const SET_MAX: usize = 1_000;
const SET_FOR_ONE_MAX: usize = 100;

/// The conversation in which a schedule's script runs for a time.
fn conversation_for(id: ScheduleId, due_at: DateTime<Utc>) -> ConversationId {
    ConversationId(Uuid::new_v5(&id.0, due_at.to_rfc3339().as_bytes()))
}

/// The run of a schedule's script for a time.
pub(crate) fn scheduled_run(id: ScheduleId, due_at: DateTime<Utc>) -> RunId {
    triggered_run(conversation_for(id, due_at))
}

impl Dialogues {
    /// Reads the schedules that there are. What happens to them from now on is seen by whoever follows the log.
    pub async fn load_schedules(&self) -> Result<(), CommandError> {
        let executor = &self.shared().executor;
        for (tenant, id) in executor.log().streams(Schedule::TYPE).await? {
            let Ok(id) = id.parse::<ScheduleId>() else {
                continue;
            };
            let tenant = OrganisationId(tenant);
            let schedule = executor.load_fresh::<Schedule>(tenant, id).await?.state;
            lock(&self.shared().calendar).put(id, tenant, schedule);
        }
        Ok(())
    }

    /// Sets the schedules that a package declares, and clears those that it declares no more.
    pub async fn declare_schedules(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        package: &Package,
        now: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        let timezone = package.profile.timezone.as_deref().unwrap_or("UTC");
        let mut declared = BTreeSet::new();
        for (name, script) in &package.scripts {
            let Some(hash) = &script.program else { continue };
            let hash: ProgramHash = hash.parse().map_err(CommandError::unexpected)?;
            let program = self.shared().programs.load(tenant, hash).await?;
            for trigger in &program.declared().triggers {
                let basic::Trigger::Schedule { when: text } = trigger else {
                    continue;
                };
                // What is not understood is a finding of the package.
                let Ok(when) = when::parse(text) else { continue };
                let timetable = Timetable {
                    bot_id: bot,
                    script: name.clone(),
                    when,
                    timezone: timezone.to_owned(),
                    job: None,
                    from: None,
                    user_id: None,
                    set_at: now,
                };
                declared.insert(self.set_schedule(tenant, timetable).await?);
            }
        }
        let gone: Vec<ScheduleId> = lock(&self.shared().calendar)
            .of(bot)
            .filter(|(id, timetable)| timetable.user_id.is_none() && !declared.contains(id))
            .map(|(id, _)| id)
            .collect();
        for id in gone {
            self.change_schedule(tenant, id, ScheduleCommand::Clear { at: now })
                .await?;
        }
        Ok(())
    }

    /// Whether a script may set this one besides those that there are.
    pub(crate) fn has_room(
        &self,
        tenant: OrganisationId,
        timetable: &Timetable,
    ) -> Result<bool, CommandError> {
        let id = self.id_of(tenant, timetable)?;
        let calendar = lock(&self.shared().calendar);
        // Set again, as when its turn is repeated, it takes no more room.
        if calendar.get(id).is_some() {
            return Ok(true);
        }
        let set = calendar.of(timetable.bot_id);
        let (mut all, mut of_person) = (0, 0);
        for (_, other) in set.filter(|(_, other)| other.user_id.is_some()) {
            all += 1;
            of_person += usize::from(other.user_id == timetable.user_id);
        }
        // Nobody in particular is all who call its webhooks.
        let is_somebody = timetable.user_id != Some(nobody(timetable.bot_id));
        Ok(all < SET_MAX && (!is_somebody || of_person < SET_FOR_ONE_MAX))
    }

    /// Sets a schedule. Set again as it is, it stays as it is.
    pub(crate) async fn set_schedule(
        &self,
        tenant: OrganisationId,
        timetable: Timetable,
    ) -> Result<ScheduleId, CommandError> {
        let id = self.id_of(tenant, &timetable)?;
        self.change_schedule(tenant, id, ScheduleCommand::Set(timetable))
            .await?;
        Ok(id)
    }

    async fn change_schedule(
        &self,
        tenant: OrganisationId,
        id: ScheduleId,
        command: ScheduleCommand,
    ) -> Result<(), CommandError> {
        let context = Context::system(tenant, "automation");
        let changed = self
            .shared()
            .executor
            .execute::<Schedule>(&context, id, command, json!(null))
            .await?;
        let mut calendar = lock(&self.shared().calendar);
        for event in &changed.events {
            calendar.apply(id, tenant, event);
        }
        Ok(())
    }

    /// Starts the scripts that are due.
    pub(crate) async fn start_due(&self, now: DateTime<Utc>) {
        let due = lock(&self.shared().calendar).due(now);
        for (due_at, id) in due {
            if !self.shared().options.runners.is_mine(ConversationId(id.0)) {
                continue;
            }
            let tenant = lock(&self.shared().calendar).get(id).map(|entry| entry.tenant);
            let Some(tenant) = tenant else { continue };
            // It stays due, and holds up no other.
            if let Err(error) = self.start_scheduled(tenant, id, due_at, now).await {
                tracing::warn!(schedule.id = %id, %error, "what is due is not started yet");
            }
        }
    }

    async fn start_scheduled(
        &self,
        tenant: OrganisationId,
        id: ScheduleId,
        due_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        // The calendar may lag behind the log, and the feed brings what is given to the script sealed.
        let executor = &self.shared().executor;
        let known = executor.load_fresh::<Schedule>(tenant, id).await?.state;
        let timetable = {
            let mut calendar = lock(&self.shared().calendar);
            calendar.put(id, tenant, known);
            let entry = calendar.get(id).filter(|entry| entry.due_at == Some(due_at));
            entry.and_then(|entry| entry.timetable().cloned())
        };
        let Some(timetable) = timetable else { return Ok(()) };
        let bot = self
            .shared()
            .executor
            .load::<Bot>(tenant, timetable.bot_id)
            .await?
            .state;
        match bot {
            Bot::Active(_) => {
                let start = scheduled(id, timetable, due_at);
                self.start_script(tenant, &start, now).await?;
            }
            Bot::Paused(_) => {}
            Bot::Absent | Bot::Retired => {
                return self
                    .change_schedule(tenant, id, ScheduleCommand::Clear { at: now })
                    .await;
            }
        }
        self.change_schedule(tenant, id, ScheduleCommand::Fire { due_at, at: now })
            .await
    }

    /// What somebody has started beside the times of its schedule.
    pub(super) async fn started_now(&self, event: &RecordedEvent) -> Result<Vec<Start>, CommandError> {
        let tenant = OrganisationId(event.tenant);
        let id: ScheduleId = event
            .stream
            .aggregate_id
            .parse()
            .map_err(CommandError::unexpected)?;
        let happened: ScheduleEvent = decode(&event.event_type, event.event_version, &event.payload)
            .map_err(CommandError::unexpected)?;
        let executor = &self.shared().executor;
        let known = executor.load_fresh::<Schedule>(tenant, id).await?.state;
        let (ScheduleEvent::Started { started_at }, Schedule::Active { timetable, .. }) = (happened, known)
        else {
            return Ok(Vec::new());
        };
        match executor.load::<Bot>(tenant, timetable.bot_id).await?.state {
            Bot::Active(_) => Ok(vec![scheduled(id, *timetable, started_at)]),
            Bot::Paused(_) | Bot::Absent | Bot::Retired => Ok(Vec::new()),
        }
    }

    /// A schedule is what starts the same script at the same times for the same. What is given to it counts by its keyed
    /// hash: it may name somebody, and must not be guessed from the id.
    fn id_of(&self, tenant: OrganisationId, timetable: &Timetable) -> Result<ScheduleId, CommandError> {
        let job = timetable.job.as_ref().and_then(|job| job.clear());
        let keyring = self.shared().executor.log().keyring();
        let job = job.map(|job| keyring.hash(tenant.0, "schedule_job", job));
        let what = json!([
            timetable.script,
            timetable.when,
            job,
            timetable.from,
            timetable.user_id
        ]);
        let what = serde_json::to_string(&what).map_err(CommandError::unexpected)?;
        Ok(ScheduleId(Uuid::new_v5(&timetable.bot_id.0, what.as_bytes())))
    }
}

/// The start at a time, of a timetable that was read with what it gives.
fn scheduled(id: ScheduleId, timetable: Timetable, at: DateTime<Utc>) -> Start {
    let job = timetable.job.as_ref().and_then(|job| job.clear());
    let given = job.map(|job| ("job_name".to_owned(), Value::from(job.as_str())));
    Start {
        conversation: conversation_for(id, at),
        bot: timetable.bot_id,
        user: timetable.user_id,
        script: timetable.script,
        cause: TriggerCause::Schedule {
            schedule_id: id,
            due_at: at,
        },
        depth: 0,
        variables: given.into_iter().collect(),
        row: None,
        path: None,
    }
}
