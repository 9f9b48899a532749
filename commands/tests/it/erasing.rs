//! A person is erased: their rows, memories, waiting runs and keys go, and nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use basic::{Refusal, Request};
use commands::{Asking, CommandError, Plan, Services, UserCommand};
use domain::memory::Memory;
use domain::run::RunEvent;
use domain::user::User;
use event_log::StreamId;
use serde_json::Value;
use tokio::sync::Notify;

use crate::observing::Fact;
use crate::world::{World, files_below, message, refusal, say, start_of_day};

/// Keeps what is said everywhere where a script can keep it.
const KEEPER: &str = r#"
TABLE guests
  id integer key
  said string
END TABLE
TABLE people
  email string key
  owner string subject
END TABLE
TALK "Yes?"
HEAR said
INSERT "guests", {said: said}
INSERT "people", {email: said + "@example.org"}
SET BOT MEMORY "last " + said, said
SET USER MEMORY "said", said
SET SESSION "said", said
SET SCHEDULE DATEADD(NOW(), 1, "day"), "start.bas", said
kept = ""
FOR n = 1 TO 2000
  kept = kept + said + " "
NEXT
TALK "Kept."
HEAR more
TALK kept
"#;

#[tokio::test]
async fn an_erased_person_is_nowhere_and_others_stay() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, KEEPER).await;
    let planted = "canary7d1f";
    let other = "bystander";
    let ana = world.visitor(&process, bot).await;
    let rui = world.visitor(&process, bot).await;
    for (visitor, said) in [(&ana, planted), (&rui, other)] {
        process.greet(visitor, start_of_day()).await.expect("it begins");
        say(&process, visitor, said).await;
    }
    world.hears_any(&["Yes?", "Yes?", "Kept.", "Kept."]).await;
    assert!(
        world.stores(planted).await,
        "in the tables, which hold it in the clear"
    );
    assert_eq!(files_below(world.blobs.path()).len(), 2, "of each a large state");

    let user = ana.open.user_id;
    let erasure = process
        .erase_person(&world.context(), user, start_of_day())
        .await
        .expect("erased");
    assert_eq!(
        (
            erasure.sessions_ended,
            erasure.runs_cancelled,
            erasure.schedules_cleared,
            erasure.states_deleted
        ),
        (1, 1, 1, 1)
    );
    assert_eq!(erasure.memories_erased, 3);
    assert_eq!(erasure.keys_destroyed, 1);
    let mut rows: Vec<(&str, u64, bool)> = erasure
        .rows_erased
        .iter()
        .map(|rows| (rows.table.as_str(), rows.rows, rows.digest.is_empty()))
        .collect();
    rows.sort_unstable();
    assert_eq!(
        rows,
        [("guests", 1, true), ("people", 1, true)],
        "a key could be guessed from a digest"
    );

    assert!(!world.stores(planted).await, "nowhere in the database");
    assert!(world.stores(other).await);
    assert_eq!(files_below(world.blobs.path()).len(), 1);
    // Whoever reads the log with every key there is finds nothing.
    for fact in world.facts().await {
        assert!(!format!("{fact:?}").contains(planted));
    }
    let stream = StreamId::new("user", user);
    let events = world
        .log()
        .load(world.tenant.0, &stream, 0)
        .await
        .expect("readable");
    let counted = events
        .iter()
        .filter(|event| event.event_type == "user.rows_erased")
        .count();
    assert_eq!(counted, 2, "a record for each table");

    // Nothing of theirs is taken any more, in this process and in others.
    let late = process.receive_turn(&ana, message("again"), start_of_day()).await;
    assert!(late.is_err(), "{late:?}");
    say(&process, &rui, "more").await;
    world
        .eventually(async || {
            world
                .texts()
                .await
                .iter()
                .any(|text| text.starts_with(other))
                .then_some(())
        })
        .await
        .expect("the other's run goes on with what it kept");
    let fresh = world.process().await;
    let memory = fresh
        .executor()
        .load_fresh::<Memory>(world.tenant, format!("bot:{bot}"))
        .await
        .expect("readable");
    let known: Vec<&str> = memory.state.entries(start_of_day()).into_keys().collect();
    assert_eq!(known, [format!("last {other}")]);
}

