//! The sides: programs that make vectors of the same texts, and what they say of their turns.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use tokio::process::Command;

/// Computed so often in a turn, of which the mean counts; starting takes longer than computing.
const REPEATED: &str = "2";
/// Texts of a batch of those who have batches.
const BATCH: &str = "32";
/// One text after the other, as questions come to a search.
const ALONE: &str = "1";

/// A program and how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    Ours,
    /// Ours, asked for batches of 32 texts.
    OursInBatches,
    OursInt8,
    OursBfloat16,
    SentenceTransformers,
    Onnxruntime,
    /// After onnxruntime's own optimiser.
    OnnxruntimeFused,
    OursOneByOne,
    SentenceTransformersOneByOne,
    OnnxruntimeOneByOne,
    OursOnGpu,
    SentenceTransformersOnGpu,
}

pub const SIDES: [Side; 7] = [
    Side::Ours,
    Side::SentenceTransformers,
    Side::Onnxruntime,
    Side::OnnxruntimeFused,
    Side::OursInBatches,
    Side::OursInt8,
    Side::OursBfloat16,
];

pub const QUESTION_SIDES: [Side; 3] = [
    Side::OursOneByOne,
    Side::SentenceTransformersOneByOne,
    Side::OnnxruntimeOneByOne,
];

pub const GPU_SIDES: [Side; 2] = [Side::OursOnGpu, Side::SentenceTransformersOnGpu];

/// The worker found no GPU; its own words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GpuError(pub String);

/// What a side did in a round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Turn {
    pub side: Side,
    #[serde(flatten)]
    pub told: Told,
}

/// What a program prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Told {
    pub texts: usize,
    pub tokens: usize,
    pub dimensions: usize,
    pub seconds: Vec<f64>,
    /// Ours only, as all that follows: of the network's products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_seconds: Option<Vec<f64>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<Product>,
    /// Of the others' packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<serde_json::Value>,
}

/// A product of two large matrices, beside the texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub operations: f64,
    pub seconds: Vec<f64>,
}

/// Vectors of one side, row after row.
pub struct Vectors {
    pub side: Side,
    pub dimensions: usize,
    pub values: Vec<f32>,
}

/// What all sides share.
pub struct Stand {
    folder: tempfile::TempDir,
    model: PathBuf,
    worker: PathBuf,
    threads: String,
}

impl Stand {
    /// `texts` are the arguments of the script that writes them.
    pub async fn set(texts: &[&str]) -> anyhow::Result<Stand> {
        let stand = Stand {
            folder: tempfile::tempdir()?,
            model: model()?,
            worker: worker()?,
            threads: std::thread::available_parallelism()?.to_string(),
        };
        let mut writer = Command::new("python3");
        writer.arg(scripts().join("texts.py")).args(texts);
        tokio::fs::write(stand.texts(), output(&mut writer).await?).await?;
        Ok(stand)
    }

