//! Against stand-in workers over HTTP: what becomes of calls when workers do what they should not.

mod answers;
mod bounds;
mod failing;
mod secure;
mod worker;

use std::time::Duration;

use llm::{WorkerSettings, Workers, WorkersSettings};
use worker::Worker;

/// Of these workers, asked seldom whether they are ready.
fn settings(workers: &[&Worker]) -> WorkersSettings {
    let worker = |worker: &&Worker| WorkerSettings {
        url: worker.url(),
        key: None,
        ca_file: None,
    };
    WorkersSettings {
        workers: workers.iter().map(worker).collect(),
        probe_ms: 60_000,
        ..WorkersSettings::default()
    }
}

/// Once each worker was asked whether it is ready: it will not be again within the test.
async fn client(workers: &[&Worker]) -> Workers {
    let workers_client = Workers::new(settings(workers)).unwrap();
    for worker in workers {
        worker.until_probed(1).await;
    }
    workers_client
}

/// Of whatever a test needs.
fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

/// Looks until it holds. What changes here tells nobody, as no product waits for it.
async fn until(holds: impl Fn() -> bool) {
    while !holds() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// With what caused it.
fn told(error: &llm::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
