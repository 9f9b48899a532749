//! Other sessions and other bots: told at once, asked within the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use commands::{Asking, Commands, Plan, Services};
use domain::BotId;

use crate::post::Post;
use crate::world::{World, say};

async fn other(world: &World, process: &Commands, name: &str, scripts: &[(&str, &str)]) -> BotId {
    let bot = process
        .create_bot(&world.context(), name)
        .await
        .expect("free")
        .bot_id;
    world.load_scripts(process, bot, scripts).await;
    bot
}

#[tokio::test]
async fn something_is_said_in_another_session_of_the_bot() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "WHILE TRUE\nHEAR who\nx = SEND TO SESSION who, \"Your table is free.\"\nIF x.success THEN\n\
                  TALK TO \"web:\" + who, \"Come!\"\nEND IF\nTALK \"told \" + x.code\nWEND\n";
    let bot = world.bot(&process, script).await;
    let foreign = other(&world, &process, "foreign", &[("start", "TALK \"Foreign\"\n")]).await;
    let (first, second) = (
        world.visitor(&process, bot).await,
        world.visitor(&process, bot).await,
    );
    let stranger = world.visitor(&process, foreign).await;
    say(&process, &first, &second.session_id.to_string()).await;
    let expected = ["Your table is free.", "Come!", "told "];
    world.hears(&expected).await;
    for nobody in [stranger.session_id.to_string(), "nobody".to_owned()] {
        say(&process, &first, &nobody).await;
    }
    world
        .hears(
            &[
                &expected[..],
                &["told session_not_found", "told session_not_found"],
            ]
            .concat(),
        )
        .await;
}

const ASKS: &str = "
WHILE TRUE
  HEAR words
  x = DELEGATE words TO BOT \"billing\" TIMEOUT 20
  IF IS_ERROR(x) THEN TALK x.code ELSE TALK \"billing says: \" + x
WEND
";

#[tokio::test]
async fn another_bot_is_asked_and_its_answer_is_not_said_by_itself() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, ASKS).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "paid?").await;
    world.hears(&["bot_not_found"]).await;
    let start =
        "TALK \"Billing here\"\nHEAR q\nTALK \"You ask \" + q\nADD TOOL \"x\"\nHEAR more\nTALK \"never\"\n";
    let billing = other(&world, &process, "billing", &[("start", start)]).await;
    say(&process, &visitor, "paid?").await;
    world
        .hears(&["bot_not_found", "billing says: You ask paid?"])
        .await;
    let delegate = "PARAM question AS STRING LIKE \"x\" DESCRIPTION \"q\"\nRETURN \"On \" + question\n";
    world
        .load_scripts(&process, billing, &[("start", start), ("delegate", delegate)])
        .await;
    say(&process, &visitor, "7").await;
    world
        .hears(&[
            "bot_not_found",
            "billing says: You ask paid?",
            "billing says: On 7",
        ])
        .await;
}

#[tokio::test]
async fn bots_that_ask_one_another_end_somewhere() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, ASKS).await;
    let round = "PARAM message AS STRING LIKE \"x\" DESCRIPTION \"m\"\nx = DELEGATE message TO BOT \"billing\"\nIF IS_ERROR(x) THEN TALK x.code ELSE TALK \"+\" + x\n";
    other(
        &world,
        &process,
        "billing",
        &[("delegate", round), ("start", "TALK 1\n")],
    )
    .await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "go").await;
    world.hears(&["billing says: ++++too_many_hops"]).await;
}

#[tokio::test]
async fn all_bots_of_the_session_are_told() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "ADD BOT \"billing\"\nADD BOT \"nobody\"\nHEAR words\nx = BROADCAST words TO BOTS\n\
                  FOR EACH one IN x\nTALK one.bot + \": \" + one.answer + one.code\nNEXT one\n";
    let bot = world.bot(&process, script).await;
    other(
        &world,
        &process,
        "billing",
        &[("delegate", "TALK \"closed at ten\"\n")],
    )
    .await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "ten").await;
    world
        .hears(&["billing: closed at ten", "nobody: bot_not_found"])
        .await;
}

