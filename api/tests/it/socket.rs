//! The web chat's socket: who gets in, what is confirmed, what comes, and how it ends.

pub mod client;
mod frames;

use std::num::NonZeroU32;

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use self::client::{Socket, credential};
use crate::server::TestServer;

const ECHO: &str = "TALK \"Hello\"\nHEAR name\nTALK \"Hi \" + name\nHEAR more\nTALK \"Bye\"\n";

#[tokio::test]
async fn a_visitor_is_greeted_heard_and_answered() {
    let server = TestServer::start().await;
    server.bot_with("helper", ECHO).await;
    let credential = credential(&server, "helper").await;
    let mut socket = Socket::open(&server, "/ws/helper").await;
    socket
        .send(&json!({ "type": "auth", "session_id": credential }))
        .await;
    let connected = socket.next().await;
    assert_eq!(
        (&connected["type"], &connected["bot_name"]),
        (&json!("connected"), &json!("helper"))
    );
    assert!(credential.starts_with(connected["session_id"].as_str().expect("an id")));
    assert_eq!(
        connected["session_id"].as_str().map(str::len),
        Some(36),
        "the secret is not repeated"
    );
    let hello = socket.message("Hello").await;
    assert_eq!(
        (&hello["message_type"], &hello["channel"]),
        (&json!(2), &json!("web"))
    );

    let message_id = Uuid::now_v7();
    socket
        .send(&json!({ "content": "Ann", "message_id": message_id, "message_type": 1 }))
        .await;
    let received = socket.event("received").await["data"].take();
    assert_eq!(received["message_id"], json!(message_id));
    assert!(
        received["token"]
            .as_str()
            .is_some_and(|token| token.parse::<event_log::Token>().is_ok())
    );
    let mut frames = socket.until(|frame| frame["event"] == "answered").await;
    let answered = frames.pop().expect("the last is the one waited for");
    assert_eq!(answered["data"]["turn_id"], received["turn_id"]);
    let own = frames
        .iter()
        .find(|frame| frame["message_type"] == 1)
        .expect("the visitor's own turn comes back");
    assert_eq!(
        (&own["content"], &own["message_id"]),
        (&json!("Ann"), &json!(message_id))
    );
    let reply = frames
        .iter()
        .find(|frame| frame["message_type"] == 2)
        .expect("the reply comes");
    assert_eq!(
        (&reply["content"], &reply["in_reply_to"]),
        (&json!("Hi Ann"), &received["turn_id"])
    );
    assert!(own["position"].as_i64() < reply["position"].as_i64());
    assert!(reply["position"].as_i64() <= answered["position"].as_i64());
}

/// The script gets it; nobody is shown it, neither in the history nor over GraphQL, asked again or not.
#[tokio::test]
async fn a_secret_answer_is_masked_wherever_it_is_shown() {
    let server = TestServer::start().await;
    let script =
        "HEAR code AS PASSWORD WITH \"Password?\"\nTALK \"Got \" + LEN(code)\nHEAR more\nTALK more\n";
    server.bot_with("helper", script).await;
    let credential = credential(&server, "helper").await;
    let address = format!("/ws/helper?session_id={credential}");
    let mut socket = Socket::open(&server, &address).await;
    let question = socket.message("Password?").await;
    assert_eq!(question["asks_secret"], true);
    socket.send(&json!({ "content": "correct horse 7!" })).await;
    let masked = socket.event("masked").await;
    let answer = socket.message("Got 16").await;
    assert!(answer["asks_secret"].is_null(), "the next question is none");
    socket.send(&json!({ "content": "plain" })).await;
    let frames = socket.until(|frame| frame["event"] == "answered").await;
    assert!(
        frames.iter().all(|frame| frame["event"] != "masked"),
        "{frames:?}"
    );
    socket.close().await;

    let mut again = Socket::open(&server, &address).await;
    let frames = again
        .until(|frame| frame["message_type"] == 2 && frame["content"] == "plain")
        .await;
    assert_eq!(again.contents, ["Password?", "", "Got 16", "plain", "plain"]);
    let secret = frames.iter().find(|frame| frame["masked"] == true);
    assert_eq!(
        secret.map(|frame| &frame["turn_id"]),
        Some(&masked["data"]["turn_id"])
    );

    let head = server.feed.head().await.expect("the log has a head");
    let patience = std::time::Duration::from_secs(60);
    let shown = server
        .edge
        .projections
        .wait_for(projections::NAMES, head, patience);
    shown.await.expect("the read models catch up");
    let query = "{ conversations(first: 1) { edges { node { turns(first: 9) { edges { node { masked content } } } } } } }";
    let shown = crate::graphql::data(&server, query, json!({})).await;
    let turns = &shown["conversations"]["edges"][0]["node"]["turns"]["edges"];
    assert_eq!(turns[1]["node"], json!({ "masked": true, "content": null }));
    assert_eq!(turns[3]["node"], json!({ "masked": false, "content": "plain" }));
}

