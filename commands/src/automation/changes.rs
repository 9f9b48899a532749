//! What a change of a file in the bot's drive starts: `ON CHANGE "invoices/" EVENTS "create,modify"`.

use basic::Trigger;
use domain::Personal;
use domain::drive::{DriveChange, DriveEvent};
use domain::trigger::TriggerCause;
use serde_json::json;
use uuid::Uuid;

use super::Start;
use super::causes::{start, variables};
use super::handlers::Handler;
use crate::drive::folder_path;

/// What becomes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileOperation {
    Create,
    Modify,
    Delete,
}

impl FileOperation {
    fn named(word: &str) -> Option<FileOperation> {
        Some(match word.to_lowercase().as_str() {
            "create" | "created" | "add" | "added" => FileOperation::Create,
            "modify" | "modified" | "change" | "changed" | "update" | "updated" => FileOperation::Modify,
            "delete" | "deleted" | "remove" | "removed" => FileOperation::Delete,
            _ => return None,
        })
    }

    fn as_str(self) -> &'static str {
        match self {
            FileOperation::Create => "CREATE",
            FileOperation::Modify => "MODIFY",
            FileOperation::Delete => "DELETE",
        }
    }
}

/// What starts a script: which operations below which folder, or of which file.
#[derive(Debug, PartialEq)]
pub(crate) struct Watching {
    path: String,
    /// Empty for all.
    operations: Vec<FileOperation>,
}

/// Why nothing ever starts a script that ON CHANGE or ON EMAIL names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unwatched {
    #[error("nothing starts this: {0} needs {1}, and this server has none")]
    Missing(String, &'static str),
    #[error("nothing starts this: the path {0}")]
    Path(String),
    #[error("`{0}` happens to no file; there are create, modify and delete")]
    Operation(String),
}

impl Watching {
    /// What ON CHANGE says; `/` at the beginning is the drive itself.
    pub(crate) fn read(path: &str, events: Option<&str>) -> Result<Watching, Unwatched> {
        if let Some((service, _)) = path.trim().split_once("://") {
            let what = match service.trim().to_lowercase().as_str() {
                "account" => "a connected account of mail and files",
                "gdrive" => "a connected Google Drive",
                _ => "a service that tells of its changes",
            };
            let shown: String = service.chars().take(40).collect();
            return Err(Unwatched::Missing(format!("{shown}://"), what));
        }
        let path = folder_path(path.trim().trim_start_matches('/')).map_err(|error| {
            let said = error.to_string();
            Unwatched::Path(said.trim_start_matches("the path ").to_owned())
        })?;
        let mut operations = Vec::new();
        let words = events.unwrap_or_default().split([',', ';', ' ', '|']);
        for word in words.filter(|word| !word.is_empty()) {
            let operation = FileOperation::named(word);
            operations.push(operation.ok_or_else(|| Unwatched::Operation(word.chars().take(40).collect()))?);
        }
        Ok(Watching { path, operations })
    }

    fn meets(&self, path: &str, operation: FileOperation) -> bool {
        let is_below = match path.strip_prefix(self.path.as_str()) {
            Some(rest) => self.path.is_empty() || rest.is_empty() || rest.starts_with('/'),
            None => false,
        };
        is_below && (self.operations.is_empty() || self.operations.contains(&operation))
    }
}

/// What happened to the file at a path. A file that is moved is gone from one and new at another.
type Happened = (FileOperation, Option<Personal<String>>);

fn happened(event: &DriveEvent) -> Option<(&DriveChange, Vec<Happened>)> {
    let arrived = |change: &DriveChange| match change.replaces {
        true => FileOperation::Modify,
        false => FileOperation::Create,
    };
    match event {
        DriveEvent::FileWritten(written) => {
            let change = written.change.as_ref()?;
            let path = path_of(&written.file);
            Some((change, vec![(arrived(change), path)]))
        }
        DriveEvent::FileMoved {
            file, from, change, ..
        } => {
            let change = change.as_ref()?;
            let left = (FileOperation::Delete, from.clone());
            Some((change, vec![left, (arrived(change), path_of(file))]))
        }
        DriveEvent::FileRemoved { path, change, .. } => {
            Some((change.as_ref()?, vec![(FileOperation::Delete, path.clone())]))
        }
        DriveEvent::FileUnmounted { .. } => None,
    }
}

