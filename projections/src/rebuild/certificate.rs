//! Certificates: what a comparison of two sets of rows found, kept for good.

use chrono::{DateTime, Utc};
use event_log::Position;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor, PgPool, Row};
use uuid::Uuid;

use super::{RebuildError, unknown};
use crate::column;
use crate::fold::Projection;
use crate::registry::{NAMES, each_projection};
use crate::slot::{self, Slot, Standing};

/// What a rebuild found when it compared its rows with the live ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    pub id: Uuid,
    pub name: String,
    pub issued_at: DateTime<Utc>,
    /// Where both were compared.
    pub position: Position,
    /// Of the fold that made the live rows; None when there were none.
    pub from_version: Option<i32>,
    pub to_version: i32,
    pub tables: Vec<TableCompared>,
    /// Every table has the same rows.
    pub equal: bool,
    /// When the built rows became the live ones; None when they did not.
    pub switched_at: Option<DateTime<Utc>>,
}

/// One table of both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableCompared {
    pub table: String,
    pub live_rows: u64,
    pub built_rows: u64,
    /// SHA-256 over the rows in order, in hexadecimal.
    pub live_digest: String,
    pub built_digest: String,
    /// Rows that are only among the live ones or have other values there, and the same of those built.
    pub only_live: u64,
    pub only_built: u64,
}

/// Compares in one snapshot, of which the caller has two views: the live rows are digested in one while those that were
/// built are in the other.
pub(super) async fn compare<P: Projection>(
    [snapshot, beside]: [&mut PgConnection; 2],
    live: Standing,
    built: Slot,
    position: Position,
) -> Result<Certificate, sqlx::Error> {
    let mut tables = Vec::new();
    let (live_schema, built_schema) = (live.slot.schema(P::NAME), built.schema(P::NAME));
    for (table, key) in P::TABLES {
        let (of_live, of_built) = tokio::try_join!(
            digested(snapshot, &live_schema, table, key),
            digested(beside, &built_schema, table, key)
        )?;
        let (mut only_live, mut only_built) = (0, 0);
        if of_live.digest != of_built.digest {
            (only_live, only_built) = tokio::try_join!(
                missing(snapshot, &live_schema, &built_schema, table),
                missing(beside, &built_schema, &live_schema, table)
            )?;
        }
        tables.push(TableCompared {
            table: (*table).to_owned(),
            live_rows: of_live.rows,
            built_rows: of_built.rows,
            live_digest: hex(&of_live.digest),
            built_digest: hex(&of_built.digest),
            only_live,
            only_built,
        });
    }
    Ok(Certificate {
        id: Uuid::now_v7(),
        name: P::NAME.to_owned(),
        issued_at: Utc::now(),
        position,
        from_version: live.version,
        to_version: P::VERSION,
        equal: tables.iter().all(|table| table.live_digest == table.built_digest),
        tables,
        switched_at: None,
    })
}

struct Digested {
    rows: u64,
    digest: Vec<u8>,
}

/// Over the rows in their binary form. Digests of parts are put together, since one value cannot hold those of all rows;
/// ids end in random bytes, which make the parts even.
async fn digested(
    connection: &mut PgConnection,
    schema: &str,
    table: &str,
    key: &str,
) -> Result<Digested, sqlx::Error> {
    let first = key.split(',').next().unwrap_or(key);
    let statement = format!(
        "select coalesce(sum(rows), 0)::bigint as rows, sha256(coalesce(string_agg(digest, ''::bytea order by part), '')) as digest
           from (select substring(uuid_send({first}) from 15) as part, count(*) as rows,
                        sha256(string_agg(sha256(record_send(t)), ''::bytea order by {key})) as digest
                   from {schema}.{table} t group by 1) parts"
    );
    let row = sqlx::query(&statement).fetch_one(connection).await?;
    Ok(Digested {
        rows: column::count(&row, "rows")?,
        digest: row.try_get("digest")?,
    })
}

/// How many rows of a table one schema has and another lacks.
async fn missing(
    connection: &mut PgConnection,
    of: &str,
    lacks: &str,
    table: &str,
) -> Result<u64, sqlx::Error> {
    let statement = format!(
        "select count(*) as missing from (
           select record_send(t) from {of}.{table} t except select record_send(t) from {lacks}.{table} t
         ) missing"
    );
    let row = sqlx::query(&statement).fetch_one(connection).await?;
    column::count(&row, "missing")
}

/// SHA-256 over every row of a projection that is read, in order of its key: equal rows, equal digest. `pool` connects as
/// `botserver_projector`.
pub async fn digest(pool: &PgPool, name: &str) -> Result<[u8; 32], RebuildError> {
    let mut connection = pool.acquire().await?;
    macro_rules! when_named {
        ($projection:ty) => {
            if name == <$projection as Projection>::NAME {
                return Ok(digest_of::<$projection>(&mut connection).await?);
            }
        };
    }
    each_projection!(when_named);
    Err(unknown(name))
}

async fn digest_of<P: Projection>(connection: &mut PgConnection) -> Result<[u8; 32], sqlx::Error> {
    let schema = slot::live(&mut *connection, P::NAME).await?.slot.schema(P::NAME);
    let mut all = Vec::new();
    for (table, key) in P::TABLES {
        all.extend(digested(connection, &schema, table, key).await?.digest);
    }
    let digest: Vec<u8> = sqlx::query_scalar("select sha256($1)")
        .bind(all)
        .fetch_one(connection)
        .await?;
    <[u8; 32]>::try_from(digest).map_err(|_| sqlx::Error::Decode("a digest has 32 bytes".into()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) async fn keep(
    executor: impl PgExecutor<'_>,
    certificate: &Certificate,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into read.certificates (id, name, issued_at, position, from_version, to_version, tables, equal)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(certificate.id)
    .bind(&certificate.name)
    .bind(certificate.issued_at)
    .bind(certificate.position.0)
    .bind(certificate.from_version)
    .bind(certificate.to_version)
    .bind(Json(&certificate.tables))
    .bind(certificate.equal)
    .execute(executor)
    .await?;
    Ok(())
}

/// In the transaction that switches.
pub(super) async fn switched(
    connection: &mut PgConnection,
    certificate: &Certificate,
) -> Result<(), sqlx::Error> {
    sqlx::query("update read.certificates set switched_at = $2 where id = $1")
        .bind(certificate.id)
        .bind(certificate.switched_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// The certificates of one projection or of all, newest first, `limit` at most.
pub async fn certificates(
    pool: &PgPool,
    name: Option<&str>,
    limit: i64,
) -> Result<Vec<Certificate>, RebuildError> {
    if let Some(name) = name.filter(|name| !NAMES.contains(name)) {
        return Err(unknown(name));
    }
    let found = sqlx::query_as(
        "select id, name, issued_at, position, from_version, to_version, tables, equal, switched_at
           from read.certificates where ($1::text is null or name = $1) order by issued_at desc, id desc limit $2",
    )
    .bind(name)
    .bind(limit)
    .fetch_all(pool)
    .await?;
    Ok(found)
}

impl<'r> FromRow<'r, PgRow> for Certificate {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        let Json(tables) = row.try_get("tables")?;
        Ok(Self {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            issued_at: row.try_get("issued_at")?,
            position: Position(row.try_get("position")?),
            from_version: row.try_get("from_version")?,
            to_version: row.try_get("to_version")?,
            tables,
            equal: row.try_get("equal")?,
            switched_at: row.try_get("switched_at")?,
        })
    }
}
