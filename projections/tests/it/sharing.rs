//! Sharing: several processes fold one read model, join, leave, fall silent and wake up, and no event is lost or doubled.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use event_log::{Feed, Position};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use projections::{NAMES, Options, Projections, list};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::fixture::{Fixture, PATIENCE, Running};

/// Waits until so many processes fold every read model.
async fn until_led_by(fixture: &Fixture, leaders: u32) {
    let all_led = async {
        loop {
            let statuses = list(&fixture.projector, Position(0)).await.expect("readable");
            if statuses.iter().all(|status| status.leaders == leaders) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(PATIENCE, all_led).await.is_err() {
        let statuses = list(&fixture.projector, Position(0)).await.expect("readable");
        panic!("not led by {leaders}: {statuses:?}");
    }
}

/// Everybody hears that everything is folded.
async fn all_caught_up(fixture: &Fixture, running: &[Running]) {
    let head = fixture.place().await;
    for one in running {
        one.projections
            .wait_for(NAMES, head, PATIENCE)
            .await
            .expect("all hear of it");
    }
}

async fn live_shares(fixture: &Fixture) -> i64 {
    sqlx::query_scalar(
        "select count(*) from read.shares s join read.slots using (name, slot) where state = 'live'",
    )
    .fetch_one(&fixture.projector)
    .await
    .expect("readable")
}

#[tokio::test]
async fn who_joins_takes_a_part_and_who_leaves_gives_it_up() {
    let fixture = Fixture::new().await;
    let mut running = Vec::new();
    for round in 0..4 {
        running.push(fixture.start(&Fixture::options()));
        fixture.random(round, 15).await;
        fixture.place().await;
        until_led_by(&fixture, u32::try_from(running.len()).expect("few")).await;
        fixture.random(100 + round, 15).await;
        all_caught_up(&fixture, &running).await;
    }
    while running.len() > 1 {
        running.remove(0).stop().await;
        fixture.random(200 + running.len() as u64, 15).await;
        all_caught_up(&fixture, &running).await;
        until_led_by(&fixture, u32::try_from(running.len()).expect("few")).await;
    }
    // Who is alone has one share of each, once they are as far as each other.
    let joined = async {
        while live_shares(&fixture).await != NAMES.len() as i64 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, joined).await.expect("they become one");
    for one in running {
        one.stop().await;
    }
    fixture.assert_rebuilds_alike().await;
}

/// Many look at the same moment, again and again: what one gives away another gets.
#[tokio::test]
async fn who_divides_at_the_same_moment_loses_nothing() {
    let fixture = Fixture::new().await;
    for round in 0..6 {
        let running: Vec<Running> = (0..4).map(|_| fixture.start(&Fixture::options())).collect();
        fixture.random(round, 10).await;
        all_caught_up(&fixture, &running).await;
        let covered: Vec<i64> = sqlx::query_scalar(
            "select sum(slice_to - slice_from) from read.shares s join read.slots using (name, slot)
              where state = 'live' group by name",
        )
        .fetch_all(&fixture.projector)
        .await
        .expect("readable");
        assert_eq!(covered, [1_024; 7]);
        // Dropped tasks are aborted: nobody gives anything up.
        drop(running);
    }
    fixture.catch_up(&Fixture::options()).await;
    fixture.assert_rebuilds_alike().await;
}

const CHILD_DATABASE: &str = "BOTSERVER_TEST_FOLD_DATABASE";
/// The child's part of the tests below; nothing where nobody asked for it.
#[tokio::test]
async fn folds_as_a_process_of_its_own() {
    let Ok(database) = std::env::var(CHILD_DATABASE) else {
        return;
    };
    let options = |role: &str| PgConnectOptions::new().username(role).database(&database);
    let pool = |role: &str| {
        PgPoolOptions::new()
            .max_connections(10)
            .connect_lazy_with(options(role))
    };
    let (_placed, heard) = watch::channel(Position(0));
    let feed = Feed::new(pool("botserver_log"), heard);
    let (_stop, stopped) = watch::channel(false);
    let (_projections, tasks) = Projections::start(
        &pool("botserver_projector"),
        &feed,
        &Options {
            batch_events: 3,
            ..Fixture::options()
        },
        &stopped,
    );
    tasks.join_all().await;
}

struct Process(Child);

impl Process {
    fn start(fixture: &Fixture) -> Self {
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "sharing::folds_as_a_process_of_its_own", "--nocapture"])
            .envs(fixture.database.psql_env())
            .env(CHILD_DATABASE, fixture.database.name())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        Self(child)
    }

    fn send(&self, signal: Signal) {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        kill(pid, signal).expect("it is there");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_paused_process_cannot_write_when_it_wakes() {
    let fixture = Fixture::new().await;
    let running = [fixture.start(&Fixture::options())];
    let child = Process::start(&fixture);
    until_led_by(&fixture, 2).await;
    for round in 0..3 {
        // In the midst of its work.
        fixture.random(round, 20).await;
        fixture.place().await;
        child.send(Signal::SIGSTOP);
        fixture.random(10 + round, 20).await;
        all_caught_up(&fixture, &running).await;
        until_led_by(&fixture, 1).await;
        child.send(Signal::SIGCONT);
        fixture.random(20 + round, 20).await;
        all_caught_up(&fixture, &running).await;
        until_led_by(&fixture, 2).await;
    }
    drop(child);
    fixture.random(30, 20).await;
    all_caught_up(&fixture, &running).await;
    for one in running {
        one.stop().await;
    }
    fixture.assert_rebuilds_alike().await;
}

#[tokio::test]
async fn an_epoch_that_is_over_moves_nothing() {
    let fixture = Fixture::new().await;
    fixture.random(1, 20).await;
    let running = fixture.start(&Fixture::options());
    all_caught_up(&fixture, std::slice::from_ref(&running)).await;
    let before = fixture.digests().await;
    // Somebody takes everything, and does nothing with it.
    let thief = Uuid::now_v7();
    let owner = fixture.database.pool("botserver_owner").await;
    let mut theft = owner.begin().await.expect("a transaction");
    sqlx::raw_sql(&format!(
        "delete from read.members;
         insert into read.members select case n when 1 then '{thief}' else gen_random_uuid() end, true,
                now() + interval '1 hour' from generate_series(1, 2000) n;
         update read.shares set lease_owner = '{thief}', lease_epoch = nextval('read.lease_epochs')"
    ))
    .execute(&mut *theft)
    .await
    .expect("the owner may");
    fixture.random(2, 20).await;
    let head = fixture.place().await;
    theft.commit().await.expect("committed");
    sleep(Duration::from_millis(300)).await;
    // It has one slice of so many, but no more.
    let stood: Vec<i64> = sqlx::query_scalar(
        "select count(*) from read.shares s join read.slots using (name, slot)
          where state = 'live' and lease_owner = $1 and position < $2 and slice_to - slice_from > 1000",
    )
    .bind(thief)
    .bind(head.0)
    .fetch_all(&fixture.projector)
    .await
    .expect("readable");
    assert_eq!(stood, [7]);
    fixture.as_owner("delete from read.members").await;
    all_caught_up(&fixture, std::slice::from_ref(&running)).await;
    assert_ne!(fixture.digests().await, before);
    running.stop().await;
    fixture.assert_rebuilds_alike().await;
}
