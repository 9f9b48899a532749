//! Pages: forwards and backwards over rows with equal moments, each row once.

use std::collections::BTreeSet;

use projections::conversation::{ConversationFilter, ConversationRow};
use projections::{Keyset, Page, ReadError, Reads, Slice};
use uuid::Uuid;

use crate::fixture::Fixture;
use crate::history::Cast;

const ROWS: usize = 250;

/// 250 conversations, of which dozens started at the same moment.
async fn filled() -> (Fixture, Uuid) {
    let fixture = Fixture::new().await;
    let tenant = Uuid::now_v7();
    sqlx::query(
        "insert into read_conversation_a.conversations (id, tenant_id, session_id, bot_id, user_id, state, started_at,
                                         active_at, turn_count, reply_count, position)
         select gen_random_uuid(), $1, $1, $1, $1, 'open', timestamptz '2026-01-01' + n % 7 * interval '1 s',
                now(), 0, 0, n
         from generate_series(1, $2) n",
    )
    .bind(tenant)
    .bind(i64::try_from(ROWS).expect("small"))
    .execute(&fixture.projector)
    .await
    .expect("rows");
    (fixture, tenant)
}

async fn page(reads: &Reads, page: Page) -> Slice<ConversationRow> {
    reads
        .conversations(&page, &ConversationFilter::default())
        .await
        .expect("readable")
}

#[tokio::test]
async fn pages_forwards_and_backwards_show_each_row_once_in_one_order() {
    let (fixture, tenant) = filled().await;
    let reads = fixture.reads(tenant).await;
    for size in [1_i32, 7, 33, 100] {
        let (mut forwards, mut after) = (Vec::new(), None);
        loop {
            let slice = page(&reads, Page::first(size, after.clone()).expect("a page")).await;
            assert_eq!(slice.has_previous, after.is_some());
            after = slice.rows.last().map(Keyset::cursor);
            forwards.extend(slice.rows);
            if !slice.has_next {
                break;
            }
        }
        let (mut backwards, mut before) = (Vec::new(), None);
        loop {
            let mut slice = page(&reads, Page::last(size, before.clone()).expect("a page")).await;
            assert_eq!(slice.has_next, before.is_some());
            before = slice.rows.first().map(Keyset::cursor);
            slice.rows.extend(backwards);
            backwards = slice.rows;
            if !slice.has_previous {
                break;
            }
        }
        assert_eq!(forwards, backwards);
        assert!(forwards.is_sorted_by_key(|row| std::cmp::Reverse((row.started_at, row.id))));
        assert_eq!(
            forwards.iter().map(|row| row.id).collect::<BTreeSet<_>>().len(),
            ROWS
        );
    }
}

#[tokio::test]
async fn a_page_lies_between_its_cursors() {
    let (fixture, tenant) = filled().await;
    let reads = fixture.reads(tenant).await;
    let all = page(&reads, Page::first(100, None).expect("a page")).await.rows;
    let (after, before) = (all[10].cursor(), all[20].cursor());
    let between = Page::new(Some(50), None, Some(after), Some(before)).expect("a page");
    let slice = page(&reads, between).await;
    assert_eq!(slice.rows, all[11..20]);
    assert!(slice.has_next && slice.has_previous);
    let none = page(&reads, Page::first(0, None).expect("a page")).await;
    assert!(none.rows.is_empty() && none.has_next);
    assert_eq!(
        reads
            .conversation_count(&ConversationFilter::default())
            .await
            .expect("readable"),
        250
    );
}

#[tokio::test]
async fn a_malformed_cursor_is_an_error_and_spoils_nothing() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;
    let turns = reads
        .turns(cast.conversation, &Page::default())
        .await
        .expect("readable")
        .rows;
    for cursor in ["", "nonsense", "' or true --", &turns[0].cursor()] {
        let page = Page::first(5, Some(cursor.to_owned())).expect("a page");
        let answer = reads.conversations(&page, &ConversationFilter::default()).await;
        assert!(matches!(answer, Err(ReadError::Cursor)), "{cursor}");
    }
    let second = Page::first(1, Some(turns[0].cursor())).expect("a page");
    assert_eq!(
        reads
            .turns(cast.conversation, &second)
            .await
            .expect("readable")
            .rows,
        turns[1..2]
    );
}
