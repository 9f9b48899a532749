//! One request on its way: to a worker that the balance chooses, and to another one where that one fails.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::{sleep_until, timeout_at};

use super::balance::{Balance, Begun, Choice, Outcome, Turn, Wanted};
use super::budget::Budget;
use super::error::{Cause, Error, Kind, Lie};
use super::peer::Peer;
use super::verdict::{Again, Failure, judge};

/// Workers that try one request before it is given up, those not counted that were not reached or lack the model.
const ATTEMPTS_MAX: u32 = 4;
/// Answers that are larger are read where nobody waits for it.
const READ_AT_ONCE: usize = 64 << 10;

/// What all calls share.
pub(crate) struct Shared {
    pub peers: Vec<Peer>,
    /// Held for decisions only, never while something is waited for.
    balance: Mutex<Balance>,
    budget: Mutex<Budget>,
    permits: Semaphore,
}

/// A request, whoever is asked.
pub(crate) struct Asked<'a> {
    pub path: &'static str,
    pub model: &'a str,
    pub body: Bytes,
    pub weight: u64,
    pub deadline: Instant,
    pub answer_max: usize,
}

impl Shared {
    pub fn new(peers: Vec<Peer>, requests_max: usize) -> Shared {
        // Half of what may be under way is what one of two workers has, and can be asked again when it is lost.
        let reserve = u32::try_from(requests_max / 2).unwrap_or(u32::MAX);
        Shared {
            balance: Mutex::new(Balance::new(peers.len())),
            budget: Mutex::new(Budget::new(reserve, Instant::now())),
            permits: Semaphore::new(requests_max),
            peers,
        }
    }

