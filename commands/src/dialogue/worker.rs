//! The worker of one conversation: answers its turns, one after the other, each once.
//!
//! 1. Turns are answered in the order of the conversation's stream.
//! 2. An answer is appended under an id derived from its turn; a repetition is recognised and dropped.
//! 3. What the worker holds in memory it can read from the log; after any surprise it does.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use basic::{HearKind, Input, Machine, ProgramHash};
use chrono::{DateTime, Utc};
use domain::bot::{Bot, Mounted};
use domain::conversation::{Conversation, ConversationEvent, OpenConversation, Reply, ReplyContent, Turn};
use domain::run::{Run, RunEvent, RunOutcome, RunStart, StoredRun, Suspension};
use domain::{Aggregate, ConversationId, OrganisationId, Personal, ReplyId, RunId, TurnId, decode};
use event_log::{AppendCommand, Outcome, Stored, StreamId};
use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::execution::{Execution, ExecutionEnd, execute};
use super::{Shared, answer_id, inconsistent, opening_program, opening_run};
use crate::executor::append_command;
use crate::{CommandError, Context};

/// How long a worker keeps its conversation in memory when nothing happens.
const REST: Duration = Duration::from_secs(60);

/// What a person is told when the script broke; what broke is in the run's events.
const BROKEN_SCRIPT: &str =
    "Something went wrong here, and the bot's authors have been told. Please try again later.";

pub(crate) enum Wake {
    /// A turn that was just stored, with its place in the conversation's stream.
    Turn(i64, Box<Turn>),
    /// See for yourself.
    Look,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    context: Context,
    id: ConversationId,
    known: Option<Known>,
}

/// The conversation as far as this worker has seen it.
struct Known {
    open: OpenConversation,
    /// The stream's last event that was seen.
    sequence: i64,
    /// Turns that were seen and have no answer yet.
    waiting: VecDeque<Turn>,
    answered: HashSet<TurnId>,
    run: Option<ActiveRun>,
}

