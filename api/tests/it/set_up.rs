//! What people choose on the page, and the tools that they call there.

use std::collections::BTreeMap;

use commands::PackageFiles;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graphql::data;
use crate::server::TestServer;
use crate::socket::client::{Socket, credential};

const START: &str = "SET CONTEXT \"prices\" AS \"A berth costs 20.\"\nADD SWITCHER \"tables\" AS \"Tables\"\n\
                     ADD SWITCHER \"In rhymes, please\" AS \"Rhymes\"\nSET ANSWER MODE \"direct\"\nADD TOOL \"book\"\n\
                     ADD_SUGGESTION_TOOL \"book\" AS \"Book a berth\"\nTALK \"Hello\"\nHEAR words\nSET THEME \"dark\"\nTALK words\n";
const BOOK: &str = "DESCRIPTION \"Books a berth\"\nPARAM nights AS INTEGER LIKE 2 DESCRIPTION \"How many\"\n\
                    TALK \"Nights: \" + nights\n";

async fn open(server: &TestServer) -> (Socket, String) {
    let bot = server.bot("helper").await;
    let scripts = [("start", START), ("book", BOOK)];
    let files = PackageFiles {
        scripts: BTreeMap::from(scripts.map(|(name, source)| (name.to_owned(), source.as_bytes().to_vec()))),
        ..PackageFiles::default()
    };
    server.load(bot, "helper", &files).await;
    let credential = credential(server, "helper").await;
    let address = format!("/ws/helper?session_id={credential}");
    (Socket::open(server, &address).await, address)
}

fn switchers(frame: &Value) -> Vec<(String, bool)> {
    let one = |one: &Value| {
        (
            one["id"].as_str().expect("an id").to_owned(),
            one["active"] == true,
        )
    };
    frame.as_array().expect("a list").iter().map(one).collect()
}

#[tokio::test]
async fn contexts_and_switches_are_offered_chosen_and_kept() {
    let server = TestServer::start().await;
    let (mut socket, address) = open(&server).await;
    let offered = socket.event("set_up").await;
    let off = [
        ("In rhymes, please".to_owned(), false),
        ("tables".to_owned(), false),
    ];
    assert_eq!(switchers(&offered["data"]["switchers"]), off);
    assert!(
        offered["data"]["switchers"][0]["prompt"].is_null(),
        "what a model is told is not the person's to read"
    );
    let hello = socket.message("Hello").await;
    assert_eq!(switchers(&hello["switchers"]), off, "replies carry them, too");

    let id = Uuid::now_v7();
    socket
        .send(&json!({ "content": "tables", "message_type": 8, "message_id": id }))
        .await;
    let frames = socket.until(|frame| frame["event"] == "set_up").await;
    let told = frames.last().expect("one");
    assert_eq!(
        switchers(&told["data"]["switchers"])[1],
        ("tables".to_owned(), true)
    );
    socket
        .send(&json!({ "content": "prices", "message_type": 5 }))
        .await;
    assert_eq!(socket.event("set_up").await["data"]["context_name"], "prices");
    // What is said brings its choice along; the same again is no news.
    let said =
        json!({ "content": "hi", "context_name": "prices", "active_switchers": ["In rhymes, please"] });
    socket.send(&said).await;
    let told = socket.event("set_up").await;
    let rhymes = [
        ("In rhymes, please".to_owned(), true),
        ("tables".to_owned(), false),
    ];
    assert_eq!(switchers(&told["data"]["switchers"]), rhymes);
    let themed = socket.event("change_theme").await;
    assert_eq!(themed["data"], json!({ "theme": "dark" }));
    // A socket may be told of what is chosen before it is told of the turn that brought it, which says the same.
    let frames = socket
        .until(|frame| frame["content"] == "hi" && frame["reply_id"].is_string())
        .await;
    assert_eq!(frames.last().expect("one")["context_name"], "prices");

    // Another page of the session is told at once.
    let mut page = Socket::open(&server, &address).await;
    let told = page.event("set_up").await;
    assert_eq!(switchers(&told["data"]["switchers"]), rhymes);

    socket
        .send(&json!({ "content": "nothing", "message_type": 8, "message_id": id }))
        .await;
    let refused = socket.event("error").await;
    assert_eq!(
        (&refused["data"]["code"], &refused["data"]["message_id"]),
        (&json!("switcher_not_found"), &json!(id))
    );
    socket
        .send(&json!({ "content": "x".repeat(101), "message_type": 5 }))
        .await;
    assert_eq!(socket.event("error").await["data"]["code"], "context_invalid");

    let query = "{ sessions(first: 1) { edges { node { setUp { context contexts tools answerMode switchers { id label prompt \
                 active } } } } } }";
    let head = server.feed.head().await.expect("the log has a head");
    let patience = std::time::Duration::from_secs(60);
    let shown = server
        .edge
        .projections
        .wait_for(projections::NAMES, head, patience);
    shown.await.expect("the read models catch up");
    let found = data(&server, query, json!({})).await;
    let set_up = &found["sessions"]["edges"][0]["node"]["setUp"];
    assert_eq!(
        (
            &set_up["context"],
            &set_up["contexts"],
            &set_up["tools"],
            &set_up["answerMode"]
        ),
        (
            &json!("prices"),
            &json!(["prices"]),
            &json!(["book"]),
            &json!("direct")
        )
    );
    assert_eq!(
        set_up["switchers"][0],
        json!({ "id": "In rhymes, please", "label": "Rhymes", "prompt": "In rhymes, please", "active": true })
    );
}

#[tokio::test]
async fn a_tool_is_called_from_the_page() {
    let server = TestServer::start().await;
    let (mut socket, _) = open(&server).await;
    let hello = socket.message("Hello").await;
    assert_eq!(
        hello["suggestions"][0]["action"],
        json!({ "type": "invoke_tool", "tool": "book" })
    );
    let called = json!({ "content": "Book a berth", "tool": "book", "params": { "nights": 3 }, "message_type": 6,
        "message_id": Uuid::now_v7() });
    socket.send(&called).await;
    let received = socket.event("received").await;
    let reply = socket.message("Nights: 3").await;
    assert_eq!(reply["in_reply_to"], received["data"]["turn_id"]);
    // The question of the script beneath is asked again.
    socket.message("Hello").await;
    socket.event("answered").await;
    for (frame, code) in [
        (json!({ "content": "start", "message_type": 6 }), "tool_not_found"),
        (
            json!({ "content": "book", "message_type": 6, "params": { "user_id": "me" } }),
            "tool_arguments_invalid",
        ),
    ] {
        socket.send(&frame).await;
        assert_eq!(socket.event("error").await["data"]["code"], code);
    }
    socket.send(&json!({ "content": "done" })).await;
    socket.message("done").await;
}
