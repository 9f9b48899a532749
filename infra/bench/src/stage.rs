//! The stage: a PostgreSQL server of the run's own, as durable as the product's, with a log that is sequenced.

use std::time::{Duration, Instant};

use event_log::{EventLog, Feed, Keyring, MasterKey, Position, Sequencer};
use serde::Serialize;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use test_database::TestCluster;
use tokio::sync::{OnceCell, watch};

use crate::rebuild::Told;
use crate::{append, cpu, feed, pgbench, stock};

/// Connections of the log's pool: what the product gives it when nothing is configured.
const LOG_CONNECTIONS: u32 = 8;
/// Connections of those who have one each: the stock repository's sixteen callers, and a few.
const OWNER_CONNECTIONS: u32 = 18;

pub struct Stage {
    pub cluster: TestCluster,
    pub log: EventLog,
    pub feed: Feed,
    /// As the owner of the database.
    pub owner: PgPool,
    /// An event as it is stored, so that the other side stores the same bytes.
    pub stored: StoredEvent,
    /// A stage of its own for what is made from a log, set when first asked for.
    told: OnceCell<Box<Told>>,
}

#[derive(Clone, Default)]
pub struct StoredEvent {
    pub payload: String,
    pub metadata: String,
}

/// What one side of a row did in a round.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Sample {
    pub operations: u64,
    pub seconds: f64,
    pub cpu_seconds: f64,
    pub wal_bytes: i64,
}

impl Stage {
    /// With what the rows need: the other side's tables, and a log to read.
    pub async fn set() -> anyhow::Result<Stage> {
        let stage = Stage::empty().await?;
        stage
            .log
            .append_one(append::command(&append::Stream::new(), 1))
            .await?;
        let (payload, metadata) =
            sqlx::query_as("select payload::text, metadata::text from log.events order by seq_no limit 1")
                .fetch_one(&stage.owner)
                .await?;
        let stage = Stage {
            stored: StoredEvent { payload, metadata },
            ..stage
        };
        pgbench::prepare(&stage).await?;
        stock::prepare(&stage).await?;
        feed::prepare(&stage).await?;
        Ok(stage)
    }

    /// A log that is sequenced, and nothing in it.
    pub async fn empty() -> anyhow::Result<Stage> {
        let cluster = test_database::create_cluster().await;
        let keyring = Keyring::open(
            pool(&cluster, "botserver_keys", 2),
            MasterKey::from_bytes([7; 32]),
        )
        .await?;
        let log_pool = pool(&cluster, "botserver_log", LOG_CONNECTIONS);
        let log = EventLog::new(log_pool.clone(), keyring);
        let (placed, positions) = watch::channel(Position(0));
        let sequencer = Sequencer::new(log_pool.clone(), log.wake()).await?;
        tokio::spawn(sequencer.run(placed, std::future::pending()));
        let feed = Feed::new(log_pool, positions);
        let owner = pool(&cluster, local_postgres::OWNER, OWNER_CONNECTIONS);
        Ok(Stage {
            cluster,
            log,
            feed,
            owner,
            stored: StoredEvent::default(),
            told: OnceCell::new(),
        })
    }

    pub async fn told(&self) -> anyhow::Result<&Told> {
        let told = self
            .told
            .get_or_try_init(|| async { anyhow::Ok(Box::new(Told::tell().await?)) });
        Ok(Box::pin(told).await?)
    }

    /// Connections as one of the roles.
    pub fn pool(&self, role: &str, connections: u32) -> PgPool {
        pool(&self.cluster, role, connections)
    }

    /// Measures what `work` does; it returns how many operations it carried out.
    pub async fn measure<W: Future<Output = anyhow::Result<u64>>>(&self, work: W) -> anyhow::Result<Sample> {
        let postmaster = self.cluster.server().pid();
        // Both sides begin with nothing left to write for the other.
        sqlx::query("checkpoint").execute(&self.owner).await?;
        let wal = self.wal().await?;
        let cpu_before = cpu::seconds(postmaster)?;
        let started = Instant::now();
        let operations = work.await?;
        let seconds = started.elapsed().as_secs_f64();
        let cpu_seconds = cpu::seconds(postmaster)? - cpu_before;
        Ok(Sample {
            operations,
            seconds,
            cpu_seconds,
            wal_bytes: self.wal().await? - wal,
        })
    }

    async fn wal(&self) -> anyhow::Result<i64> {
        let bytes = sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
            .fetch_one(&self.owner)
            .await?;
        Ok(bytes)
    }
}

fn pool(cluster: &TestCluster, role: &str, connections: u32) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(60))
        .test_before_acquire(false)
        .connect_lazy_with(cluster.connect_options(role))
}
