//! A message to ten thousand sockets that two servers hold: from when it is sent until each has the reply.

use std::time::Duration;

use futures::SinkExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::json;
use test_broker::Cache;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::distribution::Distribution;
use crate::served::Served;
use crate::visitor;

const SESSIONS: usize = 10;
const SOCKETS_EACH: usize = 1_000;
const OPENING: usize = 32;
/// Between two messages, and how many.
const PAUSE: Duration = Duration::from_secs(3);
const MESSAGES: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);

pub async fn run() -> anyhow::Result<Distribution> {
    let cluster = test_database::create_cluster().await;
    let psql = cluster.psql_env();
    let url = format!(
        "postgres://{}@localhost/{}?host={}&port={}",
        psql["PGUSER"], psql["PGDATABASE"], psql["PGHOST"], psql["PGPORT"]
    );
    let cache = tokio::task::spawn_blocking(Cache::start).await?;
    let mut environment = vec![
        ("BOTSERVER_DATABASE_URL", url),
        ("BOTSERVER_VALKEY_URL", cache.url()),
        (
            "BOTSERVER_LIMITS_SOCKETS_PER_SESSION_MAX",
            SOCKETS_EACH.to_string(),
        ),
    ];
    let first = Served::start_with(&environment).await?;
    environment.extend([
        ("BOTSERVER_KEYS_FILE", first.path("master.key")),
        ("BOTSERVER_BOTS_DIR", first.path("bots")),
        ("BOTSERVER_BLOBS_DIR", first.path("blobs")),
    ]);
    let second = Served::start_with(&environment).await?;
    let addresses = [first.address.clone(), second.address.clone()];

    let mut times = Vec::new();
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        let credential = visitor::credential(&addresses[0], number * 100).await?;
        let open = (0..SOCKETS_EACH).map(|socket| visitor::join(&addresses[socket % 2], &credential));
        let sockets: Vec<_> = stream::iter(open).buffer_unordered(OPENING).try_collect().await?;
        sessions.push(sockets);
    }
    let mut sending = Vec::new();
    let (found, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut listening = JoinSet::new();
    for sockets in sessions {
        for (nth, (sender, mut receiver)) in sockets.into_iter().enumerate() {
            let found = found.clone();
            listening.spawn(async move {
                // Ten thousand readers on the same cores: frames are looked at, not parsed.
                while let Some(Ok(message)) = receiver.next().await {
                    if message.to_text().is_ok_and(|text| text.contains("You said")) {
                        let _ = found.send(Instant::now());
                    }
                }
            });
            // One of each session speaks; the others must stay open.
            if nth == 0 {
                sending.insert(0, sender);
            } else {
                sending.push(sender);
            }
        }
    }
    for _ in 0..MESSAGES {
        tokio::time::sleep(PAUSE).await;
        let sent = Instant::now();
        for sender in &mut sending[..SESSIONS] {
            let frame = json!({ "content": "hello", "message_type": 1, "message_id": Uuid::new_v4() });
            sender.send(Message::text(frame.to_string())).await?;
        }
        for _ in 0..SESSIONS * SOCKETS_EACH {
            let at = tokio::time::timeout(PATIENCE, heard.recv()).await?;
            times.extend(at.map(|at| at.saturating_duration_since(sent)));
        }
    }
    listening.abort_all();
    first.stop().await?;
    second.stop().await?;
    Ok(Distribution::of(times))
}