    pub async fn turn(&self, side: Side) -> anyhow::Result<Turn> {
        let mut command = self.command(side);
        let told = match output(&mut command).await {
            Ok(told) => told,
            Err(error) => {
                return Err(without_gpu(side, &error).map_or(error, |words| GpuError(words).into()));
            }
        };
        let told = parse(&told).with_context(|| format!("{side:?}"))?;
        Ok(Turn { side, told })
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn model(&self) -> &Path {
        &self.model
    }

    pub fn threads(&self) -> &str {
        &self.threads
    }

    /// The worker's program.
    pub fn worker(&self) -> Command {
        let mut command = Command::new(&self.worker);
        command.current_dir(self.folder.path());
        for (name, _) in std::env::vars_os() {
            // What somebody has configured for a worker of their own.
            if name.to_string_lossy().starts_with("INFERENCE_WORKER_") {
                command.env_remove(name);
            }
        }
        waiting_as_it_does(command)
    }

    fn command(&self, side: Side) -> Command {
        match side {
            Side::Ours => self.ours(side, "cpu", &[]),
            Side::OursInBatches => self.ours(side, "cpu", &["--batch", BATCH]),
            Side::OursInt8 => self.ours(side, "cpu", &["--precision", "int8"]),
            Side::OursBfloat16 => self.ours(side, "cpu", &["--precision", "bfloat16"]),
            Side::OursOnGpu => self.ours(side, "cuda", &["--precision", "bfloat16"]),
            Side::OursOneByOne => self.ours(side, "cpu", &["--batch", ALONE]),
            Side::SentenceTransformers => self.theirs(side, "sentence-transformers", "cpu", BATCH),
            Side::SentenceTransformersOneByOne => self.theirs(side, "sentence-transformers", "cpu", ALONE),
            Side::SentenceTransformersOnGpu => self.theirs(side, "sentence-transformers", "cuda", BATCH),
            Side::Onnxruntime => self.theirs(side, "onnxruntime", "cpu", BATCH),
            Side::OnnxruntimeOneByOne => self.theirs(side, "onnxruntime", "cpu", ALONE),
            Side::OnnxruntimeFused => self.theirs(side, "onnxruntime-fused", "cpu", BATCH),
        }
    }

    fn ours(&self, side: Side, device: &str, further: &[&str]) -> Command {
        let mut command = self.worker();
        command
            .args(["bench", "--json", "--rounds", REPEATED])
            .args(["--set", &format!("engine.device={device}")])
            .args(["--set", &format!("engine.threads={}", self.threads)])
            .args(further);
        self.on_texts(command, side)
    }

    fn theirs(&self, side: Side, way: &str, device: &str, batch: &str) -> Command {
        let mut command = waiting_as_it_does(Command::new(scripts().join("run")));
        command.args(["--way", way, "--device", device]).args([
            "--repeat",
            REPEATED,
            "--batch",
            batch,
            "--threads",
            &self.threads,
        ]);
        self.on_texts(command, side)
    }

    fn on_texts(&self, mut command: Command, side: Side) -> Command {
        command.arg("--model").arg(&self.model);
        command.arg("--texts").arg(self.texts());
        command.arg("--vectors").arg(self.vectors_of(side));
        command
    }

    fn texts(&self) -> PathBuf {
        self.folder.path().join("texts.jsonl")
    }

    fn vectors_of(&self, side: Side) -> PathBuf {
        self.folder.path().join(format!("{side:?}.vectors"))
    }

    /// The vectors of each side's last turn.
    pub fn vectors(&self, turns: &[Turn]) -> anyhow::Result<Vec<Vectors>> {
        let mut all = Vec::new();
        for turn in turns {
            let path = self.vectors_of(turn.side);
            let bytes = std::fs::read(&path).with_context(|| format!("{:?} left no vectors", turn.side))?;
            let (values, rest) = bytes.as_chunks::<4>();
            ensure!(
                rest.is_empty() && values.len() == turn.told.texts * turn.told.dimensions,
                "{:?} left {} bytes of vectors",
                turn.side,
                bytes.len()
            );
            all.push(Vectors {
                side: turn.side,
                dimensions: turn.told.dimensions,
                values: values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect(),
            });
        }
        Ok(all)
    }
}

/// How its threads wait for each other is each side's own.
fn waiting_as_it_does(mut command: Command) -> Command {
    command.env_remove("OMP_WAIT_POLICY").env_remove("GOMP_SPINCOUNT");
    command
}

/// Python's side of the measurement.
fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/bench")
}

/// The worker of the same build, beside this program.
fn worker() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("inference-worker");
    ensure!(
        program.exists(),
        "{} is missing; `make bench` builds it",
        program.display()
    );
    Ok(program)
}

/// Where `.ci/minilm` puts the weights.
fn model() -> anyhow::Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").context("there is no home folder")?).join(".cache"),
    };
    let model = cache.join("botserver/tools/minilm");
    ensure!(
        model.join("model.safetensors").exists(),
        "there is no model in {}; `make bench` fetches it",
        model.display()
    );
    Ok(model)
}

async fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let command = command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command
        .output()
        .await
        .with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

/// The worker's own words where that is why it failed.
fn without_gpu(side: Side, error: &anyhow::Error) -> Option<String> {
    let text = error.to_string();
    let at = text
        .find("no GPU was found")
        .filter(|_| side == Side::OursOnGpu)?;
    text[at..].lines().next().map(str::to_owned)
}

/// The last line of what a program printed.
fn parse(output: &[u8]) -> anyhow::Result<Told> {
    let text = std::str::from_utf8(output)?;
    let line = text.lines().last().context("nothing was told")?;
    let told: Told = serde_json::from_str(line)?;
    ensure!(
        !told.seconds.is_empty() && told.seconds.iter().all(|seconds| *seconds > 0.0),
        "no time was told"
    );
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_that_is_not_there_is_told_in_the_workers_words() {
        let error = anyhow::anyhow!(
            "Command {{ \"worker\" }}: worker: no GPU was found (device): it needs a driver\nmore"
        );
        let words = Some("no GPU was found (device): it needs a driver".to_owned());
        assert_eq!(without_gpu(Side::OursOnGpu, &error), words);
        assert_eq!(without_gpu(Side::Ours, &error), None);
        assert_eq!(without_gpu(Side::OursOnGpu, &anyhow::anyhow!("killed")), None);
    }

    #[test]
    fn the_last_line_of_a_program_is_what_it_tells() {
        let line =
            r#"{"way": "onnxruntime", "texts": 3, "tokens": 40, "dimensions": 2, "seconds": [0.5, 0.25]}"#;
        let told = parse(format!("a note\n{line}\n").as_bytes()).expect("a turn");
        assert_eq!((told.texts, told.tokens, told.dimensions), (3, 40, 2));
        assert_eq!(told.seconds, [0.5, 0.25]);
        assert!(told.product.is_none() && told.operations.is_none());
    }

    #[test]
    fn a_program_that_tells_no_time_has_none() {
        assert!(parse(b"").is_err());
        let line = br#"{"texts": 3, "tokens": 40, "dimensions": 2, "seconds": []}"#;
        assert!(parse(line).is_err());
    }
}
