//! Organisations: the tenants. Everything else belongs to one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Aggregate, Event};

/// What happened to an organisation. Stored for ever: see `schemas/events/organisation.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum OrganisationEvent {
    #[serde(rename = "organisation.created")]
    Created { name: String },
    #[serde(rename = "organisation.renamed")]
    Renamed { name: String },
}

impl Event for OrganisationEvent {
    const TYPES: &'static [(&'static str, u16)] = &[("organisation.created", 1), ("organisation.renamed", 1)];
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Organisation {
    #[default]
    Absent,
    Active {
        name: String,
    },
}

impl Aggregate for Organisation {
    const TYPE: &'static str = "organisation";
    type Event = OrganisationEvent;

    fn apply(&mut self, event: &OrganisationEvent) {
        match event {
            OrganisationEvent::Created { name } | OrganisationEvent::Renamed { name } => {
                *self = Organisation::Active { name: name.clone() };
            }
        }
    }
}
