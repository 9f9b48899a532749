//! Rebuilds: the same rows from the first event on, beside a runtime that goes on and readers who notice nothing.

use std::sync::Mutex;
use std::time::Duration;

use domain::conversation::ConversationEvent;
use event_log::{Feed, Position};
use projections::{
    NAMES, Page, Progress, RebuildError, RebuildOptions, Stage, certificates, list, rebuild, roll_back,
};
use tokio::sync::watch;
use tokio::time::sleep;

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
    let rows = fixture.digests().await;
    for (number, name) in NAMES.iter().enumerate() {
        let told: Mutex<Vec<Progress>> = Mutex::default();
        let options = RebuildOptions {
            writers: u16::try_from(number).expect("few") + 1,
            ..Fixture::building()
        };
        let rebuilt = rebuild(&fixture.projector, &fixture.feed, name, &options, |progress| {
            told.lock().expect("nobody panicked").push(progress);
        })
        .await
        .expect("rebuilt");
        assert_eq!(
            (rebuilt.from, rebuilt.to, rebuilt.switched),
            (Position(0), head, true)
        );
        let certificate = rebuilt.certificate.expect("compared");
        assert!(
            certificate.equal && certificate.position == head,
            "{certificate:?}"
        );
        assert!(
            certificate
                .tables
                .iter()
                .all(|table| table.live_rows == table.built_rows)
        );
        let kept = certificates(&fixture.projector, Some(name), 10)
            .await
            .expect("readable");
        assert_eq!(kept.len(), 1);
        assert_eq!(
            (kept[0].id, &kept[0].tables),
            (certificate.id, &certificate.tables)
        );
        assert!(kept[0].switched_at.is_some());
        assert_eq!(fixture.live(name).await, format!("read_{name}_b"));
        let told = told.into_inner().expect("nobody panicked");
        let stages: Vec<Stage> = told.iter().map(|progress| progress.stage).collect();
        assert!(stages.is_sorted_by_key(|stage| *stage as u8), "{stages:?}");
        assert_eq!(
            told.last().map(|progress| (progress.stage, progress.position)),
            Some((Stage::Switching, head))
        );
    }
    assert_eq!(fixture.digests().await, rows);
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
    fixture.place().await;
    for name in NAMES {
        let rebuilt = fixture.rebuild(name).await;
        assert_eq!((rebuilt.from, rebuilt.to), (Position(0), stood), "{name}");
        assert!(rebuilt.certificate.expect("compared").equal, "{name}");
    }
    fixture.catch_up(&Fixture::options()).await;
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
        let mut seen = 0;
        for _ in 0..60 {
            let (turn, received) = cast.turn("more");
            let said = ConversationEvent::ReplyProduced(cast.reply(Some(turn), "yes"));
            let token = fixture.conversation(&cast, &[received, said]).await;
            fixture.place().await;
            // A reader with a token sees what it wrote, and never less than before, on whichever side of a switch.
            running
                .projections
                .wait_for_token(&fixture.log, &["conversation"], token, PATIENCE)
                .await
                .expect("in time");
            let row = fixture
                .reads(cast.tenant)
                .await
                .conversation(cast.conversation)
                .await;
            let count = row.expect("readable").expect("a conversation").turn_count;
            assert!(count > seen, "{count} after {seen}");
            seen = count;
        }
    };
    let rebuilding = async {
        for round in 0..6 {
            if round % 3 == 2 {
                let options = Fixture::building();
                roll_back(
                    &fixture.projector,
                    &fixture.feed,
                    "conversation",
                    &options,
                    |_| {},
                )
                .await
                .expect("rolled back");
            } else {
                let certificate = fixture
                    .rebuild("conversation")
                    .await
                    .certificate
                    .expect("compared");
                assert!(certificate.equal, "{:?}", certificate.tables);
            }
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
    assert_eq!((row.turn_count, row.reply_count), (61, 62));
    fixture.assert_rebuilds_alike().await;
    let turns = fixture
        .reads(cast.tenant)
        .await
        .turns(cast.conversation, &Page::default())
        .await;
    assert!(turns.expect("readable").has_next);
}

/// Who began to read before a switch reads on as of then, from the rows that were live.
#[tokio::test]
async fn a_reader_reads_on_across_a_switch() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;
    fixture.rebuild("conversation").await;
    let (_, received) = cast.turn("one more");
    fixture.conversation(&cast, &[received]).await;
    fixture.catch_up(&Fixture::options()).await;
    let then = reads.conversation(cast.conversation).await.expect("readable");
    assert_eq!(then.expect("a conversation").turn_count, 1);
    let now = fixture
        .reads(cast.tenant)
        .await
        .conversation(cast.conversation)
        .await;
    assert_eq!(now.expect("readable").expect("a conversation").turn_count, 2);
}

