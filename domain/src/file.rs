//! Files: what people upload to a session, and what becomes of it.
//!
//! A file is uploaded first and then sent with a turn. One that no turn takes is discarded.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BlobReference, BotId, Event, FileId, Personal, SessionId, TurnId, UserId};

/// What happened to a file. Stored for ever: see `schemas/events/file.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum FileEvent {
    #[serde(rename = "file.uploaded")]
    Uploaded(Upload),
    /// A turn takes the file; no other one can.
    #[serde(rename = "file.attached")]
    Attached { session_id: SessionId, turn_id: TurnId },
    /// No turn took it; its content is deleted.
    #[serde(rename = "file.discarded")]
    Discarded { session_id: SessionId },
}

impl Event for FileEvent {
    const TYPES: &'static [(&'static str, u16)] =
        &[("file.uploaded", 1), ("file.attached", 1), ("file.discarded", 1)];
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upload {
    pub session_id: SessionId,
    pub bot_id: BotId,
    /// Whose session it is.
    pub user_id: UserId,
    /// As the sender's device calls it, without folders and without what a file system refuses.
    pub name: Personal<String>,
    /// Found out from the content, never the sender's word alone.
    pub media_type: String,
    /// Size of the content.
    pub bytes: u64,
    /// It is the person's: erasing them makes it unreadable.
    pub content: Personal<BlobReference>,
    pub uploaded_at: DateTime<Utc>,
}

/// A file as a turn names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttachedFile {
    pub file_id: FileId,
    pub name: String,
    pub media_type: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum File {
    #[default]
    Absent,
    Uploaded(Box<Upload>),
    Attached {
        upload: Box<Upload>,
        turn_id: TurnId,
    },
    Discarded,
}

impl File {
    /// What was uploaded, while it is kept.
    pub fn upload(&self) -> Option<&Upload> {
        match self {
            File::Uploaded(upload) | File::Attached { upload, .. } => Some(upload),
            File::Absent | File::Discarded => None,
        }
    }
}

impl Aggregate for File {
    const TYPE: &'static str = "file";
    type Event = FileEvent;

    fn apply(&mut self, event: &FileEvent) {
        match event {
            FileEvent::Uploaded(upload) => *self = File::Uploaded(Box::new(upload.clone())),
            FileEvent::Attached { turn_id, .. } => match std::mem::take(self) {
                File::Uploaded(upload) => {
                    *self = File::Attached {
                        upload,
                        turn_id: *turn_id,
                    };
                }
                before => *self = before,
            },
            FileEvent::Discarded { .. } => *self = File::Discarded,
        }
    }
}
