//! SET BOT MEMORY, REMEMBER, GET SESSION and their like.

use std::collections::{BTreeMap, HashMap};

use basic::{Array, Refusal, Request, Value};
use chrono::{DateTime, TimeDelta, Utc};
use domain::memory::{Memory, MemoryEntry, MemoryScope, SET_UP};
use domain::{BotId, SessionId};
use event_log::Outcome;
use uuid::Uuid;

use super::{Answered, Host, text};
use crate::memory::{MemoryCommand, check};
use crate::{CommandError, Decide, Refusal as _};

/// Facts about a person are one list under this key.
const FACTS: &str = "facts.";
/// Begins the keys of CACHE.
const CACHED: &str = "cache.";
/// What a turn may remember together.
const GATHERED_BYTES_MAX: usize = 1 << 20;
/// How long CACHE keeps what is not given a time.
const CACHED_FOR: TimeDelta = TimeDelta::hours(1);

/// Words that are answered from memory.
pub(super) fn knows(word: &str) -> bool {
    matches!(
        word,
        "GET BOT MEMORY"
            | "GET USER MEMORY"
            | "GET USER FACTS"
            | "RECALL"
            | "GET SESSION"
            | "CACHE GET"
            | "BOT SYNC MEMORY FROM"
    )
}

/// Words that change what is remembered.
pub(super) fn gathers(word: &str) -> bool {
    matches!(
        word,
        "SET BOT MEMORY"
            | "SET USER MEMORY"
            | "CLEAR USER MEMORY"
            | "REMEMBER USER FACT"
            | "REMEMBER"
            | "SET SESSION"
            | "CACHE SET"
            | "BOT SHARE MEMORY"
    )
}

/// What is to be remembered when the turn ends.
#[derive(Default)]
pub(crate) struct Remembering {
    changes: Vec<(MemoryScope, Change)>,
}

enum Change {
    Set(MemoryEntry),
    /// Everything that scripts see.
    Clear(Option<String>),
}

impl Remembering {
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    fn bytes(&self) -> usize {
        let sizes = self.changes.iter().map(|(_, change)| match change {
            Change::Set(entry) => entry.value.len(),
            Change::Clear(_) => 0,
        });
        sizes.sum()
    }
}

