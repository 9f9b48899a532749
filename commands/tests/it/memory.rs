//! Memory that is behind: it decides, but nobody is told anything that the log does not confirm.

use commands::{CommandError, Executor, NewToken, UserCommand};
use domain::bot::Bot;
use domain::user::{User, UserEvent};
use domain::{Permission, UserId};
use serde_json::Value;
use uuid::Uuid;

use crate::world::{World, at_once, message, minute, refusal, say, start_of_day, version_of};

#[tokio::test]
async fn nothing_to_do_from_memory_is_confirmed() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    let bot = here
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    there.bot(world.tenant, bot).await.expect("remembered as active");
    here.pause_bot(&world.context(), bot).await.expect("paused");
    let resumed = there.resume_bot(&world.context(), bot).await.expect("resumed");
    assert!(
        resumed.token.is_some(),
        "the bot was paused, so there was something to do"
    );
    assert_eq!(version_of::<Bot>(&world, bot.0).await, 3);
}

#[tokio::test]
async fn a_refusal_from_memory_is_confirmed() {
    let world = World::new().await;
    let (here, there) = (Executor::new(world.log()), Executor::new(world.log()));
    let user = UserId(Uuid::now_v7());
    let name = |name: &str| name.to_owned();
    let context = world.context();
    here.execute::<User>(&context, user, UserCommand::Admit, Value::Null)
        .await
        .expect("admitted");
    there
        .load::<User>(world.tenant, user)
        .await
        .expect("remembered as a visitor");
    let register = UserCommand::Register {
        user,
        login: name("ann"),
        name: name("Ann"),
    };
    here.execute::<User>(&context, user, register, Value::Null)
        .await
        .expect("registered");
    let rename = UserCommand::Rename {
        user,
        name: name("Anna"),
    };
    let renamed = there
        .execute::<User>(&context, user, rename, Value::Null)
        .await
        .expect("a member by now");
    assert!(matches!(renamed.events[..], [UserEvent::Renamed { .. }]));
}

#[tokio::test]
async fn a_decision_from_memory_that_is_behind_is_made_again() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    let bot = here
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    there.bot(world.tenant, bot).await.expect("remembered as active");
    here.retire_bot(&world.context(), bot).await.expect("retired");
    assert_eq!(
        refusal(there.pause_bot(&world.context(), bot).await),
        "bot_retired"
    );
}

#[tokio::test]
async fn a_bot_that_was_resumed_elsewhere_takes_visitors_here() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    let bot = here
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let visitor = world.visitor(&here, bot).await;
    here.pause_bot(&world.context(), bot).await.expect("paused");
    there.bot(world.tenant, bot).await.expect("remembered as paused");
    here.resume_bot(&world.context(), bot).await.expect("resumed");
    world.visitor(&there, bot).await;
    here.pause_bot(&world.context(), bot).await.expect("paused");
    there
        .executor()
        .load_fresh::<Bot>(world.tenant, bot)
        .await
        .expect("remembered as paused");
    here.resume_bot(&world.context(), bot).await.expect("resumed");
    say(&there, &visitor, "hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_changes_of_one_bot_do_not_lose_each_other() {
    let world = World::new().await;
    let processes = [world.process().await, world.process().await];
    let bot = processes[0]
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let done = at_once(12, |number| {
        let (process, context) = (processes[number % 2].clone(), world.context());
        async move {
            match number % 4 {
                0 | 3 => process.pause_bot(&context, bot).await,
                _ => process.resume_bot(&context, bot).await,
            }
        }
    })
    .await;
    let stored = done
        .into_iter()
        .filter(|done| match done {
            Ok(done) => done.token.is_some(),
            Err(CommandError::Contended) => false,
            Err(error) => panic!("{error}"),
        })
        .count();
    assert_eq!(version_of::<Bot>(&world, bot.0).await, 1 + stored as i64);
}

#[tokio::test]
async fn a_token_that_was_revoked_elsewhere_opens_nothing_here() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    world.recover(&here).await;
    let new = NewToken {
        name: "ci".to_owned(),
        permissions: [Permission::BotRead].into(),
        expires_at: None,
    };
    let issued = here
        .issue_token(&world.context(), new, start_of_day())
        .await
        .expect("issued");
    let text = issued.text.expect("it is new");
    here.authenticate_token(&text, minute(0)).await.expect("good");
    there
        .revoke_token(&world.context(), issued.token_id)
        .await
        .expect("revoked");
    let refused = world
        .eventually(async || here.authenticate_token(&text, minute(0)).await.err())
        .await;
    assert!(
        matches!(refused, Some(CommandError::Unauthenticated)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_bot_that_was_paused_elsewhere_takes_no_turns_here() {
    let world = World::new().await;
    let (here, there) = (world.process().await, world.process().await);
    world.recover(&here).await;
    let bot = here
        .create_bot(&world.context(), "shop")
        .await
        .expect("free")
        .bot_id;
    let visitor = world.visitor(&here, bot).await;
    there.pause_bot(&world.context(), bot).await.expect("paused");
    let refused = world
        .eventually(async || {
            let sent = here.receive_turn(&visitor, message("hello"), minute(0)).await;
            sent.is_err().then_some(sent)
        })
        .await;
    assert_eq!(refusal(refused.expect("it is told")), "bot_paused");
}
