//! Aggregates kept in memory between commands.
//!
//! Memory is believed, never trusted: what it says decides, the append finds out when it was stale. What other
//! processes change is forgotten as the log tells of it, for the sake of what is only looked up: a revoked token.

use std::any::Any;
use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Aggregate, OrganisationId};
use event_log::RecordedEvent;
use lru::LruCache;

use crate::Versioned;

type Key = (OrganisationId, Cow<'static, str>, String);

/// A [`Versioned`] aggregate of some noun, and its version, which can be asked without knowing the noun.
struct Entry {
    version: i64,
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

    /// Keeps what is known, unless something newer is: whoever read earlier may come later.
    pub(crate) fn put<A: Aggregate>(&self, tenant: OrganisationId, id: &str, known: Versioned<A>) {
        let key = key::<A>(tenant, id);
        let mut entries = self.lock();
        if entries
            .peek(&key)
            .is_none_or(|entry| entry.version <= known.version)
        {
            let version = known.version;
            let known = Box::new(known);
            entries.put(key, Entry { version, known });
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
