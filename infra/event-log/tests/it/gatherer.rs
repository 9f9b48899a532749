//! Commands of many callers share transactions, and nothing else.

use event_log::{AppendCommand, Claim, EventLog, EventLogError, NewEvent, Outcome};
use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;

use crate::fixture::{Fixture, With, event, events, fixture, pool, stored, to};

type Answer = Result<Outcome, EventLogError>;

/// Commands that wait or are underway at most.
const PLACES: usize = 4_096;

/// A log with a single committer that cannot store the one command it has: whatever comes now waits together.
struct HeldUp {
    log: EventLog,
    lock: PgConnection,
    occupant: JoinHandle<Answer>,
}

impl HeldUp {
    async fn begin(f: &Fixture) -> HeldUp {
        let log = EventLog::new(pool(&f.database, "botserver_log", 2), f.log.keyring().clone());
        let lock = locked(f, "lock table log.events in exclusive mode").await;
        let occupant = tokio::spawn(appended(&log, to("occupant")));
        until_blocked(f, 1).await;
        HeldUp { log, lock, occupant }
    }

    /// Lets everything be stored once `waiting` commands wait.
    async fn end(mut self, waiting: usize) {
        until_waiting(&self.log, waiting).await;
        release(&mut self.lock).await;
        stored(self.occupant.await.unwrap().unwrap());
    }

    /// Has all of them wait together, and answers in their order.
    async fn store(self, commands: Vec<AppendCommand>) -> Vec<Answer> {
        let count = commands.len();
        let log = self.log.clone();
        let answers = join_all(commands.into_iter().map(|command| log.append_one(command)));
        tokio::join!(answers, self.end(count)).0
    }
}

/// A connection of the owner's whose transaction holds a lock.
async fn locked(f: &Fixture, statement: &str) -> PgConnection {
    let mut connection = PgConnection::connect_with(&f.database.connect_options("botserver_owner"))
        .await
        .unwrap();
    sqlx::raw_sql(&format!("begin; {statement}"))
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

async fn release(lock: &mut PgConnection) {
    sqlx::raw_sql("commit").execute(lock).await.unwrap();
}

/// Waits until sessions of this database wait for locks.
async fn until_blocked(f: &Fixture, sessions: i64) {
    // Not by the connection that holds the lock: within a transaction the list of sessions stays what it was.
    let query = "select count(distinct l.pid) from pg_locks l join pg_stat_activity a using (pid)
                  where not l.granted and a.datname = current_database()";
    while f.count(query).await < sessions {}
}

async fn until_waiting(log: &EventLog, count: usize) {
    while log.waiting() != count {
        tokio::task::yield_now().await;
    }
}

/// An append that can be spawned.
fn appended(log: &EventLog, command: AppendCommand) -> impl Future<Output = Answer> + Send + 'static {
    let log = log.clone();
    async move { log.append_one(command).await }
}

async fn transactions(f: &Fixture) -> i64 {
    f.count("select count(distinct tx_id) from log.events").await
}

#[tokio::test]
async fn commands_that_wait_together_share_a_transaction() {
    let f = fixture().await;
    let answers = HeldUp::begin(&f)
        .await
        .store((0..300).map(|n| to(&format!("s{n}")).id(n + 1)).collect())
        .await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(stored(answer.unwrap()).answer, json!({"for": format!("s{n}")}));
    }
    assert_eq!(transactions(&f).await, 2, "the one before, and theirs");
    f.assert_sound().await;
}

#[tokio::test]
async fn whatever_befalls_a_command_befalls_no_other() {
    let f = fixture().await;
    let first = f.stored(to("known").id(1).taking("ada", "user/1")).await;
    f.plant("alter table log.events add check (event_type <> 'task.poisoned')")
        .await;
    let poisoned = NewEvent {
        event_type: "task.poisoned".to_owned(),
        ..event(json!({}))
    };
    let unsealable = event(json!({"text": {"$personal": {"subject": "nobody"}}}));
    let answers = HeldUp::begin(&f)
        .await
        .store(vec![
            to("good1").id(10).with(events(2)),
            to("stale").id(11).expecting(5),
            to("known").id(1).taking("ada", "user/1"),
            AppendCommand {
                digest: [2; 32],
                ..to("known2").id(1)
            },
            to("namesake").id(12).taking("ada", "user/2"),
            to("poisoned").id(13).with(vec![poisoned]),
            to("good2"),
        ])
        .await;
    let unsealed = f.log.append_one(to("unsealable").with(vec![unsealable])).await;
    let mut answers = answers.into_iter();
    let mut next = || answers.next().unwrap();
    assert_eq!(stored(next().unwrap()).last_sequence, 2);
    assert_eq!(next().unwrap(), Outcome::Conflict { version: 0 });
    assert_eq!(next().unwrap(), Outcome::Duplicate(first));
    assert_eq!(next().unwrap(), Outcome::Mismatch);
    assert!(matches!(next().unwrap(), Outcome::Taken { owner, .. } if owner == "user/1"));
    assert!(matches!(next(), Err(EventLogError::Refused { .. })));
    assert_eq!(stored(next().unwrap()).last_sequence, 1);
    assert!(matches!(unsealed, Err(EventLogError::Keyring(_))), "{unsealed:?}");
    assert_eq!(f.count("select count(*) from log.events").await, 5);
    f.assert_sound().await;
}

