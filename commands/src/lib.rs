//! Decisions: what may be asked of each noun and what it means, and the shell that carries decisions to the log.
//!
//! One file per noun holds its commands, its errors and its `decide`, which is pure. The executor loads, decides and
//! appends; the dialogue worker answers turns; everything that can be asked from outside goes through [`Commands`].

mod access;
mod automation;
mod blobs;
mod bot;
mod cache;
mod context;
mod conversation;
mod credential;
mod decide;
mod dialogue;
mod drive;
mod error;
mod executor;
mod file;
mod memory;
mod organisation;
mod package;
mod programs;
mod projection;
mod qr_code;
mod recovery;
mod run;
mod runners;
mod schedule;
mod scripted;
mod service;
mod session;
mod snapshots;
mod token;
mod tool;
mod turn;
mod upload;
mod user;

pub use access::{Denials, DeniedAccess};
pub use automation::{ScriptAnswer, WebCall};
pub use blobs::{BlobError, BlobStream, BlobWriter, Blobs};
pub use bot::{BotCommand, BotError};
pub use context::{Actor, CommandId, Context};
pub use conversation::{ConversationCommand, ConversationError, NewControl};
pub use credential::{Credential, CredentialError, TokenText};
pub use decide::{Decide, Refusal, RefusalKind};
pub use dialogue::{DialogueOptions, Dialogues, DriveOptions};
pub use drive::{
    DriveCommand, DriveError, FILE_BYTES_MAX, FILES_MAX, NewFile, drive_path, folder_path, is_drive_folder,
};
pub use error::CommandError;
pub use event_log::{Position, Token as ReadToken};
pub use executor::{Committed, Executor, Versioned};
pub use file::{FileCommand, FileError};
pub use memory::{MemoryCommand, MemoryError};
pub use organisation::{OrganisationCommand, OrganisationError};
pub use package::{Assembled, PackageFiles, assemble, compile_script, parameters, replace_findings};
pub use programs::Programs;
pub use projection::{ProjectionCommand, ProjectionError};
pub use recovery::Recovery;
pub use run::{RunCommand, RunError};
pub use runners::Runners;
pub use schedule::{ScheduleCommand, ScheduleError};
pub use scripted::{
    Asking, AtDesk, Attendant, Desk, Elsewhere, Extent, Fetched, Migration, Misconfigured, NoDesk, Plan,
    Queued, Reach, Reason, RefusedChange, Services, SetUp, Switcher, Tables, Unconfigured,
};
pub use service::{
    BotCreated, Choice, Commands, DeclaredTrigger, Done, DriveUpload, Erasure, FileBlob, FileContent,
    GivenReply, IssuedToken, KnownDriveFile, KnownSchedule, NewAccount, NewReply, NewToken, PackagedFile,
    RatedReply, RegisteredUser, StartedSession, UNSENT_KEPT_FOR, VisitorSession,
};
pub use session::{SessionCommand, SessionError};
pub use token::{TokenCommand, TokenError};
pub use tool::NewInvocation;
pub use turn::{NewTurn, ReceivedTurn};
pub use upload::{UploadedFile, Uploading, file_address};
pub use user::{UserCommand, UserError};
