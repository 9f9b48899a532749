//! Makes sure that every acknowledged turn is answered, also when the process that took it died, that every run that
//! pauses goes on, and that what starts scripts by itself starts them.
//!
//! In the normal case a turn is handed over within the process and this only watches the answers go by. Its
//! checkpoint never passes a turn that is not answered, a pause that did not end, or a cause whose scripts have not run, so
//! whoever starts next finds it.
//! As it reads everything, it also tells the process's memory what others changed.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::{BotId, ConversationId, OrganisationId, RunId};
use event_log::{Feed, Position, RecordedEvent};
use sqlx::PgPool;
use uuid::Uuid;

use crate::automation::{Start, Wait};
use crate::{CommandError, Dialogues};

const NAME: &str = "runs";
const BATCH: i64 = 500;

/// A turn that took longer than this is looked at again: its worker may have died with another process.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the checkpoint is written down. What came after it is only read again.
const SAVED_EVERY: Duration = Duration::from_millis(200);

/// Starts of one bot that may wait: scripts that start many others, which do so too, would fill the memory.
const STARTS_MAX: usize = 10_000;

/// Follows the log for turns without an answer.
pub struct Recovery {
    projector_pool: PgPool,
    feed: Feed,
    dialogues: Dialogues,
    read_through: Position,
    saved: Position,
    saved_at: Instant,
    waiting: Waiting,
}

/// Turns that were received and not yet answered, runs that pause, and scripts that a cause starts, oldest first.
#[derive(Default)]
struct Waiting {
    due: BTreeMap<(Position, usize), Due>,
    /// By id of the turn, of the run, or of the conversation that a trigger begins.
    places: HashMap<Uuid, (Position, usize)>,
    /// How many starts wait, by bot.
    starts: HashMap<BotId, usize>,
}

struct Due {
    tenant: OrganisationId,
    conversation: ConversationId,
    /// Of the turn, the run or the conversation.
    id: Uuid,
    look_at: Instant,
    /// The event that a run waits for, if it does, and until when.
    awaits: Option<(String, DateTime<Utc>)>,
    /// What is to begin, or has begun and not ended.
    start: Option<Box<Start>>,
    begun: bool,
}

