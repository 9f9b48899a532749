//! The desk: conversations that people answer, as they are read.

use chrono::{DateTime, TimeDelta, Utc};
use domain::conversation::{
    ChangedBy, Control, ControlChange, ConversationEnd, ConversationEvent, Note, Priority, Reply,
};
use domain::{BotId, ConversationId, Personal, ReplyId};
use projections::conversation::{ConversationFilter, DeskFilter, QueueFilter, Said};
use projections::{Page, Reads};
use uuid::Uuid;

use crate::fixture::Fixture;
use crate::history::Cast;

fn minute(number: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(number)
}

fn change(cast: &Cast, control: Control, at: DateTime<Utc>) -> ControlChange {
    ControlChange {
        session_id: cast.session,
        control,
        by: ChangedBy::Server,
        attendant: Some(Personal::conversation(cast.user, "Ana".to_owned())),
        reason: Some(Personal::conversation(cast.user, "a refund".to_owned())),
        department: Some("sales".to_owned()),
        priority: Priority::High,
        changed_at: at,
    }
}

fn changed(cast: &Cast, control: Control, at: DateTime<Utc>) -> ConversationEvent {
    ConversationEvent::ControlChanged(change(cast, control, at))
}

fn clear(text: &Option<Personal<String>>) -> Option<&str> {
    text.as_ref()?.clear().map(String::as_str)
}

fn at_desk(bot: BotId) -> DeskFilter {
    DeskFilter {
        bot_id: bot,
        control: None,
        assigned: None,
        department: None,
    }
}

async fn queue(reads: &Reads, page: &Page, department: Option<&str>) -> Vec<ConversationId> {
    let filter = QueueFilter {
        department: department.map(str::to_owned),
        ..QueueFilter::default()
    };
    let found = reads.queue(page, &filter).await.expect("it is readable");
    found.rows.iter().map(|row| row.0.id).collect()
}

#[tokio::test]
async fn a_conversation_is_read_with_who_answers_and_what_is_known_of_it() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.conversation_started(&cast).await;
    let reply = Reply {
        reply_id: ReplyId(Uuid::from_u128(77)),
        attendant: Some(Personal::conversation(cast.user, "Ana".to_owned())),
        ..cast.reply(None, "I am here")
    };
    let note = |text: &str| {
        ConversationEvent::Noted(Note {
            session_id: cast.session,
            by: ChangedBy::Server,
            text: Personal::conversation(cast.user, text.to_owned()),
            noted_at: minute(3),
        })
    };
    let tagged = |tag: &str| ConversationEvent::Tagged {
        session_id: cast.session,
        tag: tag.to_owned(),
        by: ChangedBy::Server,
    };
    let events = [
        changed(&cast, Control::Human, minute(1)),
        ConversationEvent::ReplyProduced(reply),
        tagged("refund"),
        tagged("berth"),
        tagged("refund"),
        note("called"),
        note("called back"),
    ];
    fixture.conversation(&cast, &events).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;
    let row = reads
        .conversation(cast.conversation)
        .await
        .expect("readable")
        .expect("there");
    assert_eq!((row.control, row.control_since), (Control::Human, minute(1)));
    assert_eq!(
        (clear(&row.attendant), clear(&row.reason)),
        (Some("Ana"), Some("a refund"))
    );
    assert_eq!(
        (row.department.as_deref(), row.priority),
        (Some("sales"), Priority::High)
    );
    assert_eq!(row.tags, ["berth", "refund"]);
    let notes = reads
        .notes_by_ids(&[cast.conversation])
        .await
        .expect("readable")
        .remove(&cast.conversation)
        .unwrap_or_default();
    let notes: Vec<_> = notes.iter().map(|note| note.text.clear().cloned()).collect();
    assert_eq!(notes, [Some("called".to_owned()), Some("called back".to_owned())]);
    let turns = reads
        .turns(cast.conversation, &Page::default())
        .await
        .expect("readable");
    let Said::ByBot { attendant, .. } = &turns.rows[0].said else {
        panic!("{turns:?}");
    };
    assert_eq!(clear(attendant), Some("Ana"));
    let desk = reads.desk(&at_desk(cast.bot), 10).await.expect("readable");
    assert_eq!(desk.len(), 1);
    assert_eq!(queue(&reads, &Page::default(), None).await, []);
    let open = reads.open_conversation(cast.session).await.expect("readable");
    assert_eq!(open.map(|row| row.id), Some(cast.conversation));
    let filter = ConversationFilter {
        control: Some(Control::Human),
        ..ConversationFilter::default()
    };
    assert_eq!(reads.conversation_count(&filter).await.expect("readable"), 1);
    drop(reads);
    // A batch of its own: what was remarked before is not written again.
    let ended = ConversationEvent::Ended {
        session_id: cast.session,
        reason: ConversationEnd::Requested,
    };
    fixture.conversation(&cast, &[note("over"), ended]).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;
    let notes = reads.notes_by_ids(&[cast.conversation]).await.expect("readable");
    assert_eq!(notes[&cast.conversation].len(), 3);
    // Nobody answers in it any more.
    assert_eq!(reads.conversation_count(&filter).await.expect("readable"), 0);
    drop(reads);
    fixture.assert_rebuilds_alike().await;
}