struct ActiveRun {
    id: RunId,
    version: i64,
    start: RunStart,
    machine: Machine,
    suggestions: Vec<domain::conversation::Suggestion>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, tenant: OrganisationId, id: ConversationId) -> Self {
        Self {
            shared,
            context: Context::system(tenant, "dialogues"),
            id,
            known: None,
        }
    }

    pub(crate) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Wake>) {
        let mut failures: u32 = 0;
        let mut next = queue.recv().await;
        while let Some(wake) = next {
            match self.handle(wake).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.known = None;
                    let pause = Duration::from_millis(50) * 2u32.pow(failures.min(7));
                    if failures > 3 {
                        tracing::error!(conversation.id = %self.id, error = %error, failures, "turns cannot be answered, trying again");
                    }
                    tokio::time::sleep(pause).await;
                    // Ten failures in a row: leave it to the one who looks after unanswered turns.
                    if failures < 10 {
                        next = Some(Wake::Look);
                        continue;
                    }
                }
            }
            next = match tokio::time::timeout(REST, queue.recv()).await {
                Ok(wake) => wake,
                Err(_) => self.shared.retire(self.id, &mut queue),
            };
        }
    }

    async fn handle(&mut self, wake: Wake) -> Result<(), CommandError> {
        match (&mut self.known, wake) {
            (Some(known), Wake::Turn(sequence, turn)) if sequence == known.sequence + 1 => {
                known.sequence = sequence;
                known.waiting.push_back(*turn);
            }
            (Some(known), Wake::Turn(sequence, _)) if sequence <= known.sequence => {}
            (Some(_), Wake::Turn(..) | Wake::Look) => self.catch_up().await?,
            (None, _) => self.activate().await?,
        }
        while let Some(turn) = self.known.as_mut().and_then(|known| known.waiting.pop_front()) {
            if let Err(error) = self.answer(&turn).await {
                if let Some(known) = &mut self.known {
                    known.waiting.push_front(turn);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Reads everything from the log: the conversation, what is answered, the run that waits.
    async fn activate(&mut self) -> Result<(), CommandError> {
        let mut state = Conversation::default();
        let mut turns = Vec::new();
        let sequence = self.read_turns(0, &mut turns, &mut state).await?;
        let first = turns.first().map(|turn| turn.received_at);
        let open = match state {
            Conversation::Open(open) => open,
            // Turns may arrive while a conversation is being ended; they are answered all the same.
            Conversation::Ended { session_id } => self.ended_conversation(session_id).await?,
            Conversation::Absent => return Err(inconsistent("a conversation without a beginning")),
        };
        let ids: Vec<Uuid> = turns.iter().map(|turn| answer_id(turn.turn_id)).collect();
        let tenant = self.context.tenant.0;
        let answers: HashSet<Uuid> = self
            .shared
            .executor
            .log()
            .receipts_of(tenant, &ids)
            .await?
            .into_iter()
            .collect();
        let (answered, waiting): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|turn| answers.contains(&answer_id(turn.turn_id)));
        self.known = Some(Known {
            open,
            sequence,
            waiting: waiting.into(),
            answered: answered.iter().map(|turn| turn.turn_id).collect(),
            run: None,
        });
        self.open_session(first).await?;
        self.restore_run().await
    }

    async fn ended_conversation(
        &self,
        session_id: domain::SessionId,
    ) -> Result<OpenConversation, CommandError> {
        let session = self
            .shared
            .executor
            .load::<domain::session::Session>(self.context.tenant, session_id)
            .await?;
        match session.state {
            domain::session::Session::Open(open) => Ok(OpenConversation {
                session_id,
                bot_id: open.bot_id,
                user_id: open.user_id,
                active_at: Utc::now(),
            }),
            _ => Err(inconsistent("a conversation whose session has ended")),
        }
    }

    /// Reads what the conversation's stream got since.
    async fn catch_up(&mut self) -> Result<(), CommandError> {
        let Some(from) = self.known.as_ref().map(|known| known.sequence) else {
            return Ok(());
        };
        let mut turns = Vec::new();
        let sequence = self
            .read_turns(from, &mut turns, &mut Conversation::default())
            .await?;
        if let Some(known) = &mut self.known {
            known.sequence = sequence.max(known.sequence);
            let new = turns
                .into_iter()
                .filter(|turn| !known.answered.contains(&turn.turn_id));
            known.waiting.extend(new);
        }
        Ok(())
    }

    async fn read_turns(
        &self,
        after: i64,
        turns: &mut Vec<Turn>,
        state: &mut Conversation,
    ) -> Result<i64, CommandError> {
        let stream = StreamId::new(Conversation::TYPE, self.id);
        let mut last = after;
        for event in self
            .shared
            .executor
            .log()
            .load(self.context.tenant.0, &stream, after)
            .await?
        {
            last = event.sequence;
            let event = decode(&event.event_type, event.event_version, event.payload)
                .map_err(CommandError::unexpected)?;
            state.apply(&event);
            if let ConversationEvent::TurnReceived(turn) = event {
                turns.push(turn);
            }
        }
        Ok(last)
    }

    /// Runs the opening script if this session has not seen it.
    async fn open_session(&mut self, first_turn_at: Option<DateTime<Utc>>) -> Result<(), CommandError> {
        let Some(known) = &self.known else { return Ok(()) };
        let open = known.open.clone();
        let run_id = opening_run(open.session_id);
        if self
            .shared
            .executor
            .load_fresh::<Run>(self.context.tenant, run_id)
            .await?
            .version
            > 0
        {
            return Ok(());
        }
        let bot = self
            .shared
            .executor
            .load::<Bot>(self.context.tenant, open.bot_id)
            .await?
            .state;
        let Some(mounted) = bot.mounted() else {
            return Ok(());
        };
        let Some(program) = opening_program(&mounted.package) else {
            return Ok(());
        };
        let started_at = first_turn_at.unwrap_or_else(Utc::now);
        let start = RunStart {
            bot_id: open.bot_id,
            session_id: open.session_id,
            conversation_id: self.id,
            user_id: open.user_id,
            script: "start".to_owned(),
            program: program.to_owned(),
            seed: run_id.0.as_u64_pair().1,
            started_at,
        };
        let hash: ProgramHash = program.parse().map_err(CommandError::unexpected)?;
        let program = self.shared.programs.load(self.context.tenant, hash).await?;
        let variables = variables(&open, mounted);
        let limits = self.shared.options.script.clone();
        let mut machine = Machine::start(
            program,
            basic::Start {
                seed: start.seed,
                variables,
                limits,
            },
        );
        let time_max = self.shared.options.script_time_max;
        let execution = execute(&mut machine, Input::Start, Vec::new(), started_at, time_max).await;
        let mut active = ActiveRun {
            id: run_id,
            version: 0,
            start,
            machine,
            suggestions: Vec::new(),
        };
        let begun = vec![RunEvent::Started(active.start.clone())];
        let command_id = Uuid::new_v5(&open.session_id.0, b"start");
        if let Committed::Stored(waits) = self
            .commit_run(&mut active, begun, execution, None, command_id)
            .await?
            && waits
            && let Some(known) = &mut self.known
        {
            known.run = Some(active);
        }
        Ok(())
    }

    /// Takes up the run that waits in this conversation, if any.
    async fn restore_run(&mut self) -> Result<(), CommandError> {
        if self.known.as_ref().is_none_or(|known| known.run.is_some()) {
            return Ok(());
        }
        let tenant = self.context.tenant;
        let owner = self
            .shared
            .executor
            .log()
            .claim_owner(tenant.0, "active_run", &self.id.to_string())
            .await?;
        let Some(id) = owner.and_then(|owner| owner.parse::<RunId>().ok()) else {
            return Ok(());
        };
        let found = self.shared.executor.load_fresh::<Run>(tenant, id).await?;
        let Run::Waiting { start, suspension } = found.state else {
            return Ok(());
        };
        // An erased state cannot be taken up; turns go to the bot itself from here on.
        let Some(stored) = suspension.state.clear() else {
            return Ok(());
        };
        let bytes = BASE64.decode(&stored.machine).map_err(CommandError::unexpected)?;
        let hash = Machine::suspended_program(&bytes).map_err(CommandError::unexpected)?;
        let program = self.shared.programs.load(tenant, hash).await?;
        let machine = Machine::restore(&bytes, program, self.shared.options.script.clone())
            .map_err(CommandError::unexpected)?;
        if let Some(known) = &mut self.known {
            let suggestions = stored.suggestions.clone();
            known.run = Some(ActiveRun {
                id,
                version: found.version,
                start,
                machine,
                suggestions,
            });
        }
        Ok(())
    }

    async fn answer(&mut self, turn: &Turn) -> Result<(), CommandError> {
        let Some(known) = &mut self.known else {
            return Ok(());
        };
        if known.answered.contains(&turn.turn_id) {
            return Ok(());
        }
        let started = Instant::now();
        match known.run.take() {
            Some(mut run) => {
                // What was erased meanwhile is answered as silence.
                let text = turn.content.clear().cloned().unwrap_or_default();
                let offered = std::mem::take(&mut run.suggestions);
                let time_max = self.shared.options.script_time_max;
                let execution = execute(
                    &mut run.machine,
                    Input::Text(text),
                    offered,
                    turn.received_at,
                    time_max,
                )
                .await;
                let id = answer_id(turn.turn_id);
                match self
                    .commit_run(&mut run, Vec::new(), execution, Some(turn), id)
                    .await?
                {
                    Committed::Stored(waits) => self.answered(turn, waits.then_some(run)),
                    // Somebody else answered or ended the run: read what became of it.
                    Committed::Elsewhere => {
                        self.known = None;
                        return self.activate_again().await;
                    }
                }
            }
            None => {
                self.answer_without_script(turn).await?;
                self.answered(turn, None);
            }
        }
        metrics::histogram!("turn_duration_seconds", "stage" => "answer")
            .record(started.elapsed().as_secs_f64());
        Ok(())
    }

    async fn activate_again(&mut self) -> Result<(), CommandError> {
        Box::pin(self.activate()).await
    }

    fn answered(&mut self, turn: &Turn, run: Option<ActiveRun>) {
        if let Some(known) = &mut self.known {
            known.answered.insert(turn.turn_id);
            known.run = run;
        }
    }

    /// The bot's own words, when no script waits and no model is there.
    async fn answer_without_script(&mut self, turn: &Turn) -> Result<(), CommandError> {
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
            suggestions: Vec::new(),
        };
        let reply = self.reply(open.session_id, open.user_id, Some(turn), content, id, 0);
        let context = self.caused_by(turn, id);
        let key = self.id.to_string();
        let events = [ConversationEvent::ReplyProduced(reply)];
        let append = append_command::<Conversation>(&context, &key, None, key.clone(), &events, Value::Null)?;
        event_log::crash_point("between-turn-and-reply");
        match self.shared.executor.append(append).await? {
            Outcome::Stored(_) | Outcome::Duplicate(_) => Ok(()),
            _ => Err(CommandError::Contended),
        }
    }

    /// Stores what a script did with a turn. `begun` goes before it.
    async fn commit_run(
        &self,
        run: &mut ActiveRun,
        begun: Vec<RunEvent>,
        execution: Execution,
        turn: Option<&Turn>,
        command_id: Uuid,
    ) -> Result<Committed, CommandError> {
        let now = turn.map_or(run.start.started_at, |turn| turn.received_at);
        let mut events = begun;
        let broken = matches!(execution.end, ExecutionEnd::Failed(_));
        let apology = broken.then(|| ReplyContent {
            text: BROKEN_SCRIPT.to_owned(),
            suggestions: Vec::new(),
        });
        for (number, content) in execution.replies.into_iter().chain(apology).enumerate() {
            let (session, user) = (run.start.session_id, run.start.user_id);
            events.push(RunEvent::ReplyProduced(
                self.reply(session, user, turn, content, command_id, number),
            ));
        }
        run.suggestions = execution.suggestions;
        let (last, waits) = ending(
            run,
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
            lease_epoch: Some(self.shared.options.lease_epoch),
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
                Ok(Committed::Stored(waits))
            }
            Outcome::Duplicate(_) | Outcome::Conflict { .. } | Outcome::Taken { .. } => {
                Ok(Committed::Elsewhere)
            }
            Outcome::Mismatch | Outcome::Fenced { .. } => Err(CommandError::Contended),
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
        session_id: domain::SessionId,
        user_id: domain::UserId,
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
            produced_at: Utc::now(),
        }
    }
}

