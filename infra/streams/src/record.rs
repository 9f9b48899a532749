//! An event as a record: CloudEvents 1.0 in binary mode, and back.
//!
//! The value is the payload as it is stored, byte for byte; key and headers name streams and people by id only.

use chrono::{DateTime, SecondsFormat, Utc};
use event_log::{Position, RecordedEvent, StoredEvent, StreamId};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::StreamError;

/// Type of the record that tells of a fork.
pub(crate) const FORKED: &str = "log.forked";

/// What the relay adds to an event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub epoch: i32,
    /// No event of the partition lies between this position and the event's.
    pub previous: Position,
}

/// What a consumer of ours needs of the metadata.
#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow)]
    actor: Option<&'a str>,
    #[serde(borrow)]
    correlation_id: Option<&'a str>,
    #[serde(borrow)]
    causation_id: Option<&'a str>,
}

/// The headers of an event's record.
pub(crate) fn headers(event: &StoredEvent, sent: Sent) -> OwnedHeaders {
    let metadata: Metadata<'_> = serde_json::from_str(&event.metadata).unwrap_or_default();
    let noun = &event.stream.aggregate_type;
    let sealed = event.payload.contains("\"$sealed\"");
    let headers = OwnedHeaders::new_with_capacity(20)
        .insert(text("ce_specversion", "1.0"))
        .insert(text("ce_id", &event.event_id.to_string()))
        .insert(text(
            "ce_source",
            &format!("/organisations/{}/{noun}", event.tenant),
        ))
        .insert(text("ce_type", &event.event_type))
        .insert(text("ce_subject", &event.stream.aggregate_id))
        .insert(text("ce_time", &moment(event.recorded_at)))
        .insert(text("ce_dataschema", &format!("/schemas/events/{noun}.json")))
        .insert(text("content-type", "application/json"))
        .insert(text("ce_partitionkey", &event.ordering_key))
        .insert(text("ce_schemaversion", &event.event_version))
        .insert(text("ce_sequence", &event.sequence.to_string()))
        .insert(text("ce_position", &event.position.to_string()))
        .insert(text("ce_previous", &sent.previous.to_string()))
        .insert(text("ce_epoch", &sent.epoch.to_string()))
        .insert(text("ce_leafhash", &hex::encode(event.leaf)));
    let traceparent = metadata.correlation_id.and_then(traceparent);
    let optional = [
        ("ce_actor", metadata.actor),
        ("ce_correlationid", metadata.correlation_id),
        ("ce_causationid", metadata.causation_id),
        ("ce_traceparent", traceparent.as_deref()),
        ("ce_encryption", sealed.then_some("xchacha20poly1305")),
    ];
    optional
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .fold(headers, |headers, (key, value)| headers.insert(text(key, value)))
}

/// The id of the event's trace.
pub(crate) fn correlation_id(event: &StoredEvent) -> Option<Uuid> {
    let metadata: Metadata<'_> = serde_json::from_str(&event.metadata).ok()?;
    metadata.correlation_id?.parse().ok()
}

/// The trace that an event belongs to, as W3C writes it: its correlation id, and the trace's first span.
fn traceparent(correlation_id: &str) -> Option<String> {
    let id: Uuid = correlation_id.parse().ok()?;
    let (_, low) = id.as_u64_pair();
    Some(format!("00-{}-{:016x}-01", id.simple(), low.max(1)))
}

/// The headers of the record that tells of a fork.
pub(crate) fn fork_headers(
    id: Uuid,
    epoch: i32,
    position: Position,
    found_at: DateTime<Utc>,
) -> OwnedHeaders {
    OwnedHeaders::new_with_capacity(10)
        .insert(text("ce_specversion", "1.0"))
        .insert(text("ce_id", &id.to_string()))
        .insert(text("ce_source", "/log"))
        .insert(text("ce_type", FORKED))
        .insert(text("ce_time", &moment(found_at)))
        .insert(text("content-type", "application/json"))
        .insert(text("ce_schemaversion", "1"))
        .insert(text("ce_position", &position.to_string()))
        .insert(text("ce_epoch", &epoch.to_string()))
}

fn text<'a>(key: &'a str, value: &'a str) -> Header<'a, &'a str> {
    Header {
        key,
        value: Some(value),
    }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// What is in a topic of facts.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    Event(Box<EventRecord<'a>>),
    /// What was sent after this position under an earlier epoch is void.
    Forked {
        epoch: i32,
        position: Position,
    },
}

