//! Aggregates kept in memory between commands.
//!
//! Memory is believed, never trusted: what it says decides, the append finds out when it was stale. What other
//! processes change is forgotten as the log tells of it, for the sake of what is only looked up: a revoked token.

use std::any::Any;
use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::{Aggregate, OrganisationId};
use event_log::RecordedEvent;
use lru::LruCache;

use crate::Versioned;

type Key = (OrganisationId, Cow<'static, str>, String);

/// A [`Versioned`] aggregate of some noun, and its version, which can be asked without knowing the noun.
struct Entry {
    version: i64,
    /// When it was read as a whole: since then only events were added to it, and what was erased meanwhile is in it still.
    read_at: Instant,
    known: Box<dyn Any + Send>,
}

/// A bounded set of recently used aggregates.
///
/// A standard mutex: each section is one look-up in memory, shorter than a task switch.
pub(crate) struct Cache {
    entries: Mutex<LruCache<Key, Entry>>,
}

impl Cache {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: Mutex::new(LruCache::new(capacity)),
        }
    }

    pub(crate) fn get<A: Aggregate>(&self, tenant: OrganisationId, id: &str) -> Option<Versioned<A>> {
        self.lock()
            .get(&key::<A>(tenant, id))?
            .known
            .downcast_ref::<Versioned<A>>()
            .cloned()
    }

    /// What was read as a whole no longer ago than this.
    pub(crate) fn recent<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: &str,
        within: Duration,
    ) -> Option<Versioned<A>> {
        let entries = &mut *self.lock();
        let entry = entries.get(&key::<A>(tenant, id))?;
        (entry.read_at.elapsed() < within).then(|| entry.known.downcast_ref::<Versioned<A>>().cloned())?
    }

    /// Keeps what was read as a whole.
    pub(crate) fn put_whole<A: Aggregate>(&self, tenant: OrganisationId, id: &str, known: Versioned<A>) {
        self.keep(tenant, id, known, Some(Instant::now()));
    }

    /// Keeps what came of what was known.
    pub(crate) fn put<A: Aggregate>(&self, tenant: OrganisationId, id: &str, known: Versioned<A>) {
        self.keep(tenant, id, known, None);
    }

    /// Keeps what is known, unless something newer is: whoever read earlier may come later.
    fn keep<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: &str,
        known: Versioned<A>,
        read_at: Option<Instant>,
    ) {
        let key = key::<A>(tenant, id);
        let mut entries = self.lock();
        let before = entries.peek(&key);
        if before.is_none_or(|entry| entry.version <= known.version) {
            let read_at = read_at.or(before.map(|entry| entry.read_at));
            let entry = Entry {
                version: known.version,
                read_at: read_at.unwrap_or_else(Instant::now),
                known: Box::new(known),
            };
            entries.put(key, entry);
        }
    }

    pub(crate) fn forget<A: Aggregate>(&self, tenant: OrganisationId, id: &str) {
        self.lock().pop(&key::<A>(tenant, id));
    }

    /// Forgets what is older than an event of the log.
    pub(crate) fn observe(&self, event: &RecordedEvent) {
        let stream = &event.stream;
        let noun = Cow::Owned(stream.aggregate_type.clone());
        let key = (OrganisationId(event.tenant), noun, stream.aggregate_id.clone());
        let mut entries = self.lock();
        if entries
            .peek(&key)
            .is_some_and(|entry| entry.version < event.sequence)
        {
            entries.pop(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key<A: Aggregate>(tenant: OrganisationId, id: &str) -> Key {
    (tenant, Cow::Borrowed(A::TYPE), id.to_owned())
}

#[cfg(test)]
mod tests {
    use domain::drive::Drive;

    use super::*;

    #[test]
    fn what_is_added_to_a_state_does_not_make_it_younger() {
        let cache = Cache::new(NonZeroUsize::MIN);
        let tenant = OrganisationId::default();
        let known = |version| Versioned {
            state: Drive::default(),
            version,
        };
        let hour = Duration::from_secs(3600);
        let recent = |within| {
            let found = cache.recent::<Drive>(tenant, "a", within);
            found.map(|known| known.version)
        };
        cache.put_whole(tenant, "a", known(1));
        assert_eq!((recent(hour), recent(Duration::ZERO)), (Some(1), None));
        let read_at = || {
            cache
                .lock()
                .peek(&key::<Drive>(tenant, "a"))
                .map(|entry| entry.read_at)
        };
        let first = read_at();
        cache.put(tenant, "a", known(2));
        assert_eq!((recent(hour), read_at()), (Some(2), first));
        cache.put_whole(tenant, "a", known(2));
        assert!(read_at() > first);
        cache.put_whole(tenant, "a", known(1));
        assert_eq!(recent(hour), Some(2));
    }
}
