//! What may be asked of a conversation.
//!
//! Turns are not decided here: they may always be added, so they are appended without deciding anything.
//!
//! Who answers may be changed from anything to anything else by whoever has the right; what already holds changes
//! nothing. A conversation in which a person is asked for, answers, or that is paused, does not end by resting.

use chrono::{DateTime, TimeDelta, Utc};
use domain::conversation::{
    ChangedBy, Control, ControlChange, Controlled, Conversation, ConversationEnd, ConversationEvent, Note,
    OpenConversation, Priority, Reply, ReplyContent, is_label,
};
use domain::{BotId, Personal, ReplyId, SessionId, UserId};

use crate::{Decide, Refusal, RefusalKind};

#[derive(Debug, Clone)]
pub enum ConversationCommand {
    Start {
        session_id: SessionId,
        bot_id: BotId,
        user_id: UserId,
        at: DateTime<Utc>,
    },
    /// Has somebody else answer.
    Control {
        to: NewControl,
        by: ChangedBy,
        at: DateTime<Utc>,
    },
    /// Gives it to somebody, who is asked for unless a person answers already.
    Assign {
        attendant: String,
        by: ChangedBy,
        at: DateTime<Utc>,
    },
    /// Gives it to somebody if it waits for nobody in particular.
    Take {
        attendant: String,
        by: ChangedBy,
        at: DateTime<Utc>,
    },
    /// A person answers in the bot's place, and takes the conversation over if it waits.
    Answer {
        reply_id: ReplyId,
        text: String,
        attendant: String,
        by: ChangedBy,
        at: DateTime<Utc>,
    },
    /// Says something in it that nobody asked for, as the bot.
    Tell {
        reply_id: ReplyId,
        text: String,
        at: DateTime<Utc>,
    },
    SetPriority {
        priority: Priority,
        by: ChangedBy,
    },
    Tag {
        tag: String,
        by: ChangedBy,
    },
    AddNote {
        text: String,
        by: ChangedBy,
        at: DateTime<Utc>,
    },
    End {
        reason: ConversationEnd,
    },
    /// Ends it if nothing was said for longer than `idle`.
    Expire {
        idle: TimeDelta,
        at: DateTime<Utc>,
    },
}

/// Who shall answer, and what is known of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewControl {
    pub control: Control,
    /// Who answers, or shall, as the person is told.
    pub attendant: Option<String>,
    pub reason: Option<String>,
    /// A label; kept as it is when none is given and a person is still asked for.
    pub department: Option<String>,
    /// Kept likewise.
    pub priority: Option<Priority>,
}

const NAME_CHARACTERS_MAX: usize = 200;
const REASON_CHARACTERS_MAX: usize = 2_000;
const NOTE_CHARACTERS_MAX: usize = 4_000;
const TAGS_MAX: usize = 20;
const NOTES_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConversationError {
    #[error("conversation not found")]
    NotFound,
    #[error("the conversation exists already")]
    Exists,
    #[error("the conversation has ended")]
    Ended,
    #[error("the bot answers in this conversation; take it over first")]
    WithBot,
    #[error("the conversation waits for nobody, or for somebody else")]
    NotWaiting,
    #[error("a name has 1 to {NAME_CHARACTERS_MAX} characters on one line")]
    Name,
    #[error("a reason has at most {REASON_CHARACTERS_MAX} characters")]
    Reason,
    #[error("departments and tags have 1 to 40 letters, digits, spaces and - _ . &")]
    Label,
    #[error("a note has 1 to {NOTE_CHARACTERS_MAX} characters")]
    Note,
    #[error("a conversation has at most {TAGS_MAX} tags")]
    TooManyTags,
    #[error("a conversation has at most {NOTES_MAX} notes")]
    TooManyNotes,
}

