//! Why snapshots are made aside and never by cqrs-es: its snapshot store applies events twice.
//!
//! In cqrs-es 0.5 a handler's `sink.write` applies each event to the aggregate at once; `commit` then applies the same
//! events again to make the snapshot. An aggregate that counts is wrong from its first snapshot on. This test says
//! what the library does: when it fails after an update, the fault was mended and this reason is gone.

use std::collections::HashMap;
use std::fmt;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, AggregateContext, CqrsFramework, DomainEvent, EventStore};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use sqlx::Executor;

use crate::fixture::{fixture, pool};

#[derive(Default, Serialize, Deserialize)]
struct Counter {
    counted: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Counted;

#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("never")
    }
}

impl std::error::Error for Never {}

impl DomainEvent for Counted {
    fn event_type(&self) -> String {
        "counter.counted".to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Counter {
    const TYPE: &'static str = "counter";
    type Command = ();
    type Event = Counted;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, (): (), _: &(), sink: &EventSink<Self>) -> Result<(), Never> {
        sink.write(Counted, self).await;
        Ok(())
    }

    fn apply(&mut self, _: Counted) {
        self.counted += 1;
    }
}

/// Carries out three commands of one event each and says what the aggregate holds when it is loaded again.
async fn counted(
    store: impl Fn(PostgresEventRepository) -> PersistedEventStore<PostgresEventRepository, Counter>,
) -> u64 {
    let f = fixture().await;
    let owner = pool(&f.database, "botserver_owner", 2);
    // The library's own tables, as its manual gives them.
    owner
        .execute(
            "create table public.events (aggregate_type text, aggregate_id text, sequence bigint, event_type text,
               event_version text, payload json, metadata json, primary key (aggregate_type, aggregate_id, sequence));
             create table public.snapshots (aggregate_type text, aggregate_id text, last_sequence bigint,
               current_snapshot bigint, payload json, primary key (aggregate_type, aggregate_id, last_sequence))",
        )
        .await
        .expect("the library's tables are made");
    let repository =
        || PostgresEventRepository::new(owner.clone()).with_tables("public.events", "public.snapshots");
    let framework = CqrsFramework::new(store(repository()), vec![], ());
    for _ in 0..3 {
        framework
            .execute_with_metadata("c", (), HashMap::new())
            .await
            .expect("the command is carried out");
    }
    let mut context = store(repository())
        .load_aggregate("c")
        .await
        .expect("the aggregate is loaded");
    context.aggregate().counted
}

#[tokio::test]
async fn the_stock_snapshot_store_applies_events_twice() {
    assert_eq!(counted(PersistedEventStore::new_event_store).await, 3);
    let with_snapshots = counted(|repository| PersistedEventStore::new_snapshot_store(repository, 1)).await;
    assert!(
        with_snapshots > 3,
        "three events were counted as {with_snapshots}"
    );
}
