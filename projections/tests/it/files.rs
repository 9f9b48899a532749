//! Files: what turns show of them, and what is asked of those that wait for a turn.

use chrono::{TimeDelta, Utc};
use domain::FileId;
use domain::Personal;
use domain::file::FileEvent;
use projections::Page;
use projections::conversation::Said;
use uuid::Uuid;

use crate::fixture::Fixture;
use crate::history::Cast;

#[tokio::test]
async fn a_turn_shows_what_was_attached_until_its_author_is_erased() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    let files = async || {
        let reads = fixture.reads(cast.tenant).await;
        let turns = reads.turns(cast.conversation, &Page::default()).await;
        let shown = turns
            .expect("readable")
            .rows
            .into_iter()
            .filter_map(|turn| match turn.said {
                Said::ByVisitor { files, .. } => Some(files.expect("something was attached")),
                Said::ByBot { .. } => None,
            });
        shown.collect::<Vec<_>>()
    };
    let shown = files().await;
    let clear = shown[0].clear().expect("in the clear");
    assert_eq!(clear[0].file_id, cast.file);
    assert_eq!(clear[0].name, "my secret list.txt");
    for statement in [
        "select name::text from read_file_a.files",
        "select files::text from read_conversation_a.turns where files is not null",
    ] {
        let stored: String = sqlx::query_scalar(statement)
            .fetch_one(&fixture.projector)
            .await
            .expect("a row");
        assert!(!stored.contains("secret"), "{stored}");
    }
    fixture
        .keyring
        .erase_subject(cast.tenant, cast.user.0)
        .await
        .expect("erased");
    assert!(matches!(files().await[..], [Personal::Erased { .. }]));
}

#[tokio::test]
async fn what_waits_for_a_turn_is_found_and_what_a_session_holds_is_counted() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    let other = Cast {
        file: FileId(Uuid::now_v7()),
        ..cast
    };
    fixture.file(&other, &[other.uploaded()]).await;
    fixture.catch_up(&Fixture::options()).await;
    let later = Utc::now() + TimeDelta::minutes(1);
    let reads = fixture.reads(cast.tenant).await;
    assert_eq!(
        reads.unsent_files(later, 10).await.expect("readable"),
        [other.file]
    );
    let before = Utc::now() - TimeDelta::minutes(1);
    assert!(reads.unsent_files(before, 10).await.expect("readable").is_empty());
    assert_eq!(
        reads.session_file_bytes(cast.session).await.expect("readable"),
        10
    );
    drop(reads);
    let session_id = cast.session;
    fixture.file(&other, &[FileEvent::Discarded { session_id }]).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;
    assert!(reads.unsent_files(later, 10).await.expect("readable").is_empty());
    assert_eq!(reads.session_file_bytes(cast.session).await.expect("readable"), 5);
    let unknown = FileId(Uuid::now_v7());
    let kept = reads.kept_files(&[cast.file, other.file, unknown]).await;
    assert_eq!(
        kept.expect("readable").into_iter().collect::<Vec<_>>(),
        [cast.file]
    );
}
