//! Live reads: what is told, from where a client goes on, who gets in, and how a socket ends.

mod client;
mod protocol;

use domain::Permission;
use serde_json::{Value, json};

use self::client::Client;
use super::nouns::say;
use super::{codes, data};
use crate::rest::read;
use crate::server::TestServer;

const ECHO: &str = "TALK \"Hello\"\nHEAR name\nTALK \"Hi \" + name\nHEAR more\nTALK \"Bye\"\n";
const TURNS: &str = "subscription ($c: ID!, $after: String) { turnAdded(conversationId: $c, after: $after) {
    cursor turn { author content run { script } } } }";
const SESSIONS: &str = "subscription ($b: ID, $after: String) { sessionChanged(botId: $b, after: $after) {
    cursor session { id state bot { name } } } }";

async fn post(server: &TestServer, path: &str, body: &Value) -> Value {
    let (status, answer) = read(server.post(path, body).send().await.expect("answered")).await;
    assert!(status < 300, "{status} {answer}");
    answer
}

/// A session in whose conversation something was said: session, conversation, read token of what was said.
async fn conversation(server: &TestServer, bot: &str) -> (String, String, String) {
    let (session, token) = say(server, bot, "Ann").await;
    let query =
        "query ($s: ID!, $t: String) { conversations(sessionId: $s, waitFor: $t) { edges { node { id } } } }";
    let found = data(server, query, json!({ "s": session, "t": token })).await;
    let id = &found["conversations"]["edges"][0]["node"]["id"];
    (session, id.as_str().expect("an id").to_owned(), token)
}

/// What was said, as it comes, up to a content.
async fn said_until(client: &mut Client, id: &str, last: &str) -> Vec<(String, String)> {
    let mut said = Vec::new();
    loop {
        let added = client.data(id).await["turnAdded"].take();
        let text = |value: &Value| value.as_str().expect("is a text").to_owned();
        let content = text(&added["turn"]["content"]);
        let done = content == last;
        said.push((content, text(&added["cursor"])));
        if done {
            return said;
        }
    }
}

fn contents(said: &[(String, String)]) -> Vec<&str> {
    said.iter().map(|(content, _)| content.as_str()).collect()
}

#[tokio::test]
async fn a_conversation_is_followed_until_it_ends() {
    let server = TestServer::start().await;
    let bot = server.bot_with("helper", ECHO).await.to_string();
    let (session, conversation, token) = conversation(&server, &bot).await;
    let mut client = Client::connected(&server, &server.administrator).await;
    client
        .subscribe("1", TURNS, json!({ "c": conversation, "after": token }))
        .await;
    let said = said_until(&mut client, "1", "Hi Ann").await;
    assert!(
        !contents(&said).contains(&"Ann"),
        "what the token stands for was known"
    );
    post(
        &server,
        &format!("/api/v1/sessions/{session}/turns"),
        &json!({ "content": "more" }),
    )
    .await;
    let said = said_until(&mut client, "1", "Bye").await;
    assert_eq!(contents(&said), ["more", "Bye"]);
    post(
        &server,
        &format!("/api/v1/conversations/{conversation}/end"),
        &json!({}),
    )
    .await;
    assert_eq!(client.next().await, json!({ "type": "complete", "id": "1" }));
    client
        .subscribe("1", TURNS, json!({ "c": conversation, "after": said[0].1 }))
        .await;
    let said = said_until(&mut client, "1", "Bye").await;
    assert_eq!(contents(&said), ["Bye"], "a past conversation is told to its end");
    assert_eq!(client.next().await, json!({ "type": "complete", "id": "1" }));
}

#[tokio::test]
async fn whoever_goes_on_from_a_cursor_misses_nothing_and_hears_nothing_twice() {
    let server = TestServer::start_with(|settings| {
        settings.limits.messages_per_minute_max = std::num::NonZeroU32::MAX;
    })
    .await;
    let bot = server.bot("mute").await.to_string();
    let (session, conversation, _) = conversation(&server, &bot).await;
    let query = "query ($c: ID!) { conversation(id: $c) { turns(first: 1) { edges { cursor } } } }";
    let first = data(&server, query, json!({ "c": conversation })).await;
    let mut cursor = first["conversation"]["turns"]["edges"][0]["cursor"].clone();

    let writer = async {
        for number in 0..450 {
            let path = format!("/api/v1/sessions/{session}/turns");
            post(&server, &path, &json!({ "content": format!("m{number}") })).await;
        }
    };
    let follower = async {
        let (mut heard, mut rounds) = (Vec::new(), 0);
        while heard.last().map(String::as_str) != Some("m449") {
            let mut client = Client::connected(&server, &server.administrator).await;
            client
                .subscribe("x", TURNS, json!({ "c": conversation, "after": cursor }))
                .await;
            // Longer and longer stretches: in the past, over the seam, and live.
            rounds += 1;
            for _ in 0..rounds * 40 {
                let mut added = client.data("x").await["turnAdded"].take();
                cursor = added["cursor"].take();
                if added["turn"]["author"] == "VISITOR" {
                    heard.push(added["turn"]["content"].as_str().expect("clear").to_owned());
                }
                if heard.last().map(String::as_str) == Some("m449") {
                    break;
                }
            }
        }
        heard
    };
    let ((), heard) = futures::join!(writer, follower);
    let expected: Vec<String> = (0..450).map(|number| format!("m{number}")).collect();
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn sessions_of_a_bot_are_followed() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await.to_string();
    let other = server.bot("other").await.to_string();
    let mut client = Client::connected(&server, &server.administrator).await;
    client.subscribe("of one", SESSIONS, json!({ "b": bot })).await;
    client
        .subscribe("all", "subscription { projectionsMoved { head } }", json!({}))
        .await;
    // The second is answered after the first was begun.
    client.data("all").await;
    client.send(&json!({ "type": "complete", "id": "all" })).await;

    post(&server, "/api/v1/sessions", &json!({ "bot_id": other })).await;
    let session = post(&server, "/api/v1/sessions", &json!({ "bot_id": bot })).await["session_id"].take();
    let mut told = loop {
        let frame = client.next().await;
        if frame["id"] == "of one" {
            break frame["payload"]["data"]["sessionChanged"].clone();
        }
    };
    assert_eq!(
        told["session"],
        json!({ "id": session, "state": "OPEN", "bot": { "name": "helper" } })
    );
    let path = format!("/api/v1/sessions/{}/end", session.as_str().expect("an id"));
    post(&server, &path, &json!({})).await;
    let ended = loop {
        let frame = client.next().await;
        if frame["id"] == "of one" {
            break frame["payload"]["data"]["sessionChanged"].clone();
        }
    };
    assert_eq!(
        (&ended["session"]["id"], &ended["session"]["state"]),
        (&session, &json!("ENDED"))
    );

    client
        .subscribe("again", SESSIONS, json!({ "after": told["cursor"].take() }))
        .await;
    let again = client.data("again").await;
    assert_eq!(again["sessionChanged"], ended, "each once, as it is by now");
}

