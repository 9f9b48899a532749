//! Sessions: who talks to which bot.

use async_graphql::{Context, Enum, ID, Object};
use chrono::{DateTime, Utc};
use domain::session::Channel as DomainChannel;
use domain::{BotId, Permission, SessionId};
use projections::Page;
use projections::session::{SessionFilter, SessionRow, SessionState as RowState};

use super::asking::Asking;
use super::bot::Bot;
use super::conversation::{Conversation, ConversationState};
use super::error::AskError;
use super::guard::Needs;
use super::loaders::{Loaders, SocketsOf, find, find_by_text};
use super::paging::{List, cost, counted, list, page};
use super::scalar::id;
use super::set_up::SetUp;
use super::user::User;

/// It is a memory of its own, which is read from the log where it is not at hand.
const SET_UP_COST: usize = 20;

pub(super) struct Session(SessionRow);

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self(row)
    }
}

/// Whether a session goes on.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowState")]
pub(super) enum SessionState {
    /// The person can go on talking.
    Open,
    /// It is over; its credential is not accepted any more.
    Ended,
}

/// How a person reaches a bot.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainChannel")]
pub(super) enum Channel {
    /// The chat on the web.
    Web,
    /// A program that uses the API.
    Api,
    /// Nobody: scripts run in it that start by themselves.
    Automation,
}

impl Session {
    pub fn filter(bot_id: Option<BotId>, state: Option<SessionState>) -> SessionFilter {
        SessionFilter {
            bot_id,
            state: state.map(RowState::from),
        }
    }

    pub async fn list(ctx: &Context<'_>, page: Page, filter: SessionFilter) -> Result<List<Self>, AskError> {
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.session_count(&filter).await?)
        } else {
            None
        };
        Ok(list(reads.sessions(&page, &filter).await?, total))
    }
}

/// A person's chat with a bot.
#[Object]
impl Session {
    /// Identifies the session.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The bot that is talked to. Null until the read model shows it. Needs `bot.read`.
    #[graphql(guard = "Needs(Permission::BotRead)")]
    async fn bot(&self, ctx: &Context<'_>) -> Result<Option<Bot>, AskError> {
        find(ctx, self.0.bot_id).await
    }

    /// Identifies the bot.
    async fn bot_id(&self) -> ID {
        self.0.bot_id.to_string().into()
    }

    /// The person. Null until the read model shows them. Needs `user.read`.
    #[graphql(guard = "Needs(Permission::UserRead)")]
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>, AskError> {
        find(ctx, self.0.user_id).await
    }

    /// Identifies the person.
    async fn user_id(&self) -> ID {
        self.0.user_id.to_string().into()
    }

    /// How the person reaches the bot.
    async fn channel(&self) -> Channel {
        self.0.channel.into()
    }

    /// Whether it goes on.
    async fn state(&self) -> SessionState {
        self.0.state.into()
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When it ended. Null while it goes on.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// How many sockets the person has open now, in all processes: 0 when they are away. A process that falls silent
    /// counts for five seconds more. Null when it is not known.
    async fn sockets(&self, ctx: &Context<'_>) -> Result<Option<u32>, AskError> {
        let loaders = ctx.data_unchecked::<Loaders>();
        let sockets = loaders.load_one(SocketsOf(self.0.id)).await?;
        Ok(Some(sockets.unwrap_or_default()))
    }

    /// What it is set up with, as of now. Null when it cannot be read.
    #[graphql(complexity = "SET_UP_COST")]
    async fn set_up(&self, ctx: &Context<'_>) -> Result<Option<SetUp>, AskError> {
        Asking::of(ctx).set_up(self.0.id).await.map(Some)
    }

    /// Its conversations, newest first. Null when they cannot be read. Needs `conversation.read`.
    #[graphql(
        guard = "Needs(Permission::ConversationRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only conversations in this state.")] state: Option<ConversationState>,
    ) -> Result<Option<List<Conversation>>, AskError> {
        let filter = Conversation::filter(None, Some(self.0.id), state, None);
        Conversation::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }
}

#[derive(Default)]
pub(super) struct SessionQuery;

#[Object]
impl SessionQuery {
    /// The session of this id. Null when there is none. Needs `session.read`.
    #[graphql(guard = "Needs(Permission::SessionRead)")]
    async fn session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which session.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Session>, AskError> {
        find_by_text::<SessionId, Session>(ctx, &id).await
    }

    /// Sessions, newest first. Null when they cannot be read. Needs `session.read`.
    #[graphql(
        guard = "Needs(Permission::SessionRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only sessions with this bot.")] bot_id: Option<ID>,
        #[graphql(desc = "Only sessions in this state.")] state: Option<SessionState>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<Session>>, AskError> {
        let filter = Session::filter(id(bot_id, "botId")?, state);
        Session::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }
}
