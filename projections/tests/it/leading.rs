//! Leases: one process writes at a time, and no silent one is waited for longer than needed.

use std::time::Duration;

use domain::bot::BotEvent;
use projections::bot::BotState;
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
    let live = fixture.digests().await;
    for name in NAMES {
        projections::rebuild(&fixture.projector, &fixture.feed, name, |_| {})
            .await
            .expect("rebuilt");
    }
    assert_eq!(fixture.digests().await, live);
}

#[tokio::test]
async fn a_stale_lease_cannot_write() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture
        .bot(
            &cast,
            &[BotEvent::Created {
                name: "shop".to_owned(),
            }],
        )
        .await;
    let before = fixture.place().await;
    let running = fixture.start(&Fixture::options());
    running
        .projections
        .wait_for(NAMES, before, PATIENCE)
        .await
        .expect("they catch up");

    fixture
        .as_owner(
            "update read.checkpoints set lease_epoch = lease_epoch + 1, lease_owner = gen_random_uuid(),
                    lease_until = now() + interval '1 hour'",
        )
        .await;
    fixture.bot(&cast, &[BotEvent::Paused {}]).await;
    let head = fixture.place().await;
    assert!(matches!(
        running.projections.wait_for(NAMES, head, SHORT).await,
        Err(WaitError::Timeout)
    ));
    assert_eq!(state(&fixture, cast).await, BotState::Active);

    fixture
        .as_owner("update read.checkpoints set lease_until = now()")
        .await;
    running
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("it takes over");
    assert_eq!(state(&fixture, cast).await, BotState::Paused);
    running.stop().await;
}

async fn state(fixture: &Fixture, cast: Cast) -> BotState {
    fixture
        .reads(cast.tenant)
        .await
        .bot(cast.bot)
        .await
        .expect("readable")
        .expect("a bot")
        .state
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