impl Host<'_> {
    pub(super) async fn remember(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let bot = MemoryScope::Bot {
            bot_id: self.start.bot_id,
        };
        let user = MemoryScope::User {
            user_id: self.start.user_id,
        };
        let session = MemoryScope::Session {
            session_id: self.start.session_id,
        };
        let first = text(request, 0);
        // With three arguments SET SESSION names another session first.
        let keys = [first.clone(), text(request, 1)];
        let named = match request.word {
            "GET SESSION" => request.arguments.len() > 1,
            "SET SESSION" => request.arguments.len() > 2,
            _ => false,
        };
        if keys[usize::from(named)].starts_with(SET_UP) {
            return Ok(Err(Refusal::mistake(
                "memory_key",
                format!("keys that begin with {SET_UP} are taken"),
            )));
        }
        match request.word {
            "SET BOT MEMORY" => Ok(self.set(bot, first, request.argument(1), None)),
            "GET BOT MEMORY" => self.get(bot, &first).await,
            "SET USER MEMORY" => Ok(self.set(user, first, request.argument(1), None)),
            "GET USER MEMORY" | "RECALL" => self.get(user, &first).await,
            "REMEMBER" => Ok(match lifetime(request.argument(2), self.now) {
                Ok(until) => self.set(user, first, request.argument(1), until),
                Err(refusal) => Err(refusal),
            }),
            "CLEAR USER MEMORY" => {
                let key = (!request.arguments.is_empty()).then_some(first);
                self.gathered(user).changes.push((user, Change::Clear(key)));
                Ok(Ok(Value::Null))
            }
            "REMEMBER USER FACT" => {
                let number = self.numbered(user, FACTS).await?;
                Ok(self.set(user, format!("{FACTS}{number:06}"), request.argument(0), None))
            }
            "GET USER FACTS" => {
                let known = self.known(user).await?;
                let facts = known
                    .range(FACTS.to_owned()..)
                    .take_while(|(key, _)| key.starts_with(FACTS));
                let facts: Vec<serde_json::Value> = facts.map(|(_, value)| value.to_json()).collect();
                Ok(Ok(Value::from_json(facts.into())))
            }
            "GET SESSION" => match request.arguments.len() {
                1 => self.get(session, &first).await,
                _ => match self.other_session(&first).await? {
                    Ok(scope) => self.get(scope, &text(request, 1)).await,
                    Err(refusal) => Ok(Err(refusal)),
                },
            },
            "SET SESSION" => match request.arguments.len() {
                2 => Ok(self.set(session, first, request.argument(1), None)),
                _ => Ok(match self.other_session(&first).await? {
                    Ok(scope) => self.set(scope, text(request, 1), request.argument(2), None),
                    Err(refusal) => Err(refusal),
                }),
            },
            "CACHE SET" => {
                let kept_for = match request.argument(2) {
                    Value::Integer(seconds) => TimeDelta::seconds((*seconds).clamp(1, 86_400 * 365)),
                    _ => CACHED_FOR,
                };
                Ok(self.set(
                    bot,
                    format!("{CACHED}{first}"),
                    request.argument(1),
                    Some(self.now + kept_for),
                ))
            }
            "CACHE GET" => {
                let known = self.known(bot).await?;
                Ok(Ok(known
                    .get(&format!("{CACHED}{first}"))
                    .cloned()
                    .unwrap_or_default()))
            }
            "BOT SHARE MEMORY" => {
                let value = self.known(bot).await?.get(&first).cloned().unwrap_or_default();
                Ok(match self.other_bot(&text(request, 1)).await? {
                    Ok(bot_id) => self.set(MemoryScope::Bot { bot_id }, first, &value, None),
                    Err(refusal) => Err(refusal),
                })
            }
            // What others share is in this bot's memory already.
            _ => Ok(match self.other_bot(&first).await? {
                Ok(_) => Ok(Value::Bool(true)),
                Err(refusal) => Err(refusal),
            }),
        }
    }

    /// Remembers, at the end of the turn.
    pub(super) fn set(
        &mut self,
        scope: MemoryScope,
        key: String,
        value: &Value,
        expires_at: Option<DateTime<Utc>>,
    ) -> Answered {
        let entry = MemoryEntry {
            key,
            value: value.to_json().to_string(),
            expires_at,
        };
        if let Err(error) = check(&entry) {
            return Err(Refusal::mistake(error.code(), error.to_string()));
        }
        let gathered = self.gathered(scope);
        // Only the last value of a turn is kept.
        gathered.changes.retain(
            |(of, change)| !matches!(change, Change::Set(known) if *of == scope && known.key == entry.key),
        );
        if gathered.bytes() + entry.value.len() > GATHERED_BYTES_MAX {
            return Err(Refusal::mistake(
                "memory_full",
                format!("a turn remembers at most {} KiB", GATHERED_BYTES_MAX >> 10),
            ));
        }
        gathered.changes.push((scope, Change::Set(entry)));
        Ok(value.clone())
    }

    /// Whether a memory is the session's while another bot answers in it: that bot has a memory of its own in its place,
    /// empty at first and gone with its answer.
    fn is_aside(&self, scope: MemoryScope) -> bool {
        let session_id = self.start.session_id;
        self.hops > 0 && scope == MemoryScope::Session { session_id }
    }

    /// Where changes of a memory are gathered.
    fn gathered(&mut self, scope: MemoryScope) -> &mut Remembering {
        match self.is_aside(scope) {
            true => &mut self.aside,
            false => &mut self.remembering,
        }
    }

    /// What is not known is an empty text.
    async fn get(&self, scope: MemoryScope, key: &str) -> Result<Answered, CommandError> {
        let known = self.known(scope).await?;
        Ok(Ok(known.get(key).cloned().unwrap_or_else(|| Value::text(""))))
    }

    /// What is remembered, with what this turn has changed so far.
    pub(super) async fn known(&self, scope: MemoryScope) -> Result<BTreeMap<String, Value>, CommandError> {
        let (memory, gathered) = if self.is_aside(scope) {
            (Memory::default(), &self.aside)
        } else {
            let (executor, tenant) = (&self.shared.executor, self.context.tenant);
            let known = executor.load_fresh::<Memory>(tenant, stream_of(scope)).await?;
            (known.state, &self.remembering)
        };
        let read =
            |entry: &MemoryEntry| serde_json::from_str(&entry.value).map_or(Value::Null, Value::from_json);
        let mut known: BTreeMap<String, Value> = memory
            .entries(self.now)
            .into_iter()
            .map(|(key, entry)| (key.to_owned(), read(entry)))
            .collect();
        for (of, change) in &gathered.changes {
            match change {
                _ if *of != scope => {}
                Change::Set(entry) => {
                    known.insert(entry.key.clone(), read(entry));
                }
                Change::Clear(Some(key)) => {
                    known.remove(key);
                }
                Change::Clear(None) => known.retain(|key, _| key.starts_with(SET_UP)),
            }
        }
        Ok(known)
    }

    /// Forgets what has this name under a prefix, or all that begins with it where no name is given, at the end of the
    /// turn.
    pub(super) async fn forget(
        &mut self,
        scope: MemoryScope,
        prefix: &str,
        name: &str,
    ) -> Result<(), CommandError> {
        let known = self.known(scope).await?;
        let gone = known.into_keys().filter(|key| {
            key.strip_prefix(prefix)
                .is_some_and(|rest| name.is_empty() || rest == name)
        });
        self.gathered(scope)
            .changes
            .extend(gone.map(|key| (scope, Change::Clear(Some(key)))));
        Ok(())
    }

    /// How many keys begin so, and more than any of them had.
    async fn numbered(&self, scope: MemoryScope, prefix: &str) -> Result<usize, CommandError> {
        let known = self.known(scope).await?;
        let last = known
            .keys()
            .filter_map(|key| key.strip_prefix(prefix)?.parse::<usize>().ok())
            .max();
        Ok(last.map_or(0, |last| last + 1))
    }

    /// Another session of the same bot, by its id.
    async fn other_session(&self, id: &str) -> Result<Result<MemoryScope, Refusal>, CommandError> {
        let unknown = || Refusal::new("session_not_found", "there is no such session of this bot");
        let Ok(session_id) = id.parse::<SessionId>() else {
            return Ok(Err(unknown()));
        };
        let session = self
            .shared
            .executor
            .load::<domain::session::Session>(self.context.tenant, session_id)
            .await?
            .state;
        Ok(match session {
            domain::session::Session::Open(open) if open.bot_id == self.start.bot_id => {
                Ok(MemoryScope::Session { session_id })
            }
            _ => Err(unknown()),
        })
    }

    /// Another bot of the organisation, by its name.
    pub(super) async fn other_bot(&self, name: &str) -> Result<Result<BotId, Refusal>, CommandError> {
        let owner = self
            .shared
            .executor
            .log()
            .claim_owner(self.context.tenant.0, "bot_name", name.trim())
            .await?;
        let id = owner.and_then(|owner| owner.parse::<BotId>().ok());
        Ok(id.ok_or_else(|| Refusal::new("bot_not_found", format!("there is no bot `{name}`"))))
    }

    /// Appends what was gathered, memory by memory.
    pub(super) async fn store_memories(&mut self) -> Result<(), CommandError> {
        let mut by_scope: HashMap<MemoryScope, Vec<Change>> = HashMap::new();
        for (scope, change) in std::mem::take(&mut self.remembering.changes) {
            by_scope.entry(scope).or_default().push(change);
        }
        for (scope, changes) in by_scope {
            self.store_memory(scope, changes).await?;
        }
        Ok(())
    }

    async fn store_memory(&self, scope: MemoryScope, changes: Vec<Change>) -> Result<(), CommandError> {
        let (executor, id) = (&self.shared.executor, stream_of(scope));
        let person = self.start.user_id;
        let turn = format!("memory {id} {}", self.version);
        let context = self
            .context
            .with_command(Uuid::new_v5(&self.run.0, turn.as_bytes()), [0; 32]);
        loop {
            let before = executor.load_fresh::<Memory>(self.context.tenant, &id).await?;
            let mut state = before.state;
            let mut events = Vec::new();
            for command in commands(scope, person, self.now, &changes, &state) {
                // One thing too many must not lose the others.
                let alone = match (&command, state.decide(command.clone())) {
                    (MemoryCommand::Set { entries, .. }, Err(_)) => {
                        let each = entries.iter().map(|entry| MemoryCommand::Set {
                            scope,
                            person,
                            entries: vec![entry.clone()],
                            at: self.now,
                        });
                        each.collect()
                    }
                    _ => vec![command],
                };
                for command in alone {
                    match state.decide(command) {
                        Ok(decided) => {
                            decided
                                .iter()
                                .for_each(|event| domain::Aggregate::apply(&mut state, event));
                            events.extend(decided);
                        }
                        Err(error) => tracing::warn!(%error, memory = %id, "a script's memory is not kept"),
                    }
                }
            }
            if events.is_empty() {
                return Ok(());
            }
            let append = crate::executor::append_command::<Memory>(
                &context,
                &id,
                Some(before.version),
                id.clone(),
                &events,
                serde_json::Value::Null,
            )?;
            match executor.append(append).await? {
                Outcome::Stored(_) | Outcome::Duplicate(_) | Outcome::Mismatch => return Ok(()),
                // Another conversation was faster.
                Outcome::Conflict { .. } => {}
                Outcome::Taken { .. } | Outcome::Fenced { .. } => return Err(CommandError::Contended),
            }
        }
    }
}

