//! The contracts of the events: one JSON Schema per noun, made from the types.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::{
    access, bot, conversation, drive, file, memory, organisation, projection, run, schedule, session, token,
    user,
};

/// Noun and schema of its events, in alphabetical order.
pub fn event_schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("access", schema::<access::AccessEvent>()),
        ("bot", schema::<bot::BotEvent>()),
        ("conversation", schema::<conversation::ConversationEvent>()),
        ("drive", schema::<drive::DriveEvent>()),
        ("file", schema::<file::FileEvent>()),
        ("memory", schema::<memory::MemoryEvent>()),
        ("organisation", schema::<organisation::OrganisationEvent>()),
        ("projection", schema::<projection::ProjectionEvent>()),
        ("run", schema::<run::RunEvent>()),
        ("schedule", schema::<schedule::ScheduleEvent>()),
        ("session", schema::<session::SessionEvent>()),
        ("token", schema::<token::TokenEvent>()),
        ("user", schema::<user::UserEvent>()),
    ]
}

fn schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
}
