//! Frames of what a person may choose, and of how the page shall look.

use commands::SetUp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A switch, without what a model is told: that is between the bot and the model.
#[derive(Serialize)]
pub(super) struct SwitcherFrame<'a> {
    id: &'a str,
    label: &'a str,
    active: bool,
}

pub(super) fn switchers(set_up: &SetUp) -> Vec<SwitcherFrame<'_>> {
    fn frame(one: &commands::Switcher) -> SwitcherFrame<'_> {
        SwitcherFrame {
            id: &one.id,
            label: &one.label,
            active: one.active,
        }
    }
    set_up.switchers.iter().map(frame).collect()
}

/// What the session is set up with, as far as the person may choose.
pub(in crate::socket) fn set_up(set_up: &SetUp) -> String {
    let data = json!({ "context_name": set_up.context, "switchers": switchers(set_up) });
    json!({ "event": "set_up", "data": data }).to_string()
}

/// How the page shall look: a name, or colours, title and logo.
pub(in crate::socket) fn change_theme(theme: &Value) -> String {
    let data = match theme {
        Value::Object(_) => theme.clone(),
        name => json!({ "theme": name }),
    };
    json!({ "event": "change_theme", "data": data }).to_string()
}

/// A choice is kept.
pub(in crate::socket) fn chosen(message_id: Option<Uuid>) -> String {
    json!({ "event": "received", "data": { "message_id": message_id } }).to_string()
}
