//! Where the installed PostgreSQL server is.
//!
//! Several versions may lie side by side. An existing cluster decides for the version that made it, so that
//! installing a newer one beside it breaks nothing; a new cluster gets the newest.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Error;

/// Older ones lack recovery details and settings that we rely on, and are out of support.
pub const OLDEST_VERSION: u32 = 14;

/// A folder with `postgres` and `initdb`, and their major version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

impl Binaries {
    pub fn postgres(&self) -> PathBuf {
        self.folder.join("postgres")
    }

    pub fn initdb(&self) -> PathBuf {
        self.folder.join("initdb")
    }
}

/// Chooses the binaries for a cluster: of the version that `made_by` names, else the newest.
///
/// `only` restricts the search to one folder.
pub fn find(only: Option<&Path>, made_by: Option<u32>, cluster: &Path) -> Result<Binaries, Error> {
    let folders = match only {
        Some(folder) => vec![folder.to_path_buf()],
        None => candidates(),
    };
    let mut installed: Vec<Binaries> = Vec::new();
    for folder in &folders {
        if let Some(found) = inspect(folder)
            && !installed.contains(&found)
        {
            installed.push(found);
        }
    }
    choose(installed, made_by, cluster, &folders)
}

fn choose(
    mut installed: Vec<Binaries>,
    made_by: Option<u32>,
    cluster: &Path,
    folders: &[PathBuf],
) -> Result<Binaries, Error> {
    // Stable: among equals, the earlier place wins.
    installed.sort_by_key(|found| std::cmp::Reverse(found.major));
    let Some(newest) = installed.first() else {
        let looked_in = folders
            .iter()
            .map(|folder| folder.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        return Err(Error::BinariesMissing {
            looked_in,
            oldest: OLDEST_VERSION,
        });
    };
    if newest.major < OLDEST_VERSION {
        return Err(Error::BinariesTooOld {
            folder: newest.folder.clone(),
            found: newest.major,
            oldest: OLDEST_VERSION,
        });
    }
    let Some(made_by) = made_by else {
        return Ok(newest.clone());
    };
    match installed.iter().find(|found| found.major == made_by) {
        Some(found) => Ok(found.clone()),
        None => Err(Error::VersionMismatch {
            cluster: cluster.to_path_buf(),
            made_by,
            installed: installed
                .iter()
                .map(|found| found.major.to_string())
                .collect::<Vec<_>>()
                .join(", "),
        }),
    }
}

/// The places to look, most telling first.
fn candidates() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    // `pg_config` belongs to the development package: where it exists it knows, but it often does not exist.
    if let Some(text) = output_of(Command::new("pg_config").arg("--bindir")) {
        folders.push(PathBuf::from(text.trim()));
    }
    // Debian keeps the server binaries of every version out of the search path.
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    if let Some(path) = env::var_os("PATH") {
        folders.extend(env::split_paths(&path).filter(|folder| folder.join("postgres").is_file()));
    }
    folders
}

/// What lies in a folder; nothing where the pair of programs is not complete or does not say its version.
fn inspect(folder: &Path) -> Option<Binaries> {
    // A link in the search path leads to the real folder, beside which PostgreSQL finds its libraries.
    let real = folder.join("postgres").canonicalize().ok()?;
    let folder = real.parent()?.to_path_buf();
    if !folder.join("initdb").is_file() {
        return None;
    }
    let text = output_of(Command::new(&real).arg("--version"))?;
    Some(Binaries {
        folder,
        major: major(&text)?,
    })
}

/// Reads `postgres (PostgreSQL) 15.8 (Debian …)`, also `16beta1`.
fn major(text: &str) -> Option<u32> {
    let number = text.split_whitespace().nth(2)?;
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn installed(majors: &[u32]) -> Vec<Binaries> {
        majors
            .iter()
            .map(|&major| Binaries {
                folder: format!("/pg/{major}").into(),
                major,
            })
            .collect()
    }

    #[test]
    fn the_version_is_read_from_what_postgres_prints() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.8 (Debian 15.8-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("something else"), None);
    }

    #[test]
    fn a_new_cluster_gets_the_newest_and_an_old_one_its_own() {
        let choose = |made_by| choose(installed(&[15, 17, 16]), made_by, Path::new("/c"), &[]);
        assert_eq!(choose(None).unwrap().major, 17);
        assert_eq!(choose(Some(15)).unwrap().major, 15);
        let refused = choose(Some(14)).unwrap_err().to_string();
        assert!(
            refused.contains("made by PostgreSQL 14") && refused.contains("17, 16, 15"),
            "{refused}"
        );
    }

    #[test]
    fn none_and_too_old_are_told_apart() {
        assert!(matches!(
            choose(vec![], None, Path::new("/c"), &[]),
            Err(Error::BinariesMissing { .. })
        ));
        assert!(matches!(
            choose(installed(&[13]), None, Path::new("/c"), &[]),
            Err(Error::BinariesTooOld { found: 13, .. })
        ));
    }
}
