//! Positions: dense, bijective, in the order of streams and of what writers had read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_log::{Position, Sequencer, SequencerError};
use futures::future::join_all;
use rand::Rng;
use serde_json::json;
use sqlx::{Connection, Executor, PgConnection, Row};
use tokio::sync::{Notify, watch};

use crate::fixture::{Fixture, With, event, events, fixture, pool, tenant, to};

#[tokio::test]
async fn only_botserver_log_may_sequence() {
    let f = fixture().await;
    for role in ["botserver_owner", "botserver_app", "botserver_projector"] {
        let refused = Sequencer::new(pool(&f.database, role, 1), Arc::new(Notify::new()))
            .await
            .err();
        assert!(
            matches!(refused, Some(SequencerError::WrongRole(ref found)) if found == role),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn the_leaf_of_the_database_is_ours() {
    let f = fixture().await;
    let odd = json!({"ü": "\u{1F600}\"\n,3:abc", "n": 1.25e-9});
    f.stored(to("grüße, 3:x").with(vec![event(odd), event(json!(null))]))
        .await;
    f.assert_sound().await;
    assert_eq!(
        f.count("select count(*) from log.positions where length(leaf) = 32")
            .await,
        2
    );
}

#[tokio::test]
async fn a_head_moves_only_when_something_was_placed() {
    let f = fixture().await;
    let mut sequencer = f.sequencer().await;
    assert_eq!(sequencer.step().await.unwrap(), 0);
    assert_eq!(f.count("select count(*) from log.head").await, 1);
    for n in 0..150 {
        f.stored(to(&format!("s{n}"))).await;
        assert_eq!(sequencer.step().await.unwrap(), 1);
        assert_eq!(sequencer.step().await.unwrap(), 0);
    }
    let kept = f.count("select count(*) from log.head").await;
    assert!(kept < 100, "pruned to the last few: {kept}");
    assert_eq!(f.log.head().await.unwrap(), Position(150));
    f.assert_sound().await;
}

/// An insert as `log.append` makes it, in a transaction that the test holds open.
async fn insert(connection: &mut PgConnection, name: &str, sequence: i64) -> i64 {
    sqlx::query_scalar(
        "insert into log.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata)
         values ('task', $1, $2, 'task.created', '1', '{}', '{}') returning seq_no",
    )
    .bind(name)
    .bind(sequence)
    .fetch_one(connection)
    .await
    .unwrap()
}

async fn order(f: &Fixture) -> Vec<String> {
    sqlx::query_scalar(
        "select e.aggregate_id from log.positions p join log.events e using (seq_no) order by p.position",
    )
    .fetch_all(&f.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_transaction_in_flight_at_the_last_step_is_placed_by_the_next() {
    let f = fixture().await;
    let mut sequencer = f.sequencer().await;
    let mut slow = f.pool.begin().await.unwrap();
    insert(&mut slow, "slow", 1).await;
    let mut lost = f.pool.begin().await.unwrap();
    insert(&mut lost, "lost", 1).await;
    let mut quick = f.pool.begin().await.unwrap();
    insert(&mut quick, "quick", 1).await;
    quick.commit().await.unwrap();
    assert_eq!(
        sequencer.step().await.unwrap(),
        1,
        "nothing waits for the slow one"
    );
    assert_eq!(sequencer.step().await.unwrap(), 0);
    slow.commit().await.unwrap();
    lost.rollback().await.unwrap();
    assert_eq!(sequencer.step().await.unwrap(), 1, "the slow one is not skipped");
    assert_eq!(sequencer.step().await.unwrap(), 0);
    assert_eq!(order(&f).await, ["quick", "slow"]);
}

#[tokio::test]
async fn within_a_step_the_number_decides_not_the_transaction_id() {
    let f = fixture().await;
    let mut early = f.pool.begin().await.unwrap();
    // Takes its transaction id now and writes later.
    early.execute("select pg_current_xact_id()").await.unwrap();
    let mut late = f.pool.begin().await.unwrap();
    insert(&mut late, "stream", 1).await;
    late.commit().await.unwrap();
    insert(&mut early, "stream", 2).await;
    early.commit().await.unwrap();
    let row = sqlx::query("select bool_and(a.tx_id > b.tx_id and a.seq_no < b.seq_no) as crossed from log.events a, log.events b where a.sequence = 1 and b.sequence = 2")
        .fetch_one(&f.pool)
        .await
        .unwrap();
    assert!(row.get::<bool, _>("crossed"));
    let mut sequencer = f.sequencer().await;
    assert_eq!(sequencer.step().await.unwrap(), 2);
    let sequences: Vec<i64> = sqlx::query_scalar(
        "select e.sequence from log.positions p join log.events e using (seq_no) order by p.position",
    )
    .fetch_all(&f.pool)
    .await
    .unwrap();
    assert_eq!(sequences, [1, 2]);
}

#[tokio::test]
async fn a_prepared_transaction_is_placed_when_it_commits() {
    let f = fixture().await;
    let possible: String = sqlx::query_scalar("show max_prepared_transactions")
        .fetch_one(&f.pool)
        .await
        .unwrap();
    let mut connection = f.pool.acquire().await.unwrap();
    let prepare = async |connection: &mut PgConnection| {
        connection.execute("begin").await.unwrap();
        insert(connection, "prepared", 1).await;
        connection.execute("prepare transaction 'event_log_test'").await
    };
    if possible == "0" {
        // The embedded server has them off: then nobody can, which is as good.
        assert!(prepare(&mut connection).await.is_err());
        return;
    }
    prepare(&mut connection).await.unwrap();
    f.stored(to("a")).await;
    let mut sequencer = f.sequencer().await;
    assert_eq!(sequencer.step().await.unwrap(), 1);
    connection
        .execute("commit prepared 'event_log_test'")
        .await
        .unwrap();
    assert_eq!(sequencer.step().await.unwrap(), 1);
}

#[tokio::test]
async fn two_sequencers_place_each_event_once() {
    let f = fixture().await;
    let done = AtomicBool::new(false);
    let stepping = async || {
        let mut sequencer = f.sequencer().await;
        let mut placed = 0;
        while !done.load(Ordering::Relaxed) {
            placed += sequencer.step().await.unwrap();
        }
        placed + sequencer.step().await.unwrap()
    };
    let writing = async {
        for _ in 0..40 {
            f.log
                .append((0..20).map(|n| to(&format!("s{n}"))).collect())
                .await
                .unwrap();
        }
        done.store(true, Ordering::Relaxed);
    };
    let (first, second, ()) = tokio::join!(stepping(), stepping(), writing);
    assert_eq!(first + second, 800);
    f.assert_sound().await;
}

#[tokio::test]
async fn a_leader_that_hangs_with_the_lock_delays_nobody_for_long() {
    let f = fixture().await;
    let mut hung = f.pool.acquire().await.unwrap().detach();
    let locked: bool = sqlx::query_scalar("select pg_try_advisory_lock($1)")
        .bind(0x6576_656e_745f_6c67_i64)
        .fetch_one(&mut hung)
        .await
        .unwrap();
    assert!(locked);
    let (sender, mut placed) = watch::channel(Position(0));
    let running = tokio::spawn(f.sequencer().await.run(sender, std::future::pending()));
    f.stored(to("a")).await;
    placed
        .wait_for(|position| *position == Position(1))
        .await
        .unwrap();
    // Killed, it leaves the lock to the next.
    hung.close().await.unwrap();
    f.stored(to("b")).await;
    placed
        .wait_for(|position| *position == Position(2))
        .await
        .unwrap();
    running.abort();
}

#[tokio::test]
async fn order_holds_under_sixteen_writers_with_a_long_transaction_elsewhere() {
    let f = fixture().await;
    let elsewhere = test_database::create().await;
    let mut long = PgConnection::connect_with(&elsewhere.connect_options("botserver_owner"))
        .await
        .unwrap();
    long.execute("begin; select pg_current_xact_id()").await.unwrap();
    let (sender, mut placed) = watch::channel(Position(0));
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(f.sequencer().await.run(sender, async move {
        let _stopped = stopped.await;
    }));
    join_all((0..16).map(|writer| write(&f, writer))).await;
    let committed = f.count("select count(*) from log.events").await;
    // All of them, although the long transaction is older than each.
    let everything = placed.wait_for(|position| position.0 == committed);
    tokio::time::timeout(Duration::from_secs(20), everything)
        .await
        .expect("nothing stalls")
        .unwrap();
    stop.send(()).unwrap();
    running.await.unwrap();
    long.close().await.unwrap();

    let inversions = "select count(*) from log.events b
        join log.positions q on q.seq_no = b.seq_no
        join log.positions p on p.seq_no = (b.payload->>'saw')::bigint
        where q.position < p.position";
    assert_eq!(
        f.count(inversions).await,
        0,
        "what a writer had read stands before what it wrote"
    );
    assert!(
        f.count("select count(*) from log.events where (payload->>'saw')::bigint > 0")
            .await
            > 100
    );
    f.assert_sound().await;
}

/// Reads, thinks, writes what it had read; some transactions are rolled back, some take their id early.
async fn write(f: &Fixture, writer: usize) {
    for round in 0..20 {
        let (name, pause) = {
            let mut rng = rand::rng();
            (format!("s{}", rng.random_range(0..12)), rng.random_range(0..6))
        };
        let saw: i64 = sqlx::query_scalar("select coalesce(max(seq_no), 0) from log.events")
            .fetch_one(&f.pool)
            .await
            .unwrap();
        let mut transaction = pool_of_app(f).await.begin().await.unwrap();
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant(1).to_string())
            .execute(&mut *transaction)
            .await
            .unwrap();
        if writer.is_multiple_of(3) {
            transaction.execute("select pg_current_xact_id()").await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let command = to(&name).with(vec![event(json!({"saw": saw})), event(json!({"saw": saw}))]);
        f.log.append_in(&mut transaction, command).await.unwrap();
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if (writer + round).is_multiple_of(7) {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
            f.log.wake().notify_one();
        }
    }
}

async fn pool_of_app(f: &Fixture) -> sqlx::PgPool {
    pool(&f.database, "botserver_app", 1)
}

#[tokio::test]
async fn a_log_in_another_cluster_begins_another_epoch_and_keeps_what_was_left_over() {
    let f = fixture().await;
    f.stored(to("a").with(events(2))).await;
    f.place_all().await;
    let unplaced = f.stored(to("a").with(events(3)).id(1)).await;
    // As after a restore elsewhere: another cluster, and transaction ids that mean nothing here.
    f.plant(
        "update log.instances set system_identifier = 1;
         update log.head set snap = '900000000:900000000:';",
    )
    .await;
    let mut sequencer = f.sequencer().await;
    assert_eq!(
        f.log.head().await.unwrap(),
        Position(5),
        "placed when the epoch began"
    );
    assert_eq!(sequencer.step().await.unwrap(), 0);
    let after = f.stored(to("a")).await;
    assert_eq!((unplaced.token.epoch, after.token.epoch), (1, 2));
    assert_eq!(sequencer.step().await.unwrap(), 1);
    assert!(
        f.log.position_of(unplaced.token).await.is_err(),
        "its reader asks anew"
    );
    assert_eq!(f.log.position_of(after.token).await.unwrap(), Some(Position(6)));
    let again = f.one(to("a").id(1).with(events(3))).await;
    assert_eq!(again, event_log::Outcome::Duplicate(unplaced));
    f.assert_sound().await;
    // A second start finds the epoch begun.
    f.sequencer().await;
    assert_eq!(f.count("select count(*) from log.instances").await, 2);
}

#[tokio::test]
async fn neither_a_step_nor_an_append_reads_a_whole_table() {
    let f = fixture().await;
    let mut sequencer = f.sequencer().await;
    // Plans are made while the tables are empty, and must serve when they are not.
    for n in 0..8 {
        f.stored(to(&format!("small{n}")).id(n + 1)).await;
        sequencer.step().await.unwrap();
    }
    for n in 0..12 {
        let batch = (0..250)
            .map(|s| to(&format!("s{s}-{n}")).id(1_000 * (n + 1) + s))
            .collect();
        f.log.append(batch).await.unwrap();
        sequencer.step().await.unwrap();
    }
    for n in 0..100 {
        f.stored(to(&format!("s{n}-1")).id(90_000 + n).taking(&n.to_string(), "y"))
            .await;
        f.one(to("s1-1").id(90_000 + n)).await;
        assert_eq!(sequencer.step().await.unwrap(), 1);
        assert_eq!(sequencer.step().await.unwrap(), 0);
    }
    drop(sequencer);
    f.pool.close().await;
    let rows = rows_read(&f).await;
    assert!(
        rows < 60_000,
        "{rows} rows read; one whole table a time would be 300,000"
    );
}

/// Rows that scans of the log's tables have looked at. A session tells when it ends, so all are ended first.
async fn rows_read(f: &Fixture) -> i64 {
    let owner = pool(&f.database, "botserver_owner", 1);
    let end_sessions = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                         where datname = current_database() and usename = 'botserver_log'";
    while sqlx::query_scalar::<_, i64>(end_sessions)
        .fetch_one(&owner)
        .await
        .unwrap()
        > 0
    {}
    let read = "select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint
                  from pg_stat_user_tables where schemaname = 'log'";
    sqlx::query_scalar(read).fetch_one(&owner).await.unwrap()
}
