//! Which worker is asked next: decisions only, with the time and the dice as inputs.
//!
//! 1. What [`Balance::begin`] adds to a worker's load, [`Balance::end`] takes away, whatever became of the request.
//! 2. A worker that is ejected or not ready is asked only where no other one is left that could be asked, or waited for.
//! 3. One that is ejected is asked again when its time is over, by one request at a time until one succeeds.
//! 4. A worker that lacks a model is asked for it only while all of them are said to lack it.

use std::time::{Duration, Instant};

use rand::Rng;

mod state;

pub(crate) use state::State;

/// An ejection takes this long, and twice as long each time that the trial after it fails.
const EJECTED_FIRST: Duration = Duration::from_secs(1);
const EJECTED_MAX: Duration = Duration::from_secs(60);
/// Failures in a row that eject a worker which can be connected to. More than one: a request that no worker survives
/// should not take all of them away.
const FAILURES_MAX: u32 = 3;
/// A request that was given up counts as a failure only if the worker had this long.
const LATE_COUNTS_FROM: Duration = Duration::from_secs(1);
/// Probes in a row without an answer after which nobody waits for the worker any more.
const SILENT_MAX: u32 = 3;
/// What a worker may ask for by Retry-After.
const BUSY_MAX: Duration = Duration::from_secs(60);
/// How long it is remembered that a worker lacks a model. Short: it may be loaded meanwhile.
const MISSING_FOR: Duration = Duration::from_secs(15);
/// Loads that differ by less are taken as equal: they are estimates.
const EQUAL_WITHIN: f64 = 1.25;

/// A request that is to be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub model: &'a str,
    /// Bytes, and something for each input.
    pub weight: u64,
    /// Workers that have failed it.
    pub tried: &'a [usize],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Ask(usize),
    /// All that could be asked are busy until then.
    Wait(Instant),
    /// All have been tried.
    Nobody,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    /// The request cannot be answered by anybody; that the worker says so is no failure of it.
    Refused,
    /// The key is not accepted. Such a worker answers fast, and would draw all requests to itself.
    Unauthorized,
    /// The worker lacks the model, or has no memory for it.
    Missing,
    /// Too much waits there, or it stops.
    Busy(Duration),
    /// It could not be connected to.
    Unreachable,
    /// It broke off, failed, or answered what is no answer.
    Failed,
    /// There was no answer in time.
    Late,
    /// Nobody waits for the answer any more.
    Cancelled,
}

impl Outcome {
    /// For metrics.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::Refused => "refused",
            Outcome::Unauthorized => "unauthorized",
            Outcome::Missing => "model_missing",
            Outcome::Busy(_) => "busy",
            Outcome::Unreachable => "unreachable",
            Outcome::Failed => "failed",
            Outcome::Late => "late",
            Outcome::Cancelled => "cancelled",
        }
    }
}

/// What `/readyz` said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    Ready,
    Unready,
    Unreachable,
    /// Connected, perhaps, but no answer in time.
    Silent,
}

/// A request that a worker has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub worker: usize,
    weight: u64,
    /// All that the worker had with it, of others too.
    load: u64,
    at: Instant,
}

impl Begun {
    pub fn took(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }
}

/// What a worker's state became by an event, for those who tell and those who wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Same,
    Ejected,
    /// It answers again.
    Back,
    /// It does not answer: what it was asked will not be answered either.
    Gone,
}

#[derive(Debug)]
pub(crate) struct Balance {
    workers: Vec<State>,
}

impl Balance {
    pub fn new(count: usize) -> Balance {
        Balance {
            workers: (0..count).map(|_| State::default()).collect(),
        }
    }

    pub fn workers(&self) -> &[State] {
        &self.workers
    }

    pub fn choose(&self, wanted: Wanted<'_>, now: Instant, dice: &mut impl Rng) -> Choice {
        let all = 0..self.workers.len();
        let having: Vec<usize> = all
            .clone()
            .filter(|&at| !self.workers[at].lacks(wanted.model, now))
            .collect();
        let having = if having.is_empty() { all.collect() } else { having };
        let left: Vec<usize> = having
            .into_iter()
            .filter(|at| !wanted.tried.contains(at))
            .collect();
        let (well, ill): (Vec<usize>, Vec<usize>) =
            left.into_iter().partition(|&at| self.workers[at].is_well(now));
        let of_well = self.free(&well, now);
        match self.least(&of_well, wanted.weight, now, dice) {
            Some(worker) => Choice::Ask(worker),
            None if !well.is_empty() => self.wait(&well),
            // Better to be refused by one that is ill than to ask nobody.
            None => match self
                .free(&ill, now)
                .into_iter()
                .min_by_key(|&at| self.workers[at].illness())
            {
                Some(worker) => Choice::Ask(worker),
                None => self.wait(&ill),
            },
        }
    }