/// Neighbouring settings are one command.
fn commands(
    scope: MemoryScope,
    person: domain::UserId,
    at: DateTime<Utc>,
    changes: &[Change],
    state: &Memory,
) -> Vec<MemoryCommand> {
    let mut commands = Vec::new();
    for change in changes {
        match (change, commands.last_mut()) {
            (Change::Set(entry), Some(MemoryCommand::Set { entries, .. })) => entries.push(entry.clone()),
            (Change::Set(entry), _) => commands.push(MemoryCommand::Set {
                scope,
                person,
                entries: vec![entry.clone()],
                at,
            }),
            (Change::Clear(key), _) => {
                let seen = || {
                    state
                        .entries(at)
                        .into_keys()
                        .filter(|key| !key.starts_with(SET_UP))
                };
                let keys = key
                    .clone()
                    .map_or_else(|| seen().map(str::to_owned).collect(), |key| vec![key]);
                commands.push(MemoryCommand::Clear {
                    scope,
                    person,
                    keys: Some(keys),
                });
            }
        }
    }
    commands
}

/// The stream that a memory is.
pub(crate) fn stream_of(scope: MemoryScope) -> String {
    match scope {
        MemoryScope::Bot { bot_id } => format!("bot:{bot_id}"),
        MemoryScope::User { user_id } => format!("user:{user_id}"),
        MemoryScope::Session { session_id } => format!("session:{session_id}"),
    }
}

