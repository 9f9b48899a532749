//! Services that stand behind words of the dialect: mail, models, calendars, other channels.

use std::fmt;

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use domain::{BotId, OrganisationId, SessionId, UserId};

/// Whose script asks.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    pub tenant: OrganisationId,
    pub bot: BotId,
    pub session: SessionId,
    pub user: UserId,
}

/// Answers what the platform does not answer by itself.
#[async_trait]
pub trait Services: Send + Sync + fmt::Debug {
    async fn ask(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal>;
}

/// No service is there.
#[derive(Debug, Clone, Copy)]
pub struct Unconfigured;

#[async_trait]
impl Services for Unconfigured {
    async fn ask(&self, _: &Asking, request: &Request) -> Result<Value, Refusal> {
        let message = format!("{} is not configured here", request.word);
        Err(Refusal::new("not_configured", message))
    }
}
