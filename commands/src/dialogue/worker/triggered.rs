//! Conversations that a trigger began: nobody talks in them, so nothing is asked, and they end with their run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use basic::{Answer, RuntimeError};
use domain::bot::Bot;
use domain::conversation::{Conversation, ConversationEnd};
use domain::run::{Run, StoredAnswers};
use domain::session::{Session, SessionEnd};
use domain::trigger::Trigger;
use domain::{Personal, SessionId};
use serde_json::Value;

use super::super::execution::{Execution, ExecutionEnd};
use super::super::program_of;
use super::{ActiveRun, Worker};
use crate::automation::triggered_run;
use crate::{CommandError, ConversationCommand, SessionCommand};

/// The largest answer that stands in its event.
const EVENT_BYTES_MAX: usize = 16 << 10;

impl Worker {
    /// What began the conversation, where nobody talks in it.
    pub(super) fn trigger(&self) -> Option<&Trigger> {
        self.known.as_ref()?.open.trigger.as_deref()
    }

    pub(super) async fn session_is_open(&self, session: SessionId) -> Result<bool, CommandError> {
        let executor = &self.shared.executor;
        let known = executor
            .load_fresh::<Session>(self.context.tenant, session)
            .await?;
        Ok(matches!(known.state, Session::Open(_)))
    }

    /// A script that nobody talks to breaks where it asks.
    pub(super) fn without_questions(&self, execution: Execution) -> Execution {
        let asks = matches!(execution.end, ExecutionEnd::Waiting(_));
        if !asks || self.trigger().is_none() {
            return execution;
        }
        let end = ExecutionEnd::Failed(RuntimeError {
            code: "nobody_to_ask".into(),
            message: "the script started by itself, so nobody is there to answer what it asks".to_owned(),
            line: 0,
            column: 0,
        });
        Execution { end, ..execution }
    }

    /// What is kept of what a script returned, where somebody outside waits for it.
    pub(super) async fn returned(
        &self,
        run: &ActiveRun,
        end: &ExecutionEnd,
    ) -> Result<Option<Personal<StoredAnswers>>, CommandError> {
        let asked = self.trigger().is_some_and(|trigger| trigger.cause.is_asked());
        let ExecutionEnd::Completed(value) = end else {
            return Ok(None);
        };
        if !asked || *value == basic::Value::Null {
            return Ok(None);
        }
        let bytes = Answer::encode(&[Answer::Value(value.clone())]);
        let blob = match bytes.len() > EVENT_BYTES_MAX {
            true => Some(self.shared.keep_blob(self.context.tenant, run.id, &bytes).await?),
            false => None,
        };
        let stored = StoredAnswers {
            answers: if blob.is_some() {
                String::new()
            } else {
                BASE64.encode(&bytes)
            },
            blob,
        };
        Ok(Some(Personal::conversation(run.start.user_id, stored)))
    }

    /// Ends the conversation once its run has ended, or can never start. A run that another process has begun and not stored
    /// yet is waited for: recovery looks again.
    pub(super) async fn complete(&mut self) -> Result<(), CommandError> {
        let Some(known) = &self.known else { return Ok(()) };
        let Some(trigger) = known.open.trigger.as_deref().filter(|_| known.run.is_none()) else {
            return Ok(());
        };
        let (tenant, executor) = (self.context.tenant, &self.shared.executor);
        let run = triggered_run(self.id);
        let bot = executor.load::<Bot>(tenant, known.open.bot_id).await?.state;
        let can_start = bot
            .mounted()
            .is_some_and(|bot| program_of(&bot.package, &trigger.script).is_some());
        match executor.load_fresh::<Run>(tenant, run).await?.state {
            Run::Ended => {}
            Run::Absent if !can_start || !self.session_is_open(known.open.session_id).await? => {}
            Run::Absent | Run::Started { .. } | Run::Waiting { .. } => return Ok(()),
        }
        // The session first: the conversation is looked at until it has ended.
        let session = known.open.session_id;
        let end = SessionCommand::End {
            reason: SessionEnd::Completed,
        };
        over(
            executor
                .execute::<Session>(&self.context, session, end, Value::Null)
                .await,
        )?;
        let end = ConversationCommand::End {
            reason: ConversationEnd::Completed,
        };
        over(
            executor
                .execute::<Conversation>(&self.context, self.id, end, Value::Null)
                .await,
        )?;
        if let Some(blob) = trigger.given.clear().and_then(|given| given.blob.as_ref()) {
            self.shared.forget_state(run, blob).await;
        }
        Ok(())
    }
}

/// What has ended already needs no end.
fn over<T>(ended: Result<T, CommandError>) -> Result<(), CommandError> {
    match ended {
        Ok(_) | Err(CommandError::Refused { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}
