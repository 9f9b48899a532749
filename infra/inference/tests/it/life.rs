//! A worker's life: it starts, takes over another configuration, and lets requests end before it stops.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::worker::{KEY, PATIENCE, Running, answer, config, keys, model, models, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ready_says_so_and_how_it_fares() {
    let worker = start().await;
    assert_eq!(worker.get("/livez").await.text, "{\"status\":\"live\"}");
    let ready = worker.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (200, &"ready".into())
    );
    worker.vector("something to count").await;
    worker.embed(json!({"model": "none", "input": "a"})).await;
    let metrics = worker.get("/metrics").await.text;
    for name in [
        "build_info{version=",
        "http_server_request_duration_seconds_bucket{method=\"POST\",route=\"/v1/embeddings\",status=\"200\"",
        "inference_batch_items_bucket",
        "inference_batch_tokens_bucket",
        "inference_forward_seconds_bucket{model=\"embed\"",
        "inference_model_bytes{model=\"embed\"}",
        "inference_padding_tokens_total{model=\"embed\"}",
        "inference_queue_tokens ",
        "inference_requests_refused_total{code=\"model_not_found\"}",
        "inference_stage_seconds_bucket{stage=\"compute\"",
        "inference_tokens_total{model=\"embed\"}",
        "process_resident_memory_bytes ",
        "process_threads ",
    ] {
        assert!(metrics.contains(name), "{name} is not among\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_configuration_brings_and_takes_models_and_keys() {
    let mut worker = Running::start(config(&models(), &[]), None).await;
    let newer = config(
        &(model("other", "mpnet") + &model("embed", "bert") + &keys()),
        &[],
    );
    worker.worker.reload(newer).await.expect("it is taken over");
    assert_eq!(
        worker.get("/v1/models").await.status,
        401,
        "keys are asked for from now on"
    );
    let list = answer(worker.request(Method::GET, "/v1/models").bearer_auth(KEY))
        .await
        .json();
    let names: Vec<_> = list["data"]
        .as_array()
        .expect("models")
        .iter()
        .map(|model| model["id"].clone())
        .collect();
    assert_eq!(names, ["other", "embed"]);
    assert_eq!(list["data"][0]["status"], "loaded");
    let request = worker.request(Method::POST, "/v1/rerank").bearer_auth(KEY);
    let gone = answer(request.json(&json!({"model": "org/rank", "query": "a", "documents": ["b"]}))).await;
    assert_eq!(gone.error(), (404, "model_not_found".to_owned()));
    assert_eq!(worker.get("/readyz").await.status, 200);
}

/// A request of which the body's end is still to come, and the end.
async fn begun(worker: &Running) -> (TcpStream, &'static [u8]) {
    let (head, end) = ("{\"model\":\"embed\",\"input\":", b"\"the last one\"}");
    let mut stream = TcpStream::connect(worker.address).await.expect("a connection");
    let request = format!(
        "POST /v1/embeddings HTTP/1.1\r\nhost: worker\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{head}",
        head.len() + end.len()
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    // It is being answered as soon as it is counted.
    while !worker
        .get("/metrics")
        .await
        .text
        .contains("inference_requests_in_flight 1")
    {
        tokio::task::yield_now().await;
    }
    (stream, end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_lets_requests_end_and_takes_no_more() {
    let worker = start().await;
    let (mut stream, end) = begun(&worker).await;
    worker.worker.leave();
    let ready = worker.get("/readyz").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.json()["status"]),
        (503, &"stopping".into())
    );
    let refused = worker.embed(json!({"model": "embed", "input": "a"})).await;
    assert_eq!(refused.error(), (503, "stopping".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(worker.get("/livez").await.status, 200);

    let address = worker.address;
    let stopped = tokio::spawn(worker.worker.stop());
    stream.write_all(end).await.expect("it is sent");
    let mut answered = String::new();
    stream.read_to_string(&mut answered).await.expect("an answer");
    assert!(answered.starts_with("HTTP/1.1 200 OK"), "{answered}");
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("in time")
        .expect("it ends");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_does_not_hold_the_worker() {
    let worker = Running::start(config(&models(), &["server.drain_ms=50"]), None).await;
    let (mut stream, _) = begun(&worker).await;
    let stopped = tokio::spawn(worker.worker.stop());
    tokio::time::timeout(PATIENCE, stopped)
        .await
        .expect("in time")
        .expect("it ends");
    let mut answered = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answered)).await;
    assert!(read.is_ok() && answered.is_empty(), "the connection is closed");
}
