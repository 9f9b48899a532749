//! Several processes on one database: roles apart, servers behind a proxy, killed, added and restarted.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use test_broker::Cache;
use test_database::TestDatabase;
use uuid::Uuid;

use crate::chat::Visitor;
use crate::crowd::{Crowd, ECHO, assert_everybody_was_answered, seed};
use crate::server::{DataFolder, PATIENCE, Server};

/// What the processes share: database, key, bots, large values.
pub struct Installation {
    pub database: TestDatabase,
    shared: DataFolder,
}

/// A process with a data folder of its own, which it keeps when it is started again.
pub struct Member {
    pub data: DataFolder,
    roles: &'static str,
    pub port: u16,
}

impl Installation {
    pub async fn new() -> Installation {
        let shared = DataFolder::new();
        shared.script("echo", "start", ECHO);
        Installation {
            database: test_database::create().await,
            shared,
        }
    }

    pub fn start(&self, member: &Member, more: &[(&str, String)]) -> Server {
        let mut environment = self.environment();
        environment.extend([
            ("BOTSERVER_SERVER_ROLES", member.roles.to_owned()),
            ("BOTSERVER_SERVER_PORT", member.port.to_string()),
        ]);
        environment.extend_from_slice(more);
        Server::start_with(&member.data, &environment)
    }

    /// What every process and every command is told.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let psql = self.database.psql_env();
        let url = format!(
            "postgres://{}@localhost/{}?host={}&port={}",
            psql["PGUSER"], psql["PGDATABASE"], psql["PGHOST"], psql["PGPORT"]
        );
        let shared = |name: &str| self.shared.path().join(name).display().to_string();
        vec![
            ("BOTSERVER_DATABASE_URL", url),
            ("BOTSERVER_DATABASE_CONNECTIONS_MAX", "16".to_owned()),
            ("BOTSERVER_KEYS_FILE", shared("master.key")),
            ("BOTSERVER_BOTS_DIR", shared("bots")),
            ("BOTSERVER_BLOBS_DIR", shared("blobs")),
        ]
    }
}

impl Member {
    pub fn new(roles: &'static str) -> Member {
        Member {
            data: DataFolder::new(),
            roles,
            port: free_port(),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.data.path().join("server.log")).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            println!("port {}:", self.port);
            for line in &lines[lines.len().saturating_sub(30)..] {
                println!("  {line}");
            }
        }
    }
}

pub const ALL: &str = "api,run,project,relay,jobs";

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

/// nginx before some servers. Stopped when dropped.
pub struct Proxy {
    folder: tempfile::TempDir,
    process: Child,
    pub address: String,
}