#[tokio::test]
async fn erasing_is_finished_by_a_repetition() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, KEEPER).await;
    let ana = world.visitor(&process, bot).await;
    let user = ana.open.user_id;
    process.greet(&ana, start_of_day()).await.expect("it begins");
    say(&process, &ana, "canary").await;
    world.hears(&["Yes?", "Kept."]).await;
    // An attempt that came as far as the mark.
    let erase = UserCommand::Erase { at: start_of_day() };
    process
        .executor()
        .execute::<User>(&world.context(), user, erase, Value::Null)
        .await
        .expect("marked");
    let erasure = process
        .erase_person(&world.context(), user, start_of_day())
        .await
        .expect("finished");
    assert_eq!(erasure.rows_erased.len(), 2);
    assert_eq!(erasure.keys_destroyed, 1);
    assert!(!world.stores("canary").await);
    let again = process
        .erase_person(&world.context(), user, start_of_day())
        .await
        .expect("nothing is left to do");
    assert_eq!(again, commands::Erasure::default());
    let cancelled = world
        .facts()
        .await
        .into_iter()
        .filter(|fact| matches!(fact, Fact::Run(_, RunEvent::Ended { .. })))
        .count();
    assert_eq!(cancelled, 1);
}

#[tokio::test]
async fn a_login_is_free_again_and_strangers_are_not_found() {
    let world = World::new().await;
    let process = world.process().await;
    let account = || commands::NewAccount {
        login: "ana@example.org".into(),
        name: "Ana".into(),
    };
    let first = process
        .register_user(&world.context(), account())
        .await
        .expect("registered");
    // An attempt that came as far as the keys: who repeats it finds the same person, by login too.
    process
        .executor()
        .execute::<User>(
            &world.context(),
            first.user_id,
            UserCommand::Erase { at: start_of_day() },
            Value::Null,
        )
        .await
        .expect("marked");
    let keyring = world.log().keyring().clone();
    keyring
        .erase_subject(world.tenant.0, first.user_id.0)
        .await
        .expect("its keys are destroyed");
    let taken = process.register_user(&world.context(), account()).await;
    assert!(
        matches!(taken, Err(CommandError::Taken { ref kind }) if kind == "login"),
        "{taken:?}"
    );
    let owner = async || {
        let log = world.log();
        let found = log.claim_owner(world.tenant.0, "login", "ana@example.org").await;
        found.expect("readable")
    };
    assert_eq!(owner().await, Some(first.user_id.to_string()));
    for _ in 0..2 {
        process
            .erase_person(&world.context(), first.user_id, start_of_day())
            .await
            .expect("erased");
        assert_eq!(owner().await, None);
    }
    let second = process
        .register_user(&world.context(), account())
        .await
        .expect("the login is free");
    assert_ne!(second.user_id, first.user_id);
    let state = process
        .executor()
        .load_fresh::<User>(world.tenant, first.user_id)
        .await
        .expect("readable");
    assert_eq!(state.state, User::Erased);
    let renamed = process
        .rename_user(&world.context(), first.user_id, "Eva".into())
        .await;
    assert_eq!(refusal(renamed), "user_erased");
    let nobody = process
        .erase_person(&world.context(), domain::UserId::default(), start_of_day())
        .await;
    assert_eq!(refusal(nobody), "user_not_found");
    let visitor = commands::Context {
        actor: commands::Actor::Visitor {
            user: second.user_id,
            session: domain::SessionId::default(),
        },
        ..world.context()
    };
    let denied = process
        .erase_person(&visitor, second.user_id, start_of_day())
        .await;
    assert!(matches!(denied, Err(CommandError::Denied(_))));
}

