//! The stock repository of postgres-es reads our table unchanged.

use std::fmt;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventRepository;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fixture::{With, event, events, fixture, stream, tenant, to};

#[derive(Default, Serialize, Deserialize)]
struct Task;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Happened;

#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl DomainEvent for Happened {
    fn event_type(&self) -> String {
        "task.created".to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Task {
    const TYPE: &'static str = "task";
    type Command = ();
    type Event = Happened;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, (): (), _: &(), _: &EventSink<Self>) -> Result<(), Never> {
        Ok(())
    }

    fn apply(&mut self, _: Happened) {}
}

#[tokio::test]
async fn the_stock_repository_reads_what_we_read() {
    let f = fixture().await;
    f.stored(to("a").with(vec![event(json!({"b": 1, "a": [null, "ü"]})), event(json!(2))]))
        .await;
    f.stored(to("a").with(events(3))).await;
    let stock = PostgresEventRepository::new(f.pool.clone()).with_tables("log.events", "log.no_snapshots");
    let theirs = stock.get_events::<Task>("a").await.unwrap();
    let ours = f.log.load(tenant(1), &stream("a"), 0).await.unwrap();
    assert_eq!(theirs.len(), 5);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours.sequence as usize, theirs.sequence);
        assert_eq!(ours.event_type, theirs.event_type);
        assert_eq!(ours.event_version.to_string(), theirs.event_version);
        assert_eq!(ours.payload, theirs.payload);
        assert_eq!(ours.metadata, theirs.metadata);
        assert_eq!(
            (theirs.aggregate_type.as_str(), theirs.aggregate_id.as_str()),
            ("task", "a")
        );
    }
    let last = stock.get_last_events::<Task>("a", 3).await.unwrap();
    assert_eq!(
        last.iter().map(|event| event.sequence).collect::<Vec<_>>(),
        [4, 5]
    );
}
