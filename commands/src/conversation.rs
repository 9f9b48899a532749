//! What may be asked of a conversation.
//!
//! Turns are not decided here: they may always be added, so they are appended without deciding anything.

use chrono::{DateTime, TimeDelta, Utc};
use domain::conversation::{Conversation, ConversationEnd, ConversationEvent};
use domain::{BotId, SessionId, UserId};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum ConversationCommand {
    Start {
        session_id: SessionId,
        bot_id: BotId,
        user_id: UserId,
        at: DateTime<Utc>,
    },
    End {
        reason: ConversationEnd,
    },
    /// Ends it if nothing was said for longer than `idle`.
    Expire {
        idle: TimeDelta,
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    #[error("conversation not found")]
    NotFound,
    #[error("the conversation exists already")]
    Exists,
}

impl Refusal for ConversationError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists => RefusalKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "conversation_not_found",
            Self::Exists => "conversation_exists",
        }
    }
}

impl Decide for Conversation {
    type Command = ConversationCommand;
    type Error = ConversationError;

    fn decide(&self, command: ConversationCommand) -> Result<Vec<ConversationEvent>, ConversationError> {
        use ConversationCommand::{End, Expire, Start};
        match (self, command) {
            (
                Conversation::Absent,
                Start {
                    session_id,
                    bot_id,
                    user_id,
                    at,
                },
            ) => Ok(vec![ConversationEvent::Started {
                session_id,
                bot_id,
                user_id,
                started_at: at,
                trigger: None,
            }]),
            (_, Start { .. }) => Err(ConversationError::Exists),
            (Conversation::Absent, End { .. } | Expire { .. }) => Err(ConversationError::NotFound),
            (Conversation::Open(open), End { reason }) => Ok(vec![ConversationEvent::Ended {
                session_id: open.session_id,
                reason,
            }]),
            (Conversation::Open(open), Expire { idle, at }) if at - open.active_at > idle => {
                Ok(vec![ConversationEvent::Ended {
                    session_id: open.session_id,
                    reason: ConversationEnd::Idle,
                }])
            }
            (Conversation::Open(_), Expire { .. })
            | (Conversation::Ended { .. }, End { .. } | Expire { .. }) => Ok(vec![]),
        }
    }
}
