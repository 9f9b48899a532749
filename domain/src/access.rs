//! Refused access: failed authentication and denied commands, counted per minute and address.
//!
//! One event says how often, so that a flood of attempts cannot fill the log.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Event};

/// What happened at the door. Stored for ever: see `schemas/events/access.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum AccessEvent {
    #[serde(rename = "access.denied")]
    Denied {
        reason: Denial,
        /// Keyed hash of the network address: equal addresses can be told, none can be read.
        address_hash: String,
        /// Attempts within the minute.
        count: u32,
        /// The minute, truncated.
        minute: DateTime<Utc>,
    },
}

impl Event for AccessEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("access.denied", 1)];
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// No credential, or one that is not ours, expired or revoked.
    Unauthenticated,
    /// A good credential without the right.
    Forbidden,
}

/// Nothing later depends on refused access: it is only counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Access;

impl Aggregate for Access {
    const TYPE: &'static str = "access";
    type Event = AccessEvent;

    fn apply(&mut self, _event: &AccessEvent) {}
}
