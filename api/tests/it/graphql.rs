//! Reads over GraphQL: pages, read-your-writes, rights, and what must not be told.

mod limits;
mod nouns;
mod protocol;
mod subscriptions;

use domain::Permission;
use serde_json::{Value, json};

use crate::rest::read;
use crate::server::TestServer;

/// Asks with a token, as most clients do.
pub async fn ask_as(server: &TestServer, token: &str, query: &str, variables: Value) -> Value {
    let request = server
        .request(reqwest::Method::POST, "/graphql")
        .bearer_auth(token);
    let body = json!({ "query": query, "variables": variables });
    let (status, answer) = read(request.json(&body).send().await.expect("answered")).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

pub async fn ask(server: &TestServer, query: &str, variables: Value) -> Value {
    ask_as(server, &server.administrator, query, variables).await
}

/// Asks for data and gets it.
pub async fn data(server: &TestServer, query: &str, variables: Value) -> Value {
    let mut answer = ask(server, query, variables).await;
    assert_eq!(answer.get("errors"), None, "{answer}");
    answer["data"].take()
}

/// The codes of an answer's errors.
pub fn codes(answer: &Value) -> Vec<&str> {
    let errors = answer["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors
        .iter()
        .map(|error| {
            error["extensions"]["code"]
                .as_str()
                .expect("every error has a code")
        })
        .collect()
}

/// Creates a bot over REST; its id and read token.
pub async fn create_bot(server: &TestServer, name: &str) -> (String, String) {
    let created = server
        .post("/api/v1/bots", &json!({ "name": name }))
        .send()
        .await
        .expect("answered");
    let (status, body) = read(created).await;
    assert_eq!(status, 201, "{body}");
    let text = |name: &str| body[name].as_str().expect("is a text").to_owned();
    (text("bot_id"), text("token"))
}

fn names(list: &Value) -> Vec<&str> {
    let edges = list["edges"].as_array().expect("a list has edges");
    edges
        .iter()
        .map(|edge| edge["node"]["name"].as_str().expect("a bot has a name"))
        .collect()
}

const BOTS: &str =
    "query ($first: Int, $after: String, $last: Int, $before: String, $name: String, $state: BotState) {
    bots(first: $first, after: $after, last: $last, before: $before, name: $name, state: $state) {
        totalCount edges { cursor node { name } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }";

#[tokio::test]
async fn a_list_is_paged_in_both_directions() {
    let server = TestServer::start().await;
    let mut token = String::new();
    for name in ["b1", "b2", "b3", "b4", "b5"] {
        (_, token) = create_bot(&server, name).await;
    }
    server.settle(&token).await;

    let first = data(&server, BOTS, json!({ "first": 2 })).await["bots"].take();
    assert_eq!(
        (names(&first), &first["totalCount"]),
        (vec!["b5", "b4"], &json!(5))
    );
    assert_eq!(first["pageInfo"]["hasNextPage"], true);
    assert_eq!(first["pageInfo"]["endCursor"], first["edges"][1]["cursor"]);
    let next = json!({ "first": 3, "after": first["pageInfo"]["endCursor"] });
    let rest = data(&server, BOTS, next).await["bots"].take();
    assert_eq!(
        (names(&rest), &rest["pageInfo"]["hasNextPage"]),
        (vec!["b3", "b2", "b1"], &json!(false))
    );

    let last = data(&server, BOTS, json!({ "last": 2 })).await["bots"].take();
    assert_eq!(
        (names(&last), &last["pageInfo"]["hasPreviousPage"]),
        (vec!["b2", "b1"], &json!(true))
    );
    let before = json!({ "last": 2, "before": last["pageInfo"]["startCursor"] });
    assert_eq!(names(&data(&server, BOTS, before).await["bots"]), ["b4", "b3"]);
    assert_eq!(
        names(&data(&server, BOTS, json!({ "name": "B3" })).await["bots"]),
        ["b3"]
    );
    let empty = data(&server, BOTS, json!({ "state": "PAUSED" })).await["bots"].take();
    assert_eq!(
        (names(&empty), &empty["pageInfo"]["startCursor"]),
        (vec![], &Value::Null)
    );
}

#[tokio::test]
async fn a_page_that_cannot_be_asked_for_is_refused_with_its_code() {
    let server = TestServer::start().await;
    for (variables, code) in [
        (json!({ "first": -1 }), "BAD_PAGE"),
        (json!({ "first": 101 }), "BAD_PAGE"),
        (json!({ "first": 1, "last": 1 }), "BAD_PAGE"),
        (json!({ "after": "!" }), "BAD_CURSOR"),
        (json!({ "after": "cC43" }), "BAD_CURSOR"),
    ] {
        let answer = ask(&server, BOTS, variables.clone()).await;
        assert_eq!(
            (codes(&answer), &answer["data"]),
            (vec![code], &json!({ "bots": null })),
            "{variables}"
        );
        assert_eq!(answer["errors"][0]["path"], json!(["bots"]));
    }
}

#[tokio::test]
async fn a_read_that_waits_for_a_command_shows_it() {
    let server = TestServer::start().await;
    for n in 0..10 {
        let (id, token) = create_bot(&server, &format!("bot-{n}")).await;
        let query = "query ($id: ID!, $t: String) { organisation { name } bot(id: $id, waitFor: $t) { id name state } }";
        let answer = data(&server, query, json!({ "id": id, "t": token })).await;
        assert_eq!(
            answer["bot"],
            json!({ "id": id, "name": format!("bot-{n}"), "state": "ACTIVE" })
        );
        assert_eq!(answer["organisation"]["name"], "Test");
    }
}

#[tokio::test]
async fn a_token_that_is_none_or_never_comes_is_told_apart() {
    let server = TestServer::start().await;
    let (_, token) = create_bot(&server, "helper").await;
    let query = "query ($t: String) { bots(waitFor: $t) { totalCount } }";
    assert_eq!(
        codes(&ask(&server, query, json!({ "t": "nonsense" })).await),
        ["BAD_TOKEN"]
    );
    let mut never: event_log::Token = token.parse().expect("a read token");
    never.seq_no += 1_000_000;
    assert_eq!(
        codes(&ask(&server, query, json!({ "t": never.to_string() })).await),
        ["WAIT_TIMEOUT"]
    );
    never.epoch += 1;
    assert_eq!(
        codes(&ask(&server, query, json!({ "t": never.to_string() })).await),
        ["BAD_TOKEN"]
    );
}

#[tokio::test]
async fn each_field_needs_its_permission_and_hides_no_other() {
    let server = TestServer::start().await;
    let (_, token) = create_bot(&server, "helper").await;
    server.settle(&token).await;
    let all = [
        ("organisation { name }", Permission::OrganisationRead),
        (
            "organisations { edges { node { id } } }",
            Permission::OrganisationRead,
        ),
        ("bots { totalCount }", Permission::BotRead),
        ("sessions { totalCount }", Permission::SessionRead),
        ("conversations { totalCount }", Permission::ConversationRead),
        ("runs { totalCount }", Permission::RunRead),
        ("projections { head }", Permission::ProjectionRead),
        ("parkedEvents { totalCount }", Permission::ProjectionRead),
    ];
    for (field, permission) in all {
        let lacking: Vec<_> = Permission::ALL
            .iter()
            .copied()
            .filter(|other| *other != permission)
            .collect();
        let answer = ask_as(
            &server,
            &server.token(&lacking).await,
            &format!("{{ __typename {field} }}"),
            json!({}),
        )
        .await;
        assert_eq!(
            (codes(&answer), &answer["data"]["__typename"]),
            (vec!["FORBIDDEN"], &json!("Query")),
            "{field}"
        );
        let name = answer["errors"][0]["path"][0]
            .as_str()
            .expect("an error has its place");
        assert_eq!(answer["data"][name], Value::Null);
        let answer = ask_as(
            &server,
            &server.token(&[permission]).await,
            &format!("{{ {field} }}"),
            json!({}),
        )
        .await;
        assert_eq!(codes(&answer), Vec::<&str>::new(), "{field}: {answer}");
    }
}

#[tokio::test]
async fn what_belongs_to_another_organisation_looks_as_if_it_were_not() {
    let server = TestServer::start().await;
    let (id, token) = create_bot(&server, "helper").await;
    server.settle(&token).await;
    let (_, stranger) = server.stranger().await;
    let missing = uuid::Uuid::now_v7().to_string();
    for noun in ["bot", "session", "conversation", "run", "node"] {
        let query = format!("query ($id: ID!) {{ {noun}(id: $id) {{ id }} }}");
        let of_other = ask_as(&server, &stranger, &query, json!({ "id": id })).await;
        let of_none = ask_as(&server, &stranger, &query, json!({ "id": missing })).await;
        let malformed = ask_as(&server, &stranger, &query, json!({ "id": "x" })).await;
        assert_eq!(of_other, json!({ "data": { noun: null } }));
        assert_eq!((&of_none, &malformed), (&of_other, &of_other));
    }
    let lists =
        "query ($id: ID) { bots { totalCount edges { node { id } } } sessions(botId: $id) { totalCount }
        conversations(botId: $id) { totalCount } runs(botId: $id) { totalCount } }";
    let answer = ask_as(&server, &stranger, lists, json!({ "id": id })).await;
    assert_eq!(answer["data"]["bots"], json!({ "totalCount": 0, "edges": [] }));
    for list in ["sessions", "conversations", "runs"] {
        assert_eq!(answer["data"][list]["totalCount"], 0);
    }
}
