//! Projections: what operators decide about read models. The rows themselves are made from events and are no facts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Aggregate, Event};

/// What was decided about a read model. Stored for ever: see `schemas/events/projection.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ProjectionEvent {
    /// An event that cannot be folded is passed over for good. It stays in the log.
    #[serde(rename = "projection.event_skipped")]
    EventSkipped {
        projection: String,
        position: i64,
        event_id: Uuid,
        event_type: String,
        /// In the operator's words, without personal data.
        reason: String,
    },
}

impl Event for ProjectionEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("projection.event_skipped", 1)];
}

/// Nothing later depends on what was decided.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Projection;

impl Aggregate for Projection {
    const TYPE: &'static str = "projection";
    type Event = ProjectionEvent;

    fn apply(&mut self, _event: &ProjectionEvent) {}
}
