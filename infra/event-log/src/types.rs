//! What goes into the log and what comes out of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The place of an event in the whole log: dense, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub i64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stream: the events of one aggregate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamId {
    pub aggregate_type: String,
    pub aggregate_id: String,
}

impl StreamId {
    pub fn new(aggregate_type: impl Into<String>, aggregate_id: impl fmt::Display) -> Self {
        Self {
            aggregate_type: aggregate_type.into(),
            aggregate_id: aggregate_id.to_string(),
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}

/// An event before it is stored. Personal values are still markers in the clear (`{"$personal": …}`).
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Stored name, `noun.past_participle`.
    pub event_type: String,
    pub event_version: u16,
    pub payload: Value,
}

/// What a command asks of a uniqueness claim. The key is hashed with the tenant's key before it is stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// `owner` becomes the holder of `key`; refused while somebody else holds it, a no-op for the holder.
    Take {
        kind: &'static str,
        key: String,
        owner: String,
    },
    /// `owner` lets go of `key`; a no-op when it is not the holder.
    Release {
        kind: &'static str,
        key: String,
        owner: String,
    },
    /// The same of a key that nobody knows any more: see [`EventLog::claims_of`](crate::EventLog::claims_of).
    Leave {
        kind: &'static str,
        hash: [u8; 32],
        owner: String,
    },
}

/// One command's events, to be stored whole or not at all.
#[derive(Debug, Clone)]
pub struct AppendCommand {
    pub tenant: Uuid,
    pub stream: StreamId,
    /// Version the stream must have (0: it must not exist). `None`: whatever it has.
    pub expected_version: Option<i64>,
    /// Fencing token: the head refuses one lower than the highest it has seen.
    pub lease_epoch: Option<i64>,
    /// With an id, a repetition answers [`Outcome::Duplicate`].
    pub command_id: Option<Uuid>,
    /// SHA-256 over what the command asked for: the same id with another digest answers [`Outcome::Mismatch`].
    pub digest: [u8; 32],
    /// Orders events across streams; the conversation's id where there is one, else the stream's.
    pub ordering_key: String,
    pub metadata: Metadata,
    pub events: Vec<NewEvent>,
    pub claims: Vec<Claim>,
    /// Kept with the receipt and given back to whoever repeats the command. No personal data.
    pub answer: Value,
}

/// Who did it and why. Stored as a JSON object of strings, as postgres-es wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// `user/<uuid>`, `token/<uuid>`, `system/<role>`: never a name or an address.
    pub actor: String,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// Network address or the like; sealed under `subject` before it is stored.
    pub origin: Option<Origin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub subject: Uuid,
    pub text: String,
}

/// What became of one command of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Stored(Stored),
    /// The stream was not at the expected version, or belongs to another tenant (then `version` is 0).
    Conflict {
        version: i64,
    },
    /// The head has seen a higher lease epoch.
    Fenced {
        lease_epoch: i64,
    },
    /// The command id is known with the same digest: the first answer.
    Duplicate(Stored),
    /// The command id is known with another digest.
    Mismatch,
    /// Somebody else holds a claim the command takes.
    Taken {
        kind: String,
        owner: String,
    },
}

/// Where a command's events went. An empty command leaves `first_sequence > last_sequence`.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub token: Token,
    pub answer: Value,
}

/// Read-your-writes: a reader that has passed this has seen the command. Opaque to clients (its text is base64url).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    pub epoch: i32,
    pub slice: u16,
    pub seq_no: i64,
}

/// A token that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a read token")]
pub struct TokenError;

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::Engine;
        let text = format!("{}.{}.{}", self.epoch, self.slice, self.seq_no);
        f.write_str(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text))
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| TokenError)?;
        let plain = std::str::from_utf8(&bytes).map_err(|_| TokenError)?;
        let mut parts = plain.split('.');
        let (Some(epoch), Some(slice), Some(seq_no), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError);
        };
        let token = Token {
            epoch: epoch.parse().map_err(|_| TokenError)?,
            slice: slice.parse().map_err(|_| TokenError)?,
            seq_no: seq_no.parse().map_err(|_| TokenError)?,
        };
        if token.slice >= crate::SLICES || token.seq_no < 0 {
            Err(TokenError)
        } else {
            Ok(token)
        }
    }
}

/// An event as stored. `payload` holds personal values sealed, unless a [`crate::Keyring`] opened them.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// `None` when it was read from its stream before, or without, its position.
    pub position: Option<Position>,
    pub seq_no: i64,
    pub event_id: Uuid,
    pub tenant: Uuid,
    pub stream: StreamId,
    pub sequence: i64,
    pub event_type: String,
    pub event_version: u16,
    pub payload: Value,
    /// Strings only: `tenant_id`, `actor`, `correlation_id`, `causation_id`, `origin` (a sealed envelope).
    pub metadata: Value,
    pub ordering_key: String,
    pub slice: u16,
    pub command_id: Option<Uuid>,
    pub recorded_at: DateTime<Utc>,
}
