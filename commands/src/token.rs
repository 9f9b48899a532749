//! What may be asked of an API token.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::Permission;
use domain::token::{Token, TokenEvent};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum TokenCommand {
    Issue {
        name: String,
        permissions: BTreeSet<Permission>,
        secret_hash: String,
        expires_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    },
    Revoke,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("token not found")]
    NotFound,
    #[error("the token exists already")]
    Exists,
    #[error("a token's name has 1 to 200 characters")]
    Name,
    #[error("a token needs at least one permission")]
    NoPermission,
    #[error("a token cannot expire before it is issued")]
    Expired,
}

impl Refusal for TokenError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists => RefusalKind::Conflict,
            Self::Name | Self::NoPermission | Self::Expired => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "token_not_found",
            Self::Exists => "token_exists",
            Self::Name => "token_name_invalid",
            Self::NoPermission => "token_without_permission",
            Self::Expired => "token_expiry_invalid",
        }
    }
}

impl Decide for Token {
    type Command = TokenCommand;
    type Error = TokenError;

    fn decide(&self, command: TokenCommand) -> Result<Vec<TokenEvent>, TokenError> {
        use TokenCommand::{Issue, Revoke};
        match (self, command) {
            (
                Token::Absent,
                Issue {
                    name,
                    permissions,
                    secret_hash,
                    expires_at,
                    at,
                },
            ) => {
                if name.trim().is_empty() || name.chars().count() > 200 {
                    return Err(TokenError::Name);
                }
                if permissions.is_empty() {
                    return Err(TokenError::NoPermission);
                }
                if expires_at.is_some_and(|expiry| expiry <= at) {
                    return Err(TokenError::Expired);
                }
                Ok(vec![TokenEvent::Issued {
                    name,
                    permissions,
                    secret_hash,
                    expires_at,
                    issued_at: at,
                }])
            }
            (Token::Active(_) | Token::Revoked, Issue { .. }) => Err(TokenError::Exists),
            (Token::Absent, Revoke) => Err(TokenError::NotFound),
            (Token::Active(_), Revoke) => Ok(vec![TokenEvent::Revoked {}]),
            (Token::Revoked, Revoke) => Ok(vec![]),
        }
    }
}
