//! The protocol, as clients see it: what is answered.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::worker::{DIMENSIONS, answer, floats, start};

const MODEL: &str = "embed";

#[tokio::test(flavor = "multi_thread")]
async fn vectors_come_for_texts_and_for_token_ids() {
    let worker = start().await;
    let one = worker
        .embed(json!({"model": MODEL, "input": "the ferry", "user": "u", "unknown": [{}]}))
        .await;
    assert_eq!(one.status, 200, "{}", one.text);
    let told = one.json();
    assert_eq!(told["object"], "list");
    assert_eq!(told["model"], MODEL);
    assert_eq!(told["data"][0]["object"], "embedding");
    let first = floats(&told["data"][0]["embedding"]);
    assert_eq!(first.len(), DIMENSIONS);
    let tokens = told["usage"]["total_tokens"].as_u64().expect("a count");
    assert!(
        tokens >= 3 && told["usage"]["prompt_tokens"] == tokens,
        "{}",
        told["usage"]
    );

    let many = worker
        .embed(json!({"model": MODEL, "input": ["another", "the ferry", "another"]}))
        .await
        .json();
    let data = many["data"].as_array().expect("vectors");
    let indexes: Vec<_> = data.iter().map(|item| item["index"].as_u64()).collect();
    assert_eq!(indexes, [Some(0), Some(1), Some(2)]);
    let again = floats(&data[1]["embedding"]);
    assert!(first.iter().zip(&again).all(|(a, b)| (a - b).abs() < 1e-5));

    let ids = worker
        .embed(json!({"model": MODEL, "input": [2, 5, 6, 3]}))
        .await
        .json();
    assert_eq!(ids["usage"]["total_tokens"], 4);
    let lists = worker
        .embed(json!({"model": MODEL, "input": [[2, 5, 6, 3], [2, 9, 3]]}))
        .await
        .json();
    assert_eq!(lists["usage"]["total_tokens"], 7);
    let (one, other) = (
        floats(&ids["data"][0]["embedding"]),
        floats(&lists["data"][0]["embedding"]),
    );
    assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-5));
}

