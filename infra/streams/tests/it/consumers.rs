//! Clients that we did not write read what the relay writes: the examples of docs/stream.md, as they stand there.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use streams::{Sasl, Security, Settings, Topic};
use test_broker::{Broker, Features, java};
use tokio::task::spawn_blocking;

use crate::world::{Seen, World, settings};

/// The example of the manual that is marked so, for this broker and these topics.
fn example(mark: &str, settings: &Settings) -> String {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/stream.md");
    let manual = fs::read_to_string(manual).expect("the manual is there");
    let begin = format!("```{mark}\n");
    let (_, rest) = manual.split_once(&begin).expect(mark);
    let (example, _) = rest.split_once("```").expect("the example ends");
    example
        .replace("kafka.example.org:9092", &settings.brokers.join(","))
        .replace("\"botserver.", &format!("\"{}.", settings.prefix))
        .replace(" botserver.", &format!(" {}.", settings.prefix))
}

/// Runs an example of the shell, with Kafka's own consumer on the path, and answers its lines.
fn shell(example: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let consumer = java("org.apache.kafka.tools.consumer.ConsoleConsumer");
    let words: Vec<_> = consumer
        .get_args()
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let program = folder.path().join("kafka-console-consumer.sh");
    fs::write(
        &program,
        format!("#!/bin/sh\nexec java {} \"$@\"\n", words.join(" ")),
    )
    .expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode is set");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(["-c", example])
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .output()
        .expect("a shell runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    text.lines().map(str::to_owned).collect()
}

fn events(seen: &[Seen]) -> Vec<&Seen> {
    seen.iter()
        .filter(|record| record.topic == Topic::Events)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_the_manual_read_every_event_once() {
    let world = World::new().await;
    let relay = world.relay();
    world.append(100).await;
    world.relayed().await;
    world.append(100).await;
    let seen = world.assert_streamed().await;
    relay.stop().await;
    let events = events(&seen);
    let settings = world.settings.clone();

    let kcat = example("sh kcat", &settings);
    let lines = spawn_blocking(move || shell(&kcat)).await.expect("it runs");
    assert_eq!(lines.len(), events.len());
    for record in &events {
        let id = format!("ce_id={}", record.headers["ce_id"]);
        let line = lines
            .iter()
            .find(|line| line.contains(&id))
            .expect("kcat has the event");
        assert!(
            line.starts_with(&format!("{} {} ", record.partition, record.key)),
            "{line}"
        );
        assert!(line.ends_with(&record.value), "{line}");
    }

    let console = example("sh console", &settings);
    let lines = spawn_blocking(move || shell(&console)).await.expect("it runs");
    assert_eq!(lines.len(), events.len());
    let ids: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line.split_once("ce_id:")?.1.split([',', '\t']).next())
        .collect();
    assert_eq!(
        ids,
        events
            .iter()
            .map(|record| record.headers["ce_id"].as_str())
            .collect()
    );

    let program = example("python consumer", &settings);
    let said = spawn_blocking(move || python(&program)).await.expect("it runs");
    let partitions: BTreeSet<i32> = events.iter().map(|record| record.partition).collect();
    assert_eq!(
        said,
        format!("{} events, {} partitions\n", events.len(), partitions.len())
    );
}

fn python(program: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("consumer.py");
    fs::write(&path, program).expect("written");
    let run = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/run");
    let output = Command::new(run).arg(&path).output().expect("it runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_read_what_they_are_let_in_to_and_nothing_else() {
    let features = Features { access_rules: true };
    let broker = spawn_blocking(move || Broker::start(features))
        .await
        .expect("a broker");
    let named = |name: &str, broker: &Broker| Settings {
        security: Security {
            sasl: Some(Sasl {
                mechanism: "PLAIN".to_owned(),
                username: name.to_owned(),
                password: name.to_owned(),
            }),
            ..Security::default()
        },
        readers: vec!["User:reader".to_owned()],
        ..settings(broker)
    };
    let world = World::on(named("admin", &broker)).await;
    let relay = world.relay();
    world.append(50).await;
    world.relayed().await;
    relay.stop().await;

    let reader = Settings {
        prefix: world.settings.prefix.clone(),
        ..named("reader", &broker)
    };
    let read = |topic: Topic| {
        let (topic, address) = (topic.name(&reader), broker.address());
        move || {
            let mut kcat = Command::new("kcat");
            kcat.args(["-C", "-q", "-e", "-b", &address, "-t", &topic]);
            for setting in [
                "security.protocol=sasl_plaintext",
                "sasl.mechanism=PLAIN",
                "sasl.username=reader",
                "sasl.password=reader",
            ] {
                kcat.args(["-X", setting]);
            }
            let output = kcat.output().expect("kcat runs");
            String::from_utf8_lossy(&output.stdout).lines().count()
        }
    };
    let count = |topic| spawn_blocking(read(topic));
    assert_eq!(
        count(Topic::Events).await.expect("read"),
        0,
        "nobody was let in yet"
    );
    let rules = streams::allow(&world.settings).await.expect("rules are made");
    assert_eq!(rules.len(), 3, "{rules:?}");
    let events = events(&world.seen().await).len();
    assert_eq!(count(Topic::Events).await.expect("read"), events);
    assert_eq!(count(Topic::Compliance).await.expect("read"), 0);
    assert_eq!(streams::allow(&world.settings).await.expect("again"), rules);

    // Without rules at the broker that is told.
    let plain = spawn_blocking(test_broker::shared).await.expect("a broker");
    let mut open = settings(plain);
    open.readers.push("User:reader".to_owned());
    let refused = streams::allow(&open).await.expect_err("no rules are kept there");
    assert!(
        refused.to_string().contains("refuse the access rules"),
        "{refused}"
    );
}
