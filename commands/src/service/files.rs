//! What may be done with files.

use chrono::{DateTime, TimeDelta, Utc};
use domain::file::{File, Upload};
use domain::session::{OpenSession, Session};
use domain::{FileId, OrganisationId, Permission, SessionId};
use serde_json::Value;

use super::Commands;
use crate::blobs::opened;
use crate::file::{FileCommand, FileError};
use crate::upload::{Uploading, prefix};
use crate::{Actor, BlobError, BlobStream, CommandError, Context, SessionError};

/// How long a file waits for a turn to take it, and how old a blob is before anybody asks whose it is.
pub const UNSENT_KEPT_FOR: TimeDelta = TimeDelta::hours(1);

/// A file's content on its way out.
pub struct FileContent {
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    /// Ends with an error where the content is not what was uploaded.
    pub content: BlobStream,
}

/// A blob of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBlob {
    pub file_id: FileId,
    pub key: String,
}

impl Commands {
    /// Takes a file in for a session that is open: by its visitor, or by a token with the right.
    pub async fn upload(
        &self,
        context: &Context,
        session: SessionId,
        name: &str,
    ) -> Result<Uploading, CommandError> {
        may(context, session, Permission::ConversationWrite)?;
        let open = self.open_session(context.tenant, session).await?;
        Uploading::begin(self, context, session, open, name).await
    }

    /// A file's content, for the session's visitor or a token with the right.
    pub async fn file(
        &self,
        context: &Context,
        session: SessionId,
        file: FileId,
    ) -> Result<FileContent, CommandError> {
        may(context, session, Permission::ConversationRead)?;
        // Memory holds what was clear when it was read: what was erased since must not be shown.
        let found = self
            .executor
            .load_fresh::<File>(context.tenant, file)
            .await?
            .state;
        let upload = found
            .upload()
            .filter(|upload| upload.session_id == session)
            .ok_or(FileError::NotFound)?;
        let (Some(name), Some(reference)) = (upload.name.clear(), upload.content.clear()) else {
            return Err(CommandError::not_found("file", "file_erased"));
        };
        let content = match opened(self.dialogues.blobs(), reference).await {
            Ok(content) => content,
            Err(error) if error.lost() => {
                tracing::error!(file.id = %file, error = %error, "the content of a file is lost");
                return Err(CommandError::not_found("content of the file", "file_lost"));
            }
            Err(error) => return Err(error.into()),
        };
        Ok(FileContent {
            name: name.clone(),
            media_type: upload.media_type.clone(),
            bytes: upload.bytes,
            content,
        })
    }

    /// Lets go of a file that no turn has taken. False when one has.
    pub async fn discard_file(&self, tenant: OrganisationId, file: FileId) -> Result<bool, CommandError> {
        let context = Context::system(tenant, "files");
        let known = self.executor.load_fresh::<File>(tenant, file).await?.state;
        match self
            .run::<File>(&context, file.0, FileCommand::Discard, Value::Null)
            .await
        {
            Ok(_) => {}
            Err(CommandError::Refused {
                code: "file_attached",
                ..
            }) => return Ok(false),
            Err(error) => return Err(error),
        }
        if let Some(reference) = known.upload().and_then(|upload| upload.content.clear()) {
            self.dialogues.shared().forget_content(file, &reference.key).await;
        }
        Ok(true)
    }

    /// The contents of files that were written before `before`, whoever's they are.
    pub async fn file_blobs(
        &self,
        tenant: OrganisationId,
        before: DateTime<Utc>,
    ) -> Result<Vec<FileBlob>, CommandError> {
        let found = self.dialogues.blobs().list(&prefix(tenant)).await?;
        Ok(found
            .into_iter()
            .filter(|(_, written_at)| *written_at < before)
            .filter_map(|(key, _)| {
                let file_id = key.rsplit('/').nth(1)?.parse().ok()?;
                Some(FileBlob { file_id, key })
            })
            .collect())
    }

    /// Deletes a blob unless its file has it as its content. True when it did.
    pub async fn sweep_file_blob(
        &self,
        tenant: OrganisationId,
        blob: &FileBlob,
    ) -> Result<bool, CommandError> {
        let known = self
            .executor
            .load_fresh::<File>(tenant, blob.file_id)
            .await?
            .state;
        let named = known
            .upload()
            .and_then(|upload: &Upload| upload.content.clear())
            .is_some_and(|content| content.key == blob.key);
        if !named {
            self.dialogues.blobs().delete(&blob.key).await?;
        }
        Ok(!named)
    }

    async fn open_session(
        &self,
        tenant: OrganisationId,
        session: SessionId,
    ) -> Result<OpenSession, CommandError> {
        match self.executor.load::<Session>(tenant, session).await?.state {
            Session::Open(open) => Ok(open),
            Session::Absent => Err(SessionError::NotFound.into()),
            Session::Ended => Err(SessionError::Ended.into()),
        }
    }
}

/// Passes the session's own visitor, and tokens with the permission. Of other sessions a visitor learns nothing.
pub(super) fn may(context: &Context, session: SessionId, permission: Permission) -> Result<(), CommandError> {
    match &context.actor {
        Actor::Visitor { session: own, .. } if *own == session => Ok(()),
        Actor::Visitor { .. } => Err(SessionError::NotFound.into()),
        Actor::System(_) | Actor::Token { .. } => context.actor.require(permission),
    }
}

impl From<BlobError> for CommandError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Unavailable(cause) => CommandError::StorageUnavailable(cause),
            other => CommandError::unexpected(other),
        }
    }
}
