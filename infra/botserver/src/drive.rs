//! The files that packages bring for the drives of their bots.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;
use commands::{Commands, Context, FILE_BYTES_MAX, FILES_MAX, PackagedFile, drive_path, is_drive_folder};
use domain::bot::{FileFinding, Finding, Severity};
use domain::{BotId, OrganisationId};
use sha2::{Digest, Sha256};

use crate::packages::{self, PackageFolder};

/// Folders within folders.
const DEPTH_MAX: usize = 16;
/// Files that are written to a drive together, and their bytes.
const AT_ONCE: (usize, u64) = (200, 64 << 20);

/// The files of a package's folders `….gbdrive` and `….gbdata`, by their path in the drive, and what is left out of them.
#[derive(Debug, Default)]
pub struct Packaged {
    pub files: BTreeMap<String, PathBuf>,
    pub findings: Vec<FileFinding>,
}

impl Packaged {
    pub fn of(package: &Path) -> anyhow::Result<Packaged> {
        let mut found = Packaged::default();
        let mut folders: Vec<PathBuf> = packages::sorted_entries(package)?
            .into_iter()
            .filter(|path| {
                path.file_name()
                    .and_then(|name| name.to_str())
                    .is_some_and(is_drive_folder)
            })
            .filter(|path| packages::is_folder(path))
            .collect();
        // Of two files of one path that of the drive counts, which comes after that of the data here.
        folders.sort_by_key(|path| {
            path.extension()
                .is_some_and(|suffix| suffix.eq_ignore_ascii_case("gbdrive"))
        });
        for folder in &folders {
            found.collect(package, folder, folder, 0)?;
        }
        Ok(found)
    }

    fn collect(&mut self, package: &Path, root: &Path, folder: &Path, depth: usize) -> anyhow::Result<()> {
        for path in packages::sorted_entries(folder)? {
            let hidden = path
                .file_name()
                .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
            // Links are not followed: they could lead out of the package, or round in circles.
            let kind =
                fs::symlink_metadata(&path).with_context(|| format!("cannot read {}", path.display()))?;
            if hidden {
                continue;
            }
            if kind.is_dir() {
                if depth == DEPTH_MAX {
                    self.left_out(
                        package,
                        &path,
                        "P0108",
                        "the folder is nested too deeply and is left out",
                    );
                    continue;
                }
                self.collect(package, root, &path, depth + 1)?;
            } else if kind.is_file() {
                let relative = path.strip_prefix(root).unwrap_or(&path).to_str();
                let Some(place) = relative.and_then(|relative| drive_path(relative).ok()) else {
                    self.left_out(
                        package,
                        &path,
                        "P0108",
                        "the name is none that a drive takes, and the file is left out",
                    );
                    continue;
                };
                if kind.len() > FILE_BYTES_MAX {
                    let message = format!(
                        "the file is larger than {} MiB and is left out",
                        FILE_BYTES_MAX >> 20
                    );
                    self.left_out(package, &path, "P0106", &message);
                } else if self.files.len() >= FILES_MAX {
                    self.left_out(
                        package,
                        &path,
                        "P0107",
                        "a drive has at most 10000 files; this one and others are left out",
                    );
                    return Ok(());
                } else {
                    self.files.insert(place, path);
                }
            }
        }
        Ok(())
    }

    fn left_out(&mut self, package: &Path, path: &Path, code: &str, message: &str) {
        // One says it for all of its kind that follow.
        if self
            .findings
            .iter()
            .filter(|known| known.finding.code == code)
            .count()
            >= 10
        {
            return;
        }
        let file = path
            .strip_prefix(package)
            .unwrap_or(path)
            .to_string_lossy()
            .into_owned();
        self.findings.push(FileFinding {
            file,
            finding: Finding {
                code: code.to_owned(),
                severity: Severity::Warning,
                message: message.to_owned(),
                line: 1,
                column: 1,
                help: None,
            },
        });
    }
}

