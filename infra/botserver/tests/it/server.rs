//! A server of its own for a test: data folder, process, address, token.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longest wait for anything a server does in a test; on a busy machine everything is slow.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A folder that goes with the test. The database's own user must be able to pass through it.
pub struct DataFolder(tempfile::TempDir);

impl DataFolder {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("botserver-it-")
            .tempdir_in("/tmp")
            .expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("its mode is set");
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn bots(&self) -> PathBuf {
        self.path().join("bots")
    }

    /// Writes a script of a bot's package.
    pub fn script(&self, bot: &str, name: &str, source: &str) {
        let folder = self.bots().join(format!("{bot}.gbai/{bot}.gbdialog"));
        fs::create_dir_all(&folder).expect("the package's folder is made");
        fs::write(folder.join(format!("{name}.bas")), source).expect("the script is written");
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_botserver"));
        command
            .env_remove("BOTSERVER_CONFIG")
            // The seed of a test is no setting.
            .env_remove("BOTSERVER_TEST_SEED")
            .env("BOTSERVER_DATA_DIR", self.path())
            .env("BOTSERVER_SERVER_PORT", "0")
            .env("BOTSERVER_LIMITS_MESSAGES_PER_MINUTE_MAX", "100000")
            .current_dir(self.path());
        command
    }

    /// Runs a command of the program to its end: exit code and standard output.
    pub fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command().args(arguments).output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (
            output.status.code().unwrap_or(-1),
            if text.is_empty() { errors } else { text },
        )
    }
}

/// A server process. Killed when dropped.
pub struct Server {
    process: Child,
    pub address: String,
    /// Shown at the first start only.
    pub token: Option<String>,
}

impl Server {
    pub fn start(data: &DataFolder) -> Server {
        Self::start_with(data, &[])
    }

    pub fn start_with(data: &DataFolder, environment: &[(&str, String)]) -> Server {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(data.path().join("server.log"))
            .expect("the log is opened");
        let mut process = data
            .command()
            .arg("serve")
            .envs(environment.iter().map(|(name, value)| (*name, value.as_str())))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server starts");
        let stdout = process.stdout.take().expect("its output is read");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut address = None;
        let mut token = None;
        let mut shown = String::new();
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(line) = receiver.recv_timeout(left) else {
                let log = fs::read_to_string(data.path().join("server.log")).unwrap_or_default();
                panic!("the server did not come up; it said: {shown}\n{log}");
            };
            let text = line.trim().to_owned();
            if let Some(found) = text.strip_prefix("chat") {
                address = Some(
                    found
                        .trim()
                        .trim_start_matches("http://")
                        .trim_end_matches('/')
                        .to_owned(),
                );
            }
            if let Some(found) = text.strip_prefix("token") {
                token = Some(found.trim().to_owned());
            }
            // The announcement ends with an empty line after everything else.
            if text.is_empty() && address.is_some() {
                break;
            }
            shown.push_str(&line);
            shown.push('\n');
        }
        Server {
            process,
            address: address.expect("an address is printed"),
            token,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What GraphQL answers the administrator.
    pub async fn ask(&self, query: &str) -> serde_json::Value {
        reqwest::Client::new()
            .post(self.url("/graphql"))
            .bearer_auth(self.token.as_deref().expect("a first start"))
            .json(&serde_json::json!({ "query": query }))
            .send()
            .await
            .expect("answered")
            .json()
            .await
            .expect("JSON")
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id().cast_signed())
    }

    /// Ends it as a power cut of the process would.
    pub fn kill(&mut self) {
        let _ = kill(self.pid(), Signal::SIGKILL);
        let _ = self.process.wait();
    }

    /// Asks it to stop and waits; true when it ended well.
    pub fn stop(mut self) -> bool {
        let _ = kill(self.pid(), Signal::SIGTERM);
        self.process.wait().is_ok_and(|status| status.success())
    }

    pub fn ended(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_some())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.ended() {
            let _ = kill(self.pid(), Signal::SIGTERM);
            let _ = self.process.wait();
        }
    }
}
