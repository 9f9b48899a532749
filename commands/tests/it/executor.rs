//! Carrying decisions to the log: races, repetitions, memory that is behind.

use commands::{BotCommand, CommandError, Executor, NewToken, RefusalKind};
use domain::Permission;
use domain::bot::Bot;
use domain::conversation::{ConversationEnd, ConversationEvent};
use serde_json::json;
use uuid::Uuid;

use crate::observing::Fact;
use crate::world::{World, at_once, message, minute, refusal, say, start_of_day, version_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_thirty_two_bots_gets_the_name() {
    let world = World::new().await;
    let processes = [world.process().await, world.process().await];
    let created = at_once(32, |number| {
        let (process, context) = (processes[number % 2].clone(), world.context());
        async move { process.create_bot(&context, "Shop").await }
    })
    .await;
    let (good, bad): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
    let [Ok(winner)] = &good[..] else {
        panic!("{good:?}");
    };
    assert_eq!(bad.len(), 31);
    for refused in bad {
        assert!(
            matches!(&refused, Err(CommandError::Taken { kind }) if kind == "bot_name"),
            "{refused:?}"
        );
    }
    let owner = processes[0]
        .bot_named(world.tenant, "SHOP")
        .await
        .expect("readable");
    assert_eq!(owner, Some(winner.bot_id));
    assert_eq!(world.count("select count(*) from log.events").await, 1);
}

#[tokio::test]
async fn a_retired_bots_name_is_free_again() {
    let world = World::new().await;
    let process = world.process().await;
    let first = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    process
        .retire_bot(&world.context(), first)
        .await
        .expect("retired");
    let second = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free again");
    assert_ne!(second.bot_id, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_sent_sixteen_times_is_carried_out_once() {
    let world = World::new().await;
    let executors = [Executor::new(world.log()), Executor::new(world.log())];
    let bot = Uuid::now_v7();
    let answers = at_once(16, |number| {
        let (executor, context) = (executors[number % 2].clone(), world.numbered(1, 1));
        let command = BotCommand::Create {
            name: "shop".to_owned(),
        };
        async move {
            executor
                .execute::<Bot>(&context, bot, command, json!({ "answer": 42 }))
                .await
        }
    })
    .await;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.expect("carried out"))
        .collect();
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    for answer in &answers {
        assert_eq!(answer.answer, json!({ "answer": 42 }));
        assert_eq!(answer.token, answers[0].token);
        assert_eq!(answer.events.is_empty(), answer.repeated);
    }
    assert_eq!(version_of::<Bot>(&world, bot).await, 1);
}

#[tokio::test]
async fn an_id_stands_for_one_command_only() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.numbered(1, 1), "shop")
        .await
        .expect("free")
        .bot_id;
    // The same bot again is refused by itself, another bot is not: neither hides the mismatch.
    let again = process.create_bot(&world.numbered(1, 2), "other").await;
    assert!(matches!(again, Err(CommandError::Mismatch)), "{again:?}");
    let other = process.pause_bot(&world.numbered(1, 2), bot).await;
    assert!(matches!(other, Err(CommandError::Mismatch)), "{other:?}");
    assert_eq!(version_of::<Bot>(&world, bot.0).await, 1);
}

#[tokio::test]
async fn a_repetition_that_would_be_refused_now_is_answered_as_the_first_time() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    let bot = here
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let first = here.pause_bot(&world.numbered(1, 1), bot).await.expect("paused");
    here.retire_bot(&world.context(), bot).await.expect("retired");
    for process in [&here, &there] {
        let again = process
            .pause_bot(&world.numbered(1, 1), bot)
            .await
            .expect("it was done");
        assert!(again.repeated);
        assert_eq!(again.token, first.token);
    }
    let other = here.pause_bot(&world.numbered(1, 2), bot).await;
    assert!(matches!(other, Err(CommandError::Mismatch)), "{other:?}");
}

