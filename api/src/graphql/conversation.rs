//! Conversations: the turns of a session until it falls idle.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::conversation::{
    Control as DomainControl, ConversationEnd as DomainEnd, Priority as DomainPriority,
};
use domain::{BotId, ConversationId, Permission, SessionId};
use projections::Page;
use projections::conversation::{
    ConversationFilter, ConversationRow, ConversationState as RowState, NoteRow, QueueFilter, QueuedRow,
};

use super::asking::Asking;
use super::bot::Bot;
use super::error::AskError;
use super::guard::Needs;
use super::loaders::{Loaders, NotesOf, find, find_by_text};
use super::paging::{List, Stretch, cost, counted, list, page, stretch};
use super::run::{Run, RunState};
use super::scalar::id;
use super::session::Session;
use super::turn::Turn;

/// Remarks of one conversation, as many as there may well be.
const NOTES: usize = 20;

pub(super) struct Conversation(ConversationRow);

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        Self(row)
    }
}

/// Whether a conversation goes on.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowState")]
pub(super) enum ConversationState {
    /// The next turn belongs to it, unless it has fallen idle by then.
    Open,
    /// The next turn begins another.
    Ended,
}

/// Why a conversation ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainEnd")]
pub(super) enum ConversationEnd {
    /// Nobody had said anything for long.
    Idle,
    /// Somebody with the right to asked for it.
    Requested,
    /// Its session ended.
    SessionEnded,
    /// The script that it was for has ended.
    Completed,
}

/// Who answers in a conversation.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainControl")]
pub(super) enum Control {
    /// The bot.
    Bot,
    /// The bot has asked for a person, or somebody has: it is in the queue.
    WaitingForHuman,
    /// A person.
    Human,
    /// Nobody, until somebody says so.
    Paused,
}

/// How much somebody waits for a person.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainPriority")]
pub(super) enum Priority {
    /// Not much.
    Low,
    /// As usual.
    Normal,
    /// More than others.
    High,
    /// At once.
    Urgent,
}

/// A remark of people who work on a conversation.
#[derive(SimpleObject)]
pub(super) struct Note {
    /// What was remarked. Null when it was erased.
    text: Option<String>,
    /// When.
    at: DateTime<Utc>,
}

impl From<QueuedRow> for Conversation {
    fn from(row: QueuedRow) -> Self {
        Self(row.0)
    }
}

impl Conversation {
    pub fn filter(
        bot_id: Option<BotId>,
        session_id: Option<SessionId>,
        state: Option<ConversationState>,
        control: Option<Control>,
    ) -> ConversationFilter {
        ConversationFilter {
            bot_id,
            session_id,
            state: state.map(RowState::from),
            control: control.map(DomainControl::from),
        }
    }

    pub async fn list(
        ctx: &Context<'_>,
        page: Page,
        filter: ConversationFilter,
    ) -> Result<List<Self>, AskError> {
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.conversation_count(&filter).await?)
        } else {
            None
        };
        Ok(list(reads.conversations(&page, &filter).await?, total))
    }
}

/// The turns of a session until it falls idle.
#[Object]
impl Conversation {
    /// Identifies the conversation.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The session it belongs to. Null until the read model shows it. Needs `session.read`.
    #[graphql(guard = "Needs(Permission::SessionRead)")]
    async fn session(&self, ctx: &Context<'_>) -> Result<Option<Session>, AskError> {
        find(ctx, self.0.session_id).await
    }

    /// The bot that is talked to. Null until the read model shows it. Needs `bot.read`.
    #[graphql(guard = "Needs(Permission::BotRead)")]
    async fn bot(&self, ctx: &Context<'_>) -> Result<Option<Bot>, AskError> {
        find(ctx, self.0.bot_id).await
    }

    /// Identifies the session.
    async fn session_id(&self) -> ID {
        self.0.session_id.to_string().into()
    }

    /// Identifies the bot.
    async fn bot_id(&self) -> ID {
        self.0.bot_id.to_string().into()
    }

    /// Identifies the person.
    async fn user_id(&self) -> ID {
        self.0.user_id.to_string().into()
    }

    /// Whether it goes on.
    async fn state(&self) -> ConversationState {
        self.0.state.into()
    }