#[tokio::test]
async fn rows_about_an_erased_person_are_refused() {
    let world = World::new().await;
    let process = world.process().await;
    let script = r#"
TABLE people
  id integer key
  name string
  owner string subject
END TABLE
HEAR owner
INSERT "people", {id: 1, name: "mine"}
x = INSERT("people", {id: 2, name: "planted", owner: owner})
IF IS_ERROR(x) THEN TALK x.code
x = UPDATE("people", "id=1", {owner: owner})
IF IS_ERROR(x) THEN TALK x.code
x = MERGE("people", [{id: 3, name: "a"}, {id: 4, name: "planted", owner: owner}], "id")
IF IS_ERROR(x) THEN TALK x.code
TALK AGGREGATE("people", "COUNT", "*")
"#;
    let bot = world.bot(&process, script).await;
    let ana = world.visitor(&process, bot).await;
    let rui = world.visitor(&process, bot).await;
    let erased = ana.open.user_id;
    // Another process erases: what this one remembers of the person is behind.
    let other = world.process().await;
    other
        .erase_person(&world.context(), erased, start_of_day())
        .await
        .expect("erased");
    process.greet(&rui, start_of_day()).await.expect("it begins");
    say(&process, &rui, &erased.to_string()).await;
    world
        .hears(&["person_erased", "person_erased", "person_erased", "1"])
        .await;
}

/// A service that answers when it is let.
#[derive(Debug, Default)]
struct Held {
    asked: AtomicUsize,
    go: Notify,
}

#[async_trait]
impl Services for Held {
    fn plan(&self, _: &Request) -> Plan {
        Plan::Changes
    }

    async fn ask(&self, _: &Asking, _: &Request) -> Result<basic::Value, Refusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.go.notified().await;
        Ok(basic::Value::from("done"))
    }
}

#[tokio::test]
async fn a_run_that_still_goes_on_writes_nothing_of_an_erased_person() {
    let world = World::new().await;
    let service = Arc::new(Held::default());
    let process = world.process_with(service.clone()).await;
    let script = "TABLE guests\n  id integer key\n  said string\nEND TABLE\nHEAR said\nx = POST \"https://example.org\", {a: 1}\nINSERT \"guests\", {said: said}\nSET BOT MEMORY \"late\", said\n";
    let bot = world.bot(&process, script).await;
    let ana = world.visitor(&process, bot).await;
    process.greet(&ana, start_of_day()).await.expect("it begins");
    say(&process, &ana, "canary33c1").await;
    let asked = world
        .eventually(async || (service.asked.load(Ordering::SeqCst) == 1).then_some(()))
        .await;
    assert!(asked.is_some(), "the script is in the midst of its turn");
    let erasure = process
        .erase_person(&world.context(), ana.open.user_id, start_of_day())
        .await
        .expect("erased");
    assert_eq!(erasure.runs_cancelled, 1);
    service.go.notify_one();
    // Somebody else's turn is answered after whatever became of the first.
    let rui = world.visitor(&process, bot).await;
    process.greet(&rui, start_of_day()).await.expect("it begins");
    say(&process, &rui, "bystander").await;
    let asked = world
        .eventually(async || (service.asked.load(Ordering::SeqCst) == 2).then_some(()))
        .await;
    assert!(asked.is_some(), "the other's script asks as well");
    service.go.notify_one();
    let kept = world
        .eventually(async || world.stores("bystander").await.then_some(()))
        .await;
    assert!(kept.is_some());
    assert!(!world.stores("canary33c1").await);
}

#[tokio::test]
async fn the_contents_of_an_erased_person_s_files_are_deleted() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "HEAR said\nWRITE \"notes/\" + said + \".txt\", said\nTALK \"kept\"\n";
    let bot = world.bot(&process, script).await;
    let ana = world.visitor(&process, bot).await;
    let rui = world.visitor(&process, bot).await;
    for (visitor, said) in [(&ana, "ana"), (&rui, "rui")] {
        process.greet(visitor, start_of_day()).await.expect("it begins");
        say(&process, visitor, said).await;
        let mut uploading = process
            .upload(&visitor.context(), visitor.session_id, "a.txt")
            .await
            .expect("taken in");
        uploading
            .write("what was sent".into())
            .await
            .expect("there is room");
        uploading.finish(start_of_day()).await.expect("kept");
    }
    world.hears(&["kept", "kept"]).await;
    assert_eq!(files_below(world.blobs.path()).len(), 4);
    let erasure = process
        .erase_person(&world.context(), ana.open.user_id, start_of_day())
        .await
        .expect("erased");
    assert_eq!(erasure.contents_deleted, 2);
    assert_eq!(files_below(world.blobs.path()).len(), 2, "those of the other");
    let again = process
        .erase_person(&world.context(), ana.open.user_id, start_of_day())
        .await
        .expect("nothing is left to do");
    assert_eq!(again, commands::Erasure::default());
}
