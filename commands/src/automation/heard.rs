//! Events that waiting runs have heard of. In memory: whoever follows the log finds them again.

use std::collections::HashMap;
use std::sync::Mutex;

use basic::{Input, Value};
use chrono::{DateTime, Utc};
use domain::RunId;
use domain::run::{Run, RunEvent};
use event_log::RecordedEvent;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::CommandError;
use crate::dialogue::{Dialogues, lock};

/// By run, what the event carried.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    events: Mutex<HashMap<RunId, serde_json::Value>>,
    more: Notify,
}

impl Heard {
    /// Resolves when the run has heard of its event, or its time is over: with what it goes on.
    pub async fn until(&self, run: RunId, until: DateTime<Utc>) -> Input {
        let deadline = Instant::now() + (until - Utc::now()).to_std().unwrap_or_default();
        loop {
            let more = self.more.notified();
            tokio::pin!(more);
            // From here on nothing is missed.
            more.as_mut().enable();
            if let Some(data) = lock(&self.events).remove(&run) {
                return Input::Value(Value::from_json(data));
            }
            tokio::select! {
                () = sleep_until(deadline) => return Input::Continue,
                () = more => {}
            }
        }
    }
}

impl Dialogues {
    /// Tells runs of an event that was published.
    pub(crate) async fn tell_heard(
        &self,
        event: &RecordedEvent,
        runs: Vec<RunId>,
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
        lock(&heard.events).extend(runs.into_iter().map(|run| (run, data.clone())));
        heard.more.notify_waiters();
        Ok(())
    }

    /// Forgets what a run heard before it went on.
    pub(crate) fn forget_heard(&self, run: RunId) {
        lock(&self.shared().heard.events).remove(&run);
    }
}
