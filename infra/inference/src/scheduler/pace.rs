//! How fast a model computes, as seen so far: how much makes a batch, and how long a queue takes.

use std::time::Duration;

/// Of what was believed this much stays when a batch was seen.
const KEPT: f64 = 0.8;
/// Tokens from which on a batch tells of the pace. Smaller ones take as long as a batch takes at least.
const TELLING: u64 = 512;

/// Tokens per second of one device, smoothed. Until a batch was seen it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    tokens_per_second: Option<f64>,
}

impl Pace {
    /// A batch of so many tokens took so long.
    pub fn saw(&mut self, tokens: u64, took: Duration) {
        let seen = tokens as f64 / took.as_secs_f64().max(1e-6);
        self.tokens_per_second = Some(match self.tokens_per_second {
            Some(believed) if tokens < TELLING && seen < believed => believed,
            Some(believed) => KEPT * believed + (1.0 - KEPT) * seen,
            None => seen,
        });
    }

    /// Tokens of a batch that takes about so long; `tokens_max` while the pace is not known.
    pub fn batch(&self, target: Duration, tokens_max: u64) -> u64 {
        match self.tokens_per_second {
            Some(pace) => ((pace * target.as_secs_f64()) as u64).clamp(1, tokens_max),
            None => tokens_max,
        }
    }

    /// How long so many tokens take on so many devices. Nothing is said while the pace is not known.
    pub fn wait(&self, tokens: u64, devices: usize) -> Option<Duration> {
        let pace = self.tokens_per_second?;
        let seconds = tokens as f64 / (pace * devices.max(1) as f64);
        Some(Duration::from_secs_f64(seconds.min(3600.0)))
    }
}
