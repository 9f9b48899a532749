//! From settings to a server that answers.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use nix::libc;
use sqlx::{Connection, PgConnection};
use tokio::time;

use crate::{
    Error, OWNER, Server, Settings,
    account::Account,
    binaries, cluster,
    error::At,
    process::{Process, Residence, residents},
    runtime_folder, server,
};

/// Recovery after a crash of the machine may take minutes. A server that cannot start ends sooner by itself.
const START_PATIENCE: Duration = Duration::from_secs(300);

/// For an orphan to answer, or for the last processes of a killed server to notice and end.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(30);

/// Far longer than [`crate::Beside::find`] holds the lock.
const LOCK_PATIENCE: Duration = Duration::from_millis(200);

/// A connection through a socket takes about a millisecond, so a try is cheap.
const POLL: Duration = Duration::from_millis(10);

/// Everything that is known before the server is looked at.
struct Plan {
    account: Account,
    cluster: PathBuf,
    socket_dir: PathBuf,
    port: u16,
    files: Vec<(&'static str, String)>,
}

pub async fn start(settings: &Settings) -> Result<Server, Error> {
    let account = Account::choose()?;
    let data_dir = cluster::prepare_data_dir(&settings.data_dir, &account)?;
    let lock = match lock(&data_dir) {
        // A command that looks whether a server runs holds it for a moment.
        Err(Error::Busy { .. }) => {
            time::sleep(LOCK_PATIENCE).await;
            lock(&data_dir)?
        }
        taken => taken?,
    };
    let cluster = data_dir.join("postgres");
    let made_by = cluster::version(&cluster)?;
    let binaries = binaries::find(settings.binaries.as_deref(), made_by, &cluster)?;
    let socket_dir = runtime_folder::prepare(&data_dir, settings.port, &account)?;
    let files = cluster::configuration(settings, &socket_dir, &account)?;
    if made_by.is_none() {
        let synced = !settings
            .parameters
            .iter()
            .any(|(name, value)| name == "fsync" && value == "off");
        cluster::make(&cluster, &binaries, &account, synced)?;
        tracing::info!(cluster = %cluster.display(), version = binaries.major, "database made");
    }

    let plan = Plan {
        account,
        cluster,
        socket_dir,
        port: settings.port,
        files,
    };
    let (process, child) = match plan.adopt().await? {
        Some(orphan) => (orphan, None),
        None => plan.launch(&binaries.postgres()).await?,
    };
    tracing::info!(pid = process.pid, adopted = child.is_none(), "postgresql answers");
    Ok(Server::new(
        process,
        child,
        (plan.cluster, plan.socket_dir, plan.port),
        lock,
    ))
}

/// Takes the data folder for this program. The system gives it back when the program ends, however it ends.
pub(crate) fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join("postgres.lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(&path)
        .at("open", &path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy {
            data_dir: data_dir.to_path_buf(),
            lock: path,
        }),
        Err(TryLockError::Error(error)) => Err(error).at("lock", path),
    }
}

impl Plan {
    /// Takes over a server that works in the cluster already, if it is the one that we would start.
    ///
    /// When it returns nothing, no server works there any more.
    async fn adopt(&self) -> Result<Option<Process>, Error> {
        let pid_file = self.cluster.join("postmaster.pid");
        let Ok(text) = fs::read_to_string(&pid_file) else {
            return Ok(None);
        };
        if let Some(orphan) = self.postmaster(&text) {
            let same = cluster::is_configured(&self.cluster, &self.files);
            if same && self.answers_before_it_ends(orphan).await? {
                return Ok(Some(orphan));
            }
            if orphan.alive() {
                tracing::info!(pid = orphan.pid, "a server with other settings is stopped");
                server::stop(orphan).await?;
            }
        }
        self.clear_traces(&pid_file).await?;
        Ok(None)
    }

    /// The living postmaster that a pid file names. Its lines: number, data folder, start, port, socket folder …
    fn postmaster(&self, pid_file: &str) -> Option<Process> {
        let mut lines = pid_file.lines();
        let process = Process::find(lines.next()?.trim().parse().ok()?)?;
        if Path::new(lines.next()?) != self.cluster {
            return None;
        }
        let residence = process.residence(&self.cluster, self.account.uid);
        (residence != Residence::Elsewhere).then_some(process)
    }

