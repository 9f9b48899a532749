//! Taking turns in: each once, in the right conversation, or refused.

use commands::{CommandError, NewAccount};
use domain::conversation::{ConversationEnd, ConversationEvent};

use crate::observing::Fact;
use crate::world::{
    MESSAGE_BYTES_MAX, World, at_once, message, message_with_id, minute, refusal, say, start_of_day,
};

/// Waits for whatever is said to it.
const LISTEN: &str = "WHILE TRUE\nHEAR words\nTALK \"You said \" + words\nWEND\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_sixteen_times_is_one_turn() {
    let world = World::new().await;
    let processes = [world.process().await, world.process().await];
    let bot = world.bot(&processes[0], LISTEN).await;
    let visitor = world.visitor(&processes[0], bot).await;
    let received = at_once(16, |number| {
        let (process, visitor) = (processes[number % 2].clone(), visitor.clone());
        async move {
            process
                .receive_turn(&visitor, message_with_id(1, "hello"), start_of_day())
                .await
                .expect("it is taken in")
        }
    })
    .await;
    assert_eq!(received.iter().filter(|turn| !turn.repeated).count(), 1);
    for turn in &received {
        assert_eq!(turn.turn_id, received[0].turn_id);
        assert_eq!(turn.conversation_id, received[0].conversation_id);
        assert_eq!(turn.token, received[0].token);
    }
    assert_eq!(
        world.turns().await,
        [(received[0].conversation_id, received[0].turn_id)]
    );
    world.hears(&["You said hello"]).await;
}

#[tokio::test]
async fn a_message_id_stands_for_one_text() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let (ann, bob) = (
        world.visitor(&process, bot).await,
        world.visitor(&process, bot).await,
    );
    let send = |visitor, text| process.receive_turn(visitor, message_with_id(1, text), start_of_day());
    send(&ann, "hello").await.expect("it is taken in");
    let other = send(&ann, "good-bye").await;
    assert!(matches!(other, Err(CommandError::Mismatch)), "{other:?}");
    let theirs = send(&bob, "good-bye")
        .await
        .expect("ids are counted in each session");
    assert!(!theirs.repeated);
    assert_eq!(world.turns().await.len(), 2);
}

#[tokio::test]
async fn a_message_without_an_id_is_always_new() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let first = say(&process, &visitor, "hello").await;
    let second = say(&process, &visitor, "hello").await;
    assert_ne!(first.turn_id, second.turn_id);
    world.hears(&["You said hello", "You said hello"]).await;
}

#[tokio::test]
async fn a_conversation_that_rested_too_long_is_followed_by_another() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Welcome\"").await;
    let visitor = world.visitor(&process, bot).await;
    let send = |at| process.receive_turn(&visitor, message("hello"), minute(at));
    let first = send(0).await.expect("taken in").conversation_id;
    // The script was started and ended: nothing waits.
    world.hears(&["Welcome", "No idea."]).await;
    let second = send(30).await.expect("taken in").conversation_id;
    assert_eq!(second, first, "thirty minutes are not too long");
    let third = send(61).await.expect("taken in").conversation_id;
    assert_ne!(third, first);
    let ended: Vec<_> = world
        .facts()
        .await
        .into_iter()
        .filter_map(|fact| match fact {
            Fact::Conversation(id, ConversationEvent::Ended { reason, .. }) => Some((id, reason)),
            _ => None,
        })
        .collect();
    assert_eq!(ended, [(first, ConversationEnd::Idle)]);
    // The opening script has run in this session, so it does not run again.
    world
        .hears(&["Welcome", "No idea.", "No idea.", "No idea."])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_that_race_into_an_idle_conversation_meet_in_the_next() {
    let world = World::new().await;
    let processes = [world.process().await, world.process().await];
    let bot = world.bot(&processes[0], "TALK \"Welcome\"").await;
    let visitor = world.visitor(&processes[0], bot).await;
    let before = say(&processes[0], &visitor, "hello").await.conversation_id;
    world.hears(&["Welcome", "No idea."]).await;
    let received = at_once(12, |number| {
        let (process, visitor) = (processes[number % 2].clone(), visitor.clone());
        async move { process.receive_turn(&visitor, message("again"), minute(31)).await }
    })
    .await;
    let conversations: Vec<_> = received
        .into_iter()
        .map(|turn| turn.expect("taken in").conversation_id)
        .collect();
    assert_ne!(conversations[0], before);
    assert!(
        conversations.iter().all(|id| *id == conversations[0]),
        "{conversations:?}"
    );
}

