//! Dialogues: what takes turns in and has them answered.
//!
//! A turn is durable when `receive` returns. One worker per conversation answers its turns in order; it starts when
//! a turn needs it and ends when the conversation rests. Everything a worker knows can be read from the log again.

mod attaching;
mod current;
mod execution;
mod receiving;
mod states;
mod variables;
mod worker;

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use basic::ProgramHash;
use chrono::{DateTime, TimeDelta, Utc};
use documents::pdf::Isolated;
use domain::bot::{Bot, Package};
use domain::run::Run;
use domain::session::OpenSession;
use domain::{BotId, ConversationId, OrganisationId, RunId, SessionId, TurnId};
use event_log::RecordedEvent;
use lru::LruCache;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::automation::{Awaited, Calendar, Handlers, Heard};
use crate::{
    Attendant, Blobs, CommandError, Desk, Executor, Programs, RefusalKind, Runners, Services, Tables,
};
pub(crate) use execution::{Execution, ExecutionEnd, SCRIPT_TIME, execute_within};
use worker::{Wake, Worker};

/// Open conversations whose session is known without asking the log.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).expect("is not zero");

#[derive(Debug, Clone)]
pub struct DialogueOptions {
    /// A conversation that rests longer than this ends, unless a script waits in it.
    pub idle: TimeDelta,
    pub message_bytes_max: usize,
    pub script: basic::Limits,
    /// Wall-clock limit of one turn of a script.
    pub script_time_max: Duration,
    /// Which conversations are this process's, and its fencing token.
    pub runners: Runners,
    pub drive: DriveOptions,
    /// What stands behind words that the platform does not answer by itself.
    pub services: Arc<dyn Services>,
    /// Where conversations that wait for people are found.
    pub desk: Arc<dyn Desk>,
}

/// What the drives of bots may hold, and how their documents are read.
#[derive(Debug, Clone)]
pub struct DriveOptions {
    /// The files of one bot together.
    pub bytes_max: u64,
    /// Where PDF is read; None where it is not.
    pub pdf: Option<Isolated>,
}

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Dialogues {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) executor: Executor,
    pub(crate) programs: Programs,
    pub(crate) tables: Tables,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) options: DialogueOptions,
    // Standard mutexes: each section is a look-up in memory.
    workers: Mutex<HashMap<ConversationId, mpsc::UnboundedSender<Wake>>>,
    open: Mutex<LruCache<SessionId, ConversationId>>,
    greeted: Mutex<LruCache<SessionId, ()>>,
    /// Those who change a bot's drive in this process wait for each other here, not for the log to refuse them.
    drives: Mutex<HashMap<BotId, Arc<tokio::sync::Mutex<()>>>>,
    /// What the packages' settings give to scripts. In memory only: they may be secrets. What a run was given is sealed
    /// with its state.
    parameters: Mutex<HashMap<BotId, Parameters>>,
    pub(crate) handlers: Handlers,
    pub(crate) calendar: Mutex<Calendar>,
    pub(crate) awaited: Awaited,
    pub(crate) heard: Heard,
    /// Who works at the desks of bots. In memory only: packages say how they are reached.
    attendants: Mutex<HashMap<BotId, Arc<[Attendant]>>>,
}

/// Variables of a bot's scripts, by name.
type Parameters = Vec<(String, basic::Value)>;

