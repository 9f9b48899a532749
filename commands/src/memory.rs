//! What may be asked of a memory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::memory::{Memory, MemoryEntry, MemoryEvent, MemoryScope};
use domain::{Personal, UserId};

use crate::{Decide, Refusal, RefusalKind};

/// Things that one memory holds at most.
pub const ENTRIES_MAX: usize = 1_000;
const KEY_CHARACTERS_MAX: usize = 200;
/// One value as JSON.
const VALUE_BYTES_MAX: usize = 64 << 10;
/// Lists, more than two for each person, after which what is still known is written down anew, so that a memory stays quick
/// to read.
const COMPACTED_AFTER: usize = 200;
/// Keys and values of one memory together.
pub const MEMORY_BYTES_MAX: usize = 1 << 20;
/// Keys and values in one event, which the log takes sealed.
const EVENT_BYTES_MAX: usize = 256 << 10;
/// People whose entries stand in one event: each has an envelope of its own.
const EVENT_PEOPLE_MAX: usize = 250;

#[derive(Debug, Clone)]
pub enum MemoryCommand {
    Set {
        scope: MemoryScope,
        /// In whose conversation it is.
        person: UserId,
        entries: Vec<MemoryEntry>,
        at: DateTime<Utc>,
    },
    /// Without keys forgets everything.
    Clear {
        scope: MemoryScope,
        person: UserId,
        keys: Option<Vec<String>>,
    },
    /// Forgets what was remembered in conversations with a person who is being erased. What they wrote in the place of others'
    /// words, or had forgotten, must not come back once nobody can read it: what is left is written down anew.
    Erase {
        scope: MemoryScope,
        person: UserId,
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    #[error("a memory holds at most {ENTRIES_MAX} things and {} KiB", MEMORY_BYTES_MAX >> 10)]
    Full,
    #[error("what is remembered has a name of 1 to {KEY_CHARACTERS_MAX} characters")]
    Key,
    #[error("what is remembered has at most {} KiB", VALUE_BYTES_MAX >> 10)]
    Value,
}

impl Refusal for MemoryError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Full => RefusalKind::Conflict,
            Self::Key | Self::Value => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Full => "memory_full",
            Self::Key => "memory_key",
            Self::Value => "memory_value",
        }
    }
}

/// Whether something can be remembered under this key.
pub fn check(entry: &MemoryEntry) -> Result<(), MemoryError> {
    let characters = entry.key.chars().count();
    if characters == 0 || characters > KEY_CHARACTERS_MAX || entry.key.contains('\0') {
        return Err(MemoryError::Key);
    }
    if entry.value.len() > VALUE_BYTES_MAX {
        return Err(MemoryError::Value);
    }
    Ok(())
}

impl Decide for Memory {
    type Command = MemoryCommand;
    type Error = MemoryError;

    fn decide(&self, command: MemoryCommand) -> Result<Vec<MemoryEvent>, MemoryError> {
        match command {
            MemoryCommand::Set {
                scope,
                person,
                entries,
                at,
            } => {
                entries.iter().try_for_each(check)?;
                if entries.is_empty() {
                    return Ok(Vec::new());
                }
                let mut known = self.entries(at);
                known.extend(entries.iter().map(|entry| (entry.key.as_str(), entry)));
                let bytes: usize = known.values().map(|entry| size(entry)).sum();
                if known.len() > ENTRIES_MAX || bytes > MEMORY_BYTES_MAX {
                    return Err(MemoryError::Full);
                }
                let mut events = self.compacted(scope, at);
                events.extend(sets(scope, person, entries, at));
                Ok(events)
            }
            MemoryCommand::Clear { scope, person, keys } => {
                let keys = keys.map(|keys| Personal::conversation(person, keys));
                Ok(vec![MemoryEvent::Cleared { scope, keys }])
            }
            MemoryCommand::Erase { scope, person, at } => {
                if !self.concerns(person) {
                    return Ok(Vec::new());
                }
                let mut by_person = self.by_person(at);
                by_person.remove(&person);
                let mut anew = vec![MemoryEvent::Cleared { scope, keys: None }];
                anew.extend(sets_of_all(scope, by_person, at));
                Ok(anew)
            }
        }
    }
}

fn size(entry: &MemoryEntry) -> usize {
    entry.key.len() + entry.value.len()
}