#[tokio::test]
async fn a_conversation_does_not_end_while_a_run_waits_in_it() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let first = say(&process, &visitor, "hello").await.conversation_id;
    world.hears(&["You said hello"]).await;
    let days_later = process
        .receive_turn(&visitor, message("still there?"), minute(3 * 24 * 60))
        .await
        .expect("taken in");
    assert_eq!(days_later.conversation_id, first);
    world.hears(&["You said hello", "You said still there?"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_turns_that_race_begin_one_conversation() {
    let world = World::new().await;
    let processes = [world.process().await, world.process().await];
    let bot = world.bot(&processes[0], "TALK \"Welcome\"").await;
    let visitor = world.visitor(&processes[0], bot).await;
    let received = at_once(12, |number| {
        let (process, visitor) = (processes[number % 2].clone(), visitor.clone());
        async move {
            if number == 0 {
                process.greet(&visitor, start_of_day()).await.expect("greeted");
            }
            say(&process, &visitor, "hello").await.conversation_id
        }
    })
    .await;
    assert!(received.iter().all(|id| *id == received[0]), "{received:?}");
    let started = "select count(*) from log.events where event_type = 'conversation.started'";
    assert_eq!(world.count(started).await, 1);
    let mut expected = vec!["Welcome"];
    expected.extend(["No idea."; 12]);
    world.hears(&expected).await;
}

#[tokio::test]
async fn a_bot_that_takes_no_visitors_takes_no_turns() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let send = |id, text| process.receive_turn(&visitor, message_with_id(id, text), start_of_day());
    let first = send(1, "hello").await.expect("taken in");
    process.pause_bot(&world.context(), bot).await.expect("paused");
    assert_eq!(refusal(send(2, "hello?").await), "bot_paused");
    // What was taken in before stays taken in, for whoever missed the answer.
    let again = send(1, "hello").await.expect("it was taken in");
    assert!(again.repeated);
    assert_eq!(
        (again.turn_id, again.conversation_id),
        (first.turn_id, first.conversation_id)
    );
    let other = send(1, "another").await;
    assert!(matches!(other, Err(CommandError::Mismatch)), "{other:?}");
    process.retire_bot(&world.context(), bot).await.expect("retired");
    assert_eq!(refusal(send(3, "hello?").await), "bot_retired");
    assert_eq!(world.turns().await.len(), 1);
}

#[tokio::test]
async fn a_turn_taken_in_before_its_session_ended_is_confirmed_afterwards() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let context = world.context();
    let post = |id| {
        process.post_turn(
            &context,
            visitor.session_id,
            message_with_id(id, "hello"),
            minute(0),
        )
    };
    let first = post(1).await.expect("taken in");
    process
        .end_session(&context, visitor.session_id)
        .await
        .expect("ended");
    let again = post(1).await.expect("it was taken in");
    assert_eq!((again.turn_id, again.repeated), (first.turn_id, true));
    assert_eq!(refusal(post(2).await), "session_ended");
}

#[tokio::test]
async fn a_message_that_cannot_be_kept_is_refused() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    // Counted in bytes: this is one too many of two each.
    let long = "é".repeat(MESSAGE_BYTES_MAX / 2) + "!";
    for bad in ["", "   ", "\n\t", "a\0b", "\0", &long] {
        let sent = process.receive_turn(&visitor, message(bad), start_of_day()).await;
        assert!(
            matches!(sent, Err(CommandError::Invalid { field: "content", .. })),
            "{bad:?} {sent:?}"
        );
    }
    assert!(world.turns().await.is_empty());
    let longest = "é".repeat(MESSAGE_BYTES_MAX / 2);
    say(&process, &visitor, &longest).await;
    world.hears(&[&format!("You said {longest}")]).await;
}

#[tokio::test]
async fn what_people_say_is_stored_sealed() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "xylophone").await;
    world.hears(&["You said xylophone"]).await;
    let clear = "select count(*) from log.events where payload::text like '%xylophone%'";
    assert_eq!(world.count(clear).await, 0);
    let in_receipts = "select count(*) from log.receipts r where r::text like '%xylophone%'";
    assert_eq!(world.count(in_receipts).await, 0);
}

#[tokio::test]
async fn somebody_whose_account_is_switched_off_is_not_heard() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK \"Hi\"\nHEAR x\nTALK x").await;
    let visitor = world.visitor(&process, bot).await;
    let user = visitor.open.user_id;
    let account = NewAccount {
        login: "ann@example.org".to_owned(),
        name: "Ann".to_owned(),
    };
    process
        .register_visitor(&world.context(), user, account)
        .await
        .expect("the login is free");
    let first = message_with_id(1, "one");
    process
        .receive_turn(&visitor, first.clone(), start_of_day())
        .await
        .expect("it is taken in");
    let elsewhere = world.process().await;
    elsewhere
        .deactivate_user(&world.context(), user)
        .await
        .expect("it is switched off");
    let refused = elsewhere
        .receive_turn(&visitor, message_with_id(2, "two"), start_of_day())
        .await;
    assert_eq!(refusal(refused), "user_deactivated");
    let known = elsewhere
        .receive_turn(&visitor, first, start_of_day())
        .await
        .expect("what was taken in before is known");
    assert!(known.repeated);
    elsewhere
        .reactivate_user(&world.context(), user)
        .await
        .expect("it is switched on");
    say(&elsewhere, &visitor, "three").await;
}
