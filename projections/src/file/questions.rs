//! What is asked of files.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::{FileId, SessionId};
use sqlx::Row;
use uuid::Uuid;

use super::store::COLUMNS;
use super::{FileRow, TABLE};
use crate::column;
use crate::listing::Listed;
use crate::paging::{Cursor, Keyset};
use crate::reader::{ReadError, Reads};

impl Listed for FileRow {
    type Id = FileId;
    type Filter = ();

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "uploaded_at";

    fn id(&self) -> FileId {
        self.id
    }
}

impl Keyset for FileRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.uploaded_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl Reads {
    /// Bytes that a session's files hold.
    pub async fn session_file_bytes(&self, session: SessionId) -> Result<u64, ReadError> {
        let row = sqlx::query(
            "select coalesce(sum(bytes), 0)::bigint as total from files
              where session_id = $1 and state <> 'discarded'",
        )
        .bind(session.0)
        .fetch_one(&mut *self.connection().await)
        .await?;
        Ok(column::count(&row, "total")?)
    }

    /// Files that no turn has taken and that were uploaded before `before`, oldest first; at most `limit`.
    pub async fn unsent_files(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<FileId>, ReadError> {
        let ids: Vec<Uuid> = sqlx::query_scalar(
            "select id from files where state = 'uploaded' and uploaded_at < $1
              order by uploaded_at limit $2",
        )
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.connection().await)
        .await?;
        Ok(ids.into_iter().map(FileId).collect())
    }

    /// Those of `files` that are kept: uploaded and not discarded.
    pub async fn kept_files(&self, files: &[FileId]) -> Result<BTreeSet<FileId>, ReadError> {
        let ids: Vec<Uuid> = files.iter().map(|file| file.0).collect();
        let rows = sqlx::query("select id from files where id = any($1) and state <> 'discarded'")
            .bind(ids)
            .fetch_all(&mut *self.connection().await)
            .await?;
        let kept: Result<_, sqlx::Error> = rows.iter().map(|row| row.try_get("id").map(FileId)).collect();
        Ok(kept?)
    }
}
