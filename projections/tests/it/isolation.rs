//! Who may read what: one organisation's rows, through policies that no query can forget.

use event_log::Position;
use projections::bot::BotFilter;
use projections::conversation::ConversationFilter;
use projections::run::RunFilter;
use projections::session::SessionFilter;
use projections::{Page, list};
use sqlx::Row;

use crate::fixture::Fixture;
use crate::history::Cast;

const TABLES: [&str; 9] = [
    "read_bot_a.bots",
    "read_conversation_a.conversations",
    "read_conversation_a.notes",
    "read_conversation_a.turns",
    "read_file_a.files",
    "read_organisation_a.organisations",
    "read_run_a.runs",
    "read_session_a.sessions",
    "read_user_a.users",
];

#[tokio::test]
async fn a_reader_sees_its_organisation_and_no_other() {
    let fixture = Fixture::new().await;
    let (ours, theirs) = (Cast::new(), Cast::new());
    fixture.told(&ours).await;
    fixture.told(&theirs).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(ours.tenant).await;
    let page = Page::default();
    let organisations = reads.organisations(&page).await.expect("readable").rows;
    assert_eq!(
        organisations.iter().map(|row| row.id.0).collect::<Vec<_>>(),
        [ours.tenant]
    );
    let bots = reads
        .bots(&page, &BotFilter::default())
        .await
        .expect("readable")
        .rows;
    assert_eq!(bots.iter().map(|row| row.id).collect::<Vec<_>>(), [ours.bot]);
    let sessions = reads
        .sessions(&page, &SessionFilter::default())
        .await
        .expect("readable")
        .rows;
    assert_eq!(
        sessions.iter().map(|row| row.id).collect::<Vec<_>>(),
        [ours.session]
    );
    let filter = ConversationFilter::default();
    let conversations = reads.conversations(&page, &filter).await.expect("readable").rows;
    assert_eq!(
        conversations.iter().map(|row| row.id).collect::<Vec<_>>(),
        [ours.conversation]
    );
    let runs = reads
        .runs(&page, &RunFilter::default())
        .await
        .expect("readable")
        .rows;
    assert_eq!(runs.iter().map(|row| row.id.0).collect::<Vec<_>>(), [ours.run]);

    assert!(reads.bot(theirs.bot).await.expect("readable").is_none());
    assert!(reads.session(theirs.session).await.expect("readable").is_none());
    assert!(
        reads
            .conversation(theirs.conversation)
            .await
            .expect("readable")
            .is_none()
    );
    assert!(reads.run(theirs.run.into()).await.expect("readable").is_none());
    assert!(
        reads
            .turns(theirs.conversation, &page)
            .await
            .expect("readable")
            .rows
            .is_empty()
    );
    assert!(
        reads
            .session_turns_after(theirs.session, Position(0), 10)
            .await
            .expect("readable")
            .is_empty()
    );
    assert_eq!(reads.bot_count(&BotFilter::default()).await.expect("readable"), 1);
}

#[tokio::test]
async fn without_an_organisation_nothing_is_seen_and_nobody_else_writes() {
    let fixture = Fixture::new().await;
    fixture.told(&Cast::new()).await;
    fixture.catch_up(&Fixture::options()).await;
    let app = fixture.database.pool("botserver_app").await;
    let log = fixture.database.pool("botserver_log").await;
    for table in TABLES {
        let count = format!("select count(*) from {table}");
        let seen: i64 = sqlx::query_scalar(&count)
            .fetch_one(&app)
            .await
            .expect("it may ask");
        assert_eq!(seen, 0, "{table}");
        let all: i64 = sqlx::query_scalar(&count)
            .fetch_one(&fixture.projector)
            .await
            .expect("it may ask");
        assert!(all > 0, "{table}");
        assert!(sqlx::query(&count).fetch_one(&log).await.is_err(), "{table}");
        let delete = format!("delete from {table}");
        assert!(sqlx::query(&delete).execute(&app).await.is_err(), "{table}");
    }
    let moved = sqlx::query("update read.shares set position = 0")
        .execute(&app)
        .await;
    assert!(moved.is_err());
    assert_eq!(list(&app, Position(0)).await.expect("it may ask").len(), 7);
}

