//! Servers with a Kafka: what they stream, and read models that are fed from there.

use std::time::Duration;

use test_broker::Broker;

use crate::crowd::{Crowd, assert_everybody_was_answered, seed};
use crate::server::{PATIENCE, Server};
use crate::several::{ALL, Installation, Member};

const NAMES: [&str; 7] = ["organisation", "user", "bot", "session", "file", "conversation", "run"];

fn kafka(broker: &Broker, prefix: &str) -> Vec<(&'static str, String)> {
    vec![
        ("BOTSERVER_KAFKA_BROKERS", broker.address()),
        ("BOTSERVER_KAFKA_PREFIX", prefix.to_owned()),
        ("BOTSERVER_KAFKA_PARTITIONS", "6".to_owned()),
    ]
}

async fn measures(server: &Server) -> String {
    let answer = reqwest::get(server.url("/metrics")).await.expect("answered");
    answer.text().await.expect("a text")
}

/// The sum of a metric's samples that have all of these labels.
fn sum(measures: &str, name: &str, labels: &[&str]) -> f64 {
    let lines = measures.lines().filter(|line| line.starts_with(name));
    lines
        .filter(|line| labels.iter().all(|label| line.contains(label)))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// Waits until a process says that everything is streamed and folded.
async fn caught_up(server: &Server) {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let told = measures(server).await;
        let head = sum(&told, "log_position", &[]);
        let behind = sum(&told, "projection_lag_events", &[]);
        if head > 0.0 && behind == 0.0 {
            return;
        }
        assert!(tokio::time::Instant::now() < until, "{behind} events behind {head}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Makes every read model anew from the log and compares.
fn assert_rows_are_those_of_the_log(installation: &Installation, member: &Member) {
    let command = |arguments: &[&str]| {
        let output = member
            .data
            .command()
            .envs(installation.environment())
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    for name in NAMES {
        let report = command(&["projections", "rebuild", name, "--no-switch"]);
        assert!(report.contains("rows equal"), "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_models_fed_from_kafka_have_the_rows_of_the_log() {
    let seed = seed();
    println!("seed {seed}");
    let broker = tokio::task::spawn_blocking(test_broker::shared).await.expect("a broker");
    let installation = Installation::new().await;
    let stream = kafka(broker, &test_broker::prefix());
    let members = [Member::new(ALL), Member::new(ALL)];
    let first = installation.start(&members[0], &stream);
    let crowd = Crowd::enter(&first.address, seed).await;
    crowd.moved_to(&first.address);
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Another one joins the group, and takes a part.
    let second = installation.start(&members[1], &stream);
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_everybody_was_answered(&first.address, crowd.leave().await).await;
    caught_up(&first).await;
    caught_up(&second).await;
    let mut brought = 0.0;
    for server in [&first, &second] {
        let told = measures(server).await;
        let of = |source| sum(&told, "projection_events_total", &["name=\"conversation\"", source]);
        println!("from Kafka {}, from the log {}", of("stream"), of("log"));
        assert!(of("source=\"stream\"") > 0.0, "both have a part");
        brought += of("source=\"stream\"") - of("source=\"log\"");
    }
    assert!(brought > 0.0, "most came from Kafka");
    assert!(first.stop() && second.stop(), "servers stop when asked");
    assert_rows_are_those_of_the_log(&installation, &members[0]);
}