impl Refusal for ConversationError {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::NotFound => RefusalKind::NotFound,
            Self::Exists
            | Self::Ended
            | Self::WithBot
            | Self::NotWaiting
            | Self::TooManyTags
            | Self::TooManyNotes => RefusalKind::Conflict,
            Self::Name | Self::Reason | Self::Label | Self::Note => RefusalKind::Invalid,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "conversation_not_found",
            Self::Exists => "conversation_exists",
            Self::Ended => "conversation_ended",
            Self::WithBot => "conversation_with_bot",
            Self::NotWaiting => "conversation_not_waiting",
            Self::Name => "attendant_name_invalid",
            Self::Reason => "reason_invalid",
            Self::Label => "label_invalid",
            Self::Note => "note_invalid",
            Self::TooManyTags => "too_many_tags",
            Self::TooManyNotes => "too_many_notes",
        }
    }
}

impl Decide for Conversation {
    type Command = ConversationCommand;
    type Error = ConversationError;

    fn decide(&self, command: ConversationCommand) -> Result<Vec<ConversationEvent>, ConversationError> {
        use ConversationCommand::{End, Expire, Start};
        match (self, command) {
            (
                Conversation::Absent,
                Start {
                    session_id,
                    bot_id,
                    user_id,
                    at,
                },
            ) => Ok(vec![ConversationEvent::Started {
                session_id,
                bot_id,
                user_id,
                started_at: at,
            }]),
            (_, Start { .. }) => Err(ConversationError::Exists),
            (Conversation::Absent, _) => Err(ConversationError::NotFound),
            (Conversation::Ended { .. }, End { .. } | Expire { .. }) => Ok(vec![]),
            (Conversation::Ended { .. }, _) => Err(ConversationError::Ended),
            (Conversation::Open(open), command) => open.decide(command),
        }
    }
}

/// What an open conversation decides.
trait DecideOpen {
    fn decide(&self, command: ConversationCommand) -> Result<Vec<ConversationEvent>, ConversationError>;
    fn control(
        &self,
        to: NewControl,
        by: ChangedBy,
        at: DateTime<Utc>,
    ) -> Result<Vec<ConversationEvent>, ConversationError>;
    fn given_to(&self, control: Control, attendant: String) -> NewControl;
    fn said(
        &self,
        reply_id: ReplyId,
        text: String,
        attendant: Option<String>,
        at: DateTime<Utc>,
    ) -> ConversationEvent;
}

impl DecideOpen for OpenConversation {
    fn decide(&self, command: ConversationCommand) -> Result<Vec<ConversationEvent>, ConversationError> {
        use ConversationCommand::{
            AddNote, Answer, Assign, Control as ChangeControl, End, Expire, SetPriority, Start, Tag, Take,
            Tell,
        };
        let session_id = self.session_id;
        match command {
            Start { .. } => Err(ConversationError::Exists),
            End { reason } => Ok(vec![ConversationEvent::Ended { session_id, reason }]),
            Expire { idle, at } => {
                let rests = self.controlled.control == Control::Bot && at - self.active_at > idle;
                let reason = ConversationEnd::Idle;
                Ok(rests
                    .then_some(ConversationEvent::Ended { session_id, reason })
                    .into_iter()
                    .collect())
            }
            ChangeControl { to, by, at } => self.control(to, by, at),
            Take { .. }
                if self.controlled.control != Control::WaitingForHuman
                    || self.controlled.attendant.is_some() =>
            {
                Err(ConversationError::NotWaiting)
            }
            Take { attendant, by, at } | Assign { attendant, by, at } => {
                let control = match self.controlled.control {
                    Control::Human => Control::Human,
                    Control::Bot | Control::WaitingForHuman | Control::Paused => Control::WaitingForHuman,
                };
                self.control(self.given_to(control, attendant), by, at)
            }
            Answer {
                reply_id,
                text,
                attendant,
                by,
                at,
            } => {
                if self.controlled.control == Control::Bot {
                    return Err(ConversationError::WithBot);
                }
                let to = self.given_to(Control::Human, attendant.clone());
                let mut events = self.control(to, by, at)?;
                events.push(self.said(reply_id, text, Some(attendant), at));
                Ok(events)
            }
            Tell { reply_id, text, at } => Ok(vec![self.said(reply_id, text, None, at)]),
            SetPriority { priority, .. } if priority == self.controlled.priority => Ok(vec![]),
            SetPriority { priority, by } => Ok(vec![ConversationEvent::PrioritySet {
                session_id,
                priority,
                by,
            }]),
            Tag { tag, .. } if self.tags.contains(&label(&tag)?) => Ok(vec![]),
            Tag { .. } if self.tags.len() >= TAGS_MAX => Err(ConversationError::TooManyTags),
            Tag { tag, by } => Ok(vec![ConversationEvent::Tagged {
                session_id,
                tag: label(&tag)?,
                by,
            }]),
            AddNote { .. } if self.notes >= NOTES_MAX => Err(ConversationError::TooManyNotes),
            AddNote { text, by, at } => {
                let length = text.chars().count();
                if text.trim().is_empty() || length > NOTE_CHARACTERS_MAX || text.contains('\0') {
                    return Err(ConversationError::Note);
                }
                Ok(vec![ConversationEvent::Noted(Note {
                    session_id,
                    by,
                    text: Personal::conversation(self.user_id, text),
                    noted_at: at,
                })])
            }
        }
    }

