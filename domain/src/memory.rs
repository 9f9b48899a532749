//! Memories: what scripts remember of a bot, of a person, of a session.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BotId, Event, Personal, SessionId, UserId};

/// What happened to a memory. Stored for ever: see `schemas/events/memory.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum MemoryEvent {
    /// Something was remembered in place of what was known under the same keys.
    #[serde(rename = "memory.set")]
    Set {
        scope: MemoryScope,
        /// Of the person in whose conversation it was.
        entries: Personal<Vec<MemoryEntry>>,
        /// Of further people, where a memory of many is written down anew.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Personal<Vec<MemoryEntry>>>,
        set_at: DateTime<Utc>,
    },
    /// Something was forgotten; without keys everything.
    #[serde(rename = "memory.cleared")]
    Cleared {
        scope: MemoryScope,
        keys: Option<Personal<Vec<String>>>,
    },
}

/// Begins the keys under which the platform remembers what a session is set up with; scripts neither see nor set them.
pub const SET_UP: &str = "setup.";

impl MemoryEvent {
    /// Whether it changes what something is set up with, as far as it can be read.
    pub fn sets_up(&self) -> bool {
        match self {
            Self::Set { entries, .. } => {
                let mut entries = entries.clear().into_iter().flatten();
                entries.any(|entry| entry.key.starts_with(SET_UP))
            }
            Self::Cleared { keys: None, .. } => true,
            Self::Cleared { keys: Some(keys), .. } => {
                let mut keys = keys.clear().into_iter().flatten();
                keys.any(|key| key.starts_with(SET_UP))
            }
        }
    }
}

impl Event for MemoryEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("memory.set", 1), ("memory.cleared", 1)];
}

/// Whose memory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "of", rename_all = "snake_case")]
pub enum MemoryScope {
    /// A bot's, whoever talks to it.
    Bot {
        bot_id: BotId,
    },
    /// A person's, across sessions and bots.
    User {
        user_id: UserId,
    },
    Session {
        session_id: SessionId,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemoryEntry {
    pub key: String,
    /// JSON.
    pub value: String,
    /// Forgotten from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is remembered, by key. What was erased or cannot be read is not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The events that hold what is remembered, oldest first: personal values move whole or not at all.
    sets: Vec<Personal<Vec<MemoryEntry>>>,
    cleared: Vec<(usize, Personal<Vec<String>>)>,
}

impl Memory {
    /// How many lists of entries and keys it takes to know what is remembered.
    pub fn length(&self) -> usize {
        self.sets.len() + self.cleared.len()
    }

    /// What is remembered at a time, by key.
    pub fn entries(&self, now: DateTime<Utc>) -> BTreeMap<&str, &MemoryEntry> {
        let known = self.entries_of(now);
        known.into_iter().map(|(key, (_, entry))| (key, entry)).collect()
    }

    /// The same, with the person in whose conversation it was.
    pub fn entries_of(&self, now: DateTime<Utc>) -> BTreeMap<&str, (UserId, &MemoryEntry)> {
        let mut known = BTreeMap::new();
        let mut cleared = self.cleared.iter().peekable();
        for (at, set) in self.sets.iter().enumerate() {
            while let Some((_, keys)) = cleared.next_if(|(before, _)| *before <= at) {
                forget(&mut known, keys);
            }
            let Personal::Clear { subject, value, .. } = set else {
                continue;
            };
            for entry in value {
                known.insert(entry.key.as_str(), (*subject, entry));
            }
        }
        for (_, keys) in cleared {
            forget(&mut known, keys);
        }
        known.retain(|_, (_, entry)| entry.expires_at.is_none_or(|expires| expires > now));
        known
    }

    /// Whether something was remembered or forgotten in conversations with a person, erased or not.
    pub fn concerns(&self, person: UserId) -> bool {
        let sets = self.sets.iter().map(Personal::subject);
        let cleared = self.cleared.iter().map(|(_, keys)| keys.subject());
        sets.chain(cleared).any(|subject| subject == Some(person))
    }
}

fn forget(known: &mut BTreeMap<&str, (UserId, &MemoryEntry)>, keys: &Personal<Vec<String>>) {
    for key in keys.clear().into_iter().flatten() {
        known.remove(key.as_str());
    }
}

impl Aggregate for Memory {
    const TYPE: &'static str = "memory";
    type Event = MemoryEvent;

    fn apply(&mut self, event: &MemoryEvent) {
        match event {
            MemoryEvent::Set { entries, others, .. } => {
                self.sets.push(entries.clone());
                self.sets.extend(others.iter().cloned());
            }
            MemoryEvent::Cleared { keys: None, .. } => *self = Memory::default(),
            MemoryEvent::Cleared { keys: Some(keys), .. } => {
                self.cleared.push((self.sets.len(), keys.clone()));
            }
        }
    }
}
