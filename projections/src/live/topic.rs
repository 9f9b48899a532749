//! What a watcher waits for, and how it is woken: it learns that something happened and how far the log was then,
//! and reads the rest where it stands. So a slow watcher costs nothing, and misses nothing.

use std::collections::HashMap;
use std::sync::Arc;

use domain::session::Session;
use domain::{Aggregate, ConversationId, OrganisationId, TokenId};
use event_log::{Position, RecordedEvent};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Hub, LiveEnd};

/// What somebody wants to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everything that belongs to a conversation: what is said in it, and its end.
    Conversation(ConversationId),
    /// Sessions of an organisation that begin or end.
    Sessions(OrganisationId),
    /// An API token that changes: that it is revoked.
    Token(TokenId),
}

/// Somebody who watches a topic, until it is dropped.
pub struct TopicWatch {
    /// What happens after this wakes; what happened before is in the read models once they have reached it.
    pub from: Position,
    topic: Topic,
    moved: watch::Receiver<Position>,
    hub: Arc<Hub>,
}

impl TopicWatch {
    pub(super) fn new(hub: Arc<Hub>, topic: Topic) -> Self {
        let (from, moved) = hub.lock().topics.join(topic);
        Self {
            from,
            topic,
            moved,
            hub,
        }
    }

    /// Waits until something has happened that this watch was not yet told of; returns where the log was then.
    ///
    /// Fails with [`LiveEnd::Stopped`] once this process stops.
    pub async fn moved(&mut self) -> Result<Position, LiveEnd> {
        self.moved.changed().await.map_err(|_| LiveEnd::Stopped)?;
        Ok(*self.moved.borrow_and_update())
    }
}

impl Drop for TopicWatch {
    fn drop(&mut self) {
        self.hub.lock().topics.leave(self.topic);
    }
}

/// The topics that somebody watches.
#[derive(Default)]
pub(super) struct Topics {
    watched: HashMap<Topic, Watched>,
    /// Events up to here were told, or told nobody.
    told: Position,
    stopped: bool,
}

struct Watched {
    moved: watch::Sender<Position>,
    watchers: usize,
}

impl Topics {
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.watched.values().map(|watched| watched.watchers).sum()
    }

    fn join(&mut self, topic: Topic) -> (Position, watch::Receiver<Position>) {
        if self.stopped {
            // Its sender is gone at once: the watcher is told that nothing follows.
            return (self.told, watch::channel(self.told).1);
        }
        let told = self.told;
        let watched = self.watched.entry(topic).or_insert_with(|| Watched {
            moved: watch::Sender::new(told),
            watchers: 0,
        });
        watched.watchers += 1;
        (told, watched.moved.subscribe())
    }

    fn leave(&mut self, topic: Topic) {
        let Some(watched) = self.watched.get_mut(&topic) else {
            return;
        };
        watched.watchers -= 1;
        if watched.watchers == 0 {
            self.watched.remove(&topic);
        }
    }

    /// Notes that everything up to `head` was told: there was nobody to tell.
    pub fn skip_to(&mut self, head: Position) {
        self.told = self.told.max(head);
    }

    /// Wakes whoever watches what these events, in the order of the log, are about.
    pub fn tell(&mut self, events: &[Arc<RecordedEvent>]) {
        let Some(last) = events.last().and_then(|event| event.position) else {
            return;
        };
        for event in events {
            for topic in topics_of(event) {
                // One step for a batch, however much of it is of the topic.
                if let Some(watched) = self.watched.get(&topic) {
                    watched.moved.send_if_modified(|position| {
                        let news = *position < last;
                        *position = last;
                        news
                    });
                }
            }
        }
        self.told = self.told.max(last);
    }

    pub fn stop(&mut self) {
        self.stopped = true;
        self.watched.clear();
    }
}

/// What an event is about, looked up without decoding.
fn topics_of(event: &RecordedEvent) -> impl Iterator<Item = Topic> {
    let key = Uuid::parse_str(&event.ordering_key).ok();
    let by_type = match event.stream.aggregate_type.as_str() {
        Session::TYPE => Some(Topic::Sessions(OrganisationId(event.tenant))),
        domain::token::Token::TYPE => key.map(|id| Topic::Token(TokenId(id))),
        _ => None,
    };
    // Runs order by the conversation they belong to.
    key.map(|id| Topic::Conversation(ConversationId(id)))
        .into_iter()
        .chain(by_type)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use event_log::StreamId;
    use serde_json::Value;

    use super::*;

    const ONE: Topic = Topic::Conversation(ConversationId(Uuid::from_u128(1)));
    const OTHER: Topic = Topic::Conversation(ConversationId(Uuid::from_u128(2)));

    fn event(position: i64, aggregate_type: &str, key: u128) -> RecordedEvent {
        RecordedEvent {
            position: Some(Position(position)),
            seq_no: position,
            event_id: Uuid::nil(),
            tenant: Uuid::from_u128(9),
            stream: StreamId::new(aggregate_type, Uuid::from_u128(key)),
            sequence: 1,
            event_type: "something.happened".to_owned(),
            event_version: 1,
            payload: Value::Null,
            metadata: Value::Null,
            ordering_key: Uuid::from_u128(key).to_string(),
            slice: 0,
            command_id: None,
            recorded_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_the_watchers_of_what_happened_are_woken() {
        let mut topics = Topics::default();
        topics.skip_to(Position(4));
        let (from, mut one) = topics.join(ONE);
        let (_, other) = topics.join(OTHER);
        let (_, mut sessions) = topics.join(Topic::Sessions(OrganisationId(Uuid::from_u128(9))));
        assert_eq!(from, Position(4));
        let happened = [event(5, "run", 1), event(6, "session", 7), event(7, "bot", 8)];
        topics.tell(&happened.map(Arc::new));
        assert!(one.has_changed().expect("goes on") && sessions.has_changed().expect("goes on"));
        assert_eq!(*one.borrow_and_update(), Position(7));
        assert_eq!(*sessions.borrow_and_update(), Position(7));
        assert!(!other.has_changed().expect("goes on"));
        let (from, late) = topics.join(ONE);
        assert_eq!((from, late.has_changed().expect("goes on")), (Position(7), false));
    }

    #[test]
    fn the_last_watcher_takes_the_topic_along() {
        let mut topics = Topics::default();
        let _both = (topics.join(ONE), topics.join(ONE));
        topics.leave(ONE);
        assert_eq!(topics.watchers(), 1);
        topics.leave(ONE);
        assert!(topics.is_empty());
    }

    #[test]
    fn a_stop_ends_those_who_watch_and_those_who_come() {
        let mut topics = Topics::default();
        let (_, before) = topics.join(ONE);
        topics.stop();
        let (_, after) = topics.join(ONE);
        assert!(before.has_changed().is_err() && after.has_changed().is_err());
        topics.leave(ONE);
    }
}
