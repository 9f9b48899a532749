//! What an open socket that nobody uses costs in memory: ours, authenticated and greeted, and axum's as it comes.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use axum::routing::any;
use futures::StreamExt as _;
use futures::stream::{self, TryStreamExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::served::{Served, resident_bytes};
use crate::visitor::{self, Receiver, Sender};

/// Sockets that are opened at a time: a crowd, not a flood.
const OPENING: usize = 32;
/// Until what an idle conversation keeps in memory is let go, and somewhat longer.
const REST: Duration = Duration::from_secs(75);

/// Bytes of memory for each socket.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Cost {
    pub sockets: usize,
    /// Once all are open.
    pub fresh_bytes: f64,
    /// Once all have been idle for a while.
    pub idle_bytes: f64,
}

pub async fn ours(server: &Served, sockets: usize) -> anyhow::Result<Cost> {
    // What the first ones cost once belongs to the idle server.
    let warm = opened(0..100, |number| visitor::enter(&server.address, number)).await?;
    drop(warm);
    tokio::time::sleep(REST).await;
    let pid = server.pid()?;
    let before = resident_bytes(pid)?;
    let open = opened(100..100 + sockets, |number| {
        visitor::enter(&server.address, number)
    })
    .await?;
    let fresh = resident_bytes(pid)?;
    tokio::time::sleep(REST).await;
    let idle = resident_bytes(pid)?;
    drop(open);
    Ok(cost(sockets, before, fresh, idle))
}

/// The same of a server that is nothing but axum's sockets, a process of its own.
pub async fn plain(sockets: usize) -> anyhow::Result<Cost> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg("--serve-plain-sockets")
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = process
        .stdout
        .take()
        .ok_or_else(|| anyhow::anyhow!("its output"))?;
    let address = BufReader::new(stdout)
        .lines()
        .next_line()
        .await?
        .ok_or_else(|| anyhow::anyhow!("the plain server tells no address"))?;
    let pid = process
        .id()
        .ok_or_else(|| anyhow::anyhow!("the plain server ended"))?;
    let warm = opened(0..100, |_| visitor::open(&address, "/ws")).await?;
    drop(warm);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = resident_bytes(pid)?;
    let open = opened(0..sockets, |_| visitor::open(&address, "/ws")).await?;
    let fresh = resident_bytes(pid)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = resident_bytes(pid)?;
    drop(open);
    process.kill().await?;
    Ok(cost(sockets, before, fresh, idle))
}

/// What `--serve-plain-sockets` runs, until it is killed.
pub async fn serve_plain() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout();
    std::io::Write::write_fmt(&mut out, format_args!("{}\n", listener.local_addr()?))?;
    axum::serve(listener, Router::new().route("/ws", any(echo))).await?;
    Ok(())
}

async fn echo(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}

async fn opened<F>(
    numbers: std::ops::Range<usize>,
    open: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<(Sender, Receiver)>>
where
    F: Future<Output = anyhow::Result<(Sender, Receiver)>>,
{
    stream::iter(numbers.map(open))
        .buffer_unordered(OPENING)
        .try_collect()
        .await
}

fn cost(sockets: usize, before: u64, fresh: u64, idle: u64) -> Cost {
    let each = |after: u64| (after as f64 - before as f64) / sockets as f64;
    Cost {
        sockets,
        fresh_bytes: each(fresh),
        idle_bytes: each(idle),
    }
}
