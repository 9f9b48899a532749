//! API tokens: `<tenant>.<id>.<secret>`, of which only the secret's hash is stored.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Event, Permission};

/// What happened to a token. Stored for ever: see `schemas/events/token.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum TokenEvent {
    #[serde(rename = "token.issued")]
    Issued {
        /// What it is for, in its owner's words; not a person's name.
        name: String,
        permissions: BTreeSet<Permission>,
        /// SHA-256 of the secret, hexadecimal. The secret is 256 random bits, so a slow hash would add nothing.
        secret_hash: String,
        expires_at: Option<DateTime<Utc>>,
        issued_at: DateTime<Utc>,
    },
    #[serde(rename = "token.revoked")]
    Revoked {},
}

impl Event for TokenEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("token.issued", 1), ("token.revoked", 1)];
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Token {
    #[default]
    Absent,
    Active(ActiveToken),
    Revoked,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActiveToken {
    pub permissions: BTreeSet<Permission>,
    pub secret_hash: String,
    pub expires_at: Option<DateTime<Utc>>,
}

impl Aggregate for Token {
    const TYPE: &'static str = "token";
    type Event = TokenEvent;

    fn apply(&mut self, event: &TokenEvent) {
        *self = match event {
            TokenEvent::Issued {
                permissions,
                secret_hash,
                expires_at,
                ..
            } => Token::Active(ActiveToken {
                permissions: permissions.clone(),
                secret_hash: secret_hash.clone(),
                expires_at: *expires_at,
            }),
            TokenEvent::Revoked {} => Token::Revoked,
        };
    }
}
