//! `inference-worker bench`: how fast a model is on this machine, by length of texts and size of batches, or for the
//! texts of a file.

mod job;

use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::source;
use crate::config::Config;
use crate::model::Tokens;

/// Each pair is measured at least so often, however long it takes.
const ROUNDS_MIN: usize = 5;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    source: source::Arguments,
    #[command(flatten)]
    job: job::Arguments,
    /// Tokens of a text; those that are more than the model reads are left out
    #[arg(long, value_delimiter = ',', default_value = "16,64,128,256,512", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    lengths: Vec<u32>,
    /// Texts that are asked for at once
    #[arg(long, value_delimiter = ',', default_value = "1,8,32,128", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batches: Vec<u32>,
    /// Seconds for each pair of them
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Write every measurement as a JSON line
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
}

#[derive(Serialize)]
struct Sample {
    length: u32,
    batch: u32,
    seconds: f64,
}

/// Times of one length and batch, in order.
struct Cell {
    length: u32,
    batch: u32,
    times: Vec<Duration>,
}

impl Arguments {
    pub async fn run(&self, config: Config) -> anyhow::Result<()> {
        ensure!(
            self.source.worker.url.is_none(),
            "a running worker is measured from outside; --model takes a folder"
        );
        if self.job.texts.is_some() {
            return self.job.run(&self.source, &config).await;
        }
        let mut samples = match &self.samples {
            Some(path) => {
                let file =
                    File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
                Some(BufWriter::new(file))
            }
            None => None,
        };
        let local = self.source.local(&config).await?;
        let (vocabulary, tokens_max) = (local.model.card().vocabulary, local.model.card().tokens_max);
        let lengths: Vec<u32> = self
            .lengths
            .iter()
            .copied()
            .filter(|length| *length as usize <= tokens_max)
            .collect();
        ensure!(
            !lengths.is_empty(),
            "the model reads {tokens_max} tokens at most; no length is left"
        );
        let progress = ProgressBar::new((lengths.len() * self.batches.len()) as u64).with_style(
            ProgressStyle::with_template("{wide_bar} {pos}/{len}  {eta} left")?,
        );
        let mut out = stdout().lock();
        writeln!(
            out,
            "tokens   texts   median ms      p95 ms     texts/s    tokens/s"
        )?;
        for length in lengths {
            for &batch in &self.batches {
                let texts: Vec<Tokens> = (0..batch).map(|text| tokens(text, length, vocabulary)).collect();
                let mut times = Vec::new();
                // The first one prepares what the others have.
                local.run(texts.clone()).await?;
                let until = Instant::now() + Duration::from_secs(self.seconds.into());
                while times.len() < ROUNDS_MIN || Instant::now() < until {
                    let texts = texts.clone();
                    let began = Instant::now();
                    local.run(texts).await?;
                    times.push(began.elapsed());
                }
                if let Some(samples) = &mut samples {
                    write_samples(samples, length, batch, &times)?;
                }
                times.sort();
                let line = Cell { length, batch, times }.line();
                progress.suspend(|| writeln!(out, "{line}").and_then(|()| out.flush()))?;
                progress.inc(1);
            }
        }
        progress.finish_and_clear();
        if let Some(samples) = &mut samples {
            samples.flush()?;
        }
        Ok(())
    }
}

/// Ids that are nothing special in most vocabularies, and differ from text to text.
fn tokens(text: u32, length: u32, vocabulary: usize) -> Tokens {
    let (first, count) = (vocabulary / 10, (vocabulary - vocabulary / 10).max(1));
    let id = |place: u32| (first + (text as usize * 7919 + place as usize * 104_729) % count) as u32;
    Tokens {
        ids: (0..length).map(id).collect(),
        types: vec![0; length as usize],
    }
}

fn write_samples(out: &mut impl Write, length: u32, batch: u32, times: &[Duration]) -> anyhow::Result<()> {
    for time in times {
        let sample = Sample {
            length,
            batch,
            seconds: time.as_secs_f64(),
        };
        writeln!(out, "{}", serde_json::to_string(&sample)?)?;
    }
    Ok(())
}

impl Cell {
    fn line(&self) -> String {
        let at = |percent: usize| self.times[(self.times.len() - 1) * percent / 100].as_secs_f64();
        let (median, slow) = (at(50), at(95));
        let texts = f64::from(self.batch) / median;
        format!(
            "{:6}  {:6}  {:10.2}  {:10.2}  {:10.1}  {:10.0}",
            self.length,
            self.batch,
            median * 1e3,
            slow * 1e3,
            texts,
            texts * f64::from(self.length)
        )
    }
}