    pub fn balance(&self) -> MutexGuard<'_, Balance> {
        // Its parts are numbers that hold together after each line; whoever panicked had nothing half done.
        self.balance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `read` makes of the answer. It may be asked of several workers, of one after the other.
    pub async fn ask<T, R>(&self, asked: &Asked<'_>, read: R) -> Result<T, Error>
    where
        T: Send + 'static,
        R: Fn(&[u8]) -> Result<T, Lie> + Clone + Send + 'static,
    {
        let mut course = Course::default();
        self.budget().earn();
        loop {
            let permit = timeout_at(asked.deadline.into(), self.permits.acquire()).await;
            let permit = permit.map_err(|_| Error::new(Kind::TooLate, Cause::Late))?;
            match self.place(asked, &course.tried) {
                Placed::With(flight) => {
                    let worker = flight.begun.worker;
                    match flight.attempt(asked, read.clone()).await {
                        Ok(read) => return Ok(read),
                        Err(failure) => self.again(&mut course, worker, failure)?,
                    }
                }
                Placed::Busy(until) => {
                    drop(permit);
                    wait(until, asked.deadline, course.last.as_ref()).await?;
                }
                Placed::Nowhere => {
                    let nobody = || Error::new(Kind::Unavailable, Cause::Nobody);
                    return Err(course.last.unwrap_or_else(nobody));
                }
            }
        }
    }

    /// Whether the request is sent once more, after this worker failed it.
    fn again(&self, course: &mut Course, worker: usize, failure: Failure) -> Result<(), Error> {
        if failure.again == Again::Never {
            return Err(failure.error);
        }
        if failure.again != Again::Elsewhere {
            course.attempts += 1;
            if course.attempts == ATTEMPTS_MAX || !self.budget().spend(Instant::now()) {
                return Err(failure.error);
            }
        }
        if failure.again != Again::Later {
            course.tried.push(worker);
        }
        metrics::counter!("llm_worker_retries_total", "worker" => self.peers[worker].name.clone())
            .increment(1);
        // That one lacks the model says nothing of those that have it and failed.
        if failure.error.kind != Kind::NotFound || course.last.is_none() {
            course.last = Some(failure.error);
        }
        Ok(())
    }

    fn place(&self, asked: &Asked<'_>, tried: &[usize]) -> Placed<'_> {
        let wanted = Wanted {
            model: asked.model,
            weight: asked.weight,
            tried,
        };
        let now = Instant::now();
        let mut balance = self.balance();
        match balance.choose(wanted, now, &mut rand::rng()) {
            Choice::Ask(worker) => Placed::With(Flight {
                begun: balance.begin(worker, asked.weight, now),
                shared: self,
                model: asked.model.to_owned(),
                queued: None,
                ended: false,
            }),
            Choice::Wait(until) => Placed::Busy(until),
            Choice::Nobody => Placed::Nowhere,
        }
    }

    /// Tells of a change, and wakes those who wait for a worker that is gone.
    pub fn turned(&self, worker: usize, turn: Turn) {
        let peer = &self.peers[worker];
        match turn {
            Turn::Same => {}
            Turn::Ejected => {
                metrics::counter!("llm_worker_ejections_total", "worker" => peer.name.clone()).increment(1);
                tracing::warn!(worker = %peer.name, "a worker is left out for a while");
            }
            Turn::Back => tracing::info!(worker = %peer.name, "a worker answers again"),
            Turn::Gone => {
                tracing::warn!(worker = %peer.name, "a worker does not answer any more");
                peer.gone.send_modify(|count| *count += 1);
            }
        }
    }
}

/// What has become of a request so far.
#[derive(Default)]
struct Course {
    /// Workers that have failed it.
    tried: Vec<usize>,
    attempts: u32,
    last: Option<Error>,
}

enum Placed<'a> {
    With(Flight<'a>),
    Busy(Instant),
    Nowhere,
}

/// Until the workers have less to do, if that is in time.
async fn wait(until: Instant, deadline: Instant, last: Option<&Error>) -> Result<(), Error> {
    let left = until.saturating_duration_since(Instant::now());
    // Those who were sent away together do not come back together.
    let spread = left.mul_f64(rand::random_range(0.0..0.2)) + Duration::from_millis(5);
    if until + spread >= deadline {
        let code = last.and_then(|error| error.code.clone());
        let kind = match last.map(|error| error.kind) {
            Some(Kind::Unavailable) => Kind::Unavailable,
            _ => Kind::Throttled,
        };
        return Err(Error::new(kind, Cause::Busy).coded(code).after(left));
    }
    sleep_until((until + spread).into()).await;
    Ok(())
}

/// A request that a worker has. Dropped, it is cancelled: the connection closes, and the load is no longer counted.
struct Flight<'a> {
    shared: &'a Shared,
    begun: Begun,
    model: String,
    /// What waits at the worker, as it said with its answer.
    queued: Option<u64>,
    ended: bool,
}

impl Flight<'_> {
    async fn attempt<T, R>(mut self, asked: &Asked<'_>, read: R) -> Result<T, Failure>
    where
        T: Send + 'static,
        R: Fn(&[u8]) -> Result<T, Lie> + Send + 'static,
    {
        let peer = &self.shared.peers[self.begun.worker];
        let left = asked.deadline.saturating_duration_since(Instant::now());
        let answered = peer.ask(asked.path, Some(asked.body.clone()), left, asked.answer_max);
        let body = tokio::select! {
            answered = timeout_at(asked.deadline.into(), answered) => match answered {
                Ok(answered) => {
                    self.queued = answered.as_ref().ok().and_then(|answer| answer.queued);
                    judge(answered)
                }
                Err(_) => Err(Failure::late()),
            },
            () = gone(self.shared, self.begun.worker, asked.model) => Err(Failure::gone()),
        };
        let result = match body {
            Ok(body) => read_apart(body, read).await.map_err(Failure::lie),
            Err(failure) => Err(failure),
        };
        let outcome = result
            .as_ref()
            .map_or_else(|failure| failure.outcome, |_| Outcome::Answered);
        self.end(outcome);
        result
    }

    fn end(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let now = Instant::now();
        let turn = {
            let mut balance = self.shared.balance();
            let turn = balance.end(&self.begun, &self.model, outcome, now);
            balance.queued(self.begun.worker, self.queued, now);
            turn
        };
        let worker = &self.shared.peers[self.begun.worker].name;
        metrics::counter!("llm_worker_requests_total", "worker" => worker.clone(), "outcome" => outcome.word())
            .increment(1);
        metrics::histogram!("llm_worker_request_duration_seconds", "worker" => worker.clone())
            .record(self.begun.took(now).as_secs_f64());
        self.shared.turned(self.begun.worker, turn);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

/// Ends when the worker is found not to answer any more, and another one could.
async fn gone(shared: &Shared, worker: usize, model: &str) {
    let mut gone = shared.peers[worker].gone.subscribe();
    // The sender lives as long as the peer, so that this fails never.
    while gone.changed().await.is_ok() {
        if shared.balance().has_another(worker, model, Instant::now()) {
            return;
        }
    }
}

async fn read_apart<T, R>(body: Bytes, read: R) -> Result<T, Lie>
where
    T: Send + 'static,
    R: Fn(&[u8]) -> Result<T, Lie> + Send + 'static,
{
    if body.len() <= READ_AT_ONCE {
        return read(&body);
    }
    let reading = tokio::task::spawn_blocking(move || read(&body));
    reading.await.unwrap_or(Err(Lie::Unread))
}
