//! How long something took, each time.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Times in milliseconds, sorted.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    pub fn of(times: impl IntoIterator<Item = Duration>) -> Distribution {
        let mut times: Vec<f64> = times.into_iter().map(|time| time.as_secs_f64() * 1e3).collect();
        times.sort_by(f64::total_cmp);
        Distribution(times)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time that this share of all did not exceed; 0 of none.
    pub fn quantile(&self, share: f64) -> f64 {
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0
            .get(rank.clamp(1, self.0.len().max(1)) - 1)
            .copied()
            .unwrap_or_default()
    }
}

impl std::iter::Sum for Distribution {
    fn sum<I: Iterator<Item = Distribution>>(all: I) -> Distribution {
        let mut times: Vec<f64> = all.flat_map(|one| one.0).collect();
        times.sort_by(f64::total_cmp);
        Distribution(times)
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |share| self.quantile(share);
        write!(
            f,
            "p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, longest {:.1} ms of {}",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0),
            self.count()
        )
    }
}
