//! Servers with a Kafka: what they stream, and read models that are fed from there.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use test_broker::Broker;

use crate::chat::Visitor;
use crate::crowd::{Crowd, assert_everybody_was_answered, seed};
use crate::server::{PATIENCE, Server};
use crate::several::{ALL, Installation, Member, Proxy};

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
        assert!(
            tokio::time::Instant::now() < until,
            "{behind} events behind {head}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The positions of the events in Kafka, as kcat reads them.
fn streamed(broker: &Broker, prefix: &str) -> Vec<i64> {
    let mut positions = Vec::new();
    for topic in ["events", "compliance"] {
        let output = Command::new("kcat")
            .args(["-C", "-q", "-e", "-b", &broker.address(), "-f", "%h\n"])
            .args(["-t", &format!("{prefix}.{topic}.v1")])
            .output()
            .expect("kcat runs");
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let header = line
                .split(',')
                .find_map(|header| header.strip_prefix("ce_position="));
            positions.push(header.expect("a position").parse().expect("a number"));
        }
    }
    positions.sort_unstable();
    positions
}

/// Waits until the stream has the whole log, and looks whether each position is there once.
async fn assert_each_event_is_streamed_once(installation: &Installation, broker: &Broker, prefix: &str) {
    let pool = installation.database.pool("botserver_log").await;
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let (head, relayed): (i64, i64) = sqlx::query_as(
            "select (select max(position) from log.positions), (select max(position) from log.relays)",
        )
        .fetch_one(&pool)
        .await
        .expect("positions");
        if head == relayed {
            let positions = streamed(broker, prefix);
            assert_eq!(positions, (1..=head).collect::<Vec<_>>());
            return;
        }
        assert!(
            tokio::time::Instant::now() < until,
            "relayed up to {relayed} of {head}"
        );
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
        assert!(
            output.status.success(),
            "{text}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        text
    };
    for name in projections::NAMES {
        let report = command(&["projections", "rebuild", name, "--no-switch"]);
        assert!(report.contains("rows equal"), "{name}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_topics_and_looks_at_the_stream() {
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let prefix = test_broker::prefix();
    let installation = Installation::new().await;
    let member = Member::new(ALL);
    let said = |arguments: &[&str]| {
        let output = member
            .data
            .command()
            .envs(installation.environment())
            .envs(kafka(broker, &prefix))
            .args(arguments)
            .output()
            .expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text + &String::from_utf8_lossy(&output.stderr)
    };
    let doctor = said(&["doctor"]);
    assert!(
        doctor.contains(&format!("the topic {prefix}.events.v1 is missing")),
        "{doctor}"
    );
    let made = said(&["stream", "init"]);
    let lines: Vec<&str> = made.lines().collect();
    assert_eq!(lines.len(), 3, "{made}");
    assert!(
        lines[0].starts_with(&format!("{prefix}.events.v1")) && lines[0].ends_with("6 partitions  made"),
        "{made}"
    );
    let again = said(&["stream", "init"]);
    assert!(again.lines().all(|line| line.ends_with("was there")), "{again}");
    assert!(said(&["doctor"]).contains(&format!("{prefix}.events.v1 (6)")));
    assert!(said(&["stream", "status"]).starts_with("nothing was ever streamed from this database\n"));
    let server = installation.start(&member, &kafka(broker, &prefix));
    caught_up(&server).await;
    assert_each_event_is_streamed_once(&installation, broker, &prefix).await;
    let status = said(&["stream", "status"]);
    assert!(
        status.starts_with(&format!("{prefix}: relaying, position ")),
        "{status}"
    );
    assert!(server.stop(), "the server stops when asked");
    assert!(said(&["stream", "status"]).contains("nobody relays"));
    let other = said(&["stream", "init", "--set", "kafka.partitions=7"]);
    assert!(other.contains("has 6 partitions and not 7"), "{other}");
    let none = said(&["stream", "init", "--set", "kafka.brokers="]);
    assert!(none.contains("no brokers are configured"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_somebody_says_is_readable_in_kafka() {
    const PLANTED: &str = "quagmire-4711-periwinkle";
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let prefix = test_broker::prefix();
    let installation = Installation::new().await;
    let server = installation.start(&Member::new(ALL), &kafka(broker, &prefix));
    let mut visitor = Visitor::enter(&server.address, "echo").await.expect("let in");
    visitor.say(PLANTED).await;
    caught_up(&server).await;
    assert_each_event_is_streamed_once(&installation, broker, &prefix).await;
    let mut sealed = 0;
    for topic in ["events", "compliance", "relay"] {
        let output = Command::new("kcat")
            .args(["-C", "-q", "-e", "-b", &broker.address(), "-f", "%k %h %s\n"])
            .args(["-t", &format!("{prefix}.{topic}.v1")])
            .output()
            .expect("kcat runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.is_empty(), "{topic} holds something");
        assert!(!text.contains(PLANTED), "{topic} tells what was said");
        sealed += text.matches("\"$sealed\"").count();
    }
    assert!(sealed >= 2, "the turn and its reply are there, sealed");
    assert!(server.stop(), "the server stops when asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_models_fed_from_kafka_have_the_rows_of_the_log() {
    let seed = seed();
    println!("seed {seed}");
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
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
    let visitors = crowd.leave().await;
    caught_up(&first).await;
    caught_up(&second).await;
    assert_everybody_was_answered(&first.address, visitors).await;
    // The stream as GraphQL shows it, and every metric in the documentation.
    if first.token.is_some() {
        let told = first
            .ask("{ streams { name position lagEvents relaying failure { error } forks { epoch } } }")
            .await;
        let stream = &told["data"]["streams"][0];
        assert_eq!(stream["relaying"], true, "{told}");
        assert!(
            stream["failure"].is_null() && stream["forks"] == serde_json::json!([]),
            "{told}"
        );
    }
    let documented = include_str!("../../../../docs/metrics.md");
    let exported = measures(&first).await;
    let names: Vec<&str> = exported
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(
            documented.contains(&format!("| `{name}` |")),
            "{name} is not documented"
        );
    }
    let mut brought = 0.0;
    for server in [&first, &second] {
        let told = measures(server).await;
        let of = |source| {
            sum(
                &told,
                "projection_events_total",
                &["name=\"conversation\"", source],
            )
        };
        println!("from Kafka {}, from the log {}", of("stream"), of("log"));
        assert!(of("source=\"stream\"") > 0.0, "both have a part");
        brought += of("source=\"stream\"") - of("source=\"log\"");
    }
    assert!(brought > 0.0, "most came from Kafka");
    assert!(first.stop() && second.stop(), "servers stop when asked");
    assert_rows_are_those_of_the_log(&installation, &members[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_past_its_leases_and_wakes_doubles_nothing() {
    let seed = seed();
    println!("seed {seed}");
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let prefix = test_broker::prefix();
    let installation = Installation::new().await;
    let stream = kafka(broker, &prefix);
    let members = [Member::new(ALL), Member::new(ALL)];
    let mut servers: Vec<Server> = members
        .iter()
        .map(|member| installation.start(member, &stream))
        .collect();
    // It relays, has runs, and folds a part: all of that is taken from it while it sleeps.
    let until = tokio::time::Instant::now() + PATIENCE;
    let relaying = loop {
        let told = [measures(&servers[0]).await, measures(&servers[1]).await];
        if let Some(which) = told
            .iter()
            .position(|told| sum(told, "relay_leading", &[]) == 1.0)
        {
            break which;
        }
        assert!(tokio::time::Instant::now() < until, "nobody relays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let sleeper = servers.remove(relaying);
    let other = servers.remove(0);
    let crowd = Crowd::enter(&other.address, seed).await;
    crowd.moved_to(&other.address);
    tokio::time::sleep(Duration::from_secs(2)).await;
    kill(sleeper.pid(), Signal::SIGSTOP).expect("it is ours");
    let until = tokio::time::Instant::now() + PATIENCE;
    while sum(&measures(&other).await, "relay_leading", &[]) != 1.0 {
        assert!(tokio::time::Instant::now() < until, "nobody took over");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    kill(sleeper.pid(), Signal::SIGCONT).expect("it is ours");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let visitors = crowd.leave().await;
    for server in [&sleeper, &other] {
        caught_up(server).await;
    }
    assert_everybody_was_answered(&other.address, visitors).await;
    assert_each_event_is_streamed_once(&installation, broker, &prefix).await;
    assert!(sleeper.stop() && other.stop(), "servers stop when asked");
    assert_rows_are_those_of_the_log(&installation, &members[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_and_a_storm_of_rebalances_leave_the_rows_of_the_log() {
    let seed = seed();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let prefix = test_broker::prefix();
    let installation = Installation::new().await;
    let stream = kafka(broker, &prefix);
    let door = Member::new(ALL);
    let server = installation.start(&door, &stream);
    let crowd = Crowd::enter(&server.address, seed).await;
    crowd.moved_to(&server.address);
    // Consumers come and go, in order or killed, faster than the group settles; whoever is killed has not said what it
    // has, so others are brought it again.
    let guests = [Member::new("project"), Member::new("project")];
    for round in 0..6 {
        let guest = &guests[round % 2];
        let mut joined = tokio::task::block_in_place(|| installation.start(guest, &stream));
        tokio::time::sleep(Duration::from_millis(chance.random_range(50..1_500))).await;
        if chance.random_bool(0.5) {
            joined.kill();
        } else {
            assert!(
                tokio::task::block_in_place(|| joined.stop()),
                "it stops when asked"
            );
        }
        if round == 3 {
            // Everything is brought again.
            delete_topic(broker, &format!("{prefix}.events.v1"));
        }
    }
    let visitors = crowd.leave().await;
    // What a killed consumer had stands still until the group gives it up.
    caught_up(&server).await;
    assert_everybody_was_answered(&server.address, visitors).await;
    assert_each_event_is_streamed_once(&installation, broker, &prefix).await;
    assert!(server.stop(), "the server stops when asked");
    assert_rows_are_those_of_the_log(&installation, &door);
}

fn delete_topic(broker: &Broker, topic: &str) {
    let deleted = test_broker::java("org.apache.kafka.tools.TopicCommand")
        .args([
            "--bootstrap-server",
            &broker.address(),
            "--delete",
            "--topic",
            topic,
        ])
        .output()
        .expect("java runs");
    assert!(
        deleted.status.success(),
        "{}",
        String::from_utf8_lossy(&deleted.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_each_role_survive_each_other() {
    let seed = seed();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let broker = tokio::task::spawn_blocking(test_broker::shared)
        .await
        .expect("a broker");
    let prefix = test_broker::prefix();
    let installation = Installation::new().await;
    let stream = kafka(broker, &prefix);
    let roles = ["api", "run,jobs", "project", "relay"];
    let members: Vec<[Member; 2]> = roles
        .iter()
        .map(|roles| [Member::new(roles), Member::new(roles)])
        .collect();
    let mut servers: Vec<Vec<Server>> = members
        .iter()
        .map(|pair| {
            pair.iter()
                .map(|member| installation.start(member, &stream))
                .collect()
        })
        .collect();
    let proxy = Proxy::start(&[members[0][0].port, members[0][1].port]);
    let crowd = Crowd::enter(&proxy.address, seed).await;
    crowd.moved_to(&proxy.address);
    for pair in &mut servers {
        tokio::time::sleep(Duration::from_millis(chance.random_range(500..2_000))).await;
        pair.remove(chance.random_range(0..2)).kill();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let visitors = crowd.leave().await;
    caught_up(&servers[2][0]).await;
    assert_everybody_was_answered(&proxy.address, visitors).await;
    assert_each_event_is_streamed_once(&installation, broker, &prefix).await;
    for server in servers.into_iter().flatten() {
        assert!(server.stop(), "servers stop when asked");
    }
    assert_rows_are_those_of_the_log(&installation, &members[0][0]);
}
