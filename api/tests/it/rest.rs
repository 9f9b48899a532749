//! Commands over REST: what each does, and how each is refused.

use std::num::NonZeroU32;

use domain::Permission;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::TestServer;

/// Status and body.
pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.expect("a body");
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[track_caller]
pub fn is_problem((status, body): &(u16, Value), expected: u16, code: &str) {
    assert_eq!((*status, body["code"].as_str()), (expected, Some(code)), "{body}");
    assert_eq!(body["status"], *status);
    assert_eq!(body["type"], format!("urn:botserver:problem:{code}"));
    assert!(
        body["title"].is_string() && body["instance"].is_string(),
        "{body}"
    );
}

#[tokio::test]
async fn a_bot_is_created_paused_resumed_and_retired() {
    let server = TestServer::start().await;
    let created = server
        .post("/api/v1/bots", &json!({ "name": "Helper" }))
        .send()
        .await
        .expect("answered");
    assert_eq!(created.status(), StatusCode::CREATED);
    let location = created.headers()["location"]
        .to_str()
        .expect("visible")
        .to_owned();
    let token = created.headers()["botserver-token"]
        .to_str()
        .expect("visible")
        .to_owned();
    let (_, body) = read(created).await;
    assert_eq!(body["name"], "helper");
    assert_eq!(body["token"], token);
    let bot_id = body["bot_id"].as_str().expect("an id");
    assert_eq!(location, format!("/api/v1/bots/{bot_id}"));
    server.settle(&token).await;

    for (verb, changes) in [
        ("pause", true),
        ("pause", false),
        ("resume", true),
        ("resume", false),
    ] {
        let path = format!("{location}/{verb}");
        let (status, body) = read(server.post(&path, &json!({})).send().await.expect("answered")).await;
        assert_eq!((status, body["token"].is_string()), (200, changes), "{verb}");
    }
    assert_eq!(
        server.delete(&location).send().await.expect("answered").status(),
        200
    );
    let paused = server
        .post(&format!("{location}/pause"), &json!({}))
        .send()
        .await
        .expect("answered");
    is_problem(&read(paused).await, 409, "bot_retired");
    let again = server
        .post("/api/v1/bots", &json!({ "name": "helper" }))
        .send()
        .await
        .expect("answered");
    assert_eq!(again.status(), 201, "a retired bot's name is free");
}

#[tokio::test]
async fn names_of_bots_are_checked() {
    let server = TestServer::start().await;
    server.bot("taken").await;
    for (name, status, code) in [
        ("TAKEN", 409, "bot_name_taken"),
        ("graphql", 422, "bot_name_reserved"),
        ("a b", 422, "bot_name_invalid"),
        ("", 422, "bot_name_invalid"),
        ("../etc", 422, "bot_name_invalid"),
    ] {
        let answer = server
            .post("/api/v1/bots", &json!({ "name": name }))
            .send()
            .await
            .expect("answered");
        is_problem(&read(answer).await, status, code);
    }
}

#[tokio::test]
async fn a_person_gets_an_account_which_is_renamed_and_switched_off_and_on() {
    let server = TestServer::start().await;
    let account = json!({ "login": "Ann@Example.org", "name": "Ann" });
    let request = || {
        server
            .post("/api/v1/users", &account)
            .header("idempotency-key", "ann")
    };
    let (status, user) = read(request().send().await.expect("answered")).await;
    assert_eq!(status, 201, "{user}");
    let (status, again) = read(request().send().await.expect("answered")).await;
    assert_eq!((status, &again["user_id"]), (201, &user["user_id"]));

    let taken = json!({ "login": "ann@example.org", "name": "Another" });
    let taken = server
        .post("/api/v1/users", &taken)
        .send()
        .await
        .expect("answered");
    is_problem(&read(taken).await, 409, "user_login_taken");
    let location = format!("/api/v1/users/{}", user["user_id"].as_str().expect("an id"));
    for (verb, body, changes) in [
        ("rename", json!({ "name": "Anne" }), true),
        ("rename", json!({ "name": "Anne" }), false),
        ("deactivate", json!({}), true),
        ("deactivate", json!({}), false),
        ("reactivate", json!({}), true),
    ] {
        let path = format!("{location}/{verb}");
        let (status, body) = read(server.post(&path, &body).send().await.expect("answered")).await;
        assert_eq!((status, body["token"].is_string()), (200, changes), "{verb}");
        if let Some(token) = body["token"].as_str() {
            server.settle(token).await;
        }
    }
    let query = "query ($id: ID!) { user(id: $id) { kind account { login name active } }
        users(kind: MEMBER) { totalCount } node(id: $id) { id } }";
    let shown = crate::graphql::data(&server, query, json!({ "id": user["user_id"] })).await;
    let account = json!({ "login": "ann@example.org", "name": "Anne", "active": true });
    assert_eq!(shown["user"], json!({ "kind": "MEMBER", "account": account }));
    assert_eq!(
        (&shown["users"]["totalCount"], &shown["node"]["id"]),
        (&json!(1), &user["user_id"])
    );
    let again = server
        .post(
            &format!("{location}/register"),
            &json!({ "login": "ann2", "name": "Ann" }),
        )
        .send()
        .await
        .expect("answered");
    is_problem(&read(again).await, 409, "user_registered");
}

