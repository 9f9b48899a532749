//! A server takes the file descriptors that its sockets may need.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::server::DataFolder;

/// Soft and hard limit of open files, as the system's table has them.
fn limits(pid: u32) -> (u64, u64) {
    let table = fs::read_to_string(format!("/proc/{pid}/limits")).expect("it runs");
    let line = table
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .expect("the table has the line");
    let mut numbers = line
        .split_whitespace()
        .map(|number| number.parse().unwrap_or(u64::MAX));
    let mut next = || numbers.next().expect("two numbers");
    (next(), next())
}

#[test]
fn a_server_under_a_low_soft_limit_raises_it_as_far_as_it_needs_and_may() {
    let data = DataFolder::new();
    let mut server = Command::new("sh")
        .args(["-c", "ulimit -Sn 300; exec \"$0\" serve"])
        .arg(env!("CARGO_BIN_EXE_botserver"))
        .env_remove("BOTSERVER_TEST_SEED")
        .env("BOTSERVER_DATA_DIR", data.path())
        .env("BOTSERVER_SERVER_PORT", "0")
        .env("BOTSERVER_LIMITS_SOCKETS_MAX", "400")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(server.stdout.take().expect("piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("is ready"))));
    let (soft, hard) = limits(server.id());
    // 400 sockets, 20 connections to the database, 64 aside.
    assert_eq!(soft, 484.min(hard));
    let pid = Pid::from_raw(server.id().try_into().expect("a number of a process"));
    kill(pid, Signal::SIGTERM).expect("it runs");
    assert!(server.wait().expect("it ends").success());
}
