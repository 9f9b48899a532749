//! Files as read: what was uploaded to a session, and which turn took it.

mod questions;
mod store;

use chrono::{DateTime, Utc};
use domain::file::{File, FileEvent, Upload};
use domain::{Aggregate, FileId, OrganisationId, Personal, SessionId, TurnId, UserId};
use event_log::{RecordedEvent, StreamTypes};
use sqlx::PgConnection;

use crate::column::stored_word;
use crate::fold::{FoldError, Projection, Rows, decoded, sealed, stream_key};
use crate::listing;

/// The projection's name.
pub const NAME: &str = "file";
const TABLE: &str = "files";

#[derive(Debug, Clone, PartialEq)]
pub struct FileRow {
    pub id: FileId,
    pub organisation_id: OrganisationId,
    pub session_id: SessionId,
    pub user_id: UserId,
    pub state: FileState,
    /// The turn that took it; None until one does.
    pub turn_id: Option<TurnId>,
    /// Sealed in the table, opened for a reader.
    pub name: Personal<String>,
    pub media_type: String,
    pub bytes: u64,
    pub uploaded_at: DateTime<Utc>,
}

stored_word! {
    FileState {
        /// Waits for a turn.
        Uploaded = "uploaded",
        Attached = "attached",
        /// No turn took it; its content is deleted.
        Discarded = "discarded",
    }
}

pub(crate) struct Files;

impl Projection for Files {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(File::TYPE)];
    const VERSION: i32 = 1;
    type Key = FileId;
    type Row = FileRow;

    fn key(event: &RecordedEvent) -> Result<Option<FileId>, FoldError> {
        stream_key(event, File::TYPE)
    }

    fn apply(row: &mut Option<FileRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        match decoded::<FileEvent>(event)? {
            FileEvent::Uploaded(upload) => *row = Some(uploaded(event, upload)?),
            FileEvent::Attached { turn_id, .. } => {
                let row = row.as_mut().ok_or(FoldError::Unbegun)?;
                row.state = FileState::Attached;
                row.turn_id = Some(turn_id);
            }
            FileEvent::Discarded { .. } => {
                row.as_mut().ok_or(FoldError::Unbegun)?.state = FileState::Discarded;
            }
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[FileId]) -> Result<Rows<Self>, sqlx::Error> {
        listing::load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        store::store(connection, rows).await
    }
}

fn uploaded(event: &RecordedEvent, upload: Upload) -> Result<FileRow, FoldError> {
    sealed(event, &upload.name)?;
    Ok(FileRow {
        id: Files::key(event)?.ok_or(FoldError::StreamId)?,
        organisation_id: OrganisationId(event.tenant),
        session_id: upload.session_id,
        user_id: upload.user_id,
        state: FileState::Uploaded,
        turn_id: None,
        name: upload.name,
        media_type: upload.media_type,
        bytes: upload.bytes,
        uploaded_at: upload.uploaded_at,
    })
}

#[cfg(test)]
mod tests;
