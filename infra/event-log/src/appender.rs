//! Connections that only append.
//!
//! A connection keeps the plans of the append and what PostgreSQL knows of its tables; the one that was used last is the
//! warmest and is used first. And the settings that the plans need are said once for a connection: said by the function,
//! at each call, they cost a quarter of the append of a single command.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::columns::Columns;

/// A connection that rested for longer is asked whether it is still there.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Looks into tables go by an index, whatever the statistics say: plans are made while the tables are empty and kept
/// while they grow.
const SETTINGS: &str = "
    select set_config(name, value, false) from (values
      ('search_path', 'pg_catalog, pg_temp'), ('plan_cache_mode', 'force_generic_plan'), ('enable_seqscan', 'off'),
      ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('jit', 'off')) as s (name, value)";

pub(crate) struct Appenders {
    /// Where connections come from. They never go back.
    pool: PgPool,
    rested: Mutex<Vec<Rested>>,
    permits: Semaphore,
}

struct Rested {
    connection: PgConnection,
    since: Instant,
}

impl Appenders {
    /// At most `connections` at a time.
    pub(crate) fn new(pool: PgPool, connections: usize) -> Appenders {
        Appenders {
            pool,
            rested: Mutex::default(),
            permits: Semaphore::new(connections),
        }
    }

    /// Stores a batch; one row for each of its commands.
    pub(crate) async fn append(&self, batch: Columns<'_>) -> Result<Vec<PgRow>, sqlx::Error> {
        let patience = self.pool.options().get_acquire_timeout();
        let _permit = timeout(patience, self.permits.acquire())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let mut connection = self.connection().await?;
        let answered = batch.append().fetch_all(&mut connection).await;
        // After what the server said itself the connection is as good as before.
        if matches!(answered, Ok(_) | Err(sqlx::Error::Database(_))) {
            let since = Instant::now();
            self.rested().push(Rested { connection, since });
        }
        answered
    }

    async fn connection(&self) -> Result<PgConnection, sqlx::Error> {
        loop {
            let Some(Rested {
                mut connection,
                since,
            }) = self.rested().pop()
            else {
                break;
            };
            if since.elapsed() < TRUSTED_FOR || connection.ping().await.is_ok() {
                return Ok(connection);
            }
        }
        let mut connection = self.pool.acquire().await?.detach();
        sqlx::query(SETTINGS).execute(&mut connection).await?;
        Ok(connection)
    }

    fn rested(&self) -> std::sync::MutexGuard<'_, Vec<Rested>> {
        self.rested.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