fn path_of(file: &Personal<domain::drive::NamedContent>) -> Option<Personal<String>> {
    match file {
        Personal::Clear {
            subject,
            class,
            value,
        } => Some(Personal::Clear {
            subject: *subject,
            class: *class,
            value: value.path.clone(),
        }),
        Personal::Sealed(_) | Personal::Erased { .. } => None,
    }
}

/// One start for each file, or one for all where many were changed together.
pub(super) fn of_files(event: Uuid, happened_in: &DriveEvent, handlers: &[&Handler]) -> Vec<Start> {
    let Some((change, files)) = happened(happened_in) else {
        return Vec::new();
    };
    let (bot, at) = match happened_in {
        DriveEvent::FileWritten(written) => (written.bot_id, written.written_at),
        DriveEvent::FileMoved { bot_id, moved_at, .. } => (*bot_id, *moved_at),
        DriveEvent::FileRemoved {
            bot_id, removed_at, ..
        } => (*bot_id, *removed_at),
        DriveEvent::FileUnmounted { .. } => return Vec::new(),
    };
    let mut starts = Vec::new();
    for handler in handlers {
        let Trigger::Change { path, events } = &handler.trigger else {
            continue;
        };
        // What can never be is a finding of the package.
        let Ok(watching) = Watching::read(path, events.as_deref()) else {
            continue;
        };
        for (operation, path) in &files {
            // What was erased meanwhile is nobody's to see.
            let Some(Personal::Clear { value: name, .. }) = path else {
                continue;
            };
            if !watching.meets(name, *operation) {
                continue;
            }
            starts.push(Start {
                user: change.user_id,
                cause: TriggerCause::File,
                depth: change.depth.saturating_add(1),
                variables: variables([
                    ("trigger_operation", json!(operation.as_str())),
                    ("trigger_files", json!(change.files)),
                    ("trigger_timestamp", json!(at)),
                    ("trigger_user", json!(change.user_id)),
                ]),
                path: path.clone().filter(|_| change.files == 1),
                ..start(event, operation.as_str(), bot, &handler.script)
            });
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_watched_with_what_is_below_it() {
        use FileOperation::{Create, Delete, Modify};
        for (path, events, file, operation, meets) in [
            ("/invoices/", None, "invoices/a.pdf", Create, true),
            ("invoices", None, "invoices/2026/a.pdf", Delete, true),
            ("invoices", None, "invoices-old/a.pdf", Create, false),
            ("invoices/a.pdf", None, "invoices/a.pdf", Modify, true),
            ("/", None, "a.pdf", Create, true),
            ("", Some("create"), "a.pdf", Modify, false),
            ("shop.gbdrive/in", Some("Created, MODIFY"), "in/a", Modify, true),
            ("in", Some("create;delete"), "in/a", Modify, false),
        ] {
            let watching = Watching::read(path, events).expect("it can be");
            assert_eq!(watching.meets(file, operation), meets, "{path} {events:?} {file}");
        }
    }

    #[test]
    fn what_can_never_be_is_told() {
        let told = |path: &str, events: Option<&str>| {
            Watching::read(path, events).expect_err("it can not").to_string()
        };
        assert_eq!(
            told("gdrive://reports", None),
            "nothing starts this: gdrive:// needs a connected Google Drive, and this server has none"
        );
        assert!(told("account://ana@example.org/in", None).contains("a connected account"));
        assert!(told("../x", None).contains("leads out of the drive"));
        assert_eq!(
            told("in", Some("create,rename")),
            "`rename` happens to no file; there are create, modify and delete"
        );
    }
}
