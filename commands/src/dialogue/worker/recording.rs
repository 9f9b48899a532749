//! What a worker stores: a script's turn whole, or the bot's own words.

use chrono::{DateTime, TimeDelta, Utc};
use domain::bot::Bot;
use domain::conversation::{Conversation, ConversationEvent, Reply, ReplyContent, Turn};
use domain::run::{
    AwaitedEvent, Pause, Run, RunEvent, RunOutcome, RunStart, StoredAnswers, StoredRun, Suspension,
};
use domain::{Personal, ReplyId, RunId, SessionId, TurnId, UserId};
use event_log::{AppendCommand, Outcome, Stored};
use serde_json::Value;
use uuid::Uuid;

use super::super::answer_id;
use super::super::execution::{Execution, ExecutionEnd};
use super::{ActiveRun, Worker};
use crate::executor::append_command;
use crate::{CommandError, Context};

/// What a person is told when the script broke; what broke is in the run's events.
const BROKEN_SCRIPT: &str =
    "Something went wrong here, and the bot's authors have been told. Please try again later.";

pub(super) enum Committed {
    /// True when the run waits for another turn.
    Stored(bool),
    /// The stream is not where this worker believed it to be.
    Elsewhere,
}

impl Worker {
    /// Stores what a script did with a turn.
    pub(super) async fn commit_run(
        &self,
        run: &mut ActiveRun,
        execution: Execution,
        turn: Option<&Turn>,
        command_id: Uuid,
    ) -> Result<Committed, CommandError> {
        let now = turn.map_or(run.start.started_at, |turn| turn.received_at);
        let execution = self.without_questions(execution);
        let mut events = std::mem::take(&mut run.begun);
        if let Some(turn) = turn
            && run.asks_secret()
        {
            events.push(RunEvent::AnswerMasked {
                session_id: run.start.session_id,
                turn_id: turn.turn_id,
            });
        }
        run.asks = match &execution.end {
            ExecutionEnd::Waiting(hear) => Some(hear.kind),
            _ => None,
        };
        let returned = self.returned(run, &execution.end).await?;
        let broken = matches!(execution.end, ExecutionEnd::Failed(_));
        // Where a script started by itself nobody is there to be told.
        let apology = (broken && self.trigger().is_none()).then(|| ReplyContent {
            text: BROKEN_SCRIPT.to_owned(),
            ..ReplyContent::default()
        });
        let mut replies = execution.replies;
        if let Some(question) = replies.last_mut() {
            question.asks_secret = run.asks_secret();
            run.question = Some(question.clone());
        }
        let ends = matches!(
            execution.end,
            ExecutionEnd::Completed(_) | ExecutionEnd::Failed(_)
        );
        let asks_again = run.asks_again.take().filter(|_| ends);
        for (number, content) in replies.into_iter().chain(apology).chain(asks_again).enumerate() {
            let (session, user) = (run.start.session_id, run.start.user_id);
            events.push(RunEvent::ReplyProduced(
                self.reply(session, user, turn, content, command_id, number),
            ));
        }
        run.suggestions = execution.suggestions;
        run.pause = match &execution.end {
            ExecutionEnd::Pausing { seconds, event } => Some(Pause {
                conversation_id: run.start.conversation_id,
                until: Utc::now() + pause(*seconds),
                event: event.clone().map(|name| AwaitedEvent {
                    bot_id: run.start.bot_id,
                    name,
                }),
            }),
            _ => None,
        };
        let state = match execution.end {
            ExecutionEnd::Waiting(_) | ExecutionEnd::Pausing { .. } => Some(self.state(run).await?),
            ExecutionEnd::Completed(_) | ExecutionEnd::Failed(_) => None,
        };
        let blob = state.as_ref().and_then(|state| state.blob.clone());
        let (last, waits) = ending(
            run,
            state,
            returned.as_ref(),
            execution.end,
            turn.map(|turn| turn.turn_id),
            execution.steps,
            now,
        );
        events.push(last);
        let context = match turn {
            Some(turn) => self.caused_by(turn, command_id),
            None => self.context.with_command(command_id, [0; 32]),
        };
        let append = AppendCommand {
            lease_epoch: Some(self.shared.options.runners.lease_epoch()),
            ..append_command::<Run>(
                &context,
                &run.id.to_string(),
                Some(run.version),
                self.id.to_string(),
                &events,
                Value::Null,
            )?
        };
        event_log::crash_point("between-turn-and-reply");
        match self.shared.executor.append(append).await? {
            Outcome::Stored(Stored { last_sequence, .. }) => {
                run.version = last_sequence;
                let old = std::mem::replace(&mut run.blob, blob);
                for old in old.into_iter().chain(run.answers.drain(..)) {
                    self.shared.forget_state(run.id, &old).await;
                }
                Ok(Committed::Stored(waits))
            }
            Outcome::Duplicate(_) | Outcome::Conflict { .. } | Outcome::Taken { .. } => {
                Ok(Committed::Elsewhere)
            }
            Outcome::Mismatch | Outcome::Fenced { .. } => Err(CommandError::Contended),
        }
    }

    async fn state(&self, run: &ActiveRun) -> Result<StoredRun, CommandError> {
        let (tenant, suggestions) = (self.context.tenant, run.suggestions.clone());
        let machine = run.machine.suspend();
        self.shared
            .keep_state(tenant, run.id, &machine, suggestions)
            .await
    }

