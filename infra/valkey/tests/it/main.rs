//! Against a real server.

use std::num::NonZeroU32;
use std::time::Duration;

use api::SharedCounts as _;
use event_log::Position;
use test_broker::Cache;
use tokio::sync::watch;
use valkey::{Counts, Valkey, share_positions};

const PATIENCE: Duration = Duration::from_secs(60);

fn hidden(whose: &str) -> [u8; 32] {
    let mut hidden = [0; 32];
    for (place, byte) in hidden.iter_mut().zip(whose.bytes()) {
        *place = byte;
    }
    hidden
}

/// Once it is reached.
async fn counts(cache: &Cache) -> Counts {
    let counts = Counts::new(Valkey::new(&cache.url(), "test").expect("an address"), hidden);
    let began = tokio::time::Instant::now();
    while counts.take("visits", "nobody", number(1_000)).await.is_none() {
        assert!(began.elapsed() < PATIENCE, "it is not reached");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    counts
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).expect("is not zero")
}

#[tokio::test]
async fn processes_count_together() {
    let cache = Cache::start();
    let (one, other) = (counts(&cache).await, counts(&cache).await);
    let mut left = Vec::new();
    for counts in [&one, &other, &one, &other, &one] {
        left.push(
            counts
                .take("visits", "somebody", number(5))
                .await
                .expect("it answers")
                .expect("it passes"),
        );
    }
    assert_eq!(left, [4, 3, 2, 1, 0]);
    let refused = other
        .take("visits", "somebody", number(5))
        .await
        .expect("it answers");
    let wait = refused.expect_err("the sixth is too many");
    // Twelve seconds bring the next one.
    assert!(
        wait > Duration::from_secs(1) && wait <= Duration::from_secs(12),
        "{wait:?}"
    );
    assert_eq!(one.take("visits", "somebody else", number(5)).await, Some(Ok(4)));
    assert_eq!(
        one.take("uploads", "somebody", number(5)).await,
        Some(Ok(4)),
        "each limit by itself"
    );
}

#[tokio::test]
async fn a_pace_comes_back_with_time() {
    let cache = Cache::start();
    let counts = counts(&cache).await;
    // One every ten milliseconds, and all of them at once at first.
    for _ in 0..6_000 {
        let _ = counts.take("messages", "somebody", number(6_000)).await;
    }
    let began = tokio::time::Instant::now();
    loop {
        match counts
            .take("messages", "somebody", number(6_000))
            .await
            .expect("it answers")
        {
            Ok(_) => break,
            Err(wait) => tokio::time::sleep(wait).await,
        }
        assert!(began.elapsed() < PATIENCE, "it never comes back");
    }
}

#[tokio::test]
async fn while_it_is_away_nothing_is_counted_and_afterwards_it_is() {
    let mut cache = Cache::start();
    let counts = counts(&cache).await;
    assert_eq!(counts.take("visits", "somebody", number(5)).await, Some(Ok(4)));
    cache.kill();
    assert_eq!(counts.take("visits", "somebody", number(5)).await, None);
    cache.resume();
    let began = tokio::time::Instant::now();
    while counts.take("visits", "somebody", number(5)).await.is_none() {
        assert!(began.elapsed() < PATIENCE, "it is never used again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_places_the_others_hear() {
    let mut cache = Cache::start();
    let valkey = Valkey::new(&cache.url(), "test").expect("an address");
    let processes = [watch::Sender::new(Position(0)), watch::Sender::new(Position(0))];
    for placed in &processes {
        tokio::spawn(share_positions(
            valkey.clone(),
            placed.clone(),
            std::future::pending(),
        ));
    }
    let heard = async |from: usize, to: usize, mut position: i64| {
        let mut placed = processes[to].subscribe();
        let began = tokio::time::Instant::now();
        // What is told before somebody listens is told to nobody.
        while *placed.borrow_and_update() < Position(position) {
            assert!(began.elapsed() < PATIENCE, "nothing is heard");
            position += 1;
            processes[from].send_replace(Position(position));
            let _ = tokio::time::timeout(Duration::from_millis(100), placed.changed()).await;
        }
    };
    heard(0, 1, 10).await;
    heard(1, 0, 1_000).await;
    // Nor does a gap of the server end it.
    cache.kill();
    processes[0].send_replace(Position(5_000));
    cache.resume();
    heard(0, 1, 10_000).await;
}

#[test]
fn what_is_no_address_is_told() {
    assert!(!valkey::is_url("http://localhost") && valkey::is_url("redis://:secret@localhost:6379/1"));
}
