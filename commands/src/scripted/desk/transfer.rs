//! TRANSFER TO HUMAN, in all its forms.

use basic::{Refusal, Request, Value};
use chrono::Utc;
use domain::conversation::{Control, Priority, is_label};
use serde_json::json;

use crate::scripted::{Answered, Host};
use crate::{CommandError, ConversationCommand, NewControl};

impl Host<'_> {
    pub(super) async fn transfer_to_human(&mut self, request: &Request) -> Result<Answered, CommandError> {
        if let Err(refusal) = self.own_conversation() {
            return Ok(Err(refusal));
        }
        let asked = match Transfer::of(request) {
            Ok(asked) => asked,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let attendant = asked.to.as_deref().and_then(|name| self.attendant(name));
        let (department, mut reason) = match (&attendant, asked.to) {
            (Some(known), _) => (asked.department.or(known.department.clone()), asked.reason),
            (None, Some(to)) if asked.department.is_none() && self.has_department(&to) => {
                (Some(to), asked.reason)
            }
            // Whoever is not at the desk is at least told of, where it is sealed: it may be anybody's name.
            (None, to) => (asked.department, asked.reason.or(to)),
        };
        reason = reason.filter(|reason| !reason.trim().is_empty());
        let department = department.filter(|department| is_label(department));
        let statuses = self.statuses().await?;
        let present = attendant.filter(|attendant| statuses(&attendant.id) != "offline");
        let command = ConversationCommand::Control {
            to: NewControl {
                control: Control::WaitingForHuman,
                attendant: present.map(|attendant| attendant.name),
                reason,
                department,
                priority: Some(asked.priority.unwrap_or_default()),
            },
            by: self.by(),
            at: Utc::now(),
        };
        match self.command_once(self.conversation, command).await? {
            Ok(_) => self.transferred().await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// What a script is told of its conversation once that waits for a person.
    async fn transferred(&self) -> Result<Answered, CommandError> {
        let open = self.open(self.conversation).await?;
        let controlled = open.as_ref().map(|open| &open.controlled);
        let priority = controlled.map(|known| known.priority).unwrap_or_default();
        let (desk, bot) = (&self.shared.options.desk, self.start.bot_id);
        let ahead = desk
            .ahead(self.context.tenant, bot, priority, self.conversation)
            .await?;
        let position = ahead + 1;
        let name = controlled.and_then(|known| known.attendant.as_ref()?.clear());
        let (status, message) = match name {
            Some(name) => ("assigned", format!("{name} will answer.")),
            None => (
                "queued",
                format!("A person will answer. Place in the queue: {position}."),
            ),
        };
        let attendant = name.and_then(|name| self.attendant(name));
        Ok(Ok(Value::from_json(json!({
            "success": true,
            "status": status,
            "queue_position": position,
            // Nobody measures how long people take.
            "estimated_wait_seconds": null,
            "attendant_id": attendant.map(|attendant| attendant.id),
            "attendant_name": name,
            "department": controlled.and_then(|known| known.department.as_ref()),
            "priority": priority.as_str(),
            "message": message,
        }))))
    }

    /// Whether somebody at the desk works in a department of this name.
    fn has_department(&self, name: &str) -> bool {
        let name = name.trim().to_lowercase();
        let known = self.shared.attendants(self.start.bot_id);
        let mut departments = known.iter().filter_map(|attendant| attendant.department.as_ref());
        departments.any(|department| department.trim().to_lowercase() == name)
    }
}

/// What TRANSFER TO HUMAN was given.
#[derive(Debug, Default, PartialEq)]
struct Transfer {
    /// Somebody's name, or a department.
    to: Option<String>,
    department: Option<String>,
    priority: Option<Priority>,
    reason: Option<String>,
}

impl Transfer {
    fn of(request: &Request) -> Result<Self, Refusal> {
        let said = |value: &Value| match value {
            Value::Null => None,
            value => Some(value.to_string()).filter(|text| !text.trim().is_empty()),
        };
        if let Value::Object(given) = request.argument(0) {
            let field = |name: &str| given.get(name).and_then(said);
            return Ok(Self {
                to: field("name").or(field("to")).or(field("attendant")),
                department: field("department"),
                priority: given.get("priority").map(priority).transpose()?,
                reason: field("reason").or(field("context")),
            });
        }
        Ok(Self {
            to: said(request.argument(0)),
            department: None,
            priority: match request.argument(1) {
                Value::Null => None,
                given => Some(priority(given)?),
            },
            reason: said(request.argument(2)),
        })
    }
}

/// A word or a number from 1 to 4.
pub(super) fn priority(given: &Value) -> Result<Priority, Refusal> {
    let word = given.to_string().trim().to_lowercase();
    match word.as_str() {
        "" | "medium" | "default" | "2" => Some(Priority::Normal),
        "1" => Some(Priority::Low),
        "3" => Some(Priority::High),
        "critical" | "4" => Some(Priority::Urgent),
        word => Priority::parse(word),
    }
    .ok_or_else(|| {
        let message = format!("`{word}` is no priority; there are low, normal, high and urgent");
        Refusal::mistake("priority_unknown", message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_priority_is_a_word_or_its_number() {
        let read = |given: Value| priority(&given).map_err(|refusal| refusal.code);
        assert_eq!(read("High".into()), Ok(Priority::High));
        assert_eq!(read("medium".into()), Ok(Priority::Normal));
        assert_eq!(read(4.into()), Ok(Priority::Urgent));
        assert_eq!(read("soon".into()), Err("priority_unknown".to_owned()));
    }
}
