//! Aggregates kept in memory between commands.
//!
//! Memory is believed, never trusted: what it says decides, the append finds out when it was stale.

use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use domain::{Aggregate, OrganisationId};
use lru::LruCache;

use crate::Versioned;

type Key = (OrganisationId, &'static str, String);

/// A bounded set of recently used aggregates.
///
/// A standard mutex: each section is one look-up in memory, shorter than a task switch.
pub(crate) struct Memory {
    entries: Mutex<LruCache<Key, Box<dyn Any + Send>>>,
}

impl Memory {
    pub(crate) fn new(capacity: NonZeroUsize) -> Self {
        Self {
            entries: Mutex::new(LruCache::new(capacity)),
        }
    }

    pub(crate) fn get<A: Aggregate>(&self, tenant: OrganisationId, id: &str) -> Option<Versioned<A>> {
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        entries
            .get(&(tenant, A::TYPE, id.to_owned()))?
            .downcast_ref::<Versioned<A>>()
            .cloned()
    }

    pub(crate) fn put<A: Aggregate>(&self, tenant: OrganisationId, id: &str, state: Versioned<A>) {
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.put((tenant, A::TYPE, id.to_owned()), Box::new(state));
    }

    pub(crate) fn forget<A: Aggregate>(&self, tenant: OrganisationId, id: &str) {
        let mut entries = self
            .entries
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        entries.pop(&(tenant, A::TYPE, id.to_owned()));
    }
}
