//! Contents: opened, kept, fetched.

use basic::{Refusal, Request, Value};
use bytes::Bytes;
use domain::drive::{Drive, DriveChange, DriveEvent, FileOrigin, WrittenFile};
use domain::file::File;
use domain::{BlobReference, BotId, FileId, OrganisationId};
use futures::TryStreamExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use uuid::Uuid;

use super::path::{Named, named};
use super::{Handled, Host, Room, Trouble, text};
use crate::blobs::{SealingWriter, opened};
use crate::dialogue::Shared;
use crate::drive::{DriveCommand, DriveError, FILE_BYTES_MAX, NewFile, check_room};
use crate::upload::{HEAD_BYTES, clean_name, media_type};
use crate::{Asking, BlobError, CommandError};

/// What addresses gave that is in memory at the same time, until it is kept.
static FETCHED_AT_ONCE: Semaphore = Semaphore::const_new(16);

/// What an address gave.
#[derive(Debug)]
pub(super) struct Fetched {
    pub name: String,
    pub bytes: Bytes,
    _permit: SemaphorePermit<'static>,
}

/// A file to be written, whose content is not kept yet.
pub(super) struct Unkept {
    /// As [`crate::drive_path`] makes it.
    pub path: String,
    pub bytes: Bytes,
    /// Where the bytes are; None where whatever they come from has its own.
    pub room: Option<Room>,
}

impl Unkept {
    pub fn of(path: String, bytes: Vec<u8>, room: Room) -> Unkept {
        Unkept {
            path,
            bytes: bytes.into(),
            room: Some(room),
        }
    }
}

/// A file that is there.
pub(super) struct Found {
    pub name: String,
    pub media_type: String,
    pub content: BlobReference,
}

/// Where the contents of a bot's drive are.
pub(crate) fn drive_prefix(tenant: OrganisationId, bot: BotId) -> String {
    format!("{tenant}/drives/{bot}")
}

/// What files had as their contents before they were written, moved or removed.
pub(crate) fn replaced(before: &Drive, events: &[DriveEvent]) -> Vec<(FileId, String)> {
    let contents = events.iter().filter_map(|event| {
        let (DriveEvent::FileWritten(WrittenFile { file_id, .. }) | DriveEvent::FileRemoved { file_id, .. }) =
            event
        else {
            return None;
        };
        let content = &before.files().get(file_id)?.file.clear()?.content;
        Some((*file_id, content.key.clone()))
    });
    contents.collect()
}

impl Shared {
    /// Deletes those of the contents that no file of the drive has. A failure is no harm: the sweeper comes by.
    pub(crate) async fn forget_unnamed(&self, drive: &Drive, contents: Vec<(FileId, String)>) {
        for (file, key) in contents {
            if !drive.names_blob(&key) {
                self.forget_content(file, &key).await;
            }
        }
    }

    /// Keeps bytes as a content that no event names yet.
    pub(crate) async fn keep_content(&self, prefix: &str, bytes: Bytes) -> Result<BlobReference, BlobError> {
        let key = format!("{prefix}/{}", Uuid::now_v7());
        let mut writer = SealingWriter::begin(&*self.blobs, key).await?;
        writer.write(bytes).await?;
        writer.finish().await
    }
}