#[tokio::test]
async fn the_read_models_tell_how_far_they_are() {
    let server = TestServer::start().await;
    let mut client = Client::connected(&server, &server.administrator).await;
    let query =
        "subscription { projectionsMoved { head items { name position lagEvents failure { error } } } }";
    client.subscribe("1", query, json!({})).await;
    let first = client.data("1").await["projectionsMoved"].take();
    assert_eq!(
        first["items"].as_array().map(Vec::len),
        Some(projections::NAMES.len())
    );
    let (_, token) = super::create_bot(&server, "helper").await;
    server.settle(&token).await;
    let head = server.feed.head().await.expect("the log has a head");
    loop {
        let told = client.data("1").await["projectionsMoved"].take();
        let items = told["items"].as_array().expect("a list");
        if told["head"] == json!(head.0) && items.iter().all(|item| item["lagEvents"] == 0) {
            break;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_followed_is_an_error_of_its_own() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await.to_string();
    let (_, conversation, _) = conversation(&server, &bot).await;
    let (_, stranger) = server.stranger().await;
    let poor = server.token(&[Permission::SessionRead]).await;
    let unknown = uuid::Uuid::now_v7();
    let beyond = projections::cursor_at(event_log::Position(1_000_000));
    for (token, query, variables, code) in [
        (&server.administrator, TURNS, json!({ "c": unknown }), "NOT_FOUND"),
        (&server.administrator, TURNS, json!({ "c": "x" }), "NOT_FOUND"),
        (&stranger, TURNS, json!({ "c": conversation }), "NOT_FOUND"),
        (&poor, TURNS, json!({ "c": conversation }), "FORBIDDEN"),
        (
            &poor,
            "subscription { projectionsMoved { head } }",
            json!({}),
            "FORBIDDEN",
        ),
        (
            &server.administrator,
            TURNS,
            json!({ "c": conversation, "after": "cCx4" }),
            "BAD_CURSOR",
        ),
        (
            &server.administrator,
            TURNS,
            json!({ "c": conversation, "after": beyond }),
            "BAD_CURSOR",
        ),
        (&server.administrator, SESSIONS, json!({ "b": "x" }), "BAD_ID"),
        (
            &server.administrator,
            "subscription { nothing }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            &server.administrator,
            "subscription { a: projectionsMoved { head } b: projectionsMoved { head } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            &server.administrator,
            "subscription {",
            json!({}),
            "GRAPHQL_PARSE_FAILED",
        ),
    ] {
        let mut client = Client::connected(&server, token).await;
        client.subscribe("1", query, variables).await;
        let frame = client.next().await;
        let errors = match frame["type"].as_str() {
            Some("error") => json!({ "errors": frame["payload"] }),
            _ => frame["payload"].clone(),
        };
        assert_eq!(codes(&errors), [code], "{query}: {frame}");
        // The socket goes on, and the id is free.
        let after = client.next_of_query("1").await;
        assert_eq!(after, json!({ "__typename": "Query" }), "{query}");
    }
}

#[tokio::test]
async fn what_another_organisation_does_is_not_told() {
    let server = TestServer::start().await;
    let (_, stranger) = server.stranger().await;
    let mut client = Client::connected(&server, &stranger).await;
    client.subscribe("1", SESSIONS, json!({})).await;
    client.next_of_query("2").await;
    let bot = server.bot("helper").await.to_string();
    post(&server, "/api/v1/sessions", &json!({ "bot_id": bot })).await;
    let created = server
        .request(reqwest::Method::POST, "/api/v1/bots")
        .bearer_auth(&stranger)
        .json(&json!({ "name": "own" }));
    let (_, own) = read(created.send().await.expect("answered")).await;
    let started = server
        .request(reqwest::Method::POST, "/api/v1/sessions")
        .bearer_auth(&stranger)
        .json(&json!({ "bot_id": own["bot_id"] }));
    let (_, session) = read(started.send().await.expect("answered")).await;
    let told = client.data("1").await;
    assert_eq!(told["sessionChanged"]["session"]["id"], session["session_id"]);
}

#[tokio::test]
async fn a_subscription_over_http_says_what_it_needs() {
    let server = TestServer::start().await;
    let answer = super::ask(&server, "subscription { projectionsMoved { head } }", json!({})).await;
    assert_eq!(codes(&answer), ["SOCKET_REQUIRED"]);
}
