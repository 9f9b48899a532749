//! A request is a span, which continues the trace of whoever asks.

use inference::traces::Traces;
use reqwest::Method;
use serde_json::json;
use telemetry::test::collector;

use crate::worker::{Running, answer, config, models};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_continues_the_trace_of_whoever_asks() {
    let (endpoint, collected) = collector().await;
    let config = config(
        &models(),
        &[
            &format!("telemetry.endpoint={endpoint}/"),
            "telemetry.sample_percent=0",
        ],
    );
    let telemetry = config.telemetry.clone();
    let traces = tokio::task::spawn_blocking(move || Traces::start(&telemetry)).await;
    let traces = traces
        .expect("it ends")
        .expect("it starts")
        .expect("a collector is configured");
    let worker = Running::start(config, Some(traces.clone())).await;
    let ask = |parent: &'static str| {
        let request = worker
            .request(Method::POST, "/v1/embeddings")
            .header("traceparent", parent);
        answer(request.json(&json!({"model": "embed", "input": "a"})))
    };
    ask("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").await;
    // Neither what its caller does not keep, nor what nobody asked to be kept.
    ask("00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00").await;
    ask("nonsense").await;
    tokio::task::spawn_blocking(move || traces.flush())
        .await
        .expect("it ends");

    let spans = collected.lock().expect("nobody broke down").clone();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["model", "read", "wait", "compute", "POST /v1/embeddings"]);
    assert!(
        spans
            .iter()
            .all(|span| hex::encode(&span.trace_id) == "0af7651916cd43dd8448eb211c80319c")
    );
    let request = &spans[4];
    assert_eq!(hex::encode(&request.parent_span_id), "b7ad6b7169203331");
    assert!(
        spans[..4]
            .iter()
            .all(|span| span.parent_span_id == request.span_id)
    );
    let status = request
        .attributes
        .iter()
        .find(|attribute| attribute.key == "http.response.status_code");
    assert!(format!("{status:?}").contains("200"), "{status:?}");
}
