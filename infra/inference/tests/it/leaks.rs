//! Many requests, of which some are given up, leave nothing behind.

use std::fs;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;
use serde_json::{Value, json};

use crate::command_line::Served;
use crate::worker::{Answer, PATIENCE, answer, models};

const REQUESTS: usize = 10_000;
const AT_ONCE: usize = 8;

/// What allocators may keep for later of it, whatever became of the requests.
const BYTES_MAX: u64 = 32 << 20;

/// A worker of a process of its own, whose memory and threads nobody else has.
struct Asked {
    served: Served,
    client: reqwest::Client,
}

impl Asked {
    async fn post(&self, body: &Value) -> Answer {
        answer(
            self.client
                .post(format!("{}/v1/embeddings", self.served.address))
                .json(body),
        )
        .await
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.client.get(format!("{}{path}", self.served.address))).await
    }

    /// One of ten is dropped at one point or another of its way.
    async fn ask(&self, number: usize) {
        let input = "harbour ".repeat(1 + number % 20);
        let body = json!({"model": "embed", "input": input, "truncate": true});
        let mut request = Box::pin(self.post(&body));
        if number.is_multiple_of(10) {
            for _ in 0..number % 70 {
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

    fn status(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.served.process())).expect("it runs");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .expect("the field");
        line.split_whitespace()
            .next()
            .expect("a number")
            .parse()
            .expect("a number")
    }

    /// Bytes and threads, when nothing is asked any more.
    async fn left(&self) -> (u64, u64) {
        let rest = "inference_requests_in_flight 0";
        while !self.get("/metrics").await.text.contains(rest)
            || self.get("/readyz").await.json()["queued_tokens"] != 0
        {
            tokio::task::yield_now().await;
        }
        (self.status("VmRSS:") << 10, self.status("Threads:"))
    }
}

async fn ask_many(asked: &Arc<Asked>, requests: usize) {
    let tasks = stream::iter(0..requests).map(|number| {
        let asked = asked.clone();
        tokio::spawn(async move { asked.ask(number).await })
    });
    tasks
        .buffer_unordered(AT_ONCE)
        .for_each(async |done| done.expect("it is answered"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_requests_leave_no_memory_and_no_thread() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("worker.toml"), models()).expect("it is written");
    let asked = Arc::new(Asked {
        served: Served::start(folder.path()),
        client: reqwest::Client::builder()
            .timeout(PATIENCE)
            .build()
            .expect("a client"),
    });
    while asked.get("/readyz").await.status != 200 {
        tokio::task::yield_now().await;
    }
    // Until pools and buffers have the size that they need.
    ask_many(&asked, 1_000).await;
    let (bytes_before, threads_before) = asked.left().await;
    ask_many(&asked, REQUESTS).await;
    let (bytes, threads) = asked.left().await;
    let (before, after) = (bytes_before >> 20, bytes >> 20);
    assert!(
        bytes < bytes_before + BYTES_MAX,
        "{before} MiB before, {after} MiB after"
    );
    assert!(
        threads <= threads_before,
        "{threads_before} threads before, {threads} after"
    );
}
