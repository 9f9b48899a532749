//! What the pure tests of folds begin with: events as recorded, at given positions.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Aggregate, Class, Event, Personal, UserId};
use event_log::{Position, RecordedEvent, StreamId, slice_of};
use serde_json::json;
use uuid::Uuid;

use crate::fold::{FoldError, Folded, Projection, fold_one};

pub const TENANT: Uuid = Uuid::from_u128(1);

/// A moment, in seconds after a fixed one.
pub fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_800_000_000 + seconds)
}

pub fn sealed_text<T>() -> Personal<T> {
    Personal::Sealed(json!({ "v": 1, "x": "opaque" }))
}

pub fn erased_text<T>() -> Personal<T> {
    Personal::Erased {
        subject: UserId::default(),
        class: Class::Conversation,
    }
}

/// An event of aggregate `id`, recorded so many seconds after the fixed moment as its position says.
pub fn recorded<A: Aggregate>(
    position: i64,
    id: u128,
    ordering_key: u128,
    event: &A::Event,
) -> RecordedEvent {
    let (event_type, event_version, payload) =
        domain::encode(event).expect("events of tests are well formed");
    let ordering_key = Uuid::from_u128(ordering_key).to_string();
    RecordedEvent {
        position: Some(Position(position)),
        seq_no: position,
        event_id: Uuid::from_u128(position.unsigned_abs().into()),
        tenant: TENANT,
        stream: StreamId::new(A::TYPE, Uuid::from_u128(id)),
        sequence: 1,
        event_type,
        event_version,
        payload,
        metadata: json!({}),
        slice: slice_of(&ordering_key),
        ordering_key,
        command_id: None,
        recorded_at: moment(position),
    }
}

/// Numbers the events of one stream from position 1 and folds them into one row.
pub fn folded<P: Projection, A>(id: u128, events: &[A::Event]) -> Option<P::Row>
where
    A: Aggregate<Event: Event>,
{
    let mut row = Folded::default();
    for (position, event) in (1..).zip(events) {
        fold_one::<P>(&mut row, &recorded::<A>(position, id, id, event)).expect("the history can be folded");
    }
    row.row
}

/// What a row becomes by events as recorded; stops at the first that cannot be folded.
pub fn fold_all<P: Projection>(events: &[RecordedEvent]) -> Result<Folded<P::Row>, FoldError> {
    let mut row = Folded::default();
    for event in events {
        fold_one::<P>(&mut row, event)?;
    }
    Ok(row)
}
