//! What may be asked of a file.

use domain::file::{File, FileEvent, Upload};
use domain::{SessionId, TurnId};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum FileCommand {
    Upload(Box<Upload>),
    /// Gives it to a turn of the session it was uploaded to.
    Attach {
        session_id: SessionId,
        turn_id: TurnId,
    },
    /// Lets go of it, unless a turn has it.
    Discard,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("file not found")]
    NotFound,
    #[error("the file exists already")]
    Exists,
    #[error("the file belongs to another message")]
    Attached,
}

impl Refusal for FileError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists | Self::Attached => RefusalKind::Conflict,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "file_not_found",
            Self::Exists => "file_exists",
            Self::Attached => "file_attached",
        }
    }
}

impl Decide for File {
    type Command = FileCommand;
    type Error = FileError;

    fn decide(&self, command: FileCommand) -> Result<Vec<FileEvent>, FileError> {
        use FileCommand::{Attach, Discard, Upload};
        match (self, command) {
            (File::Absent, Upload(upload)) => Ok(vec![FileEvent::Uploaded(*upload)]),
            (_, Upload(_)) => Err(FileError::Exists),
            (File::Uploaded(upload), Attach { session_id, turn_id }) if upload.session_id == session_id => {
                Ok(vec![FileEvent::Attached { session_id, turn_id }])
            }
            (
                File::Attached {
                    upload,
                    turn_id: taken_by,
                },
                Attach { session_id, turn_id },
            ) if upload.session_id == session_id => {
                if *taken_by == turn_id {
                    Ok(vec![])
                } else {
                    Err(FileError::Attached)
                }
            }
            // Whose file it is, is nobody else's business.
            (_, Attach { .. }) | (File::Absent, Discard) => Err(FileError::NotFound),
            (File::Uploaded(upload), Discard) => Ok(vec![FileEvent::Discarded {
                session_id: upload.session_id,
            }]),
            (File::Attached { .. }, Discard) => Err(FileError::Attached),
            (File::Discarded, Discard) => Ok(vec![]),
        }
    }
}