impl Proxy {
    pub fn start(ports: &[u16]) -> Proxy {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let servers: String = ports
            .iter()
            .map(|port| format!("    server 127.0.0.1:{port} max_fails=0;\n"))
            .collect();
        // As docs/operating.md advises.
        let configuration = format!(
            "daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
  upstream botserver {{
{servers}    keepalive 32;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://botserver;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout 1h;
      proxy_next_upstream error timeout http_502 http_503 non_idempotent;
    }}
  }}
}}
",
            folder = folder.path().display()
        );
        let path = folder.path().join("nginx.conf");
        fs::write(&path, configuration).expect("the configuration is written");
        let process = Command::new("nginx")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&path)
            .arg("-e")
            .arg(folder.path().join("error.log"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let address = format!("127.0.0.1:{port}");
        let until = std::time::Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(&address).is_err() {
            assert!(std::time::Instant::now() < until, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Proxy {
            folder,
            process,
            address,
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let pid = fs::read_to_string(self.folder.path().join("nginx.pid")).unwrap_or_default();
        let _ = Command::new("kill").arg(pid.trim()).status();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_apart_answer_as_one_server_does() {
    let installation = Installation::new().await;
    let runner = installation.start(&Member::new("run,jobs"), &[]);
    let projector = installation.start(&Member::new("project,relay"), &[]);
    let door = installation.start(&Member::new("api"), &[]);

    let mut visitor = Visitor::enter(&door.address, "echo").await.expect("let in");
    visitor.say("hello").await;
    visitor.say("again").await;
    let lines: Vec<&str> = visitor
        .transcript
        .values()
        .map(|line| line.text.as_str())
        .collect();
    assert_eq!(lines, ["hello", "echo hello", "again", "echo again"]);

    // Only the door takes requests; the others say how they are.
    for server in [&runner, &projector] {
        let status = async |path| {
            reqwest::get(server.url(path))
                .await
                .expect("answered")
                .status()
                .as_u16()
        };
        assert_eq!(status("/readyz").await, 200);
        assert_eq!(status("/metrics").await, 200);
        assert_eq!(status("/api/auth?bot_name=echo").await, 404);
    }
    let token = runner.token.clone().or_else(|| projector.token.clone());
    let token = token.or_else(|| door.token.clone()).expect("one was first");
    let answer: serde_json::Value = reqwest::Client::new()
        .post(door.url("/graphql"))
        .bearer_auth(token)
        .json(&json!({ "query": "{ conversations { edges { node { id } } } }" }))
        .send()
        .await
        .expect("answered")
        .json()
        .await
        .expect("JSON");
    assert!(answer["errors"].is_null(), "{answer}");
    assert_eq!(
        answer["data"]["conversations"]["edges"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_of_which_one_is_killed_and_one_is_added_lose_no_turn() {
    let seed = seed();
    println!("seed {seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let installation = Installation::new().await;
    let members: Vec<Member> = (0..4).map(|_| Member::new(ALL)).collect();
    let ports: Vec<u16> = members.iter().map(|member| member.port).collect();
    let mut servers: Vec<Server> = members[..3]
        .iter()
        .map(|member| installation.start(member, &[]))
        .collect();
    let proxy = Proxy::start(&ports);
    let crowd = Crowd::enter(&proxy.address, seed).await;
    crowd.moved_to(&proxy.address);
    tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..3_000))).await;
    servers.remove(chance.random_range(0..3)).kill();
    tokio::time::sleep(Duration::from_millis(chance.random_range(500..3_000))).await;
    servers.push(installation.start(&members[3], &[]));
    tokio::time::sleep(Duration::from_millis(chance.random_range(1_000..3_000))).await;
    assert_everybody_was_answered(&proxy.address, crowd.leave().await).await;
    for server in servers {
        assert!(server.stop(), "a server stops when asked");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_restarts_under_load_fail_no_request() {
    let installation = Installation::new().await;
    let members = [Member::new(ALL), Member::new(ALL)];
    let mut servers: Vec<Option<Server>> = members
        .iter()
        .map(|member| Some(installation.start(member, &[])))
        .collect();
    let token = servers
        .iter()
        .flatten()
        .find_map(|server| server.token.clone())
        .expect("one was first");
    let proxy = Proxy::start(&members.each_ref().map(|member| member.port));
    let ended = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..6)
        .map(|_| tokio::spawn(ask(proxy.address.clone(), token.clone(), ended.clone())))
        .collect();
    for round in 0..10 {
        let turn = round % 2;
        let server = servers[turn].take().expect("it runs");
        let stopped = tokio::task::spawn_blocking(move || server.stop())
            .await
            .expect("stopped");
        assert!(stopped, "a server stops when asked");
        servers[turn] = Some(tokio::task::block_in_place(|| {
            installation.start(&members[turn], &[])
        }));
    }
    ended.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for client in clients {
        let (good, bad) = client.await.expect("the client lives");
        assert!(bad.is_empty(), "{} failed beside {good}: {}", bad.len(), bad[0]);
        answered += good;
    }
    println!("{answered} requests answered");
    // However slow the machine is, clients ask all the time.
    assert!(answered > 60, "{answered}");
}

/// Lets visitors in, makes tokens and reads, one request after the other; what failed is told.
async fn ask(address: String, token: String, ended: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let client = reqwest::Client::new();
    let (mut good, mut bad) = (0, Vec::new());
    while !ended.load(Ordering::Relaxed) {
        let requests = [
            client.get(format!("http://{address}/api/auth?bot_name=echo")),
            client
                .post(format!("http://{address}/api/v1/tokens"))
                .bearer_auth(&token)
                .header("Idempotency-Key", Uuid::new_v4().to_string())
                .json(&json!({ "name": "restarts", "permissions": ["bot.read"] })),
            client
                .post(format!("http://{address}/graphql"))
                .bearer_auth(&token)
                .json(&json!({ "query": "{ bots { edges { node { name } } } }" })),
        ];
        for request in requests {
            match request.send().await {
                Ok(answer) if answer.status().is_success() => good += 1,
                Ok(answer) => {
                    let status = answer.status();
                    bad.push(format!("{status} {}", answer.text().await.unwrap_or_default()));
                }
                Err(error) => bad.push(error.to_string()),
            }
        }
    }
    (good, bad)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_share_a_valkey_count_messages_together() {
    let mut cache = tokio::task::spawn_blocking(Cache::start).await.expect("a server");
    let installation = Installation::new().await;
    let settings = [
        ("BOTSERVER_VALKEY_URL", cache.url()),
        ("BOTSERVER_LIMITS_MESSAGES_PER_MINUTE_MAX", "6".to_owned()),
    ];
    let members = [Member::new(ALL), Member::new(ALL)];
    let servers = members
        .each_ref()
        .map(|member| installation.start(member, &settings));
    let token = servers
        .iter()
        .find_map(|server| server.token.clone())
        .expect("one was first");
    let client = reqwest::Client::new();
    let post = async |server: &Server, path: String, body: serde_json::Value| {
        client
            .post(server.url(&path))
            .bearer_auth(&token)
            .header("Idempotency-Key", Uuid::new_v4().to_string())
            .json(&body)
            .send()
            .await
            .expect("answered")
    };
    let bots: serde_json::Value = client
        .post(servers[0].url("/graphql"))
        .bearer_auth(&token)
        .json(&json!({ "query": "{ bots { edges { node { id name } } } }" }))
        .send()
        .await
        .expect("answered")
        .json()
        .await
        .expect("JSON");
    let bots = bots["data"]["bots"]["edges"].as_array().expect("a list");
    let echo = bots
        .iter()
        .find(|bot| bot["node"]["name"] == "echo")
        .expect("the bot");
    let started = post(
        &servers[0],
        "/api/v1/sessions".to_owned(),
        json!({ "bot_id": echo["node"]["id"] }),
    )
    .await;
    let started: serde_json::Value = started.json().await.expect("JSON");
    let path = format!(
        "/api/v1/sessions/{}/turns",
        started["session_id"].as_str().expect("an id")
    );
    let mut taken = 0;
    for nth in 0..10 {
        let answer = post(&servers[nth % 2], path.clone(), json!({ "content": "hello" })).await;
        match answer.status().as_u16() {
            202 => taken += 1,
            429 => {}
            other => panic!("{other}: {}", answer.text().await.unwrap_or_default()),
        }
    }
    // Alone each of them would have taken five. A minute is long, but a busy machine may let one more come back.
    assert!((6..=7).contains(&taken), "{taken}");
    // Without it they serve on, each for itself.
    cache.kill();
    let mut visitor = Visitor::enter(&servers[1].address, "echo").await.expect("let in");
    visitor.say("are you there?").await;
    for server in servers {
        assert!(server.stop(), "servers stop when asked");
    }
}

/// Whoever asks any of the servers learns how many sockets a person has at all of them, whichever comes, goes or dies.
async fn everybody_knows_who_is_there(settings: &[(&str, String)]) {
    let installation = Installation::new().await;
    let members = [Member::new(ALL), Member::new(ALL)];
    let [one, mut other] = members
        .each_ref()
        .map(|member| installation.start(member, settings));
    let token = one
        .token
        .clone()
        .or_else(|| other.token.clone())
        .expect("one was first");
    let sockets = async |server: &Server, session: &str, wanted: u64| {
        let query = json!({
            "query": "query ($id: ID!) { session(id: $id) { sockets } }",
            "variables": { "id": session },
        });
        let began = std::time::Instant::now();
        loop {
            let answer = reqwest::Client::new()
                .post(server.url("/graphql"))
                .bearer_auth(&token)
                .json(&query)
                .send()
                .await
                .expect("answered");
            let answer: serde_json::Value = answer.json().await.expect("JSON");
            if answer["data"]["session"]["sockets"] == wanted {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{answer}, and not {wanted}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut visitor = Visitor::enter(&one.address, "echo").await.expect("let in");
    let session = visitor.session_id();
    let again = visitor.beside(&other.address).await.expect("let in");
    let third = visitor.beside(&other.address).await.expect("let in");
    sockets(&one, &session, 3).await;
    sockets(&other, &session, 3).await;
    drop(third);
    sockets(&one, &session, 2).await;
    // Killed: what it told counts for a few seconds and then no more.
    other.kill();
    sockets(&one, &session, 1).await;
    drop(again);
    let other = installation.start(&members[1], settings);
    sockets(&other, &session, 1).await;
    // Stopped in order: it takes back what it told.
    assert!(one.stop(), "servers stop when asked");
    sockets(&other, &session, 0).await;
    visitor.connect(&other.address).await.expect("let in again");
    sockets(&other, &session, 1).await;
    assert!(other.stop(), "servers stop when asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_with_postgresql_alone() {
    everybody_knows_who_is_there(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_with_valkey() {
    let cache = tokio::task::spawn_blocking(Cache::start).await.expect("a server");
    everybody_knows_who_is_there(&[("BOTSERVER_VALKEY_URL", cache.url())]).await;
}