impl Dialogues {
    pub fn new(
        executor: Executor,
        programs: Programs,
        tables: Tables,
        blobs: Arc<dyn Blobs>,
        options: DialogueOptions,
    ) -> Self {
        let shared = Shared {
            executor,
            programs,
            tables,
            blobs,
            options,
            workers: Mutex::default(),
            open: Mutex::new(LruCache::new(REMEMBERED)),
            greeted: Mutex::new(LruCache::new(REMEMBERED)),
            drives: Mutex::default(),
            parameters: Mutex::default(),
            handlers: Handlers::default(),
            calendar: Mutex::default(),
            awaited: Awaited::default(),
            heard: Heard::default(),
            attendants: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self {
            shared: shared.clone(),
        }
    }

    /// Has scripts of the bot that start from now on find these variables set.
    pub fn set_parameters(&self, bot: BotId, parameters: Vec<(String, basic::Value)>) {
        lock(&self.shared.parameters).insert(bot, parameters);
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Says who works at the bot's desk.
    pub fn set_attendants(&self, bot: BotId, attendants: Vec<Attendant>) {
        lock(&self.shared.attendants).insert(bot, attendants.into());
    }

    /// The tables of bots.
    pub fn tables(&self) -> &Tables {
        &self.shared.tables
    }

    /// Where large values are kept.
    pub(crate) fn blobs(&self) -> &dyn Blobs {
        &*self.shared.blobs
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
        let opens = matches!(&bot, Bot::Active(bot) if program_of(&bot.package, "start").is_some());
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

    /// Has the process forget what an event of the log shows to be behind, and know what it tells.
    pub(crate) fn observe(&self, event: &RecordedEvent) {
        self.shared.executor.observe(event);
        lock(&self.shared.calendar).observe(event);
        self.tell_ended(event);
    }

    /// Conversations that have a worker now.
    pub fn active(&self) -> usize {
        lock(&self.shared.workers).len()
    }

    /// Gives `wake` to the conversation's worker, starting one if it has none.
    ///
    /// The queue has no limit of its own: what is in it was stored first, and the flood limits stand before that.
    fn wake(&self, tenant: OrganisationId, conversation: ConversationId, wake: Wake) {
        // Whose it is finds it in the log.
        if !self.shared.options.runners.is_mine(conversation) {
            return;
        }
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
    /// The turn to change a bot's drive, until it is dropped.
    pub(crate) async fn drive_turn(&self, bot: BotId) -> tokio::sync::OwnedMutexGuard<()> {
        let turn = lock(&self.drives).entry(bot).or_default().clone();
        turn.lock_owned().await
    }

    fn parameters(&self, bot: BotId) -> Parameters {
        lock(&self.parameters).get(&bot).cloned().unwrap_or_default()
    }

    pub(crate) fn attendants(&self, bot: BotId) -> Arc<[Attendant]> {
        lock(&self.attendants).get(&bot).cloned().unwrap_or_default()
    }

    /// The scripts that a program may come to call, one through another, and the hashes of what they are now.
    pub(crate) async fn callable(
        &self,
        tenant: OrganisationId,
        package: &Package,
        program: &str,
    ) -> Result<BTreeMap<String, String>, CommandError> {
        let mut found = BTreeMap::new();
        let mut unread = vec![program.to_owned()];
        while let Some(hash) = unread.pop() {
            let hash: ProgramHash = hash.parse().map_err(CommandError::unexpected)?;
            let program = self.programs.load(tenant, hash).await?;
            for name in program.calls() {
                if let Some(hash) = program_of(package, &name.to_lowercase())
                    && found.insert(name.to_owned(), hash.to_owned()).is_none()
                {
                    unread.push(hash.to_owned());
                }
            }
        }
        Ok(found)
    }

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

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The run of a session's opening script: one for a session, whoever starts it.
pub(crate) fn opening_run(session: SessionId) -> RunId {
    RunId(Uuid::new_v5(&session.0, b"start"))
}

/// What runs of a package's script.
pub(crate) fn program_of<'a>(package: &'a Package, script: &str) -> Option<&'a str> {
    package
        .scripts
        .get(script)
        .and_then(|script| script.program.as_deref())
}

/// The command id under which a turn is answered: whoever answers it, it is answered once.
pub(crate) fn answer_id(turn: TurnId) -> Uuid {
    Uuid::new_v5(&turn.0, b"answer")
}

/// The error for a stored thing that is not in the state its events promise.
pub(crate) fn inconsistent(what: &'static str) -> CommandError {
    CommandError::Refused {
        kind: RefusalKind::Conflict,
        code: "inconsistent",
        message: what.to_owned(),
    }
}
