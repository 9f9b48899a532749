//! Asks each worker from time to time whether it is ready, as long as there is a client.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::balance::{Probe, Turn};
use super::call::Shared;
use super::peer::Trouble;

const PATH: &str = "readyz";
/// What a worker may say about how ready it is.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Without end.
pub(crate) async fn watch(shared: Arc<Shared>, every: Duration) {
    let each = (0..shared.peers.len()).map(|worker| watch_one(&shared, worker, every));
    join_all(each).await;
}

async fn watch_one(shared: &Shared, worker: usize, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (probe, queued) = ask(shared, worker, every).await;
        let turn = {
            let (mut balance, now) = (shared.balance(), Instant::now());
            balance.queued(worker, queued, now);
            balance.probed(worker, probe, now)
        };
        let peer = &shared.peers[worker];
        let ready = if probe == Probe::Ready { 1.0 } else { 0.0 };
        metrics::gauge!("llm_worker_ready", "worker" => peer.name.clone()).set(ready);
        if probe != Probe::Ready && turn == Turn::Same {
            tracing::debug!(worker = %peer.name, ?probe, "a worker is not ready");
        }
        shared.turned(worker, turn);
    }
}

/// How ready it is, and how many tokens wait there.
async fn ask(shared: &Shared, worker: usize, within: Duration) -> (Probe, Option<u64>) {
    let asked = shared.peers[worker].ask(PATH, None, within, ANSWER_BYTES_MAX);
    let probe = match timeout(within, asked).await {
        Ok(Ok(answer)) if answer.status.is_success() => return (Probe::Ready, answer.queued),
        Ok(Ok(_) | Err(Trouble::TooLarge { .. })) => Probe::Unready,
        Ok(Err(Trouble::Transport(error))) if error.is_connect() && !error.is_timeout() => Probe::Unreachable,
        Ok(Err(Trouble::Transport(_))) | Err(_) => Probe::Silent,
    };
    (probe, None)
}
