//! Schedules: scripts that start again and again at times of a calendar, or once.
//!
//! A package declares them, and scripts set more as they run. Each is a stream, so that it is known for ever when it
//! fired.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BotId, Event, Personal, UserId};

/// What happened to a schedule. Stored for ever: see `schemas/events/schedule.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ScheduleEvent {
    #[serde(rename = "schedule.set")]
    Set(Timetable),
    /// The script was started for this time. Times that passed while nobody looked are made up for by one start.
    #[serde(rename = "schedule.fired")]
    Fired {
        due_at: DateTime<Utc>,
        fired_at: DateTime<Utc>,
    },
    /// It starts nothing until it is resumed; times that pass meanwhile are over.
    #[serde(rename = "schedule.paused")]
    Paused { paused_at: DateTime<Utc> },
    #[serde(rename = "schedule.resumed")]
    Resumed { resumed_at: DateTime<Utc> },
    /// Somebody has its script started now, beside its times.
    #[serde(rename = "schedule.started")]
    Started { started_at: DateTime<Utc> },
    /// It starts nothing any more.
    #[serde(rename = "schedule.cleared")]
    Cleared { cleared_at: DateTime<Utc> },
}

impl Event for ScheduleEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("schedule.set", 1),
        ("schedule.fired", 1),
        ("schedule.paused", 1),
        ("schedule.resumed", 1),
        ("schedule.started", 1),
        ("schedule.cleared", 1),
    ];
}

/// Which script starts when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Timetable {
    pub bot_id: BotId,
    /// Name of the script within the package.
    pub script: String,
    pub when: When,
    /// IANA name of the zone whose clock counts.
    pub timezone: String,
    /// Given to the script as `job_name`; it may name somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Personal<String>>,
    /// Not before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Whose script set it, so whom its runs are for; None for what the package declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    pub set_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum When {
    Again {
        /// Five fields of cron, or six with the seconds first.
        cron: String,
    },
    Once {
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Schedule {
    #[default]
    Absent,
    Active {
        timetable: Box<Timetable>,
        /// When it fired last; None when it never did.
        fired_at: Option<DateTime<Utc>>,
        /// For which time its script was started last, by the calendar or by somebody.
        last_at: Option<DateTime<Utc>>,
        /// Since when it starts nothing.
        paused_at: Option<DateTime<Utc>>,
        resumed_at: Option<DateTime<Utc>>,
    },
    /// Cleared, or over: what was to start once has started.
    Ended,
}

impl Aggregate for Schedule {
    const TYPE: &'static str = "schedule";
    /// 2: with when it was started last, and since when it is paused.
    const FORM: i32 = 2;
    type Event = ScheduleEvent;

    fn apply(&mut self, event: &ScheduleEvent) {
        match event {
            ScheduleEvent::Set(set) => match self {
                // Whoever paused it meant it, whatever its zone.
                Schedule::Active {
                    timetable, fired_at, ..
                } => {
                    **timetable = set.clone();
                    *fired_at = None;
                }
                Schedule::Absent | Schedule::Ended => {
                    *self = Schedule::Active {
                        timetable: Box::new(set.clone()),
                        fired_at: None,
                        last_at: None,
                        paused_at: None,
                        resumed_at: None,
                    };
                }
            },
            ScheduleEvent::Fired { due_at, fired_at: at } => {
                if let Schedule::Active {
                    timetable,
                    fired_at,
                    last_at,
                    ..
                } = self
                {
                    if matches!(timetable.when, When::Once { .. }) {
                        *self = Schedule::Ended;
                        return;
                    }
                    *fired_at = Some(*at);
                    *last_at = Some(*due_at);
                }
            }
            ScheduleEvent::Paused { paused_at: at } => {
                if let Schedule::Active { paused_at, .. } = self {
                    *paused_at = Some(*at);
                }
            }
            ScheduleEvent::Resumed { resumed_at: at } => {
                if let Schedule::Active {
                    paused_at,
                    resumed_at,
                    ..
                } = self
                {
                    *paused_at = None;
                    *resumed_at = Some(*at);
                }
            }
            ScheduleEvent::Started { started_at } => {
                if let Schedule::Active { last_at, .. } = self {
                    *last_at = Some(*started_at);
                }
            }
            ScheduleEvent::Cleared { .. } => *self = Schedule::Ended,
        }
    }
}
