//! Folds: what a projection is, and how a batch of events becomes rows.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use domain::{Event, EventFormatError, Personal};
use event_log::{Position, RecordedEvent, StreamTypes};
use serde::Serialize;
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::parking::{Parked, Parking};

/// A read model: rows, each made from the events of one key.
///
/// The runtime calls `load` and `store` inside the transaction that moves the checkpoint, whose search path leads to the
/// tables of one of its slots.
pub(crate) trait Projection: Send + Sync + 'static {
    /// As commands and checkpoints name it.
    const NAME: &'static str;
    /// Its tables, each with the columns of its key, of which the first is a uuid.
    const TABLES: &'static [(&'static str, &'static str)];
    /// The events that it may have a use for: a scan of the log leaves out all others.
    const STREAMS: &'static [StreamTypes];
    /// Raised when stored rows must be made again, because the fold or the table changed.
    const VERSION: i32;
    type Key: Ord + Clone + Send + Sync;
    type Row: Clone + PartialEq + std::fmt::Debug + Send + Sync;

    /// The row that the event belongs to; None when this projection has no use for it. Looks at type and stream
    /// only.
    fn key(event: &RecordedEvent) -> Result<Option<Self::Key>, FoldError>;

    /// Assigns what the event says; `None` until the event that begins the row.
    fn apply(row: &mut Option<Self::Row>, event: &RecordedEvent) -> Result<(), FoldError>;

    fn load(
        connection: &mut PgConnection,
        keys: &[Self::Key],
    ) -> impl Future<Output = Result<Rows<Self>, sqlx::Error>> + Send;

    /// Inserts or replaces rows, one statement for a table.
    fn store(
        connection: &mut PgConnection,
        rows: &Rows<Self>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

pub(crate) type Rows<P> = BTreeMap<<P as Projection>::Key, Folded<<P as Projection>::Row>>;

/// A row and the last event in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Folded<R> {
    pub position: Position,
    pub row: Option<R>,
}

impl<R> Default for Folded<R> {
    fn default() -> Self {
        Self {
            position: Position(0),
            row: None,
        }
    }
}

impl<R> Folded<R> {
    pub fn stored(position: i64, row: R) -> Self {
        Self {
            position: Position(position),
            row: Some(row),
        }
    }
}

/// An event that cannot be folded. Its text never quotes the event's data.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("the stream's id is not a uuid")]
    StreamId,
    #[error("the event has no position")]
    Unplaced,
    #[error(transparent)]
    Format(#[from] EventFormatError),
    #[error("the event comes before the one that begins its row")]
    Unbegun,
    #[error("a personal value of the event is in the clear")]
    Unsealed,
}

/// Folds events into their rows within the caller's transaction. What cannot be folded is returned to be parked, with
/// whatever comes for the same ordering key after it; the events of other keys are in their rows.
pub(crate) async fn fold_batch<'a, P: Projection>(
    connection: &mut PgConnection,
    events: &'a [Arc<RecordedEvent>],
    parking: &Parking,
) -> Result<Vec<Parked<'a>>, sqlx::Error> {
    let mut point = connection.begin().await?;
    match fold_together::<P>(&mut point, events, parking).await {
        Ok(parked) => {
            point.commit().await?;
            Ok(parked)
        }
        Err(error) if is_of_a_row(&error) => {
            point.rollback().await?;
            fold_singly::<P>(connection, events, parking).await
        }
        Err(error) => Err(error),
    }
}

/// An event, and the row it belongs to or why that cannot be told.
type Entry<'a, P> = (Result<<P as Projection>::Key, FoldError>, &'a RecordedEvent);

/// Of each ordering key the first event that cannot be folded, and why.
type Hindered<'a> = BTreeMap<&'a str, (Position, String)>;

/// With one load and one store for all of them.
async fn fold_together<'a, P: Projection>(
    connection: &mut PgConnection,
    events: &'a [Arc<RecordedEvent>],
    parking: &Parking,
) -> Result<Vec<Parked<'a>>, sqlx::Error> {
    let passed_over = |event: &RecordedEvent| parking.skipped.contains(&place(event));
    let entries: Vec<Entry<'a, P>> = events
        .iter()
        .map(|event| &**event)
        .filter(|event| !passed_over(event))
        .filter_map(|event| Some((P::key(event).transpose()?, event)))
        .collect();
    if entries.is_empty() {
        return Ok(Vec::new());
    }
    let keys: BTreeSet<&P::Key> = entries.iter().filter_map(|(key, _)| key.as_ref().ok()).collect();
    let keys: Vec<P::Key> = keys.into_iter().cloned().collect();
    let loaded = P::load(connection, &keys).await?;
    let mut hindered = Hindered::new();
    let rows = loop {
        match fold_pass::<P>(loaded.clone(), &entries, parking, &hindered) {
            Ok(rows) => break rows,
            // What an event that fails may have left half done is thrown away with the pass.
            Err((event, why)) => {
                hindered.insert(&event.ordering_key, (place(event), why));
            }
        }
    };
    if !rows.is_empty() {
        P::store(connection, &rows).await?;
    }
    let parked = |(_, event): &Entry<'a, P>| {
        let error = hindered
            .get(event.ordering_key.as_str())
            .filter(|(first, _)| *first == place(event))
            .map(|(_, why)| why.clone());
        waits(event, parking, &hindered).then_some(Parked { event, error })
    };
    Ok(entries.iter().filter_map(parked).collect())
}

