//! A command id stores its events once.

use event_log::{EventLogError, Outcome, Token};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{With, events, fixture, stored, tenant, to};

#[tokio::test]
async fn a_repetition_answers_as_the_first_time() {
    let f = fixture().await;
    let first = f.stored(to("a").id(1).with(events(3))).await;
    f.stored(to("a")).await;
    assert_eq!(
        f.one(to("a").id(1).with(events(3))).await,
        Outcome::Duplicate(first.clone())
    );
    // Also where the stream has moved on from what the command expected.
    assert_eq!(
        f.one(to("a").id(1).expecting(0)).await,
        Outcome::Duplicate(first.clone())
    );
    let (digest, receipt) = f
        .log
        .receipt(tenant(1), Uuid::from_u128(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((digest, receipt), ([1; 32], first));
    assert_eq!(f.log.receipt(tenant(2), Uuid::from_u128(1)).await.unwrap(), None);
    f.assert_sound().await;
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_mismatch() {
    let f = fixture().await;
    f.stored(to("a").id(1)).await;
    let mut other = to("a").id(1);
    other.digest = [2; 32];
    assert_eq!(f.one(other).await, Outcome::Mismatch);
    f.assert_sound().await;
}

#[tokio::test]
async fn an_id_repeated_within_a_batch_is_stored_once() {
    let f = fixture().await;
    let outcomes = f
        .log
        .append(vec![to("a").id(1), to("b").id(1), to("b").id(2)])
        .await
        .unwrap();
    let first = stored(outcomes[0].clone());
    assert_eq!(outcomes[1], Outcome::Duplicate(first));
    assert!(matches!(outcomes[2], Outcome::Stored(_)));
    f.assert_sound().await;
}

#[tokio::test]
async fn a_refused_command_may_come_again_with_its_id() {
    let f = fixture().await;
    f.stored(to("a")).await;
    assert_eq!(
        f.one(to("a").id(1).expecting(0)).await,
        Outcome::Conflict { version: 1 }
    );
    f.stored(to("a").id(1).expecting(1)).await;
    f.assert_sound().await;
}

#[tokio::test]
async fn receipts_are_asked_for_in_one_go() {
    let f = fixture().await;
    f.stored(to("a").id(1)).await;
    f.stored(to("b").id(3)).await;
    let ids: Vec<Uuid> = (1..=4).map(Uuid::from_u128).collect();
    assert_eq!(
        f.log.receipts_of(tenant(1), &ids).await.unwrap(),
        [ids[0], ids[2]]
    );
    assert!(f.log.receipts_of(tenant(2), &ids).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_token_waits_for_its_position_and_knows_its_epoch() {
    let f = fixture().await;
    let stored = f.stored(to("a").with(events(3))).await;
    assert_eq!(f.log.position_of(stored.token).await.unwrap(), None);
    f.place_all().await;
    assert_eq!(
        f.log.position_of(stored.token).await.unwrap(),
        Some(event_log::Position(3))
    );
    assert_eq!(stored.token.to_string().parse::<Token>().unwrap(), stored.token);
    let foreign = Token {
        epoch: 2,
        ..stored.token
    };
    assert!(matches!(
        f.log.position_of(foreign).await,
        Err(EventLogError::ForeignEpoch)
    ));
}

#[tokio::test]
async fn a_lost_answer_is_found_again() {
    let f = fixture().await;
    // A trigger that ends the session once the rows are there: the client cannot know what became of them.
    f.plant(
        "create sequence log.fuse;
         create function log.blow() returns trigger language plpgsql security definer as $$ begin
           if nextval('log.fuse') = 1 then perform pg_terminate_backend(pg_backend_pid()); end if; return null; end $$;
         create trigger blow after insert on log.events for each statement execute function log.blow();",
    )
    .await;
    let outcome = f.one(to("a").id(1)).await;
    assert!(
        matches!(outcome, Outcome::Stored(ref s) if s.answer == json!({"for": "a"})),
        "{outcome:?}"
    );
    f.plant("select setval('log.fuse', 1, false)").await;
    let error = f.log.append(vec![to("b")]).await.unwrap_err();
    assert!(matches!(error, EventLogError::Unknown(_)), "{error:?}");
    assert_eq!(f.count("select count(*) from log.events").await, 1);
}

#[tokio::test]
async fn what_was_committed_before_the_connection_was_lost_is_recognised_as_ours() {
    let f = fixture().await;
    let command = f.log.seal(to("a").id(1).with(events(2))).await.unwrap();
    let first = f
        .log
        .append_sealed(vec![command.clone()])
        .await
        .unwrap()
        .remove(0);
    // The same sealed command once more, as after an answer that never came.
    let again = f.log.append_sealed(vec![command]).await.unwrap().remove(0);
    assert_eq!(stored(again), stored(first));
    assert_eq!(f.count("select count(*) from log.events").await, 2);
}
