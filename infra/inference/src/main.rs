//! The program `inference-worker`.

use std::process::ExitCode;

use clap::Parser as _;
use inference::cli::Cli;

fn main() -> ExitCode {
    Cli::parse().run()
}