#[tokio::test]
async fn a_rebuild_that_was_interrupted_goes_on() {
    let fixture = Fixture::new().await;
    fixture.random(8, 40).await;
    fixture.catch_up(&Fixture::options()).await;
    let head = fixture.place().await;
    let slow = RebuildOptions {
        events_per_second: Some(20),
        ..Fixture::building()
    };
    let far = |progress: Progress| progress.position > Position(0);
    let (reached, mut on_its_way) = watch::channel(false);
    tokio::select! {
        _ = rebuild(&fixture.projector, &fixture.feed, "conversation", &slow, |progress| {
            reached.send_if_modified(|reached| !std::mem::replace(reached, far(progress)) && *reached);
        }) => panic!("it is slow"),
        _ = on_its_way.wait_for(|reached| *reached) => {}
    }
    let building = || async {
        let statuses = list(&fixture.projector, head).await.expect("readable");
        let status = statuses.into_iter().find(|status| status.name == "conversation");
        status.and_then(|status| status.building)
    };
    let stood = building().await.expect("it is being built");
    assert!(stood.position > Position(0) && stood.position < head, "{stood:?}");
    // It leaves, in a task of its own. Had it fallen silent, others would wait for it at first.
    let there = "select exists (select from read.members where owner = $1)";
    while sqlx::query_scalar(there)
        .bind(slow.owner)
        .fetch_one(&fixture.projector)
        .await
        .expect("readable")
    {
        sleep(Duration::from_millis(10)).await;
    }
    let silent = format!(
        "insert into read.members values ('{}', false, now() + interval '1 second')",
        slow.owner
    );
    fixture.as_owner(&silent).await;
    let other = RebuildOptions {
        switch: false,
        ..Fixture::building()
    };
    let held = rebuild(&fixture.projector, &fixture.feed, "conversation", &other, |_| {})
        .await
        .expect_err("it may be alive");
    assert!(matches!(held, RebuildError::Held { .. }), "{held}");
    while building().await.expect("it is being built").active {
        sleep(Duration::from_millis(50)).await;
    }
    let rebuilt = rebuild(&fixture.projector, &fixture.feed, "conversation", &other, |_| {})
        .await
        .expect("rebuilt");
    assert_eq!(
        (rebuilt.from, rebuilt.to, rebuilt.switched),
        (stood.position, head, false)
    );
    assert!(rebuilt.certificate.expect("compared").equal);
    assert_eq!(fixture.live("conversation").await, "read_conversation_a");
    // What was only compared is there to be read another time, or thrown away.
    let again = fixture.rebuild("conversation").await;
    assert_eq!((again.from, again.switched), (head, true));
    let anew = RebuildOptions {
        restart: true,
        ..Fixture::building()
    };
    let anew = rebuild(&fixture.projector, &fixture.feed, "conversation", &anew, |_| {}).await;
    assert_eq!(anew.expect("rebuilt").from, Position(0));
}

/// One that was given up while it slept, and wakes up.
#[tokio::test]
async fn a_builder_whose_work_was_taken_over_cannot_go_on_with_it() {
    let fixture = Fixture::new().await;
    fixture.random(8, 40).await;
    fixture.catch_up(&Fixture::options()).await;
    let slow = RebuildOptions {
        events_per_second: Some(10),
        ..Fixture::building()
    };
    let (reached, mut on_its_way) = watch::channel(false);
    let tell = |progress: Progress| {
        if progress.position > Position(0) {
            reached.send_replace(true);
        }
    };
    let first = rebuild(&fixture.projector, &fixture.feed, "conversation", &slow, tell);
    let other = Fixture::building();
    let second = async {
        on_its_way
            .wait_for(|reached| *reached)
            .await
            .expect("it is on its way");
        loop {
            fixture.as_owner("delete from read.members").await;
            match rebuild(&fixture.projector, &fixture.feed, "conversation", &other, |_| {}).await {
                Err(RebuildError::Held { .. }) => {}
                done => return done.expect("rebuilt"),
            }
        }
    };
    let (first, second) = tokio::join!(first, second);
    assert!(matches!(first, Err(RebuildError::Lost { .. })), "{first:?}");
    assert!(second.certificate.expect("compared").equal);
    fixture.assert_rebuilds_alike().await;
}