impl Host<'_> {
    /// What a word asks the web for.
    pub(super) async fn fetched(&mut self, request: &Request) -> Handled<Option<Fetched>> {
        let address = text(request, 0);
        if !matches!(request.word, "DOWNLOAD" | "UPLOAD") || !address.contains("://") {
            return Ok(None);
        }
        let permit = FETCHED_AT_ONCE.acquire().await;
        let permit = permit.map_err(CommandError::unexpected)?;
        let asking = Asking {
            tenant: self.context.tenant,
            bot: self.start.bot_id,
            session: self.start.session_id,
            user: self.start.user_id,
            headers: self.headers().await?,
        };
        let services = self.shared.options.services.clone();
        let answer = services.fetch(&asking, &address, FILE_BYTES_MAX).await?;
        Ok(Some(Fetched {
            name: clean_name(&answer.name),
            bytes: answer.bytes,
            _permit: permit,
        }))
    }

    /// The file that a value names.
    pub(super) async fn found(&self, drive: &Drive, value: &Value) -> Handled<Found> {
        match named(value)? {
            Named::Path(path) => found_at(drive, &path),
            Named::Sent(id) => self.found_sent(id).await,
        }
    }

    /// A file that was sent in this session.
    async fn found_sent(&self, id: FileId) -> Handled<Found> {
        let file = self
            .shared
            .executor
            .load_fresh::<File>(self.context.tenant, id)
            .await?
            .state;
        let upload = file
            .upload()
            .filter(|upload| upload.session_id == self.start.session_id)
            .ok_or_else(|| Refusal::new("file_not_found", "there is no such file in this session"))?;
        match (upload.name.clear(), upload.content.clear()) {
            (Some(name), Some(content)) => Ok(Found {
                name: name.clone(),
                media_type: upload.media_type.clone(),
                content: content.clone(),
            }),
            _ => Err(Refusal::new("file_erased", "the file was erased").into()),
        }
    }

    /// The bytes of a content, of at most so many.
    pub(super) async fn bytes(&self, content: &BlobReference, bytes_max: u64) -> Handled<Vec<u8>> {
        if content.bytes > bytes_max {
            let message = format!(
                "the file has more than {} MiB, too many for this",
                bytes_max >> 20
            );
            return Err(Refusal::mistake("file_too_large", message).into());
        }
        let lost = |error: BlobError| match error.lost() {
            true => Trouble::Lost(content.key.clone()),
            false => error.into(),
        };
        let mut stream = opened(&*self.shared.blobs, content).await.map_err(lost)?;
        let mut bytes = Vec::with_capacity(content.bytes as usize);
        while let Some(part) = stream.try_next().await.map_err(lost)? {
            bytes.extend_from_slice(&part);
        }
        Ok(bytes)
    }

    /// The bytes of a file of the drive; None where there is none at the path.
    pub(super) async fn bytes_at(
        &self,
        drive: &Drive,
        path: &str,
        bytes_max: u64,
    ) -> Handled<Option<Vec<u8>>> {
        match drive.at(path) {
            None => Ok(None),
            Some(_) => {
                let found = found_at(drive, path)?;
                self.bytes(&found.content, bytes_max).await.map(Some)
            }
        }
    }

    /// Keeps the contents of files, for events that name them. What has no room in the drive is not kept to begin with.
    pub(super) async fn keep(&self, drive: &Drive, files: Vec<Unkept>) -> Handled<DriveCommand> {
        let bytes_max = self.shared.options.drive.bytes_max;
        let sizes = files
            .iter()
            .map(|file| (file.path.as_str(), file.bytes.len() as u64));
        check_room(drive, sizes, bytes_max)?;
        let (mut kept, mut failed) = (Vec::with_capacity(files.len()), None);
        for file in files {
            match self.kept(file).await {
                Ok(file) => kept.push(file),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        let command = DriveCommand::Write {
            bot: self.start.bot_id,
            files: kept,
            bytes_max,
            change: Some(self.drive_change()),
            at: self.now,
        };
        let Some(error) = failed else {
            return Ok(command);
        };
        self.shared.forget_unnamed(drive, command.contents()).await;
        Err(error.into())
    }

    async fn kept(&self, file: Unkept) -> Result<NewFile, BlobError> {
        let Unkept { path, bytes, room } = file;
        let media_type = media_type(&bytes[..bytes.len().min(HEAD_BYTES)], &path);
        let prefix = drive_prefix(self.context.tenant, self.start.bot_id);
        let content = self.shared.keep_content(&prefix, bytes).await?;
        drop(room);
        Ok(NewFile {
            file_id: FileId(Uuid::now_v7()),
            path,
            content,
            media_type,
            person: Some(self.start.user_id),
            origin: FileOrigin::Script,
        })
    }

    /// What scripts are told that this change starts.
    pub(super) fn drive_change(&self) -> DriveChange {
        DriveChange::new(Some(self.start.user_id), self.depth)
    }
}

pub(super) fn missing(path: &str) -> DriveError {
    DriveError::NotFound(path.chars().take(200).collect())
}

pub(super) fn found_at(drive: &Drive, path: &str) -> Handled<Found> {
    let (_, file) = drive.at(path).ok_or_else(|| missing(path))?;
    let named = file.file.clear().ok_or_else(|| missing(path))?;
    Ok(Found {
        name: super::path::name_of(path).to_owned(),
        media_type: file.media_type.clone(),
        content: named.content.clone(),
    })
}
