//! Leases: one process writes at a time, and no silent one is waited for longer than needed.

use std::time::Duration;

use projections::{NAMES, WaitError};

use crate::fixture::{Fixture, PATIENCE};
use crate::history::Cast;

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn two_processes_fold_each_event_once() {
    let fixture = Fixture::new().await;
    let first = fixture.start(&Fixture::options());
    let mut others = Vec::new();
    for round in 0..6 {
        fixture.random(round, 12).await;
        fixture.place().await;
        // Each takes the lead away from the one before, in the midst of its work.
        let options = projections::Options {
            takeover: true,
            ..Fixture::options()
        };
        others.push(fixture.start(&options));
    }
    let head = fixture.place().await;
    for running in others.iter().chain([&first]) {
        running
            .projections
            .wait_for(NAMES, head, PATIENCE)
            .await
            .expect("all hear of it");
    }
    for running in others.into_iter().chain([first]) {
        running.stop().await;
    }
    fixture.assert_rebuilds_alike().await;
}

#[tokio::test]
async fn the_successor_of_a_killed_server_does_not_wait_for_its_lease() {
    let fixture = Fixture::new().await;
    let options = projections::Options {
        lease: Duration::from_secs(3_600),
        ..Fixture::options()
    };
    fixture.organisation(&Cast::new(), "Acme").await;
    let head = fixture.place().await;
    let running = fixture.start(&options);
    running
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("they catch up");
    // Dropped tasks are aborted: nothing is released.
    drop(running);

    fixture.organisation(&Cast::new(), "Acme").await;
    let head = fixture.place().await;
    let stranger = fixture.start(&projections::Options {
        lease: options.lease,
        ..Fixture::options()
    });
    assert!(matches!(
        stranger.projections.wait_for(NAMES, head, SHORT).await,
        Err(WaitError::Timeout)
    ));
    let successor = fixture.start(&options);
    successor
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("its own lease");
    stranger
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("a follower hears of it");
    stranger.stop().await;
    successor.stop().await;
}
