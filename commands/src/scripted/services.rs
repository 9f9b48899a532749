//! Services that stand behind words of the dialect: the web, mail, models, calendars, other channels.

use std::fmt;

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use bytes::Bytes;
use domain::{BotId, OrganisationId, SessionId, UserId};

/// Whose script asks, and what it has set for its questions.
#[derive(Debug, Clone)]
pub struct Asking {
    pub tenant: OrganisationId,
    pub bot: BotId,
    pub session: SessionId,
    pub user: UserId,
    /// What SET HEADER set, by name.
    pub headers: Vec<(String, String)>,
}

/// What asking a service would be.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// It answers and changes nothing: asked again after a crash.
    Reads,
    /// It changes something: asked once, and not again when it is not known what became of it.
    Changes,
    /// It is not asked at all.
    Refused(Refusal),
}

impl Plan {
    pub fn not_configured(request: &Request) -> Plan {
        Plan::Refused(not_configured(request))
    }
}

fn not_configured(request: &Request) -> Refusal {
    Refusal::new(
        "not_configured",
        format!("{} is not configured here", request.word),
    )
}

/// What an address gave.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// As it is called there; whoever keeps it makes a name of its own of it.
    pub name: String,
    pub bytes: Bytes,
}

/// Answers what the platform does not answer by itself.
#[async_trait]
pub trait Services: Send + Sync + fmt::Debug {
    fn plan(&self, request: &Request) -> Plan;

    async fn ask(&self, asking: &Asking, request: &Request) -> Result<Value, Refusal>;

    /// What an address gives, of at most so many bytes. It changes nothing.
    async fn fetch(&self, _: &Asking, _address: &str, _bytes_max: u64) -> Result<Fetched, Refusal> {
        Err(Refusal::new("not_configured", "the web is not configured here"))
    }
}

/// No service is there.
#[derive(Debug, Clone, Copy)]
pub struct Unconfigured;

#[async_trait]
impl Services for Unconfigured {
    fn plan(&self, request: &Request) -> Plan {
        Plan::not_configured(request)
    }

    async fn ask(&self, _: &Asking, request: &Request) -> Result<Value, Refusal> {
        Err(not_configured(request))
    }
}
