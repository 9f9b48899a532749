//! Bots: who answers, and with which scripts.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::bot::{
    FileFinding as DomainFileFinding, Finding as DomainFinding, Script as DomainScript,
    Severity as DomainSeverity,
};
use domain::{BotId, Permission};
use projections::bot::{BotFilter, BotRow, BotState as RowState};

use super::asking::Asking;
use super::automation::{Schedule, Trigger};
use super::conversation::{Conversation, ConversationState};
use super::drive::DriveFile;
use super::error::AskError;
use super::guard::Needs;
use super::loaders::find_by_text;
use super::paging::{List, cost, counted, list, page};
use super::run::{Run, RunState};
use super::session::{Session, SessionState};

/// Scripts that a package is reckoned to hold when the cost of a document is measured.
const SCRIPTS: usize = 10;

pub(super) struct Bot(BotRow);

impl From<BotRow> for Bot {
    fn from(row: BotRow) -> Self {
        Self(row)
    }
}

/// Whether a bot answers.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "RowState")]
pub(super) enum BotState {
    /// It answers.
    Active,
    /// Visitors are turned away until it is resumed.
    Paused,
    /// It is gone for good and its name is free.
    Retired,
}

/// Somebody to talk to: a name and the scripts that answer.
#[Object]
impl Bot {
    /// Identifies the bot.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Its name, as in the address of its page.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it answers.
    async fn state(&self) -> BotState {
        self.0.state.into()
    }

    /// True when a script of its package does not compile, or another file of it is of no use as it is.
    async fn broken(&self) -> bool {
        self.0.broken
    }

    /// What a page calls it. Null until a package was loaded.
    async fn title(&self) -> Option<&str> {
        self.0
            .package
            .as_ref()
            .map(|package| package.profile.title.as_str())
    }

    /// What a page says about it. Null until a package was loaded.
    async fn description(&self) -> Option<&str> {
        self.0
            .package
            .as_ref()
            .map(|package| package.profile.description.as_str())
    }

    /// What a model is told before it speaks as this bot. Null without one, and until a package was loaded.
    async fn system_prompt(&self) -> Option<&str> {
        self.0.package.as_ref()?.profile.system_prompt.as_deref()
    }

    /// SHA-256 over the files of its package, hexadecimal. Null until a package was loaded.
    async fn package_digest(&self) -> Option<&str> {
        self.0.package.as_ref().map(|package| package.digest.as_str())
    }

    /// The scripts of its package, by name. Empty until a package was loaded.
    #[graphql(complexity = "1 + SCRIPTS * child_complexity")]
    async fn scripts(&self) -> Vec<Script> {
        let package = self.0.package.as_ref();
        package
            .map(|package| package.scripts.iter().map(Script::from).collect())
            .unwrap_or_default()
    }

    /// What is wrong with files of its package that are no scripts, or looks wrong. Empty until a package was loaded.
    #[graphql(complexity = "1 + SCRIPTS * child_complexity")]
    async fn findings(&self) -> Vec<FileFinding> {
        let package = self.0.package.as_ref();
        package
            .map(|package| package.findings.iter().map(FileFinding::from).collect())
            .unwrap_or_default()
    }

    /// When it was created.
    async fn created_at(&self) -> DateTime<Utc> {
        self.0.created_at
    }

    /// When its package was loaded. Null until one was.
    async fn loaded_at(&self) -> Option<DateTime<Utc>> {
        self.0.loaded_at
    }

    /// Its sessions, newest first. Null when they cannot be read. Needs `session.read`.
    #[graphql(
        guard = "Needs(Permission::SessionRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    async fn sessions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only sessions in this state.")] state: Option<SessionState>,
    ) -> Result<Option<List<Session>>, AskError> {
        let filter = Session::filter(Some(self.0.id), state);
        Session::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
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
        let filter = Conversation::filter(Some(self.0.id), None, state, None);
        Conversation::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }

    /// Runs of its scripts, newest first. Null when they cannot be read. Needs `run.read`.
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
        let filter = Run::filter(Some(self.0.id), None, state);
        Run::list(ctx, page(first, last, after, before)?, filter)
            .await
            .map(Some)
    }

    /// Its schedules, by script. Null when they cannot be read.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn schedules(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<List<Schedule>>, AskError> {
        let page = page(first, last, after, before)?;
        let known = Asking::of(ctx).schedules(self.0.id);
        let total = u64::try_from(known.len()).ok();
        let known = known.into_iter().map(Schedule).collect();
        Ok(Some(list(page.of_all(known, Schedule::key)?, total)))
    }

    /// What starts its scripts besides schedules, by script: webhooks, forms, events, tables, files. Null when it cannot
    /// be read.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    async fn triggers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
    ) -> Result<Option<List<Trigger>>, AskError> {
        let page = page(first, last, after, before)?;
        let declared = Asking::of(ctx).triggers(self.0.id).await?;
        let declared = declared.into_iter().enumerate();
        let triggers: Vec<Trigger> = declared
            .filter_map(|(number, trigger)| Trigger::new(number, trigger))
            .collect();
        let total = u64::try_from(triggers.len()).ok();
        Ok(Some(list(page.of_all(triggers, Trigger::key)?, total)))
    }

    /// The files of its drive, by path. Null when they cannot be read. Needs `drive.read`.
    #[graphql(
        guard = "Needs(Permission::DriveRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    async fn files(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only files below this folder.")] folder: Option<String>,
    ) -> Result<Option<List<DriveFile>>, AskError> {
        let page = page(first, last, after, before)?;
        let folder = folder.unwrap_or_default();
        let known = Asking::of(ctx).drive_files(self.0.id, &folder).await?;
        let known: Vec<DriveFile> = known.unwrap_or_default().into_iter().map(DriveFile).collect();
        let total = u64::try_from(known.len()).ok();
        let slice = page.of_all(known, |file| file.0.path.clone())?;
        Ok(Some(list(slice, total)))
    }
}

