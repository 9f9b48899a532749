//! Killing the server, and the database under it, while many people talk: nothing acknowledged is lost, nothing is
//! answered twice, and what is read equals what a fresh fold makes of the log.

use std::process::Command;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::chat::Visitor;
use crate::crowd::{Crowd, ECHO, assert_everybody_was_answered, seed};
use crate::server::{DataFolder, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_no_acknowledged_turn_and_answers_none_twice() {
    let seed = seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let data = DataFolder::new();
    data.script("echo", "start", ECHO);
    let mut server = Server::start(&data);
    let crowd = Crowd::enter(&server.address, seed).await;
    server.kill();

    let named = [
        "before-append",
        "after-commit",
        "between-turn-and-reply",
        "inside-sequencer",
    ];
    for point in named {
        let after: u32 = chance.random_range(30..200);
        println!("seed {seed}: killing itself at {point}, the {after}th time");
        crowd.until_the_crash(&data, point, after).await;
    }
    for _ in 0..6 {
        let pause = Duration::from_millis(chance.random_range(300..2_500));
        println!("seed {seed}: killing it after {pause:?}");
        crowd.until_killed(&data, pause).await;
    }
    let server = Server::start(&data);
    crowd.moved_to(&server.address);
    check(&data, server, crowd.leave().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_cut_off_comes_back_and_loses_nothing() {
    let seed = seed();
    let data = DataFolder::new();
    data.script("echo", "start", ECHO);
    let server = Server::start(&data);
    let crowd = Crowd::enter(&server.address, seed).await;
    crowd.moved_to(&server.address);
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let postmaster = std::fs::read_to_string(data.path().join("postgres/postmaster.pid"));
        let pid = postmaster
            .expect("the database runs")
            .lines()
            .next()
            .expect("a number")
            .to_owned();
        println!("seed {seed}: stopping PostgreSQL {pid} immediately");
        let stopped = Command::new("kill")
            .args(["-QUIT", &pid])
            .status()
            .expect("kill runs");
        assert!(stopped.success());
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    check(&data, server, crowd.leave().await).await;
}

async fn check(data: &DataFolder, server: Server, visitors: Vec<Visitor>) {
    assert_everybody_was_answered(&server.address, visitors).await;
    assert!(server.stop(), "the server stops when asked");
    let (code, report) = data.run(&["log", "verify"]);
    assert_eq!(code, 0, "{report}");
    for name in projections::NAMES {
        let (code, report) = data.run(&["projections", "rebuild", name]);
        assert_eq!(code, 0, "{report}");
        assert!(report.contains("rows equal"), "{name}: {report}");
    }
}
