//! GraphQL over HTTP: media types, statuses, methods.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::node;
use crate::rest::{is_problem, read};
use crate::server::TestServer;

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

async fn post(server: &TestServer, accept: Option<&str>, body: &Value) -> Response {
    let request = server.post("/graphql", body);
    let request = match accept {
        Some(accept) => request.header("accept", accept),
        None => request,
    };
    request.send().await.expect("answered")
}

fn media(response: &Response) -> String {
    response.headers()["content-type"]
        .to_str()
        .expect("visible")
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn the_status_depends_on_what_happened_and_on_the_media_type() {
    let server = TestServer::start().await;
    let query = |text: &str| json!({ "query": text });
    for (body, of_graphql, of_json, has_data) in [
        (query("{ __typename }"), 200, 200, true),
        (
            json!({ "query": "{ __typename }", "operationName": null, "variables": null, "extensions": {}, "more": 1 }),
            200,
            200,
            true,
        ),
        (query("{ bots(first: -1) { totalCount } }"), 200, 200, true),
        (query("{"), 400, 200, false),
        (query("{ nothing }"), 400, 200, false),
        (query("mutation { a }"), 400, 200, false),
        (
            json!({ "query": "query ($id: ID!) { bot(id: $id) { id } }", "variables": { "id": null } }),
            400,
            200,
            false,
        ),
        (
            json!({ "query": "query ($n: Int) { bots(first: $n) { totalCount } }", "variables": { "n": "x" } }),
            400,
            200,
            false,
        ),
        (
            json!({ "query": "query A { a: __typename }", "operationName": "B" }),
            400,
            200,
            false,
        ),
        (json!({ "query": 1 }), 400, 400, false),
        (json!({ "nothing": 1 }), 400, 400, false),
        (
            json!({ "query": "{ __typename }", "operationName": 1 }),
            400,
            400,
            false,
        ),
        (
            json!({ "query": "{ __typename }", "variables": [] }),
            400,
            400,
            false,
        ),
        (json!([{ "query": "{ __typename }" }]), 400, 400, false),
    ] {
        for (accept, status, expected) in [
            (Some(GRAPHQL), of_graphql, GRAPHQL),
            (Some(JSON), of_json, JSON),
            (Some("*/*"), of_json, JSON),
        ] {
            let response = post(&server, accept, &body).await;
            assert_eq!(media(&response), expected, "{body}");
            let (found, answer) = read(response).await;
            assert_eq!(
                (found, answer.get("data").is_some()),
                (status, has_data),
                "{body} as {accept:?}: {answer}"
            );
            for error in answer["errors"].as_array().into_iter().flatten() {
                assert!(
                    error["message"].is_string() && error["extensions"]["code"].is_string(),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_client_that_accepts_neither_is_told_so() {
    let server = TestServer::start().await;
    assert_eq!(
        post(&server, Some("text/html"), &json!({ "query": "{ __typename }" }))
            .await
            .status(),
        406
    );
}

#[tokio::test]
async fn queries_pass_with_get_and_mutations_do_not() {
    let server = TestServer::start().await;
    let get = |query: &'static [(&'static str, &'static str)]| {
        server
            .get("/graphql")
            .bearer_auth(&server.administrator)
            .query(query)
            .send()
    };
    let (status, answer) = read(
        get(&[("query", "{ __typename }"), ("variables", "{}")])
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(
        (status, answer),
        (200, json!({ "data": { "__typename": "Query" } }))
    );
    let refused = get(&[("query", "mutation { a }")]).await.expect("answered");
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
    assert_eq!(get(&[]).await.expect("answered").status(), 400);
    assert_eq!(
        get(&[("query", "{ __typename }"), ("variables", "{")])
            .await
            .expect("answered")
            .status(),
        400
    );
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_not_read() {
    let server = TestServer::start().await;
    for (kind, body, status) in [
        (None, r#"{ "query": "{ __typename }" }"#, 415),
        (Some("text/plain"), r#"{ "query": "{ __typename }" }"#, 415),
        (
            Some("application/x-www-form-urlencoded"),
            "query={__typename}",
            415,
        ),
        (Some("application/json; charset=utf-16"), "{}", 415),
        (Some("application/json"), "", 400),
        (Some("application/json"), "{", 400),
        (
            Some("application/json; charset=utf-8"),
            r#"{ "query": "{ __typename }" }"#,
            200,
        ),
    ] {
        let request = server
            .request(Method::POST, "/graphql")
            .bearer_auth(&server.administrator)
            .body(body);
        let request = match kind {
            Some(kind) => request.header("content-type", kind),
            None => request,
        };
        let (found, answer) = read(request.send().await.expect("answered")).await;
        assert_eq!(found, status, "{kind:?} {body}: {answer}");
    }
    let long = json!({ "query": format!("# {}", "x".repeat(300 * 1024)) });
    assert_eq!(post(&server, None, &long).await.status(), 413);
}

#[tokio::test]
async fn who_asks_must_say_who_they_are() {
    let server = TestServer::start().await;
    let body = json!({ "query": "{ __typename }" });
    for token in [None, Some("nonsense")] {
        let request = server.request(Method::POST, "/graphql").json(&body);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        is_problem(
            &read(request.send().await.expect("answered")).await,
            401,
            "unauthenticated",
        );
    }
    let upgrade = server
        .get("/graphql")
        .header("connection", "upgrade")
        .header("upgrade", "websocket");
    assert_eq!(upgrade.send().await.expect("answered").status(), 401);
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = server
            .request(method, "/graphql")
            .bearer_auth(&server.administrator);
        assert_eq!(request.send().await.expect("answered").status(), 405);
    }
}

/// The yardstick of the world outside.
#[tokio::test]
async fn the_public_audits_pass() {
    let server = TestServer::start_with(|settings| settings.graphql.introspection = true).await;
    let (url, token) = (server.url("/graphql"), server.administrator.as_str());
    node::run("graphql_http", "audit.mjs", &[&url, token]).await;
}

#[tokio::test]
async fn fields_come_in_the_order_in_which_they_are_asked_for() {
    let server = TestServer::start().await;
    let query = "{ z: __typename projections { items { position name } head } a: __typename }";
    let answer = post(&server, None, &json!({ "query": query })).await;
    let text = answer.text().await.expect("a body");
    let places: Vec<_> = ["\"z\"", "\"position\"", "\"name\"", "\"head\"", "\"a\""]
        .iter()
        .map(|key| text.find(key).expect("is answered"))
        .collect();
    assert!(places.is_sorted(), "{text}");
}