#[tokio::test]
async fn the_queue_is_read_in_pages_longest_first() {
    let fixture = Fixture::new().await;
    let first = Cast::new();
    let mut waiting = Vec::new();
    for (number, since) in [(1_u128, 3), (2, 1), (3, 2)] {
        let cast = Cast {
            tenant: first.tenant,
            conversation: ConversationId(Uuid::from_u128(number)),
            ..Cast::new()
        };
        fixture.conversation_started(&cast).await;
        fixture
            .conversation(&cast, &[changed(&cast, Control::WaitingForHuman, minute(since))])
            .await;
        waiting.push(cast.conversation);
    }
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(first.tenant).await;
    let all = Page::default();
    let expected = [waiting[1], waiting[2], waiting[0]];
    assert_eq!(queue(&reads, &all, None).await, expected);
    assert_eq!(queue(&reads, &all, Some("sales")).await, expected);
    assert_eq!(queue(&reads, &all, Some("support")).await, []);
    let page = Page::first(2, None).expect("a page");
    let start = reads
        .queue(&page, &QueueFilter::default())
        .await
        .expect("readable");
    assert!(start.has_next);
    let after = projections::Keyset::cursor(&start.rows[1]);
    let rest = Page::first(2, Some(after)).expect("a page");
    assert_eq!(queue(&reads, &rest, None).await, [waiting[0]]);
    assert_eq!(
        reads
            .queue_count(&QueueFilter::default())
            .await
            .expect("readable"),
        3
    );
    // A cursor of the one list is none of the other.
    let other = reads.conversations(&rest, &ConversationFilter::default()).await;
    assert!(other.is_err());
}

#[tokio::test]
async fn a_desk_tells_what_is_asked_for_and_the_most_urgent_first() {
    let fixture = Fixture::new().await;
    let first = Cast::new();
    let given = |priority, attendant: Option<&str>, since| ControlChange {
        attendant: attendant.map(|name| Personal::conversation(first.user, name.to_owned())),
        priority,
        ..change(&first, Control::WaitingForHuman, minute(since))
    };
    let mut at = Vec::new();
    for (number, event) in [
        // Long left to itself by whoever answers: it is in nobody's way.
        (1_u128, change(&first, Control::Human, minute(0))),
        (2, given(Priority::Normal, None, 1)),
        (3, given(Priority::Urgent, None, 3)),
        (4, given(Priority::Urgent, Some("Ana"), 2)),
        (5, given(Priority::Normal, None, 4)),
    ] {
        let cast = Cast {
            tenant: first.tenant,
            bot: first.bot,
            user: first.user,
            conversation: ConversationId(Uuid::from_u128(number)),
            ..Cast::new()
        };
        fixture.conversation_started(&cast).await;
        fixture
            .conversation(&cast, &[ConversationEvent::ControlChanged(event)])
            .await;
        at.push(cast.conversation);
    }
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(first.tenant).await;
    let asked = async |filter: DeskFilter, limit| {
        let found = reads.desk(&filter, limit).await.expect("readable");
        found.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let waiting = DeskFilter {
        control: Some(Control::WaitingForHuman),
        assigned: Some(false),
        ..at_desk(first.bot)
    };
    assert_eq!(asked(waiting.clone(), 2).await, [at[2], at[1]]);
    assert_eq!(asked(waiting, 10).await, [at[2], at[1], at[4]]);
    let department = |name: &str| DeskFilter {
        department: Some(name.to_owned()),
        ..at_desk(first.bot)
    };
    assert_eq!(asked(department("sales"), 1).await, [at[3]]);
    assert_eq!(asked(department("support"), 10).await, []);
    let elsewhere = at_desk(BotId(Uuid::from_u128(99)));
    assert_eq!(asked(elsewhere, 10).await, []);
    for (priority, besides, count) in [
        (Priority::Low, at[0], 4),
        (Priority::Normal, at[4], 3),
        (Priority::High, at[4], 2),
        (Priority::Urgent, at[2], 1),
    ] {
        let ahead = reads.ahead(first.bot, priority, besides).await;
        assert_eq!(ahead.expect("readable"), count, "{priority:?}");
    }
}
