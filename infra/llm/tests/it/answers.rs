//! Calls that go well, and how they are divided.

use std::num::NonZeroU32;
use std::time::Duration;

use llm::{EmbedOptions, Embeddings, Key, RerankOptions, Workers};
use serde_json::json;

use crate::worker::{Manner, Worker, vector};
use crate::{client, settings, texts, until};

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_whoever_computed_them() {
    let (one, other) = (
        Worker::start(Manner::Answer).await,
        Worker::start(Manner::Answer).await,
    );
    let workers = client(&[&one, &other]).await;
    let texts = texts(1_500);
    let found = workers
        .embed("small", &texts, &EmbedOptions::default())
        .await
        .unwrap();
    let expected: Vec<Vec<f32>> = texts.iter().map(|text| vector(text)).collect();
    assert_eq!(found.vectors, expected);
    assert_eq!(found.tokens, 1_500);
    let counts = |worker: &Worker| worker.seen(|seen| seen.body["input"].as_array().unwrap().len());
    let all = [counts(&one), counts(&other)];
    assert!(all.iter().all(|counts| !counts.is_empty()), "{all:?}");
    assert!(all.iter().flatten().all(|&count| count <= 256), "{all:?}");
}

#[tokio::test]
async fn a_request_says_all_that_was_asked_for() {
    let worker = Worker::start(Manner::Answer).await;
    let mut settings = settings(&[&worker]);
    settings.workers[0].key = Some(Key::parse("sk-1").unwrap());
    let workers = Workers::new(settings).unwrap();
    let options = EmbedOptions {
        dimensions: NonZeroU32::new(3),
        truncate: true,
        prompt: Some("query".to_owned()),
        timeout: Some(Duration::from_secs(7)),
    };
    workers
        .embed("small", &["é\u{0}\"\u{2028}😀"], &options)
        .await
        .unwrap();
    let body = json!({
        "model": "small", "input": ["é\u{0}\"\u{2028}😀"], "encoding_format": "base64", "dimensions": 3, "truncate": true,
        "prompt_name": "query",
    });
    assert_eq!(worker.seen(|seen| seen.body.clone()), [body]);
    let header = |name| {
        worker
            .seen(|seen| seen.headers[name].to_str().unwrap().to_owned())
            .remove(0)
    };
    assert_eq!(header("authorization"), "Bearer sk-1");
    let timeout: u64 = header("x-request-timeout-ms").parse().unwrap();
    assert!(timeout > 0 && timeout <= 7_000, "{timeout}");

    let options = RerankOptions {
        top_n: NonZeroU32::new(1),
        ..RerankOptions::default()
    };
    workers
        .rerank("judge", "what?", &["a", "bb"], &options)
        .await
        .unwrap();
    let body =
        json!({"model": "judge", "query": "what?", "documents": ["a", "bb"], "top_n": 1, "truncate": false});
    assert_eq!(worker.seen(|seen| seen.body.clone())[1], body);
    assert_eq!(
        worker.seen(|seen| seen.path.clone()),
        ["/v1/embeddings", "/v1/rerank"]
    );
}

#[tokio::test]
async fn the_best_documents_of_all_requests_come_first() {
    let (one, other) = (
        Worker::start(Manner::Answer).await,
        Worker::start(Manner::Answer).await,
    );
    let workers = client(&[&one, &other]).await;
    let documents: Vec<String> = (0..600).map(|number| "x".repeat((number * 7) % 601)).collect();
    let options = RerankOptions {
        top_n: NonZeroU32::new(40),
        ..RerankOptions::default()
    };
    let best = workers
        .rerank("judge", "what?", &documents, &options)
        .await
        .unwrap();
    let mut expected: Vec<usize> = (0..600).collect();
    expected.sort_by_key(|&at| (usize::MAX - documents[at].len(), at));
    let found: Vec<usize> = best.iter().map(|ranked| ranked.index).collect();
    assert_eq!(found, expected[..40]);
    let all = workers
        .rerank("judge", "what?", &documents, &RerankOptions::default())
        .await
        .unwrap();
    assert_eq!(all.len(), 600);
    assert!(one.begun() > 0 && other.begun() > 0);
}