#[tokio::test]
async fn what_was_missed_comes_once_and_in_order() {
    let server = TestServer::start().await;
    server.bot_with("helper", ECHO).await;
    let credential = credential(&server, "helper").await;
    let address = format!("/ws/helper?session_id={credential}");
    let mut first = Socket::open(&server, &address).await;
    first.message("Hello").await;
    first.send(&json!({ "content": "Ann" })).await;
    let seen = first.message("Hi Ann").await["position"]
        .as_i64()
        .expect("a position");
    first.close().await;

    let mut all = Socket::open(&server, &address).await;
    all.until(|frame| frame["content"] == "Hi Ann").await;
    assert_eq!(all.contents, ["Hello", "Ann", "Hi Ann"]);
    assert!(
        all.positions.is_sorted_by(|one, next| one < next),
        "{:?}",
        all.positions
    );

    let mut rest = Socket::open(&server, &format!("{address}&resume_after={seen}")).await;
    rest.send(&json!({ "type": "message", "content": "more" })).await;
    rest.message("Bye").await;
    assert_eq!(rest.contents, ["more", "Bye"]);
    all.message("Bye").await;
    assert_eq!(
        all.contents,
        ["Hello", "Ann", "Hi Ann", "more", "Bye"],
        "every socket of a session is told"
    );
}

#[tokio::test]
async fn a_long_history_comes_whole() {
    let server = TestServer::start_with(|settings| {
        settings.limits.messages_per_minute_max = NonZeroU32::new(100_000).expect("is not zero");
    })
    .await;
    let bot = server.bot("helper").await;
    let started = server
        .edge
        .commands
        .admit_visitor(server.organisation, bot, Utc::now())
        .await;
    let text = started.expect("is let in").credential.expect("is new");
    let credential = text.parse().expect("is a credential");
    let visitor = server
        .edge
        .commands
        .authenticate_session(server.organisation, &credential)
        .await;
    let visitor = visitor.expect("is theirs");
    let mut token = None;
    for n in 0..410 {
        let turn = commands::NewTurn {
            content: n.to_string(),
            invokes: None,
            files: Vec::new(),
            message_id: None,
        };
        token = Some(
            server
                .edge
                .commands
                .receive_turn(&visitor, turn, Utc::now())
                .await
                .expect("is stored")
                .token,
        );
    }
    server.settle(&token.expect("there were some").to_string()).await;
    let mut socket = Socket::open(&server, &format!("/ws/helper?session_id={text}")).await;
    socket.until(|frame| frame["content"] == "409").await;
    let own: Vec<String> = (0..410).map(|n| n.to_string()).collect();
    let told: Vec<&String> = socket.contents.iter().filter(|text| own.contains(text)).collect();
    assert!(told.iter().copied().eq(&own), "{told:?}");
    assert!(socket.positions.is_sorted_by(|one, next| one < next));
}

#[tokio::test]
async fn the_same_message_twice_is_one_turn() {
    let server = TestServer::start().await;
    server.bot_with("helper", ECHO).await;
    let credential = credential(&server, "helper").await;
    let mut socket = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    socket.message("Hello").await;
    let message = json!({ "content": "Ann", "message_id": Uuid::now_v7() });
    socket.send(&message).await;
    let first = socket.event("received").await["data"].take();
    socket.event("answered").await;
    socket.send(&message).await;
    let second = socket.event("received").await["data"].take();
    assert_eq!(second["turn_id"], first["turn_id"]);
    socket.send(&json!({ "content": "more" })).await;
    socket.message("Bye").await;
    assert_eq!(
        socket.contents.iter().filter(|content| *content == "Ann").count(),
        1
    );
}

#[tokio::test]
async fn who_does_not_prove_a_session_of_this_bot_is_turned_away() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    server.bot("other").await;
    let good = credential(&server, "helper").await;
    let (id, secret) = good.split_once('.').expect("id and secret");
    let forged = format!("{id}.{}", secret.chars().rev().collect::<String>());
    let of_other = credential(&server, "other").await;
    for text in [forged.as_str(), of_other.as_str(), id, "nonsense", ""] {
        let mut by_address = Socket::open(&server, &format!("/ws/helper?session_id={text}")).await;
        assert_eq!(by_address.closed().await, 4401, "{text}");
        let mut by_frame = Socket::open(&server, "/ws/helper").await;
        by_frame
            .send(&json!({ "type": "auth", "session_id": text }))
            .await;
        assert_eq!(by_frame.closed().await, 4401, "{text}");
    }
    let mut talkative = Socket::open(&server, "/ws/helper").await;
    talkative.send(&json!({ "content": "hello" })).await;
    assert_eq!(talkative.closed().await, 4401);
    let mut silent = Socket::open(&server, "/ws/helper").await;
    assert_eq!(silent.closed().await, 4401);
}

