//! The desk of a bot as scripts ask for it: from the read model.

use async_trait::async_trait;
use commands::{AtDesk, CommandError, Desk, Queued};
use domain::conversation::Priority;
use domain::{BotId, ConversationId, OrganisationId, Personal};
use projections::Reader;
use projections::conversation::{ConversationRow, DeskFilter};

pub(crate) struct ReadDesk(pub Reader);

impl std::fmt::Debug for ReadDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReadDesk")
    }
}

fn unread(error: projections::ReadError) -> CommandError {
    CommandError::Unexpected(Box::new(error))
}

#[async_trait]
impl Desk for ReadDesk {
    async fn conversations(
        &self,
        tenant: OrganisationId,
        bot_id: BotId,
        which: &AtDesk,
        limit: u32,
    ) -> Result<Vec<Queued>, CommandError> {
        let filter = DeskFilter {
            bot_id,
            control: which.control,
            assigned: which.assigned,
            department: which.department.clone(),
        };
        let reads = self.0.tenant(tenant).await.map_err(unread)?;
        let rows = reads.desk(&filter, limit).await.map_err(unread)?;
        Ok(rows.into_iter().map(queued).collect())
    }

    async fn ahead(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        priority: Priority,
        of: ConversationId,
    ) -> Result<u64, CommandError> {
        let reads = self.0.tenant(tenant).await.map_err(unread)?;
        reads.ahead(bot, priority, of).await.map_err(unread)
    }
}

fn queued(row: ConversationRow) -> Queued {
    let clear = |text: Option<Personal<String>>| text.as_ref().and_then(Personal::clear).cloned();
    Queued {
        conversation_id: row.id,
        session_id: row.session_id,
        user_id: row.user_id,
        control: row.control,
        since: row.control_since,
        attendant: clear(row.attendant),
        reason: clear(row.reason),
        department: row.department,
        priority: row.priority,
    }
}
