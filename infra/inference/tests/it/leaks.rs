//! Many requests, of which some are given up, leave nothing behind.

use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use inference::measures::{resident_bytes, threads};
use reqwest::Method;
use serde_json::json;

use crate::worker::{Running, answer, start};

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 64;

/// What the allocator and the system may keep of it, whatever became of the requests.
const BYTES_MAX: u64 = 96 << 20;

/// One of ten is dropped as soon as it may have been begun.
async fn ask(worker: &Running, number: usize) {
    let words = 1 + number % 40;
    let body =
        json!({"model": "embed", "input": ["harbour ".repeat(words), format!("{number}")], "truncate": true});
    let request = answer(worker.request(Method::POST, "/v1/embeddings").json(&body));
    if number % 10 == 0 {
        let mut request = Box::pin(request);
        for _ in 0..number % 7 {
            // As often as it takes to be sent, to be read, to be computed.
            if futures::poll!(&mut request).is_ready() {
                return;
            }
            tokio::task::yield_now().await;
        }
        return;
    }
    let told = request.await;
    assert!([200, 429].contains(&told.status.as_u16()), "{}", told.text);
}

async fn ask_many(worker: &Arc<Running>, requests: usize) {
    let asked = stream::iter(0..requests).map(|number| {
        let worker = worker.clone();
        tokio::spawn(async move { ask(&worker, number).await })
    });
    asked
        .buffer_unordered(AT_ONCE)
        .for_each(async |done| done.expect("it is answered"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_leave_no_memory_and_no_thread() {
    let worker = Arc::new(start().await);
    // Until pools and buffers have the size that they need.
    ask_many(&worker, 1_000).await;
    let (bytes_before, threads_before) = (
        resident_bytes().expect("it is told"),
        threads().expect("it is told"),
    );
    ask_many(&worker, REQUESTS).await;
    let zero = "inference_requests_in_flight 0";
    while !worker.get("/metrics").await.text.contains(zero) || queued(&worker).await > 0 {
        tokio::task::yield_now().await;
    }
    let (bytes, threads) = (
        resident_bytes().expect("it is told"),
        threads().expect("it is told"),
    );
    assert!(
        bytes < bytes_before + BYTES_MAX,
        "{} MiB before, {} MiB after",
        bytes_before >> 20,
        bytes >> 20
    );
    // Tests beside this one have threads of their own.
    assert!(
        threads < threads_before + 100,
        "{threads_before} threads before, {threads} after"
    );
}

async fn queued(worker: &Running) -> u64 {
    worker.get("/readyz").await.json()["queued_tokens"]
        .as_u64()
        .expect("a count")
}