/// Entries as events of a size that the log takes.
fn sets(
    scope: MemoryScope,
    person: UserId,
    entries: Vec<MemoryEntry>,
    at: DateTime<Utc>,
) -> impl Iterator<Item = MemoryEvent> {
    parts(entries).into_iter().map(move |entries| MemoryEvent::Set {
        scope,
        entries: Personal::conversation(person, entries),
        others: Vec::new(),
        set_at: at,
    })
}

/// Entries in lists that each fit into an event.
fn parts(entries: Vec<MemoryEntry>) -> Vec<Vec<MemoryEntry>> {
    let mut parts: Vec<Vec<MemoryEntry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        bytes += size(&entry);
        match parts.last_mut() {
            Some(part) if bytes <= EVENT_BYTES_MAX => part.push(entry),
            _ => {
                bytes = size(&entry);
                parts.push(vec![entry]);
            }
        }
    }
    parts
}

/// The entries of many people as few events.
fn sets_of_all(
    scope: MemoryScope,
    by_person: BTreeMap<UserId, Vec<MemoryEntry>>,
    at: DateTime<Utc>,
) -> Vec<MemoryEvent> {
    let mut events: Vec<MemoryEvent> = Vec::new();
    let mut bytes = 0;
    for (person, entries) in by_person {
        for part in parts(entries) {
            bytes += part.iter().map(size).sum::<usize>();
            let set = Personal::conversation(person, part);
            match events.last_mut() {
                Some(MemoryEvent::Set { others, .. })
                    if bytes <= EVENT_BYTES_MAX && others.len() + 1 < EVENT_PEOPLE_MAX =>
                {
                    others.push(set);
                }
                _ => {
                    bytes = set.clear().into_iter().flatten().map(size).sum();
                    events.push(MemoryEvent::Set {
                        scope,
                        entries: set,
                        others: Vec::new(),
                        set_at: at,
                    });
                }
            }
        }
    }
    events
}

/// What a memory knows, as the events that say it anew, once it has grown long.
trait Compacted {
    fn by_person(&self, at: DateTime<Utc>) -> BTreeMap<UserId, Vec<MemoryEntry>>;
    fn compacted(&self, scope: MemoryScope, at: DateTime<Utc>) -> Vec<MemoryEvent>;
}

impl Compacted for Memory {
    fn by_person(&self, at: DateTime<Utc>) -> BTreeMap<UserId, Vec<MemoryEntry>> {
        let mut by_person: BTreeMap<UserId, Vec<MemoryEntry>> = BTreeMap::new();
        for (person, entry) in self.entries_of(at).into_values() {
            by_person.entry(person).or_default().push(entry.clone());
        }
        by_person
    }

    fn compacted(&self, scope: MemoryScope, at: DateTime<Utc>) -> Vec<MemoryEvent> {
        if self.length() < COMPACTED_AFTER {
            return Vec::new();
        }
        let by_person = self.by_person(at);
        // A list for each person is the least there can be.
        if self.length() < COMPACTED_AFTER + 2 * by_person.len() {
            return Vec::new();
        }
        let mut anew = vec![MemoryEvent::Cleared { scope, keys: None }];
        anew.extend(sets_of_all(scope, by_person, at));
        anew
    }
}

#[cfg(test)]
mod tests {
    use domain::{Aggregate, BotId};
    use uuid::Uuid;

    use super::*;

    fn entry(key: &str, value: &str) -> MemoryEntry {
        MemoryEntry {
            key: key.to_owned(),
            value: value.to_owned(),
            expires_at: None,
        }
    }

    fn set(memory: &mut Memory, person: u128, entries: Vec<MemoryEntry>) -> Result<usize, MemoryError> {
        let events = memory.decide(MemoryCommand::Set {
            scope: MemoryScope::Bot {
                bot_id: BotId(Uuid::nil()),
            },
            person: UserId(Uuid::from_u128(person)),
            entries,
            at: DateTime::UNIX_EPOCH,
        })?;
        events.iter().for_each(|event| memory.apply(event));
        Ok(events.len())
    }

