//! Each outcome, batches, limits, and what is stored.

use event_log::{EventLogError, Outcome, slice_of};
use serde_json::json;

use crate::fixture::{With, event, events, fixture, stream, tenant, to};

#[tokio::test]
async fn a_stream_is_numbered_from_one() {
    let f = fixture().await;
    let first = f.stored(to("a").expecting(0).with(events(3))).await;
    assert_eq!((first.first_sequence, first.last_sequence), (1, 3));
    assert_eq!(first.answer, json!({"for": "a"}));
    let second = f.stored(to("a").expecting(3).with(events(2))).await;
    assert_eq!((second.first_sequence, second.last_sequence), (4, 5));
    let third = f.stored(to("a")).await;
    assert_eq!((third.first_sequence, third.last_sequence), (6, 6));
    assert_eq!(third.token.slice, slice_of("a"));
    assert!(first.token.seq_no < second.token.seq_no && second.token.seq_no < third.token.seq_no);

    let loaded = f.log.load(tenant(1), &stream("a"), 0).await.unwrap();
    assert_eq!(
        loaded.iter().map(|e| e.sequence).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6]
    );
    assert_eq!(loaded[2].payload, json!({"n": 2}));
    assert_eq!(loaded[0].metadata["actor"], "system/test");
    assert!(
        loaded[0]
            .metadata
            .as_object()
            .unwrap()
            .values()
            .all(|value| value.is_string())
    );
    assert_eq!(loaded[5].seq_no, third.token.seq_no);
    assert_eq!(f.log.load(tenant(1), &stream("a"), 4).await.unwrap().len(), 2);
    f.assert_sound().await;
}

#[tokio::test]
async fn an_unexpected_version_is_a_conflict_and_stores_nothing() {
    let f = fixture().await;
    assert_eq!(
        f.one(to("a").expecting(3)).await,
        Outcome::Conflict { version: 0 }
    );
    f.stored(to("a").with(events(2))).await;
    assert_eq!(
        f.one(to("a").expecting(0)).await,
        Outcome::Conflict { version: 2 }
    );
    assert_eq!(
        f.one(to("a").expecting(1).id(9).taking("x", "o")).await,
        Outcome::Conflict { version: 2 }
    );
    assert_eq!(f.count("select count(*) from log.receipts").await, 0);
    assert_eq!(f.count("select count(*) from log.claims").await, 0);
    assert_eq!(f.count("select count(*) from log.events").await, 2);
    f.assert_sound().await;
}

#[tokio::test]
async fn a_lower_lease_epoch_is_fenced() {
    let f = fixture().await;
    f.stored(to("run").leased(2)).await;
    f.stored(to("run").leased(2)).await;
    assert_eq!(
        f.one(to("run").leased(1)).await,
        Outcome::Fenced { lease_epoch: 2 }
    );
    assert_eq!(
        f.one(to("run").leased(1).expecting(0)).await,
        Outcome::Fenced { lease_epoch: 2 }
    );
    f.stored(to("run").leased(5).expecting(2)).await;
    assert_eq!(
        f.one(to("run").leased(4)).await,
        Outcome::Fenced { lease_epoch: 5 }
    );
    // Without a lease the stream takes it: turns always may.
    f.stored(to("run")).await;
    f.assert_sound().await;
}

#[tokio::test]
async fn the_stream_of_another_tenant_is_refused() {
    let f = fixture().await;
    f.stored(to("a").with(events(4))).await;
    assert_eq!(
        f.one(to("a").of(tenant(2))).await,
        Outcome::Conflict { version: 0 }
    );
    assert_eq!(
        f.one(to("a").of(tenant(2)).expecting(4)).await,
        Outcome::Conflict { version: 0 }
    );
    assert_eq!(
        f.one(to("a").of(tenant(2)).with(vec![])).await,
        Outcome::Conflict { version: 0 }
    );
    assert!(f.log.load(tenant(2), &stream("a"), 0).await.unwrap().is_empty());
    f.assert_sound().await;
}

