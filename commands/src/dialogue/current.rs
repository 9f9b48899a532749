//! The conversation a session is in: found, begun, or ended because it rested too long.

use chrono::{DateTime, Utc};
use domain::conversation::{Control, Conversation};
use domain::session::OpenSession;
use domain::{ConversationId, OrganisationId, RunId, SessionId};
use serde_json::json;
use uuid::Uuid;

use super::{Dialogues, lock};
use crate::{CommandError, Context, ConversationCommand};

/// How often another conversation is looked for because somebody else changed the one that was found.
const ATTEMPTS_MAX: u32 = 8;

impl Dialogues {
    /// The session's open conversation, after ending one that rested too long.
    pub(super) async fn current_conversation(
        &self,
        context: &Context,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ConversationId>, CommandError> {
        let remembered = lock(&self.shared.open).get(&session_id).copied();
        let found = match remembered {
            Some(conversation) => Some(conversation),
            None => {
                self.owner(context.tenant, "open_conversation", &session_id.to_string())
                    .await?
            }
        };
        let Some(conversation) = found else {
            return Ok(None);
        };
        let known = self
            .shared
            .executor
            .load::<Conversation>(context.tenant, conversation)
            .await?;
        match known.state {
            Conversation::Open(open)
                if open.controlled.control != Control::Bot
                    || now - open.active_at <= self.shared.options.idle => {}
            Conversation::Open(_) => {
                let waits: Option<RunId> = self
                    .owner(context.tenant, "active_run", &conversation.to_string())
                    .await?;
                if waits.is_none() {
                    let expire = ConversationCommand::Expire {
                        idle: self.shared.options.idle,
                        at: now,
                    };
                    let by_itself = Context::system(context.tenant, "dialogues");
                    let expired = self
                        .shared
                        .executor
                        .execute::<Conversation>(&by_itself, conversation, expire, json!(null))
                        .await?;
                    if !expired.events.is_empty() || self.ended(context.tenant, conversation).await? {
                        self.forget_open(session_id);
                        return Ok(None);
                    }
                }
            }
            Conversation::Ended { .. } | Conversation::Absent => {
                self.forget_open(session_id);
                return Ok(None);
            }
        }
        self.remember_open(session_id, conversation);
        Ok(Some(conversation))
    }

    pub(crate) async fn ensure_conversation(
        &self,
        tenant: OrganisationId,
        session_id: SessionId,
        open: &OpenSession,
        now: DateTime<Utc>,
    ) -> Result<ConversationId, CommandError> {
        let context = Context::system(tenant, "dialogues");
        for _ in 0..ATTEMPTS_MAX {
            if let Some(conversation) = self.current_conversation(&context, session_id, now).await? {
                return Ok(conversation);
            }
            let conversation = ConversationId(Uuid::now_v7());
            let start = ConversationCommand::Start {
                session_id,
                bot_id: open.bot_id,
                user_id: open.user_id,
                at: now,
            };
            let started = self
                .shared
                .executor
                .execute::<Conversation>(&context, conversation, start, json!(null))
                .await;
            match started {
                Ok(_) => {
                    self.remember_open(session_id, conversation);
                    return Ok(conversation);
                }
                // Another socket of the same session was faster: look again.
                Err(CommandError::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Contended)
    }

    /// True when somebody ended it: another turn that found it idle, or a request.
    async fn ended(
        &self,
        tenant: OrganisationId,
        conversation: ConversationId,
    ) -> Result<bool, CommandError> {
        let known = self
            .shared
            .executor
            .load_fresh::<Conversation>(tenant, conversation)
            .await?;
        Ok(matches!(known.state, Conversation::Ended { .. }))
    }

    async fn owner<T: std::str::FromStr>(
        &self,
        tenant: OrganisationId,
        kind: &str,
        key: &str,
    ) -> Result<Option<T>, CommandError> {
        let owner = self
            .shared
            .executor
            .log()
            .claim_owner(tenant.0, kind, key)
            .await?;
        Ok(owner.and_then(|owner| owner.parse().ok()))
    }

    pub(super) fn remember_open(&self, session: SessionId, conversation: ConversationId) {
        lock(&self.shared.open).put(session, conversation);
    }

    pub(super) fn forget_open(&self, session: SessionId) {
        lock(&self.shared.open).pop(&session);
    }
}