#[tokio::test]
async fn commands_of_a_stream_are_stored_in_the_order_in_which_they_came() {
    let f = fixture().await;
    let answers = HeldUp::begin(&f)
        .await
        .store(
            (0..120)
                .map(|n| to(&format!("s{}", n % 4)).with(events(1 + n % 3)))
                .collect(),
        )
        .await;
    let mut versions = [0; 4];
    for (n, answer) in answers.into_iter().enumerate() {
        let stored = stored(answer.unwrap());
        assert_eq!(stored.first_sequence, versions[n % 4] + 1);
        versions[n % 4] = stored.last_sequence;
    }
    f.assert_sound().await;
}

#[tokio::test]
async fn what_a_command_takes_another_that_waits_with_it_finds_taken() {
    let f = fixture().await;
    let release = AppendCommand {
        claims: vec![Claim::Release {
            kind: "login",
            key: "ada".to_owned(),
            owner: "user/1".to_owned(),
        }],
        ..to("a")
    };
    let answers = HeldUp::begin(&f)
        .await
        .store(vec![
            to("a").taking("ada", "user/1"),
            to("b").taking("ada", "user/2"),
            release,
            to("c").taking("ada", "user/3"),
        ])
        .await;
    let outcomes: Vec<Outcome> = answers.into_iter().map(Result::unwrap).collect();
    assert!(
        matches!(
            outcomes.as_slice(),
            [
                Outcome::Stored(_),
                Outcome::Taken { .. },
                Outcome::Stored(_),
                Outcome::Stored(_)
            ]
        ),
        "{outcomes:?}"
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn a_caller_that_went_away_while_it_waited_leaves_nothing_behind() {
    let f = fixture().await;
    let held = HeldUp::begin(&f).await;
    let log = held.log.clone();
    let impatient = tokio::spawn(appended(&log, to("impatient").id(1)));
    until_waiting(&log, 1).await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    let patient = tokio::spawn(appended(&log, to("patient").id(2)));
    held.end(2).await;
    stored(patient.await.unwrap().unwrap());
    assert_eq!(f.count("select count(*) from log.receipts").await, 1);
    f.assert_sound().await;
}

#[tokio::test]
async fn more_than_can_wait_is_refused_and_the_rest_stored() {
    let f = fixture().await;
    let held = HeldUp::begin(&f).await;
    let log = held.log.clone();
    let commands = (0..PLACES + 500).map(|n| log.append_one(to(&format!("s{n}"))));
    // The occupant has a place too.
    let (answers, ()) = tokio::join!(join_all(commands), held.end(PLACES - 1));
    let refused = answers
        .iter()
        .filter(|a| matches!(a, Err(EventLogError::Overloaded)))
        .count();
    let stored = answers
        .iter()
        .filter(|a| matches!(a, Ok(Outcome::Stored(_))))
        .count();
    assert_eq!((stored, refused), (PLACES - 1, 501));
    assert!(transactions(&f).await < 20);
    f.assert_sound().await;
}

#[tokio::test]
async fn a_closed_log_stores_what_it_took_in_and_refuses_the_rest() {
    let f = fixture().await;
    let held = HeldUp::begin(&f).await;
    let log = held.log.clone();
    let waits = tokio::spawn(appended(&log, to("in time")));
    until_waiting(&log, 1).await;
    let late = async {
        // Polled after the log began to close.
        let late = log.append_one(to("late")).await;
        assert!(matches!(late, Err(EventLogError::Closed)), "{late:?}");
        held.end(1).await;
    };
    tokio::join!(biased; log.close(), late);
    stored(waits.await.unwrap().unwrap());
    assert_eq!(f.count("select count(*) from log.events").await, 2);
}

#[tokio::test]
async fn of_a_batch_whose_connection_was_lost_those_with_an_id_are_stored() {
    let f = fixture().await;
    // The second statement, which is theirs, ends its session once the rows are there.
    f.plant(
        "create sequence log.fuse;
         create function log.blow() returns trigger language plpgsql security definer as $$ begin
           if nextval('log.fuse') = 2 then perform pg_terminate_backend(pg_backend_pid()); end if; return null; end $$;
         create trigger blow after insert on log.events for each statement execute function log.blow();",
    )
    .await;
    let answers = HeldUp::begin(&f)
        .await
        .store(
            (0..20)
                .map(|n| {
                    if n % 2 == 0 {
                        to(&format!("s{n}")).id(n + 1)
                    } else {
                        to(&format!("s{n}"))
                    }
                })
                .collect(),
        )
        .await;
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(Outcome::Stored(_)) => assert_eq!(n % 2, 0),
            Err(EventLogError::Unknown(_)) => assert_eq!(n % 2, 1),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(f.count("select count(*) from log.events").await, 11);
    f.assert_sound().await;
}

#[tokio::test]
async fn who_is_held_up_holds_up_no_other() {
    let f = fixture().await;
    let names = ["a", "b", "c", "d"];
    for name in names {
        f.stored(to(name)).await;
    }
    let heads = "select from log.heads where aggregate_id in ('a', 'b', 'c', 'd') for update";
    let mut lock = locked(&f, heads).await;
    let mut blocked = Vec::new();
    // More than work side by side usually, each in a batch of its own.
    for (nth, name) in (1..).zip(names) {
        blocked.push(tokio::spawn(appended(&f.log, to(name))));
        until_blocked(&f, nth).await;
    }
    blocked.push(tokio::spawn(appended(&f.log, to("a"))));
    until_waiting(&f.log, 1).await;
    let others = join_all((0..50).map(|n| f.log.append_one(to(&format!("s{n}"))))).await;
    assert!(
        others
            .into_iter()
            .all(|answer| matches!(answer, Ok(Outcome::Stored(_))))
    );
    assert_eq!(f.log.waiting(), 1, "the second of a stream waits for the first");
    release(&mut lock).await;
    for answer in join_all(blocked).await {
        stored(answer.unwrap().unwrap());
    }
    f.assert_sound().await;
}
