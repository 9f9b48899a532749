//! Scripts that somebody outside asks and waits for: webhooks and forms.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use basic::{Answer, Trigger};
use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::run::{Run, RunEvent, RunOutcome, StoredAnswers};
use domain::trigger::TriggerCause;
use domain::{Aggregate, BotId, ConversationId, OrganisationId, Personal, RunId, decode};
use event_log::{RecordedEvent, StreamId};
use serde_json::{Map, Value};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{Start, triggered_run};
use crate::dialogue::{Dialogues, lock};
use crate::{BotError, CommandError, RefusalKind};

/// A request that a script answers.
#[derive(Debug, Clone)]
pub struct WebCall {
    /// A form that was sent, instead of a webhook.
    pub is_form: bool,
    /// The webhook or the form that is meant.
    pub name: String,
    /// The sender's own id of the request; without one a repetition cannot be recognised.
    pub id: Option<String>,
    /// What a repetition says again: another request under the same id is another one.
    pub said: Value,
    /// What the script finds set, by name.
    pub variables: Map<String, Value>,
}

/// What became of the script that was asked.
#[derive(Debug, Clone, PartialEq)]
pub enum ScriptAnswer {
    /// What it returned.
    Returned(Value),
    /// It broke; what broke is in its run's events.
    Failed { run: RunId },
    /// It has not ended yet and goes on.
    Running { run: RunId },
}

/// The end of a run.
pub(crate) struct EndedRun {
    completed: bool,
    /// What it returned, where that was asked for.
    pub returned: Option<Personal<StoredAnswers>>,
}

/// Whoever waits for runs to end, by run.
pub(crate) type Awaited = Mutex<HashMap<RunId, Vec<oneshot::Sender<()>>>>;

/// What a webhook returned may take in memory.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Somebody who waits for a run to end, until this is dropped.
struct WaitForEnd<'d> {
    dialogues: &'d Dialogues,
    run: RunId,
    ended: Option<oneshot::Receiver<()>>,
}

impl WaitForEnd<'_> {
    async fn ended(&mut self) {
        if let Some(ended) = &mut self.ended {
            // Not told any more is over too.
            let _ = ended.await;
        }
    }
}

impl Drop for WaitForEnd<'_> {
    fn drop(&mut self) {
        self.ended = None;
        self.dialogues.forget_those_who_left(self.run);
    }
}

impl Dialogues {
    /// Starts the script that answers a request, and waits for what it returns.
    pub(crate) async fn ask_script(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        call: WebCall,
        patience: Duration,
        now: DateTime<Utc>,
    ) -> Result<ScriptAnswer, CommandError> {
        let wanted = call.name.trim_matches('/').to_lowercase();
        let answers = |trigger: &Trigger| match trigger {
            Trigger::Webhook { endpoint } => {
                !call.is_form && endpoint.trim_matches('/').to_lowercase() == wanted
            }
            Trigger::Form { name } => call.is_form && name.to_lowercase() == wanted,
            _ => false,
        };
        self.answering_calls(tenant, bot).await?;
        let handlers = self.handlers(tenant, bot).await?;
        let Some(handler) = handlers.iter().find(|handler| answers(&handler.trigger)) else {
            let noun = if call.is_form { "form" } else { "webhook" };
            let code = if call.is_form {
                "form_not_found"
            } else {
                "webhook_not_found"
            };
            return Err(CommandError::not_found(noun, code));
        };
        let conversation = match &call.id {
            Some(id) => {
                let name = format!("{} {wanted} {} {id}", call.is_form, call.said);
                Uuid::new_v5(&bot.0, name.as_bytes())
            }
            None => Uuid::now_v7(),
        };
        let (conversation, name) = (ConversationId(conversation), call.name);
        let run = triggered_run(conversation);
        let (told, ended) = oneshot::channel();
        lock(&self.shared().awaited).entry(run).or_default().push(told);
        let mut wait = WaitForEnd {
            dialogues: self,
            run,
            ended: Some(ended),
        };
        let start = Start {
            conversation,
            bot,
            user: None,
            script: handler.script.clone(),
            cause: match call.is_form {
                true => TriggerCause::Form { name },
                false => TriggerCause::Webhook { endpoint: name },
            },
            depth: 0,
            variables: call.variables,
            row: None,
            path: None,
        };
        self.start_script(tenant, &start, now).await?;
        // A repetition finds a run that may have ended long ago.
        let mut answer = self.answer_of(tenant, run).await?;
        if answer.is_none() {
            // Told, or patient for long enough: either way the log says what came of it.
            let _ = tokio::time::timeout(patience, wait.ended()).await;
            answer = self.answer_of(tenant, run).await?;
        }
        Ok(answer.unwrap_or(ScriptAnswer::Running { run }))
    }

