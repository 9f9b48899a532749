//! Files of bots' drives.

use async_graphql::{ID, Object};
use chrono::{DateTime, Utc};
use commands::KnownDriveFile;
use projections::{Keyset, cursor_of_key};

/// A file of a bot's drive. Its content is given out over REST.
pub(super) struct DriveFile(pub KnownDriveFile);

impl Keyset for DriveFile {
    fn cursor(&self) -> String {
        cursor_of_key(&self.0.path)
    }
}

/// A file of a bot's drive. Its content is given out over REST.
#[Object]
impl DriveFile {
    /// Identifies the file.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Relative to the drive, with `/` between folders.
    async fn path(&self) -> &str {
        &self.0.path
    }

    /// The last part of its path.
    async fn name(&self) -> &str {
        self.0.name()
    }

    /// What its content shows it to be.
    async fn media_type(&self) -> &str {
        &self.0.media_type
    }

    /// Size of its content.
    async fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// When it was written.
    async fn written_at(&self) -> DateTime<Utc> {
        self.0.written_at
    }

    /// Whether it is as the package has it.
    async fn of_package(&self) -> bool {
        self.0.of_package
    }
}
