//! Frames that are not acted upon, and what becomes of a client that sends many.

use std::num::NonZeroU32;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::client::{Socket, credential};
use super::essence;
use crate::server::TestServer;

async fn opened(server: &TestServer) -> Socket {
    let credential = credential(server, "helper").await;
    let mut socket = Socket::open(server, &format!("/ws/helper?session_id={credential}")).await;
    assert_eq!(socket.next().await["type"], "connected");
    socket
}

#[tokio::test]
async fn a_bad_message_is_named_and_the_socket_goes_on() {
    let server = TestServer::start_with(|settings| settings.limits.message_bytes_max = 100).await;
    server.bot("helper").await;
    let mut socket = opened(&server).await;
    let message_id = Uuid::now_v7();
    for (frame, code) in [
        (
            json!({ "content": "", "message_id": message_id }),
            "content_empty",
        ),
        (
            json!({ "content": "x".repeat(101), "message_id": message_id }),
            "content_too_long",
        ),
        (
            json!({ "content": "a\u{0}b", "message_id": message_id }),
            "content_invalid",
        ),
        (
            json!({ "content": "a", "message_type": 6, "message_id": message_id }),
            "tool_not_found",
        ),
        (
            json!({ "content": "a", "message_type": 2, "message_id": message_id }),
            "message_type_unsupported",
        ),
    ] {
        socket.send(&frame).await;
        let error = socket.event("error").await;
        assert_eq!(
            (essence(&error), &error["data"]["retryable"]),
            ((Some("error"), Some(code)), &json!(false))
        );
        assert_eq!(error["data"]["message_id"], json!(message_id));
    }
    socket
        .send(&json!({ "content": "good", "message_id": message_id }))
        .await;
    assert_eq!(
        socket.event("received").await["data"]["message_id"],
        json!(message_id)
    );
}

#[tokio::test]
async fn the_tenth_bad_frame_is_the_last() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    let mut socket = opened(&server).await;
    for n in 0..10 {
        let frame = if n % 2 == 0 {
            Message::text("{")
        } else {
            Message::binary(vec![1])
        };
        socket.send_message(frame).await;
        assert_eq!(
            essence(&socket.event("error").await),
            (Some("error"), Some("bad_frame"))
        );
    }
    assert_eq!(socket.closed().await, 1008);
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_socket() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    let mut socket = opened(&server).await;
    socket.send_message(Message::text("x".repeat(65 * 1024))).await;
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn who_talks_too_fast_is_asked_to_wait_and_nothing_is_stored() {
    let server = TestServer::start_with(|settings| {
        settings.limits.messages_per_minute_max = NonZeroU32::new(3).expect("is not zero");
    })
    .await;
    server.bot("helper").await;
    let mut socket = opened(&server).await;
    let mut refused = Vec::<Value>::new();
    for n in 0..5 {
        socket
            .send(&json!({ "content": n.to_string(), "message_id": Uuid::from_u128(n) }))
            .await;
        let outcome = |frame: &Value| frame["event"] == "received" || frame["event"] == "error";
        let told = socket.until(outcome).await.pop().unwrap_or_default();
        if told["event"] == "error" {
            refused.push(told["data"].clone());
        }
    }
    assert_eq!(refused.len(), 2, "{refused:?}");
    for error in refused {
        assert_eq!(
            (&error["code"], &error["retryable"]),
            (&json!("too_many_messages"), &json!(true))
        );
        assert!(error["message_id"].is_string());
    }
}
