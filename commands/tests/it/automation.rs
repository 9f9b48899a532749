//! What starts scripts, and what they find set.

use domain::conversation::ConversationEvent;
use domain::run::RunEvent;

use crate::observing::Fact;
use crate::world::{World, say, start_of_day};

const ORDERS: &str = r#"
TABLE orders
  id integer key
  what string(100)
  price number(10,2)
  notes text
  owner string subject
END TABLE
"#;

/// Says what a start was given of its row.
fn telling(operation: &str) -> String {
    format!(
        r#"
ON {operation} OF "orders"
before = "none"
after = "none"
IF trigger_old_values IS NOT NULL THEN before = trigger_old_values.what + " " + trigger_old_values.price
IF trigger_new_values IS NOT NULL THEN after = trigger_new_values.what + " " + trigger_new_values.price
TALK trigger_operation + " " + trigger_row_id + ": " + before + " -> " + after + " " + trigger_values_omitted
"#
    )
}

async fn world_of(
    start: &str,
    others: &[(&str, &str)],
) -> (World, commands::Commands, commands::VisitorSession) {
    let world = World::new().await;
    let process = world.process().await;
    world.recover(&process).await;
    let bot = world.bot(&process, "HEAR x\n").await;
    let start = format!("{ORDERS}HEAR word\n{start}");
    let scripts: Vec<(&str, &str)> = others
        .iter()
        .copied()
        .chain([("start", start.as_str())])
        .collect();
    world.load_scripts(&process, bot, &scripts).await;
    let visitor = world.visitor(&process, bot).await;
    process.greet(&visitor, start_of_day()).await.expect("it begins");
    (world, process, visitor)
}

#[tokio::test]
async fn a_change_of_a_row_gives_what_it_was_and_is() {
    let scripts =
        ["INSERT", "UPDATE", "DELETE"].map(|operation| (operation.to_lowercase(), telling(operation)));
    let others: Vec<(&str, &str)> = scripts
        .iter()
        .map(|(name, source)| (name.as_str(), source.as_str()))
        .collect();
    let (world, process, visitor) = world_of(
        r#"
INSERT "orders", {id: 1, what: "rope", price: 2.5}
UPDATE "orders" SET price = 3 WHERE id = 1
SAVE "orders", {id: 1, what: "chain"}
SAVE "orders", {id: 2, what: "sail", price: 90}
MERGE "orders", [{id: 2, price: 80}, {id: 3, what: "oar", price: 7}], "id"
MERGE "orders", [{what: "oar", price: 8}], "what"
UPDATE "orders" SET id = 5 WHERE id = 3
DELETE "orders" WHERE price > 50
long = ""
FOR i = 1 TO 2000
  long = long + "0123456789"
NEXT
UPDATE "orders" SET notes = long WHERE id = 1
"#,
        &others,
    )
    .await;
    say(&process, &visitor, "go").await;
    world
        .hears_any(&[
            "INSERT 1: none -> rope 2.5 false",
            "UPDATE 1: rope 2.5 -> rope 3 false",
            "UPDATE 1: rope 3 -> chain 3 false",
            "INSERT 2: none -> sail 90 false",
            "UPDATE 2: sail 90 -> sail 80 false",
            "INSERT 3: none -> oar 7 false",
            "UPDATE 3: oar 7 -> oar 8 false",
            "UPDATE 5: oar 8 -> oar 8 false",
            "DELETE 2: sail 80 -> none false",
            // Too large to be given; what it was is.
            "UPDATE 1: chain 3 -> none true",
        ])
        .await;
}