#[tokio::test]
async fn rows_that_differ_are_counted_and_mended_by_a_rebuild() {
    let fixture = Fixture::new().await;
    fixture.told(&Cast::new()).await;
    fixture.told(&Cast::new()).await;
    fixture.catch_up(&Fixture::options()).await;
    let rows = fixture.digests().await;
    fixture
        .as_owner(
            "alter table read_conversation_a.turns no force row level security;
             delete from read_conversation_a.turns where author = 'visitor';
             alter table read_conversation_a.turns force row level security",
        )
        .await;
    assert_ne!(fixture.digests().await, rows);
    let certificate = fixture
        .rebuild("conversation")
        .await
        .certificate
        .expect("compared");
    assert!(!certificate.equal);
    let counts: Vec<_> = certificate
        .tables
        .iter()
        .map(|table| {
            (
                table.table.as_str(),
                table.live_rows,
                table.built_rows,
                table.only_live,
                table.only_built,
            )
        })
        .collect();
    assert_eq!(
        counts,
        [
            ("conversations", 2, 2, 0, 0),
            ("turns", 4, 6, 0, 2),
            ("notes", 2, 2, 0, 0)
        ]
    );
    assert_eq!(fixture.digests().await, rows);
}

#[tokio::test]
async fn what_was_live_is_kept_and_brought_back() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    let options = Fixture::building();
    let back = || {
        roll_back(
            &fixture.projector,
            &fixture.feed,
            "conversation",
            &options,
            |_| {},
        )
    };
    let nothing = back().await.expect_err("nothing is kept");
    assert!(matches!(nothing, RebuildError::NothingKept { .. }), "{nothing}");
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    fixture.rebuild("conversation").await;
    let (_, received) = cast.turn("one more");
    fixture.conversation(&cast, &[received]).await;
    fixture.catch_up(&Fixture::options()).await;
    let rows = fixture.digests().await;
    let brought = back().await.expect("brought back");
    assert!(brought.switched && brought.certificate.is_none());
    assert_eq!(fixture.live("conversation").await, "read_conversation_a");
    assert_eq!(fixture.digests().await, rows);
    // And forth.
    back().await.expect("brought back");
    assert_eq!(fixture.live("conversation").await, "read_conversation_b");
    assert_eq!(fixture.digests().await, rows);
    fixture
        .as_owner("update read.slots set version = 99 where name = 'conversation' and state = 'kept'")
        .await;
    let other = back().await.expect_err("of another version");
    assert!(
        matches!(other, RebuildError::OtherVersion { stored: 99, .. }),
        "{other}"
    );
}

/// A server of a new version makes older rows anew by itself, once, and reads the old ones until then.
#[tokio::test]
async fn older_rows_are_made_anew_once_and_newer_ones_left_alone() {
    let fixture = Fixture::new().await;
    fixture.random(9, 40).await;
    fixture.catch_up(&Fixture::options()).await;
    let rows = fixture.digests().await;
    fixture
        .as_owner("update read.slots set version = 0 where state = 'live'")
        .await;
    let running = [
        fixture.start(&Fixture::options()),
        fixture.start(&Fixture::options()),
    ];
    let head = fixture.place().await;
    for one in &running {
        one.projections
            .wait_for(NAMES, head, PATIENCE)
            .await
            .expect("made anew");
    }
    for name in NAMES {
        assert_eq!(fixture.live(name).await, format!("read_{name}_b"));
        let kept = certificates(&fixture.projector, Some(name), 10)
            .await
            .expect("readable");
        assert_eq!((kept.len(), kept[0].from_version), (1, Some(0)));
    }
    for one in running {
        one.stop().await;
    }
    assert_eq!(fixture.digests().await, rows);

    fixture
        .as_owner("update read.slots set version = 99 where state = 'live'")
        .await;
    let running = fixture.start(&Fixture::options());
    fixture.random(10, 10).await;
    let later = fixture.place().await;
    let waited = running
        .projections
        .wait_for(NAMES, later, Duration::from_millis(500))
        .await;
    assert!(waited.is_err());
    running.stop().await;
    assert_eq!(fixture.digests().await, rows);
}

#[tokio::test]
async fn a_rebuild_that_fails_leaves_everything_as_it_was() {
    let fixture = Fixture::new().await;
    fixture.told(&Cast::new()).await;
    fixture.catch_up(&Fixture::options()).await;
    let rows = fixture.digests().await;
    let options = Fixture::building();
    let unknown = rebuild(&fixture.projector, &fixture.feed, "lamps", &options, |_| {})
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
    let error = rebuild(&fixture.projector, &foreign, "bot", &options, |_| {})
        .await
        .expect_err("too short");
    assert!(matches!(error, RebuildError::LogShorter { end: Position(0), .. }));
    assert_eq!(fixture.digests().await, rows);
    assert_eq!(fixture.live("bot").await, "read_bot_a");
}
