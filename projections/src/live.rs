//! Live: what happens, as it happens, to whoever listens to a session.
//!
//! 1. A listener gets every event of its session after `from`, once and in order; what came before is in the read
//!    model as soon as that has reached `from`.
//! 2. The log is followed once per process, whatever the number of listeners, and not at all while there is none.
//! 3. An event is opened once, and only when somebody listens to its session.
//! 4. A listener that does not keep up is dropped; it never holds up the others.
//! 5. A watcher of a topic is only told that something happened, so it may be as slow as it likes.

mod fact;
mod topic;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use domain::SessionId;
use event_log::{EventLogError, Feed, Keyring, KeyringError, Position, RecordedEvent};
use tokio::sync::{mpsc, watch};

pub use fact::{LiveEvent, LiveFact};
pub use topic::{Topic, TopicWatch};

use self::fact::{OPENED, live_event, put_opened, sealed, session_of};
use self::topic::Topics;
use crate::checkpoint::ProjectionStatus;
use crate::{ReadError, Reads, registry};

/// Events that wait for one listener. A turn of a script makes a handful.
const BUFFER_EVENTS: usize = 256;
const BATCH_EVENTS: i64 = 1_000;
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// The fan-out of the log to listeners of this process. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    hub: Arc<Hub>,
}

/// Why no more events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveEnd {
    /// The listener was too slow.
    Overrun,
    /// This process stops.
    Stopped,
}

/// Somebody who listens, until it is dropped.
pub struct LiveSubscription {
    /// Everything after this arrives.
    pub from: Position,
    pub events: mpsc::Receiver<Arc<LiveEvent>>,
    end: Arc<OnceLock<LiveEnd>>,
    session: SessionId,
    id: u64,
    hub: Arc<Hub>,
}

impl LiveSubscription {
    /// Why `events` has ended; [`LiveEnd::Stopped`] while it has not.
    pub fn end(&self) -> LiveEnd {
        self.end.get().copied().unwrap_or(LiveEnd::Stopped)
    }
}

impl Drop for LiveSubscription {
    fn drop(&mut self) {
        let mut listeners = self.hub.lock();
        if let Some(present) = listeners.sessions.get_mut(&self.session) {
            present.retain(|listener| listener.id != self.id);
            if present.is_empty() {
                listeners.sessions.remove(&self.session);
            }
        }
    }
}

impl Live {
    /// Follows the log from its present head until `stop` turns true. Events are opened with `keyring`.
    pub fn start(feed: Feed, keyring: Keyring, stop: watch::Receiver<bool>) -> Live {
        let hub = Arc::new(Hub {
            listeners: Mutex::default(),
            head: watch::Sender::new(None),
        });
        let live = Live { hub: hub.clone() };
        tokio::spawn(async move {
            let mut stop = stop;
            tokio::select! {
                () = follow(&hub, &feed, &keyring) => {}
                // A sender that is gone stops as well.
                _ = stop.wait_for(|stopping| *stopping) => {}
            }
            hub.end_all();
        });
        live
    }

    /// Listens to a session from now on.
    pub async fn subscribe(&self, session: SessionId) -> LiveSubscription {
        self.begun().await;
        let (sender, events) = mpsc::channel(BUFFER_EVENTS);
        let end = Arc::new(OnceLock::new());
        let mut listeners = self.hub.lock();
        listeners.last_id += 1;
        let (id, from) = (listeners.last_id, listeners.taken);
        // Without a sender `events` is at its end: nothing follows a stop.
        if !listeners.stopped {
            let listener = Listener {
                id,
                from,
                events: sender,
                end: end.clone(),
            };
            listeners.sessions.entry(session).or_default().push(listener);
        }
        LiveSubscription {
            from,
            events,
            end,
            session,
            id,
            hub: self.hub.clone(),
        }
    }

    /// Watches a topic from now on.
    pub async fn watch(&self, topic: Topic) -> TopicWatch {
        self.begun().await;
        TopicWatch::new(self.hub.clone(), topic)
    }

    /// The last position of the log as it moves, whoever listens; None until it was read for the first time.
    pub fn head(&self) -> watch::Receiver<Option<Position>> {
        self.hub.head.subscribe()
    }

    /// How many listen and watch in this process.
    pub fn listeners(&self) -> usize {
        let listeners = self.hub.lock();
        listeners.sessions.values().map(Vec::len).sum::<usize>() + listeners.topics.watchers()
    }

    async fn begun(&self) {
        // The sender lives as long as the hub, which this holds.
        let _ = self.head().wait_for(Option::is_some).await;
    }
}

struct Hub {
    /// Held for moments only, never while anything is awaited.
    listeners: Mutex<Listeners>,
    /// Where the log ends; None until that was looked up.
    head: watch::Sender<Option<Position>>,
}

#[derive(Default)]
struct Listeners {
    /// Events up to here were given to those who listened at the time, or are about to be.
    taken: Position,
    sessions: HashMap<SessionId, Vec<Listener>>,
    topics: Topics,
    last_id: u64,
    stopped: bool,
}

