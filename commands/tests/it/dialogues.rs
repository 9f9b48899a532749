//! Answering turns: what a script says, in which order, and what happens when it breaks, changes or ends.

use std::time::Duration;

use domain::run::{RunEvent, RunOutcome};

use crate::observing::{Fact, Said};
use crate::world::{World, message, minute, say, start_of_day};

const NAMES: &str =
    "TALK \"Who are you?\"\nHEAR name\nTALK \"Hi \" + name\nHEAR more\nTALK \"Bye \" + name\n";

const LISTEN: &str = "WHILE TRUE\nHEAR words\nTALK \"You said \" + words\nWEND\n";

#[tokio::test]
async fn a_script_greets_listens_and_ends() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, NAMES).await;
    let visitor = world.visitor(&process, bot).await;
    process.greet(&visitor, start_of_day()).await.expect("greeted");
    world.hears(&["Who are you?"]).await;
    let first = say(&process, &visitor, "Ann").await;
    let second = say(&process, &visitor, "nothing").await;
    let third = say(&process, &visitor, "anybody?").await;
    world
        .hears(&["Who are you?", "Hi Ann", "Bye Ann", "No idea."])
        .await;
    let asked: Vec<_> = world
        .said()
        .await
        .into_iter()
        .map(|said| said.in_reply_to)
        .collect();
    assert_eq!(
        asked,
        [
            None,
            Some(first.turn_id),
            Some(second.turn_id),
            Some(third.turn_id)
        ]
    );
    assert_eq!(world.outcomes().await, [RunOutcome::Completed]);
}

#[tokio::test]
async fn the_opening_script_runs_once_for_a_session() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, NAMES).await;
    let visitor = world.visitor(&process, bot).await;
    for _ in 0..3 {
        process.greet(&visitor, start_of_day()).await.expect("greeted");
    }
    let other = world.process().await;
    other
        .greet(&visitor, start_of_day())
        .await
        .expect("greeted elsewhere");
    // Whoever greeted, the newest process answers.
    say(&other, &visitor, "Ann").await;
    world.hears(&["Who are you?", "Hi Ann"]).await;
}

#[tokio::test]
async fn a_turn_without_a_greeting_before_it_runs_the_script_first() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, NAMES).await;
    let visitor = world.visitor(&process, bot).await;
    let turn = say(&process, &visitor, "Ann").await;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    let said = world.said().await;
    assert_eq!(
        said[0],
        Said {
            in_reply_to: None,
            text: "Who are you?".to_owned()
        }
    );
    assert_eq!(said[1].in_reply_to, Some(turn.turn_id));
}

#[tokio::test]
async fn a_turn_of_a_script_is_two_commits() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, NAMES).await;
    let visitor = world.visitor(&process, bot).await;
    process.greet(&visitor, start_of_day()).await.expect("greeted");
    world.hears(&["Who are you?"]).await;
    let commits = "select count(distinct tx_id) from log.events";
    let receipts = "select count(*) from log.receipts";
    let events = "select count(*) from log.events";
    let before = (
        world.count(commits).await,
        world.count(receipts).await,
        world.count(events).await,
    );
    say(&process, &visitor, "Ann").await;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    let after = (
        world.count(commits).await,
        world.count(receipts).await,
        world.count(events).await,
    );
    // turn.received; reply.produced and run.suspended.
    assert_eq!(after, (before.0 + 2, before.1 + 2, before.2 + 3));
    let keys =
        "select count(distinct ordering_key) from log.events where aggregate_type in ('conversation', 'run')";
    assert_eq!(world.count(keys).await, 1, "both are read in one order");
}

#[tokio::test]
async fn turns_are_answered_in_the_order_of_the_stream() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    let first = say(&process, &visitor, "one").await;
    world.hears(&["You said one"]).await;
    // Two was stored and is never handed over; three is, and two comes first all the same.
    world.orphan(&visitor, first.conversation_id, "two").await;
    say(&process, &visitor, "three").await;
    world
        .hears(&["You said one", "You said two", "You said three"])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_sent_at_once_are_answered_one_after_the_other() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "first").await;
    crate::world::at_once(24, |number| {
        let (process, visitor) = (process.clone(), visitor.clone());
        async move { say(&process, &visitor, &number.to_string()).await }
    })
    .await;
    let all = world
        .eventually(async || (world.said().await.len() == 25).then_some(()))
        .await;
    assert!(all.is_some(), "{:?}", world.texts().await);
    let asked: Vec<_> = world
        .turns()
        .await
        .into_iter()
        .map(|(_, turn)| Some(turn))
        .collect();
    let answered: Vec<_> = world
        .said()
        .await
        .into_iter()
        .map(|said| said.in_reply_to)
        .collect();
    assert_eq!(answered, asked);
}