#[tokio::test]
async fn a_visitor_registers_and_keeps_their_session() {
    let server = TestServer::start().await;
    let bot_id = server.bot("helper").await;
    let started = server.post("/api/v1/sessions", &json!({ "bot_id": bot_id }));
    let (_, session) = read(started.send().await.expect("answered")).await;
    let user = session["user_id"].as_str().expect("an id");
    let rename = server.post(&format!("/api/v1/users/{user}/rename"), &json!({ "name": "Ann" }));
    is_problem(
        &read(rename.send().await.expect("answered")).await,
        409,
        "user_is_visitor",
    );
    let account = json!({ "login": "ann", "name": "Ann" });
    let register = server.post(&format!("/api/v1/users/{user}/register"), &account);
    assert_eq!(register.send().await.expect("answered").status(), 200);
    let unknown = server.post(&format!("/api/v1/users/{}/register", Uuid::now_v7()), &account);
    is_problem(
        &read(unknown.send().await.expect("answered")).await,
        404,
        "user_not_found",
    );
    let turns = format!(
        "/api/v1/sessions/{}/turns",
        session["session_id"].as_str().expect("an id")
    );
    let said = server.post(&turns, &json!({ "content": "still here" }));
    assert_eq!(said.send().await.expect("answered").status(), 202);
}

#[tokio::test]
async fn an_organisation_is_renamed() {
    let server = TestServer::start().await;
    let rename = server.post("/api/v1/organisation/rename", &json!({ "name": "Harbour" }));
    let (status, renamed) = read(rename.send().await.expect("answered")).await;
    assert_eq!(status, 200, "{renamed}");
    let query = "query ($t: String) { organisations(first: 1, waitFor: $t) { edges { node { name } } } }";
    let shown = crate::graphql::data(&server, query, json!({ "t": renamed["token"] })).await;
    assert_eq!(shown["organisations"]["edges"][0]["node"]["name"], "Harbour");
    let nameless = server.post("/api/v1/organisation/rename", &json!({ "name": " " }));
    is_problem(
        &read(nameless.send().await.expect("answered")).await,
        422,
        "organisation_name_invalid",
    );
}

#[tokio::test]
async fn a_session_takes_turns_until_it_ends() {
    let server = TestServer::start().await;
    let bot_id = server.bot("helper").await;
    let started = server
        .post("/api/v1/sessions", &json!({ "bot_id": bot_id }))
        .send()
        .await
        .expect("answered");
    let (status, session) = read(started).await;
    assert_eq!(status, 201, "{session}");
    let session_id = session["session_id"].as_str().expect("an id").to_owned();
    assert!(
        session["credential"]
            .as_str()
            .is_some_and(|text| text.starts_with(&session_id))
    );

    let turns = format!("/api/v1/sessions/{session_id}/turns");
    let message = json!({ "content": "hello", "message_id": Uuid::now_v7() });
    let (status, first) = read(server.post(&turns, &message).send().await.expect("answered")).await;
    assert_eq!(status, 202, "{first}");
    let again = server.post(&turns, &message).send().await.expect("answered");
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(read(again).await.1["turn_id"], first["turn_id"]);

    let conversation = first["conversation_id"].as_str().expect("an id");
    let ended = server
        .post(&format!("/api/v1/conversations/{conversation}/end"), &json!({}))
        .send()
        .await;
    assert_eq!(ended.expect("answered").status(), 200);
    let (_, next) = read(
        server
            .post(&turns, &json!({ "content": "again" }))
            .send()
            .await
            .expect("answered"),
    )
    .await;
    assert_ne!(next["conversation_id"], first["conversation_id"], "{next}");

    let end = format!("/api/v1/sessions/{session_id}/end");
    assert_eq!(
        server
            .post(&end, &json!({}))
            .send()
            .await
            .expect("answered")
            .status(),
        200
    );
    let late = server
        .post(&turns, &json!({ "content": "late" }))
        .send()
        .await
        .expect("answered");
    is_problem(&read(late).await, 409, "session_ended");
}

#[tokio::test]
async fn a_session_has_one_pace_however_its_messages_come() {
    let server = TestServer::start_with(|settings| {
        settings.limits.messages_per_minute_max = NonZeroU32::new(2).expect("is not zero");
    })
    .await;
    let bot_id = server.bot("helper").await;
    let start = json!({ "bot_id": bot_id });
    let started = server
        .post("/api/v1/sessions", &start)
        .send()
        .await
        .expect("answered");
    let (_, session) = read(started).await;
    let session_id = session["session_id"].as_str().expect("an id");
    let turns = format!("/api/v1/sessions/{session_id}/turns");
    for _ in 0..2 {
        let said = server.post(&turns, &json!({ "content": "hello" })).send().await;
        assert_eq!(said.expect("answered").status(), 202);
    }
    let flood = server
        .post(&turns, &json!({ "content": "hello" }))
        .send()
        .await
        .expect("answered");
    assert!(flood.headers().contains_key("retry-after"));
    is_problem(&read(flood).await, 429, "too_many_requests");
}

