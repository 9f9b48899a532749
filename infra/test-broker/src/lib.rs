//! Apache Kafka for tests: the real broker, one process, its data in a temporary folder.
//!
//! `.ci/setup` fetches it. [`shared`] is a broker that all tests of a program use, each under topics of its own;
//! [`Broker::start`] gives a test one to be stopped, killed and started again. A broker ends with the program that
//! started it, however that ends.
//!
//! Everything here blocks, and panics on failure: a test that has no broker has nothing else to do.

mod cache;

pub use cache::Cache;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A busy machine is not a failure.
const PATIENCE: Duration = Duration::from_secs(120);

/// A broker. Killed when dropped.
pub struct Broker {
    folder: TempDir,
    port: u16,
    running: Mutex<Option<Running>>,
}

struct Running {
    shell: Child,
    /// The shell ends the broker when this is closed, as it is when this program ends.
    _alive: ChildStdin,
    java: Pid,
}

/// What a broker is like that has more than the defaults.
#[derive(Debug, Clone, Copy, Default)]
pub struct Features {
    /// Clients are let in by name and password and may do what access rules allow. `admin`, password `admin`, may do
    /// everything; `reader`, password `reader`, nothing at first.
    pub access_rules: bool,
}

/// The broker of this program.
pub fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(|| Broker::start(Features::default()))
}

/// Topics of one test's own.
pub fn prefix() -> String {
    format!("t{}", uuid::Uuid::new_v4().simple())
}

impl Broker {
    /// A broker with nothing in it, ready to be used.
    pub fn start(features: Features) -> Broker {
        let folder = TempDir::new().expect("a temporary folder");
        let (port, controller) = (free_port(), free_port());
        let properties = properties(folder.path(), port, controller, features);
        fs::write(folder.path().join("server.properties"), properties).expect("the folder was just made");
        let cluster = URL_SAFE_NO_PAD.encode(uuid::Uuid::new_v4().as_bytes());
        let formatted = java("kafka.tools.StorageTool")
            .args(["format", &format!("--cluster-id={cluster}"), "--config"])
            .arg(folder.path().join("server.properties"))
            .output()
            .expect("java starts");
        assert!(
            formatted.status.success(),
            "{}",
            String::from_utf8_lossy(&formatted.stderr)
        );
        let broker = Broker {
            folder,
            port,
            running: Mutex::new(None),
        };
        broker.resume();
        broker
    }

    /// For `bootstrap.servers`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again on the same address with what it had.
    pub fn resume(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return;
        }
        let log = fs::File::create(self.folder.path().join("broker.log")).expect("the folder is there");
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "\"$@\" </dev/null & echo $!; cat >/dev/null; kill -9 $!",
                "sh",
            ])
            .args(words(&java("kafka.Kafka")))
            .arg(self.folder.path().join("server.properties"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a shell starts");
        let alive = shell.stdin.take().expect("it is piped");
        let mut java = String::new();
        let out = shell.stdout.take().expect("it is piped");
        let mut out = BufReader::new(out);
        out.read_line(&mut java).expect("the shell tells the process");
        // What the broker prints is of no interest, and must not stop it.
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        *running = Some(Running {
            shell,
            _alive: alive,
            java: Pid::from_raw(java.trim().parse().expect("a number")),
        });
        drop(running);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                began.elapsed() < PATIENCE,
                "the broker does not start:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(50));
        }
    }

    /// As a power cut would.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.wait();
    }

    /// As an operator does.
    pub fn stop(&self) {
        self.signal(Signal::SIGTERM);
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
            assert!(began.elapsed() < PATIENCE, "the broker does not stop");
            sleep(Duration::from_millis(50));
        }
        self.wait();
    }

    /// Answers nothing, closes nothing.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    /// What it has to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("broker.log")).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = &*running {
            kill(running.java, signal).expect("the broker is ours");
        }
    }

    fn wait(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Running {
            mut shell, _alive, ..
        }) = running.take()
        {
            drop(_alive);
            shell.wait().expect("the shell is ours");
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.wait();
    }
}

/// A program of Kafka's, by its class, such as `org.apache.kafka.tools.ProducerPerformance`.
pub fn java(class: &str) -> Command {
    let libraries = libraries();
    let mut command = Command::new("java");
    command
        .args([
            "-Xms128m",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-cp",
        ])
        .arg(format!("{}/*", libraries.display()))
        .arg(class);
    command
}

fn words(command: &Command) -> Vec<std::ffi::OsString> {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(std::ffi::OsStr::to_owned).collect()
}

/// Where `.ci/setup` put it.
fn libraries() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    let folder = cache.unwrap_or_else(home).join("botserver/tools/kafka/libs");
    assert!(
        folder.join("complete").exists(),
        "Kafka is missing in {}: run `.ci/setup`",
        folder.display()
    );
    folder
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

fn properties(folder: &Path, port: u16, controller: u16, features: Features) -> String {
    let data = folder.join("data");
    let mut properties = format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
log.dirs={}
auto.create.topics.enable=false
delete.topic.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000000000
",
        data.display()
    );
    if features.access_rules {
        properties.push_str(
            "listener.security.protocol.map=CLIENTS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required username=\"admin\" password=\"admin\" \\
  user_admin=\"admin\" user_reader=\"reader\";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:admin;User:ANONYMOUS
",
        );
    } else {
        properties.push_str("listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT\n");
    }
    properties
}
