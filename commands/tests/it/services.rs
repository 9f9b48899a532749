//! Services that scripts ask: what changes something is asked once, whatever happens meanwhile.

use crate::post::Post;
use crate::world::{World, say};

const SENDS: &str = r#"
SET HEADER "X-Token", "secret"
WHILE TRUE
  HEAR words
  x = POST "https://example.org", {said: words}
  y = POST "https://example.org", {said: words}
  IF IS_ERROR(x) THEN TALK "first: " + x.code ELSE TALK x
  TALK y
WEND
"#;

#[tokio::test]
async fn a_service_is_asked_with_what_the_session_has_set() {
    let world = World::new().await;
    let service = Post::answering(usize::MAX);
    let process = world.process_with(service.clone()).await;
    let bot = world.bot(&process, SENDS).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "one").await;
    world
        .hears(&["post 1 x-token=secret", "post 2 x-token=secret"])
        .await;
    assert_eq!(service.asked(), 2);
}

#[tokio::test]
async fn what_was_being_asked_when_a_process_died_is_not_asked_again() {
    let world = World::new().await;
    let silent = Post::answering(0);
    let first = world.process_with(silent.clone()).await;
    let bot = world.bot(&first, SENDS).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "one").await;
    let asked = world
        .eventually(async || (silent.asked() == 1).then_some(()))
        .await;
    assert!(asked.is_some(), "the first process asks");
    // Another process takes over while the first still waits.
    let answering = Post::answering(usize::MAX);
    let second = world.process_with(answering.clone()).await;
    say(&second, &visitor, "two").await;
    world
        .hears(&[
            "first: outcome_unknown",
            "post 1 x-token=secret",
            "post 2 x-token=secret",
            "post 3 x-token=secret",
        ])
        .await;
    assert_eq!(silent.asked(), 1);
    assert_eq!(answering.asked(), 3);
}
