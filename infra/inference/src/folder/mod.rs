//! Folders of models as Hugging Face's tools write them, read with distrust: whoever made one may have meant harm.
//!
//! 1. Nothing outside of the folder is read, unless its owner allows links to lead out.
//! 2. Every file has a length that is taken at most; what is no plain file is not opened.
//! 3. Whatever does not fit is told in one line that names the file.

pub mod reader;
pub mod recipe;
pub mod shape;
pub mod weights;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use serde::de::DeserializeOwned;

/// Of the small files of JSON.
const JSON_BYTES_MAX: u64 = 4 << 20;

/// What is wrong with a folder.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct FolderError {
    /// Inside the folder, or the folder itself.
    pub file: String,
    pub problem: String,
}

impl FolderError {
    pub fn new(file: &str, problem: impl Into<String>) -> FolderError {
        // A name or a text of a hostile file stays in one line.
        let line = |text: String| -> String {
            let short = text.chars().take(500);
            short.map(|c| if c.is_control() { ' ' } else { c }).collect()
        };
        FolderError {
            file: line(file.to_owned()),
            problem: line(problem.into()),
        }
    }
}

/// An opened folder.
pub struct Folder {
    path: PathBuf,
    folder: OwnedFd,
    follow_links: bool,
}

impl Folder {
    pub fn open(path: &Path, follow_links: bool) -> Result<Folder, FolderError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let folder = open(path, flags, Mode::empty()).map_err(|errno| {
            let problem = match errno {
                Errno::ENOENT => "there is no such folder".to_owned(),
                Errno::ENOTDIR => "it is no folder".to_owned(),
                errno => format!("it cannot be opened: {}", errno.desc()),
            };
            FolderError::new(&path.display().to_string(), problem)
        })?;
        Ok(Folder {
            path: path.to_owned(),
            folder,
            follow_links,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A plain file of the folder, with its length. None where there is no such file.
    pub fn file(&self, name: &str) -> Result<Option<(File, u64)>, FolderError> {
        let refused = |problem: String| FolderError::new(name, problem);
        let path = Path::new(name);
        let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
        if name.is_empty() || name.contains('\0') || !path.components().all(plain) {
            return Err(refused("the name leads out of the folder".to_owned()));
        }
        // A pipe would be waited for.
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let mut how = OpenHow::new().flags(flags);
        if !self.follow_links {
            how = how.resolve(ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        }
        let file = match openat2(self.folder.as_fd(), path, how) {
            Ok(file) => File::from(file),
            Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(None),
            Err(Errno::EXDEV) => {
                let problem = "a link leads out of the folder, which follow_links = true would allow";
                return Err(refused(problem.to_owned()));
            }
            Err(errno) => return Err(refused(format!("it cannot be opened: {}", errno.desc()))),
        };
        let metadata = file
            .metadata()
            .map_err(|error| refused(format!("it cannot be looked at: {error}")))?;
        if !metadata.is_file() {
            return Err(refused("it is no plain file".to_owned()));
        }
        Ok(Some((file, metadata.len())))
    }

    /// All of a file of at most so many bytes. None where there is no such file.
    pub fn bytes(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let Some((file, length)) = self.file(name)? else {
            return Ok(None);
        };
        let too_long = || FolderError::new(name, format!("it is longer than {bytes_max} bytes"));
        if length > bytes_max {
            return Err(too_long());
        }
        let mut bytes = Vec::new();
        file.take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| FolderError::new(name, format!("it cannot be read: {error}")))?;
        // It may have grown since.
        if bytes.len() as u64 > bytes_max {
            return Err(too_long());
        }
        Ok(Some(bytes))
    }

    /// A small file of JSON. None where there is no such file.
    pub fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let Some(bytes) = self.bytes(name, JSON_BYTES_MAX)? else {
            return Ok(None);
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| FolderError::new(name, error.to_string()))
    }

    /// A small file of JSON that must be there.
    pub fn json_needed<T: DeserializeOwned>(&self, name: &str) -> Result<T, FolderError> {
        self.json(name)?
            .ok_or_else(|| FolderError::new(name, "the file is missing"))
    }
}
