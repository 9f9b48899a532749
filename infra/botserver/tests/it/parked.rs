//! An operator and a parked event: seen, tried, passed over, and all of it written down.

use serde_json::{Value, json};

use crate::doctor::url;
use crate::server::{DataFolder, Server};

/// A bot whose first event is of no form, and one after it, as a version of tomorrow might have written them.
const MALFORMED: &str = "
    insert into log.events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                            tenant_id, ordering_key)
    select 'bot', k.id, n.sequence, n.type, '1', n.payload::json, '{}', t.tenant_id, k.id
      from (select gen_random_uuid()::text as id) k, (select tenant_id from log.events order by seq_no limit 1) t,
           (values (1, 'bot.created', '{\"name\": 7}'), (2, 'bot.paused', '{}')) as n(sequence, type, payload)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_event_is_shown_tried_and_passed_over() {
    let data = DataFolder::new();
    let database = test_database::create().await;
    let address = url(&database, "botserver_owner");
    let server = Server::start_with(&data, &[("BOTSERVER_DATABASE_URL", address.clone())]);
    let log = database.pool("botserver_log").await;
    let projector = database.pool("botserver_projector").await;
    let run = |arguments: &[&str]| {
        let all: Vec<&str> = ["projections"]
            .iter()
            .chain(arguments)
            .chain(&["--database-url", &address])
            .copied()
            .collect();
        data.run(&all)
    };
    let (code, text) = run(&["parked"]);
    assert_eq!((code, text.as_str()), (0, "nothing is parked\n"));

    sqlx::query(MALFORMED)
        .execute(&log)
        .await
        .expect("the log takes it");
    let waiting = async |count: i64| {
        let query = "select count(*) from read.parked where name = 'bot'";
        loop {
            let found: i64 = sqlx::query_scalar(query)
                .fetch_one(&projector)
                .await
                .expect("readable");
            if found == count {
                break;
            }
        }
    };
    waiting(2).await;
    let (code, text) = run(&["parked", "bot"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("bot.created")
            && text.contains("does not have the form")
            && text.contains("the one before it"),
        "{text}"
    );
    let answer = server
        .ask(
            "{ parkedEvents(projection: \"bot\") { totalCount edges { node { position eventType error attempts } } }
               projections { items { name parkedEvents } } }",
        )
        .await;
    let parked = &answer["data"]["parkedEvents"];
    assert_eq!(parked["totalCount"], 2, "{answer}");
    let first = parked["edges"][1]["node"]["position"]
        .as_i64()
        .or_else(|| parked["edges"][0]["node"]["position"].as_i64());
    let least: i64 = sqlx::query_scalar("select min(position) from read.parked")
        .fetch_one(&projector)
        .await
        .expect("readable");
    assert!(first.is_some_and(|first| first >= least), "{answer}");

    let position = least.to_string();
    let (code, text) = run(&["skip", "bot", "--position", &position, "--reason", "  "]);
    assert_eq!(code, 1, "a reason is needed: {text}");
    let (code, text) = run(&["skip", "bot", "--position", &position, "--reason", "taken back"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("bot.created"), "{text}");
    waiting(1).await;
    let (code, text) = run(&["skip", "bot", "--position", &position, "--reason", "again"]);
    assert_eq!(code, 1, "it is gone: {text}");
    let (code, text) = run(&["retry", "bot"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("1 key is tried"), "{text}");
    let decided: Vec<Value> = sqlx::query_scalar(
        "select payload::jsonb from log.events where event_type = 'projection.event_skipped'",
    )
    .fetch_all(&log)
    .await
    .expect("readable");
    assert_eq!(decided.len(), 1);
    assert_eq!(
        (
            &decided[0]["projection"],
            &decided[0]["position"],
            &decided[0]["reason"]
        ),
        (&json!("bot"), &json!(least), &json!("taken back"))
    );
    assert!(server.stop());
}
