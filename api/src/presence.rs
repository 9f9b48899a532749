//! Which sessions have sockets open, in this process and in others.
//!
//! Each process knows its own, and tells the others what changed a moment after it did. Whoever asks adds what the
//! others told to what is here now. A process that falls silent is taken to have none.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use domain::SessionId;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// How often a process says that it is there.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How long telling may take; then it is tried anew.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// Changes that come together are told together.
const GATHERED_FOR: Duration = Duration::from_millis(50);

/// Where processes tell each other which sessions have sockets.
#[async_trait]
pub trait SharedPresence: Send + Sync + fmt::Debug {
    /// Says that this process is there, and how many sockets sessions have in it. False if what it told before is not
    /// known any more: then all is to be told.
    async fn tell(&self, told: Told) -> Result<bool, PresenceError>;

    /// How many sockets these sessions have in other processes. Sessions without any are missing.
    async fn elsewhere(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError>;

    /// Takes back all that this process told.
    async fn leave(&self) -> Result<(), PresenceError>;
}

/// Sockets by session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Of every session that has any, in place of what was told before.
    All(HashMap<SessionId, u32>),
    /// Of the sessions where it changed; 0 where there is none any more.
    Changed(HashMap<SessionId, u32>),
}

/// Others cannot be told or asked now.
#[derive(Debug, thiserror::Error)]
#[error("who is there cannot be shared: {0}")]
pub struct PresenceError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl PresenceError {
    pub fn new(source: impl std::error::Error + Send + Sync + 'static) -> PresenceError {
        PresenceError(Box::new(source))
    }
}

#[async_trait]
impl SharedPresence for projections::Presences {
    async fn tell(&self, told: Told) -> Result<bool, PresenceError> {
        match told {
            Told::All(sockets) => self.tell_all(&sockets).await.map(|()| true),
            Told::Changed(sockets) => self.tell_changed(&sockets).await,
        }
        .map_err(PresenceError::new)
    }

    async fn elsewhere(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError> {
        self.elsewhere(sessions).await.map_err(PresenceError::new)
    }

    async fn leave(&self) -> Result<(), PresenceError> {
        self.leave().await.map_err(PresenceError::new)
    }
}

/// The sockets of sessions. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Presence {
    here: Arc<Here>,
    shared: Option<Arc<dyn SharedPresence>>,
}

#[derive(Default)]
struct Here {
    sockets: Mutex<Sockets>,
    changed: Notify,
}

#[derive(Default)]
struct Sockets {
    by_session: HashMap<SessionId, u32>,
    /// Whether others are told at all.
    told: bool,
    /// What they have not been told yet.
    changed: HashSet<SessionId>,
}

/// A socket that is there until this is dropped.
pub(crate) struct Present {
    here: Arc<Here>,
    session: SessionId,
}

impl Presence {
    pub fn new(shared: &Option<Arc<dyn SharedPresence>>) -> Presence {
        let here = Here::default();
        here.lock().told = shared.is_some();
        Presence {
            here: Arc::new(here),
            shared: shared.clone(),
        }
    }

    /// One more socket of the session; None when it has `max` here already.
    pub fn enter(&self, session: SessionId, max: usize) -> Option<Present> {
        let mut here = self.here.lock();
        let count = here.by_session.get(&session).copied().unwrap_or_default();
        if count as usize >= max {
            return None;
        }
        here.set(session, count + 1);
        drop(here);
        self.here.changed.notify_one();
        Some(Present {
            here: self.here.clone(),
            session,
        })
    }

    /// How many sockets these sessions have, wherever. Sessions without any are missing.
    pub async fn sockets(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, PresenceError> {
        let mut counts = match &self.shared {
            Some(shared) => shared.elsewhere(sessions).await?,
            None => HashMap::new(),
        };
        let here = self.here.lock();
        for session in sessions {
            if let Some(count) = here.by_session.get(session) {
                *counts.entry(*session).or_default() += count;
            }
        }
        Ok(counts)
    }

    /// Tells the others until `stop` resolves.
    pub async fn keep(self, stop: impl Future<Output = ()>) {
        let Some(shared) = self.shared.clone() else {
            return stop.await;
        };
        tokio::select! {
            () = stop => {}
            () = self.tell(shared.as_ref()) => {}
        }
        match timeout(ANSWERED_WITHIN, shared.leave()).await {
            Ok(Ok(())) => {}
            // What is not taken back is forgotten soon.
            Ok(Err(error)) => tracing::debug!(%error, "presence not given up"),
            Err(_) => tracing::debug!("presence not given up in time"),
        }
    }

    async fn tell(&self, shared: &dyn SharedPresence) {
        let (mut known, mut failed) = (false, false);
        loop {
            let told = self.here.lock().untold(known);
            // A connection that hangs must not outlast the time after which others take this process to have none.
            let answered = timeout(ANSWERED_WITHIN, shared.tell(told)).await;
            match answered.unwrap_or_else(|late| Err(PresenceError::new(late))) {
                Ok(true) => (known, failed) = (true, false),
                Ok(false) => {
                    known = false;
                    continue;
                }
                Err(error) => {
                    known = false;
                    if !failed {
                        tracing::warn!(%error, "other processes are not told who is here");
                    }
                    failed = true;
                }
            }
            tokio::select! {
                () = sleep(BEAT_EVERY) => {}
                () = self.here.changed.notified(), if !failed => sleep(GATHERED_FOR).await,
            }
        }
    }
}

impl Here {
    fn lock(&self) -> MutexGuard<'_, Sockets> {
        self.sockets.lock().expect("nothing panics while it counts")
    }
}

impl Sockets {
    fn set(&mut self, session: SessionId, count: u32) {
        match count {
            0 => self.by_session.remove(&session),
            _ => self.by_session.insert(session, count),
        };
        if self.told {
            self.changed.insert(session);
        }
    }

    /// What is to be told to somebody who knows what was told before, or does not.
    fn untold(&mut self, known: bool) -> Told {
        let changed = std::mem::take(&mut self.changed);
        if !known {
            return Told::All(self.by_session.clone());
        }
        let count = |session| self.by_session.get(session).copied().unwrap_or_default();
        Told::Changed(changed.iter().map(|session| (*session, count(session))).collect())
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut here = self.here.lock();
        let count = here.by_session.get(&self.session).copied().unwrap_or_default();
        here.set(self.session, count.saturating_sub(1));
        drop(here);
        self.here.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