    /// Ends a run whose state is lost; turns go to the bot itself from here on.
    pub(super) async fn give_up(
        &self,
        id: RunId,
        version: i64,
        start: &RunStart,
    ) -> Result<(), CommandError> {
        let message = "what the script had in hand while it waited is lost".to_owned();
        let outcome = RunOutcome::Failed {
            code: "state_lost".to_owned(),
            message: Personal::conversation(start.user_id, message),
            line: 0,
            column: 0,
        };
        let ended = RunEvent::Ended {
            session_id: start.session_id,
            conversation_id: start.conversation_id,
            turn_id: None,
            outcome,
            ended_at: Utc::now(),
            returned: None,
        };
        let context = self
            .context
            .with_command(Uuid::new_v5(&id.0, b"state_lost"), [0; 32]);
        let append = AppendCommand {
            lease_epoch: Some(self.shared.options.runners.lease_epoch()),
            ..append_command::<Run>(
                &context,
                &id.to_string(),
                Some(version),
                self.id.to_string(),
                &[ended],
                Value::Null,
            )?
        };
        match self.shared.executor.append(append).await? {
            Outcome::Stored(_) | Outcome::Duplicate(_) => Ok(()),
            _ => Err(CommandError::Contended),
        }
    }

    /// The bot's own words, when no script waits and no model is there.
    pub(super) async fn answer_without_script(&mut self, turn: &Turn) -> Result<(), CommandError> {
        let Some(known) = &self.known else { return Ok(()) };
        let open = &known.open;
        let bot = self
            .shared
            .executor
            .load::<Bot>(self.context.tenant, open.bot_id)
            .await?
            .state;
        let text = bot
            .mounted()
            .map(|bot| bot.package.profile.no_answer.clone())
            .unwrap_or_default();
        let text = if text.is_empty() {
            BROKEN_SCRIPT.to_owned()
        } else {
            text
        };
        let id = answer_id(turn.turn_id);
        let content = ReplyContent {
            text,
            ..ReplyContent::default()
        };
        let reply = self.reply(open.session_id, open.user_id, Some(turn), content, id, 0);
        let context = self.caused_by(turn, id);
        let key = self.id.to_string();
        let events = [ConversationEvent::ReplyProduced(reply)];
        let append = append_command::<Conversation>(&context, &key, None, key.clone(), &events, Value::Null)?;
        event_log::crash_point("between-turn-and-reply");
        match self.shared.executor.append(append).await? {
            Outcome::Stored(_) | Outcome::Duplicate(_) => {
                self.answered(turn);
                Ok(())
            }
            _ => Err(CommandError::Contended),
        }
    }

    /// Records that a turn is left to people, as its answer.
    pub(super) async fn leave_to_people(&mut self, turn: &Turn) -> Result<(), CommandError> {
        let context = self.caused_by(turn, answer_id(turn.turn_id));
        let key = self.id.to_string();
        let events = [ConversationEvent::TurnLeftToHuman {
            session_id: turn.session_id,
            turn_id: turn.turn_id,
        }];
        let append = append_command::<Conversation>(&context, &key, None, key.clone(), &events, Value::Null)?;
        match self.shared.executor.append(append).await? {
            Outcome::Stored(_) | Outcome::Duplicate(_) => {
                self.answered(turn);
                Ok(())
            }
            _ => Err(CommandError::Contended),
        }
    }

    fn caused_by(&self, turn: &Turn, command_id: Uuid) -> Context {
        // The digest says only that it answers this turn: an answer made again may differ where a clock is read.
        let context = self.context.with_command(command_id, [0; 32]);
        Context {
            correlation_id: turn.turn_id.0,
            causation_id: Some(turn.turn_id.0),
            ..context
        }
    }

    fn reply(
        &self,
        session_id: SessionId,
        user_id: UserId,
        turn: Option<&Turn>,
        content: ReplyContent,
        command_id: Uuid,
        number: usize,
    ) -> Reply {
        Reply {
            reply_id: ReplyId(Uuid::new_v5(&command_id, &number.to_be_bytes())),
            session_id,
            in_reply_to: turn.map(|turn| turn.turn_id),
            content: Personal::conversation(user_id, content),
            attendant: None,
            produced_at: Utc::now(),
        }
    }
}

fn pause(seconds: f64) -> TimeDelta {
    // The machine keeps it between 0 and 300 seconds, and whoever waits for an event below an hour.
    TimeDelta::milliseconds((seconds * 1000.0) as i64)
}

fn ending(
    run: &ActiveRun,
    state: Option<StoredRun>,
    returned: Option<&Personal<StoredAnswers>>,
    end: ExecutionEnd,
    turn_id: Option<TurnId>,
    steps: u64,
    now: DateTime<Utc>,
) -> (RunEvent, bool) {
    let user = run.start.user_id;
    let ended = |outcome| RunEvent::Ended {
        session_id: run.start.session_id,
        conversation_id: run.start.conversation_id,
        turn_id,
        outcome,
        ended_at: now,
        returned: returned.cloned(),
    };
    let suspended = |waits_for: &str, pause| {
        let stored = state.expect("a state was kept for every run that waits");
        let suspension = Suspension {
            session_id: run.start.session_id,
            turn_id,
            waits_for: waits_for.to_owned(),
            pause,
            state: Personal::conversation(user, stored),
            steps,
            suspended_at: now,
        };
        (RunEvent::Suspended(suspension), true)
    };
    match end {
        ExecutionEnd::Waiting(hear) => suspended(hear.kind.name(), None),
        ExecutionEnd::Pausing { event, .. } => {
            let waits_for = if event.is_some() { "event" } else { "time" };
            suspended(waits_for, run.pause.clone())
        }
        ExecutionEnd::Completed(_) => (ended(RunOutcome::Completed), false),
        ExecutionEnd::Failed(error) => {
            let message = Personal::conversation(user, error.message);
            let (code, line, column) = (error.code.to_string(), error.line, error.column);
            (
                ended(RunOutcome::Failed {
                    code,
                    message,
                    line,
                    column,
                }),
                false,
            )
        }
    }
}
