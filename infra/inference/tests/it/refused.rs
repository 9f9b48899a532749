//! The protocol, as clients see it: what is refused, and by which code.

use reqwest::Method;
use serde_json::{Value, json};

use crate::worker::{DIMENSIONS, answer, start};

const MODEL: &str = "embed";

/// One request that is refused: its body, the code, and the field that it names.
type Refused = (Value, &'static str, Option<&'static str>);

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_embedded_is_refused_by_a_code() {
    let worker = start().await;
    let long = "harbour ".repeat(600);
    let cases: Vec<Refused> = vec![
        (json!({"input": "a"}), "missing_required_parameter", Some("model")),
        (
            json!({"model": MODEL}),
            "missing_required_parameter",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": null}),
            "missing_required_parameter",
            Some("input"),
        ),
        (json!({"model": 1, "input": "a"}), "invalid_type", Some("model")),
        (
            json!({"model": MODEL, "input": {"text": "a"}}),
            "invalid_type",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": ["a", 1]}),
            "invalid_type",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": [1.5]}),
            "invalid_type",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": ["a"], "truncate": "yes"}),
            "invalid_type",
            Some("truncate"),
        ),
        (
            json!({"model": MODEL, "input": "a", "user": 1}),
            "invalid_type",
            Some("user"),
        ),
        (
            json!({"model": MODEL, "input": "a", "dimensions": "8"}),
            "invalid_type",
            Some("dimensions"),
        ),
        (
            json!({"model": MODEL, "input": "a", "dimensions": -1}),
            "invalid_type",
            Some("dimensions"),
        ),
        (
            json!({"model": MODEL, "input": "a", "dimensions": 0}),
            "invalid_value",
            Some("dimensions"),
        ),
        (
            json!({"model": MODEL, "input": "a", "dimensions": DIMENSIONS + 1}),
            "invalid_value",
            Some("dimensions"),
        ),
        (
            json!({"model": MODEL, "input": "a", "encoding_format": "hex"}),
            "invalid_value",
            Some("encoding_format"),
        ),
        (
            json!({"model": MODEL, "input": "a", "prompt_name": "none"}),
            "unknown_prompt",
            Some("prompt_name"),
        ),
        (
            json!({"model": MODEL, "input": [1], "prompt_name": "none"}),
            "invalid_value",
            Some("prompt_name"),
        ),
        (json!({"model": MODEL, "input": []}), "empty_input", Some("input")),
        (
            json!({"model": MODEL, "input": [[]]}),
            "empty_input",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": vec!["a"; 2049]}),
            "too_many_inputs",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": ["a", long]}),
            "context_length_exceeded",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": vec![5; 10_000]}),
            "context_length_exceeded",
            Some("input"),
        ),
        (
            json!({"model": MODEL, "input": [4_000_000_000u32]}),
            "unknown_token",
            Some("input"),
        ),
        (
            json!({"model": "org/rank", "input": "a"}),
            "wrong_task",
            Some("model"),
        ),
    ];
    for (body, code, param) in cases {
        let shown: String = body.to_string().chars().take(100).collect();
        let told = worker.embed(body).await;
        assert_eq!(told.error(), (400, code.to_owned()), "{shown}: {}", told.text);
        assert_eq!(told.json()["error"]["param"].as_str(), param, "{shown}");
        assert_eq!(told.json()["error"]["type"], "invalid_request_error");
    }
    let told = worker.embed(json!({"model": "none", "input": "a"})).await;
    assert_eq!(told.error(), (404, "model_not_found".to_owned()));
    let told = worker
        .embed(json!({"model": MODEL, "input": ["a", long]}))
        .await
        .json();
    let message = told["error"]["message"].as_str().expect("a text").to_owned();
    assert!(
        message.starts_with("input[1]: the text has ") && message.contains("tokens"),
        "{message}"
    );
    let cut = worker
        .embed(json!({"model": MODEL, "input": long, "truncate": true}))
        .await;
    assert_eq!(cut.status, 200, "{}", cut.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ranked_is_refused_by_a_code() {
    let worker = start().await;
    let name = "org/rank";
    let cases: Vec<Refused> = vec![
        (
            json!({"model": name, "documents": ["a"]}),
            "missing_required_parameter",
            Some("query"),
        ),
        (
            json!({"model": name, "query": "a"}),
            "missing_required_parameter",
            Some("documents"),
        ),
        (
            json!({"model": name, "query": " ", "documents": ["a"]}),
            "empty_input",
            Some("query"),
        ),
        (
            json!({"model": name, "query": "a".repeat((1 << 20) + 1), "documents": ["a"]}),
            "context_length_exceeded",
            Some("query"),
        ),
        (
            json!({"model": name, "query": "a", "documents": []}),
            "empty_input",
            Some("documents"),
        ),
        (
            json!({"model": name, "query": "a", "documents": "a"}),
            "invalid_type",
            Some("documents"),
        ),
        (
            json!({"model": name, "query": "a", "documents": [{"title": "a"}]}),
            "invalid_type",
            Some("documents"),
        ),
        (
            json!({"model": name, "query": ["a"], "documents": ["a"]}),
            "invalid_type",
            Some("query"),
        ),
        (
            json!({"model": name, "query": "a", "documents": ["a"], "top_n": 0}),
            "invalid_value",
            Some("top_n"),
        ),
        (
            json!({"model": name, "query": "a", "documents": vec!["a"; 2049]}),
            "too_many_inputs",
            Some("documents"),
        ),
        (
            json!({"model": name, "query": "a", "documents": ["b ".repeat(500)]}),
            "context_length_exceeded",
            Some("documents"),
        ),
        (
            json!({"model": MODEL, "query": "a", "documents": ["a"]}),
            "wrong_task",
            Some("model"),
        ),
    ];
    for (body, code, param) in cases {
        let shown: String = body.to_string().chars().take(100).collect();
        let told = worker.post("/v1/rerank", body).await;
        assert_eq!(told.error(), (400, code.to_owned()), "{shown}: {}", told.text);
        assert_eq!(told.json()["error"]["param"].as_str(), param, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_addresses_and_methods_have_the_protocols_errors() {
    let worker = start().await;
    for (method, path, expected) in [
        (Method::GET, "/", (404, "not_found")),
        (Method::POST, "/v1/chat/completions", (404, "not_found")),
        (Method::GET, "/v1/embeddings", (405, "method_not_allowed")),
        (Method::OPTIONS, "/v1/embeddings", (405, "method_not_allowed")),
        (Method::DELETE, "/v1/models/embed", (405, "method_not_allowed")),
    ] {
        let told = answer(worker.request(method.clone(), path)).await;
        let (status, code) = told.error();
        assert_eq!((status, code.as_str()), expected, "{method} {path}");
        assert_eq!(
            told.headers.contains_key("allow"),
            status == 405,
            "{method} {path}"
        );
    }
    let head = answer(worker.request(Method::HEAD, "/v1/models")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    let head = answer(worker.request(Method::HEAD, "/nowhere")).await;
    assert_eq!(head.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_is_refused() {
    let worker = start().await;
    let body = "{\"model\":\"embed\",\"input\":\"a\"}";
    for (name, value, status) in [
        ("content-type", "application/json; charset=utf-8", 200),
        ("content-type", "Application/JSON", 200),
        ("content-type", "text/plain", 415),
        ("content-type", "application/x-www-form-urlencoded", 415),
        ("content-encoding", "gzip", 415),
        ("content-encoding", "identity", 200),
    ] {
        let told = answer(
            worker
                .request(Method::POST, "/v1/embeddings")
                .header(name, value)
                .body(body),
        )
        .await;
        assert_eq!(told.status, status, "{name}: {value}: {}", told.text);
    }
    let bare = answer(worker.request(Method::POST, "/v1/embeddings").body(body)).await;
    assert_eq!(bare.status, 200, "a kind need not be named");
}
