//! Who answers in a conversation: the bot, a person, or for a while nobody.
//!
//! While it is not the bot, turns are taken as always and left to people: no script is given them. A script that
//! waits goes on waiting, and is given what is said after the bot has the conversation again.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Personal, RunId, SessionId, TokenId};

/// Who answers what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    #[default]
    Bot,
    /// A person is asked for; it stands in the queue.
    WaitingForHuman,
    /// A person answers.
    Human,
    /// Nobody answers until somebody says so.
    Paused,
}

impl Control {
    pub const ALL: [Control; 4] = [
        Control::Bot,
        Control::WaitingForHuman,
        Control::Human,
        Control::Paused,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Control::Bot => "bot",
            Control::WaitingForHuman => "waiting_for_human",
            Control::Human => "human",
            Control::Paused => "paused",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.as_str() == text)
    }
}

/// How much somebody waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    Low,
    #[default]
    Normal,
    High,
    Urgent,
}

impl Priority {
    pub const ALL: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];

    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
            Priority::Urgent => "urgent",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == text)
    }
}

/// What had something changed about a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChangedBy {
    Script { run_id: RunId },
    Token { token_id: TokenId },
    Server,
}

/// Who answers from now on, and all that is known of it: nothing of what was before counts any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlChange {
    pub session_id: SessionId,
    pub control: Control,
    pub by: ChangedBy,
    /// Who answers, or shall, as the person is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attendant: Option<Personal<String>>,
    /// It may quote what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    /// A part of the organisation: a [label](is_label).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    pub priority: Priority,
    pub changed_at: DateTime<Utc>,
}

/// Who answers, as far as later decisions need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Controlled {
    pub control: Control,
    pub since: DateTime<Utc>,
    pub attendant: Option<Personal<String>>,
    pub reason: Option<Personal<String>>,
    pub department: Option<String>,
    pub priority: Priority,
}

impl Controlled {
    /// By the bot, as at the beginning of every conversation.
    pub fn by_bot(since: DateTime<Utc>) -> Self {
        Self {
            control: Control::Bot,
            since,
            attendant: None,
            reason: None,
            department: None,
            priority: Priority::Normal,
        }
    }
}

impl From<&ControlChange> for Controlled {
    fn from(change: &ControlChange) -> Self {
        Self {
            control: change.control,
            since: change.changed_at,
            attendant: change.attendant.clone(),
            reason: change.reason.clone(),
            department: change.department.clone(),
            priority: change.priority,
        }
    }
}

/// A remark of people who work on a conversation; the person does not see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Note {
    pub session_id: SessionId,
    pub by: ChangedBy,
    pub text: Personal<String>,
    pub noted_at: DateTime<Utc>,
}

const LABEL_CHARACTERS_MAX: usize = 40;

/// Whether a text is a label, as departments and tags are: at most 40 letters, digits, spaces, `-`, `_`, `.`, `&`. They
/// are not sealed, so what can be an address is none.
pub fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || " -_.&".contains(c);
    !text.trim().is_empty() && text.chars().count() <= LABEL_CHARACTERS_MAX && text.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_short_and_no_address() {
        for good in ["refund", "Sales & service", "São Paulo", "2nd-level", "v1.2"] {
            assert!(is_label(good), "{good}");
        }
        for bad in ["", "  ", "ana@example.org", "a\nb", "+49 30", &"x".repeat(41)] {
            assert!(!is_label(bad), "{bad}");
        }
    }

    #[test]
    fn words_are_those_of_events() {
        for control in Control::ALL {
            assert_eq!(serde_json::to_value(control).expect("a word"), control.as_str());
            assert_eq!(Control::parse(control.as_str()), Some(control));
        }
        for priority in Priority::ALL {
            assert_eq!(serde_json::to_value(priority).expect("a word"), priority.as_str());
            assert_eq!(Priority::parse(priority.as_str()), Some(priority));
        }
    }
}
