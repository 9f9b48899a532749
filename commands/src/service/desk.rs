//! What people at the desk do with conversations: take them over, give them back, answer in the bot's place.

use chrono::{DateTime, Utc};
use domain::conversation::{ChangedBy, Conversation};
use domain::{ConversationId, Permission, Personal, ReplyId};
use serde_json::Value;

use super::{Commands, Done};
use crate::{Actor, CommandError, Context, ConversationCommand, ConversationError, NewControl};

/// What somebody says in the bot's place.
#[derive(Clone)]
pub struct NewReply {
    /// Markdown.
    pub content: String,
    /// The name that the person is told; without one, of whoever the conversation was given to.
    pub attendant: Option<String>,
}

#[derive(Debug, Clone)]
pub struct GivenReply {
    pub reply_id: ReplyId,
    pub done: Done,
}

impl Commands {
    /// Has somebody else answer in a conversation: the bot, a person, nobody.
    pub async fn control_conversation(
        &self,
        context: &Context,
        conversation: ConversationId,
        to: NewControl,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::ConversationControl)?;
        let asked = format!(
            "{}\0{:?}\0{:?}\0{:?}\0{:?}",
            to.control.as_str(),
            to.attendant,
            to.reason,
            to.department,
            to.priority
        );
        let context = self.numbered_by(context, "control", &asked);
        let command = ConversationCommand::Control {
            to,
            by: changed_by(&context),
            at: now,
        };
        self.run::<Conversation>(&context, conversation.0, command, Value::Null)
            .await
    }

    /// Answers in the bot's place. A conversation that waits for a person is taken over with it; one that the bot
    /// answers is refused.
    pub async fn reply(
        &self,
        context: &Context,
        conversation: ConversationId,
        reply: NewReply,
        now: DateTime<Utc>,
    ) -> Result<GivenReply, CommandError> {
        context.actor.require(Permission::ConversationReply)?;
        let content = self.dialogues.checked_text(&reply.content)?;
        let asked = format!("{content}\0{:?}", reply.attendant);
        let context = self.numbered_by(context, "reply", &asked);
        let reply_id = ReplyId(context.derived_id("reply"));
        // A repetition is answered as the first time, whoever has the conversation now.
        if let Some(stored) = self.executor.first_answer(&context).await? {
            let done = Done {
                token: Some(stored.token),
                repeated: true,
            };
            return Ok(GivenReply { reply_id, done });
        }
        let command = ConversationCommand::Answer {
            reply_id,
            text: content,
            attendant: self.named(&context, conversation, reply.attendant).await?,
            by: changed_by(&context),
            at: now,
        };
        let done = self
            .run::<Conversation>(&context, conversation.0, command, Value::Null)
            .await?;
        Ok(GivenReply { reply_id, done })
    }

    /// The name under which somebody answers.
    async fn named(
        &self,
        context: &Context,
        conversation: ConversationId,
        name: Option<String>,
    ) -> Result<String, CommandError> {
        if let Some(name) = name {
            return Ok(name);
        }
        let known = self
            .executor
            .load_fresh::<Conversation>(context.tenant, conversation)
            .await?;
        let given_to = match known.state {
            Conversation::Open(open) => open.controlled.attendant,
            Conversation::Ended { .. } => return Err(ConversationError::Ended.into()),
            Conversation::Absent => return Err(ConversationError::NotFound.into()),
        };
        let known = given_to.as_ref().and_then(Personal::clear).cloned();
        known.ok_or_else(|| CommandError::Invalid {
            field: "attendant",
            message: "nobody was named before: say who answers".to_owned(),
        })
    }

    /// The same command, told from others by a keyed hash: what was asked is personal.
    fn numbered_by(&self, context: &Context, what: &str, asked: &str) -> Context {
        match context.command {
            Some(command) => {
                let keyring = self.executor.log().keyring();
                context.with_command(command.id, keyring.hash(context.tenant.0, what, asked))
            }
            None => context.clone(),
        }
    }
}

fn changed_by(context: &Context) -> ChangedBy {
    match &context.actor {
        Actor::Token { id, .. } => ChangedBy::Token { token_id: *id },
        Actor::System(_) | Actor::Visitor { .. } => ChangedBy::Server,
    }
}