    /// Why it ended. Null while it goes on.
    async fn end(&self) -> Option<ConversationEnd> {
        self.0.end.map(ConversationEnd::from)
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When the person last said something, or it began.
    async fn active_at(&self) -> DateTime<Utc> {
        self.0.active_at
    }

    /// When it ended. Null while it goes on.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }

    /// How often the person said something.
    async fn turn_count(&self) -> u64 {
        self.0.turn_count
    }

    /// Who answers in it.
    async fn control(&self) -> Control {
        self.0.control.into()
    }

    /// Since when they do.
    async fn control_since(&self) -> DateTime<Utc> {
        self.0.control_since
    }

    /// The name of the person who answers, or shall, as the person is told. Null where it is nobody in particular, or
    /// was erased.
    async fn attendant(&self) -> Option<&str> {
        self.0.attendant.as_ref()?.clear().map(String::as_str)
    }

    /// Why it is who it is. Null when nobody said so, or when it was erased.
    async fn control_reason(&self) -> Option<&str> {
        self.0.reason.as_ref()?.clear().map(String::as_str)
    }

    /// The part of the organisation that shall answer. Null when none was named.
    async fn department(&self) -> Option<&str> {
        self.0.department.as_deref()
    }

    /// How much the person waits.
    async fn priority(&self) -> Priority {
        self.0.priority.into()
    }

    /// What it was marked with, in order of the letters.
    async fn tags(&self) -> &[String] {
        &self.0.tags
    }

    /// What people who work on it remarked, oldest first. Null when it cannot be read.
    #[graphql(complexity = "1 + NOTES * child_complexity")]
    async fn notes(&self, ctx: &Context<'_>) -> Result<Option<Vec<Note>>, AskError> {
        let note = |note: NoteRow| Note {
            text: note.text.clear().cloned(),
            at: note.at,
        };
        let loaders = ctx.data_unchecked::<Loaders>();
        let found = loaders.load_one(NotesOf(self.0.id)).await?.unwrap_or_default();
        Ok(Some(found.into_iter().map(note).collect()))
    }

    /// How often the bot said something, or a person in its place.
    async fn reply_count(&self) -> u64 {
        self.0.reply_count
    }

    /// What was said, oldest first. Null when it cannot be read.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn turns(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<Stretch<Turn>>, AskError> {
        let page = page(first, last, after, before)?;
        Ok(Some(stretch(
            Asking::of(ctx).reads().await?.turns(self.0.id, &page).await?,
        )))
    }

    /// Runs of scripts that answered in it, newest first. Null when they cannot be read. Needs `run.read`.
    #[graphql(
        guard = "Needs(Permission::RunRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only runs in this state.")] state: Option<RunState>,
    ) -> Result<Option<List<Run>>, AskError> {
        let filter = Run::filter(None, Some(self.0.id), state);
        Run::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }
}

#[derive(Default)]
pub(super) struct ConversationQuery;

#[Object]
impl ConversationQuery {
    /// The conversation of this id. Null when there is none. Needs `conversation.read`.
    #[graphql(guard = "Needs(Permission::ConversationRead)")]
    async fn conversation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which conversation.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Conversation>, AskError> {
        find_by_text::<ConversationId, Conversation>(ctx, &id).await
    }

    /// Conversations, newest first. Null when they cannot be read. Needs `conversation.read`.
    #[graphql(
        guard = "Needs(Permission::ConversationRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn conversations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only conversations with this bot.")] bot_id: Option<ID>,
        #[graphql(desc = "Only conversations of this session.")] session_id: Option<ID>,
        #[graphql(desc = "Only conversations in this state.")] state: Option<ConversationState>,
        #[graphql(
            desc = "Only conversations in which these answer; of those that have ended only what was the bot's at last."
        )]
        control: Option<Control>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<Conversation>>, AskError> {
        let (bot_id, session_id) = (id(bot_id, "botId")?, id(session_id, "sessionId")?);
        let filter = Conversation::filter(bot_id, session_id, state, control);
        Conversation::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }

    /// Conversations that wait for a person, longest first. Null when they cannot be read. Needs `conversation.read`.
    #[graphql(
        guard = "Needs(Permission::ConversationRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn queue(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only conversations with this bot.")] bot_id: Option<ID>,
        #[graphql(desc = "Only conversations that this part of the organisation shall answer.")]
        department: Option<String>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<Conversation>>, AskError> {
        let filter = QueueFilter {
            bot_id: id(bot_id, "botId")?,
            department: department.map(|department| department.trim().to_lowercase()),
        };
        let page = page(first, last, after, before)?;
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.queue_count(&filter).await?)
        } else {
            None
        };
        Ok(Some(list(reads.queue(&page, &filter).await?, total)))
    }
}
