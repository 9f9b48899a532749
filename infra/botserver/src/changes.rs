//! What changed below a folder, told by the file system and gathered until it has settled.
//!
//! A notice is a hint: it may be lost, doubled or unsupported. Whoever asks here also looks for himself now and then.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt;
use inotify::{Event, EventMask, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
use tokio::time::{Instant, timeout_at};

use crate::packages;

/// How long nothing may change before a change counts as complete: an editor's steps of saving are closer together.
const QUIET: Duration = Duration::from_millis(5);

/// Longest wait for quiet, for a folder that never is.
const GATHER_MAX: Duration = Duration::from_millis(50);

/// Folders below the one watched. What lies deeper is no part of a package.
const DEPTH_MAX: usize = 16;

/// Room for a burst of notices; names are at most 255 bytes.
const BUFFER_BYTES: usize = 16 << 10;

/// Changes below a folder.
pub struct Changes {
    folder: PathBuf,
    // None when the system has no notices for this folder.
    notices: Option<Notices>,
}

/// What a notice says.
enum Told {
    /// Something changed in or below this entry of the folder.
    Changed(PathBuf),
    /// Nothing that was not told already.
    Nothing,
    /// Something that cannot be told.
    Anything,
}

struct Notices {
    stream: EventStream<Vec<u8>>,
    watches: Watches,
    /// The folders that are watched.
    folders: HashMap<WatchDescriptor, PathBuf>,
}

impl Changes {
    pub fn of(folder: &Path) -> Self {
        let notices = Notices::open().inspect_err(|error| {
            tracing::warn!(error = %error, "no notices of changed files, looking every few seconds instead");
        });
        let mut changes = Self {
            folder: folder.to_owned(),
            notices: notices.ok(),
        };
        changes.renew();
        changes
    }

    /// Watches the folder again if it was not there before, or was replaced.
    pub fn renew(&mut self) {
        if let Some(notices) = &mut self.notices
            && notices.folders.is_empty()
            && self.folder.is_dir()
        {
            notices.watch(&self.folder, 0);
        }
    }

    /// The entries of the folder, or of an organisation's folder in it, in or below which something changed, once it is quiet. None: anything may have.
    pub async fn settled(&mut self) -> Option<BTreeSet<PathBuf>> {
        let Some(notices) = &mut self.notices else {
            return pending().await;
        };
        let mut entries = Some(BTreeSet::new());
        let mut latest = None;
        loop {
            let next = match latest {
                None => notices.stream.next().await,
                Some(latest) => match timeout_at(quiet(latest), notices.stream.next()).await {
                    Ok(next) => next,
                    Err(_) => return entries,
                },
            };
            latest.get_or_insert_with(|| Instant::now() + GATHER_MAX);
            let told = match next {
                Some(Ok(event)) => notices.told(&self.folder, &event),
                // A stream that failed did not tell everything; one that ended tells nothing any more.
                Some(Err(_)) => Told::Anything,
                None => return pending().await,
            };
            match told {
                Told::Changed(entry) => {
                    if let Some(entries) = &mut entries {
                        entries.insert(entry);
                    }
                }
                Told::Nothing => {}
                Told::Anything => entries = None,
            }
        }
    }
}

fn quiet(latest: Instant) -> Instant {
    latest.min(Instant::now() + QUIET)
}

impl Notices {
    fn open() -> std::io::Result<Notices> {
        let inotify = Inotify::init()?;
        let watches = inotify.watches();
        Ok(Notices {
            stream: inotify.into_event_stream(vec![0; BUFFER_BYTES])?,
            watches,
            folders: HashMap::new(),
        })
    }

    /// Watches a folder and those below it. Links are not followed, as in reading packages.
    fn watch(&mut self, folder: &Path, depth: usize) {
        // That a written file was closed is the surest sign of a change; reading is none.
        let mask = WatchMask::CLOSE_WRITE
            | WatchMask::CREATE
            | WatchMask::DELETE
            | WatchMask::MOVE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR
            | WatchMask::DONT_FOLLOW;
        match self.watches.add(folder, mask) {
            Ok(descriptor) => self.folders.insert(descriptor, folder.to_owned()),
            Err(error) => {
                tracing::debug!(error = %error, depth, "a folder of packages is not watched");
                return;
            }
        };
        if depth == DEPTH_MAX {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.watch(&entry.path(), depth + 1);
            }
        }
    }

    fn told(&mut self, root: &Path, event: &Event<OsString>) -> Told {
        if event.mask.contains(EventMask::Q_OVERFLOW) {
            return Told::Anything;
        }
        // The last words of a watch whose folder is gone.
        let Some(folder) = self.folders.get(&event.wd).cloned() else {
            return Told::Nothing;
        };
        let gone = EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::IGNORED;
        if event.mask.intersects(gone) {
            self.folders.remove(&event.wd);
            if folder == root {
                // It may be another one by now: `renew` watches that from the beginning.
                self.folders.clear();
            }
        }
        let path = match &event.name {
            Some(name) => folder.join(name),
            None => folder,
        };
        let new_folder = EventMask::CREATE | EventMask::MOVED_TO;
        if event.mask.contains(EventMask::ISDIR) && event.mask.intersects(new_folder) {
            let depth = path
                .strip_prefix(root)
                .map_or(DEPTH_MAX, |below| below.iter().count());
            self.watch(&path, depth);
        }
        let mut below = path.strip_prefix(root).into_iter().flat_map(Path::iter);
        match (below.next(), below.next()) {
            // A folder of packages: the package in it changed, or any of them may have.
            (Some(organisation), Some(package)) if packages::is_organisation(Path::new(organisation)) => {
                Told::Changed(root.join(organisation).join(package))
            }
            (Some(entry), _) if !packages::is_organisation(Path::new(entry)) => {
                Told::Changed(root.join(entry))
            }
            _ => Told::Anything,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What was told until `entry` was.
    async fn told_of(changes: &mut Changes, entry: &str) {
        loop {
            let settled = changes.settled().await.expect("nothing was lost");
            if settled.contains(&changes.folder.join(entry)) {
                return;
            }
        }
    }

    #[tokio::test]
    async fn every_way_of_saving_tells_of_the_package() {
        let folder = tempfile::tempdir().expect("a folder");
        let dialog = folder.path().join("a.gbai/a.gbdialog");
        fs::create_dir_all(&dialog).expect("made");
        fs::create_dir_all(folder.path().join("b.gbai")).expect("made");
        let script = dialog.join("start.bas");
        let mut changes = Changes::of(folder.path());

        fs::write(&script, "TALK 1").expect("written");
        told_of(&mut changes, "a.gbai").await;

        fs::write(dialog.join("start.bas~"), "TALK 2").expect("written");
        fs::rename(dialog.join("start.bas~"), &script).expect("renamed");
        told_of(&mut changes, "a.gbai").await;

        fs::remove_file(&script).expect("removed");
        fs::write(&script, "TALK 3").expect("written");
        told_of(&mut changes, "a.gbai").await;

        fs::remove_dir_all(folder.path().join("b.gbai")).expect("removed");
        told_of(&mut changes, "b.gbai").await;

        fs::create_dir(folder.path().join("c.gbai")).expect("made");
        told_of(&mut changes, "c.gbai").await;
    }

    #[tokio::test]
    async fn a_package_of_an_organisation_is_told_by_its_own_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let package = folder.path().join("acme.gborg/a.gbai");
        fs::create_dir_all(&package).expect("made");
        let mut changes = Changes::of(folder.path());
        fs::write(package.join("start.bas"), "TALK 1").expect("written");
        told_of(&mut changes, "acme.gborg/a.gbai").await;
        fs::remove_dir_all(folder.path().join("acme.gborg")).expect("removed");
        // Its packages first, then itself, which may be any of them.
        while let Some(settled) = changes.settled().await {
            assert!(settled.contains(&package), "{settled:?}");
        }
    }

    #[tokio::test]
    async fn reading_is_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("a.gbai")).expect("made");
        fs::write(folder.path().join("a.gbai/start.bas"), "TALK 1").expect("written");
        let mut changes = Changes::of(folder.path());
        fs::read(folder.path().join("a.gbai/start.bas")).expect("read");
        fs::create_dir(folder.path().join("b.gbai")).expect("made");
        let settled = changes.settled().await.expect("nothing was lost");
        assert_eq!(settled, BTreeSet::from([folder.path().join("b.gbai")]));
    }
}
