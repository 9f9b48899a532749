//! Runs: which script answers, what it waits for, how it ended.

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::{BotId, ConversationId, Permission, RunId};
use projections::Page;
use projections::run::{
    Outcome as RowOutcome, RunFailure as RowFailure, RunFilter, RunRow, RunState as RowState,
};

use super::asking::Asking;
use super::bot::Bot;
use super::conversation::Conversation;
use super::error::AskError;
use super::guard::Needs;
use super::loaders::{find, find_by_text};
use super::paging::{List, cost, counted, list, page};
use super::scalar::{Long, id};

pub(super) struct Run(RunRow);

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self(row)
    }
}

/// Where a run stands.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowState")]
pub(super) enum RunState {
    /// It works, between two waits.
    Running,
    /// It waits for the person.
    Waiting,
    /// It is over.
    Ended,
}

/// How a run ended.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowOutcome")]
pub(super) enum RunOutcome {
    /// The script came to its end.
    Completed,
    /// The script broke.
    Failed,
    /// Somebody with the right to ended it.
    Cancelled,
}

impl Run {
    pub fn filter(
        bot_id: Option<BotId>,
        conversation_id: Option<ConversationId>,
        state: Option<RunState>,
    ) -> RunFilter {
        RunFilter {
            bot_id,
            conversation_id,
            state: state.map(RowState::from),
        }
    }

    pub async fn list(ctx: &Context<'_>, page: Page, filter: RunFilter) -> Result<List<Self>, AskError> {
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.run_count(&filter).await?)
        } else {
            None
        };
        Ok(list(reads.runs(&page, &filter).await?, total))
    }
}

/// One execution of a script.
#[Object]
impl Run {
    /// Identifies the run.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The conversation that it answers in. Null until the read model shows it. Needs `conversation.read`.
    #[graphql(guard = "Needs(Permission::ConversationRead)")]
    async fn conversation(&self, ctx: &Context<'_>) -> Result<Option<Conversation>, AskError> {
        find(ctx, self.0.conversation_id).await
    }

    /// The bot whose script it is. Null until the read model shows it. Needs `bot.read`.
    #[graphql(guard = "Needs(Permission::BotRead)")]
    async fn bot(&self, ctx: &Context<'_>) -> Result<Option<Bot>, AskError> {
        find(ctx, self.0.bot_id).await
    }

    /// Identifies the conversation.
    async fn conversation_id(&self) -> ID {
        self.0.conversation_id.to_string().into()
    }

    /// Identifies the session.
    async fn session_id(&self) -> ID {
        self.0.session_id.to_string().into()
    }

    /// Identifies the bot.
    async fn bot_id(&self) -> ID {
        self.0.bot_id.to_string().into()
    }

    /// Name of the script within the bot's package.
    async fn script(&self) -> &str {
        &self.0.script
    }

    /// Hash of the program that it runs, hexadecimal.
    async fn program(&self) -> &str {
        &self.0.program
    }

    /// Where it stands.
    async fn state(&self) -> RunState {
        self.0.state.into()
    }

    /// What the script waits for: `text`, `integer`, `date` and so on. Null unless it waits.
    async fn waits_for(&self) -> Option<&str> {
        self.0.waits_for.as_deref()
    }

    /// How it ended. Null until it has.
    async fn outcome(&self) -> Option<RunOutcome> {
        self.0.outcome.map(RunOutcome::from)
    }

    /// Why it failed. Null unless it did.
    async fn failure(&self) -> Option<RunFailure> {
        self.0.failure.as_ref().map(RunFailure::from)
    }

    /// Steps of the machine up to its last wait.
    async fn steps(&self) -> Long {
        self.0.steps.into()
    }

    /// How often it said something.
    async fn reply_count(&self) -> u64 {
        self.0.reply_count
    }

    /// When it began.
    async fn started_at(&self) -> DateTime<Utc> {
        self.0.started_at
    }

    /// When something last happened to it.
    async fn updated_at(&self) -> DateTime<Utc> {
        self.0.updated_at
    }

    /// When it ended. Null until it has.
    async fn ended_at(&self) -> Option<DateTime<Utc>> {
        self.0.ended_at
    }
}

/// What broke in a run, and where.
#[derive(SimpleObject)]
pub(super) struct RunFailure {
    /// What kind of failure it is.
    code: String,
    /// What happened, in words. Null when it was erased: it may have quoted a person.
    message: Option<String>,
    /// Line of the script, from 1; 0 when there is none.
    line: u32,
    /// Column of the line in characters, from 1; 0 when there is none.
    column: u32,
}

impl From<&RowFailure> for RunFailure {
    fn from(failure: &RowFailure) -> Self {
        Self {
            code: failure.code.clone(),
            message: failure.message.clear().cloned(),
            line: failure.line,
            column: failure.column,
        }
    }
}

#[derive(Default)]
pub(super) struct RunQuery;

#[Object]
impl RunQuery {
    /// The run of this id. Null when there is none. Needs `run.read`.
    #[graphql(guard = "Needs(Permission::RunRead)")]
    async fn run(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which run.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Run>, AskError> {
        find_by_text::<RunId, Run>(ctx, &id).await
    }

    /// Runs, newest first. Null when they cannot be read. Needs `run.read`.
    #[graphql(
        guard = "Needs(Permission::RunRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn runs(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only runs of this bot's scripts.")] bot_id: Option<ID>,
        #[graphql(desc = "Only runs in this conversation.")] conversation_id: Option<ID>,
        #[graphql(desc = "Only runs in this state.")] state: Option<RunState>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<Run>>, AskError> {
        let filter = Run::filter(
            id(bot_id, "botId")?,
            id(conversation_id, "conversationId")?,
            state,
        );
        Run::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }
}
