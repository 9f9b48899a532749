//! What may be asked of a bot.

use domain::bot::{Bot, BotEvent, Package};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum BotCommand {
    Create { name: String },
    LoadPackage(Box<Package>),
    Pause,
    Resume,
    Retire,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BotError {
    #[error("bot not found")]
    NotFound,
    #[error("the bot exists already")]
    Exists,
    #[error("the bot is retired")]
    Retired,
    #[error("a bot's name has 1 to 64 characters of a-z, 0-9, - and _, and begins with a letter or digit")]
    Name,
    #[error("the name {0:?} is used by the server itself")]
    Reserved(String),
}

/// First path segments that are pages or programs of the server: a bot of that name could not be opened.
const RESERVED: &[&str] = &[
    "api",
    "assets",
    "graphiql",
    "graphql",
    "livez",
    "metrics",
    "openapi.json",
    "readyz",
    "startupz",
    "webhook",
    "ws",
];

impl Refusal for BotError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists | Self::Retired => RefusalKind::Conflict,
            Self::Name | Self::Reserved(_) => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "bot_not_found",
            Self::Exists => "bot_exists",
            Self::Retired => "bot_retired",
            Self::Name => "bot_name_invalid",
            Self::Reserved(_) => "bot_name_reserved",
        }
    }
}

impl Decide for Bot {
    type Command = BotCommand;
    type Error = BotError;

    fn decide(&self, command: BotCommand) -> Result<Vec<BotEvent>, BotError> {
        use BotCommand::{Create, LoadPackage, Pause, Resume, Retire};
        match (self, command) {
            (Bot::Absent, Create { name }) => Ok(vec![BotEvent::Created {
                name: valid_name(&name)?,
            }]),
            (Bot::Absent, _) => Err(BotError::NotFound),
            (Bot::Active(_) | Bot::Paused(_), Create { .. }) => Err(BotError::Exists),
            (Bot::Active(bot) | Bot::Paused(bot), LoadPackage(package)) => {
                if bot.package == *package {
                    return Ok(vec![]);
                }
                Ok(vec![BotEvent::PackageLoaded(package)])
            }
            (Bot::Active(_), Pause) => Ok(vec![BotEvent::Paused {}]),
            (Bot::Paused(_), Resume) => Ok(vec![BotEvent::Resumed {}]),
            (Bot::Active(_), Resume) | (Bot::Paused(_), Pause) => Ok(vec![]),
            (Bot::Active(bot) | Bot::Paused(bot), Retire) => Ok(vec![BotEvent::Retired {
                name: bot.name.clone(),
            }]),
            (Bot::Retired, Retire) => Ok(vec![]),
            (Bot::Retired, _) => Err(BotError::Retired),
        }
    }
}

/// Names stand in addresses and are compared without case.
pub(crate) fn valid_name(name: &str) -> Result<String, BotError> {
    let name = name.to_lowercase();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = (1..=64).contains(&name.len())
        && name.starts_with(plain)
        && name.chars().all(|c| plain(c) || c == '-' || c == '_');
    match fits {
        true if RESERVED.contains(&name.as_str()) => Err(BotError::Reserved(name)),
        true => Ok(name),
        false => Err(BotError::Name),
    }
}