/// The rows that change, or the first event that cannot be folded and is not known to be so.
fn fold_pass<'a, P: Projection>(
    mut rows: Rows<P>,
    entries: &[Entry<'a, P>],
    parking: &Parking,
    hindered: &Hindered<'_>,
) -> Result<Rows<P>, (&'a RecordedEvent, String)> {
    let mut changed = BTreeSet::new();
    for (key, event) in entries {
        if waits(event, parking, hindered) {
            continue;
        }
        let key = key.as_ref().map_err(|error| (*event, error.to_string()))?;
        let folded = rows.entry(key.clone()).or_default();
        if fold_one::<P>(folded, event).map_err(|error| (*event, error.to_string()))? {
            changed.insert(key);
        }
    }
    rows.retain(|key, folded| changed.contains(key) && folded.row.is_some());
    Ok(rows)
}

fn waits(event: &RecordedEvent, parking: &Parking, hindered: &Hindered<'_>) -> bool {
    let key = event.ordering_key.as_str();
    parking.keys.contains(key) || hindered.get(key).is_some_and(|(first, _)| place(event) >= *first)
}

/// One event after the other, for a batch of which the database refused a row.
async fn fold_singly<'a, P: Projection>(
    connection: &mut PgConnection,
    events: &'a [Arc<RecordedEvent>],
    parking: &Parking,
) -> Result<Vec<Parked<'a>>, sqlx::Error> {
    let mut parking = parking.clone();
    let mut all = Vec::new();
    for event in events {
        let mut point = connection.begin().await?;
        let folded = fold_together::<P>(&mut point, std::slice::from_ref(event), &parking).await;
        let parked = match folded {
            Ok(parked) => {
                point.commit().await?;
                parked
            }
            Err(error) if is_of_a_row(&error) => {
                point.rollback().await?;
                let error = Some(described(&error));
                vec![Parked { event, error }]
            }
            Err(error) => return Err(error),
        };
        parking.add(&parked);
        all.extend(parked);
    }
    Ok(all)
}

/// Whether a row is to blame, stored or to be stored: the same again fails again. All else may pass.
fn is_of_a_row(error: &sqlx::Error) -> bool {
    match error {
        // Data exceptions, integrity violations and limits of the program, by the classes of SQLSTATE.
        sqlx::Error::Database(error) => error
            .code()
            .is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class))),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => true,
        _ => false,
    }
}

/// What went wrong, without the data it went wrong with: a database's own text may quote rows.
pub(crate) fn described(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            let constraint = error.constraint().unwrap_or("-");
            format!("the database refused the rows ({code}, {constraint})")
        }
        sqlx::Error::ColumnDecode { index, .. } => {
            format!("column {index} of a stored row does not have the form this version reads")
        }
        sqlx::Error::Decode(_) => "a stored row does not have the form this version reads".to_owned(),
        _ => "the database is unavailable".to_owned(),
    }
}

fn place(event: &RecordedEvent) -> Position {
    event.position.unwrap_or_default()
}

/// Applies the event unless the row has seen it; says whether it did. An event that this version does not know
/// is passed over.
pub(crate) fn fold_one<P: Projection>(
    folded: &mut Folded<P::Row>,
    event: &RecordedEvent,
) -> Result<bool, FoldError> {
    let position = event.position.ok_or(FoldError::Unplaced)?;
    if position <= folded.position {
        return Ok(false);
    }
    match P::apply(&mut folded.row, event) {
        Ok(()) => {
            folded.position = position;
            Ok(true)
        }
        Err(FoldError::Format(EventFormatError::Unknown(..))) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Reads the event's payload as one of `E`'s.
pub(crate) fn decoded<E: Event>(event: &RecordedEvent) -> Result<E, FoldError> {
    Ok(domain::decode(
        &event.event_type,
        event.event_version,
        &event.payload,
    )?)
}

/// The id of the event's stream when it is one of `aggregate_type`.
pub(crate) fn stream_key<T: From<Uuid>>(
    event: &RecordedEvent,
    aggregate_type: &str,
) -> Result<Option<T>, FoldError> {
    if event.stream.aggregate_type != aggregate_type {
        return Ok(None);
    }
    let id = Uuid::parse_str(&event.stream.aggregate_id).map_err(|_| FoldError::StreamId)?;
    Ok(Some(T::from(id)))
}

/// The marker of a personal value as it goes into a row: sealed or erased, never in the clear.
pub(crate) fn sealed<T: Serialize>(event: &RecordedEvent, value: &Personal<T>) -> Result<Value, FoldError> {
    if value.clear().is_some() {
        return Err(FoldError::Unsealed);
    }
    serde_json::to_value(value).map_err(|source| {
        FoldError::Format(EventFormatError::Malformed {
            event_type: event.event_type.clone(),
            source,
        })
    })
}
