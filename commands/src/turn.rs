//! A message on its way in: what is asked for, and what is answered once it is durable.

use domain::{ConversationId, FileId, TurnId};
use event_log::Token as ReadToken;
use uuid::Uuid;

use crate::tool::NewInvocation;

/// A message as a person sent it.
#[derive(Clone, Default)]
pub struct NewTurn {
    /// May be empty when files come with it.
    pub content: String,
    /// Uploaded to the session before, in order.
    pub files: Vec<FileId>,
    /// The tool that it calls.
    pub invokes: Option<NewInvocation>,
    /// The sender's own id of the message. Without one a repetition cannot be recognised.
    pub message_id: Option<Uuid>,
}

/// A message that is durable and will be answered once.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceivedTurn {
    pub turn_id: TurnId,
    pub conversation_id: ConversationId,
    pub token: ReadToken,
    /// True when this message had been received before.
    pub repeated: bool,
}
