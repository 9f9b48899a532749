//! How many requests may be sent again: a share of all, so that an overload is not multiplied by those who meet it.

use std::time::{Duration, Instant};

/// Of each request, so that a fifth of them can be sent again.
const SHARE: f64 = 0.2;
/// For those who ask seldom.
const PER_SECOND: f64 = 0.5;

#[derive(Debug)]
pub(crate) struct Budget {
    saved: f64,
    saved_max: f64,
    at: Instant,
}

impl Budget {
    /// `reserve` can be sent again at once: all that a worker had when it was lost.
    pub fn new(reserve: u32, now: Instant) -> Budget {
        let saved_max = f64::from(reserve.max(1));
        Budget {
            saved: saved_max,
            saved_max,
            at: now,
        }
    }

    /// A request is sent for the first time.
    pub fn earn(&mut self) {
        self.saved = (self.saved + SHARE).min(self.saved_max);
    }

    /// Whether one may be sent again.
    pub fn spend(&mut self, now: Instant) -> bool {
        let passed = now
            .saturating_duration_since(self.at)
            .min(Duration::from_secs(60));
        self.at = self.at.max(now);
        self.saved = (self.saved + passed.as_secs_f64() * PER_SECOND).min(self.saved_max);
        let enough = self.saved >= 1.0;
        if enough {
            self.saved -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sent_again_is_a_share_of_what_is_sent(steps in prop::collection::vec((any::<bool>(), 0u64..2_000), 0..500)) {
            let start = Instant::now();
            let mut now = start;
            let mut budget = Budget::new(10, now);
            let (mut first, mut again) = (0u32, 0u32);
            for (retry, pause) in steps {
                now += Duration::from_millis(pause);
                if !retry {
                    first += 1;
                    budget.earn();
                } else if budget.spend(now) {
                    again += 1;
                }
            }
            let seconds = (now - start).as_secs_f64();
            let most = 10.0 + f64::from(first) * SHARE + seconds * PER_SECOND;
            prop_assert!(f64::from(again) <= most + 1e-6);
        }
    }

    #[test]
    fn a_client_that_asks_seldom_may_ask_again() {
        let mut now = Instant::now();
        let mut budget = Budget::new(10, now);
        while budget.spend(now) {}
        now += Duration::from_secs(2);
        assert!(budget.spend(now));
        assert!(!budget.spend(now));
    }
}
