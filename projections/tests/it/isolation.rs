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

const TABLES: [&str; 8] = [
    "bots",
    "conversations",
    "files",
    "organisations",
    "runs",
    "sessions",
    "turns",
    "users",
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
        let count = format!("select count(*) from read.{table}");
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
        let delete = format!("delete from read.{table}");
        assert!(sqlx::query(&delete).execute(&app).await.is_err(), "{table}");
    }
    let moved = sqlx::query("update read.checkpoints set position = 0")
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
        "select c.relname::text as name, c.relrowsecurity and c.relforcerowsecurity as forced,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id'
                          and a.attnotnull and not a.attisdropped) as tenanted,
                exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'position'
                          and a.attnotnull and not a.attisdropped) as placed,
                (select array_agg(p.polname::text order by p.polname) from pg_policy p where p.polrelid = c.oid)
                  as policies
         from pg_class c where c.relnamespace = 'read'::regnamespace and c.relkind in ('r', 'p')
           and c.relname <> 'checkpoints' order by c.relname",
    )
    .fetch_all(&owner)
    .await
    .expect("the catalogue can be read");
    let names: Vec<String> = rows.iter().map(|row| row.get("name")).collect();
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
