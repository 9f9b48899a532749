//! What calls leave behind and cost: when they are dropped, too late, too many, or fail as a whole.

use std::time::Instant;

use llm::{EmbedOptions, Kind, Workers};

use crate::failing::{embed, refuse, within};
use crate::worker::{Manner, Worker};
use crate::{client, settings};

#[tokio::test]
async fn a_flood_ends_for_the_worker_too() {
    let worker = Worker::start(Manner::Flood).await;
    let workers = client(&[&worker]).await;
    embed(&workers, "x").await.unwrap_err();
    // Of the handler, and of the body.
    worker.until_ended(2).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_ends_at_the_worker() {
    let worker = Worker::start(Manner::Wait).await;
    let workers = client(&[&worker]).await;
    let call = tokio::spawn({
        let workers = workers.clone();
        async move { embed(&workers, "x").await }
    });
    worker.until_begun(1).await;
    assert_eq!(workers.standing()[0].requests, 1);
    call.abort();
    worker.until_ended(1).await;
    assert!(call.await.unwrap_err().is_cancelled());
    let standing = &workers.standing()[0];
    assert!(standing.well && standing.requests == 0, "{standing:?}");
}

#[tokio::test]
async fn a_call_ends_with_its_time() {
    let worker = Worker::start(Manner::Wait).await;
    let workers = client(&[&worker]).await;
    let error = within(&workers, 50).await.unwrap_err();
    assert_eq!(error.kind, Kind::TooLate);
    worker.until_ended(1).await;
    assert_eq!(workers.standing()[0].requests, 0);
    // That the worker says so means the same.
    worker.be(refuse(504, None, "deadline_exceeded"));
    let error = embed(&workers, "x").await.unwrap_err();
    assert_eq!(
        (error.kind, error.code.as_deref()),
        (Kind::TooLate, Some("deadline_exceeded"))
    );
}

#[tokio::test]
async fn calls_wait_for_their_turn_and_no_longer_than_their_time() {
    let worker = Worker::start(Manner::Wait).await;
    let mut settings = settings(&[&worker]);
    settings.requests_max = 1;
    let workers = Workers::new(settings).unwrap();
    let first = tokio::spawn({
        let workers = workers.clone();
        async move { embed(&workers, "x").await }
    });
    worker.until_begun(1).await;
    assert_eq!(within(&workers, 20).await.unwrap_err().kind, Kind::TooLate);
    assert_eq!(worker.begun(), 1);
    worker.release();
    first.await.unwrap().unwrap();
    within(&workers, 20_000).await.unwrap();
}

#[tokio::test]
async fn an_overload_is_not_multiplied() {
    let (one, other) = (
        Worker::start(refuse(500, None, "internal")).await,
        Worker::start(refuse(500, None, "internal")).await,
    );
    let mut settings = settings(&[&one, &other]);
    settings.requests_max = 8;
    let workers = Workers::new(settings).unwrap();
    let began = Instant::now();
    for _ in 0..100 {
        assert_eq!(embed(&workers, "x").await.unwrap_err().kind, Kind::Unavailable);
    }
    // A reserve of four, a fifth of all, and one for each two seconds.
    let most = 100 + 4 + 20 + 1 + usize::try_from(began.elapsed().as_secs() / 2).unwrap();
    let all = one.begun() + other.begun();
    assert!(all > 100 && all <= most, "{all} requests for 100 calls");
}

#[tokio::test]
async fn the_first_error_of_a_large_call_ends_the_rest_of_it() {
    let worker = Worker::start(Manner::Wait).await;
    let workers = client(&[&worker]).await;
    worker.first(vec![Manner::Wait, refuse(400, None, "text_too_long")]);
    let texts = crate::texts(5_000);
    let error = workers
        .embed("small", &texts, &EmbedOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind, Kind::Rejected);
    worker.until_ended(2).await;
    assert_eq!(worker.begun(), 2);
    assert_eq!(workers.standing()[0].requests, 0);
}
