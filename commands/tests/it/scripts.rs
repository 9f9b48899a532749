//! Scripts that call others of their bot, and scripts that pause.

use std::collections::BTreeMap;

use commands::{BotCommand, Commands, PackageFiles, assemble};
use domain::BotId;
use domain::bot::{Bot, Package};
use serde_json::Value;

use crate::world::{World, say};

/// Loads a package of several scripts.
async fn load(world: &World, process: &Commands, bot: BotId, scripts: &[(&str, &str)]) {
    let files = PackageFiles {
        scripts: scripts
            .iter()
            .map(|(name, source)| ((*name).to_owned(), source.as_bytes().to_vec()))
            .collect::<BTreeMap<_, _>>(),
        settings: BTreeMap::from([("no-answer".to_owned(), "No idea.".to_owned())]),
        ..PackageFiles::default()
    };
    let assembled = assemble("helper", &Package::default(), &files);
    for script in assembled.package.scripts.values() {
        assert!(!script.broken(), "{:?}", script.findings);
    }
    world
        .programs()
        .store(world.tenant, assembled.programs)
        .await
        .expect("programs are stored");
    process
        .executor()
        .execute::<Bot>(
            &world.context(),
            bot,
            BotCommand::LoadPackage(Box::new(assembled.package)),
            Value::Null,
        )
        .await
        .expect("the package is loaded");
}

const CALLING: &str = "HEAR n AS INTEGER\nx = CALL \"double.bas\", n\nTALK \"Twice is \" + x\nHEAR more\n\
    x = CALL \"double.bas\", n\nTALK \"Again \" + x\n";
const DOUBLE: &str = "PARAM n AS INTEGER\nHEAR sure AS BOOLEAN WITH \"Sure?\"\nRETURN n * 2\n";
const TRIPLE: &str = "PARAM n AS INTEGER\nRETURN n * 3\n";

#[tokio::test]
async fn a_called_script_asks_and_answers_and_a_run_keeps_its_version() {
    let world = World::new().await;
    let first = world.process().await;
    let bot = world.bot(&first, "TALK 1").await;
    load(&world, &first, bot, &[("start", CALLING), ("double", DOUBLE)]).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "21").await;
    world.hears(&["Sure?"]).await;

    // Another version of the called script is loaded and another process goes on, in the middle of the call.
    load(&world, &first, bot, &[("start", CALLING), ("double", TRIPLE)]).await;
    let second = world.process().await;
    say(&second, &visitor, "yes").await;
    world.hears(&["Sure?", "Twice is 42"]).await;
    say(&second, &visitor, "more").await;
    world.hears(&["Sure?", "Twice is 42", "Sure?"]).await;
    say(&second, &visitor, "yes").await;
    world.hears(&["Sure?", "Twice is 42", "Sure?", "Again 42"]).await;
}

#[tokio::test]
async fn calling_a_script_that_is_not_there_is_a_mistake_of_the_caller() {
    let world = World::new().await;
    let process = world.process().await;
    let script = "HEAR words\nTRY\nCALL \"nowhere.bas\"\nCATCH e\nTALK \"Caught\"\nEND TRY\n";
    let bot = world.bot(&process, script).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "go").await;
    world.hears(&["Caught"]).await;
}

const PAUSING: &str = "HEAR words\nTALK \"One moment\"\nWAIT 0.3\nTALK \"Here it is: \" + words\n\
    HEAR words\nTALK \"And \" + words\n";

#[tokio::test]
async fn what_is_said_before_a_pause_is_heard_before_it_and_turns_wait() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, PAUSING).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "a").await;
    say(&process, &visitor, "b").await;
    world.hears(&["One moment", "Here it is: a", "And b"]).await;
    let pauses = "select count(*) from log.events where event_type = 'run.suspended' and payload ->> 'waits_for' = 'time'";
    assert_eq!(world.count(pauses).await, 1, "the pause is a wait of its own");
}

#[tokio::test]
async fn a_pause_that_a_crash_interrupted_ends_in_the_next_process() {
    let world = World::new().await;
    let dead = world.process().await;
    let script = PAUSING.replace("0.3", "2");
    let bot = world.bot(&dead, &script).await;
    let visitor = world.visitor(&dead, bot).await;
    say(&dead, &visitor, "a").await;
    world.hears(&["One moment"]).await;
    // The lease of the process that sleeps is taken from it: what it says when it wakes does not count.
    let alive = world.process().await;
    world.recover(&alive).await;
    world.hears(&["One moment", "Here it is: a"]).await;
    say(&alive, &visitor, "b").await;
    world.hears(&["One moment", "Here it is: a", "And b"]).await;
}

#[tokio::test]
async fn every_script_finds_who_talks_and_the_parameters_of_its_package() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK 1").await;
    let start = "TALK user.id = user_id AND session.id = session_id AND from = user_id\n\
        TALK bot.name + \" \" + channel + \" \" + role + \" \" + username + \".\"\nCALL \"inner.bas\"\n";
    let inner =
        "TALK \"greeting is \" + greeting\nTALK user.id = user_id\nTALK session.channel + \" \" + language\n";
    load(&world, &process, bot, &[("start", start), ("inner", inner)]).await;
    let parameters = vec![
        ("greeting".to_owned(), basic::Value::text("Ahoy")),
        ("role".to_owned(), basic::Value::text("admin")),
    ];
    process.dialogues().set_parameters(bot, parameters);
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world
        .hears(&[
            "true",
            "helper web user .",
            "greeting is Ahoy",
            "true",
            "web en",
            "No idea.",
        ])
        .await;
}

#[tokio::test]
async fn a_package_chooses_the_language_of_its_scripts() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK 1").await;
    let start = "TALK language + \" \" + FORMAT(\"2026-03-07\", \"dddd\")\nHEAR x AS BOOLEAN\n";
    load(&world, &process, bot, &[("start", start)]).await;
    let parameters = vec![("language".to_owned(), basic::Value::text("pt-BR"))];
    process.dialogues().set_parameters(bot, parameters);
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "?").await;
    world
        .hears(&["pt-BR sábado", "Não entendi. Responda sim ou não, por favor."])
        .await;
}
