//! People who answer in the bot's place: over REST, on the person's page, in GraphQL.

use chrono::Utc;
use commands::{Context, ConversationCommand};
use domain::Permission;
use domain::conversation::{ChangedBy, Conversation};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graphql::data;
use crate::rest::{is_problem, read};
use crate::server::TestServer;
use crate::socket::client::{Socket, credential};

const ECHO: &str = "TALK \"Hello\"\nWHILE TRUE\nHEAR words\nTALK \"You said \" + words\nWEND\n";

/// A visitor's socket, and the conversation that they have begun.
async fn talking(server: &TestServer) -> (Socket, String, String) {
    server.bot_with("helper", ECHO).await;
    let credential = credential(server, "helper").await;
    let address = format!("/ws/helper?session_id={credential}");
    let mut socket = Socket::open(server, &address).await;
    socket.message("Hello").await;
    socket.send(&json!({ "content": "one" })).await;
    let token = socket.event("received").await["data"]["token"].take();
    socket.event("answered").await;
    let query =
        "query($token: String) { conversations(first: 1, waitFor: $token) { edges { node { id } } } }";
    let found = data(server, query, json!({ "token": token })).await;
    let id = found["conversations"]["edges"][0]["node"]["id"]
        .as_str()
        .expect("an id");
    (socket, address, id.to_owned())
}

async fn post(server: &TestServer, path: &str, body: Value) -> (u16, Value) {
    read(server.post(path, &body).send().await.expect("answered")).await
}

#[tokio::test]
async fn a_person_takes_over_answers_and_gives_back() {
    let server = TestServer::start().await;
    let (mut socket, address, id) = talking(&server).await;
    let control = format!("/api/v1/conversations/{id}/control");
    let replies = format!("/api/v1/conversations/{id}/replies");

    is_problem(
        &post(&server, &replies, json!({ "content": "Hi", "attendant": "Ana" })).await,
        409,
        "conversation_with_bot",
    );
    let body = json!({ "control": "waiting_for_human", "reason": "a refund", "department": "Sales", "priority": "high" });
    let (status, waits) = post(&server, &control, body).await;
    assert_eq!(status, 200, "{waits}");
    let told = socket.event("control").await;
    assert_eq!(
        (&told["data"]["control"], &told["data"]["attendant"]),
        (&json!("waiting_for_human"), &Value::Null)
    );
    assert!(told["data"]["reason"].is_null(), "why is not told to the person");
    socket.send(&json!({ "content": "anybody?" })).await;
    let received = socket.event("received").await;
    let left = socket.event("left_to_human").await;
    assert_eq!(left["data"]["turn_id"], received["data"]["turn_id"]);

    let queue = "query($token: String) { queue(department: \"sales\", waitFor: $token) { totalCount edges { node { id control \
                 controlReason department priority attendant } } } }";
    let found = data(&server, queue, json!({ "token": waits["token"] })).await;
    assert_eq!(
        found["queue"],
        json!({ "totalCount": 1, "edges": [{ "node": { "id": id, "control": "WAITING_FOR_HUMAN",
            "controlReason": "a refund", "department": "sales", "priority": "HIGH", "attendant": null } }] })
    );

    let note = ConversationCommand::AddNote {
        text: "a regular".to_owned(),
        by: ChangedBy::Server,
        at: Utc::now(),
    };
    let context = Context::system(server.organisation, "test");
    server
        .edge
        .commands
        .executor()
        .execute::<Conversation>(&context, &id, note, Value::Null)
        .await
        .expect("it is open");
    let (status, given) = post(
        &server,
        &replies,
        json!({ "content": "I am **here**", "attendant": "Ana" }),
    )
    .await;
    assert_eq!(status, 201, "{given}");
    let told = socket.event("control").await;
    assert_eq!(
        (&told["data"]["control"], &told["data"]["attendant"]),
        (&json!("human"), &json!("Ana"))
    );
    let reply = socket.message("I am **here**").await;
    assert_eq!(
        (&reply["attendant"], &reply["message_type"], &reply["reply_id"]),
        (&json!("Ana"), &json!(2), &given["reply_id"])
    );
    // Whoever opens the page now sees who answers.
    let mut page = Socket::open(&server, &address).await;
    let again = page.message("I am **here**").await;
    assert_eq!(again["attendant"], "Ana");
    assert_eq!(page.event("control").await["data"]["attendant"], "Ana");

    let turns = "query($id: ID!, $token: String) { queue { totalCount } conversation(id: $id, waitFor: $token) { control notes { text } \
                 turns(last: 1) { edges { node { author attendant content } } } } }";
    let found = data(&server, turns, json!({ "id": id, "token": given["token"] })).await;
    assert_eq!(found["queue"]["totalCount"], 0);
    assert_eq!(found["conversation"]["control"], "HUMAN");
    assert_eq!(found["conversation"]["notes"], json!([{ "text": "a regular" }]));
    assert_eq!(
        found["conversation"]["turns"]["edges"][0]["node"],
        json!({ "author": "ATTENDANT", "attendant": "Ana", "content": "I am **here**" })
    );

    post(&server, &control, json!({ "control": "bot" })).await;
    assert_eq!(socket.event("control").await["data"]["control"], "bot");
    socket.send(&json!({ "content": "two" })).await;
    socket.message("You said two").await;
}

