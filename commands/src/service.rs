//! Everything that can be asked from outside, each with its permission.

mod accounts;
mod automation;
mod desk;
mod drive;
mod erasing;
mod files;
mod ratings;
mod set_up;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::conversation::{Conversation, ConversationEnd};
use domain::run::Run;
use domain::session::{Channel, OpenSession, Session, SessionEnd};
use domain::token::Token;
use domain::user::User;
use domain::{BotId, ConversationId, OrganisationId, Permission, RunId, SessionId, TokenId, UserId};
use event_log::Token as ReadToken;
use serde_json::{Value, json};
use uuid::Uuid;

pub use accounts::{NewAccount, RegisteredUser};
pub use automation::{DeclaredTrigger, KnownSchedule};
pub use desk::{GivenReply, NewReply};
pub use drive::{DriveUpload, KnownDriveFile, PackagedFile};
pub use erasing::Erasure;
pub use files::{FileBlob, FileContent, UNSENT_KEPT_FOR};
pub use ratings::RatedReply;
pub use set_up::Choice;

use crate::bot::valid_name;
use crate::credential::Secret;
use crate::{
    Actor, BotCommand, CommandError, Context, ConversationCommand, Credential, Decide, Denials, Dialogues,
    Executor, NewTurn, ReceivedTurn, RunCommand, ScriptAnswer, SessionCommand, TokenCommand, TokenText,
    UserCommand, WebCall,
};

/// The commands of every noun. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    executor: Executor,
    dialogues: Dialogues,
    denials: Arc<Denials>,
}

/// A command that has nothing to say but that it is done.
#[derive(Debug, Clone)]
pub struct Done {
    /// None when nothing had to change.
    pub token: Option<ReadToken>,
    pub repeated: bool,
}

#[derive(Debug, Clone)]
pub struct BotCreated {
    pub bot_id: BotId,
    pub name: String,
    pub done: Done,
}

/// What a token is asked for.
#[derive(Debug, Clone)]
pub struct NewToken {
    pub name: String,
    pub permissions: BTreeSet<Permission>,
    pub expires_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub struct IssuedToken {
    pub token_id: TokenId,
    /// None when the command is a repetition: the secret was shown the first time and is not kept.
    pub text: Option<String>,
    pub done: Done,
}

#[derive(Debug, Clone)]
pub struct StartedSession {
    pub session_id: SessionId,
    pub user_id: UserId,
    pub bot_id: BotId,
    /// None when the command is a repetition: the secret was shown the first time and is not kept.
    pub credential: Option<String>,
    pub done: Done,
}

/// A session that a visitor has proved to be theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct VisitorSession {
    pub tenant: OrganisationId,
    pub session_id: SessionId,
    pub open: OpenSession,
}

impl VisitorSession {
    /// The visitor as the one who acts.
    pub fn context(&self) -> Context {
        let actor = Actor::Visitor {
            user: self.open.user_id,
            session: self.session_id,
        };
        Context {
            actor,
            ..Context::system(self.tenant, "web")
        }
    }
}

impl Commands {
    pub fn new(executor: Executor, dialogues: Dialogues, denials: Arc<Denials>) -> Self {
        Self {
            executor,
            dialogues,
            denials,
        }
    }

    pub fn executor(&self) -> &Executor {
        &self.executor
    }

    pub fn dialogues(&self) -> &Dialogues {
        &self.dialogues
    }

    /// Where refused access is counted.
    pub fn denials(&self) -> &Denials {
        &self.denials
    }

    // Bots

    pub async fn create_bot(&self, context: &Context, name: &str) -> Result<BotCreated, CommandError> {
        context.actor.require(Permission::BotCreate)?;
        let name = valid_name(name)?;
        let bot_id = BotId(context.derived_id("bot"));
        let command = BotCommand::Create { name: name.clone() };
        let done = self.run::<Bot>(context, bot_id.0, command, Value::Null).await?;
        Ok(BotCreated { bot_id, name, done })
    }

    pub async fn pause_bot(&self, context: &Context, bot: BotId) -> Result<Done, CommandError> {
        context.actor.require(Permission::BotPause)?;
        self.run::<Bot>(context, bot.0, BotCommand::Pause, Value::Null)
            .await
    }

    pub async fn resume_bot(&self, context: &Context, bot: BotId) -> Result<Done, CommandError> {
        context.actor.require(Permission::BotPause)?;
        self.run::<Bot>(context, bot.0, BotCommand::Resume, Value::Null)
            .await
    }

    pub async fn retire_bot(&self, context: &Context, bot: BotId) -> Result<Done, CommandError> {
        context.actor.require(Permission::BotRetire)?;
        self.run::<Bot>(context, bot.0, BotCommand::Retire, Value::Null)
            .await
    }

