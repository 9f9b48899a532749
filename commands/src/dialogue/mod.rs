//! Dialogues: what takes turns in and has them answered.
//!
//! A turn is durable when `receive` returns. One worker per conversation answers its turns in order; it starts when
//! a turn needs it and ends when the conversation rests. Everything a worker knows can be read from the log again.

mod execution;
mod worker;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::bot::Bot;
use domain::conversation::{Conversation, ConversationEvent, Turn};
use domain::run::Run;
use domain::session::OpenSession;
use domain::{ConversationId, OrganisationId, Personal, RunId, SessionId, TurnId};
use event_log::{Outcome, Stored};
use lru::LruCache;
use serde_json::json;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::executor::append_command;
use crate::{
    CommandError, Context, ConversationCommand, Executor, NewTurn, Programs, ReceivedTurn, RefusalKind,
};
use worker::{Wake, Worker};

/// Open conversations whose session is known without asking the log.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).expect("is not zero");

/// How often a turn looks for another conversation because the one it found was just ended.
const ATTEMPTS_MAX: u32 = 8;

#[derive(Debug, Clone)]
pub struct DialogueOptions {
    /// A conversation that rests longer than this ends, unless a script waits in it.
    pub idle: TimeDelta,
    pub message_bytes_max: usize,
    pub script: basic::Limits,
    /// Wall-clock limit of one turn of a script.
    pub script_time_max: Duration,
    /// Fencing token of this process: see [`crate::Recovery::take_lease`].
    pub lease_epoch: i64,
}

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Dialogues {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    executor: Executor,
    programs: Programs,
    options: DialogueOptions,
    // Standard mutexes: each section is a look-up in memory.
    workers: Mutex<HashMap<ConversationId, mpsc::UnboundedSender<Wake>>>,
    open: Mutex<LruCache<SessionId, ConversationId>>,
    greeted: Mutex<LruCache<SessionId, ()>>,
}

