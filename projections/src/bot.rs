//! Bots as read: name, state, and the package that answers, with what is wrong with its scripts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::bot::{Bot, BotEvent, FileFinding, Package, Profile, Script};
use domain::{Aggregate, BotId, OrganisationId};
use event_log::{RecordedEvent, StreamTypes};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::column::{self, stored_word};
use crate::fold::{FoldError, Projection, Rows, decoded, stream_key};
use crate::listing::{Listed, Narrow, load, select};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads};

/// The projection's name.
pub const NAME: &str = "bot";
const TABLE: &str = "bots";
const COLUMNS: &str =
    "id, tenant_id, name, state, package_digest, scripts, profile, findings, broken, created_at, loaded_at";

#[derive(Debug, Clone, PartialEq)]
pub struct BotRow {
    pub id: BotId,
    pub organisation_id: OrganisationId,
    pub name: String,
    pub state: BotState,
    /// None until a package was loaded.
    pub package: Option<Package>,
    /// True when something in the package is of no use as it is.
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
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(Bot::TYPE)];
    const VERSION: i32 = 2;
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
                row.broken = package.broken();
                row.package = Some(*package);
                row.loaded_at = Some(event.recorded_at);
            }
            BotEvent::Paused {} => row.state = BotState::Paused,
            BotEvent::Resumed {} => row.state = BotState::Active,
            BotEvent::Retired { .. } => row.state = BotState::Retired,
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[BotId]) -> Result<Rows<Self>, sqlx::Error> {
        load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        let columns = Columns::of(rows)?;
        sqlx::query(
            "insert into bots (id, tenant_id, name, state, package_digest, scripts, profile, findings, broken,
                                    created_at, loaded_at, position)
             select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[],
                                  $7::jsonb[], $8::jsonb[], $9::boolean[], $10::timestamptz[],
                                  $11::timestamptz[], $12::bigint[])
             on conflict on constraint bots_pkey do update
             set name = excluded.name, state = excluded.state, package_digest = excluded.package_digest,
                 scripts = excluded.scripts, profile = excluded.profile, findings = excluded.findings,
                 broken = excluded.broken, created_at = excluded.created_at, loaded_at = excluded.loaded_at,
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
        .bind(&columns.findings)
        .bind(&columns.broken)
        .bind(&columns.created_at)
        .bind(&columns.loaded_at)
        .bind(&columns.position)
        .execute(connection)
        .await?;
        Ok(())
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
    findings: Vec<Option<Value>>,
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
            columns.findings.push(
                package
                    .map(|package| column::to_json(&package.findings))
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
                findings: column::json::<Vec<FileFinding>>(row, "findings")?,
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

impl Listed for BotRow {
    type Id = BotId;
    type Filter = BotFilter;

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "created_at";

    fn id(&self) -> BotId {
        self.id
    }
}

impl Narrow for BotFilter {
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
        self.list(page, filter).await
    }

    pub async fn bot_count(&self, filter: &BotFilter) -> Result<u64, ReadError> {
        self.count::<BotRow>(filter).await
    }

    pub async fn bot(&self, id: BotId) -> Result<Option<BotRow>, ReadError> {
        Ok(self.bots_by_ids(&[id]).await?.remove(&id))
    }

    /// The bot that holds the name now; a retired one has given it back.
    pub async fn bot_by_name(&self, name: &str) -> Result<Option<BotRow>, ReadError> {
        let mut query = select::<BotRow>();
        query.push(" and state <> 'retired' and name = ").push_bind(name);
        query.push(" order by created_at desc, id desc limit 1");
        let row = query.build_query_as();
        Ok(row.fetch_optional(&mut *self.connection().await).await?)
    }

    pub async fn bots_by_ids(&self, ids: &[BotId]) -> Result<BTreeMap<BotId, BotRow>, ReadError> {
        self.by_ids(ids).await
    }
}

#[cfg(test)]
mod tests;
