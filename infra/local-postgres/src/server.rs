//! A running server: how to reach it and how to end it.

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::sys::signal::Signal;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::{process::Child, sync::watch, time};

use crate::{Error, Settings, cluster, process::Process, start};

/// Open transactions are cut off at a fast stop, so that only the last checkpoint takes time.
const FAST_STOP_PATIENCE: Duration = Duration::from_secs(20);
const IMMEDIATE_STOP_PATIENCE: Duration = Duration::from_secs(10);

const LOG_TRIM_EVERY: Duration = Duration::from_secs(600);
/// How soon the end of a server that was taken over is noticed; that of a child is told by the system.
const ADOPTED_POLL: Duration = Duration::from_millis(100);

/// A running server. Stop it with [`Server::stop`]; when dropped, it is asked to stop.
#[must_use = "the server stops when this is dropped"]
#[derive(Debug)]
pub struct Server {
    pub(crate) process: Process,
    pub(crate) cluster: PathBuf,
    pub(crate) socket_dir: PathBuf,
    pub(crate) port: u16,
    pub(crate) adopted: bool,
    ended: watch::Receiver<bool>,
    stop_on_drop: bool,
    /// Held as long as the server is ours; the system lets go of it when we crash.
    _lock: File,
}

impl Server {
    /// Starts the server, or takes over the one that an earlier crash left behind.
    ///
    /// Returns when connections are accepted: at once for an existing cluster, after 1–2 s for a new one, later
    /// after a crash of the machine with much to recover.
    pub async fn start(settings: Settings) -> Result<Server, Error> {
        start::start(&settings).await
    }

    pub(crate) fn new(
        process: Process,
        child: Option<Child>,
        place: (PathBuf, PathBuf, u16),
        lock: File,
    ) -> Server {
        let (cluster, socket_dir, port) = place;
        let (announce, ended) = watch::channel(false);
        let adopted = child.is_none();
        tokio::spawn(watch_over(process, child, cluster.clone(), announce));
        Server {
            process,
            cluster,
            socket_dir,
            port,
            adopted,
            ended,
            stop_on_drop: true,
            _lock: lock,
        }
    }

    pub fn connect_options(&self, role: &str, database: &str) -> PgConnectOptions {
        connect_options(&self.socket_dir, self.port, role, database)
    }

    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process of the postmaster.
    pub fn pid(&self) -> i32 {
        self.process.pid
    }

    /// The folder of the cluster's files.
    pub fn cluster(&self) -> &Path {
        &self.cluster
    }

    /// Whether this server was found running, left behind by a program that ended without stopping it.
    pub fn adopted(&self) -> bool {
        self.adopted
    }

    /// Stops the server: open transactions are rolled back, everything is written, nothing will need recovery.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop_on_drop = false;
        stop(self.process).await?;
        self.remove_socket_dir();
        Ok(())
    }

    /// Ends the server as a crash would, for tests of recovery.
    pub async fn kill_immediately(mut self) -> Result<(), Error> {
        self.stop_on_drop = false;
        self.process.signal(Signal::SIGQUIT);
        if !self.process.ends_within(IMMEDIATE_STOP_PATIENCE).await {
            return Err(Error::WillNotStop {
                pid: self.process.pid,
            });
        }
        self.remove_socket_dir();
        Ok(())
    }

    /// The same for `drop`, where nothing can be awaited.
    pub fn kill_immediately_blocking(mut self) -> Result<(), Error> {
        self.stop_on_drop = false;
        self.process.signal(Signal::SIGQUIT);
        if !self.process.ends_within_blocking(IMMEDIATE_STOP_PATIENCE) {
            return Err(Error::WillNotStop {
                pid: self.process.pid,
            });
        }
        self.remove_socket_dir();
        Ok(())
    }

    /// Leaves no empty folder behind. One that is not empty stays, and is used again.
    fn remove_socket_dir(&self) {
        let _ = std::fs::remove_dir(&self.socket_dir);
    }

    /// Lets go of the server without stopping it. The next [`Server::start`] takes it over.
    pub fn leave_running(mut self) {
        self.stop_on_drop = false;
    }

    /// Resolves when the server has ended, for whatever reason.
    pub async fn exited(&self) {
        let mut ended = self.ended.clone();
        // The watch lives as long as the runtime that started the server; without it only looking helps.
        if ended.wait_for(|ended| *ended).await.is_err() {
            while self.process.alive() {
                time::sleep(ADOPTED_POLL).await;
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.stop_on_drop {
            self.process.signal(Signal::SIGINT);
        }
    }
}

/// Stops a server fast, and abruptly where that takes too long.
pub(crate) async fn stop(process: Process) -> Result<(), Error> {
    process.signal(Signal::SIGINT);
    if process.ends_within(FAST_STOP_PATIENCE).await {
        return Ok(());
    }
    tracing::warn!(
        pid = process.pid,
        "postgresql does not stop, so it is cut off and will recover at the next start"
    );
    process.signal(Signal::SIGQUIT);
    if process.ends_within(IMMEDIATE_STOP_PATIENCE).await {
        return Ok(());
    }
    Err(Error::WillNotStop { pid: process.pid })
}

pub(crate) fn connect_options(socket_dir: &Path, port: u16, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(socket_dir)
        .port(port)
        .username(role)
        .database(database)
        // A socket has nothing to encrypt; an inherited PGSSLMODE must not ask for it.
        .ssl_mode(PgSslMode::Disable)
}

/// Notices the end of the server, and keeps its log short meanwhile.
async fn watch_over(
    process: Process,
    mut child: Option<Child>,
    cluster: PathBuf,
    announce: watch::Sender<bool>,
) {
    let mut trim = time::interval(LOG_TRIM_EVERY);
    loop {
        let end = async {
            match &mut child {
                // Waiting also releases the zombie.
                Some(child) => drop(child.wait().await),
                None => {
                    while process.alive() {
                        time::sleep(ADOPTED_POLL).await;
                    }
                }
            }
        };
        tokio::select! {
            () = end => break,
            _ = trim.tick() => cluster::trim_log(&cluster),
        }
    }
    announce.send_replace(true);
}
