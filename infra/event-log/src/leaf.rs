//! Leaves: what the tamper-evident tree is built of, computed here independently of the database.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The parts of an event that its leaf covers. Texts as stored, personal values sealed.
#[derive(Debug, Clone)]
pub struct Leaf<'a> {
    pub position: i64,
    pub epoch: i32,
    pub event_id: Uuid,
    pub tenant: Uuid,
    pub aggregate_type: &'a str,
    pub aggregate_id: &'a str,
    pub sequence: i64,
    pub event_type: &'a str,
    pub event_version: &'a str,
    pub recorded_at: DateTime<Utc>,
    pub payload: &'a str,
    pub metadata: &'a str,
}

/// SHA-256 over a zero byte and the canonical form: each part as a netstring, numbers in decimal, identifiers as
/// their 16 bytes, the moment in microseconds, payload and metadata by their own SHA-256.
pub fn leaf(event: &Leaf<'_>) -> [u8; 32] {
    let mut canonical = vec![0];
    netstring(&mut canonical, event.position.to_string().as_bytes());
    netstring(&mut canonical, event.epoch.to_string().as_bytes());
    netstring(&mut canonical, event.event_id.as_bytes());
    netstring(&mut canonical, event.tenant.as_bytes());
    netstring(&mut canonical, event.aggregate_type.as_bytes());
    netstring(&mut canonical, event.aggregate_id.as_bytes());
    netstring(&mut canonical, event.sequence.to_string().as_bytes());
    netstring(&mut canonical, event.event_type.as_bytes());
    netstring(&mut canonical, event.event_version.as_bytes());
    netstring(
        &mut canonical,
        event.recorded_at.timestamp_micros().to_string().as_bytes(),
    );
    netstring(&mut canonical, &Sha256::digest(event.payload.as_bytes()));
    netstring(&mut canonical, &Sha256::digest(event.metadata.as_bytes()));
    Sha256::digest(&canonical).into()
}

/// Appends a part with its length, so that parts in a row cannot be mistaken for others.
pub(crate) fn netstring(bytes: &mut Vec<u8>, part: &[u8]) {
    bytes.extend_from_slice(part.len().to_string().as_bytes());
    bytes.push(b':');
    bytes.extend_from_slice(part);
    bytes.push(b',');
}
