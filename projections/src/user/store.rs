//! How users are kept.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::{Account, UserKind, UserRow, Users};
use crate::column;
use crate::fold::Rows;

/// What a row is read from.
pub(super) const COLUMNS: &str = "id, tenant_id, kind, active, login, name, created_at, registered_at";

pub(super) async fn store(connection: &mut PgConnection, rows: &Rows<Users>) -> Result<(), sqlx::Error> {
    let columns = Columns::of(rows)?;
    sqlx::query(
        "insert into users (id, tenant_id, kind, active, login, name, created_at, registered_at, position)
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::boolean[], $5::jsonb[], $6::jsonb[],
                              $7::timestamptz[], $8::timestamptz[], $9::bigint[])
         on conflict on constraint users_pkey do update
         set kind = excluded.kind, active = excluded.active, login = excluded.login, name = excluded.name,
             registered_at = excluded.registered_at, position = excluded.position
         where users.position < excluded.position",
    )
    .bind(&columns.id)
    .bind(&columns.tenant_id)
    .bind(&columns.kind)
    .bind(&columns.active)
    .bind(&columns.login)
    .bind(&columns.name)
    .bind(&columns.created_at)
    .bind(&columns.registered_at)
    .bind(&columns.position)
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    kind: Vec<&'static str>,
    active: Vec<bool>,
    login: Vec<Option<Value>>,
    name: Vec<Option<Value>>,
    created_at: Vec<DateTime<Utc>>,
    registered_at: Vec<Option<DateTime<Utc>>>,
    position: Vec<i64>,
}

impl Columns {
    fn of(rows: &Rows<Users>) -> Result<Self, sqlx::Error> {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(row) = &folded.row else { continue };
            let account = row.account.as_ref();
            let login = account.map(|account| column::to_json(&account.login));
            let name = account.map(|account| column::to_json(&account.name));
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.kind.push(row.kind().as_str());
            columns.active.push(account.is_none_or(|account| account.active));
            columns.login.push(login.transpose()?);
            columns.name.push(name.transpose()?);
            columns.created_at.push(row.created_at);
            columns
                .registered_at
                .push(account.map(|account| account.registered_at));
            columns.position.push(folded.position.0);
        }
        Ok(columns)
    }
}

impl<'r> FromRow<'r, PgRow> for UserRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let account = match column::word(row, "kind", UserKind::parse)? {
            UserKind::Visitor => None,
            UserKind::Member => Some(Account {
                login: column::json(row, "login")?,
                name: column::json(row, "name")?,
                active: row.try_get("active")?,
                registered_at: row.try_get("registered_at")?,
            }),
        };
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            account,
            created_at: row.try_get("created_at")?,
        })
    }
}
