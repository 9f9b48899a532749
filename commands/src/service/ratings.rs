//! What people think of replies.

use chrono::{DateTime, Utc};
use domain::conversation::{Conversation, ConversationEvent, Rating};
use domain::{ConversationId, Permission, ReplyId, SessionId};
use event_log::Outcome;
use serde_json::Value;

use super::files::may;
use super::{Commands, Done};
use crate::executor::append_command;
use crate::{CommandError, Context};

/// A reply as its reader knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatedReply {
    pub session_id: SessionId,
    pub conversation_id: ConversationId,
    pub reply_id: ReplyId,
}

impl Commands {
    /// Records what the session's visitor, or a token for them, thinks of a reply that was read in this conversation;
    /// None takes it back. Ended conversations can be rated, too, and nothing is decided: the last one counts.
    pub async fn rate_reply(
        &self,
        context: &Context,
        reply: RatedReply,
        rating: Option<Rating>,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        may(context, reply.session_id, Permission::ConversationWrite)?;
        let id = reply.conversation_id.to_string();
        let events = [ConversationEvent::ReplyRated {
            session_id: reply.session_id,
            reply_id: reply.reply_id,
            rating,
            rated_at: now,
        }];
        let append = append_command::<Conversation>(context, &id, None, id.clone(), &events, Value::Null)?;
        match self.executor.append(append).await? {
            Outcome::Stored(stored) => {
                self.executor.update_memory::<Conversation>(
                    context.tenant,
                    &id,
                    &events,
                    stored.last_sequence,
                );
                Ok(Done {
                    token: Some(stored.token),
                    repeated: false,
                })
            }
            Outcome::Duplicate(stored) => Ok(Done {
                token: Some(stored.token),
                repeated: true,
            }),
            Outcome::Mismatch => Err(CommandError::Mismatch),
            Outcome::Conflict { .. } | Outcome::Fenced { .. } | Outcome::Taken { .. } => {
                Err(CommandError::Contended)
            }
        }
    }
}
