//! Scripts that never end do not hold up anybody else.

use std::time::Instant;

use uuid::Uuid;

use crate::chat::Visitor;
use crate::server::{DataFolder, Server};

const ENDLESS: &str = "HEAR go\nDO WHILE TRUE\n  x = x + 1\nLOOP\n";
const ECHO: &str = "DO WHILE TRUE\n  HEAR said\n  TALK \"echo \" + said\nLOOP\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_answered_while_four_scripts_run_without_end() {
    let data = DataFolder::new();
    data.script("endless", "start", ENDLESS);
    data.script("echo", "start", ECHO);
    // Limits so high that the endless scripts are still at it when the others are done.
    let limits = [("BOTSERVER_LIMITS_SCRIPT_STEPS_MAX", "10000000000".to_owned())];
    let server = Server::start_with(&data, &limits);
    let mut endless = Vec::new();
    for _ in 0..4 {
        let mut visitor = Visitor::enter(&server.address, "endless").await.expect("let in");
        visitor.send(Uuid::new_v4(), "go").await.expect("sent");
        visitor
            .until("the message to be received", |visitor| {
                !visitor.acknowledged.is_empty()
            })
            .await;
        endless.push(visitor);
    }
    let mut other = Visitor::enter(&server.address, "echo").await.expect("let in");
    let mut times = Vec::new();
    for number in 0..10 {
        let started = Instant::now();
        other.say(&format!("hello {number}")).await;
        times.push(started.elapsed());
    }
    println!("answers beside four endless scripts: {times:?}");
    assert!(
        endless.iter().all(|visitor| visitor.answered.is_empty()),
        "the endless scripts still run"
    );
    assert_eq!(
        other
            .transcript
            .values()
            .filter(|line| !line.from_visitor)
            .count(),
        10
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_without_end_is_ended_and_its_person_told() {
    let data = DataFolder::new();
    data.script("endless", "start", ENDLESS);
    let server = Server::start(&data);
    let mut visitor = Visitor::enter(&server.address, "endless").await.expect("let in");
    visitor.say("go").await;
    let told = visitor
        .transcript
        .values()
        .any(|line| !line.from_visitor && line.text.contains("went wrong"));
    assert!(told, "{:#?}", visitor.transcript);
    // The run is over; the bot still answers, in its own words.
    visitor.say("are you there?").await;
}
