//! Batches: commands made ready for the database, their limits, and which of them may share a statement.

use std::collections::HashMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::claim::{SealedClaim, seal_claims};
use crate::marker::DEPTH_MAX;
use crate::seal::Unsealed;
use crate::{AppendCommand, EventLogError, Keyring, Metadata, NewEvent, StreamId, slice_of};

/// Commands of one statement: the function compares some of them pairwise, and one transaction holds their locks.
pub(crate) const COMMANDS_MAX: usize = 512;
/// Bytes of one statement: keeps a transaction's time, and the memory of both sides, within bounds.
pub(crate) const STATEMENT_BYTES_MAX: usize = 4 << 20;
/// Events of one command: a stream's reader takes them in at once.
pub(crate) const EVENTS_MAX: usize = 1_000;
/// Bytes of one payload, sealed: what is larger belongs in a blob.
const PAYLOAD_BYTES_MAX: usize = 1 << 20;
const ANSWER_BYTES_MAX: usize = 64 << 10;
/// Bytes of a name or key: three of them must fit into an entry of an index.
const TEXT_BYTES_MAX: usize = 512;

/// A command whose personal values are sealed: nothing in it is a secret of anybody's any more.
#[derive(Debug, Clone)]
pub struct SealedCommand {
    pub(crate) tenant: Uuid,
    pub(crate) stream: StreamId,
    pub(crate) expected_version: Option<i64>,
    pub(crate) lease_epoch: Option<i64>,
    pub(crate) command_id: Option<Uuid>,
    pub(crate) digest: [u8; 32],
    pub(crate) ordering_key: String,
    pub(crate) slice: u16,
    pub(crate) metadata: String,
    pub(crate) answer: Value,
    pub(crate) events: Vec<SealedEvent>,
    pub(crate) claims: Vec<SealedClaim>,
    bytes: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct SealedEvent {
    pub event_id: Uuid,
    pub event_type: String,
    pub event_version: u16,
    pub payload: String,
}

impl SealedCommand {
    /// About what it takes on its way into the database.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many events it stores.
    pub(crate) fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Checks the command against the limits of the log and seals it. Keys are made on first use, outside any
    /// transaction of the caller's.
    pub(crate) async fn seal(
        keyring: &Keyring,
        command: AppendCommand,
    ) -> Result<SealedCommand, EventLogError> {
        check(&command)?;
        let AppendCommand {
            tenant,
            stream,
            ordering_key,
            metadata,
            events,
            ..
        } = command;
        let claims = seal_claims(keyring, tenant, &command.claims)?;
        let at = chrono::Utc::now();
        let ids: Vec<Uuid> = events.iter().map(|_| Uuid::now_v7()).collect();
        let metadata = seal_metadata(
            keyring,
            tenant,
            ids.first().copied().unwrap_or_default(),
            &metadata,
            at,
        )
        .await?;
        let (mut names, mut documents) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for (
            NewEvent {
                event_type,
                event_version,
                payload,
            },
            &event_id,
        ) in events.into_iter().zip(&ids)
        {
            names.push((event_type, event_version));
            documents.push(Unsealed {
                tenant,
                event_id,
                at,
                payload,
            });
        }
        keyring.seal_all(&mut documents).await?;
        let mut sealed = Vec::with_capacity(documents.len());
        for (document, (event_type, event_version)) in documents.into_iter().zip(names) {
            let payload = document.payload.to_string();
            within("payload", payload.len(), PAYLOAD_BYTES_MAX)?;
            sealed.push(SealedEvent {
                event_id: document.event_id,
                event_type,
                event_version,
                payload,
            });
        }
        let bytes = sealed
            .iter()
            .map(|event| event.payload.len() + metadata.len() + 256)
            .sum::<usize>()
            + 1024;
        Ok(SealedCommand {
            tenant,
            stream,
            expected_version: command.expected_version,
            lease_epoch: command.lease_epoch,
            command_id: command.command_id,
            digest: command.digest,
            slice: slice_of(&ordering_key),
            ordering_key,
            metadata,
            answer: command.answer,
            events: sealed,
            claims,
            bytes,
        })
    }
}

/// Metadata as postgres-es wants it: an object of strings. The origin's envelope is a string too.
async fn seal_metadata(
    keyring: &Keyring,
    tenant: Uuid,
    event_id: Uuid,
    metadata: &Metadata,
    at: chrono::DateTime<chrono::Utc>,
) -> Result<String, EventLogError> {
    let mut object = json!({
        "tenant_id": tenant,
        "actor": metadata.actor,
        "correlation_id": metadata.correlation_id,
    });
    if let Some(causation_id) = metadata.causation_id {
        object["causation_id"] = json!(causation_id);
    }
    if let Some(origin) = &metadata.origin {
        let sealed = keyring
            .seal_text(tenant, event_id, origin.subject, &origin.text, at)
            .await?;
        object["origin"] = sealed.into();
    }
    Ok(object.to_string())
}

fn check(command: &AppendCommand) -> Result<(), EventLogError> {
    let invalid = |problem: &str| Err(EventLogError::Invalid(problem.to_owned()));
    name("aggregate type", &command.stream.aggregate_type)?;
    name("aggregate id", &command.stream.aggregate_id)?;
    name("ordering key", &command.ordering_key)?;
    name("actor", &command.metadata.actor)?;
    if command
        .metadata
        .origin
        .as_ref()
        .is_some_and(|origin| origin.text.len() > TEXT_BYTES_MAX)
    {
        return invalid("origin is too long");
    }
    if command.expected_version.is_some_and(|version| version < 0)
        || command.lease_epoch.is_some_and(|epoch| epoch < 0)
    {
        return invalid("expected version and lease epoch are not negative");
    }
    if command.events.is_empty() && !command.claims.is_empty() {
        return invalid("a claim is taken or released by an event");
    }
    within("number of events", command.events.len(), EVENTS_MAX)?;
    within("answer", command.answer.to_string().len(), ANSWER_BYTES_MAX)?;
    for event in &command.events {
        name("event type", &event.event_type)?;
        if depth_exceeds(&event.payload, DEPTH_MAX) {
            return invalid("payload is nested too deeply");
        }
    }
    for claim in &command.claims {
        let (crate::Claim::Take { kind, owner, .. }
        | crate::Claim::Release { kind, owner, .. }
        | crate::Claim::Leave { kind, owner, .. }) = claim;
        name("kind of claim", kind)?;
        name("owner of claim", owner)?;
    }
    Ok(())
}

/// PostgreSQL's text holds every character but NUL.
fn name(what: &str, text: &str) -> Result<(), EventLogError> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX || text.contains('\0') {
        return Err(EventLogError::Invalid(format!(
            "{what} must have 1 to {TEXT_BYTES_MAX} bytes, none of them NUL"
        )));
    }
    Ok(())
}

