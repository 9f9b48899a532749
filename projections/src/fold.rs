//! Folds: what a projection is, and how a batch of events becomes rows.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use domain::{Event, EventFormatError, Personal};
use event_log::{Position, RecordedEvent};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

/// A read model: rows, each made from the events of one key.
///
/// The runtime calls `load`, `store` and `clear` inside the transaction that moves the checkpoint.
pub(crate) trait Projection: Send + Sync + 'static {
    /// As commands and checkpoints name it.
    const NAME: &'static str;
    const TABLE: &'static str;
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

    /// Deletes every row. Not `truncate`, which would make readers wait.
    fn clear(connection: &mut PgConnection) -> impl Future<Output = Result<(), sqlx::Error>> + Send {
        async {
            let statement = format!("delete from {}", Self::TABLE);
            sqlx::query(&statement).execute(connection).await?;
            Ok(())
        }
    }

    /// SHA-256 over every row in order of its key, 32 bytes.
    fn digest(connection: &mut PgConnection) -> impl Future<Output = Result<Vec<u8>, sqlx::Error>> + Send {
        async {
            let statement = format!(
                "select sha256(coalesce(string_agg(sha256(convert_to(t::text, 'UTF8')), ''::bytea order by id), ''))
                 from {} t",
                Self::TABLE
            );
            sqlx::query_scalar(&statement).fetch_one(connection).await
        }
    }
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

/// What stopped a batch.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("event {event_id} at position {position} cannot be folded")]
    Fold {
        position: Position,
        event_id: Uuid,
        source: FoldError,
    },
    #[error("the database refused a statement")]
    Sql(#[from] sqlx::Error),
}

impl BatchError {
    /// What went wrong, without the data it went wrong with: a database's own text may quote rows.
    pub fn described(&self) -> String {
        match self {
            BatchError::Fold { source, .. } => source.to_string(),
            BatchError::Sql(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                let constraint = error.constraint().unwrap_or("-");
                format!("the database refused the rows ({code}, {constraint})")
            }
            BatchError::Sql(sqlx::Error::ColumnDecode { index, .. }) => {
                format!("column {index} of a stored row does not have the form this version reads")
            }
            BatchError::Sql(_) => "the database is unavailable".to_owned(),
        }
    }
}

/// Folds events into their rows within the caller's transaction.
pub(crate) async fn fold_batch<P: Projection>(
    connection: &mut PgConnection,
    events: &[RecordedEvent],
) -> Result<(), BatchError> {
    let mut keyed = Vec::with_capacity(events.len());
    for event in events {
        if let Some(key) = P::key(event).map_err(|source| at(event, source))? {
            keyed.push((key, event));
        }
    }
    if keyed.is_empty() {
        return Ok(());
    }
    let keys: BTreeSet<P::Key> = keyed.iter().map(|(key, _)| key.clone()).collect();
    let keys: Vec<P::Key> = keys.into_iter().collect();
    let mut rows = P::load(connection, &keys).await?;
    let mut changed = BTreeSet::new();
    for (key, event) in keyed {
        let folded = rows.entry(key.clone()).or_default();
        if fold_one::<P>(folded, event).map_err(|source| at(event, source))? {
            changed.insert(key);
        }
    }
    rows.retain(|key, folded| changed.contains(key) && folded.row.is_some());
    if !rows.is_empty() {
        P::store(connection, &rows).await?;
    }
    Ok(())
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

fn at(event: &RecordedEvent, source: FoldError) -> BatchError {
    BatchError::Fold {
        position: event.position.unwrap_or_default(),
        event_id: event.event_id,
        source,
    }
}

/// Reads the event's payload as one of `E`'s.
pub(crate) fn decoded<E: Event>(event: &RecordedEvent) -> Result<E, FoldError> {
    Ok(domain::decode(
        &event.event_type,
        event.event_version,
        event.payload.clone(),
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