/// One script of a bot's package.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Script {
    /// Its path within the package, without extension, in lower case.
    name: String,
    /// Hash of the program that runs: of the source as it is or, when that is broken, of the last good one. Null
    /// when there never was a good one.
    program: Option<String>,
    /// True when the source as it is does not compile.
    broken: bool,
    #[graphql(skip)]
    found: Vec<DomainFinding>,
}

#[ComplexObject]
impl Script {
    /// What is wrong with the source, or looks wrong.
    #[graphql(complexity = "1 + SCRIPTS * child_complexity")]
    async fn findings(&self) -> Vec<Finding> {
        self.found.iter().map(Finding::from).collect()
    }
}

impl From<(&String, &DomainScript)> for Script {
    fn from((name, script): (&String, &DomainScript)) -> Self {
        Self {
            name: name.clone(),
            program: script.program.clone(),
            broken: script.broken(),
            found: script.findings.clone(),
        }
    }
}

/// Something that is wrong with a script, or looks wrong.
#[derive(SimpleObject)]
pub(super) struct Finding {
    /// What kind it is: `B`, or `P` for a file as such, and four digits.
    code: String,
    /// How bad it is.
    severity: Severity,
    /// What is wrong, in words.
    message: String,
    /// Line of the source, from 1.
    line: u32,
    /// Column of the line in characters, from 1.
    column: u32,
    /// What to do about it. Null when there is nothing to be said.
    help: Option<String>,
}

impl From<&DomainFinding> for Finding {
    fn from(finding: &DomainFinding) -> Self {
        Self {
            code: finding.code.clone(),
            severity: finding.severity.into(),
            message: finding.message.clone(),
            line: finding.line,
            column: finding.column,
            help: finding.help.clone(),
        }
    }
}

/// Something that is wrong with a file of a package, or looks wrong.
#[derive(SimpleObject)]
pub(super) struct FileFinding {
    /// Its path within the package.
    file: String,
    /// What was found in it.
    finding: Finding,
}

impl From<&DomainFileFinding> for FileFinding {
    fn from(found: &DomainFileFinding) -> Self {
        Self {
            file: found.file.clone(),
            finding: Finding::from(&found.finding),
        }
    }
}

/// How bad a finding is.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "DomainSeverity")]
pub(super) enum Severity {
    /// The script does not run.
    Error,
    /// The script runs, but perhaps not as it was meant.
    Warning,
}

#[derive(Default)]
pub(super) struct BotQuery;

#[Object]
impl BotQuery {
    /// The bot of this id. Null when there is none. Needs `bot.read`.
    #[graphql(guard = "Needs(Permission::BotRead)")]
    async fn bot(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which bot.")] id: ID,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<Bot>, AskError> {
        find_by_text::<BotId, Bot>(ctx, &id).await
    }

    /// Bots, newest first. Null when they cannot be read. Needs `bot.read`.
    #[graphql(
        guard = "Needs(Permission::BotRead)",
        complexity = "cost(first, last, child_complexity)"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is an argument of the field")]
    async fn bots(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "So many from the start of the list, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what comes after this cursor.")] after: Option<String>,
        #[graphql(desc = "So many from the end of the list, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what comes before this cursor.")] before: Option<String>,
        #[graphql(desc = "Only bots whose name contains this, without regard to case.")] name: Option<String>,
        #[graphql(desc = "Only bots in this state.")] state: Option<BotState>,
        #[graphql(name = "waitFor", desc = "Token of a command that the answer must show.")]
        _wait_for: Option<String>,
    ) -> Result<Option<List<Bot>>, AskError> {
        let page = page(first, last, after, before)?;
        let filter = BotFilter {
            name,
            state: state.map(RowState::from),
        };
        let reads = Asking::of(ctx).reads().await?;
        let total = if counted(ctx) {
            Some(reads.bot_count(&filter).await?)
        } else {
            None
        };
        Ok(Some(list(reads.bots(&page, &filter).await?, total)))
    }
}
