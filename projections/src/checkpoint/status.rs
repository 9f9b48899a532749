//! Where projections stand, for whoever asks.

use chrono::{DateTime, Utc};
use event_log::Position;
use sqlx::types::Json;
use sqlx::{PgExecutor, Row};

use super::Failure;
use crate::column;

/// Where a projection stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectionStatus {
    pub name: &'static str,
    /// Of the fold that made the rows; 0 when there is none yet.
    pub version: i32,
    /// What is folded of every share.
    pub position: Position,
    /// Events of the log not yet folded, but for those that are parked.
    pub lag_events: u64,
    /// Events that wait because they, or one before them of the same ordering key, cannot be folded; as far as whoever
    /// asks may see.
    pub parked_events: u64,
    /// Processes that fold it now.
    pub leaders: u32,
    /// Being built beside the rows that are read; None when nothing is.
    pub building: Option<Building>,
    /// When a checkpoint last moved, or was made.
    pub updated_at: Option<DateTime<Utc>>,
    /// What stopped it; None while all is well.
    pub failure: Option<Failure>,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Building {
    pub version: i32,
    pub position: Position,
    /// Somebody works at it; else it goes on when it is begun again.
    pub active: bool,
}

/// Every read model, by name.
pub(crate) async fn all(
    executor: impl PgExecutor<'_>,
) -> Result<Vec<(String, ProjectionStatus)>, sqlx::Error> {
    let rows = sqlx::query(
        "with sums as (
           select name, slot, min(position) as position, max(updated_at) as updated_at,
                  (array_agg(failure) filter (where failure is not null))[1] as failure,
                  count(distinct lease_owner) filter (where exists (
                    select from read.members m where m.owner = s.lease_owner and m.alive_until > clock_timestamp()
                  )) as leaders
             from read.shares s group by name, slot
         )
         select l.name, l.version, c.position, c.updated_at, c.failure, coalesce(c.leaders, 0) as leaders,
                b.version as building_version, d.position as building_position,
                coalesce(d.leaders, 0) > 0 as building_active,
                (select count(*) from read.parked p where p.name = l.name and p.slot = l.slot) as parked
           from read.slots l
           left join sums c on c.name = l.name and c.slot = l.slot
           left join read.slots b on b.name = l.name and b.state = 'building'
           left join sums d on d.name = b.name and d.slot = b.slot
          where l.state = 'live' order by l.name",
    )
    .fetch_all(executor)
    .await?;
    let status = |row: &sqlx::postgres::PgRow| {
        let failure: Option<Json<Failure>> = row.try_get("failure")?;
        let position = |column: &str| -> Result<Option<Position>, sqlx::Error> {
            Ok(row.try_get::<Option<i64>, _>(column)?.map(Position))
        };
        let building = match (row.try_get("building_version")?, position("building_position")?) {
            (Some(version), Some(position)) => Some(Building {
                version,
                position,
                active: row.try_get("building_active")?,
            }),
            _ => None,
        };
        let status = ProjectionStatus {
            name: "",
            version: row.try_get::<Option<i32>, _>("version")?.unwrap_or_default(),
            position: position("position")?.unwrap_or_default(),
            lag_events: 0,
            parked_events: column::count(row, "parked")?,
            leaders: column::small_count(row, "leaders")?,
            building,
            updated_at: row.try_get("updated_at")?,
            failure: failure.map(|Json(failure)| failure),
        };
        Ok((row.try_get("name")?, status))
    };
    rows.iter().map(status).collect()
}
