//! What starts a script without anybody talking to its bot.
//!
//! A conversation that begins so names the script and what it is given; it has no turns, and ends with its run.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::run::RowValues;
use crate::{BlobReference, Personal, ScheduleId};

/// Why a script was started, and with what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trigger {
    /// Name of the script within the package.
    pub script: String,
    pub cause: TriggerCause,
    /// How many scripts started one another before this one; 0 for what came from outside or from a person.
    pub depth: u8,
    /// What the script finds set.
    pub given: Personal<GivenVariables>,
    /// The row whose change is the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<RowValues>,
    /// The path of the file whose change is the cause; of the person whose file it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Personal<String>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TriggerCause {
    Schedule {
        schedule_id: ScheduleId,
        due_at: DateTime<Utc>,
    },
    Webhook {
        endpoint: String,
    },
    /// Rows of a table of the bot changed.
    Rows {
        table: String,
    },
    /// A script published an event.
    Event {
        name: String,
    },
    Form {
        name: String,
    },
    /// A file of the bot's drive changed.
    File,
}

impl TriggerCause {
    pub fn as_str(&self) -> &'static str {
        match self {
            TriggerCause::Schedule { .. } => "schedule",
            TriggerCause::Webhook { .. } => "webhook",
            TriggerCause::Rows { .. } => "rows",
            TriggerCause::Event { .. } => "event",
            TriggerCause::Form { .. } => "form",
            TriggerCause::File => "file",
        }
    }

    /// Whether it is this cause that says what a variable is. Names of other variables come from whoever fills in a form,
    /// and are never those of what is set already.
    pub fn sets(&self, variable: &str) -> bool {
        !matches!(self, TriggerCause::Form { .. }) || ["params", "body", "form"].contains(&variable)
    }

    /// Whether somebody outside waits for what the script returns.
    pub fn is_asked(&self) -> bool {
        matches!(self, TriggerCause::Webhook { .. } | TriggerCause::Form { .. })
    }
}

/// Variables by name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GivenVariables {
    /// A JSON object; empty when it is kept in a blob.
    pub variables: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobReference>,
}