    fn free(&self, among: &[usize], now: Instant) -> Vec<usize> {
        let free = |at: &&usize| self.workers[**at].busy_until.is_none_or(|until| until <= now);
        among.iter().filter(free).copied().collect()
    }

    fn wait(&self, busy: &[usize]) -> Choice {
        let until = busy.iter().filter_map(|&at| self.workers[at].busy_until).min();
        until.map_or(Choice::Nobody, Choice::Wait)
    }

    /// The one that would have done all it has, and this, first; of those that are about equal two by chance, and of these
    /// the one with fewer requests.
    fn least(&self, among: &[usize], weight: u64, now: Instant, dice: &mut impl Rng) -> Option<usize> {
        // A worker that was not measured lately is taken to be as fast as the fastest, so that it is measured.
        let paces = || among.iter().filter_map(|&at| self.workers[at].pace(now));
        let fastest = paces().min_by(f64::total_cmp).unwrap_or(1.0);
        let expected = |at: usize| {
            let state = &self.workers[at];
            state.load(now).saturating_add(weight) as f64 * state.pace(now).unwrap_or(fastest)
        };
        let least = among.iter().map(|&at| expected(at)).min_by(f64::total_cmp)?;
        let equal: Vec<usize> = among
            .iter()
            .copied()
            .filter(|&at| expected(at) <= least * EQUAL_WITHIN)
            .collect();
        let first = dice.random_range(0..equal.len());
        if equal.len() == 1 {
            return Some(equal[0]);
        }
        let second = (first + dice.random_range(1..equal.len())) % equal.len();
        let pair = [equal[first], equal[second]];
        pair.into_iter().min_by_key(|&at| self.workers[at].requests)
    }

    pub fn begin(&mut self, worker: usize, weight: u64, now: Instant) -> Begun {
        let state = &mut self.workers[worker];
        state.weight += weight;
        state.requests += 1;
        state.trial = state.ejected.is_some();
        Begun {
            worker,
            weight,
            load: state.load(now),
            at: now,
        }
    }

    pub fn end(&mut self, begun: &Begun, model: &str, outcome: Outcome, now: Instant) -> Turn {
        let took = begun.took(now);
        let state = &mut self.workers[begun.worker];
        state.weight -= begun.weight;
        state.requests -= 1;
        let trial = std::mem::take(&mut state.trial);
        match outcome {
            Outcome::Answered => {
                state.measure(took, begun.load, now);
                state.has(model);
                return state.lives();
            }
            Outcome::Refused => return state.lives(),
            Outcome::Missing => {
                state.remember_missing(model, now + MISSING_FOR);
                return state.lives();
            }
            Outcome::Busy(wait) => {
                let until = now + wait.min(BUSY_MAX);
                state.busy_until = state.busy_until.max(Some(until));
                return state.lives();
            }
            Outcome::Unauthorized => return state.eject(now, false),
            Outcome::Unreachable => return state.eject(now, true),
            Outcome::Failed => return state.fail(trial, now),
            Outcome::Late => {
                state.measure_at_least(took, begun.load, now);
                if took >= LATE_COUNTS_FROM {
                    return state.fail(trial, now);
                }
            }
            Outcome::Cancelled => {}
        }
        Turn::Same
    }

    pub fn probed(&mut self, worker: usize, probe: Probe, now: Instant) -> Turn {
        self.workers[worker].probed(probe, now)
    }

    /// What a worker says of its queue, in tokens.
    pub fn queued(&mut self, worker: usize, tokens: Option<u64>, now: Instant) {
        if let Some(tokens) = tokens {
            self.workers[worker].queued(tokens, now);
        }
    }

    /// Whether a worker besides this one is well and may have the model.
    pub fn has_another(&self, than: usize, model: &str, now: Instant) -> bool {
        let mut others = self.workers.iter().enumerate().filter(|(at, _)| *at != than);
        others.any(|(_, state)| state.is_well(now) && !state.lacks(model, now))
    }

    /// The worker says that it has the model.
    pub fn lists(&mut self, worker: usize, model: &str) {
        self.workers[worker].has(model);
    }
}

#[cfg(test)]
mod tests;
