//! The stock repository of postgres-es: the same bytes, in a transaction with an insert for each event.

use std::fmt;
use std::time::{Duration, Instant};

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::{PersistedEventRepository, SerializedEvent};
use cqrs_es::{Aggregate, DomainEvent};
use futures::future::try_join_all;
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::stage::Stage;

#[derive(Default, Serialize, Deserialize)]
struct Conversation;

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
        "turn.received".to_owned()
    }
    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Conversation {
    const TYPE: &'static str = "conversation";
    type Command = ();
    type Event = Happened;
    type Error = Never;
    type Services = ();

    async fn handle(&mut self, (): (), _: &(), _: &EventSink<Self>) -> Result<(), Never> {
        Ok(())
    }

    fn apply(&mut self, _: Happened) {}
}

/// The library's own table, as its manual gives it.
pub async fn prepare(stage: &Stage) -> anyhow::Result<()> {
    sqlx::raw_sql(
        "create table bench.events (aggregate_type text not null, aggregate_id text not null,
           sequence bigint check (sequence >= 0) not null, event_type text not null, event_version text not null,
           payload json not null, metadata json not null, primary key (aggregate_type, aggregate_id, sequence))",
    )
    .execute(&stage.owner)
    .await?;
    Ok(())
}

/// Callers that persist so many events at a time until the time is up; returns how many times they did.
pub async fn run(stage: &Stage, callers: usize, events: usize, time: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + time;
    let payload: Value = serde_json::from_str(&stage.stored.payload)?;
    let metadata: Value = serde_json::from_str(&stage.stored.metadata)?;
    let callers = (0..callers).map(|_| {
        let repository =
            PostgresEventRepository::new(stage.owner.clone()).with_tables("bench.events", "bench.snapshots");
        let (payload, metadata) = (payload.clone(), metadata.clone());
        let caller = tokio::spawn(async move {
            let mut stored = 0;
            while Instant::now() < until {
                let id = Uuid::now_v7().to_string();
                let batch: Vec<SerializedEvent> = (1..=events)
                    .map(|sequence| SerializedEvent {
                        aggregate_id: id.clone(),
                        sequence,
                        aggregate_type: Conversation::TYPE.to_owned(),
                        event_type: "turn.received".to_owned(),
                        event_version: "1".to_owned(),
                        payload: payload.clone(),
                        metadata: metadata.clone(),
                    })
                    .collect();
                repository.persist::<Conversation>(&batch, None).await?;
                stored += 1;
            }
            anyhow::Ok(stored)
        });
        async move { caller.await? }
    });
    Ok(try_join_all(callers).await?.into_iter().sum())
}