    /// The id of the bot that holds `name`, if any.
    pub async fn bot_named(&self, tenant: OrganisationId, name: &str) -> Result<Option<BotId>, CommandError> {
        let owner = self
            .executor
            .log()
            .claim_owner(tenant.0, "bot_name", &name.to_lowercase())
            .await?;
        Ok(owner.and_then(|owner| owner.parse().ok()))
    }

    /// A bot's state; `Absent` when there is none of this id.
    pub async fn bot(&self, tenant: OrganisationId, bot: BotId) -> Result<Bot, CommandError> {
        Ok(self.executor.load::<Bot>(tenant, bot).await?.state)
    }

    // Sessions

    /// Lets a visitor in: a user without an account and a session on the web.
    pub async fn admit_visitor(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        now: DateTime<Utc>,
    ) -> Result<StartedSession, CommandError> {
        self.begin_session(&Context::system(tenant, "visitors"), bot, Channel::Web, now)
            .await
    }

    /// Starts a session for a client of the API.
    pub async fn start_session(
        &self,
        context: &Context,
        bot: BotId,
        now: DateTime<Utc>,
    ) -> Result<StartedSession, CommandError> {
        context.actor.require(Permission::SessionStart)?;
        self.begin_session(context, bot, Channel::Api, now).await
    }

    pub async fn end_session(&self, context: &Context, session: SessionId) -> Result<Done, CommandError> {
        context.actor.require(Permission::SessionEnd)?;
        let command = SessionCommand::End {
            reason: SessionEnd::Requested,
        };
        let done = self
            .run::<Session>(context, session.0, command, Value::Null)
            .await?;
        if let Some(conversation) = self.open_conversation(context.tenant, session).await? {
            // A command of its own: under the session's id it would be taken for a repetition.
            let context = context.following("conversation");
            let ended = self
                .close_conversation(&context, conversation, ConversationEnd::SessionEnded)
                .await?;
            return Ok(Done {
                token: ended.token.or(done.token),
                repeated: done.repeated,
            });
        }
        Ok(done)
    }

    /// Checks a visitor's credential against an open session.
    pub async fn authenticate_session(
        &self,
        tenant: OrganisationId,
        credential: &Credential,
    ) -> Result<VisitorSession, CommandError> {
        let known = self.executor.load::<Session>(tenant, credential.session).await?;
        match known.state {
            Session::Open(open)
                if open
                    .secret_hash
                    .as_deref()
                    .is_some_and(|hash| credential.secret.fits(hash)) =>
            {
                // An account that is switched off opens nothing, and why is not told.
                match self.dialogues.admitting(tenant, open.user_id).await {
                    Ok(()) => {}
                    Err(CommandError::Refused { .. }) => return Err(CommandError::Unauthenticated),
                    Err(error) => return Err(error),
                }
                Ok(VisitorSession {
                    tenant,
                    session_id: credential.session,
                    open,
                })
            }
            _ => Err(CommandError::Unauthenticated),
        }
    }

    // Conversations

    /// Stores a visitor's message and hands it to whatever answers. Returns once it is durable.
    pub async fn receive_turn(
        &self,
        visitor: &VisitorSession,
        turn: NewTurn,
        now: DateTime<Utc>,
    ) -> Result<ReceivedTurn, CommandError> {
        let context = visitor.context();
        self.dialogues
            .receive(&context, visitor.session_id, &visitor.open, turn, now)
            .await
    }

    /// The same on behalf of a session, by a token with the right.
    pub async fn post_turn(
        &self,
        context: &Context,
        session: SessionId,
        turn: NewTurn,
        now: DateTime<Utc>,
    ) -> Result<ReceivedTurn, CommandError> {
        context.actor.require(Permission::ConversationWrite)?;
        match self
            .executor
            .load::<Session>(context.tenant, session)
            .await?
            .state
        {
            Session::Open(open) => self.dialogues.receive(context, session, &open, turn, now).await,
            Session::Absent => Err(crate::SessionError::NotFound.into()),
            Session::Ended => match self.dialogues.repeated(context, session, &turn).await? {
                Some(received) => Ok(received),
                None => Err(crate::SessionError::Ended.into()),
            },
        }
    }

    /// Runs the bot's opening script if this session has not seen it yet.
    pub async fn greet(&self, visitor: &VisitorSession, now: DateTime<Utc>) -> Result<(), CommandError> {
        self.dialogues
            .greet(visitor.tenant, visitor.session_id, &visitor.open, now)
            .await
    }

