//! The runtime: rows follow the log, once, whoever runs and whatever fails.

use std::time::Duration;

use domain::Personal;
use domain::conversation::ConversationEnd;
use event_log::Position;
use projections::bot::BotState;
use projections::conversation::{ConversationState, Said};
use projections::run::{Outcome, RunState};
use projections::session::SessionState;
use projections::{NAMES, Page, WaitError, list};

use crate::fixture::{Fixture, PATIENCE};
use crate::history::{Cast, package};

const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_small_history_becomes_rows() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    let reads = fixture.reads(cast.tenant).await;

    let bot = reads.bot_by_name("shop").await.expect("readable").expect("a bot");
    assert_eq!(
        (bot.id, bot.state, bot.broken, bot.package),
        (cast.bot, BotState::Active, true, Some(package()))
    );
    let session = reads
        .session(cast.session)
        .await
        .expect("readable")
        .expect("a session");
    assert_eq!(
        (session.state, session.bot_id, session.user_id),
        (SessionState::Ended, cast.bot, cast.user)
    );
    let counts = reads
        .session_conversation_counts(&[cast.session])
        .await
        .expect("readable");
    assert_eq!(counts[&cast.session], 1);
    let conversation = reads
        .conversation(cast.conversation)
        .await
        .expect("readable")
        .expect("a conversation");
    assert_eq!(
        (conversation.state, conversation.end),
        (ConversationState::Ended, Some(ConversationEnd::Requested))
    );
    assert_eq!((conversation.turn_count, conversation.reply_count), (1, 2));
    let run = reads
        .run(cast.run.into())
        .await
        .expect("readable")
        .expect("a run");
    assert_eq!(
        (run.state, run.outcome, run.steps, run.reply_count),
        (RunState::Ended, Some(Outcome::Failed), 21, 2)
    );
    let failure = run.failure.expect("it failed");
    assert_eq!(
        (failure.code.as_str(), failure.line, failure.column),
        ("R7", 3, 9)
    );
    assert_eq!(
        failure.message.clear().map(String::as_str),
        Some("cannot divide my secret wish")
    );

    let turns = reads
        .turns(cast.conversation, &Page::default())
        .await
        .expect("readable");
    let said: Vec<&str> = turns.rows.iter().map(|turn| words(&turn.said)).collect();
    assert_eq!(said, ["Welcome", "my secret wish", "Noted"]);
    let after = reads
        .session_turns_after(cast.session, turns.rows[0].position, 10)
        .await
        .expect("readable");
    assert_eq!(after, turns.rows[1..]);
    let last = reads.session_turns_last(cast.session, 2).await.expect("readable");
    assert_eq!(last, turns.rows[1..]);
}

fn words(said: &Said) -> &str {
    match said {
        Said::ByVisitor {
            content: Some(Personal::Clear { value, .. }),
            ..
        } => value,
        Said::ByBot {
            content: Personal::Clear { value, .. },
            ..
        } => &value.text,
        _ => "(erased)",
    }
}

#[tokio::test]
async fn what_was_said_is_sealed_in_the_tables_and_erased_with_its_author() {
    let fixture = Fixture::new().await;
    let cast = Cast::new();
    fixture.told(&cast).await;
    fixture.catch_up(&Fixture::options()).await;
    for statement in [
        "select t::text from read_conversation_a.turns t",
        "select t::text from read_run_a.runs t",
    ] {
        let rows: Vec<String> = sqlx::query_scalar(statement)
            .fetch_all(&fixture.projector)
            .await
            .expect("readable");
        assert!(!rows.is_empty());
        assert!(
            rows.iter()
                .all(|row| row.contains("$sealed") && !row.contains("secret"))
        );
    }
    fixture
        .keyring
        .erase_subject(cast.tenant, cast.user.0)
        .await
        .expect("keys can be destroyed");
    let reads = fixture.reads(cast.tenant).await;
    let turns = reads
        .turns(cast.conversation, &Page::default())
        .await
        .expect("readable")
        .rows;
    assert_eq!(turns.len(), 3);
    assert!(turns.iter().all(|turn| words(&turn.said) == "(erased)"));
    let run = reads
        .run(cast.run.into())
        .await
        .expect("readable")
        .expect("a run");
    assert!(run.failure.expect("it failed").message.erased());
}

