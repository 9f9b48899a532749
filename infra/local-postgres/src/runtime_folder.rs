//! The short, private folder that holds the server's socket.
//!
//! A socket's path may be 107 bytes long, and data folders are longer, so the socket lies elsewhere, under a
//! name made from the data folder. Places such as `/tmp` are open to everybody: whoever made the folder first
//! could put a socket of their own there and receive what we send. So the folder is used only if
//!
//! 1. it is a real folder and no link,
//! 2. its owner is the user who runs the server,
//! 3. nobody else may enter it.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use nix::{libc, unistd::Uid};

use crate::{Error, account::Account, error::At};

/// `sun_path` holds 108 bytes, the last of which is zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Makes the folder, or takes the existing one after checking it.
pub fn prepare(data_dir: &Path, port: u16, account: &Account) -> Result<PathBuf, Error> {
    let folder = place(data_dir, account)?;
    let path = folder.join(format!(".s.PGSQL.{port}"));
    let length = path.as_os_str().len();
    if length > SOCKET_PATH_BYTES_MAX {
        return Err(Error::SocketPathTooLong {
            path,
            length,
            max: SOCKET_PATH_BYTES_MAX,
        });
    }
    match DirBuilder::new().mode(0o700).create(&folder) {
        // Ours from birth; handed over without following a link that someone might have put in its place.
        Ok(()) => hand_over(&folder, account)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).at("make", folder),
    }
    check(&folder, account.uid)?;
    Ok(folder)
}

/// Gives a folder to the server's user, where that is not us.
pub fn hand_over(folder: &Path, account: &Account) -> Result<(), Error> {
    if !account.foreign {
        return Ok(());
    }
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(folder)
        .at("open", folder)?;
    fchown(&opened, Some(account.uid), Some(account.gid)).at("hand over", folder)
}

fn place(data_dir: &Path, account: &Account) -> Result<PathBuf, Error> {
    let name = format!("{:016x}", fingerprint(data_dir));
    if account.foreign {
        let parent = Path::new("/run/botserver");
        let made = DirBuilder::new().mode(0o755).create(parent);
        if made.is_ok() {
            // A strict umask of the caller must not bar the server's user.
            fs::set_permissions(parent, fs::Permissions::from_mode(0o755)).at("open up", parent)?;
        }
        if fs::symlink_metadata(parent).is_ok_and(|found| found.is_dir() && found.uid() == 0) {
            return Ok(parent.join(name));
        }
    } else if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR") {
        let runtime = PathBuf::from(runtime);
        if runtime.is_absolute() && check(&runtime, account.uid).is_ok() {
            return Ok(runtime.join(format!("botserver-{name}")));
        }
    }
    // Not the environment's TMPDIR: it may be long, and another caller's may differ, who then would not find us.
    Ok(PathBuf::from(format!(
        "/tmp/botserver-{}-{name}",
        Uid::effective()
    )))
}

fn check(folder: &Path, owner: u32) -> Result<(), Error> {
    let unsafe_because = |reason| {
        Err(Error::UnsafeFolder {
            folder: folder.to_path_buf(),
            reason,
        })
    };
    let found = fs::symlink_metadata(folder).at("look at", folder)?;
    if !found.is_dir() {
        return unsafe_because("it is not a folder");
    }
    if found.uid() != owner {
        return unsafe_because("it belongs to another user");
    }
    if found.mode() & 0o077 != 0 {
        return unsafe_because("others may enter it");
    }
    Ok(())
}

/// FNV-1a: the name must stay the same from one release to the next, which the standard hasher does not promise.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        let uid = Uid::effective().as_raw();
        Account {
            client: "us".into(),
            server: "us".into(),
            uid,
            gid: 0,
            foreign: false,
        }
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let open = parent.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(
            check(&open, account().uid),
            Err(Error::UnsafeFolder { .. })
        ));
        fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
        assert!(check(&open, account().uid).is_ok());
        assert!(matches!(
            check(&open, account().uid + 1),
            Err(Error::UnsafeFolder { .. })
        ));
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(&open, &link).unwrap();
        assert!(matches!(
            check(&link, account().uid),
            Err(Error::UnsafeFolder { .. })
        ));
    }

    #[test]
    fn every_data_folder_has_a_name_of_its_own_that_stays() {
        assert_ne!(fingerprint(Path::new("/a")), fingerprint(Path::new("/b")));
        // The published value for "a".
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
