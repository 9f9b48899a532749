//! What an event is to a listener: whose it is, what of it is opened, and what it says.

use chrono::{DateTime, Utc};
use domain::conversation::{
    ControlChange, Conversation, ConversationEnd, ConversationEvent, Rating, Reply, Turn,
};
use domain::memory::{Memory, MemoryEvent};
use domain::run::{Run, RunEvent};
use domain::session::Session;
use domain::{Aggregate, EventFormatError, ReplyId, SessionId, TurnId};
use event_log::{Position, RecordedEvent};
use serde_json::Value;
use uuid::Uuid;

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveEvent {
    pub position: Position,
    pub recorded_at: DateTime<Utc>,
    pub event: LiveFact,
}

/// What happened. Contents are clear or erased, never sealed.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveFact {
    ConversationStarted,
    Turn(Turn),
    /// `answers` is the turn for which nothing more will come, when that is known with the reply.
    Reply {
        reply: Reply,
        answers: Option<TurnId>,
    },
    /// Everything that a turn brought about has been said.
    Answered {
        turn_id: TurnId,
    },
    /// A turn is left to people: whoever answers it does not say so.
    LeftToHuman {
        turn_id: TurnId,
    },
    /// Somebody else answers from now on.
    ControlChanged(ControlChange),
    /// What a turn says is shown to nobody from now on.
    Masked {
        turn_id: TurnId,
    },
    /// The person says what they think of a reply.
    Rated {
        reply_id: ReplyId,
        rating: Option<Rating>,
    },
    ConversationEnded {
        reason: ConversationEnd,
    },
    SessionEnded,
    /// What the session is set up with has changed.
    SetUpChanged,
}

/// Members of an event that are opened: what was said, what came with it, who answers, and what is remembered or forgotten.
/// A run's stored state is of no use to listeners, and large.
pub(super) const OPENED: [&str; 5] = ["content", "files", "attendant", "entries", "keys"];

/// What of an event has to be opened.
pub(super) fn sealed(event: &RecordedEvent) -> [Value; OPENED.len()] {
    OPENED.map(|member| event.payload.get(member).cloned().unwrap_or_default())
}

/// Puts what was opened in the place of what was sealed.
pub(super) fn put_opened(event: &mut RecordedEvent, opened: impl IntoIterator<Item = Value>) {
    for (member, value) in OPENED.iter().zip(opened) {
        if let Some(place) = event.payload.get_mut(*member) {
            *place = value;
        }
    }
}

/// Whose event it is, looked up without decoding: most events of the log are nobody's who listens.
pub(super) fn session_of(event: &RecordedEvent) -> Option<SessionId> {
    let text = match event.stream.aggregate_type.as_str() {
        Session::TYPE => event.stream.aggregate_id.as_str(),
        Memory::TYPE => event.stream.aggregate_id.strip_prefix("session:")?,
        Conversation::TYPE | Run::TYPE => event.payload.get("session_id")?.as_str()?,
        _ => return None,
    };
    Uuid::parse_str(text).ok().map(SessionId)
}

/// What listeners are told of an event; None when it is of no interest to them, or unknown to this version.
pub(super) fn live_event(event: &RecordedEvent) -> Option<LiveEvent> {
    let fact = match event.stream.aggregate_type.as_str() {
        Session::TYPE => Ok((event.event_type == "session.ended").then_some(LiveFact::SessionEnded)),
        Memory::TYPE => decode(event).map(|event| of_memory(&event)),
        Conversation::TYPE => decode(event).map(of_conversation),
        _ => decode(event).map(of_run),
    };
    match fact {
        Ok(fact) => Some(LiveEvent {
            position: event.position?,
            recorded_at: event.recorded_at,
            event: fact?,
        }),
        Err(EventFormatError::Unknown(..)) => None,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, event.id = %event.event_id, "event cannot be read, listeners miss it");
            None
        }
    }
}

fn decode<E: domain::Event>(event: &RecordedEvent) -> Result<E, EventFormatError> {
    domain::decode(&event.event_type, event.event_version, &event.payload)
}

fn of_conversation(event: ConversationEvent) -> Option<LiveFact> {
    Some(match event {
        ConversationEvent::Started { .. } => LiveFact::ConversationStarted,
        ConversationEvent::TurnReceived(turn) => LiveFact::Turn(turn),
        // The bot answers by itself only where no script does, and then with one reply.
        ConversationEvent::ReplyProduced(reply) => LiveFact::Reply {
            answers: reply.in_reply_to,
            reply,
        },
        ConversationEvent::TurnLeftToHuman { turn_id, .. } => LiveFact::LeftToHuman { turn_id },
        ConversationEvent::ControlChanged(change) => LiveFact::ControlChanged(change),
        // What only those who work on it see.
        ConversationEvent::PrioritySet { .. }
        | ConversationEvent::Tagged { .. }
        | ConversationEvent::Noted(_) => return None,
        ConversationEvent::ReplyRated { reply_id, rating, .. } => LiveFact::Rated { reply_id, rating },
        ConversationEvent::Ended { reason, .. } => LiveFact::ConversationEnded { reason },
    })
}

/// What scripts remember for themselves is of no interest, and comes with every turn of some.
fn of_memory(event: &MemoryEvent) -> Option<LiveFact> {
    event.sets_up().then_some(LiveFact::SetUpChanged)
}

fn of_run(event: RunEvent) -> Option<LiveFact> {
    match event {
        RunEvent::Started(_) | RunEvent::Recorded(_) | RunEvent::EventPublished(_) => None,
        RunEvent::ReplyProduced(reply) => Some(LiveFact::Reply { reply, answers: None }),
        RunEvent::AnswerMasked { turn_id, .. } => Some(LiveFact::Masked { turn_id }),
        RunEvent::Suspended(suspension) => suspension.turn_id.map(|turn_id| LiveFact::Answered { turn_id }),
        RunEvent::Ended { turn_id, .. } => turn_id.map(|turn_id| LiveFact::Answered { turn_id }),
    }
}

#[cfg(test)]
mod tests {
    use domain::memory::{MemoryEntry, MemoryScope};
    use domain::{Personal, UserId};

    use super::*;
    use crate::testing::{moment, recorded};

    #[test]
    fn of_what_a_session_remembers_its_set_up_is_told() {
        let scope = MemoryScope::Session {
            session_id: SessionId::default(),
        };
        let told = |event: &MemoryEvent| {
            let event = live_event(&recorded::<Memory>(1, 1, 1, event));
            event.map(|event| event.event)
        };
        let mine = |text: &str| text.to_owned();
        let set = |key: &str| MemoryEvent::Set {
            scope,
            entries: Personal::conversation(
                UserId::default(),
                vec![MemoryEntry {
                    key: mine(key),
                    value: mine("1"),
                    expires_at: None,
                }],
            ),
            others: Vec::new(),
            set_at: moment(1),
        };
        let cleared = |keys: Option<&str>| MemoryEvent::Cleared {
            scope,
            keys: keys.map(|key| Personal::conversation(UserId::default(), vec![mine(key)])),
        };
        for event in [set("setup.theme"), cleared(Some("setup.theme")), cleared(None)] {
            assert_eq!(told(&event), Some(LiveFact::SetUpChanged), "{event:?}");
        }
        for event in [set("cart"), cleared(Some("cart"))] {
            assert_eq!(told(&event), None, "{event:?}");
        }
    }
}
