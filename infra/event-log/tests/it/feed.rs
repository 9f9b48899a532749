//! The feed: every event, in order, sealed; a gap is corruption.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLogError, Feed, Position, StreamTypes};
use serde_json::json;
use tokio::sync::watch;

use crate::fixture::{Fixture, With, event, events, fixture, to};

fn silent_feed(f: &Fixture) -> Feed {
    // The sender is dropped: as where another process sequences.
    Feed::new(f.pool.clone(), watch::channel(Position(0)).1)
}

#[tokio::test]
async fn the_log_is_read_in_order_and_in_parts() {
    let f = fixture().await;
    for name in ["a", "b", "a", "c"] {
        f.stored(to(name).with(events(3))).await;
    }
    let feed = silent_feed(&f);
    assert!(
        feed.read(Position(0), 10).await.unwrap().is_empty(),
        "not before it is placed"
    );
    f.place_all().await;
    assert_eq!(feed.head().await.unwrap(), Position(12));
    let mut after = Position(0);
    let mut seen = vec![];
    loop {
        let page = feed.read(after, 5).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 5);
        after = last.position.unwrap();
        seen.extend(page);
    }
    assert_eq!(
        seen.iter().map(|e| e.position.unwrap().0).collect::<Vec<_>>(),
        (1..=12).collect::<Vec<_>>()
    );
    let streams: Vec<_> = seen
        .iter()
        .step_by(3)
        .map(|e| e.stream.aggregate_id.as_str())
        .collect();
    assert_eq!(streams, ["a", "b", "a", "c"]);
    assert!(
        seen.iter()
            .all(|e| e.slice == event_log::slice_of(&e.ordering_key))
    );
}

/// The end of the log is kept in memory; whatever of it is asked for is what the database says.
#[tokio::test]
async fn those_who_follow_together_read_what_one_alone_reads() {
    let f = fixture().await;
    let followers: Vec<Feed> = vec![silent_feed(&f); 4];
    let mut read = vec![vec![]; followers.len()];
    for round in 0..12 {
        f.stored(to("a").with(events(1 + round % 5))).await;
        f.place_all().await;
        let head = followers[0].head().await.unwrap();
        // Each comes now and then, and takes another number.
        for (number, feed) in followers.iter().enumerate() {
            while round % (number + 1) == 0 && (read[number].len() as i64) < head.0 {
                let after = Position(read[number].len() as i64);
                let page = feed.read(after, 2 + number as i64).await.unwrap();
                assert!(!page.is_empty() && page.len() <= 2 + number);
                read[number].extend(page);
            }
        }
    }
    for (number, read) in read.iter().enumerate() {
        let alone = silent_feed(&f)
            .read(Position(0), read.len() as i64)
            .await
            .unwrap();
        assert!(read.len() > 20, "reader {number}");
        assert_eq!(*read, alone, "reader {number}");
    }
}