#[tokio::test]
async fn nothing_is_asked_for_no_texts() {
    let worker = Worker::start(Manner::Answer).await;
    let workers = client(&[&worker]).await;
    let none: [&str; 0] = [];
    let found = workers
        .embed("small", &none, &EmbedOptions::default())
        .await
        .unwrap();
    assert_eq!(found, Embeddings::default());
    assert!(
        workers
            .rerank("judge", "", &none, &RerankOptions::default())
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(worker.begun(), 0);
}

#[tokio::test]
async fn a_million_characters_go_alone_and_bound_what_goes_with_the_rest() {
    let worker = Worker::start(Manner::Answer).await;
    let workers = client(&[&worker]).await;
    let mut texts = texts(3);
    texts.insert(1, "ä".repeat(1_000_000));
    let found = workers
        .embed("small", &texts, &EmbedOptions::default())
        .await
        .unwrap();
    assert_eq!(found.vectors[1], vector(&texts[1]));
    let mut counts = worker.seen(|seen| seen.body["input"].as_array().unwrap().len());
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 2]);
}

#[tokio::test]
async fn models_are_listed_with_the_workers_that_have_them() {
    let (one, mut other) = (
        Worker::start(Manner::Answer).await,
        Worker::start(Manner::Answer).await,
    );
    let workers = client(&[&one, &other]).await;
    let models = workers.models().await.unwrap();
    assert_eq!(models.len(), 1);
    assert_eq!(
        (models[0].name.as_str(), models[0].dimensions),
        ("small", Some(3))
    );
    assert_eq!(models[0].workers, [one.name(), other.name()]);
    other.kill();
    assert_eq!(workers.models().await.unwrap()[0].workers, [one.name()]);
    one.be(Manner::Say("{\"data\": 7}".to_owned()));
    assert_eq!(workers.models().await.unwrap_err().kind, llm::Kind::Unavailable);
}

#[tokio::test]
async fn a_worker_that_has_something_to_do_is_spared() {
    let (one, other) = (
        Worker::start(Manner::Wait).await,
        Worker::start(Manner::Wait).await,
    );
    let workers = client(&[&one, &other]).await;
    let slow = tokio::spawn({
        let workers = workers.clone();
        async move { workers.embed("small", &["x"], &EmbedOptions::default()).await }
    });
    until(|| one.begun() + other.begun() == 1).await;
    let (busy, idle) = if one.begun() == 1 {
        (&one, &other)
    } else {
        (&other, &one)
    };
    idle.release();
    for _ in 0..20 {
        workers
            .embed("small", &["y"], &EmbedOptions::default())
            .await
            .unwrap();
    }
    assert_eq!((busy.begun(), idle.begun()), (1, 20));
    busy.release();
    slow.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_calls_with_a_tenth_cancelled_leave_no_load_behind() {
    let (one, other) = (
        Worker::start(Manner::Answer).await,
        Worker::start(Manner::Answer).await,
    );
    let workers = client(&[&one, &other]).await;
    let mut calls = Vec::new();
    for number in 0..3_000 {
        let workers = workers.clone();
        let call = tokio::spawn(async move {
            let text = number.to_string();
            let found = workers.embed("small", &[&text], &EmbedOptions::default()).await;
            assert_eq!(found.unwrap().vectors, [vector(&text)]);
        });
        if number % 10 == 0 {
            call.abort();
        }
        calls.push(call);
    }
    for call in calls {
        if let Err(error) = call.await {
            assert!(error.is_cancelled(), "{error}");
        }
    }
    for standing in workers.standing() {
        assert!(standing.well && standing.requests == 0, "{standing:?}");
    }
}