/// An event's record whose payload is not looked into yet.
#[derive(Debug)]
pub(crate) struct EventRecord<'a> {
    pub position: Position,
    pub previous: Position,
    pub epoch: i32,
    pub leaf: [u8; 32],
    /// Without its payload.
    event: RecordedEvent,
    payload: &'a [u8],
}

impl EventRecord<'_> {
    /// The event with everything but its metadata, or with `Null` for the payload where nobody wants it.
    pub fn event(
        &self,
        wanted: impl FnOnce(&RecordedEvent) -> bool,
    ) -> Result<RecordedEvent, serde_json::Error> {
        let mut event = self.event.clone();
        if wanted(&event) {
            event.payload = serde_json::from_slice(self.payload)?;
        }
        Ok(event)
    }
}

/// Reads a record of a topic of facts.
pub(crate) fn read(message: &impl Message) -> Result<Record<'_>, StreamError> {
    let wrong = |what| StreamError::Record {
        topic: message.topic().to_owned(),
        what,
    };
    let mut found = Found::default();
    if let Some(headers) = message.headers() {
        for header in headers.iter() {
            let value = header.value.and_then(|value| std::str::from_utf8(value).ok());
            found.take(header.key, value.unwrap_or_default());
        }
    }
    let number = |text: &str| text.parse::<i64>().ok();
    let position = number(found.position).map(Position).ok_or(wrong("ce_position"))?;
    let epoch = found.epoch.parse().map_err(|_| wrong("ce_epoch"))?;
    if found.event_type == FORKED {
        return Ok(Record::Forked { epoch, position });
    }
    let mut leaf = [0; 32];
    hex::decode_to_slice(found.leaf, &mut leaf).map_err(|_| wrong("ce_leafhash"))?;
    let (tenant, noun) = found
        .source
        .strip_prefix("/organisations/")
        .and_then(|rest| rest.split_once('/'))
        .ok_or(wrong("ce_source"))?;
    let key = message.key().and_then(|key| std::str::from_utf8(key).ok());
    let ordering_key = key.ok_or(wrong("key"))?.to_owned();
    let event = RecordedEvent {
        position: Some(position),
        seq_no: 0,
        event_id: found.id.parse().map_err(|_| wrong("ce_id"))?,
        tenant: tenant.parse().map_err(|_| wrong("ce_source"))?,
        stream: StreamId::new(noun, found.subject),
        sequence: number(found.sequence).ok_or(wrong("ce_sequence"))?,
        event_type: found.event_type.to_owned(),
        event_version: found.version.parse().map_err(|_| wrong("ce_schemaversion"))?,
        payload: Value::Null,
        // What a trace needs, and no more.
        metadata: match found.correlation_id {
            "" => Value::Null,
            id => json!({ "correlation_id": id }),
        },
        slice: event_log::slice_of(&ordering_key),
        ordering_key,
        command_id: None,
        recorded_at: found.time.parse().map_err(|_| wrong("ce_time"))?,
    };
    Ok(Record::Event(Box::new(EventRecord {
        position,
        previous: number(found.previous).map(Position).ok_or(wrong("ce_previous"))?,
        epoch,
        leaf,
        event,
        payload: message.payload().ok_or(wrong("value"))?,
    })))
}

#[derive(Default)]
struct Found<'a> {
    id: &'a str,
    source: &'a str,
    event_type: &'a str,
    subject: &'a str,
    time: &'a str,
    version: &'a str,
    sequence: &'a str,
    position: &'a str,
    previous: &'a str,
    epoch: &'a str,
    leaf: &'a str,
    correlation_id: &'a str,
}

impl<'a> Found<'a> {
    fn take(&mut self, key: &str, value: &'a str) {
        let field = match key {
            "ce_id" => &mut self.id,
            "ce_source" => &mut self.source,
            "ce_type" => &mut self.event_type,
            "ce_subject" => &mut self.subject,
            "ce_time" => &mut self.time,
            "ce_schemaversion" => &mut self.version,
            "ce_sequence" => &mut self.sequence,
            "ce_position" => &mut self.position,
            "ce_previous" => &mut self.previous,
            "ce_epoch" => &mut self.epoch,
            "ce_leafhash" => &mut self.leaf,
            "ce_correlationid" => &mut self.correlation_id,
            _ => return,
        };
        *field = value;
    }
}