    fn control(
        &self,
        to: NewControl,
        by: ChangedBy,
        at: DateTime<Utc>,
    ) -> Result<Vec<ConversationEvent>, ConversationError> {
        let name = |name: &String| {
            let fits = !name.trim().is_empty() && name.chars().count() <= NAME_CHARACTERS_MAX;
            fits && !name.chars().any(char::is_control)
        };
        if to.attendant.as_ref().is_some_and(|given| !name(given)) {
            return Err(ConversationError::Name);
        }
        let reason =
            |reason: &String| reason.chars().count() <= REASON_CHARACTERS_MAX && !reason.contains('\0');
        if to.reason.as_ref().is_some_and(|given| !reason(given)) {
            return Err(ConversationError::Reason);
        }
        let department = to.department.as_deref().map(label).transpose()?;
        // What was said of the wait holds for whoever ends it.
        let kept = Some(&self.controlled).filter(|_| to.control != Control::Bot);
        let mine = |text| Personal::conversation(self.user_id, text);
        let change = ControlChange {
            session_id: self.session_id,
            control: to.control,
            by,
            attendant: to.attendant.map(mine),
            reason: to.reason.map(mine),
            department: department.or_else(|| kept.and_then(|kept| kept.department.clone())),
            priority: to.priority.or(kept.map(|kept| kept.priority)).unwrap_or_default(),
            changed_at: at,
        };
        let holds = Controlled {
            since: self.controlled.since,
            ..(&change).into()
        };
        let same = said(&holds) == said(&self.controlled);
        Ok((!same)
            .then_some(ConversationEvent::ControlChanged(change))
            .into_iter()
            .collect())
    }

    /// With what is known of why a person is asked for.
    fn given_to(&self, control: Control, attendant: String) -> NewControl {
        NewControl {
            control,
            attendant: Some(attendant),
            reason: clear(&self.controlled.reason),
            ..NewControl::default()
        }
    }

    fn said(
        &self,
        reply_id: ReplyId,
        text: String,
        attendant: Option<String>,
        at: DateTime<Utc>,
    ) -> ConversationEvent {
        let content = ReplyContent {
            text,
            ..ReplyContent::default()
        };
        ConversationEvent::ReplyProduced(Reply {
            reply_id,
            session_id: self.session_id,
            in_reply_to: None,
            content: Personal::conversation(self.user_id, content),
            attendant: attendant.map(|name| Personal::conversation(self.user_id, name)),
            produced_at: at,
        })
    }
}

/// What it says, however it is kept.
fn said(of: &Controlled) -> impl PartialEq {
    (
        of.control,
        clear(&of.attendant),
        clear(&of.reason),
        of.department.clone(),
        of.priority,
    )
}

fn clear(text: &Option<Personal<String>>) -> Option<String> {
    text.as_ref().and_then(Personal::clear).cloned()
}

fn label(text: &str) -> Result<String, ConversationError> {
    if is_label(text) {
        Ok(text.trim().to_lowercase())
    } else {
        Err(ConversationError::Label)
    }
}
