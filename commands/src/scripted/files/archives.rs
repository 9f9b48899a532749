//! COMPRESS and EXTRACT.

use std::collections::{BTreeMap, BTreeSet};

use basic::{Refusal, Request, Value};
use documents::archive::{self, Entry};
use domain::drive::{Drive, DriveFile};

use super::content::{Unkept, found_at, missing};
use super::path::{self, below, folder, matches};
use super::{Done, Handled, Host, Room, text};
use crate::drive::{FILE_BYTES_MAX, drive_path};

/// What is packed together.
const PACKED_BYTES_MAX: u64 = archive::UNPACKED_BYTES_MAX;

impl Host<'_> {
    /// `COMPRESS files, "all.zip"`: a file, a folder, a pattern such as `"invoices/*.pdf"`, or a list of them.
    pub(super) async fn compress(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let target = drive_path(&text(request, 1))?;
        let (mut paths, by_path) = (BTreeSet::new(), drive.by_path());
        let given = match request.argument(0) {
            Value::Array(files) => files.iter().collect(),
            one => vec![one],
        };
        for file in given {
            paths.extend(meant(&by_path, file)?);
            // One more, since the archive itself may be among them.
            if paths.len() > archive::ENTRIES_MAX + 1 {
                return Err(too_many().into());
            }
        }
        paths.remove(&target);
        if paths.len() > archive::ENTRIES_MAX {
            return Err(too_many().into());
        }
        let room = Room::wait().await?;
        let common = common_folder(&paths);
        let (mut entries, mut left) = (Vec::new(), PACKED_BYTES_MAX);
        for path in &paths {
            let found = found_at(drive, path)?;
            let bytes = self.bytes(&found.content, left).await?;
            left -= bytes.len() as u64;
            let name = path[common..].to_owned();
            entries.push(Entry { name, bytes });
        }
        let bytes = self.worked_on(&room, move || archive::pack(&entries)).await?;
        let answer = Value::from(target.as_str());
        Ok(Done::Write(vec![Unkept::of(target, bytes, room)], answer))
    }

    /// `EXTRACT "all.zip", "invoices/"`: the paths of what was in it. All or nothing is unpacked.
    pub(super) async fn extract(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let found = self.found(drive, request.argument(0)).await?;
        let folder = match request.argument(1) {
            // Into a folder of the archive's name.
            Value::Null => {
                let name = found
                    .name
                    .rsplit_once('.')
                    .map_or(found.name.as_str(), |(name, _)| name);
                folder(name)?
            }
            given => folder(&given.to_string())?,
        };
        let room = Room::wait().await?;
        let bytes = self.bytes(&found.content, FILE_BYTES_MAX).await?;
        let entries = self.worked_on(&room, move || archive::unpack(&bytes)).await?;
        let mut places = BTreeSet::new();
        let mut files = Vec::new();
        for entry in entries {
            // A name that leads out of the folder is refused, and the archive with it.
            let name = entry.name.replace('\\', "/");
            let path = match drive_path(&name) {
                Ok(inner) => drive_path(&below(&folder, &inner))?,
                Err(_) => {
                    let shown: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
                    let message = format!("the archive holds `{shown}`, which is no path within a folder");
                    return Err(Refusal::mistake("archive_refused", message).into());
                }
            };
            if !places.insert(path.clone()) {
                let message = format!("the archive holds `{path}` twice");
                return Err(Refusal::mistake("archive_refused", message).into());
            }
            files.push(Unkept::of(path, entry.bytes, room.clone()));
        }
        let paths = files.iter().map(|file| Value::from(file.path.as_str()));
        let paths = Value::Array(paths.collect());
        if files.is_empty() {
            return Ok(Done::Answer(paths));
        }
        Ok(Done::Write(files, paths))
    }
}

fn too_many() -> Refusal {
    let message = format!("an archive has at most {} files", archive::ENTRIES_MAX);
    Refusal::mistake("document_too_large", message)
}

/// The files that a value means: one, those below a folder, those that a pattern meets.
fn meant(by_path: &BTreeMap<&str, &DriveFile>, value: &Value) -> Handled<Vec<String>> {
    let said = value.to_string();
    if !matches!(value, Value::Object(_)) {
        if let Some((within, pattern)) = patterned(&said) {
            let folder = folder(within)?;
            let inside = by_path.keys().copied().filter(|path| {
                let (within, name) = path.rsplit_once('/').unwrap_or(("", path));
                within == folder && matches(name, pattern)
            });
            return Ok(inside.map(str::to_owned).collect());
        }
        let folder = folder(&said)?;
        let inside: Vec<String> = by_path
            .keys()
            .copied()
            .filter(|path| {
                folder.is_empty()
                    || path
                        .strip_prefix(&folder)
                        .is_some_and(|rest| rest.starts_with('/'))
            })
            .map(str::to_owned)
            .collect();
        if !inside.is_empty() && !by_path.contains_key(folder.as_str()) {
            return Ok(inside);
        }
    }
    let path = path::file(value)?;
    match by_path.contains_key(path.as_str()) {
        true => Ok(vec![path]),
        false => Err(missing(&path).into()),
    }
}

fn patterned(said: &str) -> Option<(&str, &str)> {
    let (within, last) = said.rsplit_once('/').unwrap_or(("", said));
    last.contains(['*', '?']).then_some((within, last))
}

/// How much of the paths is the folder that they are all in.
fn common_folder(paths: &BTreeSet<String>) -> usize {
    let (Some(first), Some(last)) = (paths.first(), paths.last()) else {
        return 0;
    };
    // Between the first and the last in order lie all the others.
    let shared = first
        .bytes()
        .zip(last.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    first.as_bytes()[..shared]
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |at| at + 1)
}
