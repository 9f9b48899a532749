//! Events that waiting runs have heard of. In memory: whoever follows the log finds them again.

use std::collections::HashMap;
use std::sync::Mutex;

use basic::Value;
use chrono::{DateTime, Utc};
use domain::RunId;
use domain::run::{Run, RunEvent};
use event_log::RecordedEvent;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::CommandError;
use crate::dialogue::{Dialogues, lock};

/// A wait of a run: which run, and until when it waits.
pub(crate) type Wait = (RunId, DateTime<Utc>);

#[derive(Debug)]
pub(crate) struct Heard {
    /// What the first event carried that the wait was for.
    events: Mutex<HashMap<Wait, serde_json::Value>>,
    /// Changes with what is heard. False while what was published before this process began is still being read.
    complete: watch::Sender<bool>,
}

impl Default for Heard {
    fn default() -> Self {
        Heard {
            events: Mutex::default(),
            complete: watch::Sender::new(true),
        }
    }
}

impl Heard {
    /// What the event carries that the run waits for, once it was published; null when the time is over.
    pub async fn until(&self, run: RunId, until: DateTime<Utc>) -> Value {
        let deadline = Instant::now() + (until - Utc::now()).to_std().unwrap_or_default();
        let mut changes = self.complete.subscribe();
        loop {
            let complete = *changes.borrow_and_update();
            // It stays until the run has gone on, so that whoever has to begin again finds it too.
            if let Some(data) = lock(&self.events).get(&(run, until)) {
                return Value::from_json(data.clone());
            }
            if complete && Instant::now() >= deadline {
                return Value::Null;
            }
            tokio::select! {
                () = sleep_until(deadline), if complete => {}
                _ = changes.changed() => {}
            }
        }
    }
}

impl Dialogues {
    /// Tells runs of an event that was published. The first that a run waits for is the one it hears.
    pub(crate) async fn tell_heard(
        &self,
        event: &RecordedEvent,
        waits: Vec<Wait>,
    ) -> Result<(), CommandError> {
        let RunEvent::EventPublished(publication) = self.opened::<Run>(event).await? else {
            return Ok(());
        };
        let data = publication.data.clear().map_or("null", String::as_str);
        let data: serde_json::Value = serde_json::from_str(data).unwrap_or_default();
        let heard = &self.shared().heard;
        // That it came is what it tells where it carries nothing.
        let data = if data.is_null() {
            serde_json::Value::Bool(true)
        } else {
            data
        };
        for wait in waits {
            lock(&heard.events).entry(wait).or_insert_with(|| data.clone());
        }
        heard.complete.send_modify(|_| ());
        Ok(())
    }

    /// Forgets what a run heard before it went on.
    pub(crate) fn forget_heard(&self, run: RunId) {
        lock(&self.shared().heard.events).retain(|(of, _), _| *of != run);
    }

    /// Whether all is heard that was published so far. Until then no wait is over.
    pub(crate) fn hears_all(&self, all: bool) {
        self.shared().heard.complete.send_if_modified(|complete| {
            let changes = *complete != all;
            *complete = all;
            changes
        });
    }
}
