//! Bots as read: name, state, and the package that answers, with what is wrong with its scripts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::bot::{Bot, BotEvent, Package, Profile, Script};
use domain::{Aggregate, BotId, OrganisationId};
use event_log::RecordedEvent;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::column::{self, stored_word};
use crate::fold::{FoldError, Folded, Projection, Rows, decoded, stream_key};
use crate::paging::{Cursor, Keyset, Order, Page, Slice, fetch};
use crate::reader::{ReadError, Reads};

/// The projection's name.
pub const NAME: &str = "bot";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, tenant_id, name, state, package_digest, scripts, profile, broken, created_at, loaded_at, ",
            "position from read.bots where ",
            $rest
        )
    };
}

#[derive(Debug, Clone, PartialEq)]
pub struct BotRow {
    pub id: BotId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub state: BotState,
    /// None until a package was loaded.
    pub package: Option<Package>,
    /// True when a script of the package does not compile.
    pub broken: bool,
    pub created_at: DateTime<Utc>,
    /// When the package was loaded.
    pub loaded_at: Option<DateTime<Utc>>,
}

stored_word! {
    /// Whether a bot answers.
    BotState { Active = "active", Paused = "paused", Retired = "retired" }
}

/// Which bots; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BotFilter {
    /// Contained in the name, without regard to case.
    pub name: Option<String>,
    pub state: Option<BotState>,
}

pub(crate) struct Bots;

impl Projection for Bots {
    const NAME: &'static str = NAME;
    const VERSION: i32 = 1;
    type Key = BotId;
    type Row = BotRow;

    fn key(event: &RecordedEvent) -> Result<Option<BotId>, FoldError> {
        stream_key(event, Bot::TYPE)
    }

    fn apply(row: &mut Option<BotRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        let change = match decoded::<BotEvent>(event)? {
            BotEvent::Created { name } => {
                *row = Some(created(event, name)?);
                return Ok(());
            }
            other => other,
        };
        let row = row.as_mut().ok_or(FoldError::Unbegun)?;
        match change {
            _ if row.state == BotState::Retired => {}
            BotEvent::Created { .. } => {}
            BotEvent::PackageLoaded(package) => {
                row.broken = package.scripts.values().any(Script::broken);
                row.package = Some(package);
                row.loaded_at = Some(event.recorded_at);
            }
            BotEvent::Paused {} => row.state = BotState::Paused,
            BotEvent::Resumed {} => row.state = BotState::Active,
            BotEvent::Retired { .. } => row.state = BotState::Retired,
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[BotId]) -> Result<Rows<Self>, sqlx::Error> {
        let keys: Vec<Uuid> = keys.iter().map(|key| key.0).collect();
        let rows = sqlx::query(select!("id = any($1)"))
            .bind(&keys)
            .fetch_all(connection)
            .await?;
        rows.iter()
            .map(|row| {
                let value = BotRow::from_row(row)?;
                Ok((value.id, Folded::stored(row.try_get("position")?, value)))
            })
            .collect()
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        let columns = Columns::of(rows)?;
        sqlx::query(
            "insert into read.bots (id, tenant_id, name, state, package_digest, scripts, profile, broken,
                                    created_at, loaded_at, position)
             select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
                                  $7::jsonb[], $8::boolean[], $9::timestamptz[], $10::timestamptz[],
                                  $11::bigint[])
             on conflict on constraint bots_pkey do update
             set name = excluded.name, state = excluded.state, package_digest = excluded.package_digest,
                 scripts = excluded.scripts, profile = excluded.profile, broken = excluded.broken,
                 created_at = excluded.created_at, loaded_at = excluded.loaded_at,
                 position = excluded.position
             where bots.position < excluded.position",
        )
        .bind(&columns.id)
        .bind(&columns.tenant_id)
        .bind(&columns.name)
        .bind(&columns.state)
        .bind(&columns.package_digest)
        .bind(&columns.scripts)
        .bind(&columns.profile)
        .bind(&columns.broken)
        .bind(&columns.created_at)
        .bind(&columns.loaded_at)
        .bind(&columns.position)
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn clear(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        sqlx::query("delete from read.bots").execute(connection).await?;
        Ok(())
    }

