//! What may be asked of an organisation.

use domain::organisation::{Organisation, OrganisationEvent};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum OrganisationCommand {
    Create { name: String },
    Rename { name: String },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrganisationError {
    #[error("organisation not found")]
    NotFound,
    #[error("the organisation exists already")]
    Exists,
    #[error("a name has 1 to 200 characters")]
    Name,
}

impl Refusal for OrganisationError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists => RefusalKind::Conflict,
            Self::Name => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "organisation_not_found",
            Self::Exists => "organisation_exists",
            Self::Name => "organisation_name_invalid",
        }
    }
}

impl Decide for Organisation {
    type Command = OrganisationCommand;
    type Error = OrganisationError;

    fn decide(&self, command: OrganisationCommand) -> Result<Vec<OrganisationEvent>, OrganisationError> {
        use OrganisationCommand::{Create, Rename};
        let (Create { name } | Rename { name }) = &command;
        if name.trim().is_empty() || name.chars().count() > 200 {
            return Err(OrganisationError::Name);
        }
        match (self, command) {
            (Organisation::Absent, Create { name }) => Ok(vec![OrganisationEvent::Created { name }]),
            (Organisation::Absent, Rename { .. }) => Err(OrganisationError::NotFound),
            (Organisation::Active { .. }, Create { .. }) => Err(OrganisationError::Exists),
            (Organisation::Active { name: current }, Rename { name }) if *current == name => Ok(vec![]),
            (Organisation::Active { .. }, Rename { name }) => Ok(vec![OrganisationEvent::Renamed { name }]),
        }
    }
}
