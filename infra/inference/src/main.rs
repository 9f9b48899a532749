//! The program `inference-worker`.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use clap::Parser as _;
use inference::cli::Cli;

/// How threads that compute together wait for each other; OpenMP's runtime reads these before `main`.
const WAITING: [&str; 2] = ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"];

/// How often a thread looks before it sleeps: about ten microseconds, in which the next part of a text mostly comes.
const LOOKS: &str = "1000";

fn main() -> ExitCode {
    wait_for_a_moment_only();
    Cli::parse().run()
}

/// By default a thread that waits for another one keeps its core busy. Where anything else computes beside it, that core
/// is the one which the other thread needs: on a busy machine a text took eight times as long. One that sleeps at once
/// takes as long to wake as a part of a short text takes. So the program begins once more, unless somebody has said how
/// to wait.
fn wait_for_a_moment_only() {
    if WAITING.iter().any(|name| env::var_os(name).is_some()) {
        return;
    }
    if let Ok(program) = env::current_exe() {
        let mut again = Command::new(program);
        // Only returns where it failed; then it is as it was.
        let _failed = again.args(env::args_os().skip(1)).env(WAITING[1], LOOKS).exec();
    }
}
