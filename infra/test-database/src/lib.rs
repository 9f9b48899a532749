//! Databases for tests: real, migrated, one for each test, in milliseconds.
//!
//! [`create`] clones a template in a cluster that all test programs of a user share. Whoever comes first starts
//! it, and it stays between programs; `cargo run -p test-database -- stop` ends it. [`create_cluster`]
//! gives a test a whole server of its own that writes as durably as the product's, to be killed and searched.
//!
//! Everything here panics on failure: a test that has no database has nothing else to do.

mod cluster;
mod leftovers;
mod shared;

use std::{
    collections::HashMap,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub use cluster::{TestCluster, create_cluster};
pub use shared::{Stopped, stop};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// As whom a test may connect, beside the owner. The migrations make them.
pub const ROLES: [&str; 4] = [
    "botserver_log",
    "botserver_projector",
    "botserver_keys",
    "botserver_app",
];

/// A migrated, otherwise empty database that is dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
}

/// Clones a database for one test.
pub async fn create() -> TestDatabase {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let template = shared::template().await;
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = leftovers::database_name(std::process::id(), number);
    shared::execute(
        "postgres",
        &format!(r#"create database "{name}" template "{template}""#),
    )
    .await
    .expect("a template has no connections, so it can be cloned");
    TestDatabase { name }
}

impl TestDatabase {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn connect_options(&self, role: &str) -> PgConnectOptions {
        shared::connect_options(role, &self.name)
    }

    /// A pool of at most 5 connections. Belongs to the runtime of the test that asked for it.
    pub async fn pool(&self, role: &str) -> PgPool {
        pool(self.connect_options(role)).await
    }

    /// Variables with which `psql` and other programs of libpq reach this database as the owner.
    pub fn psql_env(&self) -> HashMap<&'static str, String> {
        psql_env(shared::socket_dir(), shared::PORT, &self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let options = shared::connect_options(local_postgres::OWNER, "postgres");
        leftovers::drop_later(options, std::mem::take(&mut self.name));
    }
}

async fn pool(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(5)
        // Two cores, many tests: a busy machine is not a failure.
        .acquire_timeout(Duration::from_secs(60))
        .connect_with(options)
        .await
        .expect("the server of the tests runs and knows the role")
}

fn psql_env(socket_dir: &Path, port: u16, database: &str) -> HashMap<&'static str, String> {
    HashMap::from([
        ("PGHOST", socket_dir.display().to_string()),
        ("PGPORT", port.to_string()),
        ("PGDATABASE", database.to_owned()),
        ("PGUSER", local_postgres::OWNER.to_owned()),
    ])
}
