//! What a session is set up with, and what the person chooses of it: the context that is active, the switches.

use chrono::{DateTime, Utc};
use domain::memory::{Memory, MemoryEntry, MemoryScope};
use domain::{OrganisationId, SessionId};
use serde_json::json;

use super::Commands;
use crate::memory::MemoryCommand;
use crate::scripted::{ACTIVE_CONTEXT, ACTIVE_SWITCHERS, SetUp, memory_stream};
use crate::{CommandError, ReadToken, RefusalKind, VisitorSession};

const CONTEXT_CHARACTERS_MAX: usize = 100;

/// What a person chooses; nothing set changes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// The context that is active from now on; an empty one is none.
    pub context: Option<String>,
    /// Ids of the switches that are on from now on; those that the session does not have are passed over.
    pub switchers: Option<Vec<String>>,
    /// The switch that is turned round.
    pub toggle: Option<String>,
}

impl Commands {
    /// What a session is set up with now, as the log has it: memory may be behind what a listener was just told of.
    pub async fn set_up(
        &self,
        tenant: OrganisationId,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<SetUp, CommandError> {
        let stream = memory_stream(MemoryScope::Session { session_id });
        let memory = self.executor.load_fresh::<Memory>(tenant, stream).await?.state;
        Ok(SetUp::of(&memory, now))
    }

    /// Keeps what a person chooses. None when that holds already.
    pub async fn choose(
        &self,
        visitor: &VisitorSession,
        choice: &Choice,
        now: DateTime<Utc>,
    ) -> Result<Option<ReadToken>, CommandError> {
        let before = self.set_up(visitor.tenant, visitor.session_id, now).await?;
        let entries = chosen(&before, choice)?;
        if entries.is_empty() {
            return Ok(None);
        }
        let scope = MemoryScope::Session {
            session_id: visitor.session_id,
        };
        let command = MemoryCommand::Set {
            scope,
            person: visitor.open.user_id,
            entries,
            at: now,
        };
        let context = visitor.context();
        let done = self
            .executor
            .execute::<Memory>(&context, memory_stream(scope), command, json!(null))
            .await?;
        Ok(done.token)
    }
}

/// What is to be remembered of a choice. Pure.
fn chosen(before: &SetUp, choice: &Choice) -> Result<Vec<MemoryEntry>, CommandError> {
    let entry = |key: &str, value: serde_json::Value| MemoryEntry {
        key: key.to_owned(),
        value: value.to_string(),
        expires_at: None,
    };
    let mut entries = Vec::new();
    if let Some(context) = choice.context.as_deref().map(str::trim) {
        if context.chars().count() > CONTEXT_CHARACTERS_MAX || context.chars().any(char::is_control) {
            return Err(CommandError::Invalid {
                field: "context_name",
                message: format!("a context's name has at most {CONTEXT_CHARACTERS_MAX} characters"),
            });
        }
        if before.context.as_deref().unwrap_or_default() != context {
            entries.push(entry(ACTIVE_CONTEXT, json!(context)));
        }
    }
    let on: Vec<&str> = before
        .switchers
        .iter()
        .filter(|one| one.active)
        .map(|one| one.id.as_str())
        .collect();
    let known = |id: &str| before.switchers.iter().any(|one| one.id == id);
    let wanted: Vec<&str> = match (&choice.switchers, &choice.toggle) {
        (_, Some(toggle)) if !known(toggle) => {
            return Err(CommandError::Refused {
                kind: RefusalKind::NotFound,
                code: "switcher_not_found",
                message: "the session has no such switch".to_owned(),
            });
        }
        (_, Some(toggle)) if on.contains(&toggle.as_str()) => {
            on.iter().copied().filter(|id| id != toggle).collect()
        }
        (_, Some(toggle)) => on.iter().copied().chain([toggle.as_str()]).collect(),
        (Some(switchers), None) => {
            let named = |one: &&str| switchers.iter().any(|id| id == one);
            before
                .switchers
                .iter()
                .map(|one| one.id.as_str())
                .filter(named)
                .collect()
        }
        (None, None) => on.clone(),
    };
    let changed = wanted.len() != on.len() || wanted.iter().any(|id| !on.contains(id));
    if changed {
        entries.push(entry(ACTIVE_SWITCHERS, json!(wanted)));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Switcher;

    fn before() -> SetUp {
        let switcher = |id: &str, active| Switcher {
            id: id.to_owned(),
            label: id.to_owned(),
            prompt: String::new(),
            active,
        };
        SetUp {
            context: Some("prices".to_owned()),
            switchers: vec![switcher("cards", false), switcher("tables", true)],
            ..SetUp::default()
        }
    }

    fn kept(choice: &Choice) -> Vec<(String, String)> {
        let entries = chosen(&before(), choice).expect("it can be chosen");
        entries
            .into_iter()
            .map(|entry| (entry.key, entry.value))
            .collect()
    }

    fn switched(list: &str) -> Vec<(String, String)> {
        vec![(ACTIVE_SWITCHERS.to_owned(), list.to_owned())]
    }

    #[test]
    fn what_holds_already_is_not_kept_again() {
        assert_eq!(kept(&Choice::default()), []);
        let same = Choice {
            context: Some(" prices".to_owned()),
            switchers: Some(vec!["tables".to_owned(), "unknown".to_owned()]),
            toggle: None,
        };
        assert_eq!(kept(&same), []);
    }

    #[test]
    fn a_switch_is_turned_round_and_a_list_counts_whole() {
        let toggle = |id: &str| Choice {
            toggle: Some(id.to_owned()),
            ..Choice::default()
        };
        assert_eq!(kept(&toggle("tables")), switched("[]"));
        assert_eq!(kept(&toggle("cards")), switched("[\"tables\",\"cards\"]"));
        let list = Choice {
            switchers: Some(vec!["cards".to_owned()]),
            ..Choice::default()
        };
        assert_eq!(kept(&list), switched("[\"cards\"]"));
        assert!(chosen(&before(), &toggle("other")).is_err());
    }

    #[test]
    fn a_context_is_a_short_name_or_none() {
        let choose = |name: &str| Choice {
            context: Some(name.to_owned()),
            ..Choice::default()
        };
        assert_eq!(
            kept(&choose("")),
            [(ACTIVE_CONTEXT.to_owned(), "\"\"".to_owned())]
        );
        for bad in ["a\nb", &"x".repeat(101)] {
            assert!(chosen(&before(), &choose(bad)).is_err());
        }
    }
}
