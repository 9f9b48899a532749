//! Makes sure that every acknowledged turn is answered, also when the process that took it died.
//!
//! In the normal case a turn is handed over within the process and this only watches the answers go by. Its
//! checkpoint never passes a turn that is not answered, so whoever starts next finds it. As it reads everything, it
//! also tells the process's memory what others changed.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use domain::{ConversationId, OrganisationId, TurnId};
use event_log::{Feed, Position, RecordedEvent};
use sqlx::PgPool;

use crate::{CommandError, Dialogues};

const NAME: &str = "runs";
const BATCH: i64 = 500;

/// A turn that took longer than this is looked at again: its worker may have died with another process.
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the log for turns without an answer.
pub struct Recovery {
    projector_pool: PgPool,
    feed: Feed,
    dialogues: Dialogues,
    read_through: Position,
    saved: Position,
    waiting: Waiting,
}

/// Turns that were received and not yet answered, oldest first.
#[derive(Default)]
struct Waiting {
    turns: BTreeMap<Position, WaitingTurn>,
    positions: HashMap<TurnId, Position>,
}

struct WaitingTurn {
    tenant: OrganisationId,
    conversation: ConversationId,
    turn: TurnId,
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
            waiting: Waiting::default(),
        })
    }

    /// Runs until `stop` resolves.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            let pause = match self.step().await {
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
        loop {
            let events = self.feed.read(self.read_through, BATCH).await?;
            let Some(last) = events.last() else { break };
            self.read_through = last.position.unwrap_or(self.read_through);
            for event in &events {
                self.dialogues.observe(event);
                self.waiting.observe(event);
            }
        }
        for (tenant, conversation) in self.waiting.due(Instant::now()) {
            self.dialogues.look_after(tenant, conversation);
        }
        self.save().await
    }

    async fn save(&mut self) -> Result<(), CommandError> {
        let through = self.waiting.answered_through(self.read_through);
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
        let turn = |field: &str| {
            event
                .payload
                .get(field)
                .and_then(|id| id.as_str())
                .and_then(|id| id.parse::<TurnId>().ok())
        };
        match event.event_type.as_str() {
            "turn.received" => {
                let (Some(turn), Ok(conversation), Some(position)) =
                    (turn("turn_id"), event.stream.aggregate_id.parse(), event.position)
                else {
                    return;
                };
                self.positions.insert(turn, position);
                let tenant = OrganisationId(event.tenant);
                let look_at = Instant::now();
                self.turns.insert(
                    position,
                    WaitingTurn {
                        tenant,
                        conversation,
                        turn,
                        look_at,
                    },
                );
            }
            "run.suspended" | "run.ended" => self.answered(turn("turn_id")),
            // A run's replies precede its suspension; a bot's own reply is the whole answer.
            "reply.produced" if event.stream.aggregate_type == "conversation" => {
                self.answered(turn("in_reply_to"));
            }
            _ => {}
        }
    }

    fn answered(&mut self, turn: Option<TurnId>) {
        if let Some(position) = turn.and_then(|turn| self.positions.remove(&turn)) {
            self.turns.remove(&position);
        }
    }

    /// Conversations whose turns should be looked at now; each is due again after a while.
    fn due(&mut self, now: Instant) -> Vec<(OrganisationId, ConversationId)> {
        let mut due = Vec::new();
        for waiting in self.turns.values_mut().filter(|waiting| waiting.look_at <= now) {
            waiting.look_at = now + PATIENCE;
            tracing::trace!(turn.id = %waiting.turn, "turn waits for its answer");
            due.push((waiting.tenant, waiting.conversation));
        }
        due.dedup();
        due
    }

    fn answered_through(&self, read_through: Position) -> Position {
        self.turns
            .keys()
            .next()
            .map_or(read_through, |first| Position(first.0 - 1))
    }
}
