//! Where a projection's events come from when it is not fed from the log: a stream that is divided among processes.
//!
//! A source may bring events twice, late or not at all. What it brings says how far it is complete; whatever is missing
//! between that and a checkpoint is read from the log.

use std::sync::Arc;

use async_trait::async_trait;
use event_log::{Position, RecordedEvent};

use crate::share::Slices;

/// A stream of the log's events. Implemented for Kafka.
pub trait Source: Send + Sync + 'static {
    /// Joins those who share the events of a projection. `wanted` looks at type and stream of an event; what it refuses
    /// need not be brought.
    fn join(
        &self,
        projection: &'static str,
        wanted: fn(&RecordedEvent) -> bool,
    ) -> Result<Box<dyn Deliveries>, SourceError>;
}

/// Why nothing can be brought. It is tried again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// One process's part of the events.
#[async_trait]
pub trait Deliveries: Send {
    /// What comes next. May be given up while waiting.
    async fn next(&mut self) -> Result<Delivery, SourceError>;

    /// What was brought so far is stored, and need not be brought again.
    fn stored(&mut self);
}

/// What a source brings.
#[derive(Debug, Clone, PartialEq)]
pub enum Delivery {
    /// These slices are this process's from now on, and no others.
    Assigned(Vec<Slices>),
    Parts(Vec<Part>),
    Passed(Passed),
}

/// Events of some slices: all of them that are wanted, after one position and up to another.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub slices: Slices,
    pub after: Position,
    pub to: Position,
    /// The leaf of the event at `to`, at least its beginning: what is of another history is known by it.
    pub leaf: Vec<u8>,
    /// Sealed, in order, without their metadata.
    pub events: Vec<Arc<RecordedEvent>>,
}

/// No event of some slices lies after a position of theirs and up to one of all.
#[derive(Debug, Clone, PartialEq)]
pub struct Passed {
    pub after: Vec<(Slices, Position)>,
    pub to: Position,
    /// As of a [`Part`].
    pub leaf: Vec<u8>,
}
