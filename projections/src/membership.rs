//! Membership: which processes are there. Each says so again and again; who falls silent loses its shares.
//!
//! It is no fence: a process that was paused does not know that it was given up. The lease epochs are.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{PgExecutor, PgPool};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, warn};
use uuid::Uuid;

/// A process says that it is there so many times within the others' patience.
const BEATS: u32 = 5;

/// Who a process is among the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub owner: Uuid,
    /// It takes part in sharing, rather than only building.
    pub folds: bool,
    /// How long others wait for it when it is silent.
    pub patience: Duration,
}

impl Member {
    async fn beat(&self, executor: impl PgExecutor<'_>) -> Result<(), sqlx::Error> {
        sqlx::query(
            "insert into read.members (owner, folds, alive_until)
             values ($1, $2, clock_timestamp() + make_interval(secs => $3))
             on conflict on constraint members_pkey do update
             set folds = excluded.folds, alive_until = excluded.alive_until",
        )
        .bind(self.owner)
        .bind(self.folds)
        .bind(self.patience.as_secs_f64())
        .execute(executor)
        .await?;
        Ok(())
    }

    /// Is there from now on. With `takeover`, everybody else who folds is given up: for the only server of a data
    /// folder, whose predecessor is gone. Others that live are there again at their next beat.
    pub async fn join(&self, pool: &PgPool, takeover: bool) -> Result<(), sqlx::Error> {
        if takeover {
            sqlx::query(
                "update read.members set alive_until = clock_timestamp() where owner <> $1 and folds",
            )
            .bind(self.owner)
            .execute(pool)
            .await?;
        }
        self.beat(pool).await
    }

    /// Beats until told to stop, and leaves then.
    pub async fn keep(self, pool: PgPool, mut stop: watch::Receiver<bool>) {
        loop {
            let stopped = tokio::select! {
                () = sleep(self.patience / BEATS) => false,
                _ = stop.wait_for(|stop| *stop) => true,
            };
            if stopped {
                break;
            }
            if let Err(error) = self.beat(&pool).await {
                warn!(%error, "membership not renewed");
            }
        }
        if let Err(error) = self.leave(&pool).await {
            debug!(%error, "membership not given up");
        }
    }

    async fn leave(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        sqlx::query("delete from read.members where owner = $1 or alive_until < clock_timestamp() - interval '1 hour'")
            .bind(self.owner)
            .execute(pool)
            .await?;
        Ok(())
    }
}

/// Those who are there now; only those who fold, if asked so.
pub(crate) async fn present(
    executor: impl PgExecutor<'_>,
    folding: bool,
) -> Result<BTreeSet<Uuid>, sqlx::Error> {
    let owners: Vec<Uuid> = sqlx::query_scalar(
        "select owner from read.members where alive_until > clock_timestamp() and (folds or not $1)",
    )
    .bind(folding)
    .fetch_all(executor)
    .await?;
    Ok(owners.into_iter().collect())
}