#[tokio::test]
async fn one_batch_serves_two_tenants_and_none_spoils_another() {
    let f = fixture().await;
    f.stored(to("old").id(1)).await;
    f.stored(to("held").taking("name", "first")).await;
    let outcomes = f
        .log
        .append(vec![
            to("a").of(tenant(1)).id(2).with(events(2)),
            to("b").of(tenant(2)).id(2).with(events(3)),
            to("old").expecting(7),
            to("c").id(1),
            to("d").taking("name", "second"),
            to("e").of(tenant(2)).taking("name", "second"),
            to("f").with(vec![]).id(3),
        ])
        .await
        .unwrap();
    assert!(
        matches!(&outcomes[0], Outcome::Stored(s) if s.last_sequence == 2),
        "{outcomes:?}"
    );
    assert!(
        matches!(&outcomes[1], Outcome::Stored(s) if s.last_sequence == 3),
        "{outcomes:?}"
    );
    assert_eq!(outcomes[2], Outcome::Conflict { version: 1 });
    assert!(
        matches!(&outcomes[3], Outcome::Duplicate(s) if s.answer == json!({"for": "old"})),
        "{outcomes:?}"
    );
    assert_eq!(
        outcomes[4],
        Outcome::Taken {
            kind: "login".to_owned(),
            owner: "first".to_owned()
        }
    );
    assert!(matches!(&outcomes[5], Outcome::Stored(_)), "{outcomes:?}");
    assert!(
        matches!(&outcomes[6], Outcome::Stored(s) if s.first_sequence > s.last_sequence),
        "{outcomes:?}"
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn commands_of_one_stream_are_stored_in_the_order_of_the_batch() {
    let f = fixture().await;
    let batch = (0..6)
        .map(|n| to("a").with(vec![event(json!(n))]).expecting(n))
        .collect();
    let outcomes = f.log.append(batch).await.unwrap();
    assert!(
        outcomes
            .iter()
            .all(|outcome| matches!(outcome, Outcome::Stored(_))),
        "{outcomes:?}"
    );
    let loaded = f.log.load(tenant(1), &stream("a"), 0).await.unwrap();
    assert_eq!(
        loaded.iter().map(|e| e.payload.clone()).collect::<Vec<_>>(),
        (0..6).map(|n| json!(n)).collect::<Vec<_>>()
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn numbers_follow_the_order_of_the_batch_not_of_the_streams() {
    let f = fixture().await;
    let outcomes = f
        .log
        .append(["z", "m", "a"].map(|name| to(name).with(events(2))).to_vec())
        .await
        .unwrap();
    let numbers: Vec<i64> = outcomes
        .into_iter()
        .map(|o| crate::fixture::stored(o).token.seq_no)
        .collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    f.assert_sound().await;
}

#[tokio::test]
async fn a_batch_larger_than_a_statement_is_stored() {
    let f = fixture().await;
    let batch = (0..1_300).map(|n| to(&format!("s{n}")).id(n + 1)).collect();
    let outcomes = f.log.append(batch).await.unwrap();
    assert_eq!(
        outcomes
            .iter()
            .filter(|o| matches!(o, Outcome::Stored(_)))
            .count(),
        1_300
    );
    let large = "x".repeat(900_000);
    let batch = (0..12)
        .map(|n| to(&format!("l{n}")).with(vec![event(json!(large))]))
        .collect();
    assert!(
        f.log
            .append(batch)
            .await
            .unwrap()
            .iter()
            .all(|o| matches!(o, Outcome::Stored(_)))
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn an_empty_command_leaves_a_receipt_and_waits_for_its_stream() {
    let f = fixture().await;
    let before = f.stored(to("a").with(events(2))).await;
    let empty = f.stored(to("a").with(vec![]).id(1).expecting(2)).await;
    assert_eq!((empty.first_sequence, empty.last_sequence), (3, 2));
    assert_eq!(empty.token, before.token);
    assert_eq!(f.one(to("a").with(vec![]).id(1)).await, Outcome::Duplicate(empty));
    assert_eq!(
        f.one(to("a").with(vec![]).expecting(1)).await,
        Outcome::Conflict { version: 2 }
    );
    let nowhere = f.stored(to("b").with(vec![]).id(2)).await;
    assert_eq!((nowhere.first_sequence, nowhere.last_sequence), (1, 0));
    assert_eq!(
        f.log.position_of(nowhere.token).await.unwrap(),
        Some(event_log::Position(0))
    );
    assert!(f.log.append(vec![]).await.unwrap().is_empty());
    f.assert_sound().await;
}

#[tokio::test]
async fn what_breaks_a_limit_is_told_and_nothing_is_stored() {
    let f = fixture().await;
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let wrong = [
        to("a").with(events(1_001)),
        to("a").with(vec![event(json!("x".repeat(1 << 20)))]),
        to("a").with(vec![event(deep)]),
        to("a\0"),
        to(""),
        to(&"x".repeat(600)),
        to("a").expecting(-1),
        to("a").with(vec![]).taking("x", "o"),
        to("a").taking("x", "o").taking("x", "p"),
    ];
    for command in wrong {
        let error = f.log.append(vec![to("fine"), command]).await.unwrap_err();
        assert!(matches!(error, EventLogError::Invalid(_)), "{error:?}");
    }
    assert_eq!(f.count("select count(*) from log.events").await, 0);
}

#[tokio::test]
async fn any_text_comes_back_as_it_was() {
    let f = fixture().await;
    let payload =
        json!({"z": 1, "a": "\u{0}\u{1F600}\"\\\n", "n": [1.5, -0.25, 9_007_199_254_740_993_i64, null]});
    f.stored(to("grüße/ \u{1F600}'\"").with(vec![event(payload.clone())]))
        .await;
    let loaded = f
        .log
        .load(tenant(1), &stream("grüße/ \u{1F600}'\""), 0)
        .await
        .unwrap();
    assert_eq!(loaded[0].payload, payload);
    f.place_all().await;
}