/// `"7 days"`, `"permanent"`, or seconds: until when something is remembered.
fn lifetime(said: &Value, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Refusal> {
    let text = match said {
        Value::Null => return Ok(None),
        Value::Integer(seconds) => format!("{seconds} seconds"),
        other => other.to_string().trim().to_lowercase(),
    };
    if matches!(text.as_str(), "" | "permanent" | "forever" | "always") {
        return Ok(None);
    }
    let unclear = || {
        Refusal::mistake(
            "memory_lifetime",
            format!("`{text}` is no time such as \"7 days\", \"2 hours\" or \"permanent\""),
        )
    };
    let (count, unit) = text.split_once(char::is_whitespace).ok_or_else(unclear)?;
    let count: i64 = count
        .parse()
        .ok()
        .filter(|count| (0..=1_000_000).contains(count))
        .ok_or_else(unclear)?;
    let days = |days: i64| TimeDelta::try_days(count * days);
    let time = match unit.trim().trim_end_matches('s') {
        "second" => TimeDelta::try_seconds(count),
        "minute" => TimeDelta::try_minutes(count),
        "hour" => TimeDelta::try_hours(count),
        "day" => days(1),
        "week" => days(7),
        "month" => days(30),
        "year" => days(365),
        _ => None,
    };
    let until = time
        .and_then(|time| now.checked_add_signed(time))
        .ok_or_else(unclear)?;
    Ok(Some(until))
}

/// What stands under keys that begin so, as a list.
pub(super) fn listed(known: &BTreeMap<String, Value>, prefix: &str) -> Value {
    let names = known
        .keys()
        .filter_map(|key| key.strip_prefix(prefix))
        .map(Value::from);
    Value::Array(names.collect::<Array>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_read_in_words() {
        let now = DateTime::UNIX_EPOCH;
        let seconds =
            |said: &str| lifetime(&Value::from(said), now).map(|until| until.map(|until| until.timestamp()));
        assert_eq!(seconds("7 days"), Ok(Some(604_800)));
        assert_eq!(seconds("1 Hour"), Ok(Some(3_600)));
        assert_eq!(seconds("permanent"), Ok(None));
        assert_eq!(
            lifetime(&Value::Integer(5), now).map(|until| until.map(|until| until.timestamp())),
            Ok(Some(5))
        );
        for wrong in [
            "soon",
            "7",
            "-1 days",
            "7 fortnights",
            "99999999999999999999 days",
        ] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
