//! The independent reader: every stream once more, by the stock repository of postgres-es.

use std::fmt;

use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventRepository;
use cqrs_es::{Aggregate, DomainEvent};
use postgres_es::PostgresEventRepository;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::Verification;
use crate::EventLogError;

const PAGE: i64 = 1_000;

pub(super) async fn verify_stock(
    pool: &PgPool,
    verification: &mut Verification,
    progress: &mut impl FnMut(&'static str, u64),
) -> Result<(), EventLogError> {
    let mut seen = 0;
    let mut last_type = String::new();
    loop {
        let next: Option<String> =
            sqlx::query_scalar("select min(aggregate_type) from log.heads where aggregate_type > $1")
                .bind(&last_type)
                .fetch_one(pool)
                .await?;
        let Some(aggregate_type) = next else { return Ok(()) };
        let stock_pool = stock_pool(pool, &aggregate_type);
        let stock = PostgresEventRepository::new(stock_pool.clone())
            .with_tables("log.stock_events", "log.no_snapshots");
        let mut last_id = String::new();
        loop {
            let ids: Vec<String> = sqlx::query_scalar(
                "select aggregate_id from log.heads where aggregate_type = $1 and aggregate_id > $2
                 order by aggregate_id limit $3",
            )
            .bind(&aggregate_type)
            .bind(&last_id)
            .bind(PAGE)
            .fetch_all(pool)
            .await?;
            for aggregate_id in &ids {
                if let Some(problem) = compare(pool, &stock, &aggregate_type, aggregate_id).await? {
                    verification.find(format_args!("stream {aggregate_type}/{aggregate_id}"), problem);
                }
            }
            seen += ids.len() as u64;
            progress("stock", seen);
            let Some(id) = ids.into_iter().next_back() else {
                break;
            };
            last_id = id;
        }
        stock_pool.close().await;
        last_type = aggregate_type;
    }
}

/// What the stock repository reads otherwise than we do. The stream may grow in between: ours is read first.
async fn compare(
    pool: &PgPool,
    stock: &PostgresEventRepository,
    aggregate_type: &str,
    aggregate_id: &str,
) -> Result<Option<String>, EventLogError> {
    let ours: Vec<(i64, String, String, String, String)> = sqlx::query_as(
        "select sequence, event_type, event_version, payload::text, metadata::text from log.events
          where aggregate_type = $1 and aggregate_id = $2 order by sequence",
    )
    .bind(aggregate_type)
    .bind(aggregate_id)
    .fetch_all(pool)
    .await?;
    let theirs = match stock.get_events::<Stock>(aggregate_id).await {
        Ok(theirs) => theirs,
        Err(error) => return Ok(Some(format!("the stock repository cannot read it: {error}"))),
    };
    if theirs.len() < ours.len() {
        return Ok(Some(format!(
            "the stock repository reads {} events of {}",
            theirs.len(),
            ours.len()
        )));
    }
    for ((sequence, event_type, event_version, payload, metadata), theirs) in ours.iter().zip(theirs) {
        let same = usize::try_from(*sequence).is_ok_and(|sequence| sequence == theirs.sequence)
            && *event_type == theirs.event_type
            && *event_version == theirs.event_version
            && aggregate_id == theirs.aggregate_id
            && is(payload, &theirs.payload)
            && is(metadata, &theirs.metadata);
        if !same {
            return Ok(Some(format!(
                "the stock repository reads event {sequence} otherwise"
            )));
        }
    }
    Ok(None)
}

fn is(text: &str, value: &Value) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|ours| ours == *value)
}

/// One connection whose session names the aggregate type that `log.stock_events` shows.
fn stock_pool(pool: &PgPool, aggregate_type: &str) -> PgPool {
    let aggregate_type = aggregate_type.to_owned();
    PgPoolOptions::new()
        .max_connections(1)
        .after_connect(move |connection, _| {
            let aggregate_type = aggregate_type.clone();
            Box::pin(async move {
                sqlx::query("select set_config('log.stock_type', $1, false)")
                    .bind(aggregate_type)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(pool.connect_options().as_ref().clone())
}

/// Stands for any aggregate: the stock repository uses nothing of it but its type.
#[derive(Default, Serialize, Deserialize)]
struct Stock;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Nothing {}

#[derive(Debug)]
struct NothingToDecide;

impl fmt::Display for NothingToDecide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing to decide")
    }
}

impl std::error::Error for NothingToDecide {}

impl DomainEvent for Nothing {
    fn event_type(&self) -> String {
        match *self {}
    }

    fn event_version(&self) -> String {
        match *self {}
    }
}

impl Aggregate for Stock {
    const TYPE: &'static str = "stock";
    type Command = Nothing;
    type Event = Nothing;
    type Error = NothingToDecide;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        _services: &Self::Services,
        _sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        match command {}
    }

    fn apply(&mut self, event: Self::Event) {
        match event {}
    }
}
