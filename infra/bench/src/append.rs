//! Our side of the appends: everything the product does, from the clear command to the durable answer.

use std::time::{Duration, Instant};

use event_log::{AppendCommand, Metadata, NewEvent, Outcome, StreamId};
use futures::future::try_join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::stage::Stage;

/// Events after which a caller begins another stream, as a conversation ends.
const STREAM_EVENTS: u64 = 20;
const TENANT: Uuid = Uuid::from_u128(0xbe_7c4);
/// A message of usual length.
const TEXT: &str =
    "I would like to move my appointment of Thursday to some time next week, in the morning if possible.";

/// Where a caller appends, and for whom.
#[derive(Clone, Copy)]
pub struct Stream {
    id: Uuid,
    subject: Uuid,
}

impl Stream {
    pub fn new() -> Stream {
        Stream {
            id: Uuid::now_v7(),
            subject: Uuid::now_v7(),
        }
    }

    pub fn next(self) -> Stream {
        Stream {
            id: Uuid::now_v7(),
            ..self
        }
    }
}

/// A command of so many events, each with a sealed text, with an id of its own and hence a receipt.
pub fn command(stream: &Stream, events: usize) -> AppendCommand {
    let id = Uuid::now_v7();
    let event = || NewEvent {
        event_type: "turn.received".to_owned(),
        event_version: 1,
        payload: json!({
            "turn_id": id,
            "content": {"$personal": {"subject": stream.subject, "class": "conversation", "value": TEXT}},
        }),
    };
    AppendCommand {
        tenant: TENANT,
        stream: StreamId::new("conversation", stream.id),
        expected_version: None,
        lease_epoch: None,
        command_id: Some(id),
        digest: [1; 32],
        ordering_key: stream.id.to_string(),
        metadata: Metadata {
            actor: format!("user/{}", stream.subject),
            correlation_id: id,
            causation_id: None,
            origin: None,
        },
        events: (0..events).map(|_| event()).collect(),
        claims: vec![],
        answer: Value::Null,
    }
}

/// Callers that append one command after the other until the time is up; returns how many commands were stored.
pub async fn run(stage: &Stage, callers: usize, events: usize, time: Duration) -> anyhow::Result<u64> {
    let until = Instant::now() + time;
    let callers = (0..callers).map(|_| {
        let log = stage.log.clone();
        let caller = tokio::spawn(async move {
            let mut stream = Stream::new();
            let mut stored = 0;
            while Instant::now() < until {
                let outcome = log.append_one(command(&stream, events)).await?;
                anyhow::ensure!(matches!(outcome, Outcome::Stored(_)), "not stored: {outcome:?}");
                stored += 1;
                if stored % STREAM_EVENTS == 0 {
                    stream = stream.next();
                }
            }
            Ok(stored)
        });
        async move { caller.await? }
    });
    Ok(try_join_all(callers).await?.into_iter().sum())
}
