//! Why a socket ends, as the other side is told.

use axum::extract::ws::CloseFrame;

use super::wire::WriteEnd;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    /// The client went, or is gone.
    Left,
    /// Pings were not answered.
    Silent,
    TooManyBadFrames,
    TooLong,
    /// The server stops; another takes over.
    Restart,
    /// The reader is too slow, or the read model too far behind.
    TryAgain,
    Unauthenticated,
    TooManySockets,
}

impl Close {
    /// None where there is nobody to be told.
    pub fn frame(self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            Close::Left => return None,
            Close::Silent => (1001, "no answer to pings"),
            Close::TooManyBadFrames => (1008, "too many bad frames"),
            Close::TooLong => (1009, "frame too long"),
            Close::Restart => (1012, "restarting"),
            Close::TryAgain => (1013, "try again later"),
            Close::Unauthenticated => (4401, "unauthenticated"),
            Close::TooManySockets => (4429, "too many sockets"),
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
