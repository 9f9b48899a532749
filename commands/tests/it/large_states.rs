//! States of waiting runs that are too large for their event.

use chrono::{TimeDelta, Utc};
use domain::run::RunOutcome;

use crate::world::{World, files_below, say};

/// Remembers 200 KiB that nobody could guess from its size, and what people say.
const HOARD: &str = "secret = \"\"\nFOR i = 1 TO 20000\nsecret = secret + \"planted:\" + (i MOD 10)\nNEXT\n\
    TALK \"Ready\"\nWHILE TRUE\nHEAR words\nTALK words + \" \" + LEN(secret)\nWEND\n";

#[tokio::test]
async fn a_large_state_outlives_its_process_and_only_the_last_is_kept() {
    let world = World::new().await;
    let first = world.process().await;
    let bot = world.bot(&first, HOARD).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "one").await;
    world.hears(&["Ready", "one 180000"]).await;

    let second = world.process().await;
    say(&second, &visitor, "two").await;
    world.hears(&["Ready", "one 180000", "two 180000"]).await;
    say(&second, &visitor, "three").await;
    world
        .hears(&["Ready", "one 180000", "two 180000", "three 180000"])
        .await;

    // The last state's predecessor is deleted after the answer is stored.
    let one_left = world
        .eventually(async || (files_below(world.blobs.path()).len() == 1).then_some(()))
        .await;
    assert!(one_left.is_some(), "{:?}", files_below(world.blobs.path()));
    let largest = "select max(length(payload::text))::bigint from log.events";
    assert!(world.count(largest).await < 16 << 10, "events stay small");
    for file in files_below(world.blobs.path()) {
        let bytes = std::fs::read(&file).expect("readable");
        assert!(bytes.len() > 150_000);
        let planted = bytes.windows(8).any(|window| window == b"planted:");
        assert!(!planted, "the state is sealed");
    }
}

#[tokio::test]
async fn a_damaged_state_ends_the_run_and_the_bot_answers_for_it() {
    let world = World::new().await;
    let first = world.process().await;
    let bot = world.bot(&first, HOARD).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "one").await;
    world.hears(&["Ready", "one 180000"]).await;
    let only = world
        .eventually(async || {
            let files = files_below(world.blobs.path());
            (files.len() == 1).then(|| files[0].clone())
        })
        .await
        .expect("one state is kept");
    let mut bytes = std::fs::read(&only).expect("readable");
    bytes[100_000] ^= 1;
    std::fs::write(&only, bytes).expect("writable");

    let second = world.process().await;
    say(&second, &visitor, "two").await;
    world.hears(&["Ready", "one 180000", "No idea."]).await;
    let outcomes = world.outcomes().await;
    assert!(
        matches!(&outcomes[..], [RunOutcome::Failed { code, .. }] if code == "state_lost"),
        "{outcomes:?}"
    );
    say(&second, &visitor, "three").await;
    world
        .hears(&["Ready", "one 180000", "No idea.", "No idea."])
        .await;
}

#[tokio::test]
async fn what_no_waiting_run_names_is_swept_and_what_one_names_stays() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, HOARD).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "one").await;
    world.hears(&["Ready", "one 180000"]).await;
    let kept = world
        .eventually(async || {
            let files = files_below(world.blobs.path());
            (files.len() == 1).then(|| files[0].clone())
        })
        .await
        .expect("one state is kept");
    let orphan = kept.with_file_name("0198a000-0000-7000-8000-000000000000");
    std::fs::write(&orphan, b"left over").expect("writable");

    let sweep = async |now| {
        let swept = process.dialogues().sweep_states(world.tenant, now).await;
        swept.expect("the folder is readable")
    };
    assert_eq!(
        sweep(Utc::now()).await,
        0,
        "what is young may be about to be named"
    );
    assert_eq!(sweep(Utc::now() + TimeDelta::hours(2)).await, 1);
    assert_eq!(files_below(world.blobs.path()), [kept]);

    let other = world.process().await;
    say(&other, &visitor, "two").await;
    world.hears(&["Ready", "one 180000", "two 180000"]).await;
}
