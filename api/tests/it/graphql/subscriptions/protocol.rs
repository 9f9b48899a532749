//! graphql-transport-ws: the order of frames, the codes with which a socket closes, and its limits.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{Client, upgrade};
use super::{SESSIONS, post};
use crate::node;
use crate::server::TestServer;
use crate::socket::client::until_open;

const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "graphql-transport-ws");

#[tokio::test]
async fn a_header_lets_in_without_a_payload() {
    let server = TestServer::start().await;
    let bearer = format!("Bearer {}", server.administrator);
    let request = upgrade(&server, &[SUBPROTOCOL, ("authorization", &bearer)]);
    let mut client = Client::open(request).await;
    client.send(&json!({ "type": "connection_init" })).await;
    assert_eq!(client.next().await["type"], "connection_ack");
    assert_eq!(client.next_of_query("1").await["__typename"], "Query");
}

#[tokio::test]
async fn whoever_is_not_known_is_turned_away() {
    let server = TestServer::start().await;
    for payload in [
        json!(null),
        json!({}),
        json!({ "Authorization": "Bearer nobody" }),
        json!({ "authorization": server.administrator }),
        json!({ "Authorization": 1 }),
    ] {
        let mut client = Client::silent(&server).await;
        client
            .send(&json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(client.closed().await, 4403, "{payload}");
    }
    let wrong = upgrade(&server, &[SUBPROTOCOL, ("authorization", "Bearer nobody")]);
    match connect_async(wrong).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 401),
        other => panic!("not refused: {other:?}"),
    }
    let foreign = upgrade(&server, &[SUBPROTOCOL, ("origin", "https://evil.example")]);
    match connect_async(foreign).await {
        Err(Error::Http(response)) => assert_eq!(response.status().as_u16(), 403),
        other => panic!("not refused: {other:?}"),
    }
    until_open(&server, 0).await;
}

#[tokio::test]
async fn a_socket_closes_with_the_protocols_codes() {
    let server = TestServer::start().await;
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": SESSIONS } });

    let mut client = Client::open(upgrade(&server, &[])).await;
    assert_eq!(client.closed().await, 4406);

    let mut client = Client::silent(&server).await;
    client
        .send(&json!({ "type": "ping", "payload": { "n": 1 } }))
        .await;
    assert_eq!(
        client.next().await,
        json!({ "type": "pong", "payload": { "n": 1 } })
    );
    client.send(&subscribe).await;
    assert_eq!(client.closed().await, 4401);

    let mut client = Client::connected(&server, &server.administrator).await;
    client.init(&server.administrator).await;
    assert_eq!(client.closed().await, 4429);

    let mut client = Client::connected(&server, &server.administrator).await;
    client.send(&subscribe).await;
    client.send(&subscribe).await;
    assert_eq!(client.closed().await, 4409);

    for bad in [
        Message::text("{"),
        Message::text(r#"{"type":"connection_terminate"}"#),
        Message::text(r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#),
        Message::binary(vec![1, 2, 3]),
    ] {
        let mut client = Client::connected(&server, &server.administrator).await;
        client.send_message(bad.clone()).await;
        assert_eq!(client.closed().await, 4400, "{bad:?}");
    }

    let mut client = Client::silent(&server).await;
    assert_eq!(client.closed().await, 4408, "who says nothing is not waited for");
    until_open(&server, 0).await;
}

#[tokio::test]
async fn frames_and_operations_and_sockets_have_limits() {
    let server = TestServer::start_with(|settings| {
        settings.graphql.operations_per_socket_max = 2;
        settings.graphql.sockets_per_token_max = 2;
        settings.limits.body_bytes_max = 4096;
    })
    .await;
    let mut client = Client::connected(&server, &server.administrator).await;
    for id in ["1", "2"] {
        client.subscribe(id, SESSIONS, json!({})).await;
    }
    client.subscribe("3", SESSIONS, json!({})).await;
    let refused = client.next().await;
    assert_eq!((&refused["type"], &refused["id"]), (&json!("error"), &json!("3")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "TOO_MANY_OPERATIONS");
    client.send(&json!({ "type": "complete", "id": "1" })).await;
    assert_eq!(client.next_of_query("3").await["__typename"], "Query");

    let mut second = Client::connected(&server, &server.administrator).await;
    let mut third = Client::silent(&server).await;
    third.init(&server.administrator).await;
    assert_eq!(third.closed().await, 4429);

    second.send_message(Message::text("x".repeat(5000))).await;
    assert_eq!(second.closed().await, 1009);
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_its_sockets() {
    let server = TestServer::start().await;
    let issued = post(
        &server,
        "/api/v1/tokens",
        &json!({ "name": "dashboard", "permissions": ["session.read"] }),
    )
    .await;
    let text = |name: &str| issued[name].as_str().expect("is a text");
    let mut client = Client::connected(&server, text("credential")).await;
    client.subscribe("1", SESSIONS, json!({})).await;
    client.next_of_query("2").await;
    let revoked = server.delete(&format!("/api/v1/tokens/{}", text("token_id")));
    assert!(revoked.send().await.expect("answered").status().is_success());
    assert_eq!(client.closed().await, 4403);
    until_open(&server, 0).await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_completes_nothing() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server, &server.administrator).await;
    client.subscribe("1", SESSIONS, json!({})).await;
    client.next_of_query("2").await;
    server.stop();
    assert_eq!(client.closed_without_frames().await, 1012);
}

/// The client that most pages use.
#[tokio::test]
async fn the_public_client_follows_and_goes_on_from_a_cursor() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await.to_string();
    let socket = format!("ws://{}/graphql", server.address);
    let arguments = [&socket, &server.administrator, &server.url(""), &bot];
    node::run("graphql_ws", "follow.mjs", &arguments.map(String::as_str)).await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_up_nobody() {
    let server = TestServer::start_with(|settings| {
        settings.limits.messages_per_minute_max = std::num::NonZeroU32::MAX;
    })
    .await;
    let bot = server.bot("mute").await.to_string();
    let mut slow = Client::connected(&server, &server.administrator).await;
    slow.subscribe("1", SESSIONS, json!({})).await;
    slow.next_of_query("2").await;
    let mut fast = Client::connected(&server, &server.administrator).await;
    fast.subscribe("1", SESSIONS, json!({})).await;
    fast.next_of_query("2").await;
    let started = async {
        for _ in 0..150 {
            post(&server, "/api/v1/sessions", &json!({ "bot_id": bot })).await;
        }
    };
    let heard = async {
        for _ in 0..150 {
            fast.data("1").await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), async { futures::join!(started, heard) })
        .await
        .expect("the fast one is told while the slow one sleeps");
    for _ in 0..150 {
        slow.data("1").await;
    }
}
