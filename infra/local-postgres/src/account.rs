//! Under which user of the system PostgreSQL runs, and who may connect.
//!
//! PostgreSQL refuses to run as root. Started by root, it runs as `postgres`, whom Debian's package makes for
//! exactly this, else as `botserver`. Not as `nobody`: other services share that user, and could read the files.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::unistd::{Uid, User};

use crate::{Error, error::At};

/// The two parties: us, who connect, and the user who owns the files and runs the server.
#[derive(Debug, Clone)]
pub struct Account {
    /// The name by which the server knows our connections (peer authentication).
    pub client: String,
    pub server: String,
    pub uid: u32,
    pub gid: u32,
    /// Whether the server's user is another one than ours, so that folders have to be handed over.
    pub foreign: bool,
}

impl Account {
    pub fn choose() -> Result<Self, Error> {
        let uid = Uid::effective();
        let us = named(User::from_uid(uid))?.ok_or(Error::AccountUnnamed { uid: uid.as_raw() })?;
        if !uid.is_root() {
            let (uid, gid) = (us.uid.as_raw(), us.gid.as_raw());
            return Ok(Account {
                client: us.name.clone(),
                server: us.name,
                uid,
                gid,
                foreign: false,
            });
        }
        for name in ["postgres", "botserver"] {
            if let Some(user) = named(User::from_name(name))?
                && !user.uid.is_root()
            {
                let (uid, gid) = (user.uid.as_raw(), user.gid.as_raw());
                return Ok(Account {
                    client: us.name,
                    server: user.name,
                    uid,
                    gid,
                    foreign: true,
                });
            }
        }
        Err(Error::AccountMissing)
    }

    /// A command that runs as the server's user. Supplementary groups are dropped with the user.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(program);
        if self.foreign {
            command.uid(self.uid).gid(self.gid);
        }
        // Nothing that steers PostgreSQL or its libraries comes in from a stray environment.
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_none_or(|name| name.starts_with("PG") || name.starts_with("LC_"))
            {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").env("TZ", "UTC");
        command
    }

    /// Checks that the server's user can enter `folder`, and names the first folder on the way that bars it.
    pub fn check_reachable(&self, folder: &Path) -> Result<(), Error> {
        if !self.foreign || self.can_enter(folder)? {
            return Ok(());
        }
        let mut parents: Vec<&Path> = folder.ancestors().collect();
        parents.reverse();
        for parent in parents {
            if !self.can_enter(parent)? {
                return Err(self.unreachable(parent));
            }
        }
        Err(self.unreachable(folder))
    }

    fn unreachable(&self, folder: &Path) -> Error {
        Error::Unreachable {
            folder: PathBuf::from(folder),
            account: self.server.clone(),
        }
    }

    /// Tried rather than computed from modes, which do not know of access lists and mount options.
    fn can_enter(&self, folder: &Path) -> Result<bool, Error> {
        let status = self
            .command("/bin/sh")
            .args(["-c", "cd -- \"$1\"", "sh"])
            .arg(folder)
            .current_dir("/")
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .at("run", "/bin/sh")?;
        Ok(status.success())
    }
}

fn named(answer: nix::Result<Option<User>>) -> Result<Option<User>, Error> {
    answer.at("read", "/etc/passwd")
}