#[tokio::test(flavor = "multi_thread")]
async fn base64_holds_the_same_floats() {
    let worker = start().await;
    let body = |format: Value| json!({"model": MODEL, "input": "the ferry", "encoding_format": format});
    let plain = floats(&worker.embed(body(Value::Null)).await.json()["data"][0]["embedding"]);
    let coded = worker.embed(body("base64".into())).await.json();
    let bytes = STANDARD
        .decode(coded["data"][0]["embedding"].as_str().expect("a text"))
        .expect("base64");
    let decoded: Vec<f32> = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four))
        .collect();
    assert_eq!(plain, decoded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vector_is_cut_to_the_dimensions_that_are_asked_for() {
    let worker = start().await;
    let whole = worker.vector("the ferry").await;
    let cut = worker
        .embed(json!({"model": MODEL, "input": "the ferry", "dimensions": 8}))
        .await
        .json();
    let cut = floats(&cut["data"][0]["embedding"]);
    assert_eq!(cut.len(), 8);
    let length = cut.iter().map(|value| value * value).sum::<f32>().sqrt();
    assert!((length - 1.0).abs() < 1e-5, "{length}");
    let scale = whole[0] / cut[0];
    assert!(whole.iter().zip(&cut).all(|(a, b)| (a - b * scale).abs() < 1e-5));
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_come_in_order_of_their_scores() {
    let worker = start().await;
    let documents = json!(["the harbour", {"text": "a ferry at dusk", "id": 7}, "rain"]);
    let body = json!({
        "model": "org/rank", "query": "when does the ferry leave",
        "documents": documents, "return_documents": true,
    });
    let told = worker.post("/v1/rerank", body).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let told = told.json();
    let results = told["results"].as_array().expect("results");
    assert_eq!(results.len(), 3);
    let scores: Vec<f64> = results
        .iter()
        .map(|item| item["relevance_score"].as_f64().expect("a score"))
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|score| (0.0..=1.0).contains(score)));
    let texts = ["the harbour", "a ferry at dusk", "rain"];
    for item in results {
        let index = item["index"].as_u64().expect("an index") as usize;
        assert_eq!(item["document"]["text"], texts[index]);
    }
    assert!(told["usage"]["total_tokens"].as_u64() > Some(9) && told["id"].is_string());

    let body = json!({"model": "org/rank", "query": "q", "documents": ["a", "b", "c"], "top_n": 2});
    let top = worker.post("/v1/rerank", body).await.json();
    assert_eq!(top["results"].as_array().map(Vec::len), Some(2));
    assert!(top["results"][0].get("document").is_none());
    let body = json!({"model": "rank-3", "query": "q", "documents": ["a"]});
    let classes = worker.post("/v1/rerank", body).await.json();
    assert!(
        classes["results"][0]["relevance_score"]
            .as_f64()
            .is_some_and(|score| (0.0..1.0).contains(&score))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn models_are_told_by_names_that_may_hold_slashes() {
    let worker = start().await;
    let list = worker.get("/v1/models").await.json();
    let names: Vec<_> = list["data"]
        .as_array()
        .expect("models")
        .iter()
        .map(|model| model["id"].clone())
        .collect();
    assert_eq!(names, ["embed", "org/rank", "rank-3"]);
    let model = &list["data"][0];
    assert_eq!(
        (&model["object"], &model["status"], &model["task"]),
        (&"model".into(), &"loaded".into(), &"embed".into())
    );
    assert_eq!(model["dimensions"], DIMENSIONS);
    assert!(
        model["created"].as_u64() > Some(0) && model["bytes"].as_u64() > Some(0),
        "{model}"
    );
    for path in ["/v1/models/org/rank", "/v1/models/org%2Frank"] {
        let one = worker.get(path).await;
        assert_eq!(
            (one.status.as_u16(), &one.json()["task"]),
            (200, &"rerank".into())
        );
    }
    assert_eq!(
        worker.get("/v1/models/org").await.error(),
        (404, "model_not_found".to_owned())
    );
    assert_eq!(
        worker.get("/v1/models/%ff").await.error(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_leaves_and_comes_back() {
    let worker = start().await;
    let told = worker.post("/v1/models/embed/unload", json!(null)).await;
    assert_eq!(
        (told.status.as_u16(), &told.json()["status"]),
        (200, &"absent".into())
    );
    assert_eq!(
        worker.get("/readyz").await.status,
        200,
        "a model that was taken out is not awaited"
    );
    let told = worker.post("/v1/models/embed/load", json!(null)).await;
    assert_eq!(told.json()["status"], "loaded");
    worker.post("/v1/models/embed/unload", json!(null)).await;
    worker.vector("it comes with the first request").await;
    for (path, code) in [
        ("/v1/models/none/load", "model_not_found"),
        ("/v1/models/embed/burn", "not_found"),
        ("/v1/models/embed", "not_found"),
    ] {
        assert_eq!(
            worker.post(path, json!(null)).await.error(),
            (404, code.to_owned()),
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_the_id_that_its_client_gave_it() {
    let worker = start().await;
    let told = answer(
        worker
            .request(Method::GET, "/v1/models")
            .header("x-request-id", "mine-7"),
    )
    .await;
    assert_eq!(told.headers["x-request-id"], "mine-7");
    let long = "x".repeat(500);
    for unfit in ["with blank", "", &long] {
        let told = answer(
            worker
                .request(Method::GET, "/nowhere")
                .header("x-request-id", unfit),
        )
        .await;
        let id = told.headers["x-request-id"].to_str().expect("a text");
        assert!(id.starts_with("req_") && id.len() == 36, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_want_its_answer_sooner() {
    let worker = start().await;
    let many: Vec<String> = (0..2048).map(|at| format!("harbour {at} ").repeat(5)).collect();
    let ask = |millis: &str, input: Value| {
        let request = worker
            .request(Method::POST, "/v1/embeddings")
            .header("x-request-timeout-ms", millis);
        answer(request.json(&json!({"model": MODEL, "input": input, "truncate": true})))
    };
    assert_eq!(
        ask("1", json!(many)).await.error(),
        (504, "deadline_exceeded".to_owned())
    );
    assert_eq!(ask("60000", json!("a")).await.status, 200);
    for wrong in ["0", "-1", "soon", "1.5"] {
        let told = ask(wrong, json!("a")).await;
        assert_eq!(told.error(), (400, "invalid_value".to_owned()), "{wrong}");
        assert_eq!(told.json()["error"]["param"], "x-request-timeout-ms");
    }
}
