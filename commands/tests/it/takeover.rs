//! A process dies or is thought dead: another goes on from what is stored, and nothing is said twice.

use std::time::Duration;

use domain::run::RunEvent;

use crate::observing::Fact;
use crate::world::{World, say, start_of_day};

const COUNT: &str =
    "n = 0\nTALK \"Tell me.\"\nWHILE TRUE\nHEAR words\nn = n + 1\nTALK words + \" is number \" + n\nWEND\n";

/// Long enough for an answer that must not come; a slower machine only makes the test weaker.
const SILENCE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn another_process_goes_on_from_the_stored_state() {
    let world = World::new().await;
    let dead = world.process().await;
    let bot = world.bot(&dead, COUNT).await;
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "one").await;
    world.hears(&["Tell me.", "one is number 1"]).await;
    drop(dead);
    let alive = world.process().await;
    say(&alive, &visitor, "two").await;
    world
        .hears(&["Tell me.", "one is number 1", "two is number 2"])
        .await;
    let started = world.facts().await;
    let started = started
        .iter()
        .filter(|fact| matches!(fact, Fact::Run(_, RunEvent::Started(_))));
    assert_eq!(started.count(), 1);
}

#[tokio::test]
async fn a_turn_that_was_not_handed_over_is_answered_by_whoever_looks() {
    let world = World::new().await;
    let dead = world.process().await;
    let bot = world.bot(&dead, COUNT).await;
    let visitor = world.visitor(&dead, bot).await;
    let conversation = say(&dead, &visitor, "one").await.conversation_id;
    world.hears(&["Tell me.", "one is number 1"]).await;
    world.orphan(&visitor, conversation, "two").await;
    let alive = world.process().await;
    alive.dialogues().look_after(world.tenant, conversation);
    let expected = ["Tell me.", "one is number 1", "two is number 2"];
    world.hears(&expected).await;
    // However many look, it was answered.
    for process in [&dead, &alive] {
        process.dialogues().look_after(world.tenant, conversation);
    }
    say(&alive, &visitor, "three").await;
    world
        .hears(&[expected[0], expected[1], expected[2], "three is number 3"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_answer_at_the_same_time_answer_once() {
    let world = World::new().await;
    let processes = [
        world.process().await,
        world.process().await,
        world.process().await,
    ];
    let bot = world.bot(&processes[0], COUNT).await;
    let visitor = world.visitor(&processes[0], bot).await;
    processes[0]
        .greet(&visitor, start_of_day())
        .await
        .expect("greeted");
    world.hears(&["Tell me."]).await;
    let mut expected = vec!["Tell me.".to_owned()];
    for number in 1..=6 {
        let receiver = &processes[number % 3];
        let conversation = say(receiver, &visitor, "it").await.conversation_id;
        for process in &processes {
            process.dialogues().look_after(world.tenant, conversation);
        }
        expected.push(format!("it is number {number}"));
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        world.hears(&expected).await;
    }
}

#[tokio::test]
async fn an_older_process_cannot_write_to_a_run_that_a_newer_one_touched() {
    let world = World::new().await;
    let (older, newer) = (world.process().await, world.process().await);
    let bot = world.bot(&older, COUNT).await;
    let visitor = world.visitor(&older, bot).await;
    say(&older, &visitor, "one").await;
    world.hears(&["Tell me.", "one is number 1"]).await;
    say(&newer, &visitor, "two").await;
    let so_far = ["Tell me.", "one is number 1", "two is number 2"];
    world.hears(&so_far).await;
    // The older one takes the turn in, which it may, but cannot answer it.
    let stranded = say(&older, &visitor, "three").await;
    let answered = world.eventually(async || (world.said().await.len() > 3).then_some(()));
    assert!(
        tokio::time::timeout(SILENCE, answered).await.is_err(),
        "{:?}",
        world.texts().await
    );
    newer
        .dialogues()
        .look_after(world.tenant, stranded.conversation_id);
    world
        .hears(&[so_far[0], so_far[1], so_far[2], "three is number 3"])
        .await;
    // And it finds out: what it takes in next, it knows to be somebody else's to answer.
    let next = say(&older, &visitor, "four").await;
    newer.dialogues().look_after(world.tenant, next.conversation_id);
    world
        .hears(&[
            so_far[0],
            so_far[1],
            so_far[2],
            "three is number 3",
            "four is number 4",
        ])
        .await;
}
