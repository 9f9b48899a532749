//! What is in Kafka, when all goes well and when it is begun again.

use event_log::Position;
use streams::{Made, StreamError, init};
use uuid::Uuid;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_in_kafka_once_and_as_stored() {
    let world = World::new().await;
    world.append(500).await;
    let relay = world.relay();
    world.assert_streamed().await;
    world.append(3_000).await;
    let seen = world.assert_streamed().await;
    relay.stop().await;

    let fact = &seen[0];
    assert_eq!(fact.headers["ce_specversion"], "1.0");
    assert_eq!(fact.headers["content-type"], "application/json");
    assert_eq!(
        fact.headers["ce_source"],
        format!("/organisations/{}/task", Uuid::from_u128(1))
    );
    assert_eq!(fact.headers["ce_dataschema"], "/schemas/events/task.json");
    assert_eq!(fact.headers["ce_actor"], "system/test");
    assert_eq!(fact.headers["ce_correlationid"], Uuid::from_u128(5).to_string());
    assert_eq!(fact.headers["ce_causationid"], Uuid::from_u128(6).to_string());
    assert_eq!(fact.headers["ce_partitionkey"], fact.key);
    assert_eq!(fact.headers["ce_subject"], fact.key);
    assert_eq!(fact.headers["ce_epoch"], "1");
    assert_eq!(fact.headers["ce_previous"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_where_the_last_one_stopped() {
    let world = World::new().await;
    for _ in 0..4 {
        let relay = world.relay();
        world.append(120).await;
        world.relayed().await;
        world.append(30).await;
        relay.stop().await;
    }
    let relay = world.relay();
    world.assert_streamed().await;
    relay.stop().await;
    let status = world.status().await.expect("a status");
    assert_eq!((status.position, status.lag_events), (Position(600), 0));
    assert!(!status.relaying, "the lease is given up at the stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_at_once_double_nothing() {
    let world = World::new().await;
    let first = world.relay();
    world.append(100).await;
    world.relayed().await;
    let second = world.relay();
    world.append(400).await;
    world.relayed().await;
    // The second takes over as soon as the first gives up, and the other way round.
    first.stop().await;
    world.append(400).await;
    world.relayed().await;
    let third = world.relay();
    second.stop().await;
    world.append(400).await;
    world.assert_streamed().await;
    third.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_made_once_and_keep_their_partitions() {
    let world = World::new().await;
    let made = init(&world.settings).await.expect("topics");
    let names: Vec<String> = made.iter().map(|topic| topic.name.clone()).collect();
    let prefix = &world.settings.prefix;
    let expected = ["events", "compliance", "relay"].map(|topic| format!("{prefix}.{topic}.v1"));
    assert_eq!(names, expected);
    assert!(made.iter().all(|topic| topic.made == Made::Now));
    let again = init(&world.settings).await.expect("topics");
    assert!(again.iter().all(|topic| topic.made == Made::Before));
    assert_eq!(
        again.iter().map(|topic| topic.partitions).collect::<Vec<_>>(),
        [6, 6, 1]
    );

    let mut other = world.settings.clone();
    other.partitions = 12;
    let refused = init(&other).await;
    assert!(
        matches!(
            refused,
            Err(StreamError::Partitions {
                found: 6,
                expected: 12,
                ..
            })
        ),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_event_of_the_log_is_streamed() {
    let world = World::new().await;
    let relay = world.relay();
    world.append(10).await;
    world.append_large((1 << 20) - 100).await;
    world.append(10).await;
    world.assert_streamed().await;
    relay.stop().await;
}
