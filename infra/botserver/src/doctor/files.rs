//! The data folder: whether it can be written, has room, and holds the key.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use event_log::MasterKey;
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, Uid, access};

use super::Finding;
use crate::config::Config;

/// Less than this is used up in a busy hour.
const FREE_BYTES_GOOD: u64 = 1 << 30;
/// Less than this, PostgreSQL may not be able to write its next segment of 16 MiB, and a few more.
const FREE_BYTES_MIN: u64 = 128 << 20;

pub(super) fn data_folder(folder: &Path) -> Finding {
    const CHECK: &str = "data folder";
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(found) if !found.is_dir() => Finding::problem(
            CHECK,
            format!("{shown} is not a folder"),
            "move it away, or set data_dir to a folder",
        ),
        Ok(_) => match written(folder) {
            Ok(()) => Finding::ok(CHECK, format!("{shown} can be written")),
            Err(error) => Finding::problem(
                CHECK,
                format!("{shown} cannot be written ({error})"),
                format!(
                    "run as its owner, or give it to this user: chown {} {shown}",
                    Uid::effective()
                ),
            ),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = existing(folder);
            match access(parent, AccessFlags::W_OK | AccessFlags::X_OK) {
                Ok(()) => Finding::ok(CHECK, format!("{shown} is made at the first start")),
                Err(error) => Finding::problem(
                    CHECK,
                    format!(
                        "{shown} cannot be made in {} ({})",
                        parent.display(),
                        error.desc()
                    ),
                    "make it and give it to this user, or set data_dir to another folder",
                ),
            }
        }
        Err(error) => Finding::problem(
            CHECK,
            format!("{shown} cannot be looked at ({error})"),
            "let this user enter the folders above it, or set data_dir to another folder",
        ),
    }
}

/// Tried rather than computed from modes, which do not know of mounts that are read only.
fn written(folder: &Path) -> io::Result<()> {
    let path = folder.join(format!(".doctor-{}", uuid::Uuid::new_v4()));
    let written = fs::write(&path, b"x");
    // Also what was made and then could not be filled.
    let _ = fs::remove_file(&path);
    written
}

pub(super) fn disk(folder: &Path) -> Finding {
    let folder = existing(folder);
    match statvfs(folder) {
        Ok(found) => {
            let free = found.blocks_available() * found.fragment_size();
            room(folder, free)
        }
        Err(error) => Finding::warning(
            "disk space",
            format!("of {} cannot be seen ({})", folder.display(), error.desc()),
            "look at it with `df`",
        ),
    }
}

fn room(folder: &Path, free: u64) -> Finding {
    const CHECK: &str = "disk space";
    let text = format!("{} MiB are free at {}", free >> 20, folder.display());
    let mend = "make room, or move the data folder to a larger disk (data_dir)";
    if free < FREE_BYTES_MIN {
        Finding::problem(CHECK, text, mend)
    } else if free < FREE_BYTES_GOOD {
        Finding::warning(CHECK, text, mend)
    } else {
        Finding::ok(CHECK, text)
    }
}

pub(super) fn key_file(config: &Config) -> Finding {
    const CHECK: &str = "key file";
    let in_data_dir = config.data_dir.join("master.key");
    let path = config.keys.file.as_deref().unwrap_or(&in_data_dir);
    let shown = path.display();
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return missing_key(config, path),
        Err(error) => {
            return Finding::problem(
                CHECK,
                format!("{shown} cannot be looked at ({error})"),
                "let this user enter the folders above it, or set keys.file to another place",
            );
        }
    };
    if found.is_file() && found.mode() & 0o077 != 0 {
        return Finding::problem(
            CHECK,
            format!(
                "{shown} has mode {:04o}, so others may touch it",
                found.mode() & 0o7777
            ),
            format!("chmod 600 {shown}"),
        );
    }
    let us = Uid::effective().as_raw();
    // Root may look after a server that runs as somebody else: who owns the folder, then owns the key.
    let owner = match fs::metadata(&config.data_dir) {
        Ok(folder) if us == 0 => folder.uid(),
        _ => us,
    };
    if found.uid() != owner && found.uid() != us {
        return Finding::problem(
            CHECK,
            format!("{shown} belongs to the user {}, not to {owner}", found.uid()),
            format!("chown {owner} {shown}"),
        );
    }
    // It exists, so it is read and not made.
    match MasterKey::load_or_create(path) {
        Ok(_) => Finding::ok(CHECK, format!("{shown} holds a key and is its owner's only")),
        Err(error) => Finding::problem(
            CHECK,
            error.to_string(),
            format!("put the copy of the key file back at {shown}, with mode 0600"),
        ),
    }
}

fn missing_key(config: &Config, path: &Path) -> Finding {
    const CHECK: &str = "key file";
    let shown = path.display();
    let mend =
        format!("put the copy of the key file back at {shown}: a new key does not open what is stored");
    if config.data_dir.join("postgres/PG_VERSION").exists() && config.database.url.is_none() {
        Finding::problem(
            CHECK,
            format!("{shown} is missing, and there is a database"),
            mend,
        )
    } else if config.database.url.is_some() {
        let text = format!("{shown} is missing; the next start makes one, which opens nothing stored before");
        Finding::warning(CHECK, text, format!("if the database was used before, {mend}"))
    } else {
        Finding::ok(
            CHECK,
            format!("{shown} is made at the first start; keep a copy of it then"),
        )
    }
}

/// The folder itself, or the nearest above it that exists.
pub(super) fn existing(folder: &Path) -> &Path {
    folder
        .ancestors()
        .find(|folder| folder.exists())
        .unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn little_room_is_a_warning_and_hardly_any_a_problem() {
        let state = |free| room(Path::new("/d"), free).state;
        assert_eq!(state(FREE_BYTES_GOOD), State::Ok);
        assert_eq!(state(FREE_BYTES_GOOD - 1), State::Warning);
        assert_eq!(state(FREE_BYTES_MIN - 1), State::Problem);
        // Made of nothing, so there is no room in it.
        assert_eq!(disk(Path::new("/proc/no/such/folder")).state, State::Problem);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_a_problem_and_nothing_is_left_in_one_that_does() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(data_folder(folder.path()).state, State::Ok);
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
        assert_eq!(data_folder(&folder.path().join("later")).state, State::Ok);
        assert_eq!(data_folder(Path::new("/proc")).state, State::Problem);
        let file = folder.path().join("file");
        fs::write(&file, "x").expect("written");
        assert!(data_folder(&file).text.ends_with("is not a folder"));
    }
}
