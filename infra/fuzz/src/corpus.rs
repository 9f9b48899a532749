//! Inputs as files.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Kind, Target};

/// The inputs that belong to the repository: a folder for each target.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The inputs of a folder by their names; none where there is no such folder.
pub fn read(folder: &Path) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut inputs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_file() {
            let content = std::fs::read(&path)?;
            inputs.push((path, content));
        }
    }
    inputs.sort();
    Ok(inputs)
}

/// Writes an input under a name made from its content, behind `prefix`.
pub fn write(folder: &Path, prefix: &str, kind: Kind, input: &[u8]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let hash = hex::encode(&Sha256::digest(input)[..6]);
    let path = folder.join(format!("{prefix}{hash}.{}", kind.extension()));
    std::fs::write(&path, input)?;
    Ok(path)
}

/// How the name of a finding begins that nobody has looked at yet.
pub const FINDING: &str = "finding-";

fn is_finding(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with(FINDING))
}

/// All that a target begins with: what the code gives, what the repository keeps, what earlier runs left over.
pub fn beginnings(target: &Target, folders: &[&Path]) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = (target.seeds)();
    for folder in folders {
        let kept = read(&folder.join(target.name))?.into_iter();
        // What was found and is not mended would be found again, and nothing after it.
        inputs.extend(kept.filter(|(path, _)| !is_finding(path)).map(|(_, input)| input));
    }
    inputs.sort();
    inputs.dedup();
    inputs.sort_by_key(Vec::len);
    Ok(inputs)
}
