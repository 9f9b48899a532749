//! Parked events: what cannot be folded holds up its own ordering key, nothing else, and goes on after the mend.

use domain::bot::BotEvent;
use domain::conversation::ConversationEvent;
use event_log::{NewEvent, Position};
use projections::{NAMES, ParkedError, ParkedRow, list, parked, parked_at, retry, skip};
use serde_json::json;
use uuid::Uuid;

use crate::fixture::{Fixture, PATIENCE, Running};
use crate::history::Cast;

const ALL: i64 = 1_000;

/// A bot whose first event is of no form, and a good one after it.
async fn malformed_bot(fixture: &Fixture, cast: &Cast) -> Uuid {
    let id = Uuid::now_v7();
    let malformed = NewEvent {
        event_type: "bot.created".to_owned(),
        event_version: 1,
        payload: json!({ "name": 7 }),
    };
    fixture
        .append_raw(cast.tenant, "bot", id, id, vec![malformed])
        .await;
    fixture
        .append(cast.tenant, "bot", id, id, &[BotEvent::Paused {}])
        .await;
    id
}

async fn waiting(fixture: &Fixture, name: &str) -> Vec<ParkedRow> {
    parked(&fixture.projector, Some(name), ALL)
        .await
        .expect("readable")
}

/// Position and what hinders it, of each.
fn shown(rows: &[ParkedRow]) -> Vec<(i64, Option<&str>)> {
    rows.iter()
        .map(|row| (row.position.0, row.error.as_deref()))
        .collect()
}

async fn until_waiting(fixture: &Fixture, name: &str, count: usize) -> Vec<ParkedRow> {
    loop {
        let rows = waiting(fixture, name).await;
        if rows.len() == count {
            return rows;
        }
        tokio::task::yield_now().await;
    }
}

async fn caught_up(fixture: &Fixture, running: &Running) -> Position {
    let head = fixture.place().await;
    running
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("all go on");
    head
}

const MALFORMED: &str = "event bot.created does not have the form this version reads";
const UNBEGUN: &str = "the event comes before the one that begins its row";

#[tokio::test]
async fn an_event_that_cannot_be_folded_holds_up_its_own_key_and_nothing_else() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    let before = fixture.place().await;
    malformed_bot(&fixture, &cast).await;
    fixture.told(&cast).await;
    let unknown = NewEvent {
        event_type: "session.blessed".to_owned(),
        event_version: 1,
        payload: json!({}),
    };
    let session = cast.session.0;
    fixture
        .append_raw(cast.tenant, "session", session, session, vec![unknown])
        .await;
    let running = fixture.start(&Fixture::options());
    let head = caught_up(&fixture, &running).await;
    let (first, second) = (before.0 + 1, before.0 + 2);
    assert_eq!(
        shown(&waiting(&fixture, "bot").await),
        [(first, Some(MALFORMED)), (second, None)]
    );
    // A checkpoint follows what is only passed a moment later, and at a stop.
    running.stop().await;
    let status = list(&fixture.projector, head).await.expect("readable");
    for status in status {
        let expected = if status.name == "bot" { 2 } else { 0 };
        assert_eq!(
            (status.parked_events, status.lag_events, status.failure),
            (expected, 0, None)
        );
    }
    let bot = fixture.reads(cast.tenant).await.bot_by_name("shop").await;
    assert!(bot.expect("readable").is_some(), "another bot of the same batch");
}

#[tokio::test]
async fn what_is_skipped_is_passed_over_in_a_rebuild_too() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    let before = fixture.place().await;
    malformed_bot(&fixture, &cast).await;
    let running = fixture.start(&Fixture::options());
    caught_up(&fixture, &running).await;
    let (first, second) = (Position(before.0 + 1), Position(before.0 + 2));
    let malformed = parked_at(&fixture.projector, "bot", first)
        .await
        .expect("it is parked");
    skip(&fixture.projector, &malformed).await.expect("skipped");
    // What stood behind it has its own trouble.
    let left = until_waiting(&fixture, "bot", 1).await;
    assert_eq!(left[0].position, second);
    let left = loop {
        let left = waiting(&fixture, "bot").await;
        if left[0].error.is_some() {
            break left;
        }
    };
    assert_eq!(shown(&left), [(second.0, Some(UNBEGUN))]);
    skip(&fixture.projector, &left[0]).await.expect("skipped");
    until_waiting(&fixture, "bot", 0).await;
    running.stop().await;
    let certificate = fixture.rebuild("bot").await.certificate.expect("compared");
    assert!(certificate.equal, "{:?}", certificate.tables);
    assert!(waiting(&fixture, "bot").await.is_empty());

    let missing = parked_at(&fixture.projector, "bot", first)
        .await
        .expect_err("no more");
    assert!(matches!(missing, ParkedError::NotParked { .. }), "{missing}");
    let unknown = retry(&fixture.projector, "lamps", None)
        .await
        .expect_err("no lamps");
    assert!(matches!(unknown, ParkedError::Unknown { .. }), "{unknown}");
}

