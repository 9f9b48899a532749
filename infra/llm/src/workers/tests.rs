use super::*;

fn nobody() -> WorkersSettings {
    let worker = WorkerSettings {
        // Nobody serves on the port for discarding.
        url: "http://127.0.0.1:9".to_owned(),
        key: None,
        ca_file: None,
    };
    WorkersSettings {
        workers: vec![worker],
        probe_ms: 1,
        ..WorkersSettings::default()
    }
}

#[tokio::test]
async fn nothing_is_left_of_a_client_that_is_dropped() {
    let workers = Workers::new(nobody()).unwrap();
    let copy = workers.clone();
    let shared = Arc::downgrade(&workers.shared);
    drop(workers);
    // The probes still run for the copy.
    while copy.standing()[0].well {
        tokio::task::yield_now().await;
    }
    drop(copy);
    while shared.upgrade().is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_timeout_beyond_all_clocks_is_a_day() {
    let workers = Workers::new(nobody()).unwrap();
    let deadline = workers.deadline(Some(Duration::MAX));
    assert!(deadline > Instant::now() + TIMEOUT_MAX / 2);
}
