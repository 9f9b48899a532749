//! Every route of the list, with every credential that does not do.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use api::{Access, Route, routes};
use chrono::{TimeDelta, Utc};
use domain::Permission;
use serde_json::Value;
use uuid::Uuid;

use crate::rest::{is_problem, read};
use crate::server::TestServer;

/// A path of the route in which every parameter is an id that names nothing.
pub fn sample(route: &Route) -> String {
    let mut path = String::new();
    for (at, part) in route.path.split(['{', '}']).enumerate() {
        match (at % 2, part) {
            (0, literal) => path.push_str(literal),
            (_, "*path") => path.push_str("js/chat.js"),
            (_, name) if name.ends_with("_id") => path.push_str(&Uuid::now_v7().to_string()),
            (_, _) => path.push_str("nobody"),
        }
    }
    path
}

async fn ask(server: &TestServer, route: &Route, token: Option<&str>) -> (u16, Value) {
    let mut request = server.request(route.method.clone(), &sample(route));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    read(request.send().await.expect("answered")).await
}

fn many() -> NonZeroU32 {
    NonZeroU32::new(100_000).expect("is not zero")
}

/// The names of a problem's members: the same for whoever is turned away.
fn shape(body: &Value) -> BTreeSet<&str> {
    body.as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn no_route_answers_a_credential_that_does_not_do() {
    let server = TestServer::start_with(|settings| settings.limits.failures_per_minute_max = many()).await;
    let yesterday = Utc::now() - TimeDelta::hours(1);
    let expired = server.token_until(Permission::ALL, yesterday).await;
    let revoked = server.token(Permission::ALL).await;
    let id = revoked.split('.').nth(1).expect("three parts").to_owned();
    server
        .delete(&format!("/api/v1/tokens/{id}"))
        .send()
        .await
        .expect("answered");
    let mut forged = server.administrator.clone();
    let last = if forged.ends_with('0') { '1' } else { '0' };
    forged.pop();
    forged.push(last);
    let credentials = [
        None,
        Some(""),
        Some("garbage"),
        Some("a.b.c"),
        Some(&*expired),
        Some(&*revoked),
        Some(&*forged),
    ];
    let mut shapes = BTreeSet::new();
    for route in routes() {
        if !matches!(
            route.access,
            Access::Token | Access::Permission(_) | Access::Session(_)
        ) {
            continue;
        }
        for credential in credentials {
            let answer = ask(&server, &route, credential).await;
            is_problem(&answer, 401, "unauthenticated");
            shapes.insert(
                shape(&answer.1)
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<Vec<_>>(),
            );
        }
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
}

#[tokio::test]
async fn no_route_answers_a_token_without_its_permission() {
    let server = TestServer::start().await;
    for route in routes() {
        let (Access::Permission(needed) | Access::Session(needed)) = route.access else {
            continue;
        };
        let others: Vec<_> = Permission::ALL
            .iter()
            .copied()
            .filter(|permission| *permission != needed)
            .collect();
        let answer = ask(&server, &route, Some(&server.token(&others).await)).await;
        is_problem(&answer, 403, "forbidden");
        assert!(
            answer.1["detail"]
                .as_str()
                .is_some_and(|text| text.contains(needed.as_str()))
        );
    }
}

#[tokio::test]
async fn a_socket_is_for_whoever_has_a_session() {
    let server = TestServer::start().await;
    for route in routes().iter().filter(|route| route.access == Access::Visitor) {
        let (status, body) = ask(&server, route, None).await;
        assert!((400..500).contains(&status), "{}: {status} {body}", route.path);
    }
}

#[tokio::test]
async fn open_routes_ask_for_nothing() {
    let server = TestServer::start().await;
    server.bot("nobody").await;
    for route in routes().iter().filter(|route| route.access == Access::Open) {
        let (status, body) = ask(&server, route, None).await;
        // Some need a bot to be named, or one whose scripts answer.
        let missing = ["bot_not_found", "webhook_not_found", "form_not_found"];
        assert!(
            status == 200 || missing.iter().any(|code| body["code"] == *code),
            "{}: {status} {body}",
            route.path
        );
    }
}

#[tokio::test]
async fn every_command_needs_a_permission_and_every_permission_of_a_verb_has_a_route() {
    for route in routes() {
        let command = route.path.starts_with("/api/v1/");
        assert_eq!(
            matches!(route.access, Access::Permission(_) | Access::Session(_)),
            command,
            "{}",
            route.path
        );
    }
    let read = |permission: &&Permission| !permission.as_str().ends_with(".read");
    let asked: BTreeSet<_> = routes()
        .iter()
        .filter_map(|route| match route.access {
            Access::Permission(permission) | Access::Session(permission) => Some(permission),
            _ => None,
        })
        .filter(|permission| read(&permission))
        .collect();
    assert_eq!(
        asked,
        Permission::ALL
            .iter()
            .copied()
            .filter(|permission| read(&permission))
            .collect()
    );
}

#[tokio::test]
async fn guessing_is_slowed_down_but_locks_nobody_out() {
    let two = NonZeroU32::new(2).expect("is not zero");
    let server = TestServer::start_with(|settings| settings.limits.failures_per_minute_max = two).await;
    let guess = || server.get("/graphql").bearer_auth("garbage").send();
    for _ in 0..2 {
        is_problem(
            &read(guess().await.expect("answered")).await,
            401,
            "unauthenticated",
        );
    }
    let slowed = guess().await.expect("answered");
    assert!(slowed.headers().contains_key("retry-after") && slowed.headers().contains_key("ratelimit"));
    is_problem(&read(slowed).await, 429, "too_many_requests");
    let good = server
        .post("/api/v1/bots", &serde_json::json!({ "name": "fine" }))
        .send()
        .await
        .expect("answered");
    assert_eq!(good.status(), 201);
}

#[tokio::test]
async fn refused_access_is_counted_once_for_each_reason_and_address() {
    let server = TestServer::start().await;
    let reader = server.token(&[Permission::BotRead]).await;
    for _ in 0..3 {
        server.get("/graphql").send().await.expect("answered");
        let create = server
            .request(reqwest::Method::POST, "/api/v1/bots")
            .bearer_auth(&reader);
        assert_eq!(create.send().await.expect("answered").status(), 403);
    }
    let commands = &server.edge.commands;
    let written = commands.denials().flush(commands.executor(), Utc::now()).await;
    assert_eq!(written.expect("the log takes them"), 2);
}
