//! What the worker adds to a forward pass: one short text a request, one request after the other on one connection.
//!
//! How long the pass took is told by the worker's own metric, which is asked after each request.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::time::{interval, timeout};

use super::sides::Stand;
use crate::report::Spread;

const REQUESTS: usize = 300;
/// Requests before them, which are not measured.
const FIRST: usize = 30;
const TEXT: &str = "When does the last ferry leave?";
/// Longest wait for the worker to come up, and for its metric.
const PATIENCE: Duration = Duration::from_secs(60);
const METRIC: &str = "inference_forward_seconds";

/// Milliseconds of each request.
#[derive(Debug, Default, Serialize)]
pub struct Overhead {
    request_ms: Vec<f64>,
    forward_ms: Vec<f64>,
}

impl Overhead {
    pub fn median_ms(&self) -> f64 {
        let pairs = self.request_ms.iter().zip(&self.forward_ms);
        Spread::of(pairs.map(|(request, forward)| request - forward)).median
    }

    pub fn forward_median_ms(&self) -> f64 {
        Spread::of(self.forward_ms.iter().copied()).median
    }
}

/// All forward passes so far.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Passes {
    count: u64,
    seconds: f64,
}

struct Served {
    /// Ends with this.
    _process: Child,
    client: reqwest::Client,
    address: String,
}

pub async fn run(stand: &Stand) -> anyhow::Result<Overhead> {
    let served = Served::start(stand).await?;
    let mut overhead = Overhead::default();
    for _ in 0..FIRST {
        served.request().await?;
    }
    let mut before = served.passes(FIRST as u64).await?;
    for _ in 0..REQUESTS {
        let took = served.request().await?;
        let after = served.passes(before.count + 1).await?;
        overhead.request_ms.push(took.as_secs_f64() * 1e3);
        overhead.forward_ms.push((after.seconds - before.seconds) * 1e3);
        before = after;
    }
    Ok(overhead)
}

impl Served {
    async fn start(stand: &Stand) -> anyhow::Result<Served> {
        let config = stand.folder().join("worker.toml");
        let folder = serde_json::to_string(&stand.model().display().to_string())?;
        let text = format!(
            "[server]\nport = 0\n[engine]\ndevice = \"cpu\"\nthreads = {}\n[log]\nfilter = \"warn\"\n\
             [[models]]\nname = \"minilm\"\nfolder = {folder}\n",
            stand.threads()
        );
        std::fs::write(&config, text)?;
        let mut process = stand
            .worker()
            .arg("serve")
            .arg("--config")
            .arg(&config)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the worker cannot be started")?;
        let stdout = process.stdout.take().context("its output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(PATIENCE, lines.next_line())
            .await
            .context("the worker does not come up")??
            .context("the worker ended before it told its address")?;
        let (_, address) = line
            .split_once("listens on ")
            .with_context(|| format!("the worker told no address: {line}"))?;
        let served = Served {
            _process: process,
            client: reqwest::Client::new(),
            address: address.trim().to_owned(),
        };
        timeout(PATIENCE, served.ready())
            .await
            .context("the worker does not load its model")??;
        Ok(served)
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let mut looks = interval(Duration::from_millis(50));
        loop {
            looks.tick().await;
            let url = format!("{}/readyz", self.address);
            if self.client.get(url).send().await?.status().is_success() {
                return Ok(());
            }
        }
    }

    async fn request(&self) -> anyhow::Result<Duration> {
        let request = self.client.post(format!("{}/v1/embeddings", self.address));
        let request = request.json(&json!({ "model": "minilm", "input": TEXT }));
        let began = Instant::now();
        let response = request.send().await?.error_for_status()?;
        let body = response.bytes().await?;
        let took = began.elapsed();
        ensure!(!body.is_empty(), "the worker answered nothing");
        Ok(took)
    }

    /// Once there are so many; the worker counts a pass just after it has answered.
    async fn passes(&self, count: u64) -> anyhow::Result<Passes> {
        let began = Instant::now();
        loop {
            let response = self
                .client
                .get(format!("{}/metrics", self.address))
                .send()
                .await?;
            let text = response.error_for_status()?.text().await?;
            match passes_of(&text) {
                Some(passes) if passes.count == count => return Ok(passes),
                Some(passes) if passes.count > count => {
                    anyhow::bail!("the worker computed {} times, not {count}", passes.count)
                }
                _ => ensure!(began.elapsed() < PATIENCE, "the worker does not count its passes"),
            }
        }
    }
}

/// Of all models together. None where the metric is not there.
fn passes_of(metrics: &str) -> Option<Passes> {
    let sum = |suffix: &str| -> Option<f64> {
        let name = format!("{METRIC}_{suffix}");
        let values: Vec<f64> = metrics
            .lines()
            .filter_map(|line| {
                let rest = line.strip_prefix(&name)?;
                let value = rest.strip_prefix('{').map_or(Some(rest), |labels| {
                    labels.rsplit_once('}').map(|(_, value)| value)
                })?;
                value.trim().parse().ok()
            })
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    };
    Some(Passes {
        count: sum("count")? as u64,
        seconds: sum("sum")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_are_those_of_all_models() {
        let metrics = "# TYPE inference_forward_seconds histogram\n\
                       inference_forward_seconds_bucket{model=\"a\",le=\"0.001\"} 7\n\
                       inference_forward_seconds_sum{model=\"a\"} 0.5\n\
                       inference_forward_seconds_count{model=\"a\"} 3\n\
                       inference_forward_seconds_sum{model=\"b}\"} 0.25\n\
                       inference_forward_seconds_count{model=\"b}\"} 4\n";
        let expected = Passes {
            count: 7,
            seconds: 0.75,
        };
        assert_eq!(passes_of(metrics), Some(expected));
        assert_eq!(passes_of("inference_connections 1\n"), None);
    }

    #[test]
    fn overhead_is_what_a_request_takes_beyond_its_own_pass() {
        let overhead = Overhead {
            request_ms: vec![5.0, 9.0, 30.0],
            forward_ms: vec![4.0, 7.0, 10.0],
        };
        assert!((overhead.median_ms() - 2.0).abs() < 1e-12);
        assert!((overhead.forward_median_ms() - 7.0).abs() < 1e-12);
    }
}
