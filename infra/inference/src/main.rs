//! The program `inference-worker`.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::Parser as _;
use inference::cli::Cli;

/// How threads that compute together wait for each other; OpenMP's runtime reads it before `main`.
const WAITING: &str = "OMP_WAIT_POLICY";

fn main() -> ExitCode {
    wait_without_spinning();
    Cli::parse().run()
}

/// By default a thread that waits for another one keeps its core busy. Where anything else computes beside it, that core
/// is the one which the other thread needs: on a busy machine a text took eight times as long. So the program begins
/// once more, unless somebody has said how to wait.
fn wait_without_spinning() {
    if env::var_os(WAITING).is_some() {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let mut again = Command::new(program);
        // Only returns where it failed; then it is as it was.
        let _failed = again.args(env::args_os().skip(1)).env(WAITING, "passive").exec();
    }
}
