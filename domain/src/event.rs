//! What every noun's events have in common: a stored name, a version, and what they claim.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Value, json};

use crate::upcast::upcast;

/// A fact. Serialised as `{"type": "<noun.past_participle>", "data": {…}}`; the log keeps the two in columns.
pub trait Event: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync + 'static {
    /// Stored names and the version each is written with.
    const TYPES: &'static [(&'static str, u16)];
}

/// A noun's state, as far as later decisions need it.
pub trait Aggregate: Default + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The noun, as streams and files are named after it.
    const TYPE: &'static str;
    /// Raised when the state has another shape, or events another meaning for it: states that were kept in an older
    /// form are then folded anew.
    const FORM: i32 = 1;
    type Event: Event;

    /// Assigns what the event says. Accepts every event, also one whose personal values are erased.
    fn apply(&mut self, event: &Self::Event);

    /// What orders this aggregate's events across streams: its own id, unless its events belong to a conversation.
    fn ordering_key(&self, id: &str) -> String {
        id.to_owned()
    }

    /// What the event of aggregate `id` takes or releases among the names that must be unique.
    fn claims(_id: &str, _event: &Self::Event) -> Vec<Claim> {
        Vec::new()
    }
}

/// A name that one owner at a time may hold within an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Take {
        kind: &'static str,
        key: String,
        owner: String,
    },
    Release {
        kind: &'static str,
        key: String,
        owner: String,
    },
}

/// A stored event this version cannot read.
#[derive(Debug, thiserror::Error)]
pub enum EventFormatError {
    #[error("event type {0} version {1} is unknown to this version")]
    Unknown(String, u16),
    #[error("event {event_type} does not have the form this version reads")]
    Malformed {
        event_type: String,
        #[source]
        source: serde_json::Error,
    },
}

/// Splits an event into stored name, version and payload.
pub fn encode<E: Event>(event: &E) -> Result<(String, u16, Value), EventFormatError> {
    let malformed = |source| EventFormatError::Malformed {
        event_type: format!("{event:?}"),
        source,
    };
    let mut tagged = serde_json::to_value(event).map_err(malformed)?;
    let name = tagged["type"].as_str().unwrap_or_default().to_owned();
    let Some((_, version)) = E::TYPES.iter().find(|(known, _)| *known == name) else {
        return Err(EventFormatError::Unknown(name, 0));
    };
    let payload = match tagged["data"].take() {
        Value::Null => json!({}),
        data => data,
    };
    Ok((name, *version, payload))
}

/// Reads an event as stored by this version or, through upcasters, by any earlier one.
pub fn decode<E: Event>(event_type: &str, version: u16, payload: &Value) -> Result<E, EventFormatError> {
    let (name, version, payload) = upcast(event_type, version, payload);
    if !E::TYPES.contains(&(name.as_str(), version)) {
        return Err(EventFormatError::Unknown(name, version));
    }
    // The type first, so that the data is read as what it is and not kept until that is known.
    let tag = Value::String(name);
    let tagged = [("type", &tag), ("data", &*payload)];
    E::deserialize(MapDeserializer::new(tagged.into_iter())).map_err(|source| EventFormatError::Malformed {
        event_type: tag.as_str().unwrap_or_default().to_owned(),
        source,
    })
}
