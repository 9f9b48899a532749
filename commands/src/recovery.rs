//! Makes sure that every acknowledged turn is answered, also when the process that took it died, and that every run
//! that pauses goes on.
//!
//! In the normal case a turn is handed over within the process and this only watches the answers go by. Its
//! checkpoint never passes a turn that is not answered, or a pause that did not end, so whoever starts next finds it.
//! As it reads everything, it also tells the process's memory what others changed.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use domain::{ConversationId, OrganisationId};
use event_log::{Feed, Position, RecordedEvent};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{CommandError, Dialogues};

const NAME: &str = "runs";
const BATCH: i64 = 500;

/// A turn that took longer than this is looked at again: its worker may have died with another process.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the checkpoint is written down. What came after it is only read again.
const SAVED_EVERY: Duration = Duration::from_millis(200);

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

/// Turns that were received and not yet answered, and runs that pause, oldest first.
#[derive(Default)]
struct Waiting {
    due: BTreeMap<Position, Due>,
    /// By id of the turn or run.
    positions: HashMap<Uuid, Position>,
}

struct Due {
    tenant: OrganisationId,
    conversation: ConversationId,
    /// Of the turn or run.
    id: Uuid,
    look_at: Instant,
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
            self.read_through = last.position.unwrap_or(self.read_through);
            for event in &events {
                self.dialogues.observe(event);
                self.waiting.observe(event);
                // The opening script is run by whose the conversation is, whoever let the visitor in.
                if event.event_type == "conversation.started"
                    && let Ok(conversation) = event.stream.aggregate_id.parse()
                {
                    self.dialogues
                        .look_after(OrganisationId(event.tenant), ConversationId(conversation));
                }
            }
        }
        for (tenant, conversation) in self.waiting.due(Instant::now()) {
            self.dialogues.look_after(tenant, conversation);
        }
        if self.saved_at.elapsed() < SAVED_EVERY {
            return Ok(());
        }
        self.saved_at = Instant::now();
        self.save().await
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

impl Waiting {
    fn observe(&mut self, event: &RecordedEvent) {
        let id = |pointer: &str| {
            let id = event.payload.pointer(pointer).and_then(|id| id.as_str());
            id.and_then(|id| id.parse::<Uuid>().ok())
        };
        let stream: Option<Uuid> = event.stream.aggregate_id.parse().ok();
        match event.event_type.as_str() {
            "turn.received" => self.begin(event, id("/turn_id"), stream),
            "run.suspended" | "run.ended" => {
                self.end(id("/turn_id"));
                self.end(stream);
                if let Some(conversation) = id("/pause/conversation_id") {
                    self.begin(event, stream, Some(conversation));
                }
            }
            // A run's replies precede its suspension; a bot's own reply is the whole answer.
            "turn.left_to_human" => self.end(id("/turn_id")),
            "reply.produced" if event.stream.aggregate_type == "conversation" => self.end(id("/in_reply_to")),
            _ => {}
        }
    }

    fn begin(&mut self, event: &RecordedEvent, id: Option<Uuid>, conversation: Option<Uuid>) {
        let (Some(id), Some(conversation), Some(position)) = (id, conversation, event.position) else {
            return;
        };
        self.positions.insert(id, position);
        let due = Due {
            tenant: OrganisationId(event.tenant),
            conversation: ConversationId(conversation),
            id,
            look_at: Instant::now(),
        };
        self.due.insert(position, due);
    }

    fn end(&mut self, id: Option<Uuid>) {
        if let Some(position) = id.and_then(|id| self.positions.remove(&id)) {
            self.due.remove(&position);
        }
    }

    /// Conversations whose turns should be looked at now; each is due again after a while.
    fn due(&mut self, now: Instant) -> Vec<(OrganisationId, ConversationId)> {
        let mut due = Vec::new();
        for waiting in self.due.values_mut().filter(|waiting| waiting.look_at <= now) {
            waiting.look_at = now + PATIENCE;
            tracing::trace!(id = %waiting.id, "a turn waits for its answer or a run for its time");
            due.push((waiting.tenant, waiting.conversation));
        }
        due.dedup();
        due
    }

    fn answered_through(&self, read_through: Position) -> Position {
        self.due
            .keys()
            .next()
            .map_or(read_through, |first| Position(first.0 - 1))
    }
}