#[tokio::test]
async fn what_people_may_not_do_is_refused() {
    let server = TestServer::start().await;
    let (_, _, id) = talking(&server).await;
    let control = format!("/api/v1/conversations/{id}/control");
    for (body, status, code) in [
        (json!({}), 422, "body_invalid"),
        (json!({ "control": "nobody" }), 422, "body_invalid"),
        (
            json!({ "control": "human", "department": "a@b" }),
            422,
            "label_invalid",
        ),
        (
            json!({ "control": "human", "attendant": "" }),
            422,
            "attendant_name_invalid",
        ),
        (
            json!({ "control": "human", "reason": "x".repeat(2001) }),
            422,
            "reason_invalid",
        ),
    ] {
        is_problem(&post(&server, &control, body).await, status, code);
    }
    let unknown = format!("/api/v1/conversations/{}/control", Uuid::now_v7());
    let nobody = post(&server, &unknown, json!({ "control": "human" })).await;
    is_problem(&nobody, 404, "conversation_not_found");
    post(&server, &control, json!({ "control": "paused" })).await;
    let replies = format!("/api/v1/conversations/{id}/replies");
    for content in ["", " \n", "a\0b"] {
        let refused = post(
            &server,
            &replies,
            json!({ "content": content, "attendant": "Ana" }),
        )
        .await;
        is_problem(&refused, 422, "field_invalid");
    }
    // Each right is one of its own.
    let token = server
        .token(&[Permission::ConversationRead, Permission::ConversationWrite])
        .await;
    for path in [&control, &replies] {
        let refused = server
            .request(reqwest::Method::POST, path)
            .bearer_auth(&token)
            .json(&json!({ "control": "bot" }))
            .send()
            .await
            .expect("answered");
        assert_eq!(refused.status(), 403);
    }
}

#[tokio::test]
async fn a_reply_that_is_sent_again_is_given_once() {
    let server = TestServer::start().await;
    let (mut socket, _, id) = talking(&server).await;
    post(
        &server,
        &format!("/api/v1/conversations/{id}/control"),
        json!({ "control": "human" }),
    )
    .await;
    let give = async |content: &str| {
        let body = json!({ "content": content, "attendant": "Ana" });
        let request = server.post(&format!("/api/v1/conversations/{id}/replies"), &body);
        read(
            request
                .header("idempotency-key", "one")
                .send()
                .await
                .expect("answered"),
        )
        .await
    };
    let (first, again) = (give("Hi").await, give("Hi").await);
    assert_eq!(first, again);
    is_problem(&give("Ho").await, 409, "idempotency_key_reused");
    socket.message("Hi").await;
    socket.send(&json!({ "content": "thanks" })).await;
    let frames = socket.until(|frame| frame["event"] == "left_to_human").await;
    assert!(frames.iter().all(|frame| frame["content"] != "Hi"), "{frames:?}");
}