#[tokio::test]
async fn a_turn_has_limits() {
    let server = TestServer::start().await;
    let bot_id = server.bot("helper").await;
    let started = server
        .post("/api/v1/sessions", &json!({ "bot_id": bot_id }))
        .send()
        .await
        .expect("answered");
    let session = read(started).await.1;
    let turns = format!(
        "/api/v1/sessions/{}/turns",
        session["session_id"].as_str().expect("an id")
    );
    for content in ["", &"x".repeat(20_000)] {
        let (status, body) = read(
            server
                .post(&turns, &json!({ "content": content }))
                .send()
                .await
                .expect("answered"),
        )
        .await;
        assert_eq!(
            (status, &body["errors"][0]["pointer"]),
            (422, &json!("#/content")),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_token_is_issued_used_and_revoked() {
    let server = TestServer::start().await;
    let new = json!({ "name": "ci", "permissions": ["bot.create"] });
    let (status, issued) = read(
        server
            .post("/api/v1/tokens", &new)
            .send()
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(status, 201, "{issued}");
    let credential = issued["credential"].as_str().expect("shown once");
    let create = |name: &str| {
        let request = server
            .request(Method::POST, "/api/v1/bots")
            .bearer_auth(credential);
        request.json(&json!({ "name": name })).send()
    };
    assert_eq!(create("first").await.expect("answered").status(), 201);
    let path = format!("/api/v1/tokens/{}", issued["token_id"].as_str().expect("an id"));
    assert_eq!(server.delete(&path).send().await.expect("answered").status(), 200);
    is_problem(
        &read(create("second").await.expect("answered")).await,
        401,
        "unauthenticated",
    );
}

#[tokio::test]
async fn nobody_hands_out_a_right_they_do_not_have() {
    let server = TestServer::start().await;
    let issuer = server.token(&[Permission::TokenIssue]).await;
    let request = server.request(Method::POST, "/api/v1/tokens").bearer_auth(issuer);
    let answer = request
        .json(&json!({ "name": "x", "permissions": ["bot.create"] }))
        .send()
        .await;
    is_problem(&read(answer.expect("answered")).await, 403, "forbidden");
}

#[tokio::test]
async fn what_a_token_may_be_is_checked() {
    let server = TestServer::start().await;
    for (body, code) in [
        (
            json!({ "name": "", "permissions": ["bot.read"] }),
            "token_name_invalid",
        ),
        (
            json!({ "name": "x", "permissions": [] }),
            "token_without_permission",
        ),
        (json!({ "name": "x", "permissions": ["bot.fly"] }), "body_invalid"),
        (
            json!({ "name": "x", "permissions": ["bot.read"], "expires_at": "2020-01-01T00:00:00Z" }),
            "token_expiry_invalid",
        ),
        (
            json!({ "name": "x", "permissions": ["bot.read"], "expires_at": "tomorrow" }),
            "body_invalid",
        ),
    ] {
        let answer = server
            .post("/api/v1/tokens", &body)
            .send()
            .await
            .expect("answered");
        is_problem(&read(answer).await, 422, code);
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let id = Uuid::now_v7();
    for (path, code) in [
        (format!("/api/v1/bots/{id}/pause"), "bot_not_found"),
        (format!("/api/v1/sessions/{id}/end"), "session_not_found"),
        (
            format!("/api/v1/conversations/{id}/end"),
            "conversation_not_found",
        ),
        (format!("/api/v1/runs/{id}/cancel"), "run_not_found"),
        ("/api/v1/bots/17/pause".to_owned(), "not_found"),
        (format!("/api/v1/bots/{}/pause", id.simple()), "not_found"),
        (format!("/api/v1/bots/%7B{id}%7D/pause"), "not_found"),
    ] {
        let answer = server.post(&path, &json!({})).send().await.expect("answered");
        is_problem(&read(answer).await, 404, code);
    }
    let revoked = server
        .delete(&format!("/api/v1/tokens/{id}"))
        .send()
        .await
        .expect("answered");
    is_problem(&read(revoked).await, 404, "token_not_found");
    let session = server
        .post("/api/v1/sessions", &json!({ "bot_id": id }))
        .send()
        .await
        .expect("answered");
    is_problem(&read(session).await, 404, "bot_not_found");
}

#[tokio::test]
async fn what_belongs_to_another_organisation_is_not_found() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await;
    let (_, stranger) = server.stranger().await;
    let ask = |path: String| {
        server
            .request(Method::POST, &path)
            .bearer_auth(&stranger)
            .json(&json!({}))
            .send()
    };
    let elsewhere = read(ask(format!("/api/v1/bots/{bot}/pause")).await.expect("answered")).await;
    let nowhere = read(
        ask(format!("/api/v1/bots/{}/pause", Uuid::now_v7()))
            .await
            .expect("answered"),
    )
    .await;
    is_problem(&elsewhere, 404, "bot_not_found");
    assert_eq!(elsewhere.1["detail"], nowhere.1["detail"]);
}