#[tokio::test]
async fn a_command_that_changed_nothing_changes_nothing_when_it_is_repeated() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let context = world.context();
    let resume = || process.resume_bot(&context, bot);
    let numbered = process
        .resume_bot(&world.numbered(1, 1), bot)
        .await
        .expect("active as it is");
    assert!(!numbered.repeated);
    assert!(resume().await.expect("active as it is").token.is_none());
    process.pause_bot(&world.context(), bot).await.expect("paused");
    let again = process
        .resume_bot(&world.numbered(1, 1), bot)
        .await
        .expect("it was done");
    assert!(again.repeated);
    let state = process
        .executor()
        .load_fresh::<Bot>(world.tenant, bot)
        .await
        .expect("readable")
        .state;
    assert!(matches!(state, Bot::Paused(_)), "{state:?}");
}

#[tokio::test]
async fn what_a_command_makes_is_named_after_it() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let (starting, issuing) = (world.numbered(1, 1), world.numbered(3, 1));
    let start = || process.start_session(&starting, bot, start_of_day());
    let first = start().await.expect("started");
    assert!(first.credential.is_some() && !first.done.repeated);
    process.pause_bot(&world.context(), bot).await.expect("paused");
    let again = start().await.expect("it was started");
    assert_eq!(
        (again.session_id, again.user_id),
        (first.session_id, first.user_id)
    );
    assert!(again.done.repeated && again.credential.is_none());
    assert_eq!(again.done.token, first.done.token);
    let other = process
        .start_session(&world.numbered(2, 1), bot, start_of_day())
        .await;
    assert_eq!(refusal(other), "bot_paused");

    let new = || NewToken {
        name: "ci".to_owned(),
        permissions: [Permission::BotRead].into(),
        expires_at: None,
    };
    let issue = || process.issue_token(&issuing, new(), start_of_day());
    let (first, again) = (issue().await.expect("issued"), issue().await.expect("issued"));
    assert_eq!(first.token_id, again.token_id);
    assert!(again.text.is_none());
    let text = first.text.expect("it is new");
    process
        .authenticate_token(&text, minute(0))
        .await
        .expect("the first secret is the one");
    process
        .revoke_token(&world.context(), first.token_id)
        .await
        .expect("revoked");
    let gone = process.authenticate_token(&text, minute(0)).await;
    assert!(matches!(gone, Err(CommandError::Unauthenticated)), "{gone:?}");
}

#[tokio::test]
async fn a_session_that_ends_under_an_id_takes_its_conversation_along() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "hello").await;
    let first = process
        .end_session(&world.numbered(1, 1), visitor.session_id)
        .await
        .expect("ended");
    assert!(!first.repeated);
    let ends = world.facts().await;
    let ends: Vec<_> = ends
        .iter()
        .filter(|fact| {
            matches!(
                fact,
                Fact::Conversation(
                    _,
                    ConversationEvent::Ended {
                        reason: ConversationEnd::SessionEnded,
                        ..
                    }
                )
            )
        })
        .collect();
    assert_eq!(ends.len(), 1);
    let again = process
        .end_session(&world.numbered(1, 1), visitor.session_id)
        .await
        .expect("it was ended");
    assert!(again.repeated);
    let late = process
        .post_turn(&world.context(), visitor.session_id, message("hello?"), minute(1))
        .await;
    assert_eq!(refusal(late), "session_ended");
}

#[tokio::test]
async fn another_organisation_finds_nothing() {
    let world = World::new().await;
    let process = world.process().await;
    let bot = process
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let stranger = commands::Context::system(domain::OrganisationId(Uuid::now_v7()), "test");
    let paused = process.pause_bot(&stranger, bot).await;
    assert!(
        matches!(
            &paused,
            Err(CommandError::Refused {
                kind: RefusalKind::NotFound,
                ..
            })
        ),
        "{paused:?}"
    );
    let fresh = Executor::new(world.log());
    let created = fresh.load::<Bot>(stranger.tenant, bot).await.expect("readable");
    assert_eq!((created.version, created.state), (0, Bot::Absent));
    process
        .create_bot(&stranger, "shop")
        .await
        .expect("names are free in every organisation");
}
