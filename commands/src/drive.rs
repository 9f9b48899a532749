//! What may be asked of a drive.

mod path;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::drive::{Drive, DriveChange, DriveEvent, DriveFile, FileOrigin, NamedContent, WrittenFile};
use domain::{BlobReference, BotId, FileId, Personal, UserId};

use crate::{Decide, Refusal, RefusalKind};

pub use path::{drive_path, folder_path, is_drive_folder};

/// Files of one drive.
pub const FILES_MAX: usize = 10_000;
/// One file.
pub const FILE_BYTES_MAX: u64 = 64 << 20;

#[derive(Debug, Clone)]
pub enum DriveCommand {
    /// Writes files, each in the place of what was at its path. All or none.
    Write {
        bot: BotId,
        files: Vec<NewFile>,
        /// What the drive may hold together.
        bytes_max: u64,
        /// None for what starts no script.
        change: Option<DriveChange>,
        at: DateTime<Utc>,
    },
    /// Copies a file, or moves it away. What is at the other path is replaced.
    Copy {
        bot: BotId,
        from: String,
        to: String,
        moves: bool,
        /// Of the copy.
        file_id: FileId,
        bytes_max: u64,
        change: Option<DriveChange>,
        at: DateTime<Utc>,
    },
    Remove {
        bot: BotId,
        path: String,
        change: Option<DriveChange>,
        at: DateTime<Utc>,
    },
    /// The package does not have these files any more.
    Unmount {
        bot: BotId,
        paths: Vec<String>,
        at: DateTime<Utc>,
    },
}

impl DriveCommand {
    /// The contents that were kept for it, and of use only once it is stored.
    pub(crate) fn contents(&self) -> Vec<(FileId, String)> {
        match self {
            DriveCommand::Write { files, .. } => {
                let contents = files.iter().map(|file| (file.file_id, file.content.key.clone()));
                contents.collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A file whose content is kept already.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// Its id where nothing is at its path yet.
    pub file_id: FileId,
    /// As [`drive_path`] makes it.
    pub path: String,
    pub content: BlobReference,
    pub media_type: String,
    /// Of the person in whose conversation it was written; None where it came with the package.
    pub person: Option<UserId>,
    pub origin: FileOrigin,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    #[error("the path {0}")]
    Path(&'static str),
    #[error("there is no file `{0}`")]
    NotFound(String),
    #[error("a file has at most {} MiB", FILE_BYTES_MAX >> 20)]
    TooLarge,
    #[error("the files of a bot have at most {0} MiB together")]
    Full(u64),
    #[error("a bot has at most {FILES_MAX} files")]
    TooMany,
}

impl Refusal for DriveError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound(_) => RefusalKind::NotFound,
            Self::Full(_) | Self::TooMany => RefusalKind::Conflict,
            Self::Path(_) | Self::TooLarge => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Path(_) => "drive_path",
            Self::NotFound(_) => "drive_file_not_found",
            Self::TooLarge => "drive_file_too_large",
            Self::Full(_) => "drive_full",
            Self::TooMany => "drive_files_too_many",
        }
    }
}

impl Decide for Drive {
    type Command = DriveCommand;
    type Error = DriveError;

