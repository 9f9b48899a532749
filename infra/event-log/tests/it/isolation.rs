//! Roles and tenants: who sees and changes what.

use event_log::{EventLogError, Outcome};
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::fixture::{Fixture, With, events, fixture, pool, stored, tenant, to};

fn app(f: &Fixture) -> PgPool {
    pool(&f.database, "botserver_app", 2)
}

async fn serving(pool: &PgPool, tenant: Uuid) -> Transaction<'static, Postgres> {
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

#[tokio::test]
async fn an_append_joins_the_transaction_of_its_caller() {
    let f = fixture().await;
    let app = app(&f);
    let mut kept = serving(&app, tenant(1)).await;
    let first = stored(
        f.log
            .append_in(&mut kept, to("a").id(1).with(events(2)).taking("x", "o"))
            .await
            .unwrap(),
    );
    let again = f
        .log
        .append_in(&mut kept, to("a").id(1).with(events(2)))
        .await
        .unwrap();
    assert_eq!(again, Outcome::Duplicate(first.clone()));
    let refused = f.log.append_in(&mut kept, to("a").expecting(9)).await.unwrap();
    assert_eq!(refused, Outcome::Conflict { version: 2 });
    stored(f.log.append_in(&mut kept, to("b")).await.unwrap());
    assert_eq!(
        f.count("select count(*) from log.events").await,
        0,
        "not before the caller commits"
    );
    kept.commit().await.unwrap();
    let mut dropped = serving(&app, tenant(1)).await;
    stored(f.log.append_in(&mut dropped, to("a")).await.unwrap());
    dropped.rollback().await.unwrap();
    assert_eq!(f.count("select count(*) from log.events").await, 3);
    assert_eq!(f.one(to("a").id(1)).await, Outcome::Duplicate(first));
    f.assert_sound().await;
}

#[tokio::test]
async fn a_joined_append_takes_the_tenant_of_the_transaction() {
    let f = fixture().await;
    let app = app(&f);
    let mut other = serving(&app, tenant(2)).await;
    assert!(matches!(
        f.log.append_in(&mut other, to("a")).await,
        Err(EventLogError::Invalid(_))
    ));
    drop(other);
    let mut none = app.begin().await.unwrap();
    assert!(matches!(
        f.log.append_in(&mut none, to("a")).await,
        Err(EventLogError::Invalid(_))
    ));
    // Whoever calls the function without this crate gets no further.
    let called = sqlx::query(
        "select * from log.append_joined('task', 'a', null, null, null, null, 'a', 0::smallint, '{}', '{}', 0,
           '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    )
    .execute(&mut *none)
    .await;
    assert!(called.unwrap_err().to_string().contains("no tenant is set"));
    drop(none);
    let mut direct = serving(&app, tenant(1)).await;
    let called = sqlx::query(
        "select * from log.append('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
           '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
    )
    .execute(&mut *direct)
    .await;
    assert!(called.unwrap_err().to_string().contains("permission denied"));
}

#[tokio::test]
async fn the_app_reads_its_tenants_rows_only() {
    let f = fixture().await;
    f.stored(to("a").id(1).taking("x", "o").with(events(2))).await;
    f.stored(to("b").of(tenant(2)).id(1).taking("x", "o")).await;
    f.place_all().await;
    let app = app(&f);
    for table in ["events", "heads", "receipts", "claims", "positions"] {
        let count = format!("select count(*) from log.{table}");
        let all: i64 = sqlx::query_scalar(&count).fetch_one(&f.pool).await.unwrap();
        let mut seen = 0;
        for number in [1, 2] {
            let mut transaction = serving(&app, tenant(number)).await;
            let mine: i64 = sqlx::query_scalar(&count)
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            let foreign: i64 = sqlx::query_scalar(&format!("{count} where tenant_id <> $1"))
                .bind(tenant(number))
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            assert!(mine > 0 && foreign == 0, "{table}");
            seen += mine;
        }
        assert_eq!(seen, all, "{table}");
        let nobody: i64 = sqlx::query_scalar(&count).fetch_one(&app).await.unwrap();
        assert_eq!(nobody, 0, "{table} without a tenant");
    }
}

#[tokio::test]
async fn the_app_changes_nothing_and_nobody_changes_an_event() {
    let f = fixture().await;
    f.stored(to("a").id(1).taking("x", "o")).await;
    f.place_all().await;
    let app = app(&f);
    for table in ["events", "heads", "receipts", "claims", "positions"] {
        for statement in [
            format!("insert into log.{table} default values"),
            format!("update log.{table} set tenant_id = tenant_id"),
            format!("delete from log.{table}"),
            format!("truncate log.{table}"),
        ] {
            let mut transaction = serving(&app, tenant(1)).await;
            let refused = sqlx::query(&statement)
                .execute(&mut *transaction)
                .await
                .unwrap_err();
            assert!(
                refused.to_string().contains("permission denied"),
                "{statement}: {refused}"
            );
        }
    }
    let owner = pool(&f.database, "botserver_owner", 1);
    for (role, table) in [
        (&f.pool, "events"),
        (&f.pool, "positions"),
        (&owner, "events"),
        (&owner, "positions"),
    ] {
        for statement in [
            format!("update log.{table} set slice = 0"),
            format!("delete from log.{table}"),
        ] {
            let refused = sqlx::query(&statement)
                .execute(role)
                .await
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("permission denied") || refused.contains("written once"),
                "{refused}"
            );
        }
    }
    assert!(sqlx::query("truncate log.events").execute(&owner).await.is_err());
}

#[tokio::test]
async fn every_table_with_a_tenant_is_guarded() {
    let f = fixture().await;
    let open: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c
           join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
           join pg_namespace n on n.oid = c.relnamespace and n.nspname in ('log', 'keys', 'app', 'read')
          where c.relkind in ('r', 'p')
            and not (c.relrowsecurity and c.relforcerowsecurity
                     and exists (select from pg_policy p where p.polrelid = c.oid))",
    )
    .fetch_all(&f.pool)
    .await
    .unwrap();
    assert!(
        open.is_empty(),
        "without forced row-level security and a policy: {open:?}"
    );
}

#[tokio::test]
async fn keys_are_for_their_own_role() {
    let f = fixture().await;
    for role in ["botserver_log", "botserver_app", "botserver_projector"] {
        for table in ["masters", "subject_keys", "class_keys"] {
            let refused = sqlx::query(&format!("select * from keys.{table}"))
                .execute(&pool(&f.database, role, 1))
                .await
                .unwrap_err();
            assert!(
                refused.to_string().contains("permission denied"),
                "{role} {table}"
            );
        }
    }
    let keys = pool(&f.database, "botserver_keys", 1);
    assert!(
        sqlx::query("select * from log.events")
            .execute(&keys)
            .await
            .is_err()
    );
    let special: i64 = sqlx::query_scalar(
        "select count(*) from pg_roles where rolname in ('botserver_log', 'botserver_app', 'botserver_keys',
           'botserver_projector') and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)",
    )
    .fetch_one(&keys)
    .await
    .unwrap();
    assert_eq!(special, 0);
}
