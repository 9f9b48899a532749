//! Users: the people who talk to bots, with an account or as visitors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Claim, Event, Personal};

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
}

impl Event for UserEvent {
    const TYPES: &'static [(&'static str, u16)] = &[
        ("user.admitted", 1),
        ("user.registered", 1),
        ("user.renamed", 1),
        ("user.deactivated", 1),
        ("user.reactivated", 1),
    ];
}

/// A visitor becomes a member by registering; a member can be switched off and on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum User {
    #[default]
    Absent,
    Visitor,
    Member {
        name: Personal<String>,
        active: bool,
    },
}

impl Aggregate for User {
    const TYPE: &'static str = "user";
    type Event = UserEvent;

    fn apply(&mut self, event: &UserEvent) {
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
        }
    }

    /// A login belongs to one user of the organisation. It stays taken while the user is deactivated.
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
