//! What can go wrong with the stream. No text quotes an event.

use event_log::EventLogError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("the log cannot be read: {0}")]
    Log(#[from] EventLogError),
    #[error("the database cannot be reached")]
    Database(#[from] sqlx::Error),
    #[error("the topic {topic} is missing: run `botserver stream init`")]
    Missing { topic: String },
    #[error("the topic {topic} has {found} partitions and not {expected}: the order of keys would break")]
    Partitions {
        topic: String,
        found: usize,
        expected: usize,
    },
    #[error("{0}")]
    Refused(String),
    #[error("a record of the topic {topic} cannot be read: {what}")]
    Record { topic: String, what: &'static str },
    /// Records came to lie before others that were there: the topic was made anew.
    #[error("the topic {topic} was made anew while it was written")]
    Wiped { topic: String },
    /// Somebody else relays.
    #[error("another process relays")]
    Lost,
    #[error("Kafka did not answer in time")]
    Timeout,
}

impl StreamError {
    /// Somebody else has begun to relay, and Kafka takes nothing from this process any more.
    pub(crate) fn is_fenced(&self) -> bool {
        match self {
            StreamError::Lost => true,
            StreamError::Kafka(KafkaError::Transaction(error)) => matches!(
                error.code(),
                RDKafkaErrorCode::Fenced
                    | RDKafkaErrorCode::ProducerFenced
                    | RDKafkaErrorCode::InvalidProducerEpoch
            ),
            _ => false,
        }
    }
}