#[tokio::test]
async fn values_of_a_row_are_sealed_for_whom_the_row_is_about() {
    let (world, process, visitor) = world_of(
        "INSERT \"orders\", {id: 1, what: \"canary\" + RIGHT(word, 4), owner: word}\n",
        &[(
            "seen",
            "ON INSERT OF \"orders\"\nTALK \"seen \" + trigger_row_id\n",
        )],
    )
    .await;
    let bot = visitor.open.bot_id;
    let other = world.visitor(&process, bot).await;
    let owner = other.open.user_id;
    say(&process, &visitor, &owner.to_string()).await;
    world.hears_any(&["seen 1"]).await;
    let subjects = |facts: Vec<Fact>| {
        let values = facts.into_iter().filter_map(|fact| match fact {
            Fact::Run(_, RunEvent::Recorded(recording)) => recording.statement?.values.pop()?.new,
            Fact::Conversation(_, ConversationEvent::Started { trigger, .. }) => trigger?.row?.new,
            _ => None,
        });
        values
            .map(|values| (values.subject(), values.clear().is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        subjects(world.facts().await),
        [(Some(owner), true), (Some(owner), true)]
    );
    process
        .erase_person(&world.context(), owner, start_of_day())
        .await
        .expect("erased");
    assert_eq!(
        subjects(world.facts().await),
        [(Some(owner), false), (Some(owner), false)]
    );
    let id = owner.to_string();
    let planted = format!("canary{}", &id[id.len() - 4..]);
    assert!(!world.stores(&planted).await);
}

#[tokio::test]
async fn a_change_of_a_file_starts_the_scripts_that_watch_its_folder() {
    let watch = "ON CHANGE \"/in/\"\nTALK trigger_operation + \" \" + trigger_path + \" \" + trigger_files\n";
    let created = "ON CHANGE \"in\" EVENTS \"create\"\nTALK \"new \" + trigger_path\n";
    let (world, process, visitor) = world_of(
        r#"
WRITE "in/a.txt", "one"
WRITE "in/a.txt", "two"
WRITE "elsewhere.txt", "three"
MOVE "elsewhere.txt" TO "in/b.txt"
COPY "in/b.txt" TO "index.txt"
MOVE "in/b.txt" TO "in/a.txt"
DELETE FILE "in/a.txt"
"#,
        &[("watch", watch), ("created", created)],
    )
    .await;
    say(&process, &visitor, "go").await;
    world
        .hears_any(&[
            "CREATE in/a.txt 1",
            "new in/a.txt",
            "MODIFY in/a.txt 1",
            "CREATE in/b.txt 1",
            "new in/b.txt",
            "DELETE in/b.txt 1",
            "MODIFY in/a.txt 1",
            "DELETE in/a.txt 1",
        ])
        .await;
}

#[tokio::test]
async fn a_script_that_writes_into_the_folder_it_watches_comes_to_an_end() {
    let again = r#"
ON CHANGE "in" EVENTS "create"
n = VAL(REPLACE(trigger_path, "in/", ""))
TALK "found " + n
WRITE "in/" + (n + 1), "x"
"#;
    let (world, process, visitor) = world_of("WRITE \"in/0\", \"x\"\n", &[("again", again)]).await;
    say(&process, &visitor, "go").await;
    let found: Vec<String> = (0..8).map(|n| format!("found {n}")).collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    world.hears_any(&found).await;
    // The last of them has written its file, which starts nobody any more.
    process
        .executor()
        .load_fresh::<domain::drive::Drive>(world.tenant, visitor.open.bot_id)
        .await
        .map(|drive| assert_eq!(drive.state.by_path().len(), 9))
        .expect("readable");
}

#[tokio::test]
async fn a_schedule_is_started_now_once_and_its_run_is_known() {
    let (world, process, visitor) = world_of(
        "SET SCHEDULE DATEADD(NOW(), 30, \"year\"), \"later.bas\", \"for \" + word\nTALK \"set\"\n",
        &[(
            "later",
            "PARAM job_name AS STRING\nDESCRIPTION \"Told later.\"\nTALK \"later \" + job_name\n",
        )],
    )
    .await;
    let bot = visitor.open.bot_id;
    say(&process, &visitor, "anna").await;
    world.hears_any(&["set"]).await;
    let schedules = process.schedules(world.tenant, bot);
    let [schedule] = schedules.as_slice() else {
        panic!("one, not {schedules:?}");
    };
    assert_eq!(schedule.user_id, Some(visitor.open.user_id));
    let stranger = domain::OrganisationId(uuid::Uuid::now_v7());
    assert_eq!(process.schedules(stranger, bot), []);
    let context = world.numbered(1, 1);
    for _ in 0..2 {
        process
            .start_schedule(&context, schedule.id, start_of_day())
            .await
            .expect("started");
    }
    world.hears_any(&["set", "later for anna"]).await;
    let known = process.schedules(world.tenant, bot);
    let run = known[0].last_run().expect("it was started");
    let facts = world.facts().await;
    assert!(
        facts
            .iter()
            .any(|fact| matches!(fact, Fact::Run(id, RunEvent::Ended { .. }) if *id == run))
    );

    process
        .pause_schedule(&world.context(), schedule.id, start_of_day())
        .await
        .expect("paused");
    assert_eq!(process.schedules(world.tenant, bot)[0].next_at, None);
    // A process that starts later finds it as it is.
    let other = world.process().await;
    other.dialogues().load_schedules().await.expect("readable");
    assert!(other.schedules(world.tenant, bot)[0].paused_at.is_some());
}