    async fn digest(connection: &mut PgConnection) -> Result<Vec<u8>, sqlx::Error> {
        sqlx::query_scalar(
            "select sha256(coalesce(string_agg(sha256(convert_to(t::text, 'UTF8')), ''::bytea order by id), ''))
             from read.bots t",
        )
        .fetch_one(connection)
        .await
    }
}

fn created(event: &RecordedEvent, name: String) -> Result<BotRow, FoldError> {
    Ok(BotRow {
        id: Bots::key(event)?.ok_or(FoldError::StreamId)?,
        organisation_id: OrganisationId(event.tenant),
        name,
        state: BotState::Active,
        package: None,
        broken: false,
        created_at: event.recorded_at,
        loaded_at: None,
    })
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    name: Vec<&'a str>,
    state: Vec<&'static str>,
    package_digest: Vec<Option<&'a str>>,
    scripts: Vec<Option<Value>>,
    profile: Vec<Option<Value>>,
    broken: Vec<bool>,
    created_at: Vec<DateTime<Utc>>,
    loaded_at: Vec<Option<DateTime<Utc>>>,
    position: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a Rows<Bots>) -> Result<Self, sqlx::Error> {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(row) = &folded.row else { continue };
            let package = row.package.as_ref();
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.name.push(&row.name);
            columns.state.push(row.state.as_str());
            columns
                .package_digest
                .push(package.map(|package| package.digest.as_str()));
            columns.scripts.push(
                package
                    .map(|package| column::to_json(&package.scripts))
                    .transpose()?,
            );
            columns.profile.push(
                package
                    .map(|package| column::to_json(&package.profile))
                    .transpose()?,
            );
            columns.broken.push(row.broken);
            columns.created_at.push(row.created_at);
            columns.loaded_at.push(row.loaded_at);
            columns.position.push(folded.position.0);
        }
        Ok(columns)
    }
}

impl<'r> FromRow<'r, PgRow> for BotRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let package = match row.try_get::<Option<String>, _>("package_digest")? {
            None => None,
            Some(digest) => Some(Package {
                digest,
                scripts: column::json::<BTreeMap<String, Script>>(row, "scripts")?,
                profile: column::json::<Profile>(row, "profile")?,
            }),
        };
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            name: row.try_get("name")?,
            state: column::word(row, "state", BotState::parse)?,
            package,
            broken: row.try_get("broken")?,
            created_at: row.try_get("created_at")?,
            loaded_at: row.try_get("loaded_at")?,
        })
    }
}

impl Keyset for BotRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.created_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl BotFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(name) = &self.name {
            query
                .push(" and position(lower(")
                .push_bind(name.clone())
                .push(") in lower(name)) > 0");
        }
        if let Some(state) = self.state {
            query.push(" and state = ").push_bind(state.as_str());
        }
    }
}

impl Reads {
    /// Newest first.
    pub async fn bots(&self, page: &Page, filter: &BotFilter) -> Result<Slice<BotRow>, ReadError> {
        let mut query = QueryBuilder::new(select!("true"));
        filter.narrow(&mut query);
        fetch(
            &mut *self.connection().await,
            query,
            Order::Newest("created_at"),
            page,
        )
        .await
    }

    pub async fn bot_count(&self, filter: &BotFilter) -> Result<u64, ReadError> {
        let mut query = QueryBuilder::new("select count(*) as total from read.bots where true");
        filter.narrow(&mut query);
        let row = query.build().fetch_one(&mut *self.connection().await).await?;
        Ok(column::count(&row, "total")?)
    }

    pub async fn bot(&self, id: BotId) -> Result<Option<BotRow>, ReadError> {
        Ok(self.bots_by_ids(&[id]).await?.remove(&id))
    }

    /// The bot that holds the name now; a retired one has given it back.
    pub async fn bot_by_name(&self, name: &str) -> Result<Option<BotRow>, ReadError> {
        let row = sqlx::query_as(select!(
            "name = $1 and state <> 'retired' order by created_at desc, id desc limit 1"
        ))
        .bind(name)
        .fetch_optional(&mut *self.connection().await)
        .await?;
        Ok(row)
    }

    pub async fn bots_by_ids(&self, ids: &[BotId]) -> Result<BTreeMap<BotId, BotRow>, ReadError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows: Vec<BotRow> = sqlx::query_as(select!("id = any($1)"))
            .bind(&ids)
            .fetch_all(&mut *self.connection().await)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}

#[cfg(test)]
mod tests;
