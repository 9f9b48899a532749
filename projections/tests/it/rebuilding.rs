//! Rebuilds: the same rows from the first event on, beside a runtime that goes on.

use domain::conversation::ConversationEvent;
use event_log::{Feed, Position};
use projections::{NAMES, Page, RebuildError, rebuild};
use tokio::sync::watch;

use crate::fixture::{Fixture, PATIENCE};
use crate::history::Cast;

#[tokio::test]
async fn a_rebuild_gives_the_rows_that_were_there() {
    let fixture = Fixture::new().await;
    fixture.random(3, 60).await;
    fixture
        .catch_up(&projections::Options {
            batch_events: 5,
            ..Fixture::options()
        })
        .await;
    let head = fixture.place().await;
    for name in NAMES {
        let mut last = Position(0);
        let rebuilt = rebuild(&fixture.projector, &fixture.feed, name, |progress| {
            last = progress.position;
        })
        .await
        .expect("rebuilt");
        assert_eq!((rebuilt.from, rebuilt.to, last), (head, head, head));
        assert_eq!(rebuilt.before, rebuilt.after, "{name}");
    }
}

#[tokio::test]
async fn rows_that_lag_are_compared_where_they_stand() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    let stood = fixture.place().await;
    fixture.catch_up(&Fixture::options()).await;
    // What nobody folds before the rebuild.
    let (_, received) = cast.turn("one more");
    fixture.conversation(&cast, &[received]).await;
    let head = fixture.place().await;
    for name in NAMES {
        let rebuilt = rebuild(&fixture.projector, &fixture.feed, name, |_| {})
            .await
            .expect("rebuilt");
        assert_eq!((rebuilt.from, rebuilt.to), (stood, head), "{name}");
        assert_eq!(rebuilt.before, rebuilt.after, "{name}");
    }
    // The event is folded all the same.
    let row = fixture
        .reads(cast.tenant)
        .await
        .conversation(cast.conversation)
        .await;
    assert_eq!(row.expect("readable").expect("a conversation").turn_count, 2);
}

#[tokio::test]
async fn a_rebuild_beside_the_live_runtime_loses_and_doubles_nothing() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    let running = fixture.start(&projections::Options {
        batch_events: 3,
        ..Fixture::options()
    });
    let talking = async {
        for _ in 0..40 {
            let (turn, received) = cast.turn("more");
            let said = ConversationEvent::ReplyProduced(cast.reply(Some(turn), "yes"));
            fixture.conversation(&cast, &[received, said]).await;
            fixture.place().await;
        }
    };
    let rebuilding = async {
        for _ in 0..5 {
            rebuild(&fixture.projector, &fixture.feed, "conversation", |_| {})
                .await
                .expect("rebuilt");
        }
    };
    tokio::join!(talking, rebuilding);
    let head = fixture.place().await;
    running
        .projections
        .wait_for(NAMES, head, PATIENCE)
        .await
        .expect("they catch up");
    running.stop().await;
    let row = fixture
        .reads(cast.tenant)
        .await
        .conversation(cast.conversation)
        .await;
    let row = row.expect("readable").expect("a conversation");
    assert_eq!((row.turn_count, row.reply_count), (41, 42));
    let rebuilt = rebuild(&fixture.projector, &fixture.feed, "conversation", |_| {})
        .await
        .expect("rebuilt");
    assert_eq!(rebuilt.before, rebuilt.after);
    let turns = fixture
        .reads(cast.tenant)
        .await
        .turns(cast.conversation, &Page::default())
        .await;
    assert!(turns.expect("readable").has_next);
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_everything_as_it_was() {
    let fixture = Fixture::new().await;
    fixture.told(&Cast::new()).await;
    fixture.catch_up(&Fixture::options()).await;
    let rows = fixture.digests().await;
    let unknown = rebuild(&fixture.projector, &fixture.feed, "lamps", |_| {})
        .await
        .expect_err("no lamps");
    assert_eq!(
        unknown.to_string(),
        "there is no projection \"lamps\"; there are organisation, user, bot, session, file, conversation, run"
    );
    // The log of another database: shorter than the rows say.
    let other = Fixture::new().await;
    let (_placed, heard) = watch::channel(Position(0));
    let foreign = Feed::new(other.database.pool("botserver_log").await, heard);
    let error = rebuild(&fixture.projector, &foreign, "bot", |_| {})
        .await
        .expect_err("too short");
    assert!(matches!(error, RebuildError::LogShorter { end: Position(0), .. }));
    assert_eq!(fixture.digests().await, rows);
}