#[tokio::test]
async fn an_ended_session_ends_its_sockets() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    let credential = credential(&server, "helper").await;
    let mut socket = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    let connected = socket.next().await;
    let path = format!(
        "/api/v1/sessions/{}/end",
        connected["session_id"].as_str().expect("an id")
    );
    assert_eq!(
        server
            .post(&path, &json!({}))
            .send()
            .await
            .expect("answered")
            .status(),
        200
    );
    assert_eq!(socket.closed().await, 4401);
    let mut again = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    assert_eq!(again.closed().await, 4401);
}

#[tokio::test]
async fn a_closed_socket_leaves_nothing_behind() {
    let server = TestServer::start_with(|settings| {
        settings.limits.sockets_max = 3;
        settings.limits.sockets_per_session_max = 2;
    })
    .await;
    server.bot("helper").await;
    let credential = credential(&server, "helper").await;
    let address = format!("/ws/helper?session_id={credential}");
    for _ in 0..3 {
        let (mut one, mut two) = (
            Socket::open(&server, &address).await,
            Socket::open(&server, &address).await,
        );
        assert_eq!(
            (&one.next().await["type"], &two.next().await["type"]),
            (&json!("connected"), &json!("connected"))
        );
        let mut three = Socket::open(&server, &address).await;
        assert_eq!(three.closed().await, 4429, "the session has as many as it may");
        three.close().await;
        client::until_open(&server, 2).await;
        let waiting = Socket::open(&server, "/ws/helper").await;
        assert_eq!(Socket::refused(&server, "/ws/helper", None).await, 503);
        one.close().await;
        // The others are cut off without a word.
        drop((two, waiting));
        client::until_open(&server, 0).await;
        assert_eq!(server.edge.live.listeners(), 0);
    }
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    let credential = credential(&server, "helper").await;
    let mut socket = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    assert_eq!(socket.next().await["type"], "connected");
    // Not dropped: without its database it could not tell a socket that still reads its history why it ends.
    server.stop();
    assert_eq!(socket.closed().await, 1012);
}

#[tokio::test]
async fn a_foreign_page_and_an_unknown_bot_are_refused_before_the_upgrade() {
    let server =
        TestServer::start_with(|settings| settings.public_url = Some("https://chat.example".to_owned()))
            .await;
    server.bot("helper").await;
    assert_eq!(
        Socket::refused(&server, "/ws/helper", Some("https://evil.example")).await,
        403
    );
    assert_eq!(Socket::refused(&server, "/ws/helper", Some("null")).await, 403);
    assert_eq!(Socket::refused(&server, "/ws/nobody", None).await, 404);
    let own = format!("http://{}", server.address);
    for origin in [own.as_str(), "https://chat.example"] {
        Socket::open_from(&server, "/ws/helper", Some(origin))
            .await
            .expect("is let in");
    }
    let plain = server.get("/ws/helper").send().await.expect("answered");
    assert!(plain.status().is_client_error(), "{}", plain.status());
}

#[tokio::test]
async fn a_listener_that_does_not_keep_up_is_dropped_and_the_others_are_not() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await;
    let started = server
        .edge
        .commands
        .admit_visitor(server.organisation, bot, Utc::now())
        .await;
    let text = started.expect("is let in").credential.expect("is new");
    let credential = text.parse().expect("is a credential");
    let visitor = server
        .edge
        .commands
        .authenticate_session(server.organisation, &credential)
        .await;
    let visitor = visitor.expect("is theirs");
    let mut slow = server.edge.live.subscribe(visitor.session_id).await;
    let mut quick = server.edge.live.subscribe(visitor.session_id).await;
    let mut told = Vec::new();
    // Each is answered, so that this makes more than the 256 events that wait for a listener.
    for n in 0..200 {
        let turn = commands::NewTurn {
            content: n.to_string(),
            invokes: None,
            files: Vec::new(),
            message_id: None,
        };
        server
            .edge
            .commands
            .receive_turn(&visitor, turn, Utc::now())
            .await
            .expect("is stored");
        while let Ok(event) = quick.events.try_recv() {
            told.push(event.position);
        }
    }
    while told.iter().filter(|position| **position > slow.from).count() < 400 {
        told.push(quick.events.recv().await.expect("is not dropped").position);
    }
    assert!(
        told.is_sorted_by(|one, next| one < next),
        "each once and in order"
    );
    let mut kept = 0;
    while slow.events.recv().await.is_some() {
        kept += 1;
    }
    assert_eq!((kept, slow.end()), (256, projections::LiveEnd::Overrun));
    assert_eq!(server.edge.live.listeners(), 1);
}

/// What a frame says without what differs from run to run.
pub fn essence(frame: &Value) -> (Option<&str>, Option<&str>) {
    (frame["event"].as_str(), frame["data"]["code"].as_str())
}