/// Keeps drives equal to what packages bring for them.
pub struct Drives {
    commands: Commands,
    tenant: OrganisationId,
    /// Digests of files by size and time, so that a change of one does not have all others read again.
    hashed: HashMap<PathBuf, (u64, Option<SystemTime>, String)>,
}

impl Drives {
    pub fn new(commands: Commands, tenant: OrganisationId) -> Drives {
        Drives {
            commands,
            tenant,
            hashed: HashMap::new(),
        }
    }

    /// Writes the files that changed, and takes those away that are gone. What a script wrote in the place of a file stays
    /// as long as the package has the same file.
    pub async fn mount(&mut self, bot: BotId, package: &PackageFolder) -> anyhow::Result<()> {
        let found = Packaged::of(&package.path)?.files;
        let context = Context::system(self.tenant, "packages");
        let mounted = self.commands.mounted_files(self.tenant, bot).await?;
        if found.is_empty() && mounted.is_empty() {
            return Ok(());
        }
        self.hashed
            .retain(|path, _| !path.starts_with(&package.path) || found.values().any(|file| file == path));
        let (mut written, mut waiting, mut bytes) = (0, Vec::new(), 0);
        for (path, file) in &found {
            let digest = self.digest(file).await?;
            if mounted.get(path) == Some(&digest) {
                continue;
            }
            let content = read(file.clone()).await?;
            // Read at this moment: it may have changed since it was looked at.
            let digest = hex::encode(Sha256::digest(&content));
            bytes += content.len() as u64;
            waiting.push(PackagedFile {
                path: path.clone(),
                digest,
                content: content.into(),
            });
            written += 1;
            if waiting.len() >= AT_ONCE.0 || bytes >= AT_ONCE.1 {
                self.commands
                    .mount_files(&context, bot, std::mem::take(&mut waiting))
                    .await?;
                bytes = 0;
            }
        }
        if !waiting.is_empty() {
            self.commands.mount_files(&context, bot, waiting).await?;
        }
        let gone: Vec<String> = mounted
            .into_keys()
            .filter(|path| !found.contains_key(path))
            .collect();
        let removed = gone.len();
        if !gone.is_empty() {
            self.commands.unmount_files(&context, bot, gone).await?;
        }
        if written + removed > 0 {
            tracing::info!(
                bot.name = package.name,
                written,
                removed,
                "files of the package are in the drive"
            );
        }
        Ok(())
    }

    async fn digest(&mut self, file: &Path) -> anyhow::Result<String> {
        let seen = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (size, time) = (seen.len(), seen.modified().ok());
        if let Some((known_size, known_time, digest)) = self.hashed.get(file)
            && (*known_size, *known_time) == (size, time)
        {
            return Ok(digest.clone());
        }
        let digest = hex::encode(Sha256::digest(&read(file.to_owned()).await?));
        self.hashed.insert(file.to_owned(), (size, time, digest.clone()));
        Ok(digest)
    }
}

async fn read(file: PathBuf) -> anyhow::Result<Vec<u8>> {
    tokio::task::spawn_blocking(move || packages::read_limited(&file, FILE_BYTES_MAX)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, path: &str, content: &str) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders are made");
        fs::write(path, content).expect("the file is written");
    }

    #[test]
    fn files_are_found_by_suffix_and_those_of_the_drive_count() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "x.gbdrive/notes/a.txt", "drive");
        write(folder.path(), "other.GBDATA/prices.csv", "data");
        write(folder.path(), "other.gbdata/notes/a.txt", "data");
        write(folder.path(), "x.gbdrive/.hidden", "");
        write(folder.path(), "x.gbkb/faq.md", "");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("x.gbdrive/link")).expect("a link");
        write(folder.path(), "x.gbdrive/odd\\name.txt", "");
        let found = Packaged::of(folder.path()).expect("read");
        assert_eq!(
            found.files.keys().collect::<Vec<_>>(),
            ["notes/a.txt", "prices.csv"]
        );
        assert!(found.files["notes/a.txt"].ends_with("x.gbdrive/notes/a.txt"));
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].finding.code, "P0108");
    }
}
