//! What starts the scripts of a bot: schedules and triggers.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use basic::{RowOperation, Trigger as Declared};
use chrono::{DateTime, Utc};
use commands::{DeclaredTrigger, KnownSchedule};
use domain::schedule::When;
use domain::{Permission, RunId};
use projections::{Keyset, cursor_of_key};

use super::error::AskError;
use super::guard::Needs;
use super::loaders::find;
use super::run::Run;

/// Times at which a script of a bot starts by itself.
pub(super) struct Schedule(pub KnownSchedule);

impl Schedule {
    /// Its place in the list of a bot's.
    pub fn key(&self) -> String {
        format!("{}\u{0}{}", self.0.script, self.0.id)
    }
}

impl Keyset for Schedule {
    fn cursor(&self) -> String {
        cursor_of_key(&self.key())
    }
}

/// Whether a schedule starts its script.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScheduleState {
    /// It starts its script at its times.
    Active,
    /// It starts nothing until it is resumed.
    Paused,
}

/// What set a schedule.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScheduleCause {
    /// The package declares it.
    Package,
    /// A script set it as it ran.
    Script,
}

/// Times at which a script of a bot starts by itself.
#[Object]
impl Schedule {
    /// Identifies the schedule.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Name of the script within the package.
    async fn script(&self) -> &str {
        &self.0.script
    }

    /// What set it.
    async fn cause(&self) -> ScheduleCause {
        match self.0.user_id {
            None => ScheduleCause::Package,
            Some(_) => ScheduleCause::Script,
        }
    }

    /// Fields of cron, by the clock of its zone. Null for one that is due once.
    async fn cron(&self) -> Option<&str> {
        match &self.0.when {
            When::Again { cron } => Some(cron),
            When::Once { .. } => None,
        }
    }

    /// IANA name of the zone whose clock counts.
    async fn timezone(&self) -> &str {
        &self.0.timezone
    }

    /// Whether it starts its script.
    async fn state(&self) -> ScheduleState {
        match self.0.paused_at {
            None => ScheduleState::Active,
            Some(_) => ScheduleState::Paused,
        }
    }

    /// When it was set.
    async fn set_at(&self) -> DateTime<Utc> {
        self.0.set_at
    }

    /// Since when it is paused. Null while it is not.
    async fn paused_at(&self) -> Option<DateTime<Utc>> {
        self.0.paused_at
    }

    /// When it is due next. Null while it is paused, and when it never is again.
    async fn next_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_at
    }

    /// The time for which its script was started last, by the clock or by somebody. Null when it never was.
    async fn last_at(&self) -> Option<DateTime<Utc>> {
        self.0.last_at
    }

    /// The run of its script that was started last, and what came of it. Null when there is none, or none yet. Needs
    /// `run.read`.
    #[graphql(guard = "Needs(Permission::RunRead)")]
    async fn last_run(&self, ctx: &Context<'_>) -> Result<Option<Run>, AskError> {
        match self.0.last_run() {
            Some(run) => find::<RunId, Run>(ctx, run).await,
            None => Ok(None),
        }
    }
}

/// What kind of thing starts a script.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TriggerKind {
    /// A request to the address of the webhook.
    Webhook,
    /// A form that is sent.
    Form,
    /// An event that a script publishes.
    Event,
    /// Rows of a table that change.
    Rows,
    /// Files of the bot's drive that change.
    Files,
    /// Mail that comes.
    Mail,
}

/// What starts a script of a bot besides schedules, as its package declares it.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Trigger {
    /// Name of the script within the package.
    script: String,
    /// What kind of thing starts it.
    kind: TriggerKind,
    /// The webhook, form, event, table, folder or address that is meant, as written.
    target: String,
    #[graphql(skip)]
    operations: Option<String>,
    #[graphql(skip)]
    key: String,
}

#[ComplexObject]
impl Trigger {
    /// Of rows and files: which changes, as written. Null for the others, and for all changes of files.
    async fn operations(&self) -> Option<&str> {
        self.operations.as_deref()
    }
}

impl Trigger {
    /// `number` is its place among the triggers of its bot.
    pub fn new(number: usize, declared: DeclaredTrigger) -> Option<Trigger> {
        let (kind, target, operations) = match declared.trigger {
            Declared::Schedule { .. } => return None,
            Declared::Webhook { endpoint } => (TriggerKind::Webhook, endpoint, None),
            Declared::Form { name } => (TriggerKind::Form, name, None),
            Declared::Event { name } => (TriggerKind::Event, name, None),
            Declared::Row { operation, table } => {
                let operation = match operation {
                    RowOperation::Insert => "insert",
                    RowOperation::Update => "update",
                    RowOperation::Delete => "delete",
                };
                (TriggerKind::Rows, table, Some(operation.to_owned()))
            }
            Declared::Change { path, events } => (TriggerKind::Files, path, events),
            Declared::Mail { address, .. } => (TriggerKind::Mail, address, None),
        };
        Some(Trigger {
            key: format!("{}\u{0}{number:06}", declared.script),
            script: declared.script,
            kind,
            target,
            operations,
        })
    }

    pub fn key(&self) -> String {
        self.key.clone()
    }
}

impl Keyset for Trigger {
    fn cursor(&self) -> String {
        cursor_of_key(&self.key)
    }
}
