//! The gatherer: commands that wait at the same moment are stored by one transaction.
//!
//! A committer takes up what waits, stores it, and takes up what has come meanwhile. So nobody waits for company, and
//! the more callers there are, the more of them share a commit. Usually one committer works: two would store the same
//! in twice as many batches of half the size. Another one starts once a command has waited [`HELD_UP_AFTER`], so that
//! one that is held up, by a lock say, delays only what it holds. A committer ends when nothing waits: an idle log has
//! none.
//!
//! 1. Commands that share a stream, a command id or a claim are never with two committers at a time, nor twice in a
//!    batch, and are taken up in the order in which they came.
//! 2. A command is taken up once. Before that its caller may go away, and it is dropped; after that it is stored.
//! 3. What is waiting or underway is bounded, in number and bytes; what comes beyond is refused before it is sealed.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use crate::batch::{COMMANDS_MAX, STATEMENT_BYTES_MAX, SealedCommand, contested};
use crate::{AppendCommand, EventLog, EventLogError, Outcome};

/// A command that waits for longer is waiting for a committer that is held up.
const HELD_UP_AFTER: Duration = Duration::from_millis(20);
/// When so many events wait, a second committer stores some of them while the commit of the first is on its way to the
/// disk. Of fewer both would have too little in hand.
const CROWD: usize = 48;
/// Committers that work side by side when some are held up.
pub(crate) const COMMITTERS_MAX: usize = 8;
/// Commands that wait or are underway. Beyond, a caller is better told to come back.
const PLACES: usize = 4_096;
/// Kibibytes of all of them.
const ROOM_KIB: usize = 64 << 10;

type Answer = Result<Outcome, EventLogError>;

pub(crate) struct Gatherer {
    queue: Mutex<Queue>,
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
    closed: AtomicBool,
    committers_max: usize,
    hasher: RandomState,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// Of all that wait.
    events: usize,
    committers: usize,
    /// What the batches underway may not share with another, hashed: a collision only makes somebody wait.
    held: HashSet<u64>,
}

/// A command, and whoever wants to know what became of it.
struct Waiting {
    command: SealedCommand,
    contested: Vec<u64>,
    since: Instant,
    answer: oneshot::Sender<Answer>,
    _place: OwnedSemaphorePermit,
    _room: OwnedSemaphorePermit,
}

impl Gatherer {
    /// `committers_max` are at work at a time, [`COMMITTERS_MAX`] at most.
    pub(crate) fn new(committers_max: usize) -> Gatherer {
        Gatherer {
            queue: Mutex::default(),
            places: Arc::new(Semaphore::new(PLACES)),
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            closed: AtomicBool::new(false),
            committers_max,
            hasher: RandomState::new(),
        }
    }

    pub(crate) async fn append(&self, log: &EventLog, command: AppendCommand) -> Answer {
        let overloaded = |_| EventLogError::Overloaded;
        let place = self.places.clone().try_acquire_owned();
        // Asked with the place in hand: whoever closes waits for it.
        if self.closed.load(Ordering::Acquire) {
            return Err(EventLogError::Closed);
        }
        let place = place.map_err(overloaded)?;
        let command = log.seal(command).await?;
        let kib = u32::try_from(command.bytes() / 1024 + 1).unwrap_or(u32::MAX);
        let room = self
            .room
            .clone()
            .try_acquire_many_owned(kib)
            .map_err(overloaded)?;
        let (answer, answered) = oneshot::channel();
        let contested = contested(&command)
            .iter()
            .map(|thing| self.hasher.hash_one(thing))
            .collect();
        let waiting = Waiting {
            command,
            contested,
            since: Instant::now(),
            answer,
            _place: place,
            _room: room,
        };
        let start = {
            let mut queue = self.queue();
            queue.push(waiting);
            metrics::gauge!("append_queue_length").set(queue.waiting.len() as f64);
            let usual = if queue.events < CROWD { 1 } else { 2 };
            queue.start(usual.min(self.committers_max))
        };
        if start {
            Committer::spawn(log);
        }
        // A committer that broke down took its answers with it.
        answered
            .await
            .unwrap_or_else(|_| Err(EventLogError::Unknown(Arc::new(sqlx::Error::WorkerCrashed))))
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    pub(crate) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // All places are free again once everything was answered.
        let all = u32::try_from(PLACES).expect("places are a few thousand");
        let _drained = self.places.acquire_many(all).await;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Counts one more committer in, if fewer than `max` work and there is something to take up.
    fn start(&mut self, max: usize) -> bool {
        let start = self.committers < max && !self.waiting.is_empty();
        self.committers += usize::from(start);
        start
    }

    fn push(&mut self, waiting: Waiting) {
        self.events += waiting.command.event_count();
        self.waiting.push_back(waiting);
    }

    /// Takes up what can be stored together, in the order in which it came.
    fn take(&mut self) -> Vec<Waiting> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut passed_over = HashSet::new();
        let mut left = VecDeque::new();
        while let Some(waiting) = self.waiting.pop_front() {
            self.events -= waiting.command.event_count();
            if waiting.answer.is_closed() {
                continue;
            }
            let size = waiting.command.bytes();
            let full =
                batch.len() == COMMANDS_MAX || (bytes + size > STATEMENT_BYTES_MAX && !batch.is_empty());
            if full {
                self.events += waiting.command.event_count();
                left.push_back(waiting);
                break;
            }
            let free = |thing| !self.held.contains(thing) && !passed_over.contains(thing);
            if waiting.contested.iter().all(free) {
                self.held.extend(&waiting.contested);
                bytes += size;
                batch.push(waiting);
            } else {
                passed_over.extend(waiting.contested.iter().copied());
                self.events += waiting.command.event_count();
                left.push_back(waiting);
            }
        }
        left.append(&mut self.waiting);
        self.waiting = left;
        batch
    }
}

