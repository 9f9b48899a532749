//! `inference-worker bench --texts`: how long a file of texts takes from texts to vectors.
//!
//! Each round reads all texts into tokens and computes them. On the CPU in float32 a round also multiplies two large
//! matrices by libtorch with the same threads: nothing is computed faster than that on the machine at that moment.

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use tch::{Device, Kind, TchError, Tensor};

use super::super::source::{self, Local};
use super::super::texts::{self, Text};
use crate::config::Config;
use crate::model::{Model, Task, TextError, Tokens, TooLong};
use crate::settings::Precision;

/// Rows and columns of the matrices: large enough that memory does not count, small enough for a fifth of a second.
const SIDE: i64 = 2048;
/// Products of a round.
const PRODUCTS: usize = 3;

#[derive(Debug, clap::Args)]
#[group(skip)]
pub struct Arguments {
    /// Measure the texts of a file from texts to vectors: a JSON text, or an object with "text", on each line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["lengths", "batches", "seconds", "samples"])]
    pub texts: Option<PathBuf>,
    /// Texts of the file that are asked for at once, by length; without it all of them
    #[arg(long, value_name = "N", requires = "texts", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: Option<u32>,
    /// How often the texts of the file are computed
    #[arg(long, value_name = "N", requires = "texts", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Write the vectors of the file's texts: little-endian float32, row after row
    #[arg(long, value_name = "FILE", requires = "texts")]
    vectors: Option<PathBuf>,
    /// Print what was measured as a line of JSON
    #[arg(long, requires = "texts")]
    json: bool,
}

/// What was measured. Seconds are those of each round, in order.
#[derive(Serialize)]
struct Told {
    precision: Precision,
    device: String,
    threads: i32,
    texts: usize,
    tokens: usize,
    dimensions: usize,
    /// Of the network's products, for all texts.
    operations: f64,
    /// From texts to vectors.
    seconds: Vec<f64>,
    /// The part from texts to tokens.
    read_seconds: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<Product>,
}

/// A product of two large matrices in float32.
#[derive(Serialize)]
struct Product {
    operations: f64,
    seconds: Vec<f64>,
}

impl Arguments {
    pub async fn run(&self, source: &source::Arguments, config: &Config) -> anyhow::Result<()> {
        let path = self.texts.clone().context("no file of texts")?;
        let texts: Arc<[Text]> = texts::Arguments::of_file(path).open()?.take(usize::MAX)?.into();
        ensure!(!texts.is_empty(), "the file has no texts");
        let local = source.local(config).await?;
        ensure!(
            local.model.task() == Task::Embed,
            "the model ranks documents; texts of a file are for one that makes vectors"
        );
        let threads = threads(config);
        // The first time prepares what the others have.
        let items = read(&local.model, &texts, threads).await?;
        let lengths: Vec<usize> = items.iter().map(|item| item.ids.len()).collect();
        let mut rows = self.compute(&local, items).await?;
        let mut told = Told {
            precision: local.model.card().precision,
            device: format!("{:?}", local.engine.devices()),
            threads,
            texts: texts.len(),
            tokens: lengths.iter().sum(),
            dimensions: local.model.card().dimensions,
            operations: source.shape(config)?.operations(&lengths),
            seconds: Vec::new(),
            read_seconds: Vec::new(),
            product: has_product(&local).then(Product::new),
        };
        for _ in 0..self.rounds {
            if let Some(product) = &mut told.product {
                product.seconds.extend(multiply(threads).await?);
            }
            let began = Instant::now();
            let items = read(&local.model, &texts, threads).await?;
            told.read_seconds.push(began.elapsed().as_secs_f64());
            rows = self.compute(&local, items).await?;
            told.seconds.push(began.elapsed().as_secs_f64());
        }
        self.keep(&rows)?;
        let mut out = stdout().lock();
        if self.json {
            writeln!(out, "{}", serde_json::to_string(&told)?)?;
        } else {
            write!(out, "{}", told.lines())?;
        }
        Ok(())
    }

    /// A vector for each text, in order. Batches hold texts of about the same length, the longest first.
    async fn compute(&self, local: &Local, items: Vec<Tokens>) -> anyhow::Result<Vec<Vec<f32>>> {
        let Some(batch) = self.batch else {
            return local.run(items).await;
        };
        let mut rows = vec![Vec::new(); items.len()];
        let mut placed: Vec<(usize, Tokens)> = items.into_iter().enumerate().collect();
        placed.sort_by_key(|(_, item)| std::cmp::Reverse(item.ids.len()));
        while !placed.is_empty() {
            let rest = placed.split_off(placed.len().min(batch as usize));
            let (places, items): (Vec<usize>, Vec<Tokens>) = placed.into_iter().unzip();
            for (place, row) in places.into_iter().zip(local.run(items).await?) {
                rows[place] = row;
            }
            placed = rest;
        }
        Ok(rows)
    }