impl Recovery {
    /// Takes the lease of the worker that answers turns: older holders can no longer write to a run that this one
    /// has touched. Returns the fencing token for [`crate::DialogueOptions`].
    pub async fn take_lease(projector_pool: &PgPool) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "insert into app.workers (name, lease_epoch) values ($1, 1)
             on conflict on constraint workers_pkey
             do update set lease_epoch = workers.lease_epoch + 1, updated_at = clock_timestamp()
             returning lease_epoch",
        )
        .bind(NAME)
        .fetch_one(projector_pool)
        .await
    }

    pub async fn new(projector_pool: PgPool, feed: Feed, dialogues: Dialogues) -> Result<Self, sqlx::Error> {
        let saved: Option<i64> = sqlx::query_scalar("select position from app.workers where name = $1")
            .bind(NAME)
            .fetch_optional(&projector_pool)
            .await?;
        let saved = Position(saved.unwrap_or(0));
        dialogues.hears_all(false);
        Ok(Self {
            projector_pool,
            feed,
            dialogues,
            read_through: saved,
            saved,
            saved_at: Instant::now(),
            waiting: Waiting::default(),
        })
    }

    /// Runs until `stop` resolves.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let pause = match self.step().await {
                Ok(()) if self.through() != self.saved => SAVED_EVERY,
                Ok(()) => Duration::from_secs(1),
                Err(error) => {
                    tracing::warn!(error = %error, "cannot follow the log, trying again");
                    Duration::from_secs(2)
                }
            };
            tokio::select! {
                () = &mut stop => break,
                () = self.feed.wait_past(self.read_through) => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        if let Err(error) = self.save().await {
            tracing::warn!(error = %error, "the checkpoint of turns was not saved");
        }
    }

    async fn step(&mut self) -> Result<(), CommandError> {
        while self.feed.known() > self.read_through {
            let events = self.feed.read(self.read_through, BATCH).await?;
            let Some(last) = events.last() else { break };
            let through = last.position.unwrap_or(self.read_through);
            for event in &events {
                self.dialogues.observe(event);
                // What cannot be found out now is found out when this event is read again; what never can holds up nothing.
                let starts = known(event, self.dialogues.started_by(event).await)?;
                known(event, self.tell_awaiting(event).await)?;
                if let Some(went_on) = self.waiting.observe(event, starts) {
                    self.dialogues.forget_heard(went_on);
                }
                self.read_through = event.position.unwrap_or(self.read_through);
                // The opening script is run by whose the conversation is, whoever let the visitor in.
                if event.event_type == "conversation.started"
                    && let Ok(conversation) = event.stream.aggregate_id.parse()
                {
                    self.dialogues
                        .look_after(OrganisationId(event.tenant), ConversationId(conversation));
                }
            }
            self.read_through = through;
        }
        self.dialogues.hears_all(true);
        for (tenant, conversation, start) in self.waiting.due(Instant::now()) {
            match start {
                Some(start) => match self.dialogues.start_mine(tenant, &start).await {
                    Ok(()) => {}
                    // One that cannot be begun holds up no other; this one is tried again, unless it never can be.
                    Err(error) if error.retryable() => {
                        tracing::warn!(bot.id = %start.bot, script.name = start.script, %error, "a script is not begun yet");
                    }
                    Err(error) => {
                        tracing::error!(bot.id = %start.bot, script.name = start.script, %error, "a script cannot be begun, it is left out");
                        self.waiting.end(Some(start.conversation.0));
                    }
                },
                None => self.dialogues.look_after(tenant, conversation),
            }
        }
        self.dialogues.start_due(Utc::now()).await;
        if self.saved_at.elapsed() < SAVED_EVERY {
            return Ok(());
        }
        self.saved_at = Instant::now();
        self.save().await
    }

    /// Tells runs that wait for it of an event that was published.
    async fn tell_awaiting(&self, event: &RecordedEvent) -> Result<(), CommandError> {
        if event.event_type != "event.published" {
            return Ok(());
        }
        let text = |name: &str| event.payload.get(name).and_then(|text| text.as_str());
        let (Some(bot), Some(name)) = (text("bot_id"), text("name")) else {
            return Ok(());
        };
        let awaiting = self.waiting.awaiting(&awaited_key(bot, name));
        if awaiting.is_empty() {
            return Ok(());
        }
        self.dialogues.tell_heard(event, awaiting).await
    }

    /// Where the checkpoint belongs.
    fn through(&self) -> Position {
        self.waiting.answered_through(self.read_through)
    }

    async fn save(&mut self) -> Result<(), CommandError> {
        let through = self.through();
        if through == self.saved {
            return Ok(());
        }
        sqlx::query(
            "update app.workers set position = greatest(position, $2), updated_at = clock_timestamp() where name = $1",
        )
        .bind(NAME)
        .bind(through.0)
        .execute(&self.projector_pool)
        .await
        .map_err(CommandError::unexpected)?;
        self.saved = through;
        Ok(())
    }
}

/// What can never be found out of an event is taken as nothing.
fn known<T: Default>(event: &RecordedEvent, found: Result<T, CommandError>) -> Result<T, CommandError> {
    match found {
        Err(error) if !error.retryable() => {
            tracing::error!(event.id = %event.event_id, %error, "what an event starts is not known, it starts nothing");
            Ok(T::default())
        }
        found => found,
    }
}

/// Names of events are equal in upper and lower case.
fn awaited_key(bot: &str, name: &str) -> String {
    format!("{bot} {}", name.to_lowercase())
}

/// The event that a run waits for since it was suspended.
fn awaited_by(event: &RecordedEvent) -> Option<(String, DateTime<Utc>)> {
    let text = |pointer: &str| event.payload.pointer(pointer).and_then(|text| text.as_str());
    let key = awaited_key(text("/pause/event/bot_id")?, text("/pause/event/name")?);
    Some((key, text("/pause/until")?.parse().ok()?))
}

