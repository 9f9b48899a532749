//! Packages change while people talk.

use std::time::Duration;

use serde_json::{Value, json};

use crate::chat::Visitor;
use crate::server::{DataFolder, PATIENCE, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_script_keeps_its_last_good_version_and_is_named() {
    let data = DataFolder::new();
    data.script(
        "desk",
        "start",
        "TALK \"first version\"\nHEAR x\nTALK \"you said \" + x\n",
    );
    let server = Server::start(&data);
    let token = server
        .token
        .clone()
        .expect("the token is shown at the first start");

    let mut early = Visitor::enter(&server.address, "desk").await.expect("let in");
    early
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;

    data.script(
        "desk",
        "start",
        "TALK \"second version\"\nHEAR x\nIF x = 1 THEN\n",
    );
    let finding = wait_for_script(&server, &token, |script| script["broken"] == true).await;
    assert_eq!(finding["findings"][0]["line"], 3, "{finding:#}");
    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    visitor
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;
    assert_eq!(
        visitor.transcript.values().next().map(|line| line.text.as_str()),
        Some("first version")
    );

    data.script("desk", "start", "TALK \"third version\"\nHEAR x\n");
    wait_for_script(&server, &token, |script| script["broken"] == false).await;
    let mut visitor = Visitor::enter(&server.address, "desk").await.expect("let in");
    visitor
        .until("the greeting", |visitor| !visitor.transcript.is_empty())
        .await;
    assert_eq!(
        visitor.transcript.values().next().map(|line| line.text.as_str()),
        Some("third version")
    );

    // Who began with the first version ends with it.
    early.say("hello").await;
    assert_eq!(
        early
            .transcript
            .values()
            .next_back()
            .map(|line| line.text.as_str()),
        Some("you said hello")
    );
}

async fn wait_for_script(server: &Server, token: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let query = "{ bots(first: 10) { edges { node { name scripts { name broken findings { line code message } } } } } }";
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answer: Value = reqwest::Client::new()
            .post(server.url("/graphql"))
            .bearer_auth(token)
            .json(&json!({ "query": query }))
            .send()
            .await
            .expect("the server answers")
            .json()
            .await
            .expect("JSON");
        let bots = answer["data"]["bots"]["edges"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let desk = bots.iter().find(|bot| bot["node"]["name"] == "desk");
        let script = desk
            .map(|bot| bot["node"]["scripts"][0].clone())
            .unwrap_or_default();
        if enough(&script) {
            return script;
        }
        assert!(tokio::time::Instant::now() < until, "{answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
