//! What starts scripts: seen over GraphQL, paused, resumed and started over REST.

use std::collections::BTreeMap;

use commands::PackageFiles;
use domain::{BotId, Permission};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::graphql::{ask_as, codes, create_bot, data};
use crate::rest::{is_problem, read};
use crate::server::TestServer;

const SCHEDULES: &str = "query ($b: ID!, $after: String) { bot(id: $b) { schedules(first: 1, after: $after) { totalCount
    pageInfo { hasNextPage endCursor } edges { node { id script cause cron timezone state pausedAt nextAt lastAt
    lastRun { id } } } } } }";

async fn bot_with(server: &TestServer, scripts: &[(&str, &str)]) -> BotId {
    let (bot, token) = create_bot(server, "clock").await;
    server.settle(&token).await;
    let bot: BotId = bot.parse().expect("an id");
    let source = |(name, source): &(&str, &str)| ((*name).to_owned(), source.as_bytes().to_vec());
    let files = PackageFiles {
        scripts: scripts.iter().map(source).collect::<BTreeMap<_, _>>(),
        settings: BTreeMap::from([("timezone".to_owned(), "Europe/Lisbon".to_owned())]),
        ..PackageFiles::default()
    };
    server.load(bot, "clock", &files).await;
    bot
}

async fn post(server: &TestServer, token: &str, path: &str) -> (u16, Value) {
    let request = server.request(reqwest::Method::POST, path).bearer_auth(token);
    read(request.send().await.expect("answered")).await
}

#[tokio::test]
async fn schedules_are_seen_paused_resumed_and_started() {
    let server = TestServer::start().await;
    let scripts = [
        ("report", "SET SCHEDULE \"0 9 * * *\"\nPRINT 1\n"),
        ("tidy", "SET SCHEDULE \"30 2 * * 0\"\nPRINT 2\n"),
    ];
    let bot = bot_with(&server, &scripts).await.to_string();
    let found = data(&server, SCHEDULES, json!({ "b": bot })).await;
    let list = &found["bot"]["schedules"];
    assert_eq!(
        (&list["totalCount"], &list["pageInfo"]["hasNextPage"]),
        (&json!(2), &json!(true))
    );
    let report = list["edges"][0]["node"].clone();
    assert_eq!(
        [
            &report["script"],
            &report["cause"],
            &report["cron"],
            &report["timezone"],
            &report["state"]
        ],
        [
            &json!("report"),
            &json!("PACKAGE"),
            &json!("0 9 * * *"),
            &json!("Europe/Lisbon"),
            &json!("ACTIVE")
        ]
    );
    assert!(
        report["nextAt"].is_string() && report["lastAt"].is_null(),
        "{report}"
    );
    let after = &list["pageInfo"]["endCursor"];
    let rest = data(&server, SCHEDULES, json!({ "b": bot, "after": after })).await;
    assert_eq!(rest["bot"]["schedules"]["edges"][0]["node"]["script"], "tidy");

    let path = |verb: &str| {
        format!(
            "/api/v1/schedules/{}/{verb}",
            report["id"].as_str().expect("an id")
        )
    };
    let administrator = server.administrator.clone();
    for (verb, changes) in [
        ("pause", true),
        ("pause", false),
        ("resume", true),
        ("start", true),
        ("pause", true),
    ] {
        let (status, body) = post(&server, &administrator, &path(verb)).await;
        assert_eq!(
            (status, body["token"].is_string()),
            (200, changes),
            "{verb} {body}"
        );
    }
    let found = data(&server, SCHEDULES, json!({ "b": bot })).await;
    let report = &found["bot"]["schedules"]["edges"][0]["node"];
    assert_eq!(report["state"], "PAUSED");
    assert!(
        report["nextAt"].is_null() && report["lastAt"].is_string(),
        "{report}"
    );

    // Another organisation's schedule looks like none.
    let (_, stranger) = server.stranger().await;
    for verb in ["pause", "resume", "start"] {
        is_problem(
            &post(&server, &stranger, &path(verb)).await,
            404,
            "schedule_not_found",
        );
        let unknown = format!("/api/v1/schedules/{}/{verb}", Uuid::now_v7());
        is_problem(
            &post(&server, &administrator, &unknown).await,
            404,
            "schedule_not_found",
        );
    }
    let paused = post(&server, &administrator, &format!("/api/v1/bots/{bot}/pause")).await;
    assert_eq!(paused.0, 200);
    is_problem(
        &post(&server, &administrator, &path("start")).await,
        409,
        "bot_paused",
    );
}

#[tokio::test]
async fn triggers_are_seen_and_a_cursor_of_another_list_is_refused() {
    let server = TestServer::start().await;
    let scripts = [
        ("apply", "ON FORM SUBMIT \"membership\"\nPRINT 1\n"),
        (
            "watch",
            "ON CHANGE \"in/\" EVENTS \"create\"\nON UPDATE OF \"orders\"\nWEBHOOK \"orders/new\"\nSET SCHEDULE \"0 9 * * *\"\nPRINT 1\n",
        ),
    ];
    let bot = bot_with(&server, &scripts).await.to_string();
    let query = "query ($b: ID!) { bot(id: $b) { triggers { totalCount edges { cursor node { script kind target operations } } } } }";
    let found = data(&server, query, json!({ "b": bot })).await;
    let edges = found["bot"]["triggers"]["edges"]
        .as_array()
        .expect("a list")
        .clone();
    let nodes: Vec<&Value> = edges.iter().map(|edge| &edge["node"]).collect();
    assert_eq!(
        nodes,
        [
            &json!({"script": "apply", "kind": "FORM", "target": "membership", "operations": null}),
            &json!({"script": "watch", "kind": "FILES", "target": "in/", "operations": "create"}),
            &json!({"script": "watch", "kind": "ROWS", "target": "orders", "operations": "update"}),
            &json!({"script": "watch", "kind": "WEBHOOK", "target": "orders/new", "operations": null}),
        ]
    );
    let bots = data(&server, "{ bots { edges { cursor } } }", json!({})).await;
    let foreign = &bots["bots"]["edges"][0]["cursor"];
    let answer = ask_as(
        &server,
        &server.administrator,
        SCHEDULES,
        json!({ "b": bot, "after": foreign }),
    )
    .await;
    assert_eq!(codes(&answer), ["BAD_CURSOR"]);
    // Whoever may not read runs sees the schedule without them.
    let token = server.token(&[Permission::BotRead]).await;
    let query = "query ($b: ID!) { bot(id: $b) { schedules { edges { node { script lastRun { id } } } } } }";
    let answer = ask_as(&server, &token, query, json!({ "b": bot })).await;
    assert_eq!(codes(&answer), ["FORBIDDEN"]);
    assert_eq!(
        answer["data"]["bot"]["schedules"]["edges"][0]["node"]["script"],
        "watch"
    );
}
