//! Drives: the files of a bot, by path. One for each bot; its stream has the bot's id.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BlobReference, BotId, Event, FileId, Personal, UserId};

/// What happened in a drive. Stored for ever: see `schemas/events/drive.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum DriveEvent {
    /// A file is there, or is another one than before.
    #[serde(rename = "drive.file_written")]
    FileWritten(WrittenFile),
    #[serde(rename = "drive.file_moved")]
    FileMoved {
        bot_id: BotId,
        file_id: FileId,
        /// The same content under its new path.
        file: Personal<NamedContent>,
        /// Where it was; of the same person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<DriveChange>,
        moved_at: DateTime<Utc>,
    },
    #[serde(rename = "drive.file_removed")]
    FileRemoved {
        bot_id: BotId,
        file_id: FileId,
        /// Where it was; of the same person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<Personal<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<DriveChange>,
        removed_at: DateTime<Utc>,
    },
    /// The package does not have this file any more. What a script wrote in its place is left.
    #[serde(rename = "drive.file_unmounted")]
    FileUnmounted { bot_id: BotId, path: String },
}

impl Event for DriveEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("drive.file_written", 1),
        ("drive.file_moved", 1),
        ("drive.file_removed", 1),
        ("drive.file_unmounted", 1),
    ];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WrittenFile {
    pub bot_id: BotId,
    pub file_id: FileId,
    /// Of the person in whose conversation it was written, or of the bot itself where it came with its package.
    pub file: Personal<NamedContent>,
    /// Found out from the content.
    pub media_type: String,
    /// Size of the content.
    pub bytes: u64,
    pub origin: FileOrigin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<DriveChange>,
    pub written_at: DateTime<Utc>,
}

/// What scripts that a change of a drive starts need to know of it. A change without this starts none: the package's files
/// come so, and what another change takes away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriveChange {
    /// In whose conversation it was made; None where it was made from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// How many scripts started one another before the one that made it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub depth: u8,
    /// Whether another file was at the path.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// How many files were changed together. Of many only the first says what made it, for all of them.
    pub files: u32,
}

impl DriveChange {
    /// Files that start scripts one by one at most.
    pub const FILES_MAX: usize = 100;

    /// One change of one file.
    pub fn new(user_id: Option<UserId>, depth: u8) -> DriveChange {
        DriveChange {
            user_id,
            depth,
            replaces: false,
            files: 1,
        }
    }
}

fn is_zero(depth: &u8) -> bool {
    *depth == 0
}

/// What is sealed of a file: its path may name people as its content does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NamedContent {
    /// Relative, with `/` between folders.
    pub path: String,
    pub content: BlobReference,
}

/// Who wrote a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "from", rename_all = "snake_case")]
pub enum FileOrigin {
    /// It came with the bot's package: where it lies there, and the SHA-256 of its content.
    // The path is as clear as the package itself: like the names of its scripts it is its author's word.
    Package {
        path: String,
        digest: String,
    },
    Script,
    /// Somebody put it there from outside.
    Upload,
}

/// The files of a bot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Drive {
    files: BTreeMap<FileId, DriveFile>,
    /// The package's files as they were last written, by path; also where a script wrote since.
    mounted: BTreeMap<String, MountedFile>,
}

/// A file of the package, as it was last written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct MountedFile {
    file_id: FileId,
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriveFile {
    pub file: Personal<NamedContent>,
    pub media_type: String,
    pub bytes: u64,
    pub written_at: DateTime<Utc>,
    /// Whether it is as the package has it.
    pub of_package: bool,
}

impl DriveFile {
    /// Where it lies; None where it was erased.
    pub fn path(&self) -> Option<&str> {
        self.file.clear().map(|file| file.path.as_str())
    }
}

impl Drive {
    /// All that is there, what was erased too.
    pub fn files(&self) -> &BTreeMap<FileId, DriveFile> {
        &self.files
    }

    pub fn at(&self, path: &str) -> Option<(FileId, &DriveFile)> {
        let found = self.files.iter().find(|(_, file)| file.path() == Some(path));
        found.map(|(id, file)| (*id, file))
    }

    /// Whether the package's file of this path was written, and not said to be gone since.
    pub fn is_mounted(&self, path: &str) -> bool {
        self.mounted.contains_key(path)
    }

    /// The files that can be read, by path.
    pub fn by_path(&self) -> BTreeMap<&str, &DriveFile> {
        let files = self.files.values();
        files.filter_map(|file| Some((file.path()?, file))).collect()
    }

    /// The digests of the package's files as they were last written, by path. What is there and was erased with a person
    /// who changed it is left out: it is to be written again. What a script deleted is not.
    pub fn mounted_readable(&self) -> BTreeMap<&str, &str> {
        let is_erased = |mounted: &MountedFile| {
            let file = self.files.get(&mounted.file_id);
            file.is_some_and(|file| file.path().is_none())
        };
        let mounted = self.mounted.iter().filter(|(_, mounted)| !is_erased(mounted));
        mounted
            .map(|(path, mounted)| (path.as_str(), mounted.digest.as_str()))
            .collect()
    }

    /// Whether a file has the blob of this key as its content.
    pub fn names_blob(&self, key: &str) -> bool {
        let mut contents = self.files.values().filter_map(|file| file.file.clear());
        contents.any(|file| file.content.key == key)
    }
}

impl Aggregate for Drive {
    const TYPE: &'static str = "drive";
    /// 2: which file each of the package's is.
    const FORM: i32 = 2;
    type Event = DriveEvent;

    fn apply(&mut self, event: &DriveEvent) {
        match event {
            DriveEvent::FileWritten(written) => {
                if let FileOrigin::Package { path, digest } = &written.origin {
                    let mounted = MountedFile {
                        file_id: written.file_id,
                        digest: digest.clone(),
                    };
                    self.mounted.insert(path.clone(), mounted);
                }
                let file = DriveFile {
                    file: written.file.clone(),
                    media_type: written.media_type.clone(),
                    bytes: written.bytes,
                    written_at: written.written_at,
                    of_package: matches!(written.origin, FileOrigin::Package { .. }),
                };
                self.files.insert(written.file_id, file);
            }
            DriveEvent::FileMoved { file_id, file, .. } => {
                if let Some(known) = self.files.get_mut(file_id) {
                    known.file = file.clone();
                    known.of_package = false;
                }
            }
            DriveEvent::FileRemoved { file_id, .. } => {
                self.files.remove(file_id);
            }
            DriveEvent::FileUnmounted { path, .. } => {
                self.mounted.remove(path);
            }
        }
    }
}
