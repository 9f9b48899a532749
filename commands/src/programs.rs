//! Compiled scripts: stored in PostgreSQL under their hash, kept in memory while they are used.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use basic::{Program, ProgramHash};
use domain::OrganisationId;
use lru::LruCache;
use sqlx::PgPool;

use crate::CommandError;

/// Programs kept in memory; a few kilobytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).expect("is not zero");

type Loaded = LruCache<(OrganisationId, ProgramHash), Arc<Program>>;

/// The store of programs. Cheap to clone.
#[derive(Clone)]
pub struct Programs {
    app_pool: PgPool,
    // A standard mutex: each section is one look-up in memory.
    loaded: Arc<Mutex<Loaded>>,
}

impl Programs {
    /// `app_pool` connects as the application role.
    pub fn new(app_pool: PgPool) -> Self {
        Self {
            app_pool,
            loaded: Arc::new(Mutex::new(LruCache::new(REMEMBERED))),
        }
    }

    /// Stores what is not stored yet.
    pub async fn store(
        &self,
        tenant: OrganisationId,
        programs: Vec<(Program, String)>,
    ) -> Result<(), CommandError> {
        let mut transaction = self.transaction(tenant).await?;
        for (program, source) in programs {
            sqlx::query(
                "insert into app.programs (tenant_id, hash, name, source, compiled) values ($1, $2, $3, $4, $5)
                 on conflict on constraint programs_pkey do nothing",
            )
            .bind(tenant.0)
            .bind(program.hash().0.as_slice())
            .bind(program.name())
            .bind(source)
            .bind(program.to_bytes())
            .execute(&mut *transaction)
            .await
            .map_err(CommandError::unexpected)?;
            self.remember(tenant, Arc::new(program));
        }
        transaction.commit().await.map_err(CommandError::unexpected)
    }

    /// The program of a hash; an error when it is unknown or its stored form cannot be read.
    pub async fn load(
        &self,
        tenant: OrganisationId,
        hash: ProgramHash,
    ) -> Result<Arc<Program>, CommandError> {
        let known = self
            .loaded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(tenant, hash))
            .cloned();
        if let Some(program) = known {
            return Ok(program);
        }
        let mut transaction = self.transaction(tenant).await?;
        let compiled: Option<Vec<u8>> =
            sqlx::query_scalar("select compiled from app.programs where tenant_id = $1 and hash = $2")
                .bind(tenant.0)
                .bind(hash.0.as_slice())
                .fetch_optional(&mut *transaction)
                .await
                .map_err(CommandError::unexpected)?;
        let compiled = compiled.ok_or_else(|| CommandError::not_found("program", "program_not_found"))?;
        let program = Arc::new(Program::from_bytes(&compiled).map_err(CommandError::unexpected)?);
        self.remember(tenant, program.clone());
        Ok(program)
    }

    fn remember(&self, tenant: OrganisationId, program: Arc<Program>) {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.put((tenant, program.hash()), program);
    }

    async fn transaction(
        &self,
        tenant: OrganisationId,
    ) -> Result<sqlx::Transaction<'static, sqlx::Postgres>, CommandError> {
        let mut transaction = self.app_pool.begin().await.map_err(CommandError::unexpected)?;
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(CommandError::unexpected)?;
        Ok(transaction)
    }
}
