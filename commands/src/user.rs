//! What may be asked of a user.

use chrono::{DateTime, Utc};
use domain::user::{User, UserEvent};
use domain::{Personal, UserId};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum UserCommand {
    /// Lets somebody in without an account.
    Admit,
    /// Gives an account. A visitor who registers keeps what they said.
    Register {
        user: UserId,
        login: String,
        name: String,
    },
    Rename {
        user: UserId,
        name: String,
    },
    Deactivate,
    Reactivate,
    /// Takes away for good what is known of somebody.
    Erase {
        at: DateTime<Utc>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("user not found")]
    NotFound,
    #[error("the user is registered already")]
    Registered,
    #[error("a login has 3 to 254 characters, none of them a space or a control character")]
    Login,
    #[error("a name has 1 to 200 characters")]
    Name,
    #[error("a visitor has no account")]
    Visitor,
    #[error("the account is switched off")]
    Deactivated,
    #[error("the person was erased")]
    Erased,
}

impl Refusal for UserError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Registered | Self::Visitor | Self::Deactivated | Self::Erased => RefusalKind::Conflict,
            Self::Login | Self::Name => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "user_not_found",
            Self::Registered => "user_registered",
            Self::Login => "user_login_invalid",
            Self::Name => "user_name_invalid",
            Self::Visitor => "user_is_visitor",
            Self::Deactivated => "user_deactivated",
            Self::Erased => "user_erased",
        }
    }
}

impl Decide for User {
    type Command = UserCommand;
    type Error = UserError;

    fn decide(&self, command: UserCommand) -> Result<Vec<UserEvent>, UserError> {
        use UserCommand::{Admit, Deactivate, Erase, Reactivate, Register, Rename};
        match (self, command) {
            (User::Absent, Admit) => Ok(vec![UserEvent::Admitted {}]),
            (User::Visitor | User::Member { .. }, Admit) => Ok(vec![]),
            (User::Absent | User::Visitor, Register { user, login, name }) => {
                Ok(vec![UserEvent::Registered {
                    login: Personal::identity(user, valid_login(&login)?),
                    name: Personal::identity(user, valid_name(name)?),
                }])
            }
            (User::Member { .. }, Register { .. }) => Err(UserError::Registered),
            (User::Member { name: current, .. }, Rename { user, name }) => {
                let name = valid_name(name)?;
                if current.clear() == Some(&name) {
                    return Ok(vec![]);
                }
                Ok(vec![UserEvent::Renamed {
                    name: Personal::identity(user, name),
                }])
            }
            (User::Member { active: true, .. }, Deactivate) => Ok(vec![UserEvent::Deactivated {}]),
            (User::Member { active: false, .. }, Reactivate) => Ok(vec![UserEvent::Reactivated {}]),
            (User::Member { .. }, Deactivate | Reactivate) => Ok(vec![]),
            (User::Visitor, Rename { .. } | Deactivate | Reactivate) => Err(UserError::Visitor),
            (User::Absent, Rename { .. } | Deactivate | Reactivate | Erase { .. }) => {
                Err(UserError::NotFound)
            }
            (User::Visitor | User::Member { .. }, Erase { at }) => Ok(vec![UserEvent::Erased {
                login: None,
                erased_at: at,
            }]),
            (User::Erased, Erase { .. }) => Ok(vec![]),
            (User::Erased, Admit | Register { .. } | Rename { .. } | Deactivate | Reactivate) => {
                Err(UserError::Erased)
            }
        }
    }
}

fn valid_login(login: &str) -> Result<String, UserError> {
    let length_ok = (3..=254).contains(&login.chars().count());
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if length_ok && login.chars().all(plain) {
        Ok(login.to_lowercase())
    } else {
        Err(UserError::Login)
    }
}

fn valid_name(name: String) -> Result<String, UserError> {
    if name.trim().is_empty() || name.chars().count() > 200 {
        Err(UserError::Name)
    } else {
        Ok(name)
    }
}