#[tokio::test]
async fn what_another_bot_did_is_not_done_again_when_the_turn_is() {
    let world = World::new().await;
    let silent = Post::answering(1);
    let dead = world.process_with(silent.clone()).await;
    let script = "HEAR words\nx = DELEGATE words TO BOT \"billing\"\ny = POST \"https://example.org\", {a: 1}\nTALK x + \", \" + y.code\n";
    let bot = world.bot(&dead, script).await;
    other(
        &world,
        &dead,
        "billing",
        &[("delegate", "TALK POST(\"https://example.org\", {b: 1})\n")],
    )
    .await;
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "go").await;
    let asked = world
        .eventually(async || (silent.asked() == 2).then_some(()))
        .await;
    assert!(asked.is_some(), "both bots ask");
    let answering = Post::answering(9);
    let alive = world.process_with(answering.clone()).await;
    world.recover(&alive).await;
    world.hears(&["post 1, outcome_unknown"]).await;
    assert_eq!(answering.asked(), 0);
}

/// Answers GET, after so long, and POST never.
#[derive(Debug, Default)]
struct Slow {
    after: Duration,
    posted: AtomicUsize,
}

#[async_trait]
impl Services for Slow {
    fn plan(&self, request: &Request) -> Plan {
        match request.word {
            "GET" => Plan::Reads,
            "POST" => Plan::Changes,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, _: &Asking, request: &Request) -> Result<Value, Refusal> {
        if request.word == "POST" {
            self.posted.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(self.after).await;
        Ok(Value::from("got"))
    }
}

#[tokio::test]
async fn a_bot_that_was_too_late_is_so_when_the_turn_is_repeated() {
    let world = World::new().await;
    let slow = Arc::new(Slow {
        after: Duration::from_millis(1_001),
        ..Slow::default()
    });
    let dead = world.process_with(slow.clone()).await;
    let script = "HEAR words\nx = DELEGATE words TO BOT \"billing\" TIMEOUT 1\n\
                  y = POST \"https://example.org\", {a: 1}\nTALK x.code + \", \" + y.code\n";
    let bot = world.bot(&dead, script).await;
    let answers = "a = GET \"https://example.org\"\nb = GET \"https://example.org\"\nTALK a + b\n";
    other(&world, &dead, "billing", &[("delegate", answers)]).await;
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "go").await;
    let asked = world
        .eventually(async || (slow.posted.load(Ordering::SeqCst) == 1).then_some(()))
        .await;
    assert!(asked.is_some(), "the script goes on without the bot's answer");
    // This time the bot would be fast enough.
    let fast = Arc::new(Slow::default());
    let alive = world.process_with(fast.clone()).await;
    world.recover(&alive).await;
    world.hears(&["bot_timeout, outcome_unknown"]).await;
    assert_eq!(fast.posted.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_bot_that_is_asked_leaves_session_and_conversation_alone() {
    let world = World::new().await;
    let service = Post::answering(usize::MAX);
    let process = world.process_with(service).await;
    let script = "SET HEADER \"X-Own\", \"secret\"\nSET SESSION \"seen\", \"by me\"\nWHILE TRUE\nHEAR words\n\
                  x = DELEGATE words TO BOT \"billing\"\nIF IS_ERROR(x) THEN TALK x.code ELSE TALK x\n\
                  TALK POST(\"https://example.org\", {a: 1}) + \" \" + GET SESSION(\"seen\")\nWEND\n";
    let bot = world.bot(&process, script).await;
    let delegate = "PARAM words AS STRING LIKE \"x\" DESCRIPTION \"w\"\n\
                    IF words = \"wait\" THEN\nTALK \"one\"\nWAIT 0.1\nTALK \"two\"\nEND IF\n\
                    TALK \"[\" + GET SESSION(\"seen\") + \"]\"\nSET SESSION \"seen\", \"by it\"\n\
                    SET HEADER \"X-Other\", \"1\"\nTALK GET SESSION(\"seen\")\n\
                    TALK POST(\"https://example.org\", {b: 1})\nx = TRANSFER TO HUMAN \"sales\"\nTALK x.code\n";
    other(&world, &process, "billing", &[("delegate", delegate)]).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "go").await;
    let heard = [
        "[]\nby it\npost 1 x-other=1\nnot_own_conversation",
        "post 2 x-own=secret by me",
    ];
    world.hears(&heard).await;
    say(&process, &visitor, "wait").await;
    let paused = ["bot_pauses", "post 3 x-own=secret by me"];
    world.hears(&[heard, paused].concat()).await;
}
