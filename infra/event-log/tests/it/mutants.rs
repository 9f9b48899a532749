//! The sequencer's statement against two ways to get it wrong, each caught by a schedule made for it and not by luck.
//!
//! The mutants are made from the text that runs: when it changes so that a mutant cannot be made, the test says so.

use event_log::SEQUENCER_STEP;
use sqlx::{Executor, PgConnection};

use crate::fixture::{Fixture, fixture};

/// Replaces what stands once in the statement.
fn mutant(part: &str, by: &str) -> String {
    assert_eq!(SEQUENCER_STEP.matches(part).count(), 1, "{part:?} stands once");
    SEQUENCER_STEP.replace(part, by)
}

/// Does not look for what was in flight at the last step.
fn without_in_flight() -> String {
    mutant(
        "cross join lateral pg_snapshot_xip(h.snap) as inflight(tx_id)",
        "cross join lateral (select null::xid8 as tx_id) as inflight",
    )
}

/// Takes the order in which transactions began for the order in which they wrote.
fn by_transaction() -> String {
    mutant(
        "over (order by f.seq_no)",
        "over (order by f.tx_id::text::bigint, f.seq_no)",
    )
}

async fn step(f: &Fixture, statement: &str) {
    sqlx::query(statement)
        .execute(&f.pool)
        .await
        .expect("a mutant is a statement too");
}

/// An event that says which number its writer had seen last.
async fn write(connection: &mut PgConnection, stream: &str, sequence: i64, saw: i64) -> i64 {
    sqlx::query_scalar(
        "insert into log.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         values ('task', $1, $2, 'task.created', '1', json_build_object('saw', $3::bigint), '{}') returning seq_no",
    )
    .bind(stream)
    .bind(sequence)
    .bind(saw)
    .fetch_one(connection)
    .await
    .expect("the event is written")
}

/// What is wrong with the positions as they are.
#[derive(Debug, Default, PartialEq)]
struct Violations {
    missing: i64,
    holes: i64,
    streams_inverted: i64,
    causes_inverted: i64,
}

async fn violations(f: &Fixture) -> Violations {
    Violations {
        missing: f
            .count(
                "select count(*) from log.events e
                 where not exists (select from log.positions p where p.seq_no = e.seq_no)",
            )
            .await,
        holes: f
            .count("select coalesce(max(position), 0) - count(*) from log.positions")
            .await,
        streams_inverted: f
            .count(
                "select count(*) from log.events a
                 join log.events b on b.aggregate_id = a.aggregate_id and b.sequence = a.sequence + 1
                 join log.positions p on p.seq_no = a.seq_no join log.positions q on q.seq_no = b.seq_no
                 where q.position < p.position",
            )
            .await,
        causes_inverted: f
            .count(
                "select count(*) from log.events b
                 join log.positions p on p.seq_no = (b.payload ->> 'saw')::bigint
                 join log.positions q on q.seq_no = b.seq_no
                 where q.position < p.position",
            )
            .await,
    }
}

/// A transaction is in flight while a step is made, and commits before the next.
async fn in_flight(statement: &str) -> Violations {
    let f = fixture().await;
    let mut slow = f.pool.begin().await.unwrap();
    write(&mut slow, "slow", 1, 0).await;
    let mut quick = f.pool.begin().await.unwrap();
    write(&mut quick, "quick", 1, 0).await;
    quick.commit().await.unwrap();
    step(&f, statement).await;
    slow.commit().await.unwrap();
    step(&f, statement).await;
    violations(&f).await
}

/// A transaction takes its id, another writes and commits, then the first goes on with the same stream: one step sees
/// both.
async fn early_id_same_stream(statement: &str) -> Violations {
    let f = fixture().await;
    let mut early = f.pool.begin().await.unwrap();
    early.execute("select pg_current_xact_id()").await.unwrap();
    let mut late = f.pool.begin().await.unwrap();
    write(&mut late, "stream", 1, 0).await;
    late.commit().await.unwrap();
    write(&mut early, "stream", 2, 0).await;
    early.commit().await.unwrap();
    step(&f, statement).await;
    violations(&f).await
}

/// The same across streams: the first writes because of what it read of the other.
async fn early_id_other_stream(statement: &str) -> Violations {
    let f = fixture().await;
    let mut early = f.pool.begin().await.unwrap();
    early.execute("select pg_current_xact_id()").await.unwrap();
    let mut late = f.pool.begin().await.unwrap();
    let cause = write(&mut late, "cause", 1, 0).await;
    late.commit().await.unwrap();
    write(&mut early, "effect", 1, cause).await;
    early.commit().await.unwrap();
    step(&f, statement).await;
    violations(&f).await
}

#[tokio::test]
async fn the_statement_that_runs_passes_every_schedule() {
    assert_eq!(in_flight(SEQUENCER_STEP).await, Violations::default());
    assert_eq!(early_id_same_stream(SEQUENCER_STEP).await, Violations::default());
    assert_eq!(early_id_other_stream(SEQUENCER_STEP).await, Violations::default());
}

#[tokio::test]
async fn a_step_that_forgets_transactions_in_flight_is_caught() {
    let found = in_flight(&without_in_flight()).await;
    assert_eq!(
        found,
        Violations {
            missing: 1,
            ..Violations::default()
        }
    );
}

#[tokio::test]
async fn a_step_in_the_order_of_transactions_is_caught() {
    let mutant = by_transaction();
    let found = early_id_same_stream(&mutant).await;
    assert_eq!(
        found,
        Violations {
            streams_inverted: 1,
            ..Violations::default()
        }
    );
    let found = early_id_other_stream(&mutant).await;
    assert_eq!(
        found,
        Violations {
            causes_inverted: 1,
            ..Violations::default()
        }
    );
}
