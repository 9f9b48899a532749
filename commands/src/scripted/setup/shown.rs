//! What a session is set up with, as others than its scripts see it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::memory::{Memory, MemoryEntry};
use serde_json::Value;

use super::{
    ACCOUNT, ACTIVE, ACTIVE_SWITCHERS, ANSWER_MODE, CONTEXT, KNOWLEDGE, MODEL, SWITCHER, SYSTEM_PROMPT,
    THEME, TOOL, WEBSITE,
};

/// What a session is set up with. Lists are in order of their letters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SetUp {
    /// The context that is active.
    pub context: Option<String>,
    /// Names of the contexts that have a text.
    pub contexts: Vec<String>,
    pub switchers: Vec<Switcher>,
    /// Names of the tools that a model is offered.
    pub tools: Vec<String>,
    /// Folders of knowledge.
    pub knowledge: Vec<String>,
    pub websites: Vec<String>,
    /// Addresses of the accounts that may be searched.
    pub accounts: Vec<String>,
    /// How free text is answered; None where nobody has said.
    pub answer_mode: Option<String>,
    pub model: Option<String>,
    pub system_prompt: Option<String>,
    /// A name, or an object of colours, title and logo.
    pub theme: Option<Value>,
}

/// A switch that adds an instruction to what a model is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switcher {
    pub id: String,
    pub label: String,
    /// The instruction.
    pub prompt: String,
    pub active: bool,
}

impl SetUp {
    /// What the memory of a session says of it.
    pub(crate) fn of(memory: &Memory, now: DateTime<Utc>) -> Self {
        let known = memory.entries(now);
        let value = |key: &str| known.get(key).and_then(|entry| read(entry));
        let text = |key: &str| value(key).and_then(text_of);
        let active: Vec<String> = value(ACTIVE_SWITCHERS)
            .and_then(|list| serde_json::from_value(list).ok())
            .unwrap_or_default();
        let switcher = |(id, entry): (&str, &MemoryEntry)| {
            let kept = read(entry).unwrap_or_default();
            let field = |name: &str| kept.get(name).cloned().and_then(text_of).unwrap_or_default();
            Switcher {
                id: id.to_owned(),
                label: field("label"),
                prompt: field("prompt"),
                active: active.iter().any(|known| known == id),
            }
        };
        Self {
            context: text(ACTIVE),
            contexts: names(&known, CONTEXT),
            switchers: under(&known, SWITCHER).map(switcher).collect(),
            tools: names(&known, TOOL),
            knowledge: names(&known, KNOWLEDGE),
            websites: names(&known, WEBSITE),
            accounts: names(&known, ACCOUNT),
            answer_mode: text(ANSWER_MODE),
            model: text(MODEL),
            system_prompt: text(SYSTEM_PROMPT),
            theme: value(THEME).filter(|theme| !theme.is_null()),
        }
    }
}

fn under<'k>(
    known: &'k BTreeMap<&str, &MemoryEntry>,
    prefix: &'k str,
) -> impl Iterator<Item = (&'k str, &'k MemoryEntry)> {
    known
        .iter()
        .filter_map(move |(key, entry)| Some((key.strip_prefix(prefix)?, *entry)))
}

fn names(known: &BTreeMap<&str, &MemoryEntry>, prefix: &str) -> Vec<String> {
    under(known, prefix).map(|(name, _)| name.to_owned()).collect()
}

fn read(entry: &MemoryEntry) -> Option<Value> {
    serde_json::from_str(&entry.value).ok()
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()),
        _ => None,
    }
}
