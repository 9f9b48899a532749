//! Snapshots: made aside, believed as they were written, and the same as folding all events.

use commands::Executor;
use domain::user::{User, UserEvent};
use domain::{Aggregate, Personal, UserId, encode};
use event_log::{AppendCommand, Metadata, NewEvent, Outcome, Snapshot, StreamId};
use serde_json::Value;
use uuid::Uuid;

use crate::world::World;

fn renamed(user: UserId, name: String) -> UserEvent {
    UserEvent::Renamed {
        name: Personal::identity(user, name),
    }
}

/// Appends events as they are, a few hundred at a time.
async fn store(world: &World, user: UserId, events: Vec<UserEvent>) {
    for some in events.chunks(300) {
        let events = some
            .iter()
            .map(|event| {
                let (event_type, event_version, payload) = encode(event).expect("it has a form");
                NewEvent {
                    event_type,
                    event_version,
                    payload,
                }
            })
            .collect();
        let command = AppendCommand {
            tenant: world.tenant.0,
            stream: StreamId::new(User::TYPE, user),
            expected_version: None,
            lease_epoch: None,
            command_id: None,
            digest: [0; 32],
            ordering_key: user.to_string(),
            metadata: Metadata {
                actor: "system/test".to_owned(),
                correlation_id: user.0,
                causation_id: None,
                origin: None,
            },
            events,
            claims: vec![],
            answer: Value::Null,
        };
        let outcomes = world.log().append(vec![command]).await.expect("the log answers");
        assert!(matches!(outcomes[..], [Outcome::Stored(_)]), "{outcomes:?}");
    }
}

/// A member who was renamed so often.
async fn member(world: &World, renamings: usize) -> UserId {
    let user = UserId(Uuid::now_v7());
    let registered = UserEvent::Registered {
        login: Personal::identity(user, "ada".to_owned()),
        name: Personal::identity(user, "Ada".to_owned()),
    };
    let renamings = (1..=renamings).map(|number| renamed(user, format!("Ada {number}")));
    store(
        world,
        user,
        std::iter::once(registered).chain(renamings).collect(),
    )
    .await;
    user
}

/// What a process that remembers nothing finds.
async fn loaded(world: &World, user: UserId) -> (User, i64) {
    let found = Executor::new(world.log())
        .load_fresh::<User>(world.tenant, user)
        .await
        .expect("it can be read");
    (found.state, found.version)
}

async fn until_kept(world: &World, sequence: i64) {
    let kept = "select coalesce(max(sequence), 0) from log.snapshots";
    while world.count(kept).await < sequence {}
}

async fn forget_snapshots(world: &World) {
    sqlx::query("delete from log.snapshots")
        .execute(&world.log_pool)
        .await
        .expect("it is a cache");
}

#[tokio::test]
async fn a_long_stream_is_loaded_from_its_snapshot_and_what_came_after() {
    let world = World::new().await;
    let user = member(&world, 1_199).await;
    let whole = loaded(&world, user).await;
    assert_eq!(whole.1, 1_200);
    until_kept(&world, 1_200).await;
    assert_eq!(loaded(&world, user).await, whole);
    store(
        &world,
        user,
        vec![UserEvent::Deactivated {}, renamed(user, "Lovelace".to_owned())],
    )
    .await;
    let from_snapshot = loaded(&world, user).await;
    forget_snapshots(&world).await;
    assert_eq!(from_snapshot, loaded(&world, user).await);
    let User::Member { name, active } = from_snapshot.0 else {
        panic!("a member");
    };
    assert_eq!(
        (name.clear().map(String::as_str), active),
        (Some("Lovelace"), false)
    );
}

#[tokio::test]
async fn a_command_that_passes_a_mark_has_the_state_kept() {
    let world = World::new().await;
    let process = world.process().await;
    let user = member(&world, 498).await;
    process
        .rename_user(&world.context(), user, "Five hundred".to_owned())
        .await
        .expect("a member can be renamed");
    until_kept(&world, 500).await;
    assert_eq!(loaded(&world, user).await.1, 500);
}

#[tokio::test]
async fn a_snapshot_is_believed_as_it_was_written_and_not_otherwise() {
    let world = World::new().await;
    let user = member(&world, 9).await;
    let (log, stream) = (world.log(), StreamId::new(User::TYPE, user));
    let keep = async |sequence, active| {
        let user = User::Member {
            name: Personal::Erased {
                subject: user,
                class: domain::Class::Identity,
            },
            active,
        };
        let state = serde_json::to_value(&user).expect("it has a form");
        log.keep_snapshot(world.tenant.0, &stream, User::FORM, Snapshot { sequence, state })
            .await
            .expect("it is kept")
    };
    let active = async || match loaded(&world, user).await.0 {
        User::Member { active, .. } => active,
        other => panic!("{other:?}"),
    };
    assert!(active().await);
    assert!(keep(10, false).await);
    assert!(!active().await, "the snapshot counts");
    assert!(!keep(9, true).await, "a later one stays");
    sqlx::query("update log.snapshots set state = replace(state::text, 'false', 'true')::json")
        .execute(&world.log_pool)
        .await
        .expect("whoever has the database can");
    let User::Member { name, active } = loaded(&world, user).await.0 else {
        panic!("a member");
    };
    assert_eq!((name.clear().map(String::as_str), active), (Some("Ada 9"), true));
}

#[tokio::test]
async fn a_snapshot_holds_nothing_that_is_clear_and_what_is_erased_stays_so() {
    let world = World::new().await;
    let user = member(&world, 599).await;
    loaded(&world, user).await;
    until_kept(&world, 600).await;
    let clear = "select count(*) from log.snapshots where state::text like '%Ada%' or state::text not like '%$sealed%'";
    assert_eq!(world.count(clear).await, 0);
    let stream = StreamId::new(User::TYPE, user);
    let state = serde_json::to_value(loaded(&world, user).await.0).expect("it has a form");
    let refused = world
        .log()
        .keep_snapshot(
            world.tenant.0,
            &stream,
            User::FORM,
            Snapshot { sequence: 601, state },
        )
        .await;
    assert!(refused.is_err(), "an opened state is not kept");
    world
        .keyring
        .erase_subject(world.tenant.0, user.0)
        .await
        .expect("the keys can be destroyed");
    let from_snapshot = loaded(&world, user).await;
    forget_snapshots(&world).await;
    assert_eq!(from_snapshot, loaded(&world, user).await);
    assert!(matches!(
        from_snapshot.0,
        User::Member {
            name: Personal::Erased { .. },
            ..
        }
    ));
}
