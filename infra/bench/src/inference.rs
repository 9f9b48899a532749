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
use crate::inference::sides::{GPU_SIDES, GpuError, SIDES, Stand, Turn};

/// Texts of a turn, on the CPU and on a GPU: a few seconds of work.
const TEXTS: usize = 256;
const GPU_TEXTS: usize = 4096;

/// What was measured, as it is kept.
#[derive(Debug, Serialize)]
pub struct Found {
    pub findings: Findings,
    pub turns: Vec<Vec<Turn>>,
    pub gpu_turns: Vec<Vec<Turn>>,
    pub overhead: Overhead,
}

pub async fn run(rounds: u32) -> anyhow::Result<Found> {
    let stand = Stand::set(TEXTS).await?;
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let mut round = Vec::new();
        for side in SIDES {
            round.push(stand.turn(side).await?);
        }
        findings::check_same_work(&round)?;
        turns.push(round);
    }
    let vectors = stand.vectors(turns.last().map_or(&[], Vec::as_slice))?;
    let overhead = overhead::run(&stand).await?;
    let (gpu, gpu_turns) = match gpu(rounds).await {
        Ok(turns) => (None, turns),
        Err(error) => match error.downcast::<GpuError>() {
            Ok(GpuError(reason)) => (Some(reason), Vec::new()),
            Err(error) => return Err(error),
        },
    };
    let findings = Findings::of(&turns, &gpu_turns, gpu, &vectors, &overhead)?;
    Ok(Found {
        findings,
        turns,
        gpu_turns,
        overhead,
    })
}

/// Both sides on a GPU in turns. A [`GpuError`] where there is none.
async fn gpu(rounds: u32) -> anyhow::Result<Vec<Vec<Turn>>> {
    let stand = Stand::set(GPU_TEXTS).await?;
    let mut turns = Vec::new();
    for _ in 0..rounds {
        let mut round = Vec::new();
        for side in GPU_SIDES {
            round.push(stand.turn(side).await?);
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
