//! What a test sees of a world: everything that is in its log, opened and in order.

use std::time::{Duration, Instant};

use domain::conversation::{ConversationEvent, Reply};
use domain::run::{RunEvent, RunOutcome};
use domain::{ConversationId, Event, RunId, TurnId, decode};
use event_log::StreamId;
use serde_json::Value;
use uuid::Uuid;

use crate::world::World;

/// How long anything may take on a busy machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was said, in the order of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    pub in_reply_to: Option<TurnId>,
    pub text: String,
}

/// An event of a conversation or of a run.
#[derive(Debug, Clone)]
pub enum Fact {
    Conversation(ConversationId, ConversationEvent),
    Run(RunId, RunEvent),
}

impl World {
    /// Everything that happened in conversations and runs, oldest first, opened.
    pub async fn facts(&self) -> Vec<Fact> {
        let streams: Vec<(String, String)> = sqlx::query_as(
            "select distinct aggregate_type, aggregate_id from log.events
              where aggregate_type in ('conversation', 'run')",
        )
        .fetch_all(&self.log_pool)
        .await
        .expect("the log is readable");
        let mut facts = Vec::new();
        for (aggregate_type, aggregate_id) in streams {
            let id: Uuid = aggregate_id.parse().expect("streams are named by ids");
            let stream = StreamId::new(aggregate_type, aggregate_id);
            let events = self.log().load(self.tenant.0, &stream, 0).await;
            for event in events.expect("the stream is readable") {
                let at = event.seq_no;
                let fact = match stream.aggregate_type.as_str() {
                    "run" => Fact::Run(
                        RunId(id),
                        decoded(&event.event_type, event.event_version, &event.payload),
                    ),
                    _ => Fact::Conversation(
                        ConversationId(id),
                        decoded(&event.event_type, event.event_version, &event.payload),
                    ),
                };
                facts.push((at, fact));
            }
        }
        facts.sort_by_key(|(at, _)| *at);
        facts.into_iter().map(|(_, fact)| fact).collect()
    }

    /// Every reply, in the order of the log.
    pub async fn said(&self) -> Vec<Said> {
        let reply = |fact| match fact {
            Fact::Conversation(_, ConversationEvent::ReplyProduced(reply))
            | Fact::Run(_, RunEvent::ReplyProduced(reply)) => Some(reply),
            _ => None,
        };
        let said = |reply: Reply| Said {
            in_reply_to: reply.in_reply_to,
            text: match reply.content.clear() {
                Some(content) => content.text.clone(),
                None => "(erased)".to_owned(),
            },
        };
        self.facts()
            .await
            .into_iter()
            .filter_map(reply)
            .map(said)
            .collect()
    }

    pub async fn texts(&self) -> Vec<String> {
        self.said().await.into_iter().map(|said| said.text).collect()
    }

    /// Waits until these have been said, no more and no less, in this order.
    pub async fn hears(&self, texts: &[&str]) {
        let mut heard = Vec::new();
        let all = self
            .eventually(async || {
                heard = self.texts().await;
                (heard.len() >= texts.len()).then_some(())
            })
            .await;
        assert!(all.is_some(), "expected {texts:?}, heard {heard:?}");
        assert_eq!(heard, texts);
    }

    /// The same of texts that may come in any order.
    pub async fn hears_any(&self, texts: &[&str]) {
        let mut expected = texts.to_vec();
        expected.sort_unstable();
        let all = self
            .eventually(async || (self.texts().await.len() >= texts.len()).then_some(()))
            .await;
        let mut heard = self.texts().await;
        heard.sort_unstable();
        assert!(all.is_some(), "expected {expected:?}, heard {heard:?}");
        assert_eq!(heard, expected);
    }

    /// Looks again whenever the log grows, until there is something to see.
    pub async fn eventually<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let head = self.feed.head().await.expect("the log is readable");
            if let Some(found) = look().await {
                return Some(found);
            }
            if Instant::now() > deadline {
                return None;
            }
            // What is looked for may not be in the log: look again in a while in any case.
            let _ = tokio::time::timeout(Duration::from_millis(100), self.feed.wait_past(head)).await;
        }
    }

    pub async fn outcomes(&self) -> Vec<RunOutcome> {
        let outcome = |fact| match fact {
            Fact::Run(_, RunEvent::Ended { outcome, .. }) => Some(outcome),
            _ => None,
        };
        self.facts().await.into_iter().filter_map(outcome).collect()
    }

    pub async fn turns(&self) -> Vec<(ConversationId, TurnId)> {
        let turn = |fact| match fact {
            Fact::Conversation(id, ConversationEvent::TurnReceived(turn)) => Some((id, turn.turn_id)),
            _ => None,
        };
        self.facts().await.into_iter().filter_map(turn).collect()
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.log_pool)
            .await
            .expect(query)
    }
}

fn decoded<E: Event>(event_type: &str, event_version: u16, payload: &Value) -> E {
    decode(event_type, event_version, payload).expect("this version reads what it wrote")
}
