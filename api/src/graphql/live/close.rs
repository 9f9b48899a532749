//! Why a socket of graphql-transport-ws ends, as the other side is told.

use axum::extract::ws::CloseFrame;

use super::frame::BadFrame;
use crate::socket::wire::WriteEnd;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The client went, or is gone.
    Left,
    /// Pings were not answered.
    Silent,
    TooLong,
    /// The server stops; another takes over.
    Restart,
    /// The reader is too slow, or the token could not be looked up.
    TryAgain,
    Bad(BadFrame),
    /// Frames are text.
    Binary,
    /// Something was asked before the socket was acknowledged.
    Unacknowledged,
    /// The token is not, or no longer, accepted.
    Forbidden,
    Subprotocol,
    InitTimeout,
    /// An operation was begun under the id of one that goes on.
    IdTaken,
    SecondInit,
    TooManySockets,
}

impl Close {
    /// None where there is nobody to be told.
    pub fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Close::Left => return None,
            Close::Silent => (1001, "no answer to pings".to_owned()),
            Close::TooLong => (1009, "frame too long".to_owned()),
            Close::Restart => (1012, "restarting".to_owned()),
            Close::TryAgain => (1013, "try again later".to_owned()),
            Close::Bad(bad) => (4400, bad.to_string()),
            Close::Binary => (4400, "frames are text".to_owned()),
            Close::Unacknowledged => (4401, "Unauthorized".to_owned()),
            Close::Forbidden => (4403, "Forbidden".to_owned()),
            Close::Subprotocol => (4406, "Subprotocol not acceptable".to_owned()),
            Close::InitTimeout => (4408, "Connection initialisation timeout".to_owned()),
            Close::IdTaken => (4409, "Subscriber already exists".to_owned()),
            Close::SecondInit => (4429, "Too many initialisation requests".to_owned()),
            Close::TooManySockets => (4429, "too many sockets of this token".to_owned()),
        };
        Some(CloseFrame {
            code,
            reason: reason.into(),
        })
    }
}

impl From<WriteEnd> for Close {
    fn from(end: WriteEnd) -> Self {
        match end {
            WriteEnd::Gone => Close::Left,
            WriteEnd::TooSlow => Close::TryAgain,
        }
    }
}
