//! A bot that keeps what it is told in a table and counts in its memory, killed again and again: each turn is one row, and
//! each is counted once.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::chat::Visitor;
use crate::crowd::{Crowd, assert_everybody_was_answered, seed};
use crate::server::{DataFolder, Server};

/// Reads before it writes, so that a repetition that read anew would go another way.
const LEDGER: &str = r#"
TABLE entries
  id integer key
  session string
  said string
  place integer
END TABLE
DO WHILE TRUE
  HEAR said
  IF said = "audit" THEN
    rows = FIND "entries"
    wrong = 0
    FOR EACH row IN rows
      known = FIND rows WHERE session = row.session AND said = row.said
      IF UBOUND(known) <> 1 THEN wrong = wrong + 1
    NEXT
    TALK "rows " + UBOUND(rows) + ", doubled " + wrong
  ELSE
    mine = FIND "entries" WHERE session = session_id
    IF UBOUND(FIND(mine, "said='" + said + "'")) > 0 THEN
      TALK "it is there already"
    ELSE
      INSERT "entries", {session: session_id, said: said, place: UBOUND(mine)}
      counted = GET SESSION "counted"
      IF counted = "" THEN counted = 0
      SET SESSION "counted", counted + 1
      TALK "place " + UBOUND(mine) + ", counted " + counted
    END IF
  END IF
LOOP
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_writes_each_row_once_and_counts_each_turn_once() {
    let seed = seed();
    let mut chance = StdRng::seed_from_u64(seed);
    let data = DataFolder::new();
    data.script("echo", "start", LEDGER);
    let mut server = Server::start(&data);
    let crowd = Crowd::enter(&server.address, seed).await;
    server.kill();
    for point in [
        "before-data-commit",
        "after-data-commit",
        "between-turn-and-reply",
    ] {
        let after: u32 = chance.random_range(10..60);
        println!("seed {seed}: killing itself at {point}, the {after}th time");
        crowd.until_the_crash(&data, point, after).await;
    }
    for _ in 0..3 {
        let pause = Duration::from_millis(chance.random_range(800..2_500));
        println!("seed {seed}: killing it after {pause:?}");
        crowd.until_killed(&data, pause).await;
    }
    let server = Server::start(&data);
    crowd.moved_to(&server.address);
    let visitors = crowd.leave().await;
    let mut turns = 0;
    for visitor in &visitors {
        let mut answers: Vec<&str> = visitor
            .transcript
            .values()
            .filter(|line| !line.from_visitor)
            .map(|line| line.text.as_str())
            .collect();
        answers.dedup();
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(
                *answer,
                format!("place {number}, counted {number}"),
                "{answers:?}"
            );
        }
        turns += visitor.acknowledged.len();
    }
    assert_everybody_was_answered(&server.address, visitors).await;
    let mut auditor = Visitor::enter(&server.address, "echo").await.expect("let in");
    auditor.say("audit").await;
    let report = auditor
        .transcript
        .values()
        .last()
        .expect("an answer")
        .text
        .clone();
    assert_eq!(report, format!("rows {turns}, doubled 0"));
    assert!(server.stop(), "the server stops when asked");
    let (code, report) = data.run(&["log", "verify"]);
    assert_eq!(code, 0, "{report}");
}
