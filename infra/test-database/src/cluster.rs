//! A whole server for one test: to be killed, restarted, and searched for what must not be there.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use local_postgres::{OWNER, Server, Settings};
use sqlx::{Connection, Executor, PgConnection, PgPool, postgres::PgConnectOptions};

use crate::{ROLES, pool, psql_env, shared};

const DATABASE: &str = "botserver";

/// A server of its own with one migrated database. It writes as durably as the product's does.
#[derive(Debug)]
pub struct TestCluster {
    settings: Settings,
    /// Absent only while restarting, or after that failed.
    server: Option<Server>,
}

/// Starts a server for one test, which takes 2–3 s.
pub async fn create_cluster() -> TestCluster {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let folder = shared::folder()
        .join("clusters")
        .join(format!("c_{}_{number}", std::process::id()));
    // Of a program with our number, long gone.
    let _ = fs::remove_dir_all(&folder);
    let settings = Settings {
        roles: ROLES.map(str::to_owned).to_vec(),
        ..Settings::new(folder)
    };
    let mut cluster = TestCluster {
        settings,
        server: None,
    };
    cluster.start().await;
    cluster
        .migrate()
        .await
        .expect("the migrations apply to an empty database");
    cluster
}

impl TestCluster {
    pub fn connect_options(&self, role: &str) -> PgConnectOptions {
        self.server().connect_options(role, DATABASE)
    }

    /// A pool of at most 5 connections. After a restart its connections are dead and are made anew.
    pub async fn pool(&self, role: &str) -> PgPool {
        pool(self.connect_options(role)).await
    }

    /// The cluster's files, including the write-ahead log in `pg_wal` and the server's log.
    pub fn data_dir(&self) -> &Path {
        self.server().cluster()
    }

    pub fn server(&self) -> &Server {
        self.server
            .as_ref()
            .expect("the server runs between two restarts")
    }

    pub fn psql_env(&self) -> HashMap<&'static str, String> {
        psql_env(self.server().socket_dir(), self.server().port(), DATABASE)
    }

    /// Ends the server as a crash would, and starts it again, so that it recovers from its log.
    pub async fn restart_immediately(&mut self) {
        if let Some(server) = self.server.take() {
            server
                .kill_immediately()
                .await
                .expect("our own server can be ended");
        }
        self.start().await;
    }

    /// Ends the server in order and copies its files aside.
    pub async fn back_up(&mut self) {
        self.stop().await;
        copy(&self.files(), &self.folder().join("backup"));
        self.start().await;
    }

    /// Ends the server as a crash would, and starts it with the files that were copied aside: what came since is lost,
    /// and nothing in the cluster tells.
    pub async fn put_back(&mut self) {
        if let Some(server) = self.server.take() {
            server
                .kill_immediately()
                .await
                .expect("our own server can be ended");
        }
        fs::remove_dir_all(self.files()).expect("the cluster's files are there");
        copy(&self.folder().join("backup"), &self.files());
        self.start().await;
    }

    /// Ends the server in order.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await.expect("our own server can be stopped");
        }
    }

    /// Starts it again.
    pub async fn resume(&mut self) {
        self.start().await;
    }

    fn files(&self) -> PathBuf {
        self.folder().join("postgres")
    }

    async fn start(&mut self) {
        match Server::start(self.settings.clone()).await {
            Ok(server) => self.server = Some(server),
            Err(error) => panic!("the test's server does not start: {error}"),
        }
    }

    async fn migrate(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut connection =
            PgConnection::connect_with(&self.server().connect_options(OWNER, "postgres")).await?;
        connection
            .execute(format!("create database {DATABASE}").as_str())
            .await?;
        connection.close().await?;
        let pool = self.pool(OWNER).await;
        event_log::migrate(&pool).await?;
        pool.close().await;
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.settings.data_dir.clone()
    }
}

/// With owners and modes: the server refuses files that others could read.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()), "{}", from.display());
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            // Best effort: the next program clears what stays.
            let _ = server.kill_immediately_blocking();
        }
        let _ = fs::remove_dir_all(self.folder());
    }
}
