//! The table of words as a reference shows it.

use super::examples::EXAMPLES;
use super::{CHAPTERS, Role, Word, requests};

/// A word of the dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub name: &'static str,
    /// Other names of the same.
    pub aliases: &'static [&'static str],
    /// How it is written.
    pub form: &'static str,
    /// What it does.
    pub help: &'static str,
    /// A whole script.
    pub example: &'static str,
    pub kind: EntryKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Statement,
    Function,
    /// Answered by the platform or a service behind it.
    Request,
}

/// Every word that a script can use, in chapters with their titles.
pub fn reference() -> Vec<(&'static str, Vec<Entry>)> {
    let chapters = CHAPTERS.iter().chain(&requests::CHAPTERS);
    TITLES
        .iter()
        .zip(chapters)
        .map(|(title, words)| (*title, words.iter().filter_map(entry).collect()))
        .collect()
}

/// One for each chapter.
const TITLES: [&str; 24] = [
    "Statements",
    "Saying and offering",
    "Errors",
    "Languages",
    "Texts",
    "Numbers",
    "Angles and logarithms",
    "Dates",
    "Parts of dates",
    "Formats",
    "Lists",
    "Parts of lists",
    "Lists of records",
    "Choices and kinds",
    "Ids",
    "The conversation",
    "Memory",
    "Models, tools and knowledge",
    "Tables",
    "The web",
    "Messages",
    "Files",
    "People",
    "By itself",
];

fn entry(word: &Word) -> Option<Entry> {
    let kind = match word.role {
        // Shown with what they belong to.
        Role::Closer(_) => return None,
        Role::Statement(_) | Role::Effect { .. } => EntryKind::Statement,
        Role::Function(_) => EntryKind::Function,
        Role::Request(_) => EntryKind::Request,
    };
    let given = EXAMPLES.iter().find(|(name, _)| *name == word.name);
    let example = match kind {
        EntryKind::Request => given.map_or(word.form, |(_, example)| example),
        _ => given.map_or("", |(_, example)| example),
    };
    Some(Entry {
        name: word.name,
        aliases: word.aliases,
        form: word.form,
        help: word.help,
        example,
        kind,
    })
}
