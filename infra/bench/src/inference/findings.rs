//! What the turns come to: ratios round by round, and how far vectors are apart.

use std::fmt;

use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::Turns;
use super::overhead::Overhead;
use super::sides::{Side, Turn, Vectors};
use crate::report::Spread;

/// Between vectors of different programs in float32.
const DIFFERENCE_MAX: f32 = 1e-4;

/// A row of the table.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub work: &'static str,
    pub against: &'static str,
    /// One for each round; empty where it was not measured.
    pub ratios: Vec<f64>,
    pub goal: Option<f64>,
    /// What else there is to say.
    pub beside: String,
}

#[derive(Debug, Serialize)]
pub struct Findings {
    rows: Vec<Finding>,
    /// Milliseconds at the median, of a request beyond its forward pass.
    overhead_ms: f64,
    forward_ms: f64,
    /// Greatest difference of a value of two vectors in float32, ours and each other side's.
    differences: Vec<(Side, f32)>,
}

impl Findings {
    pub fn of(turns: &Turns, vectors: &[Vectors], overhead: &Overhead) -> anyhow::Result<Findings> {
        let differences = differences(vectors)?;
        let passages = &turns.passages;
        let mut rows = rows_of(passages)?;
        rows.push(ceiling(passages)?);
        for (side, work, goal) in [
            (Side::OursInt8, "int8", Some(2.0)),
            (Side::OursBfloat16, "bfloat16", None),
        ] {
            rows.push(precision(passages, vectors, side, work, goal)?);
        }
        rows.extend(questions(&turns.questions)?);
        let (work, against) = (
            "embeddings on a GPU, bfloat16",
            "sentence-transformers by default there",
        );
        rows.push(match &turns.without_gpu {
            Some(reason) => Finding {
                work,
                against,
                ratios: Vec::new(),
                goal: Some(10.0),
                beside: format!("not measured: {reason}"),
            },
            None => row(
                &turns.gpu,
                work,
                against,
                Side::OursOnGpu,
                Side::SentenceTransformersOnGpu,
                Some(10.0),
            )?,
        });
        Ok(Findings {
            rows,
            overhead_ms: overhead.median_ms(),
            forward_ms: overhead.forward_median_ms(),
            differences,
        })
    }
}

/// Against other programs.
fn rows_of(turns: &[Vec<Turn>]) -> anyhow::Result<Vec<Finding>> {
    let work = "embeddings, mixed lengths, float32";
    let theirs = Side::SentenceTransformers;
    let first = row(
        turns,
        work,
        "sentence-transformers",
        Side::Ours,
        theirs,
        Some(1.5),
    )?;
    // Whichever of its ways is faster on this machine.
    let plain = median(turns, Side::Onnxruntime)?;
    let fused = median(turns, Side::OnnxruntimeFused)?;
    let better = if fused < plain {
        Side::OnnxruntimeFused
    } else {
        Side::Onnxruntime
    };
    let mut second = row(turns, work, "onnxruntime", Side::Ours, better, Some(1.0))?;
    let other = plain.max(fused);
    second.beside += match better {
        Side::OnnxruntimeFused => " by its own optimiser",
        _ => " as exported",
    };
    second.beside += &format!(", {other:.2} s the other way");
    Ok(vec![first, second])
}

/// One short text after the other.
fn questions(turns: &[Vec<Turn>]) -> anyhow::Result<Vec<Finding>> {
    let work = "questions one by one, float32";
    let ours = Side::OursOneByOne;
    let mut rows = Vec::new();
    for (against, theirs) in [
        ("sentence-transformers", Side::SentenceTransformersOneByOne),
        ("onnxruntime", Side::OnnxruntimeOneByOne),
    ] {
        let mut row = row(turns, work, against, ours, theirs, None)?;
        row.beside = format!(
            "{:.1} ms against {:.1}",
            each_ms(turns, ours)?,
            each_ms(turns, theirs)?
        );
        rows.push(row);
    }
    Ok(rows)
}

/// Milliseconds of a side for a text, at the median of the rounds.
fn each_ms(turns: &[Vec<Turn>], side: Side) -> anyhow::Result<f64> {
    let round = turns.first().context("there was no round")?;
    Ok(1e3 * median(turns, side)? / of(round, side)?.told.texts as f64)
}

fn ceiling(turns: &[Vec<Turn>]) -> anyhow::Result<Finding> {
    let shares = turns.iter().map(|round| share(of(round, Side::OursInBatches)?));
    let ratios: Vec<f64> = shares.collect::<anyhow::Result<_>>()?;
    let speeds = turns.iter().map(|round| {
        let told = &of(round, Side::OursInBatches)?.told;
        Ok(told.operations.unwrap_or_default() / mean(&told.seconds) / 1e9)
    });
    let speeds: Vec<f64> = speeds.collect::<anyhow::Result<_>>()?;
    Ok(Finding {
        work: "the same in batches of 32",
        against: "products of two matrices, 2048 × 2048, by libtorch",
        ratios,
        goal: Some(0.5),
        beside: format!("{:.1} GFLOP/s", Spread::of(speeds.into_iter()).median),
    })
}

/// Which share of the operations of products, in the same time, those of the texts were.
fn share(turn: &Turn) -> anyhow::Result<f64> {
    let told = &turn.told;
    let operations = told.operations.context("no operations were told")?;
    let product = told.product.as_ref().context("no products were told")?;
    ensure!(!product.seconds.is_empty(), "no products were told");
    let ceiling = product.operations / Spread::of(product.seconds.iter().copied()).median;
    Ok(operations / mean(&told.seconds) / ceiling)
}

