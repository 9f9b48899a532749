//! Files that come with a turn.

use std::collections::HashSet;

use domain::file::{AttachedFile, File};
use domain::{FileId, SessionId, TurnId};
use serde_json::Value;

use super::Dialogues;
use crate::file::{FileCommand, FileError};
use crate::{CommandError, Context};

/// Files of one turn.
const FILES_MAX: usize = 10;

impl Dialogues {
    /// Gives files to a turn that is about to be stored. Sent again, the turn finds them its own.
    pub(super) async fn attach(
        &self,
        context: &Context,
        session_id: SessionId,
        turn_id: TurnId,
        files: &[FileId],
    ) -> Result<Vec<AttachedFile>, CommandError> {
        let context = Context {
            command: None,
            ..context.clone()
        };
        let executor = &self.shared.executor;
        let mut attached = Vec::with_capacity(files.len());
        // All are looked at before the first is taken: one that is missing should not cost the others.
        for file in files {
            let found = executor.load_fresh::<File>(context.tenant, *file).await?.state;
            let upload = found
                .upload()
                .filter(|upload| upload.session_id == session_id)
                .ok_or(FileError::NotFound)?;
            if matches!(found, File::Attached { turn_id: taken_by, .. } if taken_by != turn_id) {
                return Err(FileError::Attached.into());
            }
            attached.push(AttachedFile {
                file_id: *file,
                name: upload.name.clear().cloned().ok_or(FileError::NotFound)?,
                media_type: upload.media_type.clone(),
                bytes: upload.bytes,
            });
        }
        for file in files {
            let command = FileCommand::Attach { session_id, turn_id };
            executor
                .execute::<File>(&context, file, command, Value::Null)
                .await?;
        }
        Ok(attached)
    }
}

/// Refuses too many files, and the same one twice.
pub(super) fn check_files(files: &[FileId]) -> Result<(), CommandError> {
    let invalid = |message: String| {
        Err(CommandError::Invalid {
            field: "files",
            message,
        })
    };
    if files.len() > FILES_MAX {
        return invalid(format!("a message has at most {FILES_MAX} files"));
    }
    if files.iter().collect::<HashSet<_>>().len() < files.len() {
        return invalid("a file comes once with a message".to_owned());
    }
    Ok(())
}
