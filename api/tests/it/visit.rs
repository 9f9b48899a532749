//! What a chat page asks before it opens its socket.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use commands::PackageFiles;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::rest::{is_problem, read};
use crate::server::TestServer;

async fn auth(server: &TestServer, bot: &str, credential: Option<&str>) -> (u16, Value) {
    let mut query = vec![("bot_name", bot)];
    query.extend(credential.map(|credential| ("session_id", credential)));
    read(
        server
            .get("/api/auth")
            .query(&query)
            .send()
            .await
            .expect("answered"),
    )
    .await
}

#[tokio::test]
async fn a_visitor_comes_back_to_their_session() {
    let server = TestServer::start().await;
    let bot_id = server.bot("helper").await;
    let (status, first) = auth(&server, "Helper", None).await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first["bot_id"], json!(bot_id));
    assert_eq!(
        (&first["bot_name"], &first["status"]),
        (&json!("helper"), &json!("anonymous"))
    );
    let credential = first["session_id"].as_str().expect("a credential");
    assert_eq!(
        auth(&server, "helper", Some(credential)).await,
        (200, first.clone())
    );
}

#[tokio::test]
async fn whoever_has_no_good_credential_is_somebody_new() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    server.bot("other").await;
    let (_, first) = auth(&server, "helper", None).await;
    let credential = first["session_id"].as_str().expect("a credential");
    let (id, secret) = credential.split_once('.').expect("id and secret");
    let forged = format!("{id}.{}", secret.chars().rev().collect::<String>());
    for (bot, credential) in [
        ("helper", &*forged),
        ("helper", "garbage"),
        ("helper", id),
        ("other", credential),
    ] {
        let (status, visitor) = auth(&server, bot, Some(credential)).await;
        assert_eq!(status, 200, "{visitor}");
        assert_ne!(visitor["user_id"], first["user_id"], "{credential}");
    }
}

#[tokio::test]
async fn the_default_bot_is_meant_where_none_is_named() {
    let server = TestServer::start_with(|settings| settings.default_bot = Some("helper".to_owned())).await;
    server.bot("helper").await;
    for path in [
        "/api/auth",
        "/api/auth?bot_name=",
        "/api/bot/config",
        "/api/bot/config?bot_name=",
    ] {
        let answer = server.get(path).send().await.expect("answered");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let (status, body) = read(answer).await;
        assert_eq!((status, &body["bot_name"]), (200, &json!("helper")), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_bot_is_not_found() {
    let server = TestServer::start().await;
    for path in [
        "/api/auth",
        "/api/auth?bot_name=nobody",
        "/api/bot/config",
        "/api/bot/config?bot_name=nobody",
    ] {
        is_problem(
            &read(server.get(path).send().await.expect("answered")).await,
            404,
            "bot_not_found",
        );
    }
}

#[tokio::test]
async fn a_paused_bot_admits_nobody_and_keeps_its_visitors() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await;
    let (_, first) = auth(&server, "helper", None).await;
    server
        .post(&format!("/api/v1/bots/{bot}/pause"), &json!({}))
        .send()
        .await
        .expect("answered");
    is_problem(&auth(&server, "helper", None).await, 409, "bot_paused");
    let known = auth(&server, "helper", first["session_id"].as_str()).await;
    assert_eq!(known, (200, first));
}

#[tokio::test]
async fn bots_of_other_organisations_are_not_found() {
    let server = TestServer::start().await;
    let (_, stranger) = server.stranger().await;
    let create = server
        .request(reqwest::Method::POST, "/api/v1/bots")
        .bearer_auth(stranger);
    assert_eq!(
        create
            .json(&json!({ "name": "theirs" }))
            .send()
            .await
            .expect("answered")
            .status(),
        201
    );
    is_problem(&auth(&server, "theirs", None).await, 404, "bot_not_found");
}

#[tokio::test]
async fn a_page_learns_words_and_colours_and_no_secrets() {
    let server = TestServer::start().await;
    let bot = server.bot("helper").await;
    let settings = [
        ("theme-title", "The Helper"),
        ("theme-color1", "#123456"),
        ("bot-description", "Helps"),
        ("llm-key", "hunter2"),
    ];
    let settings: BTreeMap<_, _> = settings
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    server
        .load(
            bot,
            "helper",
            &PackageFiles {
                settings,
                ..PackageFiles::default()
            },
        )
        .await;
    let answer = server
        .get("/api/bot/config?bot_name=helper")
        .send()
        .await
        .expect("answered");
    let (status, body) = read(answer).await;
    assert_eq!(status, 200);
    assert!(!body.to_string().contains("hunter2"));
    let expected = json!({
        "bot_id": bot, "bot_name": "helper", "title": "The Helper", "description": "Helps",
        "theme": { "color1": "#123456", "color2": null }
    });
    assert_eq!(body, expected);
}

/// A visit that claims to come from elsewhere.
fn from(server: &TestServer, address: &str) -> RequestBuilder {
    server
        .get("/api/auth?bot_name=helper")
        .header("x-forwarded-for", address)
}

#[tokio::test]
async fn visits_are_limited_by_address_and_nobody_gives_themselves_another() {
    let two = NonZeroU32::new(2).expect("is not zero");
    let server = TestServer::start_with(|settings| settings.limits.visits_per_minute_max = two).await;
    server.bot("helper").await;
    let first = from(&server, "192.0.2.1").send().await.expect("answered");
    assert_eq!(first.headers()["ratelimit-policy"], "\"visits\";q=2;w=60");
    assert_eq!(first.headers()["ratelimit"], "\"visits\";r=1;t=60");
    assert_eq!(
        from(&server, "192.0.2.2")
            .send()
            .await
            .expect("answered")
            .status(),
        200
    );
    let third = from(&server, "192.0.2.3").send().await.expect("answered");
    assert!(third.headers().contains_key("retry-after"));
    is_problem(&read(third).await, 429, "too_many_requests");
}

#[tokio::test]
async fn behind_a_trusted_proxy_visitors_are_told_apart() {
    let server = TestServer::start_with(|settings| {
        settings.limits.visits_per_minute_max = NonZeroU32::MIN;
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
    })
    .await;
    server.bot("helper").await;
    for (address, status) in [
        ("192.0.2.1", 200),
        ("192.0.2.2", 200),
        ("192.0.2.1", 429),
        ("6.6.6.6, 192.0.2.1", 429),
    ] {
        assert_eq!(
            from(&server, address).send().await.expect("answered").status(),
            status,
            "{address}"
        );
    }
}
