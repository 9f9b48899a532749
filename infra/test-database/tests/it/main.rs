//! The databases that other tests build on.

use std::process::Command;

use local_postgres::OWNER;
use sqlx::PgPool;

async fn tables(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn two_databases_are_migrated_and_do_not_see_each_other() {
    let (one, other) = (test_database::create().await, test_database::create().await);
    assert_ne!(one.name(), other.name());
    let (one_pool, other_pool) = (one.pool(OWNER).await, other.pool(OWNER).await);
    assert!(tables(&one_pool).await > 0);
    sqlx::raw_sql("create table notes ()")
        .execute(&one_pool)
        .await
        .unwrap();
    assert_eq!(tables(&one_pool).await, tables(&other_pool).await + 1);
}

#[tokio::test]
async fn every_role_may_log_in() {
    let database = test_database::create().await;
    for role in test_database::ROLES {
        let pool = database.pool(role).await;
        let user: String = sqlx::query_scalar("select current_user::text")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(user, role);
    }
}

#[tokio::test]
async fn many_tests_may_ask_at_once() {
    let asked: Vec<_> = (0..12).map(|_| tokio::spawn(test_database::create())).collect();
    for database in asked {
        let database = database.await.unwrap();
        assert!(tables(&database.pool(OWNER).await).await > 0);
    }
}

#[tokio::test]
async fn a_dropped_database_is_gone_even_with_open_connections() {
    let watcher = test_database::create().await.pool(OWNER).await;
    let database = test_database::create().await;
    let name = database.name().to_owned();
    let _open = database.pool(OWNER).await;
    drop(database);
    // The database of `watcher` was dropped too, at the end of its statement; ask a living one.
    drop(watcher);
    let living = test_database::create().await;
    let pool = living.pool(OWNER).await;
    let gone = async {
        let exists = "select exists (select from pg_database where datname = $1)";
        while sqlx::query_scalar(exists)
            .bind(&name)
            .fetch_one(&pool)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), gone)
        .await
        .unwrap();
}

#[tokio::test]
async fn psql_reaches_the_database() {
    let database = test_database::create().await;
    let output = Command::new("psql")
        .args(["-XAtc", "select current_database()"])
        .envs(database.psql_env())
        .output()
        .expect("psql comes with the server");
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), database.name());
}

#[tokio::test]
async fn a_cluster_keeps_what_was_committed_before_a_crash() {
    let mut cluster = test_database::create_cluster().await;
    let pool = cluster.pool(OWNER).await;
    let durable: String = sqlx::query_scalar("select current_setting('fsync')")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(durable, "on");
    assert!(tables(&pool).await > 0);
    sqlx::raw_sql("create table notes (text text); insert into notes values ('kept')")
        .execute(&pool)
        .await
        .unwrap();
    cluster.restart_immediately().await;
    let kept: String = sqlx::query_scalar("select text from notes")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(kept, "kept");
    let files = cluster.data_dir().to_path_buf();
    assert!(files.join("pg_wal").is_dir());
    drop(cluster);
    assert!(!files.exists());
}