    /// Whether it answers; false where it ended meanwhile, as one does that was just told to stop.
    async fn answers_before_it_ends(&self, process: Process) -> Result<bool, Error> {
        let since = Instant::now();
        while process.alive() {
            if self.answers().await {
                return Ok(true);
            }
            if since.elapsed() > ORPHAN_PATIENCE {
                return Err(Error::Occupied {
                    pid: process.pid,
                    cluster: self.cluster.clone(),
                });
            }
            time::sleep(POLL).await;
        }
        Ok(false)
    }

    /// Removes what a killed server left, once none of its processes lives.
    ///
    /// PostgreSQL does that itself, but takes any process that got the old number, also a zombie, for the server.
    async fn clear_traces(&self, pid_file: &Path) -> Result<(), Error> {
        let since = Instant::now();
        loop {
            let living = residents(&self.cluster, self.account.uid);
            match living.iter().find(|(_, residence)| *residence == Residence::Here) {
                None if living.is_empty() => break,
                // Perhaps others' servers: leave the decision to PostgreSQL, which knows its shared memory.
                None => return Ok(()),
                Some((process, _)) if since.elapsed() > ORPHAN_PATIENCE => {
                    return Err(Error::Occupied {
                        pid: process.pid,
                        cluster: self.cluster.clone(),
                    });
                }
                Some(_) => time::sleep(POLL).await,
            }
        }
        let socket = self.socket_dir.join(format!(".s.PGSQL.{}", self.port));
        let socket_lock = self.socket_dir.join(format!(".s.PGSQL.{}.lock", self.port));
        for trace in [pid_file, &socket, &socket_lock] {
            if let Err(error) = fs::remove_file(trace)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                return Err(error).at("remove", trace);
            }
        }
        Ok(())
    }

    async fn launch(&self, postgres: &Path) -> Result<(Process, Option<tokio::process::Child>), Error> {
        cluster::configure(&self.cluster, &self.files, &self.account)?;
        cluster::trim_log(&self.cluster);
        let (log, log_start) = cluster::open_log(&self.cluster, &self.account)?;
        let log_path = cluster::log_path(&self.cluster);
        let errors = log.try_clone().at("open", &log_path)?;
        let mut command = tokio::process::Command::from(self.account.command(postgres));
        command.arg("-D").arg(&self.cluster).current_dir(&self.cluster);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        // Its own group: Ctrl+C in a terminal goes to every process of ours, and would take the server away first.
        command.process_group(0);
        let mut child = command.spawn().at("run", postgres)?;

        let since = Instant::now();
        let stopped = || Error::StoppedWhileStarting {
            log: log_path.clone(),
            tail: cluster::log_tail(&self.cluster, log_start),
        };
        let found = child.id().and_then(|pid| Process::find(pid.cast_signed()));
        let Some(process) = found else {
            return Err(stopped());
        };
        loop {
            if self.answers().await {
                return Ok((process, Some(child)));
            }
            if child.try_wait().at("wait for", postgres)?.is_some() {
                return Err(stopped());
            }
            if since.elapsed() > START_PATIENCE {
                server::stop(process).await?;
                return Err(Error::TooSlow {
                    seconds: START_PATIENCE.as_secs(),
                    tail: cluster::log_tail(&self.cluster, log_start),
                    log: log_path,
                });
            }
            time::sleep(POLL).await;
        }
    }

    async fn answers(&self) -> bool {
        answers(&self.cluster, &self.socket_dir, self.port).await
    }
}

/// Whether the server of this very cluster accepts connections. Why not is in its log.
pub(crate) async fn answers(cluster: &Path, socket_dir: &Path, port: u16) -> bool {
    let options = server::connect_options(socket_dir, port, OWNER, "postgres");
    let ask = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        let place: String = sqlx::query_scalar("select current_setting('data_directory')")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(Path::new(&place) == cluster)
    };
    matches!(time::timeout(Duration::from_secs(5), ask).await, Ok(Ok(true)))
}
