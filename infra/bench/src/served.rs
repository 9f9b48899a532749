//! A server process of the run's own, as an operator starts it, with one bot that answers at once.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Longest wait for a server to come up: it makes a database first.
const PATIENCE: Duration = Duration::from_secs(120);

const SCRIPT: &str = "TALK \"Ready\"\nWHILE TRUE\n  HEAR words\n  TALK \"You said \" + words\nWEND\n";

pub struct Served {
    process: Child,
    pub address: String,
    folder: tempfile::TempDir,
}

impl Served {
    pub async fn start() -> anyhow::Result<Served> {
        Served::start_with(&[]).await
    }

    /// With further variables of the environment.
    pub async fn start_with(environment: &[(&str, String)]) -> anyhow::Result<Served> {
        let folder = tempfile::Builder::new()
            .prefix("botserver-bench-")
            .tempdir_in("/tmp")?;
        // The database's own user must be able to pass through it.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711))?;
        let dialog = folder.path().join("bots/echo.gbai/echo.gbdialog");
        fs::create_dir_all(&dialog)?;
        fs::write(dialog.join("start.bas"), SCRIPT)?;
        let mut process = Command::new(program()?)
            .args(["serve", "--port", "0", "--data"])
            .arg(folder.path())
            .env_remove("BOTSERVER_CONFIG")
            // The pace of people is not what is measured.
            .env("BOTSERVER_LIMITS_MESSAGES_PER_MINUTE_MAX", "100000")
            .env("BOTSERVER_LOG_FILTER", "warn")
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server cannot be started")?;
        let stdout = process.stdout.take().context("its output")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(found) = line.trim().strip_prefix("chat") {
                    let found = found.trim().trim_start_matches("http://");
                    return Ok(found.trim_end_matches('/').to_owned());
                }
            }
            anyhow::bail!("the server ended before it told its address")
        })
        .await
        .context("the server does not come up")??;
        // Read on, or the server would wait for somebody who does.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Served {
            process,
            address,
            folder,
        })
    }

    /// Where a file of its data folder is.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn pid(&self) -> anyhow::Result<u32> {
        self.process.id().context("the server has ended")
    }

    /// Ends it as an operator does, database and all.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()?)?;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM)?;
        self.process.wait().await?;
        Ok(())
    }
}

/// The server of the same build, beside this program.
fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("botserver");
    anyhow::ensure!(
        program.exists(),
        "{} is missing; `make bench` builds it",
        program.display()
    );
    Ok(program)
}

/// Bytes of memory that a process has in use.
pub fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("a process without memory")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok(kib << 10)
}
