//! Kafka: the log's events streamed to whoever wants them, and the read models fed from there.
//!
//! Kafka is a fan-out that may be wiped, never the truth. Invariants, each one a test:
//! 1. For a reader of committed records each position of the log is there once, in its topic, in order within a
//!    partition: the relay's mark says how far it is and commits with the events.
//! 2. Whoever else relays, or relayed and was stopped, is fenced by Kafka before the mark is read.
//! 3. Kafka away costs nothing but lag; topics that were wiped are filled again with what they would hold.
//! 4. Where Kafka holds what the log does not, since the log was put back, it is noticed and told.
//! 5. Nothing is in the clear that is sealed in the log.

mod access;
mod consuming;
mod error;
mod fork;
mod lease;
mod mark;
mod reading;
mod record;
mod relay;
mod sending;
mod settings;
mod topics;

pub use access::allow;
pub use consuming::KafkaSource;
pub use error::StreamError;
pub use mark::{Mark, TopicMark};
pub use relay::Relay;
pub use settings::{Sasl, Security, Settings};
pub use topics::{Made, Topic, TopicState, init, look, partition_of, slices_of};
