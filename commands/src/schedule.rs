//! What may be asked of a schedule.

use chrono::{DateTime, Utc};
use domain::schedule::{Schedule, ScheduleEvent, Timetable};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum ScheduleCommand {
    /// Sets it, or sets it again where its zone changed.
    Set(Timetable),
    /// Tells that its script was started.
    Fire {
        due_at: DateTime<Utc>,
        at: DateTime<Utc>,
    },
    Clear {
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    #[error("schedule not found")]
    NotFound,
}

impl Refusal for ScheduleError {
    fn kind(&self) -> RefusalKind {
        RefusalKind::NotFound
    }

    fn code(&self) -> &'static str {
        "schedule_not_found"
    }
}

impl Decide for Schedule {
    type Command = ScheduleCommand;
    type Error = ScheduleError;

    fn decide(&self, command: ScheduleCommand) -> Result<Vec<ScheduleEvent>, ScheduleError> {
        match (self, command) {
            // The same again: when it was set first counts.
            (Schedule::Active { timetable, .. }, ScheduleCommand::Set(new))
                if *timetable
                    == (Timetable {
                        set_at: timetable.set_at,
                        ..new.clone()
                    }) =>
            {
                Ok(vec![])
            }
            (_, ScheduleCommand::Set(timetable)) => Ok(vec![ScheduleEvent::Set(timetable)]),
            (Schedule::Absent, ScheduleCommand::Fire { .. } | ScheduleCommand::Clear { .. }) => {
                Err(ScheduleError::NotFound)
            }
            (Schedule::Active { .. }, ScheduleCommand::Fire { due_at, at }) => {
                Ok(vec![ScheduleEvent::Fired { due_at, fired_at: at }])
            }
            (Schedule::Active { .. }, ScheduleCommand::Clear { at }) => {
                Ok(vec![ScheduleEvent::Cleared { cleared_at: at }])
            }
            (Schedule::Ended, ScheduleCommand::Fire { .. } | ScheduleCommand::Clear { .. }) => Ok(vec![]),
        }
    }
}
