//! Who works at a desk and what waits there: the port behind which the read models are.

use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::conversation::{Control, Priority};
use domain::{BotId, ConversationId, OrganisationId, SessionId, UserId};
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

/// Where conversations are found that the bot does not answer.
#[async_trait]
pub trait Desk: Send + Sync + fmt::Debug {
    /// Those of a bot, longest first; at most `limit`. As of a moment ago.
    async fn conversations(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        limit: u32,
    ) -> Result<Vec<Queued>, CommandError>;
}

/// Knows of none.
#[derive(Debug, Clone, Copy)]
pub struct NoDesk;

#[async_trait]
impl Desk for NoDesk {
    async fn conversations(&self, _: OrganisationId, _: BotId, _: u32) -> Result<Vec<Queued>, CommandError> {
        Ok(Vec::new())
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