/// A committer's place among the others.
struct Committer {
    log: EventLog,
    counted: bool,
}

impl Committer {
    /// The caller counted it in.
    fn spawn(log: &EventLog) {
        let committer = Committer {
            log: log.clone(),
            counted: true,
        };
        tokio::spawn(committer.run());
    }

    /// Stores batch after batch until nothing waits that nobody else has in hand.
    async fn run(mut self) {
        let log = self.log.clone();
        while let Some(batch) = self.next() {
            let held = Held {
                gatherer: log.gatherer(),
                things: batch
                    .iter()
                    .flat_map(|waiting| waiting.contested.iter().copied())
                    .collect(),
            };
            let answers = store(&log, &batch).await;
            // Free before anybody is told: whoever was told may come back with the next command at once.
            drop(held);
            for (waiting, answer) in batch.into_iter().zip(answers) {
                // Nobody listens where the caller went away.
                let _ = waiting.answer.send(answer);
            }
        }
    }

    /// The next batch; without one this committer is counted out at the same moment, so that no command is missed.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let batch = {
            let mut queue = self.log.gatherer().queue();
            let batch = queue.take();
            metrics::gauge!("append_queue_length").set(queue.waiting.len() as f64);
            if batch.is_empty() {
                queue.committers -= 1;
                self.counted = false;
                return None;
            }
            batch
        };
        metrics::histogram!("append_batch_size").record(batch.len() as f64);
        for waiting in &batch {
            metrics::histogram!("append_wait_seconds").record(waiting.since.elapsed().as_secs_f64());
        }
        Some(batch)
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        if !self.counted {
            return;
        }
        // Broken down underway, or the program ends.
        let gatherer = self.log.gatherer();
        let mut queue = gatherer.queue();
        queue.committers -= 1;
        if std::thread::panicking() && queue.start(gatherer.committers_max) {
            drop(queue);
            Committer::spawn(&self.log);
        }
    }
}

/// What a batch holds, given back however it ends.
struct Held<'a> {
    gatherer: &'a Gatherer,
    things: Vec<u64>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut queue = self.gatherer.queue();
        for thing in &self.things {
            queue.held.remove(thing);
        }
    }
}

/// Stores a batch, and sees to it that what comes meanwhile does not wait for ever.
async fn store(log: &EventLog, batch: &[Waiting]) -> Vec<Answer> {
    let commands: Vec<&SealedCommand> = batch.iter().map(|waiting| &waiting.command).collect();
    let mut storing = std::pin::pin!(log.store_each(&commands));
    loop {
        tokio::select! {
            biased;
            answers = &mut storing => return answers,
            () = tokio::time::sleep_until(next_look(log.gatherer())) => relieve(log),
        }
    }
}

/// When the command that waits longest has waited long enough, or one that comes from now on could have.
fn next_look(gatherer: &Gatherer) -> Instant {
    let now = Instant::now();
    let due = gatherer
        .queue()
        .waiting
        .front()
        .map(|first| first.since + HELD_UP_AFTER);
    due.filter(|due| *due > now).unwrap_or(now + HELD_UP_AFTER)
}

/// Starts another committer if a command has waited long enough.
fn relieve(log: &EventLog) {
    let gatherer = log.gatherer();
    let start = {
        let mut queue = gatherer.queue();
        let due = queue
            .waiting
            .front()
            .is_some_and(|first| first.since.elapsed() >= HELD_UP_AFTER);
        due && queue.start(gatherer.committers_max)
    };
    if start {
        Committer::spawn(log);
    }
}
