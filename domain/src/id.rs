//! Identifiers: one type per noun, so that a bot's id never stands where a user's belongs.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

ids! {
    /// The tenant: `tenant_id` in storage is this.
    OrganisationId,
    /// A person, with an account or without.
    UserId,
    BotId,
    /// A person's chat with a bot.
    SessionId,
    /// The turns of a session until it falls idle.
    ConversationId,
    /// One message of a person.
    TurnId,
    /// One message of a bot.
    ReplyId,
    /// One execution of a script.
    RunId,
    TokenId,
    /// When which script of a bot starts by itself.
    ScheduleId,
    /// Something that was uploaded.
    FileId,
    /// Failed attempts of one address within one minute.
    DenialId,
}
