//! The drives of bots, as packages fill them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::drive::{Drive, FileOrigin};
use domain::{BotId, FileId, OrganisationId};
use serde_json::Value;
use uuid::Uuid;

use super::Commands;
use crate::drive::{DriveCommand, NewFile};
use crate::scripted::{drive_prefix, replaced};
use crate::upload::{HEAD_BYTES, media_type};
use crate::{CommandError, Context};

/// Files of one command: the log takes so many events at a time.
const FILES_AT_ONCE: usize = 400;

/// A file that comes with a package.
#[derive(Debug, Clone)]
pub struct PackagedFile {
    /// As [`crate::drive_path`] makes it.
    pub path: String,
    /// The SHA-256 of its content, in hexadecimal.
    pub digest: String,
    pub content: Bytes,
}

impl Commands {
    /// The digests of the package's files as they were last written to the drive, by path. What cannot be read any more is
    /// left out.
    pub async fn mounted_files(
        &self,
        tenant: OrganisationId,
        bot: BotId,
    ) -> Result<BTreeMap<String, String>, CommandError> {
        let drive = self.executor.load_fresh::<Drive>(tenant, bot).await?.state;
        let mounted = drive.mounted_readable().into_iter();
        Ok(mounted
            .map(|(path, digest)| (path.to_owned(), digest.to_owned()))
            .collect())
    }

    /// Writes files of the package, each in the place of what is there.
    pub async fn mount_files(
        &self,
        context: &Context,
        bot: BotId,
        files: Vec<PackagedFile>,
    ) -> Result<(), CommandError> {
        let prefix = drive_prefix(context.tenant, bot);
        let shared = self.dialogues.shared();
        let mut written = Vec::with_capacity(files.len());
        for file in files {
            let media_type = media_type(&file.content[..file.content.len().min(HEAD_BYTES)], &file.path);
            written.push(NewFile {
                file_id: FileId(Uuid::now_v7()),
                path: file.path.clone(),
                content: shared.keep_content(&prefix, file.content).await?,
                media_type,
                person: None,
                origin: FileOrigin::Package {
                    path: file.path,
                    digest: file.digest,
                },
            });
        }
        let command = DriveCommand::Write {
            bot,
            files: written,
            bytes_max: shared.options.drive.bytes_max,
            at: Utc::now(),
        };
        self.change_drive(context, bot, command).await
    }

    /// Says that the package does not have these files any more.
    pub async fn unmount_files(
        &self,
        context: &Context,
        bot: BotId,
        paths: Vec<String>,
    ) -> Result<(), CommandError> {
        for paths in paths.chunks(FILES_AT_ONCE) {
            let command = DriveCommand::Unmount {
                bot,
                paths: paths.to_vec(),
                at: Utc::now(),
            };
            self.change_drive(context, bot, command).await?;
        }
        Ok(())
    }

    async fn change_drive(
        &self,
        context: &Context,
        bot: BotId,
        command: DriveCommand,
    ) -> Result<(), CommandError> {
        let shared = self.dialogues.shared();
        let _turn = shared.drive_turn(bot).await;
        let before = self.executor.load_fresh::<Drive>(context.tenant, bot).await?;
        let mut contents = command.contents();
        let done = self
            .executor
            .execute::<Drive>(context, bot, command, Value::Null)
            .await;
        match &done {
            Ok(done) => contents.extend(replaced(&before.state, &done.events)),
            // Nothing was stored.
            Err(CommandError::Refused { .. }) => {}
            // It is not known what was stored.
            Err(_) => contents.clear(),
        }
        // Decided was on what the drive was by then, which another process may have changed.
        let after = self.executor.load_fresh::<Drive>(context.tenant, bot).await?;
        shared.forget_unnamed(&after.state, contents).await;
        done.map(drop)
    }

    /// Deletes contents of drives that were written before `before` and that no file has. How many were.
    pub async fn sweep_drives(
        &self,
        tenant: OrganisationId,
        before: DateTime<Utc>,
    ) -> Result<u64, CommandError> {
        let blobs = self.dialogues.blobs();
        let mut by_bot: BTreeMap<BotId, BTreeSet<String>> = BTreeMap::new();
        for (key, written_at) in blobs.list(&format!("{tenant}/drives")).await? {
            let bot = key.rsplit('/').nth(1).and_then(|bot| bot.parse().ok());
            if let Some(bot) = bot.filter(|_| written_at < before) {
                by_bot.entry(bot).or_default().insert(key);
            }
        }
        let mut swept = 0;
        for (bot, mut keys) in by_bot {
            let drive = self.executor.load_fresh::<Drive>(tenant, bot).await?.state;
            for file in drive.files().values().filter_map(|file| file.file.clear()) {
                keys.remove(&file.content.key);
            }
            for key in keys {
                blobs.delete(&key).await?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}
