//! The end of the log, kept for those who follow it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Read;
use crate::{Position, RecordedEvent};

/// Events that are kept, and bytes of payload: more than whoever keeps up is ever behind.
pub(super) const EVENTS_MAX: i64 = 4_096;
const BYTES_MAX: usize = 8 << 20;

#[derive(Default)]
pub(super) struct Tail {
    kept: Mutex<Kept>,
    fetching: tokio::sync::Mutex<()>,
}

/// Events without a gap.
#[derive(Default)]
struct Kept {
    events: VecDeque<(Arc<RecordedEvent>, usize)>,
    bytes: usize,
    last: Position,
}

impl Tail {
    /// The next events after a position; `None` when they are not kept, or not there yet.
    pub fn after(&self, after: Position, limit: i64) -> Option<Vec<Arc<RecordedEvent>>> {
        let kept = self.kept();
        let first = kept.last.0 - kept.events.len() as i64 + 1;
        if after.0 + 1 < first || after >= kept.last {
            return None;
        }
        let from = usize::try_from(after.0 + 1 - first).ok()?;
        let limit = usize::try_from(limit).ok()?;
        let events = kept.events.range(from..).take(limit);
        Some(events.map(|(event, _)| event.clone()).collect())
    }

    pub fn ends_at(&self, position: Position) -> bool {
        self.kept().last == position
    }

    /// Held by the one who reads what is not kept yet.
    pub async fn fetching(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.fetching.lock().await
    }

    /// Keeps what was read after a position, and lets go of the oldest.
    pub fn append(&self, after: Position, read: &[Read]) {
        let mut kept = self.kept();
        if read.is_empty() {
            return;
        }
        if kept.last != after {
            // Somebody further ahead has begun, or nobody yet.
            if kept.last > after {
                return;
            }
            *kept = Kept::default();
        }
        for Read { event, bytes } in read {
            kept.bytes += bytes;
            kept.events.push_back((event.clone(), *bytes));
            kept.last = event.position.unwrap_or_default();
        }
        while kept.events.len() as i64 > EVENTS_MAX || kept.bytes > BYTES_MAX {
            let Some((_, bytes)) = kept.events.pop_front() else {
                break;
            };
            kept.bytes -= bytes;
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
