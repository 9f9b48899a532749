//! What scripts ask for, and how it is done exactly once.
//!
//! A script that is interrupted is run again from where it last waited, with the same turn. So whatever it was answered
//! before it changed something is recorded with that change, and a repetition is given the recorded answers first. What
//! a script remembers is gathered and stored when its turn ends, under ids that a repetition finds taken.

mod automation;
mod desk;
mod files;
mod memory;
mod others;
mod services;
mod setup;
mod tables;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use basic::{Answer, Refusal, Request, Value};
use chrono::{DateTime, Utc};
use domain::conversation::{Conversation, ReplyContent};
use domain::run::{DataStatement, Recording, Run, RunEvent, RunStart, StoredAnswers};
use domain::{BlobReference, ConversationId, Personal, RunId, TurnId};
use event_log::{Outcome, Stored};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::dialogue::{Dialogues, Shared};
use crate::executor::append_command;
use crate::{CommandError, Context, ConversationCommand};

pub(crate) use automation::{WAIT_FOR_EVENT, awaited};
pub use desk::{AtDesk, Attendant, Desk, NoDesk, Queued};
pub(crate) use files::{drive_prefix, replaced};
pub(crate) use memory::{Remembering, stream_of as memory_stream};
pub use services::{Asking, Fetched, Plan, Services, Unconfigured};
pub(crate) use setup::{ACTIVE as ACTIVE_CONTEXT, ACTIVE_SWITCHERS};
pub use setup::{SetUp, Switcher};
pub use tables::{Elsewhere, Extent, Migration, Misconfigured, Reach, Reason, RefusedChange, Tables};

/// The largest record of answers that stands in its event.
const EVENT_BYTES_MAX: usize = 16 << 10;

/// Performs what one run asks for while it answers one turn.
pub(crate) struct Host<'a> {
    pub shared: &'a Arc<Shared>,
    /// How many scripts started one another before this one.
    pub depth: u8,
    /// Whoever the events are caused by.
    pub context: Context,
    pub conversation: ConversationId,
    pub run: RunId,
    /// Whose script asks: another bot's while that answers.
    pub start: RunStart,
    /// The turn that is answered; None of what goes on after a pause, whatever turn began it.
    pub turn: Option<TurnId>,
    /// The time that the script sees.
    pub now: DateTime<Utc>,
    /// Of the run's stream.
    pub version: i64,
    /// What is stored before anything else of this turn.
    pub begun: Vec<RunEvent>,
    /// What was answered when this turn was begun before.
    pub replayed: VecDeque<Answer>,
    /// Blobs that are of no use once the turn is stored.
    pub blobs: Vec<BlobReference>,
    /// What was answered and is not recorded.
    pub unrecorded: Vec<Answer>,
    /// Logical bytes of that.
    pub unrecorded_bytes: u64,
    pub remembering: Remembering,
    /// What another bot remembers of the session while it answers.
    pub aside: Remembering,
    /// What it has said beside what its script says, such as files; in order.
    pub said: Vec<ReplyContent>,
    /// Whether the last recorded answer only says that a service is being asked.
    pub intended: bool,
    /// How much it has asked for since it was given its turn, or went on by itself.
    pub asked: u64,
    /// How many events it has published.
    pub published: u32,
    /// Whether something was stored in the conversation's own stream.
    pub conversation_changed: bool,
    /// How many bots ask one another.
    pub hops: u32,
    /// By when the script must wait or end.
    pub deadline: Instant,
}

