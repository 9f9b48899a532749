//! What may be asked of a session.

use chrono::{DateTime, Utc};
use domain::session::{Channel, Session, SessionEnd, SessionEvent};
use domain::{BotId, Personal, UserId};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum SessionCommand {
    Start {
        bot_id: BotId,
        user_id: UserId,
        channel: Channel,
        address: Option<String>,
        secret_hash: Option<String>,
        at: DateTime<Utc>,
    },
    End {
        reason: SessionEnd,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    #[error("session not found")]
    NotFound,
    #[error("the session exists already")]
    Exists,
    #[error("the session has ended")]
    Ended,
}

impl Refusal for SessionError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists | Self::Ended => RefusalKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "session_not_found",
            Self::Exists => "session_exists",
            Self::Ended => "session_ended",
        }
    }
}

impl Decide for Session {
    type Command = SessionCommand;
    type Error = SessionError;

    fn decide(&self, command: SessionCommand) -> Result<Vec<SessionEvent>, SessionError> {
        use SessionCommand::{End, Start};
        match (self, command) {
            (
                Session::Absent,
                Start {
                    bot_id,
                    user_id,
                    channel,
                    address,
                    secret_hash,
                    at,
                },
            ) => Ok(vec![SessionEvent::Started {
                bot_id,
                user_id,
                channel,
                address: address.map(|address| Personal::identity(user_id, address)),
                secret_hash,
                started_at: at,
            }]),
            (Session::Absent, End { .. }) => Err(SessionError::NotFound),
            (Session::Open(_), Start { .. }) => Err(SessionError::Exists),
            (Session::Open(_), End { reason }) => Ok(vec![SessionEvent::Ended { reason }]),
            (Session::Ended, End { .. }) => Ok(vec![]),
            (Session::Ended, Start { .. }) => Err(SessionError::Ended),
        }
    }
}
