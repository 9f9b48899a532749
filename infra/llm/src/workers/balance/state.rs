//! What is known of one worker.

use std::time::{Duration, Instant};

use super::{EJECTED_FIRST, EJECTED_MAX, FAILURES_MAX, Probe, SILENT_MAX, Turn};

/// A measure that is older says nothing: a worker that was slow once is asked again.
const MEASURE_FOR: Duration = Duration::from_secs(30);
/// The same of what other clients have there: it comes with each answer and each probe.
const OTHERS_FOR: Duration = Duration::from_secs(3);
/// Bytes of text that make a token, roughly, in most languages.
const TOKEN_BYTES: u64 = 4;
/// What a worker may say of its queue before it is not believed.
const QUEUED_MAX: u64 = 1_000_000_000;
/// What the newest measure is worth among all.
const NEWEST: f64 = 0.2;
/// Models that a worker is known to lack: callers may name any.
const MISSING_MAX: usize = 64;
const MODEL_BYTES_MAX: usize = 256;

/// What `/readyz` said last. Before it was asked a worker is taken to be ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    #[default]
    Ready,
    Unready,
    Silent,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ejection {
    pub until: Instant,
    /// It could not be connected to: a probe that succeeds says that it is back.
    pub unreachable: bool,
}

/// Seconds for a unit of weight, when all that lies before it is counted.
#[derive(Clone, Copy, Debug)]
struct Pace {
    seconds: f64,
    at: Instant,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Of all its requests together.
    pub weight: u64,
    pub requests: u32,
    pub health: Health,
    pub ejected: Option<Ejection>,
    pub busy_until: Option<Instant>,
    /// A request finds out whether an ejected worker is well again.
    pub trial: bool,
    silent: u32,
    failures: u32,
    /// Ejections in a row.
    ejections: u32,
    pace: Option<Pace>,
    /// Weight of what other clients have there, and since when it is known.
    others: Option<(u64, Instant)>,
    missing: Vec<(String, Instant)>,
}

impl State {
    /// It may be asked, or waited for.
    pub fn is_well(&self, now: Instant) -> bool {
        let over = |ejection: &Ejection| ejection.until <= now && !self.trial;
        self.health == Health::Ready && self.ejected.as_ref().is_none_or(over)
    }

    /// Of several that are ill, the least is asked first.
    pub fn illness(&self) -> (Health, Option<Instant>) {
        (self.health, self.ejected.map(|ejection| ejection.until))
    }

    /// Of this client and, as far as it is known, of others.
    pub fn load(&self, now: Instant) -> u64 {
        let fresh = |(_, at): &(u64, Instant)| now.saturating_duration_since(*at) < OTHERS_FOR;
        let others = self.others.filter(fresh).map_or(0, |(weight, _)| weight);
        self.weight.saturating_add(others)
    }

    pub fn queued(&mut self, tokens: u64, now: Instant) {
        let all = tokens.min(QUEUED_MAX) * TOKEN_BYTES;
        self.others = Some((all.saturating_sub(self.weight), now));
    }

    pub fn pace(&self, now: Instant) -> Option<f64> {
        let fresh = |pace: &Pace| now.saturating_duration_since(pace.at) < MEASURE_FOR;
        self.pace.filter(fresh).map(|pace| pace.seconds)
    }

    pub fn measure(&mut self, took: Duration, load: u64, now: Instant) {
        let sample = took.as_secs_f64() / load.max(1) as f64;
        let seconds = match self.pace(now) {
            Some(known) => known + NEWEST * (sample - known),
            None => sample,
        };
        self.pace = Some(Pace { seconds, at: now });
    }

    /// There was no answer within `took`: it is slower than that.
    pub fn measure_at_least(&mut self, took: Duration, load: u64, now: Instant) {
        let sample = took.as_secs_f64() / load.max(1) as f64;
        if self.pace(now).is_none_or(|known| known < sample) {
            self.measure(took, load, now);
        }
    }

    pub fn lacks(&self, model: &str, now: Instant) -> bool {
        self.missing
            .iter()
            .any(|(name, until)| name == model && *until > now)
    }

    pub fn has(&mut self, model: &str) {
        self.missing.retain(|(name, _)| name != model);
    }

    pub fn remember_missing(&mut self, model: &str, until: Instant) {
        if model.len() > MODEL_BYTES_MAX {
            return;
        }
        self.has(model);
        if self.missing.len() == MISSING_MAX {
            self.missing.remove(0);
        }
        self.missing.push((model.to_owned(), until));
    }

    /// It has answered.
    pub fn lives(&mut self) -> Turn {
        self.failures = 0;
        self.ejections = 0;
        self.silent = 0;
        let was_ejected = self.ejected.take().is_some();
        // That it stops or loads still stands; it is for the next probe to say.
        if self.health == Health::Silent {
            self.health = Health::Ready;
        }
        if was_ejected { Turn::Back } else { Turn::Same }
    }

    pub fn fail(&mut self, trial: bool, now: Instant) -> Turn {
        self.failures += 1;
        match trial || self.failures >= FAILURES_MAX {
            true => self.eject(now, false),
            false => Turn::Same,
        }
    }

    pub fn eject(&mut self, now: Instant, unreachable: bool) -> Turn {
        if let Some(ejection) = self.ejected.as_mut().filter(|ejection| ejection.until > now) {
            // Requests that were under way fail together; the worker is ejected for them once.
            ejection.unreachable |= unreachable;
            return Turn::Same;
        }
        let doubled = EJECTED_FIRST.saturating_mul(1 << self.ejections.min(16));
        self.ejections += 1;
        self.failures = 0;
        self.ejected = Some(Ejection {
            until: now + doubled.min(EJECTED_MAX),
            unreachable,
        });
        Turn::Ejected
    }

    pub fn probed(&mut self, probe: Probe, now: Instant) -> Turn {
        match probe {
            Probe::Ready | Probe::Unready => {
                self.silent = 0;
                self.health = if probe == Probe::Ready {
                    Health::Ready
                } else {
                    Health::Unready
                };
                if let Some(ejection) = self.ejected.as_mut().filter(|ejection| ejection.unreachable) {
                    ejection.until = ejection.until.min(now);
                }
                Turn::Same
            }
            Probe::Unreachable => {
                self.health = Health::Silent;
                self.silent = SILENT_MAX;
                self.eject(now, true)
            }
            Probe::Silent => {
                self.silent = self.silent.saturating_add(1);
                if self.silent < SILENT_MAX {
                    return Turn::Same;
                }
                self.health = Health::Silent;
                Turn::Gone
            }
        }
    }
}