fn within(what: &str, count: usize, max: usize) -> Result<(), EventLogError> {
    if count > max {
        return Err(EventLogError::Invalid(format!(
            "{what} is {count}, more than {max}"
        )));
    }
    Ok(())
}

fn depth_exceeds(value: &Value, left: usize) -> bool {
    match value {
        Value::Array(items) => left == 0 || items.iter().any(|item| depth_exceeds(item, left - 1)),
        Value::Object(fields) => left == 0 || fields.values().any(|field| depth_exceeds(field, left - 1)),
        _ => false,
    }
}

/// What two commands of one statement may not share.
#[derive(PartialEq, Eq, Hash)]
pub(crate) enum Contested<'a> {
    Stream(&'a StreamId),
    Command(Uuid, Uuid),
    Claim(Uuid, &'static str, &'a [u8; 32]),
}

pub(crate) fn contested(command: &SealedCommand) -> Vec<Contested<'_>> {
    let mut contested = vec![Contested::Stream(&command.stream)];
    contested.extend(
        command
            .command_id
            .map(|id| Contested::Command(command.tenant, id)),
    );
    contested.extend(
        command
            .claims
            .iter()
            .map(|claim| Contested::Claim(command.tenant, claim.kind, &claim.hash)),
    );
    contested
}

/// Divides a batch into statements, to be executed one after the other.
///
/// Commands that share a stream, a command id or a claim keep their order, in statements of their own; all others
/// are independent. Each entry is an index into the batch.
pub(crate) fn statements(batch: &[SealedCommand]) -> Vec<Vec<usize>> {
    let mut free_from: HashMap<Contested<'_>, usize> = HashMap::new();
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (index, command) in batch.iter().enumerate() {
        let contested = contested(command);
        let round = contested
            .iter()
            .filter_map(|thing| free_from.get(thing))
            .max()
            .copied()
            .unwrap_or(0);
        for thing in contested {
            free_from.insert(thing, round + 1);
        }
        if rounds.len() == round {
            rounds.push(Vec::new());
        }
        rounds[round].push(index);
    }
    rounds.into_iter().flat_map(|round| split(batch, round)).collect()
}

fn split(batch: &[SealedCommand], round: Vec<usize>) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0;
    for index in round {
        let size = batch[index].bytes;
        match parts.last_mut() {
            Some(part) if part.len() < COMMANDS_MAX && bytes + size <= STATEMENT_BYTES_MAX => {
                part.push(index);
                bytes += size;
            }
            _ => {
                parts.push(vec![index]);
                bytes = size;
            }
        }
    }
    parts
}
