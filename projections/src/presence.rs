//! Which sessions have sockets open, as processes tell it: no read model, since nothing of it is in the log.

use std::collections::HashMap;
use std::time::Duration;

use domain::SessionId;
use sqlx::PgPool;
use uuid::Uuid;

/// How long the sockets of a process that is silent still count.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one process tells and asks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Presences {
    pool: PgPool,
    owner: Uuid,
}

impl Presences {
    /// `owner` is this process among the others.
    pub fn new(pool: PgPool, owner: Uuid) -> Presences {
        Presences { pool, owner }
    }

    /// In place of what was told before.
    pub async fn tell_all(&self, sockets: &HashMap<SessionId, u32>) -> Result<(), sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        self.beat(&mut transaction).await?;
        sqlx::query("delete from app.presences where owner = $1")
            .bind(self.owner)
            .execute(&mut *transaction)
            .await?;
        self.store(&mut transaction, sockets).await?;
        transaction.commit().await
    }

    /// Where it changed; 0 where there is none any more. False, and nothing stored, if what was told before is not known.
    pub async fn tell_changed(&self, sockets: &HashMap<SessionId, u32>) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if !self.beat(&mut transaction).await? {
            return Ok(false);
        }
        if !sockets.is_empty() {
            let changed: Vec<Uuid> = sockets.keys().map(|session| session.0).collect();
            sqlx::query("delete from app.presences where owner = $1 and session_id = any($2)")
                .bind(self.owner)
                .bind(changed)
                .execute(&mut *transaction)
                .await?;
            self.store(&mut transaction, sockets).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// The sockets of these sessions in other processes. Sessions without any are missing.
    pub async fn elsewhere(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, u32>, sqlx::Error> {
        let sessions: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
        let counts: Vec<(Uuid, i64)> = sqlx::query_as(
            "select session_id, sum(sockets) from app.presences join app.edges using (owner)
             where session_id = any($1) and owner <> $2 and alive_until > clock_timestamp()
             group by session_id",
        )
        .bind(sessions)
        .bind(self.owner)
        .fetch_all(&self.pool)
        .await?;
        let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(counts
            .into_iter()
            .map(|(session, sockets)| (SessionId(session), count(sockets)))
            .collect())
    }

    /// Takes back what was told, and what processes left that ended without a word.
    pub async fn leave(&self) -> Result<(), sqlx::Error> {
        sqlx::query(
            "delete from app.edges where owner = $1 or alive_until < clock_timestamp() - interval '1 hour'",
        )
        .bind(self.owner)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Says that this process is there, and tells whether it was known to be.
    async fn beat(&self, connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(
            "with before as (select from app.edges where owner = $1)
             insert into app.edges (owner, alive_until)
             values ($1, clock_timestamp() + make_interval(secs => $2))
             on conflict on constraint edges_pkey do update
             set alive_until = excluded.alive_until
             returning exists (select from before)",
        )
        .bind(self.owner)
        .bind(PATIENCE.as_secs_f64())
        .fetch_one(connection)
        .await
    }

    async fn store(
        &self,
        connection: &mut sqlx::PgConnection,
        sockets: &HashMap<SessionId, u32>,
    ) -> Result<(), sqlx::Error> {
        let (sessions, counts): (Vec<Uuid>, Vec<i32>) = sockets
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(session, count)| (session.0, i32::try_from(*count).unwrap_or(i32::MAX)))
            .unzip();
        sqlx::query(
            "insert into app.presences (owner, session_id, sockets)
             select $1, session_id, sockets from unnest($2::uuid[], $3::integer[]) as told (session_id, sockets)",
        )
        .bind(self.owner)
        .bind(sessions)
        .bind(counts)
        .execute(connection)
        .await?;
        Ok(())
    }
}
