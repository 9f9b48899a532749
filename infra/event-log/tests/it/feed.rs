//! The feed: every event, in order, sealed; a gap is corruption.

use std::time::Duration;

use event_log::{EventLogError, Feed, Position};
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
    let told = |result: Result<_, EventLogError>| match result {
        Err(EventLogError::Corrupt(problem)) => problem,
        other => panic!(
            "{:?}",
            other.map(|events: Vec<event_log::RecordedEvent>| events.len())
        ),
    };
    assert_eq!(told(feed.read(Position(0), 10).await), "position 2 is missing");
    assert_eq!(told(feed.read(Position(1), 10).await), "position 2 is missing");
    assert_eq!(
        told(feed.read(Position(2), 10).await),
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
