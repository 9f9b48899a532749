//! The inference worker against sentence-transformers, onnxruntime, its own other precisions and the machine's products.
//!
//! Every side is a program of its own, which loads, computes all texts once without being measured, and then says how
//! long it took. In each round all sides have a turn, with the same texts, the same threads and the same weights.

mod findings;
mod overhead;
mod sides;

use serde::Serialize;

use crate::inference::findings::Findings;
use crate::inference::overhead::Overhead;
use crate::inference::sides::{GPU_SIDES, GpuError, QUESTION_SIDES, SIDES, Side, Stand, Turn};

/// Texts of a turn, a few seconds of work each: passages on the CPU, questions one by one, passages on a GPU.
const PASSAGES: &[&str] = &["--count", "256"];
const QUESTIONS: &[&str] = &["--count", "64", "--questions"];
const GPU_PASSAGES: &[&str] = &["--count", "4096"];

/// What was measured, as it is kept.
#[derive(Debug, Serialize)]
pub struct Found {
    pub findings: Findings,
    #[serde(flatten)]
    pub turns: Turns,
    pub overhead: Overhead,
}

/// By rounds: in each all sides had a turn.
#[derive(Debug, Default, Serialize)]
pub struct Turns {
    #[serde(rename = "turns")]
    pub passages: Vec<Vec<Turn>>,
    #[serde(rename = "question_turns")]
    pub questions: Vec<Vec<Turn>>,
    #[serde(rename = "gpu_turns")]
    pub gpu: Vec<Vec<Turn>>,
    /// Why nothing was measured on a GPU.
    pub without_gpu: Option<String>,
}

pub async fn run(rounds: u32) -> anyhow::Result<Found> {
    let stand = Stand::set(PASSAGES).await?;
    let mut turns = Turns {
        passages: measured(&stand, &SIDES, rounds).await?,
        questions: measured(&Stand::set(QUESTIONS).await?, &QUESTION_SIDES, rounds).await?,
        ..Turns::default()
    };
    let vectors = stand.vectors(turns.passages.last().map_or(&[], Vec::as_slice))?;
    let overhead = overhead::run(&stand).await?;
    match measured(&Stand::set(GPU_PASSAGES).await?, &GPU_SIDES, rounds).await {
        Ok(gpu) => turns.gpu = gpu,
        Err(error) => turns.without_gpu = Some(error.downcast::<GpuError>()?.0),
    }
    Ok(Found {
        findings: Findings::of(&turns, &vectors, &overhead)?,
        turns,
        overhead,
    })
}

async fn measured(stand: &Stand, sides: &[Side], rounds: u32) -> anyhow::Result<Vec<Vec<Turn>>> {
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let mut round = Vec::new();
        for side in sides {
            round.push(stand.turn(*side).await?);
        }
        findings::check_same_work(&round)?;
        turns.push(round);
    }
    Ok(turns)
}

impl Found {
    pub fn line(&self) -> String {
        self.findings.to_string()
    }
}
