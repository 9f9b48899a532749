//! Files on their way in: what they are called, what they are, and how they are kept.

mod describe;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::file::{File, Upload};
use domain::session::OpenSession;
use domain::{FileId, OrganisationId, Personal, SessionId};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::blobs::SealingWriter;
use crate::file::FileCommand;
use crate::service::Done;
use crate::{CommandError, CommandId, Commands, Context};

pub(crate) use describe::{HEAD_BYTES, clean_name, media_type};

/// A file that is kept, and can be sent with a turn.
#[derive(Debug, Clone)]
pub struct UploadedFile {
    pub file_id: FileId,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
    pub done: Done,
}

/// A file that arrives. Sealed piece by piece; dropped before it has finished, it leaves nothing.
pub struct Uploading {
    commands: Commands,
    context: Context,
    session_id: SessionId,
    open: OpenSession,
    name: String,
    file_id: FileId,
    writer: SealingWriter,
    /// The first bytes, by which its type is told.
    head: Vec<u8>,
    hash: Sha256,
}

impl Uploading {
    pub(crate) async fn begin(
        commands: &Commands,
        context: &Context,
        session_id: SessionId,
        open: OpenSession,
        name: &str,
    ) -> Result<Self, CommandError> {
        let file_id = FileId(context.derived_id("file"));
        let key = format!("{}/{file_id}/{}", prefix(context.tenant), Uuid::now_v7());
        let writer = SealingWriter::begin(commands.dialogues().blobs(), key)
            .await
            .map_err(CommandError::from)?;
        Ok(Self {
            commands: commands.clone(),
            context: context.clone(),
            session_id,
            open,
            name: clean_name(name),
            file_id,
            writer,
            head: Vec::new(),
            hash: Sha256::new(),
        })
    }

    /// Bytes that have arrived.
    pub fn bytes(&self) -> u64 {
        self.writer.bytes()
    }

    pub async fn write(&mut self, bytes: Bytes) -> Result<(), CommandError> {
        let wanted = HEAD_BYTES.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..wanted]);
        self.hash.update(&bytes);
        Ok(self.writer.write(bytes).await?)
    }

    /// Keeps it: durable when it returns.
    pub async fn finish(self, now: DateTime<Utc>) -> Result<UploadedFile, CommandError> {
        let (session_id, file_id) = (self.session_id, self.file_id);
        let bytes = self.writer.bytes();
        if bytes == 0 {
            return Err(CommandError::Invalid {
                field: "file",
                message: "there is nothing in the file".to_owned(),
            });
        }
        let media_type = media_type(&self.head, &self.name);
        let context = numbered(&self.commands, self.context, session_id, &self.name, self.hash);
        let content = self.writer.finish().await?;
        let key = content.key.clone();
        let user = self.open.user_id;
        let upload = Upload {
            session_id,
            bot_id: self.open.bot_id,
            user_id: user,
            name: Personal::conversation(user, self.name.clone()),
            media_type: media_type.clone(),
            bytes,
            content: Personal::conversation(user, content),
            uploaded_at: now,
        };
        let command = FileCommand::Upload(Box::new(upload));
        let kept = self
            .commands
            .run::<File>(&context, file_id.0, command, Value::Null)
            .await;
        // Where it is not known what became of the command, the sweeper finds out.
        if kept
            .as_ref()
            .map_or_else(|error| !error.retryable(), |done| done.repeated)
        {
            let dialogues = self.commands.dialogues();
            dialogues.shared().forget_content(file_id, &key).await;
        }
        Ok(UploadedFile {
            file_id,
            name: self.name,
            media_type,
            bytes,
            done: kept?,
        })
    }
}

/// The address of a file's content on this server, as scripts and readers are told it.
pub fn file_address(session: SessionId, file: FileId) -> String {
    format!("/api/v1/sessions/{session}/files/{file}")
}

/// Where the contents of an organisation's files are.
pub(crate) fn prefix(tenant: OrganisationId) -> String {
    format!("{tenant}/files")
}

/// The context of the upload: a repetition has the same name and the same content.
fn numbered(
    commands: &Commands,
    context: Context,
    session_id: SessionId,
    name: &str,
    content: Sha256,
) -> Context {
    let Some(CommandId { id, .. }) = context.command else {
        return context;
    };
    let what = format!("{session_id}/{}/{name}", hex::encode(content.finalize()));
    let keyring = commands.executor().log().keyring();
    let digest = keyring.hash(context.tenant.0, "file", &what);
    context.with_command(id, digest)
}