    fn keep(&self, rows: &[Vec<f32>]) -> anyhow::Result<()> {
        let Some(path) = &self.vectors else {
            return Ok(());
        };
        let bytes: Vec<u8> = rows
            .iter()
            .flatten()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        fs::write(path, bytes).with_context(|| format!("{} cannot be written", path.display()))
    }
}

/// As many as compute, for a product is compared with them.
fn threads(config: &Config) -> i32 {
    let configured = config
        .engine
        .threads
        .and_then(|threads| i32::try_from(threads.get()).ok());
    configured.unwrap_or_else(tch::get_num_threads).max(1)
}

/// As the server reads requests that come at once: each on one of so many threads.
async fn read(model: &Arc<Model>, texts: &Arc<[Text]>, threads: i32) -> anyhow::Result<Vec<Tokens>> {
    let (model, texts) = (model.clone(), texts.clone());
    let part = texts.len().div_ceil(usize::try_from(threads)?);
    let read = move |texts: &[Text]| -> Result<Vec<Tokens>, TextError> {
        let tokens = texts
            .iter()
            .map(|text| model.read(&text.text, None, TooLong::Truncate));
        tokens.collect()
    };
    let all = tokio::task::spawn_blocking(move || {
        thread::scope(|scope| {
            let read = &read;
            let parts = texts.chunks(part).map(|texts| scope.spawn(move || read(texts)));
            let parts: Vec<_> = parts.collect();
            let mut all = Vec::with_capacity(texts.len());
            for part in parts {
                let tokens = part.join().map_err(|_| anyhow::anyhow!("a reader panicked"))?;
                all.extend(tokens?);
            }
            anyhow::Ok(all)
        })
    });
    all.await?
}

fn has_product(local: &Local) -> bool {
    local.engine.devices() == [Device::Cpu] && local.model.card().precision == Precision::Float32
}

impl Product {
    fn new() -> Product {
        Product {
            operations: 2.0 * (SIDE as f64).powi(3),
            seconds: Vec::new(),
        }
    }
}

/// Seconds of each product of a round.
async fn multiply(threads: i32) -> anyhow::Result<Vec<f64>> {
    let seconds = tokio::task::spawn_blocking(move || -> Result<Vec<f64>, TchError> {
        // Threads of products belong to the thread that asks for them.
        tch::set_num_threads(threads);
        let _without_gradients = tch::no_grad_guard();
        let matrix = || Tensor::f_rand([SIDE, SIDE], (Kind::Float, Device::Cpu));
        let (left, right) = (matrix()?, matrix()?);
        drop(left.f_matmul(&right)?);
        let mut seconds = Vec::with_capacity(PRODUCTS);
        for _ in 0..PRODUCTS {
            let began = Instant::now();
            drop(left.f_matmul(&right)?);
            seconds.push(began.elapsed().as_secs_f64());
        }
        Ok(seconds)
    });
    Ok(seconds.await??)
}

impl Told {
    fn lines(&self) -> String {
        let seconds = median(&self.seconds);
        let speed = self.operations / seconds;
        let mut text = format!(
            "{} texts, {} tokens: {seconds:.3} s, {:.1} texts/s, {:.0} tokens/s, {:.1} GFLOP/s\n",
            self.texts,
            self.tokens,
            self.texts as f64 / seconds,
            self.tokens as f64 / seconds,
            speed / 1e9
        );
        if let Some(product) = &self.product {
            let ceiling = product.operations / median(&product.seconds);
            text.push_str(&format!(
                "{:.0} % of the {:.1} GFLOP/s of a product of two matrices\n",
                speed / ceiling * 100.0,
                ceiling / 1e9
            ));
        }
        text
    }
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_the_speed_and_its_share_of_a_product() {
        let told = Told {
            precision: Precision::Float32,
            device: "[Cpu]".to_owned(),
            threads: 2,
            texts: 100,
            tokens: 1000,
            dimensions: 4,
            operations: 40e9,
            seconds: vec![2.0, 9.0, 1.0],
            read_seconds: vec![0.1; 3],
            product: Some(Product {
                operations: 20e9,
                seconds: vec![0.5],
            }),
        };
        let expected = "100 texts, 1000 tokens: 2.000 s, 50.0 texts/s, 500 tokens/s, 20.0 GFLOP/s\n\
                        50 % of the 40.0 GFLOP/s of a product of two matrices\n";
        assert_eq!(told.lines(), expected);
    }
}
