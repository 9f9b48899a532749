//! A Redis for tests: the protocol's twin of Valkey that Debian has. Keeps nothing.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{PATIENCE, free_port};

/// A server. Killed when dropped.
pub struct Cache {
    port: u16,
    process: Child,
}

impl Cache {
    pub fn start() -> Cache {
        Cache::start_on(free_port())
    }

    fn start_on(port: u16) -> Cache {
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--dir", "/tmp"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server starts; `.ci/setup` installs it");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "redis-server does not listen");
            sleep(Duration::from_millis(20));
        }
        Cache { port, process }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it, with all that it had.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts it again on the same address.
    pub fn resume(&mut self) {
        *self = Cache::start_on(self.port);
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.kill();
    }
}