impl Dialogues {
    pub fn new(executor: Executor, programs: Programs, options: DialogueOptions) -> Self {
        let shared = Shared {
            executor,
            programs,
            options,
            workers: Mutex::default(),
            open: Mutex::new(LruCache::new(REMEMBERED)),
            greeted: Mutex::new(LruCache::new(REMEMBERED)),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Stores a turn and hands it over.
    pub(crate) async fn receive(
        &self,
        context: &Context,
        session_id: SessionId,
        open: &OpenSession,
        new: NewTurn,
        now: DateTime<Utc>,
    ) -> Result<ReceivedTurn, CommandError> {
        let content = checked(new.content, self.shared.options.message_bytes_max)?;
        self.answering(context.tenant, open).await?;
        // A message with an id is the same command however often it is sent; the turn is named after it.
        let command_id = match new.message_id {
            Some(message_id) => Uuid::new_v5(&session_id.0, message_id.as_bytes()),
            None => Uuid::now_v7(),
        };
        let digest = self
            .shared
            .executor
            .log()
            .keyring()
            .hash(context.tenant.0, "turn", &content);
        let context = context.with_command(command_id, digest);
        let turn = Turn {
            turn_id: TurnId(command_id),
            session_id,
            message_id: new.message_id,
            content: Personal::conversation(open.user_id, content),
            received_at: now,
        };
        event_log::crash_point("before-append");
        for _ in 0..ATTEMPTS_MAX {
            let known = self.current_conversation(&context, session_id, now).await?;
            let (conversation, events, expected) = match known {
                Some(id) => (id, vec![ConversationEvent::TurnReceived(turn.clone())], None),
                None => {
                    let started = ConversationEvent::Started {
                        session_id,
                        bot_id: open.bot_id,
                        user_id: open.user_id,
                        started_at: now,
                    };
                    let turn = ConversationEvent::TurnReceived(turn.clone());
                    (ConversationId(Uuid::now_v7()), vec![started, turn], Some(0))
                }
            };
            let id = conversation.to_string();
            let answer = json!({ "turn_id": turn.turn_id, "conversation_id": conversation });
            let append =
                append_command::<Conversation>(&context, &id, expected, id.clone(), &events, answer)?;
            match self.shared.executor.append(append).await? {
                Outcome::Stored(stored) => {
                    self.remember_open(session_id, conversation);
                    let received = received(&stored, turn.turn_id, conversation, false);
                    self.shared.executor.update_memory::<Conversation>(
                        context.tenant,
                        &id,
                        &events,
                        stored.last_sequence,
                    );
                    self.wake(
                        context.tenant,
                        conversation,
                        Wake::Turn(stored.last_sequence, Box::new(turn)),
                    );
                    return Ok(received);
                }
                Outcome::Duplicate(stored) => {
                    return Ok(received(&stored, turn.turn_id, conversation, true));
                }
                Outcome::Mismatch => return Err(CommandError::Mismatch),
                Outcome::Taken { owner, .. } => match owner.parse() {
                    Ok(owner) => self.remember_open(session_id, owner),
                    Err(error) => return Err(CommandError::unexpected(error)),
                },
                Outcome::Conflict { .. } | Outcome::Fenced { .. } => self.forget_open(session_id),
            }
        }
        Err(CommandError::Contended)
    }

    /// Starts the bot's opening script in this session, unless it ran before.
    pub(crate) async fn greet(
        &self,
        tenant: OrganisationId,
        session_id: SessionId,
        open: &OpenSession,
        now: DateTime<Utc>,
    ) -> Result<(), CommandError> {
        if lock(&self.shared.greeted).get(&session_id).is_some() {
            return Ok(());
        }
        let run = self
            .shared
            .executor
            .load_fresh::<Run>(tenant, opening_run(session_id))
            .await?;
        let bot = self.shared.executor.load::<Bot>(tenant, open.bot_id).await?.state;
        let opens = matches!(&bot, Bot::Active(bot) if opening_program(&bot.package).is_some());
        if run.version == 0 && opens {
            let conversation = self.ensure_conversation(tenant, session_id, open, now).await?;
            self.wake(tenant, conversation, Wake::Look);
        }
        lock(&self.shared.greeted).put(session_id, ());
        Ok(())
    }

    /// Has a conversation's worker see whether something waits for an answer.
    pub fn look_after(&self, tenant: OrganisationId, conversation: ConversationId) {
        self.wake(tenant, conversation, Wake::Look);
    }

    /// Conversations that have a worker now.
    pub fn active(&self) -> usize {
        lock(&self.shared.workers).len()
    }

    /// Refuses while the bot does not take visitors.
    async fn answering(&self, tenant: OrganisationId, open: &OpenSession) -> Result<(), CommandError> {
        match self.shared.executor.load::<Bot>(tenant, open.bot_id).await?.state {
            Bot::Active(_) => Ok(()),
            Bot::Paused(_) => Err(crate::service::paused()),
            Bot::Absent => Err(crate::BotError::NotFound.into()),
            Bot::Retired => Err(crate::BotError::Retired.into()),
        }
    }

    /// The session's open conversation, after ending one that rested too long.
    async fn current_conversation(
        &self,
        context: &Context,
        session_id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<ConversationId>, CommandError> {
        let remembered = lock(&self.shared.open).get(&session_id).copied();
        let found = match remembered {
            Some(conversation) => Some(conversation),
            None => {
                self.owner(context.tenant, "open_conversation", &session_id.to_string())
                    .await?
            }
        };
        let Some(conversation) = found else {
            return Ok(None);
        };
        let known = self
            .shared
            .executor
            .load::<Conversation>(context.tenant, conversation)
            .await?;
        match known.state {
            Conversation::Open(open) if now - open.active_at <= self.shared.options.idle => {}
            Conversation::Open(_) => {
                let waits: Option<RunId> = self
                    .owner(context.tenant, "active_run", &conversation.to_string())
                    .await?;
                if waits.is_none() {
                    let expire = ConversationCommand::Expire {
                        idle: self.shared.options.idle,
                        at: now,
                    };
                    let by_itself = Context::system(context.tenant, "dialogues");
                    let expired = self
                        .shared
                        .executor
                        .execute::<Conversation>(&by_itself, conversation, expire, json!(null))
                        .await?;
                    if !expired.events.is_empty() {
                        self.forget_open(session_id);
                        return Ok(None);
                    }
                }
            }
            Conversation::Ended { .. } | Conversation::Absent => {
                self.forget_open(session_id);
                return Ok(None);
            }
        }
        self.remember_open(session_id, conversation);
        Ok(Some(conversation))
    }

    async fn ensure_conversation(
        &self,
        tenant: OrganisationId,
        session_id: SessionId,
        open: &OpenSession,
        now: DateTime<Utc>,
    ) -> Result<ConversationId, CommandError> {
        let context = Context::system(tenant, "dialogues");
        for _ in 0..ATTEMPTS_MAX {
            if let Some(conversation) = self.current_conversation(&context, session_id, now).await? {
                return Ok(conversation);
            }
            let conversation = ConversationId(Uuid::now_v7());
            let start = ConversationCommand::Start {
                session_id,
                bot_id: open.bot_id,
                user_id: open.user_id,
                at: now,
            };
            let started = self
                .shared
                .executor
                .execute::<Conversation>(&context, conversation, start, json!(null))
                .await;
            match started {
                Ok(_) => {
                    self.remember_open(session_id, conversation);
                    return Ok(conversation);
                }
                // Another socket of the same session was faster: look again.
                Err(CommandError::Taken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(CommandError::Contended)
    }

    async fn owner<T: std::str::FromStr>(
        &self,
        tenant: OrganisationId,
        kind: &str,
        key: &str,
    ) -> Result<Option<T>, CommandError> {
        let owner = self
            .shared
            .executor
            .log()
            .claim_owner(tenant.0, kind, key)
            .await?;
        Ok(owner.and_then(|owner| owner.parse().ok()))
    }

    fn remember_open(&self, session: SessionId, conversation: ConversationId) {
        lock(&self.shared.open).put(session, conversation);
    }

    fn forget_open(&self, session: SessionId) {
        lock(&self.shared.open).pop(&session);
    }

    /// Gives `wake` to the conversation's worker, starting one if it has none.
    ///
    /// The queue has no limit of its own: what is in it was stored first, and the flood limits stand before that.
    fn wake(&self, tenant: OrganisationId, conversation: ConversationId, wake: Wake) {
        let mut workers = lock(&self.shared.workers);
        let wake = match workers.get(&conversation) {
            None => wake,
            Some(worker) => match worker.send(wake) {
                Ok(()) => return,
                // The worker broke down; a new one reads from the log what this one left.
                Err(mpsc::error::SendError(wake)) => wake,
            },
        };
        let (sender, receiver) = mpsc::unbounded_channel();
        if sender.send(wake).is_ok() {
            workers.insert(conversation, sender);
            tokio::spawn(Worker::new(self.shared.clone(), tenant, conversation).run(receiver));
        }
    }
}

impl Shared {
    /// Takes a worker off the list unless something arrived for it meanwhile.
    fn retire(
        &self,
        conversation: ConversationId,
        queue: &mut mpsc::UnboundedReceiver<Wake>,
    ) -> Option<Wake> {
        let mut workers = lock(&self.workers);
        match queue.try_recv() {
            Ok(wake) => Some(wake),
            Err(_) => {
                workers.remove(&conversation);
                None
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The run of a session's opening script: one for a session, whoever starts it.
pub(crate) fn opening_run(session: SessionId) -> RunId {
    RunId(Uuid::new_v5(&session.0, b"start"))
}

pub(crate) fn opening_program(package: &domain::bot::Package) -> Option<&str> {
    package
        .scripts
        .get("start")
        .and_then(|script| script.program.as_deref())
}

/// The command id under which a turn is answered: whoever answers it, it is answered once.
pub(crate) fn answer_id(turn: TurnId) -> Uuid {
    Uuid::new_v5(&turn.0, b"answer")
}

fn received(stored: &Stored, turn_id: TurnId, conversation: ConversationId, repeated: bool) -> ReceivedTurn {
    let first = stored
        .answer
        .get("conversation_id")
        .and_then(|id| id.as_str())
        .and_then(|id| id.parse().ok());
    ReceivedTurn {
        turn_id,
        conversation_id: first.unwrap_or(conversation),
        token: stored.token,
        repeated,
    }
}

fn checked(content: String, bytes_max: usize) -> Result<String, CommandError> {
    let invalid = |message: String| {
        Err(CommandError::Invalid {
            field: "content",
            message,
        })
    };
    if content.trim().is_empty() {
        return invalid("a message cannot be empty".to_owned());
    }
    if content.len() > bytes_max {
        return invalid(format!("a message has at most {bytes_max} bytes"));
    }
    // PostgreSQL's JSON cannot hold it.
    if content.contains('\0') {
        return invalid("a message cannot contain the character U+0000".to_owned());
    }
    Ok(content)
}

/// The error for a stored thing that is not in the state its events promise.
pub(crate) fn inconsistent(what: &'static str) -> CommandError {
    CommandError::Refused {
        kind: RefusalKind::Conflict,
        code: "inconsistent",
        message: what.to_owned(),
    }
}
