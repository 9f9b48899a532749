//! What operators do about parked events.

use event_log::Position;
use sqlx::{FromRow, PgPool};

use super::{ParkedRow, hasten, row};
use crate::registry::NAMES;

#[derive(Debug, thiserror::Error)]
pub enum ParkedError {
    #[error("there is no projection {name:?}; there are {}", NAMES.join(", "))]
    Unknown { name: String },
    #[error("no event at position {position} is parked by {name}")]
    NotParked { name: String, position: Position },
    #[error("parked events cannot be read or written")]
    Database(#[from] sqlx::Error),
}

/// The parked events of one projection or of all, of every organisation, in the order in which they wait: `limit` at
/// most. `pool` connects as `botserver_projector`, as for all of these.
pub async fn parked(pool: &PgPool, name: Option<&str>, limit: i64) -> Result<Vec<ParkedRow>, ParkedError> {
    if let Some(name) = name {
        known(name)?;
    }
    let statement = format!(
        "select {} from {} where ($1::text is null or name = $1)
          order by name, ordering_key, position limit $2",
        row::COLUMNS,
        row::LIVE
    );
    let rows = sqlx::query(&statement)
        .bind(name)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    Ok(rows.iter().map(ParkedRow::from_row).collect::<Result<_, _>>()?)
}

/// Has a projection's parked events tried at once, all or those of one ordering key: by the server that runs, or the
/// next one that starts. Returns how many keys that are.
pub async fn retry(pool: &PgPool, name: &str, key: Option<&str>) -> Result<u64, ParkedError> {
    known(name)?;
    Ok(hasten(pool, name, key).await?)
}

/// A parked event, by its position.
pub async fn parked_at(pool: &PgPool, name: &str, position: Position) -> Result<ParkedRow, ParkedError> {
    known(name)?;
    let statement = format!(
        "select {} from {} where name = $1 and position = $2",
        row::COLUMNS,
        row::LIVE
    );
    let found = sqlx::query(&statement)
        .bind(name)
        .bind(position.0)
        .fetch_optional(pool)
        .await?;
    let Some(found) = found else {
        let name = name.to_owned();
        return Err(ParkedError::NotParked { name, position });
    };
    Ok(ParkedRow::from_row(&found)?)
}

/// Passes a parked event over for good, in rebuilds too, and has what waits behind it tried. Whoever calls this has
/// written down in the log that it was decided.
pub async fn skip(pool: &PgPool, parked: &ParkedRow) -> Result<(), ParkedError> {
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "insert into read.skipped (name, position, tenant_id) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(&parked.projection)
    .bind(parked.position.0)
    .bind(parked.organisation_id.0)
    .execute(&mut *transaction)
    .await?;
    hasten(&mut *transaction, &parked.projection, Some(&parked.ordering_key)).await?;
    transaction.commit().await?;
    Ok(())
}

fn known(name: &str) -> Result<(), ParkedError> {
    if NAMES.contains(&name) {
        return Ok(());
    }
    let name = name.to_owned();
    Err(ParkedError::Unknown { name })
}
