//! What is wrong with what starts scripts.

use crate::automation::changes::{Unwatched, Watching};
use crate::automation::when;

/// The finding that nobody understands a schedule.
const UNKNOWN_SCHEDULE: &str = "P0003";

/// The finding that what ON CHANGE or ON EMAIL names never starts the script.
const NEVER_STARTED: &str = "P0004";

/// Nobody reads more of them in a file, and finding the place of each takes a walk through the source.
const TOLD_MAX: usize = 100;

/// What starts a script and never will; the script can still be called.
pub(super) fn diagnostics(program: &basic::Program, source: &str) -> Vec<basic::Diagnostic> {
    let mut found = Vec::new();
    let mut unread = 0;
    for trigger in &program.declared().triggers {
        let (named, trouble) = match trigger {
            basic::Trigger::Schedule { when } => (
                when,
                when::parse(when).err().map(|error| {
                    let help = "write five fields of cron, or words such as \"every monday at 9am\"";
                    (UNKNOWN_SCHEDULE, error.to_string(), help)
                }),
            ),
            basic::Trigger::Change { path, events } => (
                path,
                Watching::read(path, events.as_deref()).err().map(|error| {
                    let help = "name a folder of the bot's drive: ON CHANGE \"invoices/\" EVENTS \"create\"";
                    (NEVER_STARTED, error.to_string(), help)
                }),
            ),
            basic::Trigger::Mail { address, .. } => {
                let error = Unwatched::Missing("ON EMAIL".to_owned(), "a connected mailbox");
                let help = "call the script from another one, or from a webhook";
                (address, Some((NEVER_STARTED, error.to_string(), help)))
            }
            _ => continue,
        };
        let Some((code, message, help)) = trouble else {
            continue;
        };
        let begins = source[unread..].find(named.as_str()).map_or(0, |at| unread + at);
        let before = &source[..begins];
        let line_begins = before.rfind('\n').map_or(0, |at| at + 1);
        if begins > 0 {
            unread = begins + named.len();
        }
        found.push(basic::Diagnostic {
            code: code.into(),
            severity: basic::Severity::Warning,
            message,
            start: begins,
            end: begins + named.len(),
            line: before.matches('\n').count() as u32 + 1,
            column: before[line_begins..].chars().count() as u32 + 1,
            help: Some(help.to_owned()),
        });
        if found.len() == TOLD_MAX {
            break;
        }
    }
    found
}
