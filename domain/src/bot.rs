//! Bots: a name people can talk to, and the package that answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Claim, Event};

/// What happened to a bot. Stored for ever: see `schemas/events/bot.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum BotEvent {
    #[serde(rename = "bot.created")]
    Created { name: String },
    /// A package was read, at start or because a file changed. Says of each script which program runs now.
    #[serde(rename = "bot.package_loaded")]
    PackageLoaded(Box<Package>),
    /// Visitors are turned away until it is resumed.
    #[serde(rename = "bot.paused")]
    Paused {},
    #[serde(rename = "bot.resumed")]
    Resumed {},
    /// The bot is gone for good and its name is free.
    #[serde(rename = "bot.retired")]
    Retired { name: String },
}

impl Event for BotEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("bot.created", 1),
        ("bot.package_loaded", 1),
        ("bot.paused", 1),
        ("bot.resumed", 1),
        ("bot.retired", 1),
    ];
}

/// What a `.gbai` folder held when it was read.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Package {
    /// SHA-256 over names and contents, hexadecimal: the same package is not loaded twice.
    pub digest: String,
    /// By script name (relative path without `.bas`, lower case).
    pub scripts: BTreeMap<String, Script>,
    pub profile: Profile,
    /// What is wrong with files that are no scripts, or looks wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FileFinding>,
}

impl Package {
    /// True when a script does not compile, or another file is of no use as it is.
    pub fn broken(&self) -> bool {
        let error = |found: &FileFinding| found.finding.severity == Severity::Error;
        self.scripts.values().any(Script::broken) || self.findings.iter().any(error)
    }
}

/// One script of a package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Script {
    /// SHA-256 of the source as read, hexadecimal.
    pub source: String,
    /// Hash of the program that runs: of this source or, when this is broken, of the last good one. None: never good.
    pub program: Option<String>,
    /// What is wrong with this source; empty when it is good. Warnings are kept too.
    pub findings: Vec<Finding>,
}

impl Script {
    /// True when the source as read does not compile.
    pub fn broken(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Error)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Error,
    Warning,
}

/// A diagnostic of a script or of the package itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub code: String,
    pub severity: Severity,
    pub message: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
    pub help: Option<String>,
}

/// A finding of a file of the package that is no script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileFinding {
    /// Path within the package.
    pub file: String,
    pub finding: Finding,
}

/// What a page shows of a bot, and what it is to say. Only these settings of a package are kept in the log: others may be secrets.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Profile {
    pub title: String,
    pub description: String,
    /// CSS colours, as the package gives them, checked.
    pub color1: Option<String>,
    pub color2: Option<String>,
    /// What is said when nobody and nothing can answer.
    pub no_answer: String,
    /// What a model is told before it speaks as this bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_prompt: Option<String>,
    /// IANA name of the zone whose clock its schedules follow; UTC where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Bot {
    #[default]
    Absent,
    Active(Mounted),
    Paused(Mounted),
    Retired,
}

/// A bot that exists: its name and what it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Mounted {
    pub name: String,
    pub package: Package,
}

impl Bot {
    /// Name and package, unless the bot is absent or retired.
    pub fn mounted(&self) -> Option<&Mounted> {
        match self {
            Bot::Active(mounted) | Bot::Paused(mounted) => Some(mounted),
            Bot::Absent | Bot::Retired => None,
        }
    }
}

impl Aggregate for Bot {
    const TYPE: &'static str = "bot";
    type Event = BotEvent;

    fn apply(&mut self, event: &BotEvent) {
        match (event, std::mem::take(self)) {
            (BotEvent::Created { name }, _) => {
                *self = Bot::Active(Mounted {
                    name: name.clone(),
                    package: Package::default(),
                });
            }
            (BotEvent::PackageLoaded(package), Bot::Active(bot)) => {
                *self = Bot::Active(Mounted {
                    package: Package::clone(package),
                    ..bot
                });
            }
            (BotEvent::PackageLoaded(package), Bot::Paused(bot)) => {
                *self = Bot::Paused(Mounted {
                    package: Package::clone(package),
                    ..bot
                });
            }
            (BotEvent::Paused {}, Bot::Active(bot)) => *self = Bot::Paused(bot),
            (BotEvent::Resumed {}, Bot::Paused(bot)) => *self = Bot::Active(bot),
            (BotEvent::Retired { .. }, _) => *self = Bot::Retired,
            (_, before) => *self = before,
        }
    }

    fn claims(id: &str, event: &BotEvent) -> Vec<Claim> {
        let kind = "bot_name";
        match event {
            BotEvent::Created { name } => vec![Claim::Take {
                kind,
                key: name.clone(),
                owner: id.to_owned(),
            }],
            BotEvent::Retired { name } => {
                vec![Claim::Release {
                    kind,
                    key: name.clone(),
                    owner: id.to_owned(),
                }]
            }
            _ => Vec::new(),
        }
    }
}
