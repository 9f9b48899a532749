//! What starts the scripts of a bot: schedules, which can be paused and started now, and triggers.

use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::schedule::{Schedule, When};
use domain::{BotId, OrganisationId, Permission, RunId, ScheduleId, UserId};
use serde_json::Value;

use super::{Commands, Done};
use crate::automation::scheduled_run;
use crate::dialogue::lock;
use crate::{BotError, CommandError, Context, RefusalKind, ScheduleCommand, ScheduleError};

/// A schedule of a bot, as the process that is asked follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownSchedule {
    pub id: ScheduleId,
    pub script: String,
    pub when: When,
    /// IANA name of the zone whose clock counts.
    pub timezone: String,
    /// Whose script set it; None for what the package declares.
    pub user_id: Option<UserId>,
    pub set_at: DateTime<Utc>,
    pub paused_at: Option<DateTime<Utc>>,
    /// None while it is paused, and when it never is due again.
    pub next_at: Option<DateTime<Utc>>,
    /// For which time its script was started last.
    pub last_at: Option<DateTime<Utc>>,
}

impl KnownSchedule {
    /// The run of its script that was started last. It may not have begun yet.
    pub fn last_run(&self) -> Option<RunId> {
        self.last_at.map(|at| scheduled_run(self.id, at))
    }
}

/// What starts a script by itself, as its package declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredTrigger {
    pub script: String,
    pub trigger: basic::Trigger,
}

impl Commands {
    /// The schedules of a bot, by script and id.
    pub fn schedules(&self, tenant: OrganisationId, bot: BotId) -> Vec<KnownSchedule> {
        let calendar = lock(&self.dialogues.shared().calendar);
        let known = calendar.entries_of(tenant, bot).filter_map(|(id, entry)| {
            let Schedule::Active {
                timetable,
                last_at,
                paused_at,
                ..
            } = &entry.schedule
            else {
                return None;
            };
            Some(KnownSchedule {
                id,
                script: timetable.script.clone(),
                when: timetable.when.clone(),
                timezone: timetable.timezone.clone(),
                user_id: timetable.user_id,
                set_at: timetable.set_at,
                paused_at: *paused_at,
                next_at: entry.due_at,
                last_at: *last_at,
            })
        });
        let mut known: Vec<KnownSchedule> = known.collect();
        known.sort_by(|a, b| (&a.script, a.id).cmp(&(&b.script, b.id)));
        known
    }

    /// What starts the scripts of a bot besides schedules, by script, in the order in which each declares them.
    pub async fn triggers(
        &self,
        tenant: OrganisationId,
        bot: BotId,
    ) -> Result<Vec<DeclaredTrigger>, CommandError> {
        let handlers = self.dialogues.declared_handlers(tenant, bot).await?;
        let others = handlers
            .iter()
            .filter(|handler| !matches!(handler.trigger, basic::Trigger::Schedule { .. }));
        let declared = others.map(|handler| DeclaredTrigger {
            script: handler.script.clone(),
            trigger: handler.trigger.clone(),
        });
        Ok(declared.collect())
    }

    /// Has a schedule start nothing until it is resumed.
    pub async fn pause_schedule(
        &self,
        context: &Context,
        schedule: ScheduleId,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        self.change_schedule(context, schedule, ScheduleCommand::Pause { at: now })
            .await
    }

    /// Has a paused schedule start its script again at its times. What was due meanwhile is over.
    pub async fn resume_schedule(
        &self,
        context: &Context,
        schedule: ScheduleId,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        self.change_schedule(context, schedule, ScheduleCommand::Resume { at: now })
            .await
    }

    /// Has a schedule's script started now, by whose it is. A paused bot's is refused.
    pub async fn start_schedule(
        &self,
        context: &Context,
        schedule: ScheduleId,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::BotPause)?;
        let known = self
            .executor
            .load::<Schedule>(context.tenant, schedule)
            .await?
            .state;
        let Schedule::Active { timetable, .. } = known else {
            return Err(ScheduleError::NotFound.into());
        };
        match self
            .executor
            .load::<Bot>(context.tenant, timetable.bot_id)
            .await?
            .state
        {
            Bot::Active(_) => {}
            Bot::Paused(_) => {
                return Err(CommandError::Refused {
                    kind: RefusalKind::Conflict,
                    code: "bot_paused",
                    message: "the bot is paused".to_owned(),
                });
            }
            Bot::Absent => return Err(BotError::NotFound.into()),
            Bot::Retired => return Err(BotError::Retired.into()),
        }
        self.change_schedule(context, schedule, ScheduleCommand::Start { at: now })
            .await
    }

    async fn change_schedule(
        &self,
        context: &Context,
        schedule: ScheduleId,
        command: ScheduleCommand,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::BotPause)?;
        let changed = self
            .executor
            .execute::<Schedule>(context, schedule, command, Value::Null)
            .await?;
        let mut calendar = lock(&self.dialogues.shared().calendar);
        for event in &changed.events {
            calendar.apply(schedule, context.tenant, event);
        }
        Ok(Done {
            token: changed.token,
            repeated: changed.repeated,
        })
    }
}
