//! What a token may do: a closed set of `noun.verb`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! permissions {
    ($($variant:ident = $text:literal),+ $(,)?) => {
        /// A right that a token can carry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum Permission {
            $(#[serde(rename = $text)] $variant,)+
        }

        impl Permission {
            /// Every permission there is; the administrator's token carries all of them.
            pub const ALL: &'static [Permission] = &[$(Permission::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Permission::$variant => $text),+ }
            }
        }
    };
}

permissions! {
    OrganisationRead = "organisation.read",
    OrganisationRename = "organisation.rename",
    UserRead = "user.read",
    UserRegister = "user.register",
    UserRename = "user.rename",
    UserDeactivate = "user.deactivate",
    BotRead = "bot.read",
    BotCreate = "bot.create",
    BotPause = "bot.pause",
    BotRetire = "bot.retire",
    SessionRead = "session.read",
    SessionStart = "session.start",
    SessionEnd = "session.end",
    ConversationRead = "conversation.read",
    ConversationWrite = "conversation.write",
    ConversationEnd = "conversation.end",
    ConversationControl = "conversation.control",
    ConversationReply = "conversation.reply",
    RunRead = "run.read",
    RunCancel = "run.cancel",
    TokenIssue = "token.issue",
    TokenRevoke = "token.revoke",
    DriveRead = "drive.read",
    DriveWrite = "drive.write",
    ProjectionRead = "projection.read",
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown permission {0:?}")]
pub struct UnknownPermission(pub String);

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .iter()
            .copied()
            .find(|p| p.as_str() == text)
            .ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}
