//! What starts scripts without anybody talking to their bot: schedules, webhooks, forms, events that scripts publish,
//! rows that change.
//!
//! A start is a conversation that begins with a trigger. Its id follows from what caused it, so that a cause starts a
//! script once, whoever finds it and how often. From there on it is a conversation like others: whose it is runs the
//! script, and recovery sees to it that it ends.

mod asked;
mod calendar;
mod causes;
pub(crate) mod changes;
mod handlers;
mod heard;
mod schedules;
pub(crate) mod when;

use chrono::{DateTime, Utc};
use domain::conversation::{Conversation, ConversationEvent};
use domain::run::RowValues;
use domain::session::{Channel, Session};
use domain::trigger::{GivenVariables, Trigger, TriggerCause};
use domain::user::User;
use domain::{BotId, ConversationId, OrganisationId, Personal, RunId, SessionId, UserId};
use event_log::Outcome;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::dialogue::{Dialogues, Shared};
use crate::executor::append_command;
use crate::{CommandError, Context, SessionCommand, UserCommand};

pub(crate) use asked::Awaited;
pub use asked::{ScriptAnswer, WebCall};
pub(crate) use calendar::Calendar;
pub(crate) use handlers::Handlers;
pub(crate) use heard::{Heard, Wait};
pub(crate) use schedules::scheduled_run;

/// Scripts that start one another, one behind the other, at most.
pub(crate) const DEPTH_MAX: u8 = 8;

/// The largest text of variables that stands in its event.
const EVENT_BYTES_MAX: usize = 16 << 10;

/// A script to be started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    /// Follows from the cause.
    pub conversation: ConversationId,
    pub bot: BotId,
    /// Whom the run is for; None for nobody in particular.
    pub user: Option<UserId>,
    pub script: String,
    pub cause: TriggerCause,
    pub depth: u8,
    pub variables: Map<String, Value>,
    /// The row whose change is the cause.
    pub row: Option<RowValues>,
    /// The path of the file whose change is the cause.
    pub path: Option<Personal<String>>,
}

/// The run of a conversation that a trigger began.
pub(crate) fn triggered_run(conversation: ConversationId) -> RunId {
    RunId(Uuid::new_v5(&conversation.0, b"start"))
}

impl Dialogues {
    /// Begins the conversation in which the script runs, unless that was done before.
    pub(crate) async fn start_script(
        &self,
        tenant: OrganisationId,
        start: &Start,
        now: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        let Some((session_id, user_id)) = self.automation_session(tenant, start, now).await? else {
            tracing::info!(bot.id = %start.bot, script.name = start.script, "whom a script was to start for was erased");
            return Ok(());
        };
        let conversation = start.conversation;
        let given = self
            .shared()
            .keep_variables(tenant, conversation, &start.variables)
            .await?;
        let blob = given.blob.clone();
        let (row, path) = self.still_known(tenant, start).await?;
        let began = ConversationEvent::Started {
            session_id,
            bot_id: start.bot,
            user_id,
            started_at: now,
            trigger: Some(Box::new(Trigger {
                script: start.script.clone(),
                cause: start.cause.clone(),
                depth: start.depth,
                given: Personal::conversation(user_id, given),
                row,
                path,
            })),
        };
        let context = Context::system(tenant, "automation").with_command(conversation.0, [0; 32]);
        let id = conversation.to_string();
        let append =
            append_command::<Conversation>(&context, &id, Some(0), id.clone(), &[began], json!(null))?;
        let outcome = self.shared().executor.append(append).await?;
        if !matches!(outcome, Outcome::Stored(_))
            && let Some(blob) = blob
        {
            self.shared()
                .forget_state(triggered_run(conversation), &blob)
                .await;
        }
        match outcome {
            Outcome::Stored(_) => {
                metrics::counter!("scripts_started_total", "cause" => start.cause.as_str()).increment(1);
            }
            // Whoever was faster began the same.
            Outcome::Duplicate(_) | Outcome::Conflict { .. } => {}
            Outcome::Mismatch | Outcome::Taken { .. } | Outcome::Fenced { .. } => {
                return Err(CommandError::Contended);
            }
        }
        self.look_after(tenant, conversation);
        Ok(())
    }

    /// The row and the path of a start, without what is about people who were erased since: nothing is stored of them.
    async fn still_known(
        &self,
        tenant: OrganisationId,
        start: &Start,
    ) -> Result<(Option<RowValues>, Option<Personal<String>>), CommandError> {
        let executor = &self.shared().executor;
        let kept = async |value: &Option<Personal<String>>| -> Result<_, CommandError> {
            let Some(Personal::Clear { subject, .. }) = value else {
                return Ok(value.clone());
            };
            let known = executor.load_fresh::<User>(tenant, *subject).await?.state;
            Ok(value.clone().filter(|_| !matches!(known, User::Erased)))
        };
        let row = match &start.row {
            None => None,
            Some(row) => Some(RowValues {
                old: kept(&row.old).await?,
                new: kept(&row.new).await?,
                omitted: row.omitted,
            }),
        };
        Ok((row, kept(&start.path).await?))
    }

