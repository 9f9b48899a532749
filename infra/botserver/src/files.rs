//! Sweeping files: what nobody sent is discarded, what no file names is deleted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::Utc;
use commands::{Commands, FileBlob, UNSENT_KEPT_FOR};
use domain::{FileId, OrganisationId};
use projections::Reader;

/// How often unsent files are looked for.
const EVERY: Duration = Duration::from_secs(300);
/// How often contents of drives are looked for that no file has: what a word that did not come to its end left over.
const DRIVES_EVERY: Duration = Duration::from_secs(3600);

/// How often contents of uploads are looked for that no file names.
const UPLOADS_EVERY: Duration = Duration::from_secs(86_400);

/// Files of one step.
const STEP_FILES: usize = 500;

pub(crate) struct FileSweeper {
    pub commands: Commands,
    pub reader: Reader,
    pub tenant: OrganisationId,
}

impl FileSweeper {
    /// Sweeps unsent files, and now and then what crashes left over, until it is stopped.
    pub async fn run(self, stopped: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = stopped => {}
            () = self.sweep() => {}
        }
    }

    async fn sweep(&self) {
        let (mut uploads_swept, mut drives_swept) = (None, None);
        loop {
            if is_due(&mut uploads_swept, UPLOADS_EVERY) {
                told(
                    "contents that no file names deleted",
                    self.sweep_left_over().await,
                );
            }
            if is_due(&mut drives_swept, DRIVES_EVERY) {
                told(
                    "contents that no file of a drive has deleted",
                    self.sweep_drives().await,
                );
            }
            told("files that nobody sent discarded", self.discard_unsent().await);
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn discard_unsent(&self) -> anyhow::Result<u64> {
        let mut discarded = 0;
        let before = Utc::now() - UNSENT_KEPT_FOR;
        let reads = self.reader.tenant(self.tenant).await?;
        // The rest has its turn next time: the read model does not show at once what was discarded.
        let unsent = reads.unsent_files(before, STEP_FILES as u32).await?;
        drop(reads);
        for file in unsent {
            discarded += u64::from(self.commands.discard_file(self.tenant, file).await?);
        }
        Ok(discarded)
    }

    async fn sweep_drives(&self) -> anyhow::Result<u64> {
        let before = Utc::now() - UNSENT_KEPT_FOR;
        let swept = self.commands.sweep_drives(self.tenant, before).await;
        swept.context("the contents of drives cannot be swept")
    }

    /// Deletes contents whose upload did not come to its end: those of no file, and those besides a file's own.
    async fn sweep_left_over(&self) -> anyhow::Result<u64> {
        let before = Utc::now() - UNSENT_KEPT_FOR;
        let found = self
            .commands
            .file_blobs(self.tenant, before)
            .await
            .context("the contents of files cannot be listed")?;
        let mut by_file: BTreeMap<FileId, Vec<FileBlob>> = BTreeMap::new();
        for blob in found {
            by_file.entry(blob.file_id).or_default().push(blob);
        }
        let files: Vec<FileId> = by_file.keys().copied().collect();
        let mut swept = 0;
        for files in files.chunks(STEP_FILES) {
            let kept: BTreeSet<FileId> = self.reader.tenant(self.tenant).await?.kept_files(files).await?;
            for file in files {
                let blobs = by_file.remove(file).unwrap_or_default();
                if kept.contains(file) && blobs.len() == 1 {
                    continue;
                }
                for blob in blobs {
                    swept += u64::from(self.commands.sweep_file_blob(self.tenant, &blob).await?);
                }
            }
        }
        Ok(swept)
    }
}

/// Whether it is time again; then it counts from now.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

fn told(what: &'static str, outcome: anyhow::Result<u64>) {
    match outcome {
        Ok(0) => {}
        Ok(swept) => tracing::info!(swept, "{what}"),
        Err(error) => tracing::warn!(
            error = format!("{error:#}"),
            "files cannot be swept, trying again later"
        ),
    }
}
