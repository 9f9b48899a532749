//! The migrations of the whole product, applied in order by the owner of the database.

use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

pub static MIGRATOR: Migrator = sqlx::migrate!("../../migrations");

/// Applies what is missing. Run by the owning role only; concurrent callers wait for one another.
pub async fn migrate(owner: &PgPool) -> Result<(), MigrateError> {
    MIGRATOR.run(owner).await
}
