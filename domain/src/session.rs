//! Sessions: a person's chat with a bot, on one channel.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BotId, Claim, Event, Personal, UserId};

/// What happened to a session. Stored for ever: see `schemas/events/session.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum SessionEvent {
    #[serde(rename = "session.started")]
    Started {
        bot_id: BotId,
        user_id: UserId,
        channel: Channel,
        /// Where the person is reached on the channel; None on the web, where the session is its own address.
        address: Option<Personal<String>>,
        /// SHA-256 of the secret half of the credential, hexadecimal; None when the channel proves identity itself.
        secret_hash: Option<String>,
        started_at: DateTime<Utc>,
    },
    #[serde(rename = "session.ended")]
    Ended { reason: SessionEnd },
}

impl Event for SessionEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("session.started", 1), ("session.ended", 1)];
}

/// How the person reaches the bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Web,
    Api,
    // Nobody: scripts that start by themselves run in it.
    Automation,
}

impl Channel {
    pub fn as_str(self) -> &'static str {
        match self {
            Channel::Web => "web",
            Channel::Api => "api",
            Channel::Automation => "automation",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    /// By the person or by somebody with the right to.
    Requested,
    BotRetired,
    // What it was begun for is done: nobody talks in it.
    Completed,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Session {
    #[default]
    Absent,
    Open(OpenSession),
    Ended,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpenSession {
    pub bot_id: BotId,
    pub user_id: UserId,
    pub channel: Channel,
    pub secret_hash: Option<String>,
}

impl Aggregate for Session {
    const TYPE: &'static str = "session";
    type Event = SessionEvent;

    fn apply(&mut self, event: &SessionEvent) {
        *self = match event {
            SessionEvent::Started {
                bot_id,
                user_id,
                channel,
                secret_hash,
                ..
            } => Session::Open(OpenSession {
                bot_id: *bot_id,
                user_id: *user_id,
                channel: *channel,
                secret_hash: secret_hash.clone(),
            }),
            SessionEvent::Ended { .. } => Session::Ended,
        };
    }

    /// On a channel with addresses, an address has one open session with a bot.
    fn claims(id: &str, event: &SessionEvent) -> Vec<Claim> {
        match event {
            SessionEvent::Started {
                bot_id,
                channel,
                address: Some(address),
                ..
            } => address
                .clear()
                .map(|address| Claim::Take {
                    kind: "session_address",
                    key: format!("{}/{bot_id}/{address}", channel.as_str()),
                    owner: id.to_owned(),
                })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}
