//! What a document may not ask, and what a schema keeps to itself.

use serde_json::json;

use super::{ask, codes};
use crate::server::TestServer;

#[tokio::test]
async fn a_document_that_asks_too_much_is_refused_before_it_is_executed() {
    let server = TestServer::start().await;
    let open = "bots { edges { node { conversations { edges { node { bot { ".repeat(3);
    let deep = format!("{{ {open} id {} }}", "}".repeat(open.matches('{').count()));
    let aliases: String = (0..60).map(|n| format!("a{n}: __typename ")).collect();
    let doubling: String = (0..40)
        .map(|n| format!("fragment F{n} on Query {{ ...F{} ...F{} }} ", n + 1, n + 1))
        .collect();
    for (query, code) in [
        (deep, "QUERY_TOO_DEEP"),
        (format!("{{ {} }}", "a(b: [".repeat(2_000)), "QUERY_TOO_DEEP"),
        ("{".repeat(100_000), "QUERY_TOO_DEEP"),
        (format!("{{ {aliases} }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ ...F0 }} {doubling} fragment F40 on Query {{ __typename }}"), "QUERY_TOO_COMPLEX"),
        (format!("{{ {} }}", "__typename @skip(if: false) ".repeat(60)), "QUERY_TOO_COMPLEX"),
        ("{ ...A } fragment A on Query { ...A }".to_owned(), "GRAPHQL_VALIDATION_FAILED"),
        (
            "{ bots(first: 100) { edges { node { conversations(first: 100) { edges { node { id } } } } } } }".to_owned(),
            "QUERY_TOO_COMPLEX",
        ),
        (
            "{ bots(first: 2147483647) { edges { node { conversations(last: 2147483647) { totalCount } } } } }".to_owned(),
            "QUERY_TOO_COMPLEX",
        ),
    ] {
        let answer = ask(&server, &query, json!({})).await;
        assert_eq!((codes(&answer), answer.get("data")), (vec![code], None), "{query:.80}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_document_is_told_by_code() {
    let server = TestServer::start().await;
    for (query, variables, code) in [
        ("{", json!({}), "GRAPHQL_PARSE_FAILED"),
        ("", json!({}), "GRAPHQL_PARSE_FAILED"),
        ("{ bots { nothing } }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        ("{ bots }", json!({}), "GRAPHQL_VALIDATION_FAILED"),
        (
            "query ($n: Int) { bots(first: $n) { totalCount } }",
            json!({ "n": "x" }),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "{ bots(state: ASLEEP) { totalCount } }",
            json!({}),
            "GRAPHQL_VALIDATION_FAILED",
        ),
        (
            "query A { __typename } query B { __typename }",
            json!({}),
            "OPERATION_RESOLUTION_FAILURE",
        ),
        ("{ sessions(botId: \"x\") { totalCount } }", json!({}), "BAD_ID"),
    ] {
        let answer = ask(&server, query, variables).await;
        assert_eq!(codes(&answer).first(), Some(&code), "{query}: {answer}");
    }
}

#[tokio::test]
async fn without_introspection_the_schema_is_neither_told_nor_hinted_at() {
    let server = TestServer::start().await;
    for query in [
        "{ __schema { types { name } } }",
        "{ __type(name: \"Bot\") { name } }",
    ] {
        let answer = ask(&server, query, json!({})).await;
        assert!(!answer.to_string().contains("Bot"), "{answer}");
    }
    let answer = ask(
        &server,
        "{ bot2 { name } bots(firs: 1) { totalCoun } }",
        json!({}),
    )
    .await;
    assert!(!answer.to_string().contains("Did you mean"), "{answer}");
}

#[tokio::test]
async fn with_introspection_a_tool_gets_the_whole_schema() {
    let server = TestServer::start_with(|settings| settings.graphql.introspection = true).await;
    let nested = "ofType { kind name ".repeat(9) + &"}".repeat(9);
    let query = format!(
        "{{ __schema {{ queryType {{ name }} types {{ kind name description
            fields(includeDeprecated: true) {{ name args {{ name type {{ kind name {nested} }} defaultValue }}
                type {{ kind name {nested} }} }}
            enumValues {{ name }} possibleTypes {{ kind name }} }} directives {{ name locations }} }} }}"
    );
    let answer = ask(&server, &query, json!({})).await;
    assert_eq!(codes(&answer), Vec::<&str>::new());
    assert!(
        answer["data"]["__schema"]["types"]
            .as_array()
            .is_some_and(|types| types.len() > 20)
    );
}
