//! The doctor finds what is wrong, for real, and says how to mend it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;
use sqlx::{Executor as _, PgPool};
use test_database::TestDatabase;

use crate::server::{DataFolder, Server};

/// Runs the doctor: exit code and findings.
fn examine(data: &DataFolder, arguments: &[&str]) -> (i32, Vec<Value>) {
    let (code, text) = data.run(&[&["doctor", "--format", "json"], arguments].concat());
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let findings = report["findings"].as_array().expect("findings").clone();
    let problems = findings
        .iter()
        .filter(|finding| finding["state"] == "problem")
        .count();
    assert_eq!(report["problems"], problems);
    assert_eq!(code, i32::from(problems > 0), "{report:#}");
    (code, findings)
}

/// Asserts that a check came out as `state`, and that what is not good has a remedy; its text comes back.
#[track_caller]
fn assert_state(findings: &[Value], check: &str, state: &str) -> String {
    let of_check: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["check"] == check)
        .collect();
    let found = of_check
        .iter()
        .find(|finding| finding["state"] == state)
        .unwrap_or_else(|| panic!("{check} is not {state}: {of_check:#?}"));
    assert_eq!(found["mend"].is_null(), state == "ok", "{found}");
    format!(
        "{} / {}",
        found["text"].as_str().unwrap_or_default(),
        found["mend"].as_str().unwrap_or_default()
    )
}

