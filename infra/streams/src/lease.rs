//! Who relays: a row per stream. It spares others the attempt; what keeps a process from sending that has lost its
//! lease is Kafka, which fences it as soon as the next one begins.

use std::time::Duration;

use event_log::Position;
use sqlx::PgPool;
use sqlx::types::Json;
use uuid::Uuid;

use projections::RelayFailure;

/// The right to relay, for a while.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    pool: PgPool,
    name: String,
    owner: Uuid,
    duration: Duration,
}

impl Lease {
    /// Of the stream of this prefix. `pool` connects as `botserver_log`.
    pub fn new(pool: PgPool, name: String, owner: Uuid, duration: Duration) -> Self {
        Self {
            pool,
            name,
            owner,
            duration,
        }
    }

    /// Takes it if nobody has it or its time is over; says whether it is this process's now.
    pub async fn take(&self) -> Result<bool, sqlx::Error> {
        let taken = sqlx::query(
            "insert into log.relays as r (name, lease_owner, lease_until)
             values ($1, $2, clock_timestamp() + make_interval(secs => $3))
             on conflict on constraint relays_pkey do update
             set lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
             where r.lease_owner = excluded.lease_owner or r.lease_owner is null or r.lease_until < clock_timestamp()",
        )
        .bind(&self.name)
        .bind(self.owner)
        .bind(self.duration.as_secs_f64())
        .execute(&self.pool)
        .await?;
        Ok(taken.rows_affected() > 0)
    }

    /// Keeps it and notes how far the stream is; says whether it is still this process's.
    pub async fn keep(&self, position: Position) -> Result<bool, sqlx::Error> {
        let kept = sqlx::query(
            "update log.relays
                set lease_until = clock_timestamp() + make_interval(secs => $3),
                    relayed_at = case when position <> $4 then clock_timestamp() else relayed_at end,
                    position = $4, failure = null
              where name = $1 and lease_owner = $2",
        )
        .bind(&self.name)
        .bind(self.owner)
        .bind(self.duration.as_secs_f64())
        .bind(position.0)
        .execute(&self.pool)
        .await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Keeps it while Kafka cannot be written, with why.
    pub async fn fail(&self, failure: &RelayFailure) -> Result<bool, sqlx::Error> {
        let kept = sqlx::query(
            "update log.relays set lease_until = clock_timestamp() + make_interval(secs => $3), failure = $4
              where name = $1 and lease_owner = $2",
        )
        .bind(&self.name)
        .bind(self.owner)
        .bind(self.duration.as_secs_f64())
        .bind(Json(failure))
        .execute(&self.pool)
        .await?;
        Ok(kept.rows_affected() > 0)
    }

    /// Gives it up, so that another process can begin at once.
    pub async fn release(&self) -> Result<(), sqlx::Error> {
        sqlx::query("update log.relays set lease_owner = null where name = $1 and lease_owner = $2")
            .bind(&self.name)
            .bind(self.owner)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