enum Committed {
    /// True when the run waits for another turn.
    Stored(bool),
    /// The stream is not where this worker believed it to be.
    Elsewhere,
}

fn ending(
    run: &ActiveRun,
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
    };
    match end {
        ExecutionEnd::Waiting(hear) => {
            let stored = StoredRun {
                machine: BASE64.encode(run.machine.suspend()),
                suggestions: run.suggestions.clone(),
            };
            let suspension = Suspension {
                session_id: run.start.session_id,
                turn_id,
                waits_for: kind_name(hear.kind).to_owned(),
                state: Personal::conversation(user, stored),
                steps,
                suspended_at: now,
            };
            (RunEvent::Suspended(suspension), true)
        }
        ExecutionEnd::Completed => (ended(RunOutcome::Completed), false),
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

/// What a run waits for, as its event says it.
fn kind_name(kind: HearKind) -> &'static str {
    match kind {
        HearKind::Text => "text",
        HearKind::Name => "name",
        HearKind::Integer => "integer",
        HearKind::Number => "number",
        HearKind::Boolean => "boolean",
        HearKind::Email => "email",
        HearKind::Date => "date",
        HearKind::Menu { .. } => "menu",
    }
}

/// What every script finds set.
fn variables(open: &OpenConversation, bot: &Mounted) -> Vec<(String, basic::Value)> {
    let text = |name: &str, value: String| (name.to_owned(), basic::Value::from(value));
    vec![
        text("session_id", open.session_id.to_string()),
        text("user_id", open.user_id.to_string()),
        text("bot_name", bot.name.clone()),
        text("channel", "web".to_owned()),
    ]
}
