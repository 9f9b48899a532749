//! Contents: opened, kept, fetched.

use basic::{Refusal, Request, Value};
use bytes::Bytes;
use domain::drive::{Drive, DriveChange, DriveEvent, FileOrigin};
use domain::file::File;
use domain::{BlobReference, BotId, FileId, OrganisationId};
use futures::TryStreamExt as _;
use uuid::Uuid;

use super::path::{Named, named};
use super::{Handled, Host, Trouble, text};
use crate::blobs::{SealingWriter, opened};
use crate::dialogue::Shared;
use crate::drive::{DriveCommand, DriveError, FILE_BYTES_MAX, NewFile};
use crate::upload::{HEAD_BYTES, clean_name, media_type};
use crate::{Asking, BlobError};

/// What an address gave.
#[derive(Debug)]
pub(super) struct Fetched {
    pub name: String,
    pub bytes: Bytes,
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

impl Shared {
    /// Deletes what the files had as their contents before, unless another file has it still. A failure is no harm: the
    /// sweeper comes by.
    pub(crate) async fn forget_replaced(&self, before: &Drive, events: &[DriveEvent]) {
        let mut after = before.clone();
        events
            .iter()
            .for_each(|event| domain::Aggregate::apply(&mut after, event));
        for event in events {
            let (DriveEvent::FileWritten(domain::drive::WrittenFile { file_id, .. })
            | DriveEvent::FileRemoved { file_id, .. }) = event
            else {
                continue;
            };
            let replaced = before.files().get(file_id).and_then(|file| file.file.clear());
            if let Some(replaced) = replaced
                && !after.names_blob(&replaced.content.key)
            {
                self.forget_content(*file_id, &replaced.content.key).await;
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

    /// Keeps a file's content, for an event that names it.
    pub(super) async fn new_file(&self, path: String, bytes: Vec<u8>) -> Handled<NewFile> {
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(DriveError::TooLarge.into());
        }
        let media_type = media_type(&bytes[..bytes.len().min(HEAD_BYTES)], &path);
        let prefix = drive_prefix(self.context.tenant, self.start.bot_id);
        let content = self.shared.keep_content(&prefix, bytes.into()).await?;
        Ok(NewFile {
            file_id: FileId(Uuid::now_v7()),
            path,
            content,
            media_type,
            person: Some(self.start.user_id),
            origin: FileOrigin::Script,
        })
    }

    pub(super) fn written(&self, files: Vec<NewFile>) -> DriveCommand {
        DriveCommand::Write {
            bot: self.start.bot_id,
            files,
            bytes_max: self.shared.options.drive.bytes_max,
            change: Some(self.drive_change()),
            at: self.now,
        }
    }

    /// What scripts are told that this change starts.
    pub(super) fn drive_change(&self) -> DriveChange {
        DriveChange::new(Some(self.start.user_id), self.depth)
    }
}

pub(super) fn found_at(drive: &Drive, path: &str) -> Handled<Found> {
    let missing = || DriveError::NotFound(path.chars().take(200).collect());
    let (_, file) = drive.at(path).ok_or_else(missing)?;
    let named = file.file.clear().ok_or_else(missing)?;
    Ok(Found {
        name: super::path::name_of(path).to_owned(),
        media_type: file.media_type.clone(),
        content: named.content.clone(),
    })
}