    #[test]
    fn the_last_word_counts_and_time_takes_it_away() {
        let mut memory = Memory::default();
        set(&mut memory, 1, vec![entry("a", "1"), entry("b", "2")]).expect("remembered");
        let until = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(10);
        let short = MemoryEntry {
            expires_at: Some(until),
            ..entry("a", "3")
        };
        set(&mut memory, 2, vec![short]).expect("remembered");
        let keys = |now| {
            memory
                .entries(now)
                .keys()
                .map(|key| (*key).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(keys(DateTime::UNIX_EPOCH), ["a", "b"]);
        assert_eq!(keys(until), ["b"]);
        assert_eq!(memory.entries(DateTime::UNIX_EPOCH)["a"].value, "3");
    }

    #[test]
    fn limits_hold() {
        let mut memory = Memory::default();
        let many = (0..=ENTRIES_MAX).map(|n| entry(&n.to_string(), "0")).collect();
        assert_eq!(set(&mut memory, 1, many), Err(MemoryError::Full));
        assert_eq!(set(&mut memory, 1, vec![entry("", "0")]), Err(MemoryError::Key));
        let same = (0..=ENTRIES_MAX)
            .map(|n| entry("progress", &n.to_string()))
            .collect();
        assert_eq!(set(&mut memory, 1, same), Ok(1), "one key is one thing");
        let half = "x".repeat(VALUE_BYTES_MAX - 10);
        let large = |count: u32| (0..count).map(|n| entry(&n.to_string(), &half)).collect();
        assert_eq!(
            set(&mut memory, 1, large(15)),
            Ok(4),
            "in events that the log takes"
        );
        assert_eq!(set(&mut memory, 1, large(17)), Err(MemoryError::Full));
        let long = "x".repeat(VALUE_BYTES_MAX + 1);
        assert_eq!(
            set(&mut memory, 1, vec![entry("a", &long)]),
            Err(MemoryError::Value)
        );
    }

    #[test]
    fn a_long_memory_is_written_anew_for_each_person() {
        let mut memory = Memory::default();
        for n in 0..COMPACTED_AFTER as u128 + 4 {
            set(
                &mut memory,
                n % 2,
                vec![entry(&(n % 10).to_string(), &n.to_string())],
            )
            .expect("remembered");
        }
        let before = memory.clone();
        let events = set(&mut memory, 3, vec![entry("last", "0")]).expect("remembered");
        assert_eq!(events, 3, "forgotten, of two people anew, and the new one");
        let mut known = memory.entries(DateTime::UNIX_EPOCH);
        known.remove("last");
        assert_eq!(known, before.entries(DateTime::UNIX_EPOCH));
        assert!(memory.length() < 10);
    }

    #[test]
    fn what_an_erased_person_wrote_over_or_had_forgotten_does_not_come_back() {
        let scope = MemoryScope::Bot {
            bot_id: BotId(Uuid::nil()),
        };
        let at = DateTime::UNIX_EPOCH;
        let [ana, rui] = [1, 2].map(|person| UserId(Uuid::from_u128(person)));
        let mut memory = Memory::default();
        let words = ["shared", "gone", "kept"].map(|key| entry(key, "ana's"));
        set(&mut memory, 1, words.into()).expect("remembered");
        set(&mut memory, 2, vec![entry("shared", "rui's")]).expect("remembered");
        let cleared = MemoryCommand::Clear {
            scope,
            person: rui,
            keys: Some(vec!["gone".to_owned()]),
        };
        let erased = MemoryCommand::Erase {
            scope,
            person: rui,
            at,
        };
        for command in [cleared, erased.clone()] {
            let events = memory.decide(command).expect("decided");
            events.iter().for_each(|event| memory.apply(event));
        }
        let known: Vec<&str> = memory.entries(at).into_keys().collect();
        assert_eq!(known, ["kept"]);
        assert!(memory.concerns(ana) && !memory.concerns(rui));
        assert_eq!(
            memory.decide(erased),
            Ok(Vec::new()),
            "there is nothing left to do"
        );
    }

    #[test]
    fn a_memory_of_very_many_people_is_written_anew_too_and_not_each_time() {
        let mut memory = Memory::default();
        let people = 900;
        let name = |n: u128| format!("of {}", n % people);
        let mut longest = 0;
        let mut written = 0;
        for n in 0..2_100 {
            let events = set(&mut memory, n % people, vec![entry(&name(n), &n.to_string())]);
            let events = events.expect("remembered");
            written += usize::from(events > 1);
            assert!(events <= 10, "an append takes them");
            longest = longest.max(memory.length());
        }
        assert!(longest <= COMPACTED_AFTER + 2 * people as usize);
        assert_eq!(written, 1);
        let known = memory.entries_of(DateTime::UNIX_EPOCH);
        assert_eq!(known.len(), people as usize);
        let (person, last) = known["of 7"];
        assert_eq!((person.0.as_u128(), last.value.as_str()), (7, "1807"));
    }
}