    fn decide(&self, command: DriveCommand) -> Result<Vec<DriveEvent>, DriveError> {
        match command {
            DriveCommand::Write {
                bot,
                files,
                bytes_max,
                change,
                at,
            } => {
                let sizes = files.iter().map(|file| (file.path.as_str(), file.content.bytes));
                check_room(self, sizes, bytes_max)?;
                // Two servers that mount the same package write its files once.
                let mounted = self.mounted_readable();
                let files = files.into_iter().filter(|file| match &file.origin {
                    FileOrigin::Package { path, digest } => {
                        mounted.get(path.as_str()) != Some(&digest.as_str())
                    }
                    FileOrigin::Script | FileOrigin::Upload => true,
                });
                let files: Vec<NewFile> = files.collect();
                let count = files.len();
                let written = files.into_iter().enumerate().map(|(number, file)| {
                    let change = change.clone().and_then(|change| shared(change, number, count));
                    self.written(bot, file, change, at)
                });
                Ok(written.collect())
            }
            DriveCommand::Copy {
                bot,
                from,
                to,
                moves,
                file_id,
                bytes_max,
                change,
                at,
            } => {
                let (id, known) = self.at(&from).ok_or_else(|| DriveError::NotFound(from.clone()))?;
                if from == to {
                    return Ok(Vec::new());
                }
                let Some(file) = renamed(known, &to) else {
                    return Err(DriveError::NotFound(from));
                };
                let replaced = self.at(&to).map(|(id, _)| id);
                let change = change.map(|change| DriveChange {
                    replaces: replaced.is_some(),
                    ..change
                });
                if moves {
                    let removed = replaced.map(|file_id| DriveEvent::FileRemoved {
                        bot_id: bot,
                        file_id,
                        path: None,
                        // That another file is there instead is what scripts are told.
                        change: None,
                        removed_at: at,
                    });
                    let moved = DriveEvent::FileMoved {
                        bot_id: bot,
                        file_id: id,
                        file,
                        from: path_of(known),
                        change,
                        moved_at: at,
                    };
                    return Ok(removed.into_iter().chain([moved]).collect());
                }
                check_room(self, [(to.as_str(), known.bytes)].into_iter(), bytes_max)?;
                Ok(vec![DriveEvent::FileWritten(WrittenFile {
                    bot_id: bot,
                    file_id: replaced.unwrap_or(file_id),
                    file,
                    media_type: known.media_type.clone(),
                    bytes: known.bytes,
                    origin: FileOrigin::Script,
                    change,
                    written_at: at,
                })])
            }
            DriveCommand::Remove {
                bot,
                path,
                change,
                at,
            } => {
                let (file_id, known) = self.at(&path).ok_or(DriveError::NotFound(path))?;
                Ok(vec![DriveEvent::FileRemoved {
                    bot_id: bot,
                    file_id,
                    path: path_of(known),
                    change,
                    removed_at: at,
                }])
            }
            DriveCommand::Unmount { bot, paths, at } => {
                let mut events = Vec::new();
                for path in paths {
                    if !self.is_mounted(&path) {
                        continue;
                    }
                    let own = self.at(&path).filter(|(_, file)| file.of_package);
                    events.extend(own.map(|(file_id, _)| DriveEvent::FileRemoved {
                        bot_id: bot,
                        file_id,
                        path: None,
                        change: None,
                        removed_at: at,
                    }));
                    events.push(DriveEvent::FileUnmounted { bot_id: bot, path });
                }
                Ok(events)
            }
        }
    }
}

trait Written {
    fn written(
        &self,
        bot: BotId,
        file: NewFile,
        change: Option<DriveChange>,
        at: DateTime<Utc>,
    ) -> DriveEvent;
}

impl Written for Drive {
    fn written(
        &self,
        bot: BotId,
        file: NewFile,
        change: Option<DriveChange>,
        at: DateTime<Utc>,
    ) -> DriveEvent {
        let bytes = file.content.bytes;
        let known = self.at(&file.path);
        let named = NamedContent {
            path: file.path,
            content: file.content,
        };
        DriveEvent::FileWritten(WrittenFile {
            bot_id: bot,
            file_id: known.map_or(file.file_id, |(id, _)| id),
            // What comes with a package is nobody's word: it does not go with what was said.
            file: match file.person {
                Some(person) => Personal::conversation(person, named),
                None => Personal::identity(UserId(bot.0), named),
            },
            media_type: file.media_type,
            bytes,
            origin: file.origin,
            change: change.map(|change| DriveChange {
                replaces: known.is_some(),
                ..change
            }),
            written_at: at,
        })
    }
}

/// What one of so many files that are changed together says of the change: each, or the first for all.
fn shared(change: DriveChange, number: usize, count: usize) -> Option<DriveChange> {
    if count <= DriveChange::FILES_MAX {
        return Some(change);
    }
    (number == 0).then(|| DriveChange {
        files: u32::try_from(count).unwrap_or(u32::MAX),
        ..change
    })
}

/// Where a file lies, for whom it is of.
fn path_of(known: &DriveFile) -> Option<Personal<String>> {
    let Personal::Clear {
        subject,
        class,
        value,
    } = &known.file
    else {
        return None;
    };
    Some(Personal::Clear {
        subject: *subject,
        class: *class,
        value: value.path.clone(),
    })
}

/// The file under another path; whose it is stays.
fn renamed(known: &DriveFile, to: &str) -> Option<Personal<NamedContent>> {
    let Personal::Clear {
        subject,
        class,
        value,
    } = &known.file
    else {
        return None;
    };
    Some(Personal::Clear {
        subject: *subject,
        class: *class,
        value: NamedContent {
            path: to.to_owned(),
            content: value.content.clone(),
        },
    })
}

/// Whether files of these paths and sizes have room, what they replace left out.
pub(crate) fn check_room<'f>(
    drive: &'f Drive,
    written: impl Iterator<Item = (&'f str, u64)>,
    bytes_max: u64,
) -> Result<(), DriveError> {
    let known = drive.by_path();
    let mut sizes: BTreeMap<&str, u64> = known.iter().map(|(path, file)| (*path, file.bytes)).collect();
    for (path, bytes) in written {
        if bytes > FILE_BYTES_MAX {
            return Err(DriveError::TooLarge);
        }
        sizes.insert(path, bytes);
    }
    if sizes.len() > FILES_MAX {
        return Err(DriveError::TooMany);
    }
    if sizes.values().sum::<u64>() > bytes_max {
        return Err(DriveError::Full(bytes_max >> 20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::Aggregate as _;
    use uuid::Uuid;

    use super::*;

    fn file(path: &str, bytes: u64, origin: FileOrigin) -> NewFile {
        NewFile {
            file_id: FileId(Uuid::now_v7()),
            path: path.to_owned(),
            content: BlobReference {
                key: format!("key of {path}"),
                secret: String::new(),
                bytes,
            },
            media_type: "text/plain".to_owned(),
            person: matches!(origin, FileOrigin::Script).then(UserId::default),
            origin,
        }
    }

    fn package(path: &str, digest: &str) -> NewFile {
        let origin = FileOrigin::Package {
            path: path.to_owned(),
            digest: digest.to_owned(),
        };
        file(path, 1, origin)
    }

    fn write(files: Vec<NewFile>) -> DriveCommand {
        DriveCommand::Write {
            bot: BotId::default(),
            files,
            bytes_max: 100,
            change: Some(DriveChange::new(None, 0)),
            at: DateTime::UNIX_EPOCH,
        }
    }

    fn copy(from: &str, to: &str, moves: bool) -> DriveCommand {
        DriveCommand::Copy {
            bot: BotId::default(),
            from: from.to_owned(),
            to: to.to_owned(),
            moves,
            file_id: FileId(Uuid::now_v7()),
            bytes_max: 100,
            change: Some(DriveChange::new(None, 0)),
            at: DateTime::UNIX_EPOCH,
        }
    }

    fn done(drive: &mut Drive, command: DriveCommand) -> Result<usize, DriveError> {
        let events = drive.decide(command)?;
        events.iter().for_each(|event| drive.apply(event));
        Ok(events.len())
    }

    #[test]
    fn what_is_written_replaces_what_was_there_and_has_to_have_room() {
        let mut drive = Drive::default();
        done(&mut drive, write(vec![file("a", 60, FileOrigin::Script)])).expect("written");
        done(&mut drive, write(vec![file("a", 90, FileOrigin::Script)])).expect("in its place");
        assert_eq!(drive.files().len(), 1);
        let second = write(vec![file("b", 20, FileOrigin::Script)]);
        assert_eq!(done(&mut drive, second), Err(DriveError::Full(0)));
        assert_eq!(done(&mut drive, copy("a", "b", false)), Err(DriveError::Full(0)));
        assert_eq!(done(&mut drive, copy("a", "b", true)), Ok(1));
        assert_eq!(
            done(&mut drive, copy("a", "b", true)),
            Err(DriveError::NotFound("a".into()))
        );
        let large = write(vec![file("c", FILE_BYTES_MAX + 1, FileOrigin::Script)]);
        assert_eq!(done(&mut drive, large), Err(DriveError::TooLarge));
        let many = (0..=FILES_MAX)
            .map(|n| file(&n.to_string(), 0, FileOrigin::Script))
            .collect();
        assert_eq!(done(&mut drive, write(many)), Err(DriveError::TooMany));
    }

    #[test]
    fn a_move_replaces_and_a_copy_shares_the_content() {
        let mut drive = Drive::default();
        let files = ["a", "b"].map(|path| file(path, 10, FileOrigin::Script));
        done(&mut drive, write(files.into())).expect("written");
        assert_eq!(done(&mut drive, copy("a", "b", true)), Ok(2));
        assert_eq!(drive.by_path().into_keys().collect::<Vec<_>>(), ["b"]);
        assert!(drive.names_blob("key of a") && !drive.names_blob("key of b"));
        done(&mut drive, copy("b", "c", false)).expect("copied");
        let removed = DriveCommand::Remove {
            bot: BotId::default(),
            path: "b".to_owned(),
            change: Some(DriveChange::new(None, 0)),
            at: DateTime::UNIX_EPOCH,
        };
        done(&mut drive, removed).expect("removed");
        assert!(drive.names_blob("key of a"), "the copy has it still");
    }

    #[test]
    fn what_a_script_wrote_outlives_the_package_s_file() {
        let unmount = |path: &str| DriveCommand::Unmount {
            bot: BotId::default(),
            paths: vec![path.to_owned()],
            at: DateTime::UNIX_EPOCH,
        };
        let mut drive = Drive::default();
        done(&mut drive, write(vec![package("a", "1"), package("b", "1")])).expect("mounted");
        assert_eq!(
            done(&mut drive, write(vec![package("a", "1")])),
            Ok(0),
            "it is there already"
        );
        done(&mut drive, write(vec![file("a", 2, FileOrigin::Script)])).expect("written");
        assert_eq!(
            drive.mounted_readable()["a"],
            "1",
            "the package's file is known still"
        );
        assert_eq!(done(&mut drive, unmount("a")), Ok(1));
        assert_eq!(done(&mut drive, unmount("b")), Ok(2));
        assert_eq!(done(&mut drive, unmount("b")), Ok(0));
        assert_eq!(drive.by_path().into_keys().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn a_file_of_the_package_that_was_erased_with_a_person_comes_again() {
        let mut drive = Drive::default();
        let mount = || write(["a", "b", "c"].map(|path| package(path, "1")).into());
        done(&mut drive, mount()).expect("mounted");
        let removed = DriveCommand::Remove {
            bot: BotId::default(),
            path: "b".to_owned(),
            change: None,
            at: DateTime::UNIX_EPOCH,
        };
        done(&mut drive, removed).expect("a script deletes it");
        let changed = write(vec![file("a", 2, FileOrigin::Script)]);
        let mut events = drive.decide(changed).expect("a script changes it");
        let [DriveEvent::FileWritten(written)] = events.as_mut_slice() else {
            panic!("{events:?}")
        };
        written.file = Personal::Erased {
            subject: UserId::default(),
            class: domain::Class::Conversation,
        };
        drive.apply(&events[0]);
        assert_eq!(
            drive.mounted_readable().into_keys().collect::<Vec<_>>(),
            ["b", "c"]
        );
        assert_eq!(done(&mut drive, mount()), Ok(1));
        assert_eq!(drive.by_path().into_keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(done(&mut drive, mount()), Ok(0));
    }
}
