//! The drives of bots, as packages fill them and as they are seen and changed from outside.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::drive::{Drive, DriveChange, DriveFile, FileOrigin};
use domain::{BotId, FileId, OrganisationId, Permission};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{Commands, Done, FileContent};
use crate::blobs::{SealingWriter, opened};
use crate::drive::{DriveCommand, DriveError, FILE_BYTES_MAX, NewFile, drive_path, folder_path};
use crate::scripted::{drive_prefix, replaced};
use crate::upload::{HEAD_BYTES, media_type};
use crate::{BotError, CommandError, CommandId, Context, RefusalKind};

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

/// A file of a bot's drive.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownDriveFile {
    pub id: FileId,
    pub path: String,
    /// Found out from the content.
    pub media_type: String,
    pub bytes: u64,
    pub written_at: DateTime<Utc>,
    /// Whether it is as the package has it.
    pub of_package: bool,
}

impl KnownDriveFile {
    /// None where it was erased.
    fn of(id: FileId, file: &DriveFile) -> Option<KnownDriveFile> {
        Some(KnownDriveFile {
            id,
            path: file.path()?.to_owned(),
            media_type: file.media_type.clone(),
            bytes: file.bytes,
            written_at: file.written_at,
            of_package: file.of_package,
        })
    }

    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

fn unknown() -> CommandError {
    CommandError::not_found("file", "drive_file_not_found")
}

/// A file that arrives. Sealed piece by piece; dropped before it has finished, it leaves nothing.
pub struct DriveUpload {
    commands: Commands,
    context: Context,
    bot: BotId,
    path: String,
    writer: SealingWriter,
    /// The first bytes, by which its type is told.
    head: Vec<u8>,
    hash: Sha256,
}

impl DriveUpload {
    /// Bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    /// Refuses what is more than a file may have.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), CommandError> {
        if self.writer.bytes() + bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(DriveError::TooLarge.into());
        }
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        self.hash.update(&bytes);
        Ok(self.writer.write(bytes).await?)
    }

    /// Writes it in the place of what is at its path: durable when it returns.
    pub async fn finish(self, now: DateTime<Utc>) -> Result<(KnownDriveFile, Done), CommandError> {
        let (commands, bot, path) = (self.commands, self.bot, self.path);
        let tenant = self.context.tenant;
        // A repetition has the same path and the same content.
        let context = match self.context.command {
            Some(CommandId { id, .. }) => {
                let what = format!("{bot}/{}/{path}", hex::encode(self.hash.finalize()));
                let keyring = commands.executor().log().keyring();
                let digest = keyring.hash(tenant.0, "drive_file", &what);
                self.context.with_command(id, digest)
            }
            None => self.context,
        };
        let content = self.writer.finish().await?;
        let shared = commands.dialogues().shared();
        let command = DriveCommand::Write {
            bot,
            files: vec![NewFile {
                file_id: FileId(Uuid::now_v7()),
                path: path.clone(),
                content,
                media_type: media_type(&self.head, &path),
                person: None,
                origin: FileOrigin::Upload,
            }],
            bytes_max: shared.options.drive.bytes_max,
            change: Some(DriveChange::new(None, 0)),
            at: now,
        };
        let done = commands.change_drive(&context, bot, command).await?;
        let drive = commands.drive_of(tenant, bot).await?;
        let (id, file) = drive.at(&path).ok_or_else(unknown)?;
        let known = KnownDriveFile::of(id, file).ok_or_else(unknown)?;
        Ok((known, done))
    }
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
            // A package that is loaded is no change that scripts are told of.
            change: None,
            at: Utc::now(),
        };
        self.change_drive(context, bot, command).await?;
        Ok(())
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

    /// The files of a bot below a folder that can be read, by path. An empty folder is the drive itself.
    pub async fn drive_files(
        &self,
        context: &Context,
        bot: BotId,
        folder: &str,
    ) -> Result<Vec<KnownDriveFile>, CommandError> {
        context.actor.require(Permission::DriveRead)?;
        self.existing_bot(context.tenant, bot).await?;
        // Below what cannot be a folder there is nothing.
        let Ok(folder) = folder_path(folder) else {
            return Ok(Vec::new());
        };
        let drive = self.drive_of(context.tenant, bot).await?;
        let known = drive
            .files()
            .iter()
            .filter_map(|(id, file)| KnownDriveFile::of(*id, file));
        let is_below = |file: &KnownDriveFile| {
            let rest = file.path.strip_prefix(folder.as_str());
            folder.is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let mut known: Vec<KnownDriveFile> = known.filter(is_below).collect();
        known.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(known)
    }

    /// The content of a file of the drive.
    pub async fn drive_file(
        &self,
        context: &Context,
        bot: BotId,
        file: FileId,
    ) -> Result<FileContent, CommandError> {
        context.actor.require(Permission::DriveRead)?;
        self.existing_bot(context.tenant, bot).await?;
        let drive = self.drive_of(context.tenant, bot).await?;
        let found = drive.files().get(&file).ok_or_else(unknown)?;
        let known = KnownDriveFile::of(file, found).ok_or_else(unknown)?;
        let named = found.file.clear().ok_or_else(unknown)?;
        let content = match opened(self.dialogues.blobs(), &named.content).await {
            Ok(content) => content,
            Err(error) if error.lost() => {
                tracing::error!(file.id = %file, error = %error, "the content of a file is lost");
                return Err(CommandError::not_found("content of the file", "file_lost"));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(FileContent {
            name: known.name().to_owned(),
            media_type: known.media_type,
            bytes: known.bytes,
            content,
        })
    }

    /// Takes a file in, to be written to a path of the drive.
    pub async fn upload_to_drive(
        &self,
        context: &Context,
        bot: BotId,
        path: &str,
    ) -> Result<DriveUpload, CommandError> {
        context.actor.require(Permission::DriveWrite)?;
        let path = drive_path(path)?;
        self.existing_bot(context.tenant, bot).await?;
        let key = format!("{}/{}", drive_prefix(context.tenant, bot), Uuid::now_v7());
        let writer = SealingWriter::begin(self.dialogues.blobs(), key)
            .await
            .map_err(CommandError::from)?;
        Ok(DriveUpload {
            commands: self.clone(),
            context: context.clone(),
            bot,
            path,
            writer,
            head: Vec::new(),
            hash: Sha256::new(),
        })
    }

    pub async fn remove_drive_file(
        &self,
        context: &Context,
        bot: BotId,
        file: FileId,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::DriveWrite)?;
        self.existing_bot(context.tenant, bot).await?;
        let drive = self.drive_of(context.tenant, bot).await?;
        let path = drive.files().get(&file).and_then(|file| file.path());
        let command = DriveCommand::Remove {
            bot,
            // A repetition of what was removed is answered as the first time.
            path: path.unwrap_or_default().to_owned(),
            change: Some(DriveChange::new(None, 0)),
            at: Utc::now(),
        };
        match self.change_drive(context, bot, command).await {
            Err(CommandError::Refused {
                kind: RefusalKind::NotFound,
                ..
            }) => Err(unknown()),
            done => done,
        }
    }

    async fn existing_bot(&self, tenant: OrganisationId, bot: BotId) -> Result<(), CommandError> {
        match self.executor.load::<Bot>(tenant, bot).await?.state {
            Bot::Absent => Err(BotError::NotFound.into()),
            Bot::Active(_) | Bot::Paused(_) | Bot::Retired => Ok(()),
        }
    }

    /// Read anew: memory holds what was clear when it was read, and what was erased since must not be shown.
    async fn drive_of(&self, tenant: OrganisationId, bot: BotId) -> Result<Drive, CommandError> {
        Ok(self.executor.load_fresh::<Drive>(tenant, bot).await?.state)
    }

    async fn change_drive(
        &self,
        context: &Context,
        bot: BotId,
        command: DriveCommand,
    ) -> Result<Done, CommandError> {
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
            // It is not known what became of the command: the sweeper finds out.
            Err(error) if error.retryable() => contents.clear(),
            Err(_) => {}
        }
        // Decided was on what the drive was by then, which another process may have changed.
        match self.executor.load_fresh::<Drive>(context.tenant, bot).await {
            Ok(after) => shared.forget_unnamed(&after.state, contents).await,
            Err(error) => tracing::warn!(error = %error, "contents of a drive are left to the sweeper"),
        }
        let done = done?;
        Ok(Done {
            token: done.token,
            repeated: done.repeated,
        })
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
