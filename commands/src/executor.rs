//! The shell around every decision: load, decide, append, and again when somebody was faster.

use std::fmt::Display;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument as _;

use domain::{Aggregate, OrganisationId, decode, encode};
use event_log::{
    AppendCommand, Claim, EventLog, NewEvent, Outcome, RecordedEvent, Stored, StreamId, Token as ReadToken,
};
use serde_json::Value;

use crate::cache::Cache;
use crate::snapshots::Snapshots;
use crate::{CommandError, Context, Decide};

/// How often a command is decided anew because the stream moved under it.
const ATTEMPTS_MAX: u32 = 8;

/// Aggregates kept in memory; a few hundred bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(20_000).expect("is not zero");

/// How long a state that was read as a whole is gone on from.
const RECENT: Duration = Duration::from_secs(10);

/// An aggregate and the version of its stream that it reflects.
#[derive(Debug, Clone, Default)]
pub struct Versioned<A> {
    pub state: A,
    pub version: i64,
}

/// What became of a command.
#[derive(Debug, Clone)]
pub struct Committed<E> {
    /// Empty when the command changed nothing or was a repetition.
    pub events: Vec<E>,
    /// What a reader waits for to see the command; None when nothing was stored.
    pub token: Option<ReadToken>,
    /// The answer kept with the command's first execution.
    pub answer: Value,
    /// True when this was a repetition.
    pub repeated: bool,
}

/// Carries decisions to the log. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    log: EventLog,
    memory: Arc<Cache>,
    snapshots: Snapshots,
}

impl Executor {
    pub fn new(log: EventLog) -> Self {
        Self {
            snapshots: Snapshots::new(log.clone()),
            log,
            memory: Arc::new(Cache::new(REMEMBERED)),
        }
    }

    pub fn log(&self) -> &EventLog {
        &self.log
    }

    /// Decides `command` and stores what follows; `answer` is kept for whoever repeats the command.
    pub async fn execute<A: Decide>(
        &self,
        context: &Context,
        id: impl Display,
        command: A::Command,
        answer: Value,
    ) -> Result<Committed<A::Event>, CommandError> {
        let id = id.to_string();
        let mut from_memory = true;
        for _ in 0..ATTEMPTS_MAX {
            let (before, remembered) = self.state::<A>(context.tenant, &id, from_memory).await?;
            let events = match before.state.decide(command.clone()) {
                // A refusal or a "nothing to do" from memory may be stale: ask the log before answering so.
                Ok(events) if events.is_empty() && remembered => {
                    from_memory = false;
                    continue;
                }
                Err(_) if remembered => {
                    from_memory = false;
                    continue;
                }
                Ok(events) => events,
                Err(refusal) => return self.refuse::<A>(context, refusal).await,
            };
            if events.is_empty() && context.command.is_none() {
                return Ok(Committed {
                    events,
                    token: None,
                    answer,
                    repeated: false,
                });
            }
            let append = append_command::<A>(
                context,
                &id,
                Some(before.version),
                before.state.ordering_key(&id),
                &events,
                answer.clone(),
            )?;
            match self.append(append).await? {
                Outcome::Stored(stored) => {
                    self.remember(context.tenant, &id, before, &events, &stored);
                    return Ok(Committed {
                        events,
                        token: Some(stored.token),
                        answer,
                        repeated: false,
                    });
                }
                Outcome::Duplicate(stored) => return Ok(repeated(stored)),
                Outcome::Mismatch => return Err(CommandError::Mismatch),
                Outcome::Taken { kind, .. } => return Err(CommandError::Taken { kind }),
                Outcome::Conflict { .. } | Outcome::Fenced { .. } => {
                    metrics::counter!("optimistic_conflicts_total", "aggregate" => A::TYPE).increment(1);
                    self.memory.forget::<A>(context.tenant, &id);
                    from_memory = false;
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// Current state: from memory when it is there, else folded from the log.
    pub async fn load<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: impl Display,
    ) -> Result<Versioned<A>, CommandError> {
        Ok(self.state::<A>(tenant, &id.to_string(), true).await?.0)
    }

    /// Current state as the log has it.
    pub async fn load_fresh<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: impl Display,
    ) -> Result<Versioned<A>, CommandError> {
        Ok(self.state::<A>(tenant, &id.to_string(), false).await?.0)
    }

    /// The same without reading a large state as a whole each time: what was read a moment ago, and the events since.
    /// Of what was erased it may know for that moment.
    pub(crate) async fn load_newest<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: impl Display,
    ) -> Result<Versioned<A>, CommandError> {
        let id = id.to_string();
        let Some(known) = self.memory.recent::<A>(tenant, &id, RECENT) else {
            return self.load_fresh(tenant, id).await;
        };
        let version = known.version;
        let newest = self.folded(tenant, &id, known).await?;
        if newest.version > version {
            self.memory.put(tenant, &id, newest.clone());
        }
        Ok(newest)
    }

    /// Stores one command as it is.
    pub(crate) async fn append(&self, command: AppendCommand) -> Result<Outcome, CommandError> {
        let started = std::time::Instant::now();
        let span = tracing::info_span!(
            target: "trace",
            "log.append",
            trace.id = %command.metadata.correlation_id,
            db.system = "postgresql",
            stream = %command.stream,
            events = command.events.len() as i64,
        );
        let outcome = self.log.append_one(command).instrument(span).await?;
        metrics::histogram!("event_append_duration_seconds").record(started.elapsed().as_secs_f64());
        Ok(outcome)
    }

    async fn state<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: &str,
        from_memory: bool,
    ) -> Result<(Versioned<A>, bool), CommandError> {
        if from_memory && let Some(known) = self.memory.get::<A>(tenant, id) {
            return Ok((known, true));
        }
        let stream = StreamId::new(A::TYPE, id);
        let kept = self.snapshots.find::<A>(tenant, &stream).await?;
        let folded = self.folded(tenant, id, kept).await?;
        if folded.version > 0 {
            self.memory.put_whole(tenant, id, folded.clone());
        }
        Ok((folded, false))
    }

