//! Devices and what waits for them: one queue for each model, and a thread for each device that takes from them.
//!
//! 1. A device computes whenever anything waits: what comes meanwhile is the next batch. Nothing is held back in the
//!    hope of more.
//! 2. A batch has texts of one model, as many as take about the time that is set for batches. So whoever comes waits
//!    for one batch, and not for all that came before.
//! 3. Every device has all models; all take from the same queues.
//! 4. What nobody waits for any more is not computed, unless it was begun.
//! 5. What makes a batch fail is found by halves; only its own request fails.

mod device;
pub mod pace;
pub mod queue;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tch::Device;
use tokio::sync::oneshot;

use crate::encoder::Encoder;
use crate::engine::{RunError, Work};
use crate::model::Tokens;
use crate::settings::EngineSettings;
use pace::Pace;
use queue::Queue;

/// Names a model that is in memory; another one of the same name has another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModelKey(u64);

/// A retry is not asked for in less or more time.
const RETRY_AFTER: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// What a device is given at once, and how much may wait.
#[derive(Clone, Copy, Debug)]
struct Limits {
    batch: Duration,
    batch_tokens_max: u64,
    queue: Duration,
    queue_tokens_max: u64,
}

/// Shared by requests and devices.
pub struct Scheduler {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    limits: Limits,
    models: HashMap<ModelKey, Lane>,
    /// Models for which something waits, the next one first.
    turns: VecDeque<ModelKey>,
    /// Networks that a device has yet to take, by device.
    arrived: Vec<Vec<(ModelKey, Encoder)>>,
    running_tokens: u64,
    stopping: bool,
    next_key: u64,
    next_request: u64,
}

struct Lane {
    name: Arc<str>,
    queue: Queue<Item>,
    pace: Pace,
}

/// One text of a request.
struct Item {
    request: u64,
    /// Among the request's texts.
    at: usize,
    tokens: Tokens,
    answer: Arc<Answer>,
}

/// One row for each text.
type Told = Result<Vec<Vec<f32>>, RunError>;

/// When the first text of a request began to be computed. All clones are one.
#[derive(Clone, Debug, Default)]
pub struct Began(Arc<OnceLock<SystemTime>>);

impl Began {
    /// None while all of it waits.
    pub fn at(&self) -> Option<SystemTime> {
        self.0.get().copied()
    }
}

/// What a request waits for.
struct Answer {
    state: Mutex<Answering>,
    began: Began,
}

struct Answering {
    rows: Vec<Vec<f32>>,
    missing: usize,
    /// Gone when it was answered.
    told: Option<oneshot::Sender<Told>>,
}

/// Takes a request's texts back when nobody waits for them any more, unless all were computed.
struct Withdraw<'a> {
    scheduler: &'a Scheduler,
    key: ModelKey,
    caller: Arc<str>,
    request: u64,
    answer: Arc<Answer>,
}

impl Scheduler {
    /// Starts a thread for each device.
    pub fn start(settings: &EngineSettings, devices: &[Device]) -> std::io::Result<Arc<Scheduler>> {
        let scheduler = Arc::new(Scheduler {
            state: Mutex::new(State {
                limits: Limits::of(settings),
                models: HashMap::new(),
                turns: VecDeque::new(),
                arrived: devices.iter().map(|_| Vec::new()).collect(),
                running_tokens: 0,
                stopping: false,
                next_key: 0,
                next_request: 0,
            }),
            changed: Condvar::new(),
        });
        for (at, &device) in devices.iter().enumerate() {
            device::start(scheduler.clone(), at, device, settings.threads)?;
        }
        Ok(scheduler)
    }

    pub fn set_limits(&self, settings: &EngineSettings) {
        self.lock().limits = Limits::of(settings);
    }

    /// Gives a model to the devices: one network for each, and how fast one was when it was tried.
    pub fn add(&self, name: &str, networks: Vec<Encoder>, pace: Pace) -> ModelKey {
        let mut state = self.lock();
        let key = ModelKey(state.next_key);
        state.next_key += 1;
        let lane = Lane {
            name: name.into(),
            queue: Queue::default(),
            pace,
        };
        state.models.insert(key, lane);
        for (device, network) in state.arrived.iter_mut().zip(networks) {
            device.push((key, network));
        }
        self.changed.notify_all();
        key
    }

    /// Takes a model from the devices. What waits for it is told that it is gone.
    pub fn remove(&self, key: ModelKey) {
        let mut state = self.lock();
        state.turns.retain(|other| *other != key);
        let lane = state.models.remove(&key);
        for device in &mut state.arrived {
            device.retain(|(other, _)| *other != key);
        }
        drop(state);
        self.changed.notify_all();
        for item in lane.into_iter().flat_map(|mut lane| lane.queue.clear()) {
            item.answer.fail(&RunError::Stopping);
        }
    }

