//! A key stands for one command: carried out once, answered alike each time.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::rest::{is_problem, read};
use crate::server::TestServer;

fn create(server: &TestServer, key: &str, body: &Value) -> reqwest::RequestBuilder {
    server.post("/api/v1/bots", body).header("idempotency-key", key)
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_at_once_make_one_bot() {
    let server = TestServer::start().await;
    let body = json!({ "name": "once" });
    let answers = join_all((0..16).map(|_| create(&server, "order-17", &body).send())).await;
    let mut originals = 0;
    let mut bodies = Vec::new();
    for answer in answers {
        let answer = answer.expect("answered");
        originals += usize::from(!answer.headers().contains_key("idempotent-replayed"));
        let (status, body) = read(answer).await;
        assert_eq!(status, 201, "{body}");
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!((originals, bodies.len()), (1, 1), "{bodies:?}");
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let server = TestServer::start().await;
    let first = create(&server, "k", &json!({ "name": "one" }))
        .send()
        .await
        .expect("answered");
    assert_eq!(first.status(), 201);
    let other = create(&server, "k", &json!({ "name": "two" }))
        .send()
        .await
        .expect("answered");
    is_problem(&read(other).await, 409, "idempotency_key_reused");
    let bot = read(first).await.1["bot_id"].as_str().expect("an id").to_owned();
    let elsewhere = server
        .post(&format!("/api/v1/bots/{bot}/pause"), &json!({}))
        .header("idempotency-key", "k");
    is_problem(
        &read(elsewhere.send().await.expect("answered")).await,
        409,
        "idempotency_key_reused",
    );
}

#[tokio::test]
async fn a_repetition_is_answered_as_the_first_time_whatever_happened_since() {
    let server = TestServer::start().await;
    let body = json!({ "name": "gone" });
    let first = read(create(&server, "k", &body).send().await.expect("answered")).await;
    let bot = first.1["bot_id"].as_str().expect("an id");
    server
        .delete(&format!("/api/v1/bots/{bot}"))
        .send()
        .await
        .expect("answered");
    let again = create(&server, "k", &body).send().await.expect("answered");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(read(again).await, first);
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let server = TestServer::start().await;
    let new = json!({ "name": "ci", "permissions": ["bot.read"] });
    let issue = || {
        server
            .post("/api/v1/tokens", &new)
            .header("idempotency-key", "t")
            .send()
    };
    let (_, first) = read(issue().await.expect("answered")).await;
    let (status, again) = read(issue().await.expect("answered")).await;
    assert_eq!(status, 201);
    assert_eq!(again["token_id"], first["token_id"]);
    assert!(first["credential"].is_string() && again["credential"].is_null());
}

#[tokio::test]
async fn a_turn_without_an_id_takes_the_key_for_one() {
    let server = TestServer::start().await;
    let bot_id = server.bot("helper").await;
    let started = server
        .post("/api/v1/sessions", &json!({ "bot_id": bot_id }))
        .send()
        .await
        .expect("answered");
    let session = read(started).await.1["session_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let turn = |content: &str| {
        let request = server.post(
            &format!("/api/v1/sessions/{session}/turns"),
            &json!({ "content": content }),
        );
        request.header("idempotency-key", "m").send()
    };
    let (status, first) = read(turn("hello").await.expect("answered")).await;
    assert_eq!(status, 202, "{first}");
    assert_eq!(
        read(turn("hello").await.expect("answered")).await.1["turn_id"],
        first["turn_id"]
    );
    is_problem(
        &read(turn("bye").await.expect("answered")).await,
        409,
        "idempotency_key_reused",
    );
}

#[tokio::test]
async fn keys_of_different_tokens_are_different_keys() {
    let server = TestServer::start().await;
    let other = server.token(domain::Permission::ALL).await;
    assert_eq!(
        create(&server, "k", &json!({ "name": "one" }))
            .send()
            .await
            .expect("answered")
            .status(),
        201
    );
    let request = server
        .request(Method::POST, "/api/v1/bots")
        .bearer_auth(other)
        .header("idempotency-key", "k");
    assert_eq!(
        request
            .json(&json!({ "name": "two" }))
            .send()
            .await
            .expect("answered")
            .status(),
        201
    );
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let server = TestServer::start().await;
    for key in ["", "two words", &"k".repeat(256)] {
        let answer = create(&server, key, &json!({ "name": "x" }))
            .send()
            .await
            .expect("answered");
        is_problem(&read(answer).await, 400, "idempotency_key_invalid");
    }
}
