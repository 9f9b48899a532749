//! Organisations as read: their names.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::organisation::{Organisation, OrganisationEvent};
use domain::{Aggregate, OrganisationId};
use event_log::{RecordedEvent, StreamTypes};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};

use crate::column;
use crate::fold::{FoldError, Projection, Rows, decoded, stream_key};
use crate::listing::{Listed, load};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads};

/// The projection's name.
pub const NAME: &str = "organisation";
const TABLE: &str = "organisations";
const COLUMNS: &str = "id, name, created_at";

#[derive(Debug, Clone, PartialEq)]
pub struct OrganisationRow {
    pub id: OrganisationId,
    pub name: String,
    pub created_at: DateTime<Utc>,
}

pub(crate) struct Organisations;

impl Projection for Organisations {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(Organisation::TYPE)];
    const VERSION: i32 = 1;
    type Key = OrganisationId;
    type Row = OrganisationRow;

    fn key(event: &RecordedEvent) -> Result<Option<OrganisationId>, FoldError> {
        stream_key(event, Organisation::TYPE)
    }

    fn apply(row: &mut Option<OrganisationRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        match decoded::<OrganisationEvent>(event)? {
            OrganisationEvent::Created { name } => {
                let id = OrganisationId(event.tenant);
                *row = Some(OrganisationRow {
                    id,
                    name,
                    created_at: event.recorded_at,
                });
            }
            OrganisationEvent::Renamed { name } => row.as_mut().ok_or(FoldError::Unbegun)?.name = name,
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[OrganisationId]) -> Result<Rows<Self>, sqlx::Error> {
        load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        let (mut ids, mut names, mut created, mut positions) = (vec![], vec![], vec![], vec![]);
        for (id, folded) in rows {
            let Some(row) = &folded.row else { continue };
            ids.push(id.0);
            names.push(row.name.as_str());
            created.push(row.created_at);
            positions.push(folded.position.0);
        }
        sqlx::query(
            "insert into organisations (id, tenant_id, name, created_at, position)
             select id, id, name, created_at, position
             from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bigint[])
                  as new (id, name, created_at, position)
             on conflict on constraint organisations_pkey do update
             set name = excluded.name, created_at = excluded.created_at, position = excluded.position
             where organisations.position < excluded.position",
        )
        .bind(&ids)
        .bind(&names)
        .bind(&created)
        .bind(&positions)
        .execute(connection)
        .await?;
        Ok(())
    }
}

impl<'r> FromRow<'r, PgRow> for OrganisationRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: column::id(row, "id")?,
            name: row.try_get("name")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

impl Keyset for OrganisationRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.created_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl Listed for OrganisationRow {
    type Id = OrganisationId;
    type Filter = ();

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "created_at";

    fn id(&self) -> OrganisationId {
        self.id
    }
}

impl Reads {
    /// The reader's own organisation, as a list.
    pub async fn organisations(&self, page: &Page) -> Result<Slice<OrganisationRow>, ReadError> {
        self.list(page, &()).await
    }

    pub async fn organisation(&self, id: OrganisationId) -> Result<Option<OrganisationRow>, ReadError> {
        Ok(self.organisations_by_ids(&[id]).await?.remove(&id))
    }

    pub async fn organisations_by_ids(
        &self,
        ids: &[OrganisationId],
    ) -> Result<BTreeMap<OrganisationId, OrganisationRow>, ReadError> {
        self.by_ids(ids).await
    }
}

#[cfg(test)]
mod tests;
