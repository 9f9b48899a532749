//! The language in which a script speaks with its user where it does not choose the words itself.

use serde::{Deserialize, Serialize};

use super::codes;

/// Stored in states: append only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Language {
    #[default]
    English,
    Portuguese,
    Spanish,
}

impl Language {
    /// By code or name, as in `pt`, `pt-BR`, `Português`: English for every language that has no texts.
    pub fn named(name: &str) -> Language {
        match codes::language(name.trim()) {
            Some("pt") => Language::Portuguese,
            Some("es") => Language::Spanish,
            _ => Language::English,
        }
    }
}
