//! Many at once, on purpose in each other's way.

use event_log::Outcome;
use futures::future::join_all;

use crate::fixture::{With, events, fixture, stored, to};

#[tokio::test]
async fn of_writers_that_expect_the_same_version_one_wins() {
    let f = fixture().await;
    for round in 0..4 {
        let outcomes = join_all((0..64).map(|_| f.one(to("a").expecting(round * 2).with(events(2))))).await;
        assert_eq!(
            outcomes
                .iter()
                .filter(|o| matches!(o, Outcome::Stored(_)))
                .count(),
            1
        );
        assert!(
            outcomes
                .iter()
                .all(|o| matches!(o, Outcome::Stored(_) | Outcome::Conflict { .. }))
        );
    }
    f.assert_sound().await;
}

#[tokio::test]
async fn writers_without_an_expectation_all_get_their_own_versions() {
    let f = fixture().await;
    let outcomes = join_all((0..64).map(|n| f.one(to("a").with(events(1 + n % 3))))).await;
    let mut ranges: Vec<(i64, i64)> = outcomes
        .into_iter()
        .map(stored)
        .map(|s| (s.first_sequence, s.last_sequence))
        .collect();
    ranges.sort_unstable();
    assert_eq!(ranges[0].0, 1);
    assert!(
        ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0),
        "{ranges:?}"
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn a_command_raced_with_itself_is_stored_once() {
    let f = fixture().await;
    let outcomes = join_all((0..64).map(|_| f.one(to("a").id(1).with(events(3))))).await;
    let firsts: Vec<_> = outcomes
        .iter()
        .filter_map(|o| if let Outcome::Stored(s) = o { Some(s) } else { None })
        .collect();
    assert_eq!(firsts.len(), 1);
    for outcome in &outcomes {
        match outcome {
            Outcome::Stored(s) | Outcome::Duplicate(s) => assert_eq!(s, firsts[0]),
            other => panic!("{other:?}"),
        }
    }
    f.assert_sound().await;
}

#[tokio::test]
async fn of_owners_that_want_one_name_one_gets_it() {
    let f = fixture().await;
    for round in 0..4 {
        let key = format!("name{round}");
        let wanting = (0..32).map(|n| {
            to(&format!("{round}-{n}"))
                .id(round * 100 + n + 1)
                .taking(&key, &format!("user/{n}"))
        });
        let outcomes = join_all(wanting.map(|command| f.one(command))).await;
        assert_eq!(
            outcomes
                .iter()
                .filter(|o| matches!(o, Outcome::Stored(_)))
                .count(),
            1
        );
        assert!(
            outcomes
                .iter()
                .all(|o| matches!(o, Outcome::Stored(_) | Outcome::Taken { .. })),
            "{outcomes:?}"
        );
    }
    assert_eq!(f.count("select count(*) from log.claims").await, 4);
    assert_eq!(f.count("select count(*) from log.receipts").await, 4);
    f.assert_sound().await;
}

#[tokio::test]
async fn a_name_that_changes_hands_is_never_held_twice() {
    let f = fixture().await;
    join_all((0..12).map(|n| {
        let f = &f;
        async move {
            let (owner, name) = (format!("user/{n}"), format!("s{n}"));
            for _ in 0..20 {
                if let Outcome::Stored(_) = f.one(to(&name).taking("only", &owner)).await {
                    // A second take of the holder's own is a no-op; nobody else can have it in between.
                    stored(f.one(to(&name).taking("only", &owner)).await);
                    stored(f.one(to(&name).releasing("only", &owner)).await);
                }
            }
        }
    }))
    .await;
    assert_eq!(f.count("select count(*) from log.claims").await, 0);
    f.assert_sound().await;
}

#[tokio::test]
async fn batches_in_opposite_order_do_not_lock_each_other_out() {
    let f = fixture().await;
    for round in 0..25_u128 {
        let batch = |reversed: bool, base: u128| {
            let mut commands: Vec<_> = (0..24)
                .map(|n| {
                    let name = if n % 2 == 0 {
                        format!("old{n}")
                    } else {
                        format!("new{round}-{n}")
                    };
                    let command = to(&name).id(base + n).taking(&format!("key{round}-{n}"), "same");
                    if n % 5 == 0 {
                        command.releasing(&format!("key{}-{n}", round.saturating_sub(1)), "same")
                    } else {
                        command
                    }
                })
                .collect();
            if reversed {
                commands.reverse();
            }
            commands
        };
        let base = 1_000_000 + round * 1_000;
        let (forth, back, rival) = tokio::join!(
            f.log.append(batch(false, base)),
            f.log.append(batch(true, base + 500)),
            f.log.append(batch(true, base)),
        );
        let mut answers = forth.unwrap();
        answers.extend(back.unwrap());
        answers.extend(rival.unwrap());
        let count = answers.iter().filter(|o| matches!(o, Outcome::Stored(_))).count();
        assert_eq!(count, 48, "both ids of each command once");
        assert!(
            answers
                .iter()
                .all(|o| matches!(o, Outcome::Stored(_) | Outcome::Duplicate(_)))
        );
    }
    f.assert_sound().await;
}