fn precision(
    turns: &[Vec<Turn>],
    vectors: &[Vectors],
    side: Side,
    work: &'static str,
    goal: Option<f64>,
) -> anyhow::Result<Finding> {
    let mut finding = row(turns, work, "ours in float32", side, Side::Ours, goal)?;
    let cosine = mean_cosine(vectors_of(vectors, Side::Ours)?, vectors_of(vectors, side)?)?;
    finding.beside += &format!(", mean cosine {cosine:.4}");
    if goal.is_some() {
        finding.beside += " (goal 0.99)";
    }
    Ok(finding)
}

/// How many times as fast `ours` is as `theirs`.
fn row(
    turns: &[Vec<Turn>],
    work: &'static str,
    against: &'static str,
    ours: Side,
    theirs: Side,
    goal: Option<f64>,
) -> anyhow::Result<Finding> {
    let ratios = turns
        .iter()
        .map(|round| Ok(mean(&of(round, theirs)?.told.seconds) / mean(&of(round, ours)?.told.seconds)));
    Ok(Finding {
        work,
        against,
        ratios: ratios.collect::<anyhow::Result<_>>()?,
        goal,
        beside: format!(
            "{:.2} s against {:.2}",
            median(turns, ours)?,
            median(turns, theirs)?
        ),
    })
}

/// Whether all sides had the same texts, and read the same tokens of them.
pub fn check_same_work(round: &[Turn]) -> anyhow::Result<()> {
    let work = |turn: &Turn| (turn.told.texts, turn.told.tokens, turn.told.dimensions);
    for pair in round.windows(2) {
        let (one, other) = (&pair[0], &pair[1]);
        ensure!(
            work(one) == work(other),
            "{:?} had (texts, tokens, dimensions) {:?}, {:?} had {:?}",
            one.side,
            work(one),
            other.side,
            work(other)
        );
    }
    Ok(())
}

/// Of ours and each other side in float32; an error where they are not the same vectors.
fn differences(vectors: &[Vectors]) -> anyhow::Result<Vec<(Side, f32)>> {
    let ours = vectors_of(vectors, Side::Ours)?;
    let mut all = Vec::new();
    for side in [
        Side::SentenceTransformers,
        Side::Onnxruntime,
        Side::OnnxruntimeFused,
        Side::OursInBatches,
    ] {
        let difference = difference(ours, vectors_of(vectors, side)?)?;
        ensure!(
            difference < DIFFERENCE_MAX,
            "vectors of {side:?} differ from ours by {difference}, {DIFFERENCE_MAX} is allowed"
        );
        all.push((side, difference));
    }
    Ok(all)
}

/// The greatest of all values; infinite where a value is no number.
fn difference(one: &Vectors, other: &Vectors) -> anyhow::Result<f32> {
    ensure!(
        one.values.len() == other.values.len(),
        "as many vectors on both sides"
    );
    let pairs = one.values.iter().zip(&other.values);
    let distances = pairs.map(|(one, other)| (one - other).abs());
    Ok(distances.fold(0.0, |most, distance| {
        if distance.is_nan() {
            f32::INFINITY
        } else {
            distance.max(most)
        }
    }))
}

fn mean_cosine(one: &Vectors, other: &Vectors) -> anyhow::Result<f64> {
    ensure!(
        one.values.len() == other.values.len() && one.dimensions > 0,
        "as many vectors on both sides"
    );
    let rows = one.values.chunks(one.dimensions);
    let cosines: Vec<f64> = rows
        .zip(other.values.chunks(one.dimensions))
        .map(|(one, other)| cosine(one, other))
        .collect();
    Ok(mean(&cosines))
}

fn cosine(one: &[f32], other: &[f32]) -> f64 {
    let product = |one: &[f32], other: &[f32]| -> f64 {
        let products = one
            .iter()
            .zip(other)
            .map(|(one, other)| f64::from(*one) * f64::from(*other));
        products.sum()
    };
    product(one, other) / (product(one, one) * product(other, other)).sqrt()
}

fn of(round: &[Turn], side: Side) -> anyhow::Result<&Turn> {
    let turn = round.iter().find(|turn| turn.side == side);
    turn.with_context(|| format!("{side:?} had no turn"))
}

fn vectors_of(vectors: &[Vectors], side: Side) -> anyhow::Result<&Vectors> {
    let found = vectors.iter().find(|vectors| vectors.side == side);
    found.with_context(|| format!("{side:?} left no vectors"))
}

/// Seconds of a side, at the median of the rounds.
fn median(turns: &[Vec<Turn>], side: Side) -> anyhow::Result<f64> {
    let seconds = turns.iter().map(|round| Ok(mean(&of(round, side)?.told.seconds)));
    let seconds: Vec<f64> = seconds.collect::<anyhow::Result<_>>()?;
    Ok(Spread::of(seconds.into_iter()).median)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, against {}: ", self.work, self.against)?;
        if !self.ratios.is_empty() {
            let ratios = Spread::of(self.ratios.iter().copied());
            write!(
                f,
                "{:.2} ({:.2} to {:.2})",
                ratios.median, ratios.least, ratios.greatest
            )?;
            if let Some(goal) = self.goal {
                write!(f, ", goal {goal:.1}")?;
            }
            f.write_str("; ")?;
        }
        f.write_str(&self.beside)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self
            .differences
            .iter()
            .map(|(_, difference)| *difference)
            .fold(0.0, f32::max);
        write!(
            f,
            "vectors of all sides in float32 differ from ours by {most:.1e} at most"
        )?;
        for row in &self.rows {
            write!(f, "\n  {row}")?;
        }
        write!(
            f,
            "\n  a request of one short text, beyond its forward pass of {:.2} ms: {:.2} ms at the median, goal under 2 ms",
            self.forward_ms, self.overhead_ms
        )
    }
}

#[cfg(test)]
mod tests;