/// Of the catalogue, so that a table of tomorrow is held to it as well.
#[tokio::test]
async fn every_read_table_is_of_a_tenant_and_forces_its_policies() {
    let fixture = Fixture::new().await;
    let owner = fixture.database.pool("botserver_owner").await;
    let rows = sqlx::query(
        "select c.relname::text as name, n.nspname || '.' || c.relname as full_name,
                c.relrowsecurity and c.relforcerowsecurity as forced,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
                          and a.attnotnull and not a.attisdropped) as tenanted,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'position'
                          and a.attnotnull and not a.attisdropped) as placed,
                (select array_agg(p.polname::text order by p.polname) from pg_policy p where p.polrelid = c.oid)
                  as policies
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where (n.nspname like 'read\\_%' or n.nspname = 'read') and c.relkind in ('r', 'p')
           and not (n.nspname = 'read' and c.relname in ('shares', 'slots', 'members', 'certificates'))
         order by 2",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalogue can be read");
    let names: Vec<String> = rows.iter().map(|row| row.get("full_name")).collect();
    assert!(
        TABLES.iter().all(|table| names.iter().any(|name| name == table)),
        "{names:?}"
    );
    for row in &rows {
        let name: String = row.get("name");
        assert!(
            row.get::<bool, _>("forced") && row.get("tenanted") && row.get("placed"),
            "{name}"
        );
        let expected = [format!("{name}_app"), format!("{name}_projector")];
        assert_eq!(row.get::<Vec<String>, _>("policies"), expected);
    }
}

/// Columns, constraints, indexes, policies and rights, as the catalogue writes them down.
#[tokio::test]
async fn both_slots_of_a_read_model_are_made_alike() {
    let fixture = Fixture::new().await;
    let owner = fixture.database.pool("botserver_owner").await;
    let written = |slot: &'static str| {
        let statement = format!(
            "with t as (select c.oid, n.nspname || '.' as schema, n.nspname as full_schema, c.relname, c.relacl
                          from pg_class c join pg_namespace n on n.oid = c.relnamespace
                         where n.nspname like 'read\\_%\\_{slot}' and c.relkind = 'r')
             select replace(replace(line, schema, ''), full_schema, '') from (
               select schema, full_schema, concat_ws(' ', relname, a.attname, a.attnum, format_type(a.atttypid, a.atttypmod),
                                        a.attnotnull, pg_get_expr(d.adbin, d.adrelid)) as line
                 from t join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
                 left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
               union all
               select schema, full_schema, concat_ws(' ', relname, k.conname, pg_get_constraintdef(k.oid))
                 from t join pg_constraint k on k.conrelid = t.oid
               union all
               select schema, full_schema, pg_get_indexdef(i.indexrelid) from t join pg_index i on i.indrelid = t.oid
               union all
               select schema, full_schema, concat_ws(' ', p.polname, pg_get_expr(p.polqual, p.polrelid),
                                        pg_get_expr(p.polwithcheck, p.polrelid), p.polcmd, p.polroles::regrole[]::text)
                 from t join pg_policy p on p.polrelid = t.oid
               union all
               select schema, full_schema, concat_ws(' ', relname, relacl::text) from t
             ) lines order by 1"
        );
        let owner = owner.clone();
        async move {
            sqlx::query_scalar::<_, String>(&statement)
                .fetch_all(&owner)
                .await
                .expect("the catalogue can be read")
        }
    };
    let (a, b) = (written("a").await, written("b").await);
    assert!(a.len() > 100, "{a:?}");
    assert_eq!(a, b);
    // And again after a migration, and after one was emptied and given its indexes back.
    fixture
        .as_owner(
            "select read.in_slots('conversation', 'alter table turns add column heard boolean not null default false;
                                                   create index turns_heard on turns (tenant_id) where heard')",
        )
        .await;
    let (a, b) = (written("a").await, written("b").await);
    assert!(
        a == b && a.iter().any(|line| line.contains("turns_heard")),
        "{a:?}"
    );
    fixture.told(&Cast::new()).await;
    fixture.catch_up(&Fixture::options()).await;
    fixture.assert_rebuilds_alike().await;
    assert_eq!((written("a").await, written("b").await), (a, b));
}