impl Waiting {
    /// Takes what happened, and the scripts that it starts. Returns the run that went on, if one did.
    fn observe(&mut self, event: &RecordedEvent, starts: Vec<Start>) -> Option<RunId> {
        let id = |pointer: &str| {
            let id = event.payload.pointer(pointer).and_then(|id| id.as_str());
            id.and_then(|id| id.parse::<Uuid>().ok())
        };
        let stream: Option<Uuid> = event.stream.aggregate_id.parse().ok();
        for start in starts {
            let conversation = start.conversation.0;
            let waiting = self.starts.get(&start.bot).copied().unwrap_or_default();
            if waiting >= STARTS_MAX && !self.places.contains_key(&conversation) {
                tracing::warn!(bot.id = %start.bot, script.name = start.script, waiting, "too many scripts wait to start; this one is not started");
                continue;
            }
            self.begin(
                event,
                Some(conversation),
                Some(conversation),
                Some(Box::new(start)),
            );
        }
        match event.event_type.as_str() {
            "turn.received" => self.begin(event, id("/turn_id"), stream, None),
            "run.suspended" | "run.ended" => {
                self.end(id("/turn_id"));
                self.end(stream);
                if let Some(conversation) = id("/pause/conversation_id") {
                    self.begin(event, stream, Some(conversation), None);
                }
                return stream.map(RunId);
            }
            // A run's replies precede its suspension; a bot's own reply is the whole answer.
            "turn.left_to_human" => self.end(id("/turn_id")),
            "reply.produced" if event.stream.aggregate_type == "conversation" => self.end(id("/in_reply_to")),
            "conversation.started" if event.payload.get("trigger").is_some() => {
                // Where its cause waits further back, that goes on waiting, until this ends.
                match stream.and_then(|stream| self.places.get(&stream)) {
                    Some(place) => {
                        if let Some(due) = self.due.get_mut(place) {
                            due.begun = true;
                        }
                    }
                    None => self.begin(event, stream, stream, None),
                }
            }
            "conversation.ended" => self.end(stream),
            _ => {}
        }
        None
    }

    /// The waits for this event.
    fn awaiting(&self, key: &str) -> Vec<Wait> {
        let due = self.due.values();
        due.filter_map(|waiting| match &waiting.awaits {
            Some((awaited, until)) if awaited == key => Some((RunId(waiting.id), *until)),
            _ => None,
        })
        .collect()
    }

    fn begin(
        &mut self,
        event: &RecordedEvent,
        id: Option<Uuid>,
        conversation: Option<Uuid>,
        start: Option<Box<Start>>,
    ) {
        let (Some(id), Some(conversation), Some(position)) = (id, conversation, event.position) else {
            return;
        };
        // Read again, it waits where it waited.
        if self.places.contains_key(&id) {
            return;
        }
        let place = (
            position,
            self.due.range((position, 0)..=(position, usize::MAX)).count(),
        );
        self.places.insert(id, place);
        let due = Due {
            tenant: OrganisationId(event.tenant),
            conversation: ConversationId(conversation),
            id,
            look_at: Instant::now(),
            awaits: awaited_by(event),
            start,
            begun: false,
        };
        if let Some(start) = &due.start {
            *self.starts.entry(start.bot).or_default() += 1;
        }
        self.due.insert(place, due);
    }

    fn end(&mut self, id: Option<Uuid>) {
        if let Some(place) = id.and_then(|id| self.places.remove(&id)) {
            let ended = self.due.remove(&place);
            if let Some(start) = ended.and_then(|ended| ended.start)
                && let Entry::Occupied(mut waiting) = self.starts.entry(start.bot)
            {
                *waiting.get_mut() -= 1;
                if *waiting.get() == 0 {
                    waiting.remove();
                }
            }
        }
    }

    /// Conversations that should be looked at now, or begun; each is due again after a while.
    fn due(&mut self, now: Instant) -> Vec<(OrganisationId, ConversationId, Option<Start>)> {
        let mut due = Vec::new();
        for waiting in self.due.values_mut().filter(|waiting| waiting.look_at <= now) {
            waiting.look_at = now + PATIENCE;
            tracing::trace!(id = %waiting.id, "a turn waits for its answer, a run for its time or a script for its start");
            due.push((
                waiting.tenant,
                waiting.conversation,
                waiting.start.as_deref().filter(|_| !waiting.begun).cloned(),
            ));
        }
        due.dedup_by_key(|(tenant, conversation, _)| (*tenant, *conversation));
        due
    }

    fn answered_through(&self, read_through: Position) -> Position {
        self.due
            .keys()
            .next()
            .map_or(read_through, |(first, _)| Position(first.0 - 1))
    }
}
