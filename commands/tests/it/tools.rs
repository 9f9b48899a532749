//! Tools that people call: what they are given, what becomes of the script beneath, and which there are.

use commands::{CommandError, Commands, NewInvocation, NewTurn, ReceivedTurn, VisitorSession};
use domain::run::RunOutcome;
use serde_json::{Value as Json, json};

use crate::observing::Fact;
use crate::post::Post;
use crate::world::{World, refusal, say, start_of_day};

const START: &str =
    "TALK \"Your name?\"\nHEAR name\nTALK \"Hi \" + name\nWHILE TRUE\nHEAR words\nTALK words\nWEND\n";
const BOOK: &str = "DESCRIPTION \"Books a table\"\nPARAM guests AS INTEGER LIKE 4 DESCRIPTION \"How many\"\n\
                    IF ISEMPTY(guests) THEN\nTALK \"For how many?\"\nHEAR guests AS INTEGER\nEND IF\n\
                    TALK \"A table for \" + guests\n";
const HOURS: &str = "DESCRIPTION \"Opening hours\"\nRETURN \"Nine to five\"\n";
const SILENT: &str = "DESCRIPTION \"Asks elsewhere\"\nTALK \"Asking\"\nx = POST \"https://example.org\", {a: 1}\nTALK x.code\n";
const HELPER: &str = "TALK \"Not a tool\"\n";
const DELEGATE: &str = "PARAM question AS STRING LIKE \"x\" DESCRIPTION \"q\"\nTALK question\n";
const HOOK: &str = "DESCRIPTION \"Takes orders\"\nWEBHOOK \"orders\"\nTALK \"Taken\"\n";

async fn call(
    process: &Commands,
    visitor: &VisitorSession,
    tool: &str,
    arguments: Json,
) -> Result<ReceivedTurn, CommandError> {
    let Json::Object(arguments) = arguments else {
        panic!("{arguments}")
    };
    let turn = NewTurn {
        content: format!("call {tool}"),
        invokes: Some(NewInvocation {
            tool: tool.to_owned(),
            arguments,
        }),
        ..NewTurn::default()
    };
    process.receive_turn(visitor, turn, start_of_day()).await
}

async fn begun(world: &World, process: &Commands) -> VisitorSession {
    let bot = world.bot(process, START).await;
    let scripts = [
        ("start", START),
        ("desk/book", BOOK),
        ("hours", HOURS),
        ("silent", SILENT),
        ("helper", HELPER),
        ("delegate", DELEGATE),
        ("hook", HOOK),
    ];
    world.load_scripts(process, bot, &scripts).await;
    let visitor = world.visitor(process, bot).await;
    process.greet(&visitor, start_of_day()).await.expect("greeted");
    world.hears(&["Your name?"]).await;
    visitor
}

#[tokio::test]
async fn a_tool_runs_over_the_script_which_asks_again_afterwards() {
    let world = World::new().await;
    let process = world.process().await;
    let visitor = begun(&world, &process).await;
    call(&process, &visitor, "book", json!({ "guests": 3 }))
        .await
        .expect("there is one");
    world.hears(&["Your name?", "A table for 3", "Your name?"]).await;
    // What a tool returns is said where it says nothing.
    call(&process, &visitor, "Hours.bas", json!({}))
        .await
        .expect("there is one");
    say(&process, &visitor, "Ann").await;
    world
        .hears(&[
            "Your name?",
            "A table for 3",
            "Your name?",
            "Nine to five",
            "Your name?",
            "Hi Ann",
        ])
        .await;
}

#[tokio::test]
async fn a_tool_asks_for_what_it_was_not_given() {
    let world = World::new().await;
    let process = world.process().await;
    let visitor = begun(&world, &process).await;
    call(&process, &visitor, "book", json!({}))
        .await
        .expect("there is one");
    world.hears(&["Your name?", "For how many?"]).await;
    // Another process takes the answer up, and finds both runs in the log.
    let other = world.process().await;
    say(&other, &visitor, "2").await;
    say(&other, &visitor, "Ann").await;
    world
        .hears(&[
            "Your name?",
            "For how many?",
            "A table for 2",
            "Your name?",
            "Hi Ann",
        ])
        .await;
}

#[tokio::test]
async fn a_tool_that_asks_gives_way_to_the_next() {
    let world = World::new().await;
    let process = world.process().await;
    let visitor = begun(&world, &process).await;
    call(&process, &visitor, "book", json!({}))
        .await
        .expect("there is one");
    world.hears(&["Your name?", "For how many?"]).await;
    call(&process, &visitor, "book", json!({ "guests": "7" }))
        .await
        .expect("there is one");
    say(&process, &visitor, "Ann").await;
    world
        .hears(&[
            "Your name?",
            "For how many?",
            "A table for 7",
            "Your name?",
            "Hi Ann",
        ])
        .await;
    assert_eq!(
        world.outcomes().await,
        [RunOutcome::Cancelled, RunOutcome::Completed]
    );
}

#[tokio::test]
async fn only_tools_are_called_and_only_with_what_they_take() {
    let world = World::new().await;
    let process = world.process().await;
    let visitor = begun(&world, &process).await;
    for (tool, arguments, code) in [
        ("helper", json!({}), "tool_not_found"),
        ("delegate", json!({ "question": "x" }), "tool_not_found"),
        ("hook", json!({}), "tool_not_found"),
        ("start", json!({}), "tool_not_found"),
        ("../book", json!({}), "tool_not_found"),
        ("", json!({}), "tool_not_found"),
        ("book", json!({ "guests": "many" }), "tool_arguments_invalid"),
        ("book", json!({ "user_id": "somebody" }), "tool_arguments_invalid"),
    ] {
        assert_eq!(
            refusal(call(&process, &visitor, tool, arguments).await),
            code,
            "{tool}"
        );
    }
    let large = json!({ "guests": "9".repeat(2_000) });
    let refused = call(&process, &visitor, "book", large).await;
    assert!(
        matches!(refused, Err(CommandError::Invalid { .. })),
        "{refused:?}"
    );
    assert_eq!(world.texts().await, ["Your name?"]);
}

#[tokio::test]
async fn a_tool_that_died_in_the_midst_of_its_turn_goes_on_elsewhere() {
    let world = World::new().await;
    let dead = world.process_with(Post::answering(0)).await;
    let visitor = begun(&world, &dead).await;
    call(&dead, &visitor, "silent", json!({}))
        .await
        .expect("there is one");
    let recorded = world
        .eventually(async || {
            let is = |fact: &Fact| matches!(fact, Fact::Run(_, domain::run::RunEvent::Recorded(_)));
            world.facts().await.iter().any(is).then_some(())
        })
        .await;
    assert!(recorded.is_some(), "it asks");
    let alive = world.process_with(Post::answering(usize::MAX)).await;
    world.recover(&alive).await;
    world
        .hears(&["Your name?", "Asking", "outcome_unknown", "Your name?"])
        .await;
    say(&alive, &visitor, "Ann").await;
    world
        .hears(&["Your name?", "Asking", "outcome_unknown", "Your name?", "Hi Ann"])
        .await;
}