    /// Computes all texts of a request.
    pub async fn run(&self, key: ModelKey, work: Work) -> Result<Vec<Vec<f32>>, RunError> {
        let caller: Arc<str> = work.caller.into();
        let (answer, told) = Answer::new(work.items.len(), work.began);
        if work.items.is_empty() {
            return Ok(Vec::new());
        }
        let request = self.push(key, &caller, work.items, work.deadline, &answer)?;
        let _withdraw = Withdraw {
            scheduler: self,
            key,
            caller,
            request,
            answer,
        };
        match tokio::time::timeout_at(work.deadline.into(), told).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(RunError::Stopping),
            Err(_) => Err(RunError::TooLate),
        }
    }

    fn push(
        &self,
        key: ModelKey,
        caller: &Arc<str>,
        items: Vec<Tokens>,
        deadline: Instant,
        answer: &Arc<Answer>,
    ) -> Result<u64, RunError> {
        let cost: u64 = items.iter().map(cost_of).sum();
        let mut state = self.lock();
        state.admit(key, caller, cost, deadline)?;
        let request = state.next_request;
        state.next_request += 1;
        let lane = state.models.get_mut(&key).ok_or(RunError::Stopping)?;
        let is_new = lane.queue.is_empty();
        for (at, tokens) in items.into_iter().enumerate() {
            let item = Item {
                request,
                at,
                tokens,
                answer: answer.clone(),
            };
            lane.queue.push(caller, cost_of(&item.tokens), item);
        }
        if is_new {
            state.turns.push_back(key);
        }
        state.tell_length();
        drop(state);
        self.changed.notify_one();
        Ok(request)
    }

    /// Takes no more; devices end when nothing waits.
    pub fn stop(&self) {
        self.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Tokens that wait and that are computed.
    pub fn tokens(&self) -> u64 {
        let state = self.lock();
        state.waiting() + state.running_tokens
    }

    /// A thread that panicked while it held the lock left nothing half done: all changes are single steps.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn waiting(&self) -> u64 {
        self.models.values().map(|lane| lane.queue.tokens()).sum()
    }

    /// Refuses what could not be computed in time, or would leave others no room.
    fn admit(&self, key: ModelKey, caller: &str, cost: u64, deadline: Instant) -> Result<(), RunError> {
        if self.stopping {
            return Err(RunError::Stopping);
        }
        let lane = self.models.get(&key).ok_or(RunError::Stopping)?;
        let waiting = self.waiting();
        let wait = lane.pace.wait(waiting + self.running_tokens, self.arrived.len());
        let until_deadline = deadline.saturating_duration_since(Instant::now());
        let too_slow = wait.is_some_and(|wait| wait > self.limits.queue.min(until_deadline));
        // A request that is larger than the queue is taken when nothing else waits: it could never come otherwise.
        let too_much = waiting > 0 && waiting + cost > self.limits.queue_tokens_max;
        let own = lane.queue.tokens_of(caller);
        let too_much_of_one = own > 0 && own + cost > self.limits.queue_tokens_max / 2;
        if too_slow || too_much || too_much_of_one {
            let least = *RETRY_AFTER.start();
            let retry_after = wait.unwrap_or(least).clamp(least, *RETRY_AFTER.end());
            return Err(RunError::Busy { retry_after });
        }
        Ok(())
    }

    fn tell_length(&self) {
        metrics::gauge!("inference_queue_tokens").set(self.waiting() as f64);
    }
}

impl Limits {
    fn of(settings: &EngineSettings) -> Limits {
        Limits {
            batch: Duration::from_millis(settings.batch_ms.into()),
            batch_tokens_max: settings.batch_tokens_max.into(),
            queue: Duration::from_millis(settings.queue_ms.into()),
            queue_tokens_max: settings.queue_tokens_max.into(),
        }
    }
}

impl Answer {
    fn new(texts: usize, began: Began) -> (Arc<Answer>, oneshot::Receiver<Told>) {
        let (sender, told) = oneshot::channel();
        let state = Answering {
            rows: vec![Vec::new(); texts],
            missing: texts,
            told: Some(sender),
        };
        let answer = Answer {
            state: Mutex::new(state),
            began,
        };
        (Arc::new(answer), told)
    }

    fn lock(&self) -> MutexGuard<'_, Answering> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) {
        self.began.0.get_or_init(SystemTime::now);
    }

    fn give(&self, at: usize, row: Vec<f32>) {
        let mut state = self.lock();
        state.rows[at] = row;
        state.missing -= 1;
        if state.missing == 0 {
            let rows = std::mem::take(&mut state.rows);
            state.tell(Ok(rows));
        }
    }

    fn fail(&self, error: &RunError) {
        self.lock().tell(Err(error.clone()));
    }

    /// Whether anybody still waits.
    fn is_wanted(&self) -> bool {
        let state = self.lock();
        state.told.as_ref().is_some_and(|told| !told.is_closed())
    }
}

impl Answering {
    fn tell(&mut self, result: Told) {
        if let Some(told) = self.told.take() {
            // Nobody may wait any more.
            let _ = told.send(result);
        }
    }
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        if self.answer.lock().missing == 0 {
            return;
        }
        let mut state = self.scheduler.lock();
        if let Some(lane) = state.models.get_mut(&self.key) {
            lane.queue
                .withdraw(&self.caller, |item| item.request == self.request);
            if lane.queue.is_empty() {
                state.turns.retain(|key| *key != self.key);
            }
        }
        state.tell_length();
    }
}

fn cost_of(tokens: &Tokens) -> u64 {
    tokens.ids.len() as u64
}