    pub async fn end_conversation(
        &self,
        context: &Context,
        conversation: ConversationId,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::ConversationEnd)?;
        self.close_conversation(context, conversation, ConversationEnd::Requested)
            .await
    }

    // Scripts that answer requests

    /// Has the script of a webhook or a form answer, and waits for it so long; then it goes on by itself.
    pub async fn ask_script(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        call: WebCall,
        patience: Duration,
        now: DateTime<Utc>,
    ) -> Result<ScriptAnswer, CommandError> {
        self.dialogues.ask_script(tenant, bot, call, patience, now).await
    }

    // Runs

    pub async fn cancel_run(
        &self,
        context: &Context,
        run: RunId,
        now: DateTime<Utc>,
    ) -> Result<Done, CommandError> {
        context.actor.require(Permission::RunCancel)?;
        self.run::<Run>(context, run.0, RunCommand::Cancel { at: now }, Value::Null)
            .await
    }

    // Tokens

    pub async fn issue_token(
        &self,
        context: &Context,
        new: NewToken,
        now: DateTime<Utc>,
    ) -> Result<IssuedToken, CommandError> {
        context.actor.require(Permission::TokenIssue)?;
        // Nobody hands out a right they do not have.
        for permission in &new.permissions {
            context.actor.require(*permission)?;
        }
        let token_id = TokenId(context.derived_id("token"));
        let text = TokenText {
            tenant: context.tenant,
            token: token_id,
            secret: Secret::random(),
        };
        let command = TokenCommand::Issue {
            name: new.name,
            permissions: new.permissions,
            secret_hash: text.secret.hash(),
            expires_at: new.expires_at,
            at: now,
        };
        let done = self
            .run::<Token>(context, token_id.0, command, Value::Null)
            .await?;
        Ok(IssuedToken {
            token_id,
            text: (!done.repeated).then(|| text.to_string()),
            done,
        })
    }

    pub async fn revoke_token(&self, context: &Context, token: TokenId) -> Result<Done, CommandError> {
        context.actor.require(Permission::TokenRevoke)?;
        self.run::<Token>(context, token.0, TokenCommand::Revoke, Value::Null)
            .await
    }

    /// Who a token is. Every failure looks the same.
    pub async fn authenticate_token(
        &self,
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<(OrganisationId, Actor), CommandError> {
        let text: TokenText = text.parse().map_err(|_| CommandError::Unauthenticated)?;
        let known = self.executor.load::<Token>(text.tenant, text.token).await?;
        match known.state {
            Token::Active(active)
                if text.secret.fits(&active.secret_hash) && active.expires_at.is_none_or(|at| now < at) =>
            {
                Ok((
                    text.tenant,
                    Actor::Token {
                        id: text.token,
                        permissions: active.permissions,
                    },
                ))
            }
            _ => Err(CommandError::Unauthenticated),
        }
    }

    async fn begin_session(
        &self,
        context: &Context,
        bot_id: BotId,
        channel: Channel,
        now: DateTime<Utc>,
    ) -> Result<StartedSession, CommandError> {
        let user_id = UserId(context.derived_id("user"));
        let session_id = SessionId(context.derived_id("session"));
        if let Err(refusal) = self.dialogues.answering(context.tenant, bot_id).await {
            // A repetition is answered as the first time, whatever holds now.
            let stored = self.executor.first_answer(context).await?.ok_or(refusal)?;
            return Ok(StartedSession {
                session_id,
                user_id,
                bot_id,
                credential: None,
                done: Done {
                    token: Some(stored.token),
                    repeated: true,
                },
            });
        }
        let secret = Secret::random();
        let unnumbered = Context {
            command: None,
            ..context.clone()
        };
        self.run::<User>(&unnumbered, user_id.0, UserCommand::Admit, Value::Null)
            .await?;
        let command = SessionCommand::Start {
            bot_id,
            user_id,
            channel,
            address: None,
            secret_hash: Some(secret.hash()),
            at: now,
        };
        let done = self
            .run::<Session>(context, session_id.0, command, json!({}))
            .await?;
        let credential = Credential {
            session: session_id,
            secret,
        };
        Ok(StartedSession {
            session_id,
            user_id,
            bot_id,
            credential: (!done.repeated).then(|| credential.to_string()),
            done,
        })
    }

    async fn open_conversation(
        &self,
        tenant: OrganisationId,
        session: SessionId,
    ) -> Result<Option<ConversationId>, CommandError> {
        let key = session.to_string();
        let owner = self
            .executor
            .log()
            .claim_owner(tenant.0, "open_conversation", &key)
            .await?;
        Ok(owner.and_then(|owner| owner.parse().ok()))
    }

    async fn close_conversation(
        &self,
        context: &Context,
        conversation: ConversationId,
        reason: ConversationEnd,
    ) -> Result<Done, CommandError> {
        let command = ConversationCommand::End { reason };
        self.run::<Conversation>(context, conversation.0, command, Value::Null)
            .await
    }

    pub(crate) async fn run<A: Decide>(
        &self,
        context: &Context,
        id: Uuid,
        command: A::Command,
        answer: Value,
    ) -> Result<Done, CommandError> {
        let committed = self.executor.execute::<A>(context, id, command, answer).await?;
        Ok(Done {
            token: committed.token,
            repeated: committed.repeated,
        })
    }
}