#[tokio::test]
async fn a_script_that_only_prints_or_calls_scripts_has_its_time_too() {
    let world = World::new().await;
    let process = world.process_within(Duration::ZERO).await;
    let print = "HEAR words\nWHILE words\nPRINT \"\"\nWEND\n";
    let call = "HEAR words\nWHILE words\nCALL \"nothing.bas\"\nWEND\n";
    let bot = world.bot(&process, "TALK 1").await;
    for (number, script) in [print, call].into_iter().enumerate() {
        let scripts = [("start", script), ("nothing", "RETURN 1")];
        world.load_scripts(&process, bot, &scripts).await;
        let visitor = world.visitor(&process, bot).await;
        say(&process, &visitor, "go").await;
        let outcomes = world
            .eventually(async || Some(world.outcomes().await).filter(|outcomes| outcomes.len() > number))
            .await
            .expect("the run ends");
        let last = outcomes.last();
        assert!(
            matches!(last, Some(RunOutcome::Failed { code, .. }) if code == "script_time"),
            "{last:?}"
        );
    }
}

#[tokio::test]
async fn a_script_that_breaks_ends_its_run_and_says_so_once() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world
        .bot(
            &process,
            "TALK \"Hello\"\nHEAR words\nTALK \"Wait\"\nzero = 0\nTALK 1 / zero\n",
        )
        .await;
    let visitor = world.visitor(&process, bot).await;
    let broke = say(&process, &visitor, "hello").await;
    let after = say(&process, &visitor, "and now?").await;
    let all = world
        .eventually(async || (world.said().await.len() == 4).then_some(()))
        .await;
    let said = world.said().await;
    assert!(all.is_some(), "{said:?}");
    assert_eq!((said[0].text.as_str(), said[1].text.as_str()), ("Hello", "Wait"));
    assert!(said[2].text.starts_with("Something went wrong"), "{said:?}");
    assert_eq!(said[2].in_reply_to, Some(broke.turn_id));
    assert_eq!(
        (said[3].text.as_str(), said[3].in_reply_to),
        ("No idea.", Some(after.turn_id))
    );
    let outcomes = world.outcomes().await;
    assert!(
        matches!(&outcomes[..], [RunOutcome::Failed { code, line: 5, .. }] if code == "R0202"),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn a_script_that_breaks_before_anybody_spoke_says_so_once() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "zero = 0\nTALK 1 / zero\n").await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let all = world
        .eventually(async || (world.said().await.len() == 2).then_some(()))
        .await;
    let said = world.texts().await;
    assert!(all.is_some(), "{said:?}");
    assert!(said[0].starts_with("Something went wrong"), "{said:?}");
    assert_eq!(said[1], "No idea.");
}

#[tokio::test]
async fn a_run_ends_on_the_version_it_began_with() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, NAMES).await;
    let (ann, bob) = (
        world.visitor(&process, bot).await,
        world.visitor(&process, bot).await,
    );
    say(&process, &ann, "Ann").await;
    world.hears(&["Who are you?", "Hi Ann"]).await;
    world
        .load(
            &process,
            bot,
            "TALK \"New words\"\nHEAR x\nTALK \"Newer words\"\n",
        )
        .await;
    // Another process, so that nothing but the stored state can say which version it is.
    let other = world.process().await;
    say(&other, &ann, "go on").await;
    world.hears(&["Who are you?", "Hi Ann", "Bye Ann"]).await;
    say(&other, &ann, "and now?").await;
    say(&other, &bob, "hello").await;
    let all = world
        .eventually(async || (world.said().await.len() == 6).then_some(()))
        .await;
    let mut rest = world.texts().await.split_off(3);
    assert!(all.is_some(), "{rest:?}");
    rest.sort();
    assert_eq!(rest, ["New words", "Newer words", "No idea."]);
}

#[tokio::test]
async fn a_cancelled_run_hears_nothing_more() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, LISTEN).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world.hears(&["You said hello"]).await;
    let mut runs = world.facts().await.into_iter();
    let run = runs.find_map(|fact| match fact {
        Fact::Run(id, RunEvent::Started(_)) => Some(id),
        _ => None,
    });
    let run = run.expect("the script was started");
    process
        .cancel_run(&world.context(), run, minute(1))
        .await
        .expect("cancelled");
    // Its worker still has it in memory.
    say(&process, &visitor, "hello?").await;
    world.hears(&["You said hello", "No idea."]).await;
    assert_eq!(world.outcomes().await, [RunOutcome::Cancelled]);
    let late = process
        .receive_turn(&visitor, message("late"), minute(60))
        .await
        .expect("taken in");
    world.hears(&["You said hello", "No idea.", "No idea."]).await;
    assert_eq!(
        world.turns().await.last(),
        Some(&(late.conversation_id, late.turn_id))
    );
}