impl Host<'_> {
    /// Answers a request of the script.
    pub async fn answer(&mut self, request: Request) -> Result<Answer, CommandError> {
        let answer = self.answered(&request).await?;
        // A repetition that is given the recorded answer says it again.
        self.said.extend(files::reply(&request, &answer));
        Ok(answer)
    }

    async fn answered(&mut self, request: &Request) -> Result<Answer, CommandError> {
        // What is only gathered is gathered again by a repetition, and stored once.
        if memory::gathers(request.word) {
            return Ok(answer(self.remember(request).await?));
        }
        if desk::gathers(request.word) {
            return Ok(answer(self.set_attendant_status(request)));
        }
        if others::asks_bots(request) {
            return Ok(answer(self.ask_bots(request).await?));
        }
        if setup::gathers(request.word) {
            return Ok(answer(self.set_up(request).await?));
        }
        self.asked += 1;
        if let Some(answer) = self.replayed.pop_front() {
            return Ok(answer);
        }
        if files::knows(request)
            && let Some(answer) = Box::pin(self.ask_files(request)).await?
        {
            return Ok(answer);
        }
        if tables::knows(request.word)
            && let Some(answer) = self.ask_tables(request).await?
        {
            return Ok(answer);
        }
        let answered = match request.word {
            word if memory::knows(word) => self.remember(request).await?,
            word if setup::knows(word) => self.set_up(request).await?,
            _ if others::tells(request) => self.tell_session(request).await?,
            word if automation::knows(word) => self.automate(request).await?,
            word if desk::knows(word) => self.ask_desk(request).await?,
            word if tables::knows(word) && !tables::is_elsewhere(request) => Err(tables::unknown(request)),
            _ => self.ask_services(request).await?,
        };
        Ok(self.note(answer(answered)))
    }

    /// Keeps an answer until it is recorded, or the turn ends. What a turn is answered together is limited like what a script
    /// holds, since it is held beside it.
    fn note(&mut self, answer: Answer) -> Answer {
        let bytes = match &answer {
            Answer::Value(value) => value.weight(),
            Answer::Refused(_) => 0,
        };
        let bytes_max = self.shared.options.script.memory_bytes;
        let answer = match self.unrecorded_bytes.saturating_add(bytes) <= bytes_max {
            true => {
                self.unrecorded_bytes += bytes;
                answer
            }
            false => Answer::Refused(Refusal::mistake(
                "answers_too_large",
                format!(
                    "this turn was answered more than {} MiB together; ask for less, with WHERE or LIMIT",
                    bytes_max >> 20
                ),
            )),
        };
        self.unrecorded.push(answer.clone());
        answer
    }

    fn dialogues(&self) -> Dialogues {
        Dialogues::of(self.shared)
    }

    async fn ask_services(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let services = self.shared.options.services.clone();
        let plan = services.plan(request);
        if let Plan::Refused(refusal) = plan {
            return Ok(Err(refusal));
        }
        let asking = Asking {
            tenant: self.context.tenant,
            bot: self.start.bot_id,
            session: self.start.session_id,
            user: self.start.user_id,
            headers: self.headers().await?,
        };
        // The last thing before it is asked.
        if plan == Plan::Changes {
            self.intend().await?;
        }
        Ok(services.ask(&asking, request).await)
    }

    /// Records that a service is about to be asked: a repetition does not ask again, and is told that it is not known what
    /// became of it.
    async fn intend(&mut self) -> Result<(), CommandError> {
        let message = "it is not known whether this was done: the server ended in the midst of it";
        self.unrecorded
            .push(Answer::Refused(Refusal::new("outcome_unknown", message)));
        self.record(None).await?;
        self.intended = true;
        Ok(())
    }

    /// Carries out a command of a conversation, once however often the turn is repeated.
    async fn command_once(
        &mut self,
        conversation: ConversationId,
        command: ConversationCommand,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let context = self.begin_change().await?;
        let changed = Changed::of(conversation);
        self.carry_out(&context, changed, command).await
    }

    /// The context of the change that the script is asking for: of those that are tried under it, one is stored.
    async fn begin_change(&mut self) -> Result<Context, CommandError> {
        // The turn is begun from here on, whoever answers in the conversation when it is repeated.
        self.record(None).await?;
        Ok(self.context.with_command(self.repeatable_id("change"), [0; 32]))
    }

    /// An id for what the script is asking for: the same in each repetition of its turn. A run goes on by itself at times
    /// that are its own.
    fn repeatable_id(&self, what: &str) -> Uuid {
        let (turn, now) = (self.turn.unwrap_or_default(), self.now.to_rfc3339());
        let place = format!("{what} {turn} {now} {}", self.asked);
        Uuid::new_v5(&self.run.0, place.as_bytes())
    }

    async fn carry_out(
        &mut self,
        context: &Context,
        changed: Changed,
        command: ConversationCommand,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let conversation = changed.conversation_id;
        let kept = serde_json::to_value(&changed).map_err(CommandError::unexpected)?;
        let executed = self
            .shared
            .executor
            .execute::<Conversation>(context, conversation, command, kept)
            .await;
        match executed {
            Ok(committed) => {
                self.conversation_changed |= conversation == self.conversation;
                Ok(Ok(Changed::kept(committed.answer, conversation)))
            }
            Err(CommandError::Refused { code, message, .. }) => Ok(Err(Refusal::new(code, message))),
            Err(error) => Err(error),
        }
    }

    /// Stores what the script remembered, before the end of its turn is.
    pub async fn finish(&mut self) -> Result<(), CommandError> {
        if self.remembering.is_empty() {
            return Ok(());
        }
        // A repetition must remember the same.
        if !self.unrecorded.is_empty() {
            self.record(None).await?;
        }
        self.store_memories().await
    }

    /// Records what was answered so far, in a commit of its own.
    async fn record(&mut self, statement: Option<DataStatement>) -> Result<(), CommandError> {
        let events = self.recording(statement).await?;
        let append = self.append(&events)?;
        let outcome = self.shared.executor.append(append).await?;
        self.recorded(&outcome)
    }

    async fn recording(&mut self, statement: Option<DataStatement>) -> Result<Vec<RunEvent>, CommandError> {
        let bytes = Answer::encode(&self.unrecorded);
        let stored = if bytes.len() <= EVENT_BYTES_MAX {
            StoredAnswers {
                answers: BASE64.encode(bytes),
                blob: None,
            }
        } else {
            let blob = self
                .shared
                .keep_blob(self.context.tenant, self.run, &bytes)
                .await?;
            self.blobs.push(blob.clone());
            StoredAnswers {
                answers: String::new(),
                blob: Some(blob),
            }
        };
        let mut events = self.begun.clone();
        events.push(RunEvent::Recorded(Recording {
            session_id: self.start.session_id,
            turn_id: self.turn,
            answers: Personal::conversation(self.start.user_id, stored),
            statement,
            replaces_last: std::mem::take(&mut self.intended),
            depth: self.depth,
            recorded_at: Utc::now(),
        }));
        Ok(events)
    }

    /// The events of the run as a command of its stream.
    fn append(&self, events: &[RunEvent]) -> Result<event_log::AppendCommand, CommandError> {
        let id = Uuid::new_v5(&self.run.0, format!("recorded {}", self.version).as_bytes());
        let context = self.context.with_command(id, [0; 32]);
        let append = append_command::<Run>(
            &context,
            &self.run.to_string(),
            Some(self.version),
            self.conversation.to_string(),
            events,
            serde_json::Value::Null,
        )?;
        Ok(event_log::AppendCommand {
            lease_epoch: Some(self.shared.options.runners.lease_epoch()),
            ..append
        })
    }

    fn recorded(&mut self, outcome: &Outcome) -> Result<(), CommandError> {
        let Outcome::Stored(Stored { last_sequence, .. }) = outcome else {
            // The run is not where it was believed to be: whoever asked reads it anew.
            return Err(CommandError::Contended);
        };
        self.version = *last_sequence;
        self.begun.clear();
        self.unrecorded.clear();
        self.unrecorded_bytes = 0;
        Ok(())
    }
}

/// What a script has changed, as it is kept for a repetition of its turn. It stands beside the log in the clear and no erasing
/// reaches it, so it holds nothing that anybody said or is called: what a script is told is made from the conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Changed {
    conversation_id: ConversationId,
    /// Since when it had waited for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<DateTime<Utc>>,
}

impl Changed {
    fn of(conversation_id: ConversationId) -> Self {
        Self {
            conversation_id,
            since: None,
        }
    }

    /// As it was kept; of the conversation that was asked for where something else was.
    fn kept(kept: serde_json::Value, conversation: ConversationId) -> Self {
        serde_json::from_value(kept).unwrap_or_else(|_| Self::of(conversation))
    }
}

/// What became of a request: its value, or why there is none.
pub(crate) type Answered = Result<Value, Refusal>;

fn answer(answered: Answered) -> Answer {
    match answered {
        Ok(value) => Answer::Value(value),
        Err(refusal) => Answer::Refused(refusal),
    }
}

/// An argument as a text, for words that take one.
fn text(request: &Request, number: usize) -> String {
    request.argument(number).to_string()
}
