//! Who works at a desk and what waits there: the port behind which the read models are.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::conversation::{Control, OpenConversation, Priority};
use domain::{BotId, ConversationId, OrganisationId, Personal, SessionId, UserId};
use serde_json::json;

use crate::CommandError;

/// Somebody who works at a bot's desk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attendant {
    pub id: String,
    pub name: String,
    pub department: Option<String>,
    pub aliases: Vec<String>,
}

impl Attendant {
    pub(super) fn is_called(&self, name: &str) -> bool {
        let names = [&self.id, &self.name].into_iter().chain(&self.aliases);
        let name = name.trim().to_lowercase();
        names.into_iter().any(|known| known.trim().to_lowercase() == name)
    }
}

/// A conversation that the bot does not answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    pub conversation_id: ConversationId,
    pub session_id: SessionId,
    pub user_id: UserId,
    pub control: Control,
    pub since: DateTime<Utc>,
    pub attendant: Option<String>,
    pub reason: Option<String>,
    pub department: Option<String>,
    pub priority: Priority,
}

impl Queued {
    /// An open conversation as a script is told of it: as it is now, but for since when it waits.
    pub(super) fn of(id: ConversationId, open: &OpenConversation, since: Option<DateTime<Utc>>) -> Self {
        let clear = |text: &Option<Personal<String>>| text.as_ref().and_then(Personal::clear).cloned();
        let controlled = &open.controlled;
        Self {
            conversation_id: id,
            session_id: open.session_id,
            user_id: open.user_id,
            control: controlled.control,
            since: since.unwrap_or(controlled.since),
            attendant: clear(&controlled.attendant),
            reason: clear(&controlled.reason),
            department: controlled.department.clone(),
            priority: controlled.priority,
        }
    }
}

/// Which of the conversations that a bot does not answer; nothing set means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AtDesk {
    pub control: Option<Control>,
    /// Whether it was given to somebody.
    pub assigned: Option<bool>,
    /// In lower case.
    pub department: Option<String>,
}

impl AtDesk {
    pub(super) fn controlled(control: Control) -> Self {
        Self {
            control: Some(control),
            ..Self::default()
        }
    }

    /// Those that wait for a person, given to somebody or not.
    pub(super) fn waiting(assigned: bool) -> Self {
        Self {
            assigned: Some(assigned),
            ..Self::controlled(Control::WaitingForHuman)
        }
    }
}

/// Where conversations are found that the bot does not answer. As of a moment ago.
#[async_trait]
pub trait Desk: Send + Sync + fmt::Debug {
    /// Those of a bot in the order in which they should be taken: the most urgent first, of those the one that has been
    /// there longest. At most `limit`.
    async fn conversations(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        which: &AtDesk,
        limit: u32,
    ) -> Result<Vec<Queued>, CommandError>;

    /// How many others wait for a person and are taken before one of this priority that comes now.
    async fn ahead(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        priority: Priority,
        of: ConversationId,
    ) -> Result<u64, CommandError>;
}

/// Knows of none.
#[derive(Debug, Clone, Copy)]
pub struct NoDesk;

#[async_trait]
impl Desk for NoDesk {
    async fn conversations(
        &self,
        _: OrganisationId,
        _: BotId,
        _: &AtDesk,
        _: u32,
    ) -> Result<Vec<Queued>, CommandError> {
        Ok(Vec::new())
    }

    async fn ahead(
        &self,
        _: OrganisationId,
        _: BotId,
        _: Priority,
        _: ConversationId,
    ) -> Result<u64, CommandError> {
        Ok(0)
    }
}

/// What a script is told of a conversation.
pub(super) fn item(queued: &Queued, now: DateTime<Utc>) -> serde_json::Value {
    json!({
        "session_id": queued.session_id,
        "conversation_id": queued.conversation_id,
        "user_id": queued.user_id,
        "status": queued.control.as_str(),
        "attendant_name": queued.attendant,
        "department": queued.department,
        "priority": queued.priority.as_str(),
        "reason": queued.reason,
        "since": queued.since,
        "waited_seconds": (now - queued.since).num_seconds().max(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_found_by_any_of_their_names() {
        let ana = Attendant {
            id: "ana".to_owned(),
            name: "Ana Silva".to_owned(),
            aliases: vec!["aninha".to_owned()],
            ..Attendant::default()
        };
        assert!(
            ["ANA", " ana silva ", "Aninha"]
                .iter()
                .all(|name| ana.is_called(name))
        );
        assert!(!ana.is_called("an"));
    }
}
