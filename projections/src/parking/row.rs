//! Parked events as operators see them.

use chrono::{DateTime, Utc};
use domain::OrganisationId;
use event_log::Position;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::column;
use crate::listing::{Listed, Narrow};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads};

pub(super) const COLUMNS: &str = "id, name, ordering_key, position, tenant_id, event_id, event_type, error, attempts, parked_at, \
     retry_at";

/// What waits for the rows that are read; what waits for rows that are being built is nobody's concern.
pub(super) const LIVE: &str = "(select p.* from read.parked p join read.slots s on s.name = p.name and s.slot = p.slot and s.state = 'live') \
     parked";

/// An event that waits, as operators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ParkedRow {
    pub id: Uuid,
    pub projection: String,
    pub ordering_key: String,
    pub position: Position,
    pub organisation_id: OrganisationId,
    pub event_id: Uuid,
    pub event_type: String,
    /// What hinders it, without data; None of one that waits behind another of its key.
    pub error: Option<String>,
    pub attempts: u32,
    pub parked_at: DateTime<Utc>,
    /// When it is tried again.
    pub retry_at: Option<DateTime<Utc>>,
}

/// Which parked events; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParkedFilter {
    pub projection: Option<String>,
}

impl<'r> FromRow<'r, PgRow> for ParkedRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            projection: row.try_get("name")?,
            ordering_key: row.try_get("ordering_key")?,
            position: Position(row.try_get("position")?),
            organisation_id: column::id(row, "tenant_id")?,
            event_id: row.try_get("event_id")?,
            event_type: row.try_get("event_type")?,
            error: row.try_get("error")?,
            attempts: row.try_get::<i32, _>("attempts")?.unsigned_abs(),
            parked_at: row.try_get("parked_at")?,
            retry_at: row.try_get("retry_at")?,
        })
    }
}

impl Keyset for ParkedRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.parked_at,
            id: self.id,
        }
        .encode()
    }
}

impl Listed for ParkedRow {
    type Id = Uuid;
    type Filter = ParkedFilter;

    const TABLE: &'static str = LIVE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "parked_at";

    fn id(&self) -> Uuid {
        self.id
    }
}

impl Narrow for ParkedFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(projection) = &self.projection {
            query.push(" and name = ").push_bind(projection.clone());
        }
    }
}

impl Reads {
    /// Newest first.
    pub async fn parked(&self, page: &Page, filter: &ParkedFilter) -> Result<Slice<ParkedRow>, ReadError> {
        self.list(page, filter).await
    }

    pub async fn parked_count(&self, filter: &ParkedFilter) -> Result<u64, ReadError> {
        self.count::<ParkedRow>(filter).await
    }
}