    async fn answering_calls(&self, tenant: OrganisationId, bot: BotId) -> Result<(), CommandError> {
        match self.shared().executor.load::<Bot>(tenant, bot).await?.state {
            Bot::Active(_) => Ok(()),
            Bot::Paused(_) => Err(CommandError::Refused {
                kind: RefusalKind::Conflict,
                code: "bot_paused",
                message: "the bot is paused".to_owned(),
            }),
            Bot::Absent => Err(BotError::NotFound.into()),
            Bot::Retired => Err(BotError::Retired.into()),
        }
    }

    /// What a run ended with; None while it has not ended.
    async fn answer_of(
        &self,
        tenant: OrganisationId,
        run: RunId,
    ) -> Result<Option<ScriptAnswer>, CommandError> {
        let Some(ended) = self.ended_with(tenant, run).await? else {
            return Ok(None);
        };
        if !ended.completed {
            return Ok(Some(ScriptAnswer::Failed { run }));
        }
        let Some(returned) = &ended.returned else {
            return Ok(Some(ScriptAnswer::Returned(Value::Null)));
        };
        // What was kept may be lost, or erased: that it returned nothing would be another answer.
        let value = match returned.clear() {
            Some(stored) => self.returned(run, stored).await?,
            None => None,
        };
        Ok(Some(match value {
            Some(value) => ScriptAnswer::Returned(value),
            None => ScriptAnswer::Failed { run },
        }))
    }

    /// How a run ended; None while it has not.
    pub(crate) async fn ended_with(
        &self,
        tenant: OrganisationId,
        run: RunId,
    ) -> Result<Option<EndedRun>, CommandError> {
        let executor = &self.shared().executor;
        let found = executor.load_fresh::<Run>(tenant, run).await?;
        if !matches!(found.state, Run::Ended) {
            return Ok(None);
        }
        let stream = StreamId::new(Run::TYPE, run);
        let events = executor
            .log()
            .load_few(tenant.0, &stream, found.version - 1, 1)
            .await?;
        let Some(event) = events.first() else {
            return Ok(None);
        };
        let last: RunEvent = decode(&event.event_type, event.event_version, &event.payload)
            .map_err(CommandError::unexpected)?;
        let RunEvent::Ended {
            outcome, returned, ..
        } = last
        else {
            return Ok(None);
        };
        let completed = matches!(outcome, RunOutcome::Completed);
        Ok(Some(EndedRun { completed, returned }))
    }

    async fn returned(&self, run: RunId, stored: &StoredAnswers) -> Result<Option<Value>, CommandError> {
        let bytes = self
            .shared()
            .bytes(run, &stored.answers, stored.blob.as_ref())
            .await?;
        let answers = bytes.and_then(|bytes| Answer::decode(&bytes, ANSWER_BYTES_MAX));
        Ok(match answers.as_deref() {
            Some([Answer::Value(value)]) => Some(value.to_json()),
            _ => None,
        })
    }

    /// Forgets who does not wait for a run any more; others may.
    fn forget_those_who_left(&self, run: RunId) {
        let mut awaited = lock(&self.shared().awaited);
        if let Some(waiting) = awaited.get_mut(&run) {
            waiting.retain(|waiting| !waiting.is_closed());
            if waiting.is_empty() {
                awaited.remove(&run);
            }
        }
    }

    /// Tells whoever waits for a run that it ended.
    pub(crate) fn tell_ended(&self, event: &RecordedEvent) {
        if event.event_type != "run.ended" {
            return;
        }
        let Ok(run) = event.stream.aggregate_id.parse::<RunId>() else {
            return;
        };
        for waiting in lock(&self.shared().awaited).remove(&run).into_iter().flatten() {
            // Whoever went away needs no answer.
            let _ = waiting.send(());
        }
    }
}
