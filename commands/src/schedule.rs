//! What may be asked of a schedule.

use chrono::{DateTime, Utc};
use domain::schedule::{Schedule, ScheduleEvent, Timetable, When};

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
    /// Has it start nothing until it is resumed.
    Pause {
        at: DateTime<Utc>,
    },
    Resume {
        at: DateTime<Utc>,
    },
    /// Has its script started now, also while it is paused.
    Start {
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
                if **timetable
                    == (Timetable {
                        set_at: timetable.set_at,
                        ..new.clone()
                    }) =>
            {
                Ok(vec![])
            }
            (_, ScheduleCommand::Set(timetable)) => Ok(vec![ScheduleEvent::Set(timetable)]),
            (
                Schedule::Active {
                    timetable, paused_at, ..
                },
                command,
            ) => Ok(of_active(timetable, paused_at.is_some(), command)),
            // Cleared meanwhile, by the package or by another process.
            (Schedule::Ended, ScheduleCommand::Fire { .. } | ScheduleCommand::Clear { .. }) => Ok(vec![]),
            (Schedule::Absent | Schedule::Ended, _) => Err(ScheduleError::NotFound),
        }
    }
}

fn of_active(timetable: &Timetable, is_paused: bool, command: ScheduleCommand) -> Vec<ScheduleEvent> {
    match command {
        ScheduleCommand::Set(timetable) => vec![ScheduleEvent::Set(timetable)],
        ScheduleCommand::Fire { due_at, at } => vec![ScheduleEvent::Fired { due_at, fired_at: at }],
        ScheduleCommand::Clear { at } => vec![ScheduleEvent::Cleared { cleared_at: at }],
        ScheduleCommand::Pause { .. } if is_paused => vec![],
        ScheduleCommand::Pause { at } => vec![ScheduleEvent::Paused { paused_at: at }],
        ScheduleCommand::Resume { .. } if !is_paused => vec![],
        ScheduleCommand::Resume { at } => {
            let resumed = ScheduleEvent::Resumed { resumed_at: at };
            match timetable.when {
                // Its only time has passed.
                When::Once { at: due_at } if due_at <= at => {
                    vec![resumed, ScheduleEvent::Cleared { cleared_at: at }]
                }
                When::Once { .. } | When::Again { .. } => vec![resumed],
            }
        }
        ScheduleCommand::Start { at } => vec![ScheduleEvent::Started { started_at: at }],
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use domain::{Aggregate as _, BotId};

    use super::*;

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minute)
    }

    fn set(when: When) -> Schedule {
        let timetable = Timetable {
            bot_id: BotId::default(),
            script: "report".to_owned(),
            when,
            timezone: "UTC".to_owned(),
            job: None,
            from: None,
            user_id: None,
            set_at: at(0),
        };
        let mut schedule = Schedule::default();
        done(&mut schedule, ScheduleCommand::Set(timetable)).expect("it is new");
        schedule
    }

    fn done(schedule: &mut Schedule, command: ScheduleCommand) -> Result<usize, ScheduleError> {
        let events = schedule.decide(command)?;
        events.iter().for_each(|event| schedule.apply(event));
        Ok(events.len())
    }

    #[test]
    fn a_schedule_is_paused_resumed_and_started() {
        let mut schedule = set(When::Again {
            cron: "0 9 * * *".to_owned(),
        });
        assert_eq!(done(&mut schedule, ScheduleCommand::Resume { at: at(1) }), Ok(0));
        assert_eq!(done(&mut schedule, ScheduleCommand::Pause { at: at(1) }), Ok(1));
        assert_eq!(done(&mut schedule, ScheduleCommand::Pause { at: at(2) }), Ok(0));
        assert_eq!(done(&mut schedule, ScheduleCommand::Start { at: at(3) }), Ok(1));
        // Declared again with another zone, it stays as somebody left it.
        let Schedule::Active { timetable, .. } = schedule.clone() else {
            panic!("it is there");
        };
        let moved = Timetable {
            timezone: "Europe/Lisbon".to_owned(),
            ..*timetable
        };
        assert_eq!(done(&mut schedule, ScheduleCommand::Set(moved)), Ok(1));
        assert!(
            matches!(schedule, Schedule::Active { paused_at: Some(since), last_at: Some(last), .. }
                if since == at(1) && last == at(3))
        );
        assert_eq!(done(&mut schedule, ScheduleCommand::Resume { at: at(4) }), Ok(1));
        assert_eq!(done(&mut schedule, ScheduleCommand::Clear { at: at(5) }), Ok(1));
        assert_eq!(
            done(&mut schedule, ScheduleCommand::Start { at: at(6) }),
            Err(ScheduleError::NotFound)
        );
        assert_eq!(
            done(&mut Schedule::default(), ScheduleCommand::Pause { at: at(6) }),
            Err(ScheduleError::NotFound)
        );
    }

    #[test]
    fn what_was_to_start_once_while_it_was_paused_is_over() {
        let mut schedule = set(When::Once { at: at(10) });
        assert_eq!(done(&mut schedule, ScheduleCommand::Pause { at: at(1) }), Ok(1));
        assert_eq!(done(&mut schedule, ScheduleCommand::Resume { at: at(2) }), Ok(1));
        assert_eq!(done(&mut schedule, ScheduleCommand::Pause { at: at(3) }), Ok(1));
        assert_eq!(done(&mut schedule, ScheduleCommand::Resume { at: at(11) }), Ok(2));
        assert_eq!(schedule, Schedule::Ended);
    }
}
