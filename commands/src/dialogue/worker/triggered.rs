//! Conversations that a trigger began: nobody talks in them, so nothing is asked, and they end with their run.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use basic::{Answer, RuntimeError};
use domain::Personal;
use domain::conversation::{Conversation, ConversationEnd};
use domain::run::StoredAnswers;
use domain::trigger::Trigger;
use serde_json::Value;

use super::super::execution::{Execution, ExecutionEnd};
use super::{ActiveRun, Worker};
use crate::{CommandError, ConversationCommand};

/// The largest answer that stands in its event.
const EVENT_BYTES_MAX: usize = 16 << 10;

impl Worker {
    /// What began the conversation, where nobody talks in it.
    pub(super) fn trigger(&self) -> Option<&Trigger> {
        self.known.as_ref()?.open.trigger.as_deref()
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

    /// Ends the conversation once its run has ended, or could not be started.
    pub(super) async fn complete(&mut self) -> Result<(), CommandError> {
        let Some(known) = &self.known else { return Ok(()) };
        if known.open.trigger.is_none() || known.run.is_some() {
            return Ok(());
        }
        let end = ConversationCommand::End {
            reason: ConversationEnd::Completed,
        };
        self.shared
            .executor
            .execute::<Conversation>(&self.context, self.id, end, Value::Null)
            .await?;
        if let Some(given) = self.trigger().and_then(|trigger| trigger.given.clear())
            && let Some(blob) = &given.blob
        {
            self.shared
                .forget_state(crate::automation::triggered_run(self.id), blob)
                .await;
        }
        Ok(())
    }
}
