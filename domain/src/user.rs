//! Users: the people who talk to bots, with an account or as visitors.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, BotId, Claim, Event, Personal};

/// What happened to a user. Stored for ever: see `schemas/events/user.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum UserEvent {
    /// Somebody came without an account.
    #[serde(rename = "user.admitted")]
    Admitted {},
    /// Somebody got an account. `login` is in lower case.
    #[serde(rename = "user.registered")]
    Registered {
        login: Personal<String>,
        name: Personal<String>,
    },
    #[serde(rename = "user.renamed")]
    Renamed { name: Personal<String> },
    #[serde(rename = "user.deactivated")]
    Deactivated {},
    #[serde(rename = "user.reactivated")]
    Reactivated {},
    /// What is known of them is taken away for good: nothing of theirs is stored from then on.
    #[serde(rename = "user.erased")]
    Erased {
        /// Said by earlier events only, which let go of it at once.
        login: Option<Personal<String>>,
        erased_at: DateTime<Utc>,
    },
    /// The rows of a bot's table that were about them were deleted.
    #[serde(rename = "user.rows_erased")]
    RowsErased(ErasedRows),
    /// Nothing of them is left, and their login is free for somebody else.
    #[serde(rename = "user.login_released")]
    LoginReleased { released_at: DateTime<Utc> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErasedRows {
    pub bot_id: BotId,
    pub table: String,
    pub rows: u64,
    /// Empty. Earlier events have SHA-256 over the keys of the rows here, hexadecimal.
    pub digest: String,
    pub erased_at: DateTime<Utc>,
}

impl Event for UserEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("user.admitted", 1),
        ("user.registered", 1),
        ("user.renamed", 1),
        ("user.deactivated", 1),
        ("user.reactivated", 1),
        ("user.erased", 1),
        ("user.rows_erased", 1),
        ("user.login_released", 1),
    ];
}

/// A visitor becomes a member by registering; a member can be switched off and on. Whoever was erased stays so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum User {
    #[default]
    Absent,
    Visitor,
    Member {
        name: Personal<String>,
        active: bool,
    },
    Erased,
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    /// 2: one may have been erased. 3: and have let go of the login.
    const FORM: i32 = 3;
    type Event = UserEvent;

    fn apply(&mut self, event: &UserEvent) {
        if *self == User::Erased {
            return;
        }
        match event {
            UserEvent::Admitted {} => *self = User::Visitor,
            UserEvent::Registered { name, .. } => {
                *self = User::Member {
                    name: name.clone(),
                    active: true,
                }
            }
            UserEvent::Renamed { name: new } => {
                if let User::Member { name, .. } = self {
                    *name = new.clone();
                }
            }
            UserEvent::Deactivated {} => self.set_active(false),
            UserEvent::Reactivated {} => self.set_active(true),
            UserEvent::Erased { .. } => *self = User::Erased,
            UserEvent::RowsErased(_) | UserEvent::LoginReleased { .. } => {}
        }
    }

    /// A login belongs to one user of the organisation. It stays taken while the user is deactivated, and until
    /// nothing of them is left: who erases them lets go of it then, when no event can hold it any more.
    fn claims(id: &str, event: &UserEvent) -> Vec<Claim> {
        match event {
            UserEvent::Registered { login, .. } => login
                .clear()
                .map(|login| Claim::Take {
                    kind: "login",
                    key: login.clone(),
                    owner: id.to_owned(),
                })
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

impl User {
    fn set_active(&mut self, now_active: bool) {
        if let User::Member { active, .. } = self {
            *active = now_active;
        }
    }
}
