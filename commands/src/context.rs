//! Who asks, for whom, and under which id.

use std::collections::BTreeSet;

use domain::{OrganisationId, Permission, SessionId, TokenId, UserId};
use event_log::{Metadata, Origin};
use uuid::Uuid;

use crate::CommandError;

/// Everything a command brings along besides itself.
#[derive(Debug, Clone)]
pub struct Context {
    pub tenant: OrganisationId,
    pub actor: Actor,
    pub correlation_id: Uuid,
    pub causation_id: Option<Uuid>,
    /// Network address of the caller and whose personal data it is.
    pub origin: Option<Origin>,
    pub command: Option<CommandId>,
}

/// The id by which a repetition of a command is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandId {
    pub id: Uuid,
    /// SHA-256, or keyed hash where it covers personal text, of what was asked.
    pub digest: [u8; 32],
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A part of the server itself.
    System(&'static str),
    Token {
        id: TokenId,
        permissions: BTreeSet<Permission>,
    },
    /// Somebody with a session and nothing else.
    Visitor { user: UserId, session: SessionId },
}

impl Actor {
    /// Passes when the actor has the right. A visitor has none: their session is checked by its credential.
    pub fn require(&self, permission: Permission) -> Result<(), CommandError> {
        match self {
            Actor::System(_) => Ok(()),
            Actor::Token { permissions, .. } if permissions.contains(&permission) => Ok(()),
            Actor::Token { .. } | Actor::Visitor { .. } => Err(CommandError::Denied(permission)),
        }
    }

    fn name(&self) -> String {
        match self {
            Actor::System(role) => format!("system/{role}"),
            Actor::Token { id, .. } => format!("token/{id}"),
            Actor::Visitor { user, .. } => format!("user/{user}"),
        }
    }
}

impl Context {
    /// The server acting by itself.
    pub fn system(tenant: OrganisationId, role: &'static str) -> Self {
        Self {
            tenant,
            actor: Actor::System(role),
            correlation_id: Uuid::now_v7(),
            causation_id: None,
            origin: None,
            command: None,
        }
    }

    /// The same context for a command with an id of its own.
    pub fn with_command(&self, id: Uuid, digest: [u8; 32]) -> Self {
        Self {
            command: Some(CommandId { id, digest }),
            ..self.clone()
        }
    }

    /// The same context for another command that follows from this one, the same for each repetition.
    pub(crate) fn following(&self, what: &str) -> Self {
        let following = |command: CommandId| CommandId {
            id: Uuid::new_v5(&command.id, what.as_bytes()),
            digest: command.digest,
        };
        Self {
            command: self.command.map(following),
            ..self.clone()
        }
    }

    pub(crate) fn metadata(&self) -> Metadata {
        Metadata {
            actor: self.actor.name(),
            correlation_id: self.correlation_id,
            causation_id: self.causation_id,
            origin: self.origin.clone(),
        }
    }

    /// An id for something this command makes: the same for a repetition of the command.
    pub(crate) fn derived_id(&self, what: &str) -> Uuid {
        match self.command {
            Some(command) => Uuid::new_v5(&command.id, what.as_bytes()),
            None => Uuid::now_v7(),
        }
    }
}
