//! The master key: 32 random bytes in a file of their owner's, outside the database.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use crate::KeyringError;
use crate::envelope::{Secret, derive, random};

/// First line of the file; the second is the key in hexadecimal.
const HEADING: &str = "botserver master key 1";
/// More than a key file can hold; the rest of a longer one is not read.
const LENGTH_MAX: u64 = 256;

/// The key that wraps all others. Wiped when dropped; never printed.
pub struct MasterKey(Secret);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Reads the key file, or makes one where there is none.
    ///
    /// Refuses a file that is a link or no file, that group or others may touch, or that holds anything else.
    pub fn load_or_create(path: &Path) -> Result<MasterKey, KeyringError> {
        let refused = |problem: &str| KeyringError::MasterKeyFile {
            path: path.to_owned(),
            problem: problem.to_owned(),
        };
        match Self::load(path) {
            Err(LoadError::Absent) => {}
            Err(LoadError::Refused(problem)) => return Err(refused(&problem)),
            Ok(key) => return Ok(key),
        }
        match Self::create(path) {
            Ok(key) => Ok(key),
            // Another process was first; its key counts.
            Err(CreateError::Exists) => Self::load(path).map_err(|error| match error {
                LoadError::Absent => refused("vanished while it was read"),
                LoadError::Refused(problem) => refused(&problem),
            }),
            Err(CreateError::Failed(problem)) => Err(refused(&problem)),
        }
    }

    /// A key that lives in memory only: for tests and for keys that come from a vault.
    pub fn from_bytes(bytes: [u8; 32]) -> MasterKey {
        MasterKey(Zeroizing::new(bytes))
    }

    /// A key for one purpose; the master key itself encrypts nothing.
    pub(crate) fn derive(&self, purpose: &[&[u8]]) -> Secret {
        derive(self.0.as_slice(), purpose)
    }

    fn load(path: &Path) -> Result<MasterKey, LoadError> {
        let refused = |problem: &str| LoadError::Refused(problem.to_owned());
        let named = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(LoadError::Absent),
            Err(error) => return Err(LoadError::Refused(error.to_string())),
        };
        if !named.file_type().is_file() {
            return Err(refused("is not a regular file"));
        }
        let file = File::open(path).map_err(|error| LoadError::Refused(error.to_string()))?;
        let opened = file
            .metadata()
            .map_err(|error| LoadError::Refused(error.to_string()))?;
        // What was looked at and what was opened must be one file, or a link was put in between.
        if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
            return Err(refused("was exchanged while it was opened"));
        }
        if opened.mode() & 0o077 != 0 {
            return Err(refused(
                "may be touched by group or others; it must have mode 0600",
            ));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(LENGTH_MAX)
            .read_to_string(&mut text)
            .map_err(|error| LoadError::Refused(error.to_string()))?;
        let digits = text
            .strip_prefix(HEADING)
            .and_then(|rest| rest.strip_prefix('\n'))
            .ok_or_else(|| refused("does not begin with the heading of a master key"))?;
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits.trim_end_matches('\n'), bytes.as_mut())
            .map_err(|_| refused("does not hold 32 bytes in hexadecimal"))?;
        Ok(MasterKey(bytes))
    }

    /// Writes aside and links into place, so that the name never shows a half-written key.
    fn create(path: &Path) -> Result<MasterKey, CreateError> {
        let failed = |error: std::io::Error| CreateError::Failed(error.to_string());
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut bytes: [u8; 32] = random().map_err(|error| CreateError::Failed(error.to_string()))?;
        let aside = folder.join(format!(".master-key-{}", uuid::Uuid::new_v4()));
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)
            .map_err(failed)?;
        let text = Zeroizing::new(format!("{HEADING}\n{}\n", *Zeroizing::new(hex::encode(bytes))));
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        // A hard link fails where the name exists, as O_EXCL does.
        let linked = written.and_then(|()| fs::hard_link(&aside, path));
        let removed = fs::remove_file(&aside);
        let key = MasterKey::from_bytes(bytes);
        bytes.zeroize();
        match linked {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(CreateError::Exists),
            Err(error) => Err(failed(error)),
            Ok(()) => {
                removed
                    .and_then(|()| File::open(folder)?.sync_all())
                    .map_err(failed)?;
                Ok(key)
            }
        }
    }
}

enum LoadError {
    Absent,
    Refused(String),
}

enum CreateError {
    Exists,
    Failed(String),
}
