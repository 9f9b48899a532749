//! Our own client of workers, against real ones.

use std::num::NonZeroU32;
use std::time::Duration;

use llm::{EmbedOptions, Error, Key, Kind, RerankOptions, WorkerSettings, Workers, WorkersSettings};
use tokio::sync::watch;

use crate::command_line::Served;
use crate::worker::{DIMENSIONS, KEY, PATIENCE, Running, config, keys, models, start};

fn client_of(urls: &[String], key: Option<&str>) -> Workers {
    let worker = |url: &String| WorkerSettings {
        url: url.clone(),
        key: key.map(|key| Key::parse(key).expect("a key")),
        ca_file: None,
    };
    let settings = WorkersSettings {
        workers: urls.iter().map(worker).collect(),
        timeout_ms: u64::try_from(PATIENCE.as_millis()).expect("milliseconds"),
        ..WorkersSettings::default()
    };
    Workers::new(settings).expect("settings")
}

fn client(worker: &Running) -> Workers {
    client_of(&[worker.url("")], None)
}

async fn embed(workers: &Workers, model: &str, text: &str) -> Result<Vec<f32>, Error> {
    let found = workers.embed(model, &[text], &EmbedOptions::default()).await;
    found.map(|mut found| found.vectors.remove(0))
}

fn equal(one: &[f32], other: &[f32]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .all(|(one, other)| (one - other).abs() < 1e-4)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_gets_what_the_protocol_gives() {
    let worker = start().await;
    let workers = client(&worker);
    let texts: Vec<String> = (0..300)
        .map(|number| format!("sentence number {number}"))
        .collect();
    let found = workers
        .embed("embed", &texts, &EmbedOptions::default())
        .await
        .expect("vectors");
    assert_eq!(found.vectors.len(), 300);
    assert!(found.tokens >= 300, "{}", found.tokens);
    for at in [0, 255, 256, 299] {
        assert!(
            equal(&found.vectors[at], &worker.vector(&texts[at]).await),
            "{at}"
        );
    }
    let options = EmbedOptions {
        dimensions: NonZeroU32::new(8),
        ..EmbedOptions::default()
    };
    let short = workers
        .embed("embed", &texts[..1], &options)
        .await
        .expect("a vector");
    assert_eq!(short.vectors[0].len(), 8);

    let documents = ["a boat", "high tide at noon", "the harbour"];
    let all = workers
        .rerank(
            "org/rank",
            "when is high tide",
            &documents,
            &RerankOptions::default(),
        )
        .await;
    let all = all.expect("scores");
    assert!(
        all.is_sorted_by(|one, other| one.score >= other.score) && all.len() == 3,
        "{all:?}"
    );
    let options = RerankOptions {
        top_n: NonZeroU32::new(1),
        ..RerankOptions::default()
    };
    let best = workers
        .rerank("org/rank", "when is high tide", &documents, &options)
        .await
        .expect("a score");
    assert_eq!((best.len(), best[0].index), (1, all[0].index));

    let models = workers.models().await.expect("models");
    let embedding = models
        .iter()
        .find(|model| model.name == "embed")
        .expect("it is there");
    assert_eq!(embedding.task.as_deref(), Some("embed"));
    assert_eq!(embedding.dimensions, u32::try_from(DIMENSIONS).ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_s_refusals_are_of_the_kind_that_a_caller_can_act_on() {
    let worker = Running::start(config(&(models() + &keys()), &[]), None).await;
    let stranger = client(&worker);
    let error = embed(&stranger, "embed", "x")
        .await
        .expect_err("a key is missing");
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (Kind::Rejected, Some("missing_api_key"))
    );

    let workers = client_of(&[worker.url("")], Some(KEY));
    let long = "word ".repeat(5_000);
    for (model, text, kind, code) in [
        ("none", "x", Kind::NotFound, "model_not_found"),
        ("org/rank", "x", Kind::Rejected, "wrong_task"),
        ("embed", &long, Kind::Rejected, "context_length_exceeded"),
    ] {
        let error = embed(&workers, model, text).await.expect_err("it is refused");
        assert_eq!(
            (error.kind, error.code.as_deref()),
            (kind, Some(code)),
            "{error:?}"
        );
    }
    let cut = EmbedOptions {
        truncate: true,
        ..EmbedOptions::default()
    };
    workers.embed("embed", &[&long], &cut).await.expect("it is cut");
    let hasty = EmbedOptions {
        timeout: Some(Duration::from_millis(1)),
        ..cut
    };
    let error = workers
        .embed("embed", &vec![&long; 256], &hasty)
        .await
        .expect_err("it takes longer");
    assert_eq!(error.kind, Kind::TooLate);
    assert!(
        workers
            .standing()
            .iter()
            .all(|standing| standing.well && standing.requests == 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stops_sends_its_calls_to_another() {
    let (one, other) = (start().await, start().await);
    let workers = client_of(&[one.url(""), other.url("")], None);
    let expected = other.vector("the same").await;
    one.worker.leave();
    for _ in 0..20 {
        let found = embed(&workers, "embed", "the same").await.expect("a vector");
        assert!(equal(&found, &expected));
    }
}

/// Looks until it holds. What a test alone looks at tells nobody.
async fn until(holds: impl AsyncFn() -> bool) {
    while !holds().await {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Asks for vectors until the worker is killed, and once more.
async fn ask_on(workers: Workers, killed: watch::Receiver<bool>, expected: Vec<f32>) {
    let mut texts: Vec<String> = (0..30).map(|number| format!("{number} and more words")).collect();
    texts.push(FOUND_AGAIN.to_owned());
    loop {
        let last = *killed.borrow();
        let found = workers.embed("embed", &texts, &EmbedOptions::default()).await;
        let found = found.expect("vectors").vectors;
        assert!(found.len() == 31 && equal(&found[30], &expected));
        if last {
            return;
        }
    }
}

const FOUND_AGAIN: &str = "to be found again";

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_lost_with_a_worker_that_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("worker.toml"), models()).expect("it is written");
    let (one, other) = (Served::start(folder.path()), Served::start(folder.path()));
    let workers = client_of(&[one.address.clone(), other.address.clone()], None);
    let both = async || {
        let models = workers.models().await.unwrap_or_default();
        models
            .iter()
            .any(|model| model.name == "embed" && model.workers.len() == 2)
    };
    until(both).await;
    let expected = embed(&workers, "embed", FOUND_AGAIN).await.expect("a vector");
    let killed = watch::Sender::new(false);
    let calls: Vec<_> = (0..16)
        .map(|_| tokio::spawn(ask_on(workers.clone(), killed.subscribe(), expected.clone())))
        .collect();
    until(async || workers.standing().iter().all(|standing| standing.requests > 0)).await;
    drop(one);
    killed.send_replace(true);
    for call in calls {
        call.await.expect("no call fails");
    }
    assert!(workers.standing().iter().all(|standing| standing.requests == 0));
    drop(other);
    let error = embed(&workers, "embed", "nobody is left")
        .await
        .expect_err("both are gone");
    assert_eq!(error.kind, Kind::Unavailable);
}
