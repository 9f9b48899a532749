//! Looking after turns that nobody answers: an acknowledged turn is never lost.

use event_log::Position;

use crate::world::{World, message, minute, say, start_of_day};

const LISTEN: &str = "WHILE TRUE\nHEAR words\nTALK \"You said \" + words\nWEND\n";

/// Waits until everything that happened so far was answered and is behind the checkpoint.
async fn rests(world: &World) {
    let head = world.feed.head().await.expect("readable");
    let rests = world
        .eventually(async || (world.checkpoint().await >= head).then_some(()))
        .await;
    assert!(rests.is_some(), "{:?} of {head:?}", world.checkpoint().await);
}

/// The position of the only turn that says so.
async fn position_of_last_turn(world: &World) -> Position {
    let position = "select coalesce(max(p.position), 0) from log.positions p join log.events e
                     on e.epoch = p.epoch and e.tx_id = p.tx_id and e.seq_no = p.seq_no
                    where e.event_type = 'turn.received'";
    let placed = world
        .eventually(async || {
            let unplaced = "select (select count(*) from log.events) - (select count(*) from log.positions)";
            (world.count(unplaced).await == 0).then_some(())
        })
        .await;
    assert!(placed.is_some(), "the sequencer runs");
    Position(world.count(position).await)
}

#[tokio::test]
async fn a_turn_that_was_stored_and_never_handed_over_is_answered() {
    let world = World::new().await;
    let dead = world.process().await;
    let bot = world.bot(&dead, LISTEN).await;
    let visitor = world.visitor(&dead, bot).await;
    let conversation = say(&dead, &visitor, "one").await.conversation_id;
    world.hears(&["You said one"]).await;
    world.orphan(&visitor, conversation, "two").await;
    let alive = world.process().await;
    world.recover(&alive).await;
    world.hears(&["You said one", "You said two"]).await;
    rests(&world).await;
    // A third process begins behind all that and says nothing again.
    let third = world.process().await;
    world.recover(&third).await;
    say(&third, &visitor, "three").await;
    world
        .hears(&["You said one", "You said two", "You said three"])
        .await;
}

#[tokio::test]
async fn the_checkpoint_does_not_pass_a_turn_without_an_answer() {
    let world = World::new().await;
    let process = world.process().await;
    world.recover(&process).await;
    let bot = process
        .create_bot(&world.context(), "helper")
        .await
        .expect("free")
        .bot_id;
    // Its program is not there yet, so nothing can answer.
    let programs = world.load_without_programs(&process, bot, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let turn = position_of_last_turn(&world).await;
    // Others are answered meanwhile, behind it in the log.
    let other = process
        .create_bot(&world.context(), "other")
        .await
        .expect("free")
        .bot_id;
    let neighbour = world.visitor(&process, other).await;
    process
        .receive_turn(&neighbour, message("hello"), minute(0))
        .await
        .expect("taken in");
    let before = Position(turn.0 - 1);
    let stands = world
        .eventually(async || {
            let answered = !world.texts().await.is_empty();
            (answered && world.checkpoint().await >= before).then_some(())
        })
        .await;
    assert!(stands.is_some(), "{:?} of {before:?}", world.checkpoint().await);
    assert_eq!(world.checkpoint().await, before);

    world
        .programs()
        .store(world.tenant, programs)
        .await
        .expect("stored");
    let answered = world
        .eventually(async || {
            world
                .texts()
                .await
                .contains(&"You said hello".to_owned())
                .then_some(())
        })
        .await;
    assert!(answered.is_some(), "{:?}", world.texts().await);
    rests(&world).await;
}

#[tokio::test]
async fn a_turn_is_answered_though_its_session_ended_meanwhile() {
    let world = World::new().await;
    let dead = world.process().await;
    let bot = world.bot(&dead, LISTEN).await;
    let visitor = world.visitor(&dead, bot).await;
    let conversation = say(&dead, &visitor, "one").await.conversation_id;
    world.hears(&["You said one"]).await;
    world.orphan(&visitor, conversation, "two").await;
    dead.end_session(&world.context(), visitor.session_id)
        .await
        .expect("ended");
    let alive = world.process().await;
    world.recover(&alive).await;
    world.hears(&["You said one", "You said two"]).await;
    rests(&world).await;
}

#[tokio::test]
async fn a_greeting_that_was_cut_short_is_made_up_for() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.context(), "helper")
        .await
        .expect("free")
        .bot_id;
    let programs = world
        .load_without_programs(&process, bot, "TALK \"Welcome\"")
        .await;
    let visitor = world.visitor(&process, bot).await;
    process
        .greet(&visitor, start_of_day())
        .await
        .expect("its conversation is there");
    // The process dies here: nothing was said. The person comes back to another one.
    world
        .programs()
        .store(world.tenant, programs)
        .await
        .expect("stored");
    let other = world.process().await;
    other.greet(&visitor, start_of_day()).await.expect("greeted");
    world.hears(&["Welcome"]).await;
}

#[tokio::test]
async fn every_lease_is_higher_than_the_last() {
    let world = World::new().await;
    let mut last = 0;
    for _ in 0..3 {
        let lease = commands::Recovery::take_lease(&world.projector_pool)
            .await
            .expect("free");
        assert!(lease > last);
        last = lease;
    }
}