/// A row that the database refuses is found among those of its batch, and goes on in order once it is taken.
#[tokio::test]
async fn after_the_mend_a_key_goes_on_where_it_stopped() {
    let fixture = Fixture::new().await;
    let (cast, other) = (Cast::new(), Cast::new());
    fixture.told(&cast).await;
    fixture.told(&other).await;
    fixture
        .as_owner(
            "alter table read_conversation_a.conversations add constraint few_turns check (turn_count < 3)",
        )
        .await;
    for _ in 0..4 {
        let (turn, received) = cast.turn("more");
        let said = ConversationEvent::ReplyProduced(cast.reply(Some(turn), "yes"));
        fixture.conversation(&cast, &[received, said]).await;
    }
    let (_, received) = other.turn("one more");
    fixture.conversation(&other, &[received]).await;
    let running = fixture.start(&Fixture::options());
    caught_up(&fixture, &running).await;
    let rows = waiting(&fixture, "conversation").await;
    let refused = "the database refused the rows (23514, few_turns)";
    assert_eq!(rows.len(), 6, "two turns and their replies went in: {rows:?}");
    assert_eq!(rows[0].error.as_deref(), Some(refused));
    assert!(rows[1..].iter().all(|row| row.error.is_none()));
    let turns = async |cast: &Cast| {
        let reads = fixture.reads(cast.tenant).await;
        let row = reads.conversation(cast.conversation).await;
        row.expect("readable").expect("a conversation").turn_count
    };
    assert_eq!((turns(&cast).await, turns(&other).await), (2, 2));
    // What comes for the key waits behind, and what cannot be folded yet is counted.
    let (_, received) = cast.turn("late");
    fixture.conversation(&cast, &[received]).await;
    caught_up(&fixture, &running).await;
    retry(&fixture.projector, "conversation", None)
        .await
        .expect("asked for");
    let tried = loop {
        let rows = waiting(&fixture, "conversation").await;
        if rows[0].attempts > 1 {
            break rows;
        }
    };
    assert_eq!((tried.len(), tried[0].error.as_deref()), (7, Some(refused)));
    running.stop().await;

    fixture
        .as_owner("alter table read_conversation_a.conversations drop constraint few_turns")
        .await;
    // Whoever leads next tries at once, whatever the pause.
    let running = fixture.start(&Fixture::options());
    until_waiting(&fixture, "conversation", 0).await;
    assert_eq!(turns(&cast).await, 6);
    let (_, received) = cast.turn("and on");
    fixture.conversation(&cast, &[received]).await;
    caught_up(&fixture, &running).await;
    assert_eq!(turns(&cast).await, 7);
    running.stop().await;
    let certificate = fixture
        .rebuild("conversation")
        .await
        .certificate
        .expect("compared");
    assert!(certificate.equal, "{:?}", certificate.tables);
}

#[tokio::test]
async fn the_size_of_a_batch_does_not_show_in_what_is_parked() {
    let fixture = Fixture::new().await;
    fixture.random(5, 20).await;
    malformed_bot(&fixture, &Cast::new()).await;
    fixture.random(6, 20).await;
    malformed_bot(&fixture, &Cast::new()).await;
    let mut first = None;
    for batch_events in [1, 2, 7, 1_000] {
        fixture.forget().await;
        let options = projections::Options {
            batch_events,
            ..Fixture::options()
        };
        fixture.catch_up(&options).await;
        let rows = waiting(&fixture, "bot").await;
        let found = (
            fixture.digests().await,
            rows.iter()
                .map(|row| (row.position, row.error.clone()))
                .collect::<Vec<_>>(),
        );
        assert_eq!(found.1.len(), 4);
        let expected = first.get_or_insert_with(|| found.clone());
        assert_eq!(&found, expected, "batches of {batch_events}");
    }
    // Nor does a rebuild.
    let certificate = fixture.rebuild("bot").await.certificate.expect("compared");
    assert!(certificate.equal, "{:?}", certificate.tables);
    let rows = waiting(&fixture, "bot").await;
    let (_, expected) = first.expect("there were rounds");
    assert_eq!(
        rows.iter()
            .map(|row| (row.position, row.error.clone()))
            .collect::<Vec<_>>(),
        expected
    );
}
