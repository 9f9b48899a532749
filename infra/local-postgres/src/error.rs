//! What can go wrong with a private server, in words an operator can act on.

use std::{io, path::PathBuf};

/// Why a server could not be started or stopped. Every message is complete in itself: what, where, what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no PostgreSQL server binaries found (looked in {looked_in}): install version {oldest} or newer, \
         on Debian the package `postgresql`, or set database.url to use another server"
    )]
    BinariesMissing { looked_in: String, oldest: u32 },

    #[error(
        "PostgreSQL {found} in {folder} is too old: version {oldest} or newer is needed, on Debian the package `postgresql`"
    )]
    BinariesTooOld {
        folder: PathBuf,
        found: u32,
        oldest: u32,
    },

    #[error(
        "the database in {cluster} was made by PostgreSQL {made_by}, but only {installed} is installed: \
         install the package `postgresql-{made_by}`, or move the database with pg_upgrade"
    )]
    VersionMismatch {
        cluster: PathBuf,
        made_by: u32,
        installed: String,
    },

    #[error(
        "PostgreSQL refuses to run as root and neither a user `postgres` nor `botserver` exists: \
         make one with `useradd --system botserver`"
    )]
    AccountMissing,

    #[error(
        "the user with id {uid} has no name in the user database, and PostgreSQL needs one to know who connects"
    )]
    AccountUnnamed { uid: u32 },

    #[error(
        "the user `{account}`, under whom PostgreSQL runs, cannot enter {folder}: choose another data_dir, or `chmod o+x` that folder"
    )]
    Unreachable { folder: PathBuf, account: String },

    #[error(
        "another program already runs a database in {data_dir} (it holds {lock}): stop it, or choose another data_dir"
    )]
    Busy { data_dir: PathBuf, lock: PathBuf },

    #[error("{folder} is not safe to put a socket in ({reason}): remove it")]
    UnsafeFolder { folder: PathBuf, reason: &'static str },

    #[error(
        "the socket path {path} is {length} bytes long and the system allows {max}: shorten XDG_RUNTIME_DIR"
    )]
    SocketPathTooLong {
        path: PathBuf,
        length: usize,
        max: usize,
    },

    #[error("{folder} exists but is not a PostgreSQL data folder: move it away")]
    NotACluster { folder: PathBuf },

    #[error("a setting of PostgreSQL is not usable: {name} = {value:?}")]
    Parameter { name: String, value: String },

    #[error("making a new database with {program} failed: {output}")]
    Initdb { program: PathBuf, output: String },

    #[error("PostgreSQL stopped while starting; the end of {log} says: {tail}")]
    StoppedWhileStarting { log: PathBuf, tail: String },

    #[error("PostgreSQL did not accept connections within {seconds} s; the end of {log} says: {tail}")]
    TooSlow {
        seconds: u64,
        log: PathBuf,
        tail: String,
    },

    #[error("process {pid} works in {cluster} but does not answer as its database: end it, then start again")]
    Occupied { pid: i32, cluster: PathBuf },

    #[error("PostgreSQL (process {pid}) does not end")]
    WillNotStop { pid: i32 },

    #[error("could not {action} {path}")]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Names the path in an error of the file system, which does not do so itself.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(|source| Error::File {
            action,
            path: path.into(),
            source,
        })
    }
}

impl<T> At<T> for nix::Result<T> {
    fn at(self, action: &'static str, path: impl Into<PathBuf>) -> Result<T, Error> {
        self.map_err(io::Error::from).at(action, path)
    }
}