    /// Begins what is this process's to begin.
    pub(crate) async fn start_mine(&self, tenant: OrganisationId, start: &Start) -> Result<(), CommandError> {
        if !self.shared().options.runners.is_mine(start.conversation) {
            return Ok(());
        }
        self.start_script(tenant, start, Utc::now()).await
    }

    /// The session in which the script runs, which is its own, so that what one start sets and remembers is not the next
    /// one's; and whom it is for. None where that person was erased.
    async fn automation_session(
        &self,
        tenant: OrganisationId,
        start: &Start,
        now: DateTime<Utc>,
    ) -> Result<Option<(SessionId, UserId)>, CommandError> {
        let session = SessionId(Uuid::new_v5(&start.conversation.0, b"session"));
        let executor = &self.shared().executor;
        let context = Context::system(tenant, "automation");
        // Who stands for nobody is the same each time.
        let user = start.user.unwrap_or(nobody(start.bot));
        let known = match executor.load_fresh::<User>(tenant, user).await?.state {
            User::Absent => false,
            User::Erased => return Ok(None),
            User::Visitor | User::Member { .. } => true,
        };
        if executor.load::<Session>(tenant, session).await?.version > 0 {
            return Ok(Some((session, user)));
        }
        if !known {
            let context = context.with_command(user.0, [0; 32]);
            executor
                .execute::<User>(&context, user, UserCommand::Admit, json!(null))
                .await?;
        }
        let begin = SessionCommand::Start {
            bot_id: start.bot,
            user_id: user,
            channel: Channel::Automation,
            address: None,
            secret_hash: None,
            at: now,
        };
        let context = context.with_command(session.0, [0; 32]);
        executor
            .execute::<Session>(&context, session, begin, json!(null))
            .await?;
        Ok(Some((session, user)))
    }
}

/// The user who stands for nobody in what starts a bot's scripts.
fn nobody(bot: BotId) -> UserId {
    UserId(Uuid::new_v5(&bot.0, b"automation"))
}

impl Shared {
    async fn keep_variables(
        &self,
        tenant: OrganisationId,
        conversation: ConversationId,
        variables: &Map<String, Value>,
    ) -> Result<GivenVariables, CommandError> {
        let text = serde_json::to_string(variables).map_err(CommandError::unexpected)?;
        if text.len() <= EVENT_BYTES_MAX {
            return Ok(GivenVariables {
                variables: text,
                blob: None,
            });
        }
        let blob = self.keep_given(tenant, conversation, text.as_bytes()).await?;
        Ok(GivenVariables {
            variables: String::new(),
            blob: Some(blob),
        })
    }

    /// What a triggered script finds set, by name. Nothing where that was erased; None where it is lost.
    pub(crate) async fn given_variables(
        &self,
        run: RunId,
        trigger: &Trigger,
    ) -> Result<Option<Vec<(String, basic::Value)>>, CommandError> {
        let mut found = trigger.row.as_ref().map(row_variables).unwrap_or_default();
        if let TriggerCause::File = trigger.cause {
            let path = trigger.path.as_ref().and_then(|path| path.clear());
            let path = path.map_or(basic::Value::Null, |path| basic::Value::from(path.as_str()));
            found.push(("trigger_path".to_owned(), path));
        }
        let Some(given) = trigger.given.clear() else {
            return Ok(Some(found));
        };
        let text = match &given.blob {
            None => given.variables.clone().into_bytes(),
            Some(_) => match self.bytes(run, "", given.blob.as_ref()).await? {
                Some(bytes) => bytes,
                None => return Ok(None),
            },
        };
        let variables: Map<String, Value> =
            serde_json::from_slice(&text).map_err(CommandError::unexpected)?;
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name, basic::Value::from_json(value)));
        found.extend(variables);
        Ok(Some(found))
    }
}

/// What a script finds set of the row whose change started it.
fn row_variables(row: &RowValues) -> Vec<(String, basic::Value)> {
    let values = |values: &Option<Personal<String>>| {
        let text = values.as_ref().and_then(|values| values.clear());
        let values = text.and_then(|text| serde_json::from_str(text).ok());
        values.map_or(basic::Value::Null, basic::Value::from_json)
    };
    vec![
        ("trigger_old_values".to_owned(), values(&row.old)),
        ("trigger_new_values".to_owned(), values(&row.new)),
        (
            "trigger_values_omitted".to_owned(),
            basic::Value::Bool(row.omitted),
        ),
    ]
}
