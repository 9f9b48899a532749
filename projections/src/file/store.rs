//! How files are kept.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::{FileRow, FileState, Files};
use crate::column;
use crate::fold::Rows;

/// What a row is read from.
pub(super) const COLUMNS: &str =
    "id, tenant_id, session_id, user_id, state, turn_id, name, media_type, bytes, uploaded_at";

pub(super) async fn store(connection: &mut PgConnection, rows: &Rows<Files>) -> Result<(), sqlx::Error> {
    let columns = Columns::of(rows)?;
    sqlx::query(
        "insert into files (id, tenant_id, session_id, user_id, state, turn_id, name, media_type, bytes,
                                 uploaded_at, position)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::uuid[], $7::jsonb[],
                              $8::text[], $9::bigint[], $10::timestamptz[], $11::bigint[])
         on conflict on constraint files_pkey do update
         set state = excluded.state, turn_id = excluded.turn_id, position = excluded.position
         where files.position < excluded.position",
    )
    .bind(&columns.id)
    .bind(&columns.tenant_id)
    .bind(&columns.session_id)
    .bind(&columns.user_id)
    .bind(&columns.state)
    .bind(&columns.turn_id)
    .bind(&columns.name)
    .bind(&columns.media_type)
    .bind(&columns.bytes)
    .bind(&columns.uploaded_at)
    .bind(&columns.position)
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    session_id: Vec<Uuid>,
    user_id: Vec<Uuid>,
    state: Vec<&'static str>,
    turn_id: Vec<Option<Uuid>>,
    name: Vec<Value>,
    media_type: Vec<&'a str>,
    bytes: Vec<i64>,
    uploaded_at: Vec<DateTime<Utc>>,
    position: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a Rows<Files>) -> Result<Self, sqlx::Error> {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(row) = &folded.row else { continue };
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.session_id.push(row.session_id.0);
            columns.user_id.push(row.user_id.0);
            columns.state.push(row.state.as_str());
            columns.turn_id.push(row.turn_id.map(|turn| turn.0));
            columns.name.push(column::to_json(&row.name)?);
            columns.media_type.push(&row.media_type);
            columns.bytes.push(column::to_bigint(row.bytes));
            columns.uploaded_at.push(row.uploaded_at);
            columns.position.push(folded.position.0);
        }
        Ok(columns)
    }
}

impl<'r> FromRow<'r, PgRow> for FileRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            session_id: column::id(row, "session_id")?,
            user_id: column::id(row, "user_id")?,
            state: column::word(row, "state", FileState::parse)?,
            turn_id: column::optional_id(row, "turn_id")?,
            name: column::json(row, "name")?,
            media_type: row.try_get("media_type")?,
            bytes: column::count(row, "bytes")?,
            uploaded_at: row.try_get("uploaded_at")?,
        })
    }
}