#[tokio::test]
async fn a_page_is_bounded_by_bytes_but_never_empty() {
    let f = fixture().await;
    let large = || event(json!("x".repeat(1_000_000)));
    f.stored(to("a").with((0..20).map(|_| large()).collect())).await;
    f.place_all().await;
    let page = silent_feed(&f).read(Position(0), 100).await.unwrap();
    assert!((1..=9).contains(&page.len()), "{}", page.len());
    assert_eq!(silent_feed(&f).read(Position(19), 100).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_position_or_event_is_corruption() {
    let f = fixture().await;
    f.stored(to("a").with(events(5))).await;
    f.place_all().await;
    f.plant("delete from log.positions where position = 2; delete from log.events where sequence = 4;")
        .await;
    let feed = silent_feed(&f);
    let told = |read: Result<(), EventLogError>| match read {
        Err(EventLogError::Corrupt(problem)) => problem,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        told(feed.read(Position(0), 10).await.map(drop)),
        "position 2 is missing"
    );
    assert_eq!(
        told(feed.read(Position(1), 10).await.map(drop)),
        "position 2 is missing"
    );
    assert_eq!(
        told(feed.read(Position(2), 10).await.map(drop)),
        "the event at position 4 is missing"
    );
}

#[tokio::test]
async fn a_waiting_reader_is_woken() {
    let f = fixture().await;
    let (sender, placed) = watch::channel(Position(0));
    let feed = Feed::new(f.pool.clone(), placed);
    let running = tokio::spawn(f.sequencer().await.run(sender, std::future::pending()));
    let silent = silent_feed(&f);
    let (_, _, ()) = tokio::time::timeout(Duration::from_secs(10), async {
        tokio::join!(
            f.stored(to("a")),
            silent.wait_past(Position(0)),
            feed.wait_past(Position(0))
        )
    })
    .await
    .expect("woken");
    assert_eq!(feed.read(Position(0), 10).await.unwrap().len(), 1);
    running.abort();
}

#[tokio::test]
async fn a_scan_finds_what_it_looks_for_and_how_far_it_looked() {
    let f = fixture().await;
    let of = |noun: &str, event_type: &str| {
        let mut command = to(noun);
        command.stream.aggregate_type = noun.to_owned();
        command.events = events(2);
        command.events[1].event_type = event_type.to_owned();
        command
    };
    for command in [
        of("lamp", "lamp.lit"),
        of("door", "door.opened"),
        of("lamp", "lamp.lit"),
    ] {
        f.stored(command).await;
    }
    f.place_all().await;
    let feed = silent_feed(&f);
    let scan = async |after: i64, up_to: i64, limit: i64, streams: &[StreamTypes]| {
        let scanned = feed
            .scan(Position(after), Position(up_to), limit, streams)
            .await
            .expect("scanned");
        let positions = scanned.events.iter().map(|event| event.position.unwrap().0);
        (positions.collect::<Vec<_>>(), scanned.to.0)
    };
    let lamps = [StreamTypes::all("lamp")];
    assert_eq!(scan(0, 6, 100, &lamps).await, (vec![1, 2, 5, 6], 6));
    assert_eq!(scan(1, 5, 100, &lamps).await, (vec![2, 5], 5));
    assert_eq!(scan(1, 6, 3, &lamps).await, (vec![2], 4));
    assert_eq!(scan(6, 6, 100, &lamps).await, (vec![], 6));
    let both = [StreamTypes::some("lamp", &["lamp.lit"]), StreamTypes::all("door")];
    assert_eq!(scan(0, 6, 100, &both).await, (vec![2, 3, 4, 6], 6));
    assert_eq!(scan(0, 6, 100, &[]).await, (vec![], 6));
    // What it finds is what reading finds, but for the metadata.
    let mut read = feed.read(Position(0), 2).await.unwrap();
    for event in &mut read {
        Arc::make_mut(event).metadata = json!(null);
    }
    let scanned = feed.scan(Position(0), Position(2), 9, &lamps).await.unwrap();
    assert_eq!(scanned.events, read);
}

#[tokio::test]
async fn a_scan_is_bounded_by_bytes_and_goes_on_behind_them() {
    let f = fixture().await;
    let large = || event(json!("x".repeat(1_000_000)));
    f.stored(to("a").with((0..20).map(|_| large()).collect())).await;
    f.place_all().await;
    let (feed, tasks) = (silent_feed(&f), [StreamTypes::all("task")]);
    let (mut at, mut found, mut scans) = (Position(0), 0, 0);
    while at < Position(20) {
        let scanned = feed.scan(at, Position(20), 100, &tasks).await.unwrap();
        assert!(
            (1..=9).contains(&scanned.events.len()),
            "{}",
            scanned.events.len()
        );
        found += scanned.events.len();
        at = scanned.to;
        scans += 1;
    }
    assert_eq!(found, 20);
    assert!(scans > 2);
}

#[tokio::test]
async fn a_scan_notices_what_is_missing() {
    let f = fixture().await;
    f.stored(to("a").with(events(5))).await;
    f.place_all().await;
    f.plant("delete from log.positions where position = 2; delete from log.events where sequence = 4;")
        .await;
    let feed = silent_feed(&f);
    for (after, up_to, problem) in [
        (0, 3, "between positions 0 and 3 one is missing"),
        (2, 5, "the event at position 4 is missing"),
        (4, 9, "between positions 4 and 9 one is missing"),
    ] {
        let scanned = feed
            .scan(Position(after), Position(up_to), 100, &[StreamTypes::all("lamp")])
            .await;
        match scanned {
            Err(EventLogError::Corrupt(text)) => assert_eq!(text, problem),
            other => panic!("{other:?}"),
        }
    }
}

/// Once a waiter held a lock of the channel while it asked for it again, and met whoever wanted to tell something.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_wait_do_not_hold_up_those_who_tell() {
    let f = fixture().await;
    let (sender, placed) = watch::channel(Position(0));
    let feed = Feed::new(f.pool.clone(), placed);
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let feed = feed.clone();
            tokio::spawn(async move {
                for after in 0..20_000 {
                    feed.wait_past(Position(after)).await;
                }
            })
        })
        .collect();
    let telling = tokio::task::spawn_blocking(move || {
        for position in 1..=20_000 {
            sender.send_replace(Position(position));
        }
        sender
    });
    let all = async {
        telling.await.expect("told");
        for waiter in waiters {
            waiter.await.expect("woken");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("nobody holds anybody up");
}
