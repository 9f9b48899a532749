//! What people say is nowhere in the clear: not in the database's files, not in its write-ahead log, not in logs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::chat::Visitor;
use crate::server::{DataFolder, PATIENCE, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planted_string_is_found_nowhere_on_disk() {
    let data = DataFolder::new();
    data.script(
        "echo",
        "start",
        "TALK \"go on\"\nDO WHILE TRUE\n  HEAR said\n  kept = said\n  WRITE said + \".txt\", said\n  TALK \"echo \" + kept\nLOOP\n",
    );
    let server = Server::start_with(&data, &[("BOTSERVER_LOG_FILTER", "debug".to_owned())]);
    let planted = format!("canary{}", uuid::Uuid::new_v4().simple());
    let mut visitor = Visitor::enter(&server.address, "echo").await.expect("let in");
    visitor.say(&planted).await;
    visitor.say("something else").await;
    let reply = visitor
        .transcript
        .values()
        .find(|line| line.text == format!("echo {planted}"));
    assert!(reply.is_some(), "the script kept it and said it");

    // Readers with the right see it.
    let query =
        "{ conversations(first: 1) { edges { node { turns(first: 20) { edges { node { content } } } } } } }";
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer = server.ask(query).await;
        // The read model is a moment behind.
        if answer.to_string().contains(&planted) {
            break;
        }
        assert!(tokio::time::Instant::now() < until, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(server.stop());

    let mut searched = 0;
    search(data.path(), &planted, &mut searched);
    assert!(searched > 100, "the database's files were searched");
}

fn search(folder: &Path, planted: &str, searched: &mut usize) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        let kind = fs::symlink_metadata(&path).expect("an entry").file_type();
        if kind.is_dir() {
            search(&path, planted, searched);
        } else if kind.is_file() {
            let bytes = fs::read(&path).expect("readable");
            let found = bytes
                .windows(planted.len())
                .any(|window| window == planted.as_bytes());
            assert!(!found, "{} holds what was said", path.display());
            *searched += 1;
        }
    }
}
