//! `cargo run -p test-database -- stop`: ends the cluster that the tests share.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line tool talks to its user"
)]

use std::process::ExitCode;

use test_database::Stopped;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() != Some("stop") {
        eprintln!("usage: test-database stop");
        return ExitCode::from(64);
    }
    match test_database::stop().await {
        Stopped::Done => println!("the tests' database is stopped and removed"),
        Stopped::NotRunning => println!("no tests' database is running"),
        Stopped::InUse => println!("other tests use the database: left running"),
    }
    ExitCode::SUCCESS
}
