//! A turn is one trace, from the door through PostgreSQL and Kafka to the consumers, over several processes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use telemetry::test::{Span, collector};

use crate::chat::Visitor;
use crate::server::PATIENCE;
use crate::several::{Installation, Member};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_one_trace_over_all_processes() {
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let (endpoint, collected) = collector().await;
    let installation = Installation::new().await;
    let settings = [
        ("BOTSERVER_TELEMETRY_ENDPOINT", endpoint),
        ("BOTSERVER_KAFKA_BROKERS", broker.address()),
        ("BOTSERVER_KAFKA_PREFIX", test_broker::prefix()),
        ("BOTSERVER_KAFKA_PARTITIONS", "3".to_owned()),
    ];
    let members = [
        Member::new("run,jobs"),
        Member::new("project,relay"),
        Member::new("api"),
    ];
    let servers = members
        .each_ref()
        .map(|member| installation.start(member, &settings));
    let mut visitor = Visitor::enter(&servers[2].address, "echo").await.expect("let in");
    visitor.say("hello").await;
    let turn: uuid::Uuid = visitor
        .acknowledged
        .values()
        .next()
        .expect("a turn")
        .parse()
        .expect("an id");

    let wanted = BTreeSet::from([
        "turn.receive",
        "log.append",
        "turn.answer",
        "kafka.publish",
        "projection.fold",
    ]);
    let until = tokio::time::Instant::now() + PATIENCE;
    let spans = loop {
        let all = collected.lock().expect("nobody broke down").clone();
        let spans: Vec<Span> = all
            .into_iter()
            .filter(|span| span.trace_id == turn.as_bytes())
            .collect();
        let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        if wanted.is_subset(&names) {
            break spans;
        }
        assert!(tokio::time::Instant::now() < until, "only {names:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    let by_id: BTreeMap<&[u8], &Span> = spans.iter().map(|span| (span.span_id.as_slice(), span)).collect();
    let first: Vec<&Span> = spans
        .iter()
        .filter(|span| span.parent_span_id.is_empty())
        .collect();
    assert_eq!(first.len(), 1, "{spans:#?}");
    assert_eq!(first[0].name, "turn.receive");
    for span in &spans {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        if !span.parent_span_id.is_empty() {
            assert!(
                by_id.contains_key(span.parent_span_id.as_slice()),
                "{} hangs nowhere",
                span.name
            );
        }
        // Ids and names only: nothing that somebody said.
        assert!(!format!("{:?}", span.attributes).contains("hello"), "{span:?}");
    }
    let inside = |name: &str, around: &str| {
        let around: Vec<&[u8]> = spans
            .iter()
            .filter(|span| span.name == around)
            .map(|span| span.span_id.as_slice())
            .collect();
        spans
            .iter()
            .any(|span| span.name == name && around.contains(&span.parent_span_id.as_slice()))
    };
    assert!(
        inside("log.append", "turn.receive"),
        "the turn is stored while it is received"
    );
    assert!(
        inside("log.append", "turn.answer"),
        "the reply is stored while the turn is answered"
    );
    // What was traced a moment before the end comes too.
    visitor.say("and good bye").await;
    let last: uuid::Uuid = visitor
        .answered
        .last()
        .expect("an answer")
        .parse()
        .expect("an id");
    for server in servers {
        assert!(server.stop(), "servers stop when asked");
    }
    let all = collected.lock().expect("nobody broke down");
    let names: BTreeSet<&str> = all
        .iter()
        .filter(|span| span.trace_id == last.as_bytes())
        .map(|span| span.name.as_str())
        .collect();
    assert!(
        names.contains("turn.receive") && names.contains("turn.answer"),
        "only {names:?}"
    );
}
