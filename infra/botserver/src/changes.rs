//! What changed below a folder, told by the file system and gathered until it has settled.
//!
//! A notice is a hint: it may be lost, doubled or unsupported. Whoever asks here also looks for himself now and then.

use std::collections::BTreeSet;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Config, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// How long nothing may change before a change counts as complete: an editor's steps of saving are closer together.
const QUIET: Duration = Duration::from_millis(5);

/// Longest wait for quiet, for a folder that never is.
const GATHER_MAX: Duration = Duration::from_millis(50);

/// Changes below a folder.
pub struct Changes {
    folder: PathBuf,
    notices: mpsc::UnboundedReceiver<Notice>,
    // None when the system has no notices for this folder.
    watcher: Option<RecommendedWatcher>,
    watching: bool,
}

enum Notice {
    At(Vec<PathBuf>),
    /// Something was not told.
    Lost,
}

impl Changes {
    pub fn of(folder: &Path) -> Self {
        let (sender, notices) = mpsc::unbounded_channel();
        let tell = move |event: notify::Result<Event>| {
            if let Some(notice) = notice(event) {
                // Nobody listens any more when the server stops.
                let _ = sender.send(notice);
            }
        };
        let watcher = RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false));
        let mut changes = Self {
            folder: folder.to_owned(),
            notices,
            watcher: watcher
                .inspect_err(|error| {
                    tracing::warn!(error = %error, "no notices of changed files, looking every few seconds instead");
                })
                .ok(),
            watching: false,
        };
        changes.renew();
        changes
    }

    /// Watches the folder again if it was not there before, or was replaced.
    pub fn renew(&mut self) {
        if self.watching || !self.folder.is_dir() {
            return;
        }
        if let Some(watcher) = &mut self.watcher {
            match watcher.watch(&self.folder, RecursiveMode::Recursive) {
                Ok(()) => self.watching = true,
                Err(error) => {
                    tracing::warn!(error = %error, "the folder of packages is not watched, trying again");
                }
            }
        }
    }

    /// The entries of the folder in or below which something changed, once it is quiet. None: anything may have.
    pub async fn settled(&mut self) -> Option<BTreeSet<PathBuf>> {
        let Some(first) = self.notices.recv().await else {
            return pending().await;
        };
        let mut entries = Some(BTreeSet::new());
        self.gather(first, &mut entries);
        let latest = Instant::now() + GATHER_MAX;
        while let Ok(Some(next)) = timeout_at(latest.min(Instant::now() + QUIET), self.notices.recv()).await {
            self.gather(next, &mut entries);
        }
        entries
    }

    fn gather(&mut self, notice: Notice, entries: &mut Option<BTreeSet<PathBuf>>) {
        let Notice::At(paths) = notice else {
            *entries = None;
            return;
        };
        for path in paths {
            let entry = path
                .strip_prefix(&self.folder)
                .ok()
                .and_then(|path| path.iter().next());
            match (entry, entries.as_mut()) {
                (Some(entry), Some(entries)) => {
                    entries.insert(self.folder.join(entry));
                }
                (Some(_), None) => {}
                (None, _) => {
                    // The folder itself: it may be another one by now.
                    self.watching = self.watching && self.folder.is_dir();
                    *entries = None;
                }
            }
        }
    }
}

/// Reading is no change; that a written file was closed is the surest sign of one.
fn notice(event: notify::Result<Event>) -> Option<Notice> {
    let Ok(event) = event else {
        return Some(Notice::Lost);
    };
    let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
    if event.need_rescan() {
        Some(Notice::Lost)
    } else if event.kind.is_access() && event.kind != written {
        None
    } else {
        Some(Notice::At(event.paths))
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
