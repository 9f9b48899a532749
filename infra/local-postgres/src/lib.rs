//! A private PostgreSQL server, started from the installed binaries, for a program that needs no other.
//!
//! 1. Nobody but the user who started it can connect, and only through a socket in a private folder.
//! 2. A cluster exists whole or not at all; it is never opened by two programs of ours at a time (`flock`).
//! 3. A server that outlived a crash of the program is taken over if it runs as it would be started now,
//!    else stopped and started again. A stale `postmaster.pid` is removed only when no process works in the
//!    cluster: PostgreSQL's own guard against a second server is that file.
//! 4. `fsync` is on unless the caller's parameters say otherwise; a killed server recovers at the next start.
//! 5. Ctrl+C of the terminal does not reach the server, so the program ends its own work first. Dropping
//!    [`Server`] asks the server to stop, without waiting.

mod account;
mod beside;
pub mod binaries;
mod cluster;
mod error;
mod process;
mod runtime_folder;
mod server;
mod start;

use std::path::{Path, PathBuf};

pub use beside::Beside;
pub use error::Error;
pub use server::Server;

/// The superuser of the cluster; migrations run as this role.
pub const OWNER: &str = "botserver_owner";

/// What a server is to be. [`Settings::new`] has the usual values.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The cluster goes to `<data_dir>/postgres`. Made where it is missing.
    pub data_dir: PathBuf,
    /// Names the socket only: no port is opened.
    pub port: u16,
    /// Further lines of `postgresql.conf`, which prevail over ours.
    pub parameters: Vec<(String, String)>,
    /// As whom we may connect, beside [`OWNER`]. The roles need not exist yet.
    pub roles: Vec<String>,
    /// The folder of `postgres` and `initdb`; searched for where absent.
    pub binaries: Option<PathBuf>,
}

impl Settings {
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Settings {
            data_dir: data_dir.into(),
            port: 5432,
            parameters: vec![],
            roles: vec![],
            binaries: None,
        }
    }
}

/// Whether the user of the system exists as whom PostgreSQL would run, and can enter `folder`, which exists.
pub fn check_account(folder: &Path) -> Result<(), Error> {
    account::Account::choose()?.check_reachable(folder)
}
