//! What scripts remember of bots, people and sessions, and what sessions are set up with.

use crate::world::{World, say};

const COUNTS: &str = r#"
WHILE TRUE
  HEAR words
  n = GET BOT MEMORY("count")
  IF n = "" THEN n = 0
  SET BOT MEMORY "count", n + 1
  SET SESSION "last", words
  REMEMBER "name", words
  TALK "count " + GET BOT MEMORY("count") + ", you said " + GET SESSION("last") + ", you are " + RECALL("name")
WEND
"#;

#[tokio::test]
async fn a_bot_remembers_across_people_and_processes() {
    let world = World::new().await;
    let first = world.process().await;
    let bot = world.bot(&first, COUNTS).await;
    let ana = world.visitor(&first, bot).await;
    say(&first, &ana, "Ana").await;
    world.hears(&["count 1, you said Ana, you are Ana"]).await;
    let second = world.process().await;
    let rui = world.visitor(&second, bot).await;
    say(&second, &rui, "Rui").await;
    world
        .hears(&[
            "count 1, you said Ana, you are Ana",
            "count 2, you said Rui, you are Rui",
        ])
        .await;
    // With a space or a quotation mark, which what is sealed does not have within.
    let planted =
        "select count(*) from log.events where payload::text like any (array['%said Ana%', '%\"Ana%'])";
    assert_eq!(world.count(planted).await, 0, "what is remembered is sealed");
}

#[tokio::test]
async fn a_file_of_several_tools_offers_all_of_them() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = world.bot(&process, "TALK 1").await;
    let start = "USE TOOL \"apis.bas\"\nUSE TOOL \"api\"\nTALK LIST TOOLS\n\
                 REMOVE TOOL \"apis\"\nTALK LIST TOOLS\nADD TOOL \"apis#a-dog\"\nTALK LIST TOOLS";
    let apis = "DESCRIPTION \"A cat\"\nRETURN 1\nDESCRIPTION \"A dog\"\nRETURN 2\n\
                DESCRIPTION \"A duck\"\nRETURN 3";
    world
        .load_scripts(
            &process,
            bot,
            &[("start", start), ("apis", apis), ("api", "RETURN 4")],
        )
        .await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world
        .hears(&[
            r#"["api", "apis", "apis#a-dog", "apis#a-duck"]"#,
            r#"["api"]"#,
            r#"["api", "apis#a-dog"]"#,
            "No idea.",
        ])
        .await;
}

#[tokio::test]
async fn a_session_is_set_up_and_what_is_forgotten_is_gone() {
    let world = World::new().await;
    let process = world.process().await;
    let script = r#"
USE TOOL "book.bas"
ADD TOOL "cancel"
ADD_TOOL("pay")
REMOVE TOOL "cancel"
SET CONTEXT "prices" AS "20 a night"
SET CONTEXT "prices"
SET ANSWER MODE "document"
USE KB "rules"
USE MODEL "fast"
TALK LIST TOOLS()
TALK GET CURRENT MODEL()
REMEMBER USER FACT "sails"
REMEMBER USER FACT "has a dog"
TALK GET USER FACTS()
SET USER MEMORY "berth", {number: 7}
x = GET USER MEMORY("berth")
TALK x.number
CLEAR USER MEMORY
TALK GET USER FACTS()
TALK LIST TOOLS()
CACHE SET "rate", 1.5, 60
TALK CACHE GET "rate"
ON ERROR RESUME NEXT
SET ANSWER MODE "loudly"
TALK ERROR MESSAGE
SET BOT MEMORY "setup.tool.x", 1
TALK ERROR MESSAGE
SET SESSION session.id, "setup.model", "own"
TALK ERROR MESSAGE
answer = LLM "hello"
TALK answer
"#;
    let bot = world.bot(&process, script).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    world
        .hears(&[
            r#"["book", "pay"]"#,
            "fast",
            r#"["sails", "has a dog"]"#,
            "7",
            "[]",
            r#"["book", "pay"]"#,
            "1.5",
            "`loudly` is no way to answer; there are direct, document, tool, sql, chart (answer_mode)",
            "keys that begin with setup. are taken (memory_key)",
            "keys that begin with setup. are taken (memory_key)",
            "LLM is not configured here",
            "No idea.",
        ])
        .await;
}
