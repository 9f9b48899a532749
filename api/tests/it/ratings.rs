//! What people think of replies: said by a visitor or a client of the API, shown to whoever reads the conversation.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rest::{is_problem, read};
use crate::server::TestServer;
use crate::socket::client::{Socket, credential};

async fn rate(server: &TestServer, who: &str, session: &str, reply: &str, rating: Value) -> (u16, Value) {
    let path = format!("/api/v1/sessions/{session}/replies/{reply}/rate");
    let request = server
        .request(Method::POST, &path)
        .bearer_auth(who)
        .json(&json!({ "rating": rating }));
    read(request.send().await.expect("answered")).await
}

#[tokio::test]
async fn a_reply_is_rated_by_whoever_it_was_said_to() {
    let server = TestServer::start().await;
    server
        .bot_with("helper", "TALK \"Hello\"\nHEAR more\nTALK more\n")
        .await;
    let (own, other) = (
        credential(&server, "helper").await,
        credential(&server, "helper").await,
    );
    let session = own.split('.').next().expect("two parts");
    let address = format!("/ws/helper?session_id={own}");
    let mut socket = Socket::open(&server, &address).await;
    let hello = socket.message("Hello").await;
    assert!(hello["rating"].is_null());
    let reply = hello["reply_id"].as_str().expect("an id");
    // The read model knows the reply a moment after the socket does.
    let head = server.feed.head().await.expect("the log has a head");
    let patience = std::time::Duration::from_secs(60);
    let caught_up = server
        .edge
        .projections
        .wait_for(projections::NAMES, head, patience);
    caught_up.await.expect("they catch up");

    let (status, body) = rate(&server, &own, session, reply, json!("good")).await;
    assert_eq!(status, 200, "{body}");
    let rated = socket.event("rated").await;
    assert_eq!(rated["data"], json!({ "reply_id": reply, "rating": "good" }));
    let (status, body) = rate(&server, &server.administrator, session, reply, json!("bad")).await;
    assert_eq!(status, 200, "{body}");
    server.settle(body["token"].as_str().expect("a token")).await;
    socket.close().await;
    let mut again = Socket::open(&server, &address).await;
    assert_eq!(again.message("Hello").await["rating"], "bad");
    let query =
        "{ conversations(first: 1) { edges { node { turns(first: 9) { edges { node { rating } } } } } } }";
    let asked = server.post("/graphql", &json!({ "query": query })).send().await;
    let (_, answer) = read(asked.expect("answered")).await;
    let turns = &answer["data"]["conversations"]["edges"][0]["node"]["turns"]["edges"];
    assert_eq!(turns[0]["node"]["rating"], "BAD", "{answer}");

    let (_, taken_back) = rate(&server, &own, session, reply, Value::Null).await;
    server
        .settle(taken_back["token"].as_str().expect("a token"))
        .await;
    again.close().await;
    let mut again = Socket::open(&server, &address).await;
    assert!(again.message("Hello").await["rating"].is_null());

    is_problem(
        &rate(&server, &other, session, reply, json!("good")).await,
        404,
        "session_not_found",
    );
    let unknown = Uuid::now_v7().to_string();
    is_problem(
        &rate(&server, &own, session, &unknown, json!("good")).await,
        404,
        "reply_not_found",
    );
    is_problem(
        &rate(&server, &own, session, reply, json!("great")).await,
        422,
        "body_invalid",
    );
}
