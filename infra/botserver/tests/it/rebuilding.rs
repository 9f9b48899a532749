//! An operator makes a read model anew beside a server that people talk to: slowly, killed, again, and back.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::chat::Visitor;
use crate::server::{DataFolder, Server};

const ECHO: &str = "WHILE true\n  HEAR said\n  TALK \"You said \" + said\nWEND\n";

async fn conversation_model(server: &Server) -> Value {
    let answer = server
        .ask("{ projections { items { name leaders lagEvents building { position active } } } }")
        .await;
    let items = answer["data"]["projections"]["items"].as_array().cloned();
    let found = items.and_then(|items| items.into_iter().find(|item| item["name"] == "conversation"));
    found.unwrap_or_else(|| panic!("{answer}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_model_is_made_anew_while_people_talk() {
    let data = DataFolder::new();
    data.script("echo", "start", ECHO);
    let server = Server::start(&data);
    let mut visitor = Visitor::enter(&server.address, "echo").await.expect("let in");
    for number in 0..10 {
        visitor.say(&format!("number {number}")).await;
    }
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["projections"].iter().chain(arguments).copied().collect();
        data.run(&all)
    };
    let (code, text) = run(&["certificates"]);
    assert_eq!((code, text.as_str()), (0, "nothing was rebuilt yet\n"));
    let (code, text) = run(&["rollback", "conversation"]);
    assert!(code == 1 && text.contains("no rows of before"), "{text}");

    // Slowly, so that it can be seen and killed in its midst.
    let mut builder = data
        .command()
        .args(["projections", "rebuild", "conversation", "--rate", "5"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut model = conversation_model(&server).await;
    while model["building"]["position"].as_i64().unwrap_or_default() == 0 {
        model = conversation_model(&server).await;
    }
    assert_eq!(
        (&model["building"]["active"], &model["leaders"]),
        (&json!(true), &json!(1))
    );
    builder.kill().expect("it is there");
    builder.wait().expect("it ends");
    visitor.say("is anybody there?").await;

    let (code, text) = run(&["rebuild", "conversation"]);
    assert!(code == 1 && text.contains("until seconds ago"), "{text}");
    while conversation_model(&server).await["building"]["active"] == true {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let (code, text) = run(&["list"]);
    assert!(code == 0 && text.contains("rests at"), "{text}");
    let (code, text) = run(&["rebuild", "conversation", "--no-switch"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("went on at position") && text.contains("rows equal") && text.contains("are not read"),
        "{text}"
    );
    let (code, text) = run(&["rebuild", "conversation"]);
    assert!(
        code == 0 && text.contains("the new rows are read since"),
        "{text}"
    );
    visitor.say("still there?").await;
    let (code, text) = run(&["rollback", "conversation"]);
    assert!(code == 0 && text.contains("rows of before"), "{text}");
    visitor.say("and now?").await;
    let (code, text) = run(&["certificates", "conversation"]);
    assert!(code == 0 && text.matches("certificate ").count() == 2, "{text}");

    while conversation_model(&server).await["lagEvents"] != 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let model = conversation_model(&server).await;
    assert_eq!((&model["building"], &model["leaders"]), (&json!(null), &json!(1)));
    assert!(server.stop());
    // Without a server too.
    let (code, text) = run(&["rebuild", "conversation"]);
    assert!(code == 0 && text.contains("rows equal"), "{text}");
}