#[tokio::test]
async fn a_batch_of_any_size_gives_the_same_rows() {
    let fixture = Fixture::new().await;
    for seed in [1, 2] {
        fixture.random(seed, 40).await;
        let mut first = None;
        for batch_events in [1, 2, 3, 7, 20, 1_000] {
            fixture.forget().await;
            let options = projections::Options {
                batch_events,
                ..Fixture::options()
            };
            fixture.catch_up(&options).await;
            let digests = fixture.digests().await;
            let expected = first.get_or_insert_with(|| digests.clone());
            assert_eq!(&digests, expected, "seed {seed}, batches of {batch_events}");
        }
    }
}

#[tokio::test]
async fn a_wait_returns_once_the_rows_can_be_read_and_not_before() {
    let fixture = Fixture::new().await;
    let running = fixture.start(&Fixture::options());
    for _ in 0..20 {
        let cast = Cast::new();
        let token = fixture.organisation(&cast, "Acme").await;
        fixture.place().await;
        let projections = &running.projections;
        projections
            .wait_for_token(&fixture.log, &["organisation"], token, PATIENCE)
            .await
            .expect("in time");
        let reads = fixture.reads(cast.tenant).await;
        assert!(
            reads
                .organisation(cast.tenant.into())
                .await
                .expect("readable")
                .is_some()
        );
    }
    let unplaced = fixture.organisation(&Cast::new(), "Late").await;
    let waited = running
        .projections
        .wait_for_token(&fixture.log, NAMES, unplaced, SHORT)
        .await;
    assert!(matches!(waited, Err(WaitError::Timeout)));
    let waited = running.projections.wait_for(NAMES, Position(1_000), SHORT).await;
    assert!(matches!(waited, Err(WaitError::Timeout)));
    let waited = running.projections.wait_for(&["lamps"], Position(1), SHORT).await;
    assert!(matches!(waited, Err(WaitError::Unknown(name)) if name == "lamps"));
    running.stop().await;
}

#[tokio::test]
async fn a_database_that_refuses_everything_leaves_the_checkpoint_where_it_was() {
    let fixture = Fixture::new().await;
    let good = Cast::new();
    fixture.told(&good).await;
    fixture.catch_up(&Fixture::options()).await;
    let (rows, before) = (fixture.digests().await, fixture.place().await);
    fixture
        .as_owner("revoke insert on read_organisation_a.organisations from botserver_projector")
        .await;
    let trouble = Cast::new();
    fixture.organisation(&trouble, "Trouble").await;
    let head = fixture.place().await;
    let running = fixture.start(&Fixture::options());
    running
        .projections
        .wait_for(&["bot"], head, PATIENCE)
        .await
        .expect("the others go on");
    let waited = running.projections.wait_for(&["organisation"], head, SHORT).await;
    assert!(matches!(waited, Err(WaitError::Timeout)));
    let status = list(&fixture.projector, head).await.expect("readable").remove(0);
    assert_eq!((status.name, status.position), ("organisation", before));
    let failure = status.failure.expect("it failed");
    assert_eq!(failure.error, "the database refused the rows (42501, -)");
    assert_eq!(fixture.digests().await, rows);

    fixture
        .as_owner("grant insert on read_organisation_a.organisations to botserver_projector")
        .await;
    running
        .projections
        .wait_for(&["organisation"], head, PATIENCE)
        .await
        .expect("it goes on");
    let status = list(&fixture.projector, head).await.expect("readable").remove(0);
    assert_eq!((status.lag_events, status.failure), (0, None));
    running.stop().await;
}
