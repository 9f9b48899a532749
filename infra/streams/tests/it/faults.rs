//! What may be done to the stream, and that afterwards Kafka holds each event of the log once.
//!
//! Each test prints its seed; `BOTSERVER_TEST_SEED` repeats it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_log::Position;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use streams::Topic;
use test_broker::{Broker, Features};
use tokio::task::spawn_blocking;

use crate::world::{World, settings};

fn seeded() -> StdRng {
    let given = std::env::var("BOTSERVER_TEST_SEED").ok();
    let seed = given
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(rand::random::<u64>);
    println!("BOTSERVER_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Does something while events are appended, and returns when both are done.
async fn under_load(world: &World, act: impl Future<Output = ()>) {
    let stop = AtomicBool::new(false);
    let act = async {
        act.await;
        stop.store(true, Ordering::Relaxed);
    };
    let (first, second, ()) = tokio::join!(world.append_until(&stop), world.append_until(&stop), act);
    assert!(first + second > 0);
    assert_eq!(
        world.count().await.0.unsigned_abs(),
        first + second,
        "nothing acknowledged is lost, nothing is doubled"
    );
}

async fn pause(random: &mut StdRng, millis: std::ops::Range<u64>) {
    tokio::time::sleep(Duration::from_millis(random.random_range(millis))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_stopped_and_frozen_has_each_event_once() {
    let mut random = seeded();
    let broker = spawn_blocking(|| Broker::start(Features::default()))
        .await
        .expect("a broker");
    let world = World::on(settings(&broker)).await;
    let relay = world.relay();
    under_load(&world, async {
        world.relayed_up_to(Position(10)).await;
        for round in 0..5 {
            // Transactions follow one another, so most of these moments are within one.
            pause(&mut random, 100..900).await;
            tokio::task::block_in_place(|| match round % 3 {
                0 => broker.kill(),
                1 => broker.stop(),
                _ => broker.freeze(),
            });
            pause(&mut random, 10..2_500).await;
            tokio::task::block_in_place(|| match round % 3 {
                2 => broker.thaw(),
                _ => broker.resume(),
            });
            let placed = world.feed.known();
            world.relayed_up_to(placed).await;
        }
    })
    .await;
    world.assert_streamed().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_for_long_is_caught_up_with() {
    let broker = spawn_blocking(|| Broker::start(Features::default()))
        .await
        .expect("a broker");
    let world = World::on(settings(&broker)).await;
    let relay = world.relay();
    world.append(100).await;
    world.relayed().await;
    tokio::task::block_in_place(|| broker.stop());
    for _ in 0..20 {
        world.append(500).await;
    }
    // It is told, and how far behind the stream is.
    loop {
        let status = world.status().await.expect("a status");
        if let Some(failure) = status.failure {
            assert!(failure.error.contains("Kafka"), "{failure:?}");
            assert_eq!(status.lag_events, 10_000);
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::task::block_in_place(|| broker.resume());
    world.assert_streamed().await;
    assert_eq!(world.status().await.and_then(|status| status.failure), None);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_that_are_wiped_are_filled_again() {
    let mut random = seeded();
    let world = World::new().await;
    let relay = world.relay();
    let topics = [
        vec![Topic::Events.name(&world.settings)],
        vec![format!("{}.relay.v1", world.settings.prefix)],
        vec![Topic::Compliance.name(&world.settings)],
        vec![
            Topic::Events.name(&world.settings),
            Topic::Compliance.name(&world.settings),
            format!("{}.relay.v1", world.settings.prefix),
        ],
    ];
    under_load(&world, async {
        world.relayed_up_to(Position(50)).await;
        for topics in topics {
            pause(&mut random, 50..500).await;
            delete(&world, &topics).await;
            let placed = world.feed.known();
            // Further than what was placed: the wipe is noticed by what comes after it.
            world.relayed_up_to(Position(placed.0 + 50)).await;
        }
    })
    .await;
    world.assert_streamed().await;
    relay.stop().await;
}

async fn delete(world: &World, topics: &[String]) {
    let admin: AdminClient<DefaultClientContext> = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", world.settings.brokers.join(","))
        .create()
        .expect("a client");
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    for deleted in admin
        .delete_topics(&topics, &AdminOptions::new())
        .await
        .expect("an answer")
    {
        deleted.expect("deleted");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_take_the_lease_from_each_other_double_nothing() {
    let mut random = seeded();
    let world = World::new().await;
    let relays = [world.relay(), world.relay(), world.relay()];
    under_load(&world, async {
        for _ in 0..12 {
            pause(&mut random, 20..600).await;
            // Whoever relays learns of it within a second, and sends until Kafka fences it.
            sqlx::query(
                "update log.relays set lease_owner = null, lease_until = '-infinity' where name = $1",
            )
            .bind(&world.settings.prefix)
            .execute(&world.pool)
            .await
            .expect("the lease is taken away");
        }
    })
    .await;
    world.assert_streamed().await;
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_under_load_leaves_each_event_once() {
    let mut random = seeded();
    let broker = spawn_blocking(test_broker::shared).await.expect("a broker");
    let world = World::own(settings(broker)).await;
    let relay = world.relay();
    under_load(&world, async {
        world.relayed_up_to(Position(10)).await;
        for _ in 0..4 {
            pause(&mut random, 100..900).await;
            world.cluster().await.restart_immediately().await;
            let known = world.feed.known();
            world.relayed_up_to(known).await;
        }
    })
    .await;
    world.assert_streamed().await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_is_noticed_and_told() {
    let broker = spawn_blocking(test_broker::shared).await.expect("a broker");
    let settings = settings(broker);
    let world = World::own(settings.clone()).await;
    world.append(300).await;
    world.placed().await;
    world.cluster().await.back_up().await;

    let relay = world.relay();
    world.append(200).await;
    world.relayed().await;
    relay.stop().await;
    world.cluster().await.put_back().await;
    // Another history from here on.
    let world = world.again().await;
    world.append(50).await;
    world.placed().await;

    let relay = world.relay();
    world.relayed_up_to(Position(350)).await;
    world.append(100).await;
    world.relayed_up_to(Position(450)).await;
    relay.stop().await;

    let status = world.status().await.expect("a status");
    let fork = status.forks.first().expect("the fork is told");
    assert_eq!(
        (fork.epoch, fork.position, fork.abandoned),
        (2, Position(300), Position(500))
    );
    let seen = world.seen().await;
    // Every partition was told, after what is void and before what is not.
    let told = seen
        .iter()
        .filter(|record| record.headers["ce_type"] == "log.forked");
    assert_eq!(told.clone().count(), 12);
    assert!(
        told.clone()
            .all(|record| record.position() == 300 && record.number("ce_epoch") == 2)
    );
    let valid: Vec<_> = seen
        .iter()
        .filter(|record| record.headers["ce_type"] != "log.forked")
        .filter(|record| record.position() <= 300 || record.number("ce_epoch") == 2)
        .cloned()
        .collect();
    world.assert_is_log(&valid, 0).await;
    assert_eq!(seen.len(), 12 + 450 + 200);
}