    /// A state with the events that came after it.
    async fn folded<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: &str,
        mut folded: Versioned<A>,
    ) -> Result<Versioned<A>, CommandError> {
        let (stream, from) = (StreamId::new(A::TYPE, id), folded.version);
        for event in self.log.load(tenant.0, &stream, from).await? {
            let decoded = decode::<A::Event>(&event.event_type, event.event_version, &event.payload)
                .map_err(CommandError::unexpected)?;
            folded.state.apply(&decoded);
            folded.version = event.sequence;
        }
        self.snapshots.consider::<A>(tenant, id, from, folded.version);
        Ok(folded)
    }

    /// Forgets what an event of the log shows to be behind.
    pub(crate) fn observe(&self, event: &RecordedEvent) {
        self.memory.observe(event);
    }

    /// Tells memory of events that were appended without being decided here. Ignored when memory holds nothing, or
    /// is not just before them.
    pub(crate) fn update_memory<A: Aggregate>(
        &self,
        tenant: OrganisationId,
        id: &str,
        events: &[A::Event],
        last_sequence: i64,
    ) {
        let Some(mut known) = self.memory.get::<A>(tenant, id) else {
            return;
        };
        if known.version + events.len() as i64 != last_sequence {
            return self.memory.forget::<A>(tenant, id);
        }
        for event in events {
            known.state.apply(event);
        }
        self.snapshots
            .consider::<A>(tenant, id, known.version, last_sequence);
        known.version = last_sequence;
        self.memory.put(tenant, id, known);
    }

    fn remember<A: Decide>(
        &self,
        tenant: OrganisationId,
        id: &str,
        mut known: Versioned<A>,
        events: &[A::Event],
        stored: &Stored,
    ) {
        for event in events {
            known.state.apply(event);
        }
        let version = stored.last_sequence.max(known.version);
        self.snapshots.consider::<A>(tenant, id, known.version, version);
        known.version = version;
        self.memory.put(tenant, id, known);
    }

    /// A repetition of a command that succeeded is answered as the first time, even when it would be refused now.
    async fn refuse<A: Decide>(
        &self,
        context: &Context,
        refusal: A::Error,
    ) -> Result<Committed<A::Event>, CommandError> {
        match self.first_answer(context).await? {
            Some(stored) => Ok(repeated(stored)),
            None => Err(refusal.into()),
        }
    }

    /// What the context's command was answered when it was carried out before.
    pub(crate) async fn first_answer(&self, context: &Context) -> Result<Option<Stored>, CommandError> {
        let Some(command) = context.command else {
            return Ok(None);
        };
        match self.log.receipt(context.tenant.0, command.id).await? {
            Some((digest, stored)) if digest == command.digest => Ok(Some(stored)),
            Some(_) => Err(CommandError::Mismatch),
            None => Ok(None),
        }
    }
}

fn repeated<E>(stored: Stored) -> Committed<E> {
    Committed {
        events: Vec::new(),
        token: Some(stored.token),
        answer: stored.answer,
        repeated: true,
    }
}

/// The log's form of a command: events encoded, claims gathered.
pub(crate) fn append_command<A: Aggregate>(
    context: &Context,
    id: &str,
    expected_version: Option<i64>,
    ordering_key: String,
    events: &[A::Event],
    answer: Value,
) -> Result<AppendCommand, CommandError> {
    let mut encoded = Vec::with_capacity(events.len());
    let mut claims = Vec::new();
    for event in events {
        let (event_type, event_version, payload) = encode(event).map_err(CommandError::unexpected)?;
        encoded.push(NewEvent {
            event_type,
            event_version,
            payload,
        });
        for claim in A::claims(id, event).into_iter().map(stored_claim) {
            // The log lets go before it takes, so what is taken and let go within one command must not be taken:
            // a run that ends without waiting would hold its conversation for ever.
            if matches!(claim, Claim::Release { .. }) {
                claims.retain(|earlier| !undone(earlier, &claim));
            }
            claims.push(claim);
        }
    }
    Ok(AppendCommand {
        tenant: context.tenant.0,
        stream: StreamId::new(A::TYPE, id),
        expected_version,
        lease_epoch: None,
        command_id: context.command.map(|command| command.id),
        digest: context.command.map(|command| command.digest).unwrap_or_default(),
        ordering_key,
        metadata: context.metadata(),
        events: encoded,
        claims,
        answer,
    })
}

/// True when `release` lets go of what `earlier` takes.
fn undone(earlier: &Claim, release: &Claim) -> bool {
    let Claim::Take { kind, key, owner } = earlier else {
        return false;
    };
    let (kind, key, owner) = (*kind, key.clone(), owner.clone());
    *release == Claim::Release { kind, key, owner }
}

fn stored_claim(claim: domain::Claim) -> Claim {
    match claim {
        domain::Claim::Take { kind, key, owner } => Claim::Take { kind, key, owner },
        domain::Claim::Release { kind, key, owner } => Claim::Release { kind, key, owner },
    }
}