#[test]
fn a_machine_on_which_nothing_ran_is_well_and_stays_as_it_is() {
    let data = DataFolder::new();
    let (code, findings) = examine(&data, &[]);
    assert_eq!(code, 0, "{findings:#?}");
    for check in [
        "configuration",
        "data folder",
        "key file",
        "clock",
        "port",
        "postgresql",
        "database",
        "packages",
    ] {
        assert_state(&findings, check, "ok");
    }
    let left: Vec<_> = fs::read_dir(data.path()).expect("listed").collect();
    assert!(left.is_empty(), "{left:?}");
    let (code, text) = data.run(&["doctor"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("ok        configuration") && text.ends_with(" 0 to mend\n"),
        "{text}"
    );
}

#[test]
fn files_ports_and_scripts_that_are_wrong_are_found() {
    let data = DataFolder::new();
    let key = data.path().join("master.key");
    fs::write(&key, format!("botserver master key 1\n{}\n", "ab".repeat(32))).expect("written");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("its mode is set");
    data.script("shop", "start", "TALK \"hello\"\n");
    data.script("desk", "start", "TALK \"hello\"\nIF x THEN\n");
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("its address").port().to_string();

    let (_, findings) = examine(&data, &["--port", &port, "--default-bot", "kiosk"]);
    let text = assert_state(&findings, "key file", "problem");
    assert!(
        text.contains("0644") && text.contains(&format!("chmod 600 {}", key.display())),
        "{text}"
    );
    let text = assert_state(&findings, "packages", "problem");
    assert!(text.contains("desk.gbdialog/start.bas:2:"), "{text}");
    let text = assert_state(&findings, "port", "problem");
    assert!(
        text.contains(&format!("(process {})", std::process::id())),
        "{text}"
    );
    assert_state(&findings, "default bot", "problem");

    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its mode is set");
    data.script("desk", "start", "TALK \"hello\"\n");
    drop(taken);
    let (code, findings) = examine(&data, &["--port", &port, "--default-bot", "desk"]);
    assert_eq!(code, 0, "{findings:#?}");
    assert_state(&findings, "key file", "ok");
    assert_state(&findings, "port", "ok");
    let text = assert_state(&findings, "packages", "ok");
    assert!(text.starts_with("2 packages, 2 scripts"), "{text}");

    let settings = data.path().join("bots/desk.gbai/desk.gbot/config.csv");
    fs::create_dir_all(settings.parent().expect("a folder")).expect("made");
    fs::write(&settings, "bot-name,Desk\nbot-name,Front desk\n").expect("written");
    let (code, findings) = examine(&data, &["--port", &port]);
    assert_eq!(code, 0, "{findings:#?}");
    let text = assert_state(&findings, "packages", "warning");
    assert!(text.contains("config.csv:2:") && text.contains("P0104"), "{text}");

    fs::write(&key, "something else").expect("written");
    let (_, findings) = examine(&data, &[]);
    assert_state(&findings, "key file", "problem");
}

#[test]
fn places_where_nothing_can_be_kept_are_found() {
    let data = DataFolder::new();
    let (_, findings) = examine(&data, &["--data", "/proc", "--host", "192.0.2.1"]);
    assert_state(&findings, "data folder", "problem");
    assert_state(&findings, "disk space", "problem");
    let text = assert_state(&findings, "port", "problem");
    assert!(text.contains("no address of this machine"), "{text}");

    // Started by root, PostgreSQL runs as another user, who has to get to its files.
    if nix::unistd::Uid::effective().is_root() {
        fs::set_permissions(data.path(), fs::Permissions::from_mode(0o700)).expect("its mode is set");
        let (_, findings) = examine(&data, &[]);
        let text = assert_state(&findings, "postgresql", "problem");
        assert!(text.contains(&data.path().display().to_string()), "{text}");
    }

    let output = std::process::Command::new("sh")
        .args(["-c", "ulimit -n 100; exec \"$0\" doctor --format json"])
        .arg(env!("CARGO_BIN_EXE_botserver"))
        .env_remove("BOTSERVER_TEST_SEED")
        .env("BOTSERVER_DATA_DIR", data.path())
        .env("BOTSERVER_SERVER_PORT", "0")
        .output()
        .expect("it runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings");
    let text = assert_state(findings, "file descriptors", "problem");
    assert!(text.starts_with("100 allowed"), "{text}");
}

#[test]
fn a_database_that_does_not_answer_is_named_without_its_password() {
    let data = DataFolder::new();
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = free.local_addr().expect("its address").port();
    drop(free);
    let url = format!("postgres://ann:hush@127.0.0.1:{port}/x");
    let (_, findings) = examine(&data, &["--database-url", &url]);
    let text = assert_state(&findings, "database", "problem");
    assert!(
        text.contains("cannot be reached") && text.contains("database.url"),
        "{text}"
    );
    assert!(!format!("{findings:?}").contains("hush"));
}

#[test]
fn it_looks_into_the_database_of_a_running_server_and_says_when_none_runs() {
    let data = DataFolder::new();
    let server = Server::start(&data);
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let (code, findings) = examine(&data, &["--port", &port]);
    assert_eq!(code, 0, "{findings:#?}");
    let text = assert_state(&findings, "port", "ok");
    assert!(
        text.contains(&format!("held by this server (process {})", server.pid())),
        "{text}"
    );
    for check in [
        "database",
        "db settings",
        "db clock",
        "db roles",
        "migrations",
        "sequencer",
        "projections",
    ] {
        assert_state(&findings, check, "ok");
    }
    // The same port, but another data folder: somebody else's server.
    let other = DataFolder::new();
    let (_, findings) = examine(&other, &["--port", &port]);
    assert_state(&findings, "port", "problem");

    assert!(server.stop());
    let (code, findings) = examine(&data, &["--port", &port]);
    assert_eq!(code, 0, "{findings:#?}");
    let text = assert_state(&findings, "database", "warning");
    assert!(text.contains("not looked at"), "{text}");

    fs::remove_file(data.path().join("master.key")).expect("removed");
    let (_, findings) = examine(&data, &[]);
    assert_state(&findings, "key file", "problem");
}

/// The address of a test's database, as `database.url` has it.
pub fn url(database: &TestDatabase, user: &str) -> String {
    let variables = database.psql_env();
    format!(
        "postgres://{user}@localhost/{}?host={}&port={}",
        database.name(),
        variables["PGHOST"],
        variables["PGPORT"]
    )
}

/// Lets one thing go wrong in a database, and asks the doctor about it.
async fn after(pool: &PgPool, data: &DataFolder, url: &str, sabotage: &str) -> Vec<Value> {
    pool.execute(sqlx::raw_sql(sabotage)).await.expect("sabotage");
    let (_, findings) = examine(data, &["--database-url", url]);
    findings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_within_a_database_is_found() {
    let data = DataFolder::new();
    let database = test_database::create().await;
    let owner = database.pool("botserver_owner").await;
    let log = database.pool("botserver_log").await;
    let address = url(&database, "botserver_owner");
    let findings = after(&owner, &data, &address, "select 1").await;
    for check in [
        "database",
        "db clock",
        "db roles",
        "migrations",
        "sequencer",
        "projections",
    ] {
        assert_state(&findings, check, "ok");
    }
    // Test databases are fast because they are not safe.
    let text = assert_state(&findings, "db settings", "problem");
    assert!(text.starts_with("fsync is off"), "{text}");

    let stopped = "update read.shares set failure = jsonb_build_object('error', 'no such bot', 'attempts', 3, 'at', now()) where name = 'run'";
    let findings = after(&owner, &data, &address, stopped).await;
    let text = assert_state(&findings, "projections", "problem");
    assert!(
        text.contains("run is stopped: no such bot / botserver projections rebuild run"),
        "{text}"
    );

    let parked = "update read.shares set failure = null;
                  insert into read.parked (name, slot, ordering_key, slice, position, tenant_id, event_id, event_type,
                                           attempts)
                  values ('run', 'a', 'x', 0, 1, gen_random_uuid(), gen_random_uuid(), 'run.started', 1)";
    let findings = after(&owner, &data, &address, parked).await;
    let text = assert_state(&findings, "projections", "problem");
    assert!(
        text.contains("run has 1 parked events / botserver projections parked run"),
        "{text}"
    );
    let findings = after(&owner, &data, &address, "delete from read.parked").await;
    assert_state(&findings, "projections", "ok");

    let far_ahead =
        "insert into log.head (step, position, snap, epoch) values (1, 5000, pg_current_snapshot(), 1)";
    let findings = after(&log, &data, &address, far_ahead).await;
    let text = assert_state(&findings, "projections", "warning");
    assert!(text.contains("5000 events behind"), "{text}");

    let waiting = "insert into log.events (aggregate_type, aggregate_id, sequence, event_type, event_version,
                     payload, metadata, recorded_at)
                   values ('bot', 'x', 1, 'bot.created', '1', '{}', '{}', now() - interval '1 hour')";
    let findings = after(&log, &data, &address, waiting).await;
    let text = assert_state(&findings, "sequencer", "warning");
    assert!(text.starts_with("1 events wait"), "{text}");

    let pending = "delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)";
    let findings = after(&owner, &data, &address, pending).await;
    let text = assert_state(&findings, "migrations", "warning");
    assert!(text.starts_with("1 are not applied"), "{text}");
    let newer = "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
                 values (99999, 'later', true, 'x', 1)";
    let findings = after(&owner, &data, &address, newer).await;
    let text = assert_state(&findings, "migrations", "problem");
    assert!(text.contains("migration 99999 is unknown"), "{text}");
    let failed = "update _sqlx_migrations set success = false where version = 99999";
    let findings = after(&owner, &data, &address, failed).await;
    let text = assert_state(&findings, "migrations", "problem");
    assert!(text.contains("99999 failed"), "{text}");

    let findings = after(&owner, &data, &url(&database, "botserver_app"), "select 1").await;
    let text = assert_state(&findings, "db roles", "problem");
    assert!(
        text.contains("botserver_app is no member of botserver_log"),
        "{text}"
    );
}