struct Listener {
    id: u64,
    from: Position,
    events: mpsc::Sender<Arc<LiveEvent>>,
    end: Arc<OnceLock<LiveEnd>>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Listeners> {
        self.listeners
            .lock()
            .expect("nothing panics while it holds the listeners")
    }

    /// Moves on to `head` at once when nobody listens; says from where to read otherwise.
    fn skip_to(&self, head: Position) -> Position {
        let mut listeners = self.lock();
        if listeners.sessions.is_empty() && listeners.topics.is_empty() && head > listeners.taken {
            listeners.taken = head;
            listeners.topics.skip_to(head);
        }
        let taken = listeners.taken;
        drop(listeners);
        self.head.send_replace(Some(head));
        taken
    }

    /// Marks a batch as taken and keeps what somebody listens to. Who subscribes from now on reads it elsewhere.
    fn take(&self, batch: &[Arc<RecordedEvent>]) -> Vec<(SessionId, RecordedEvent)> {
        let mut listeners = self.lock();
        if let Some(last) = batch.last().and_then(|event| event.position) {
            listeners.taken = last;
        }
        listeners.topics.tell(batch);
        batch
            .iter()
            .filter_map(|event| session_of(event).map(|session| (session, event)))
            .filter(|(session, _)| listeners.sessions.contains_key(session))
            .map(|(session, event)| (session, RecordedEvent::clone(event)))
            .collect()
    }

    fn deliver(&self, session: SessionId, event: &Arc<LiveEvent>) {
        let mut listeners = self.lock();
        let Some(present) = listeners.sessions.get_mut(&session) else {
            return;
        };
        present.retain(|listener| {
            if event.position <= listener.from {
                return true;
            }
            match listener.events.try_send(event.clone()) {
                Ok(()) => true,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    let _ = listener.end.set(LiveEnd::Overrun);
                    metrics::counter!("live_overruns_total").increment(1);
                    false
                }
                Err(mpsc::error::TrySendError::Closed(_)) => false,
            }
        });
        if present.is_empty() {
            listeners.sessions.remove(&session);
        }
    }

    fn end_all(&self) {
        let mut listeners = self.lock();
        listeners.stopped = true;
        listeners.sessions.clear();
        listeners.topics.stop();
        drop(listeners);
        // Whoever still waits for the beginning is let in, and told of the end.
        self.head
            .send_modify(|head| *head = head.or(Some(Position::default())));
    }
}

async fn follow(hub: &Hub, feed: &Feed, keyring: &Keyring) {
    let head = persist("head", || feed.head()).await;
    hub.skip_to(head);
    let mut after = head;
    loop {
        feed.wait_past(after).await;
        let head = feed.known();
        after = hub.skip_to(head);
        if after >= head {
            continue;
        }
        let batch = persist("events", || feed.read(after, BATCH_EVENTS)).await;
        if let Some(last) = batch.last().and_then(|event| event.position) {
            after = last;
        }
        let wanted = hub.take(&batch);
        for (session, event) in opened(keyring, wanted).await {
            if let Some(event) = live_event(&event) {
                hub.deliver(session, &Arc::new(event));
            }
        }
    }
}

/// Asks until it gets an answer: listeners wait rather than miss something.
async fn persist<T, F: Future<Output = Result<T, EventLogError>>>(what: &str, ask: impl Fn() -> F) -> T {
    let mut pause = PAUSE_FIRST;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    what,
                    "log is not readable, listeners wait"
                );
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

/// Opens what was said in a batch. What cannot be opened is left out: one altered value must not cost the others.
async fn opened(
    keyring: &Keyring,
    mut wanted: Vec<(SessionId, RecordedEvent)>,
) -> Vec<(SessionId, RecordedEvent)> {
    if open_all(keyring, &mut wanted).await.is_ok() {
        return wanted;
    }
    let mut readable = Vec::with_capacity(wanted.len());
    for mut one in wanted {
        match open_all(keyring, std::slice::from_mut(&mut one)).await {
            Ok(()) => readable.push(one),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, event.id = %one.1.event_id,
                    "event cannot be opened, listeners miss it");
            }
        }
    }
    readable
}

/// Opens with one look at the keys, and asks again while they are not readable.
async fn open_all(keyring: &Keyring, wanted: &mut [(SessionId, RecordedEvent)]) -> Result<(), KeyringError> {
    let mut pause = PAUSE_FIRST;
    loop {
        let markers = wanted.iter().flat_map(|(_, event)| sealed(event)).collect();
        match keyring.open_values(markers).await {
            Ok(clear) => {
                let mut clear = clear.into_iter();
                for (_, event) in &mut *wanted {
                    put_opened(event, clear.by_ref().take(OPENED.len()));
                }
                return Ok(());
            }
            Err(error) if error.retryable() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keys are not readable, listeners wait"
                );
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}

impl Reads {
    /// Where each read model stands as of this moment, in the order of [`crate::NAMES`]; `head` is the last position
    /// of the log.
    pub async fn standings(&self, head: Position) -> Result<Vec<ProjectionStatus>, ReadError> {
        Ok(registry::list(&mut *self.connection().await, head).await?)
    }
}
