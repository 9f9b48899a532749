//! Verification finds each planted contradiction and names it.

use event_log::verify;

use crate::fixture::{Fixture, With, events, fixture, to};

async fn planted() -> Fixture {
    let f = fixture().await;
    for name in ["a", "b", "c"] {
        f.stored(
            to(name)
                .with(events(4))
                .id(name.as_bytes()[0].into())
                .taking(name, name),
        )
        .await;
    }
    f.assert_sound().await;
    f
}

async fn findings(statements: &str) -> Vec<String> {
    let f = planted().await;
    f.plant(statements).await;
    let verification = verify(&f.pool, true, |_, _| {}).await.unwrap();
    assert_eq!(verification.findings_total, verification.findings.len() as u64);
    verification.findings.iter().map(ToString::to_string).collect()
}

fn assert_found(findings: &[String], what: &str) {
    assert!(
        findings.iter().any(|finding| finding.contains(what)),
        "{what}: {findings:#?}"
    );
}

#[tokio::test]
async fn a_sound_log_is_told_sound_and_counted() {
    let f = planted().await;
    f.stored(to("d")).await;
    let mut stages = std::collections::BTreeSet::new();
    let verification = verify(&f.pool, true, |stage, _| {
        stages.insert(stage);
    })
    .await
    .unwrap();
    assert!(verification.sound());
    assert_eq!(
        (verification.events, verification.positions, verification.unplaced),
        (13, 12, 1)
    );
    assert_eq!(
        (verification.streams, verification.receipts, verification.claims),
        (4, 3, 3)
    );
    assert_eq!(
        stages.into_iter().collect::<Vec<_>>(),
        ["claims", "events", "heads", "positions", "receipts", "stock"]
    );
}

#[tokio::test]
async fn a_changed_byte_is_found() {
    for change in [
        "payload = '{\"n\": 0}'",
        "metadata = replace(metadata::text, 'system', 'sYstem')::json",
        "event_type = 'task.deleted'",
        "event_version = '2'",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "event_id = gen_random_uuid()",
        "ordering_key = 'other'",
    ] {
        let change = format!("update log.events set {change} where aggregate_id = 'b' and sequence = 3");
        let found = findings(&change).await;
        assert!(
            found.len() == 1 && found[0].starts_with("event "),
            "{change}: {found:?}"
        );
    }
}

#[tokio::test]
async fn a_hole_in_the_positions_is_found() {
    let found = findings("delete from log.positions where position = 6").await;
    assert_found(&found, "position 6: is missing");
    assert_found(&found, "has no position and would never get one");
    assert_found(
        &findings("delete from log.positions where position = 12").await,
        "head: says 12, positions reach 11",
    );
}

#[tokio::test]
async fn positions_in_the_wrong_order_are_found() {
    let swap = "update log.positions set position = 1000 - position where position in (2, 3);
                update log.positions set position = case position when 998 then 3 else 2 end where position > 900";
    let found = findings(swap).await;
    assert_found(&found, "before its predecessor");
    assert_found(&found, "its leaf differs");
}

#[tokio::test]
async fn a_wrong_head_is_found() {
    let found = findings("update log.heads set version = 9 where aggregate_id = 'b'").await;
    assert_eq!(found, ["stream task/b: its head says 9, its events end at 4"]);
    assert_found(
        &findings("delete from log.heads where aggregate_id = 'b'").await,
        "stream task/b: has no head",
    );
    let moved = findings("update log.heads set tenant_id = gen_random_uuid() where aggregate_id = 'b'").await;
    assert_found(&moved, "belongs to another tenant than its stream");
}

#[tokio::test]
async fn a_missing_event_is_found() {
    let found = findings("delete from log.events where aggregate_id = 'b' and sequence = 2").await;
    assert_found(&found, "position 6: its event is missing");
    assert_found(&found, "stream task/b: event 2 is missing; 3 follows");
    assert_found(&found, "promises 4 events, its command stored 3");
    let last = findings("delete from log.events where aggregate_id = 'b' and sequence = 4").await;
    assert_found(&last, "stream task/b: its head says 4, its events end at 3");
    let all = findings("delete from log.events where aggregate_id = 'b'").await;
    assert_found(&all, "stream task/b: has a head and no events");
}

#[tokio::test]
async fn a_receipt_to_nowhere_and_a_claim_from_nowhere_are_found() {
    let found = findings("update log.receipts set tx_id = '7' where aggregate_id = 'b'").await;
    assert_eq!(found.len(), 1);
    assert_found(
        &found,
        "receipt 00000000-0000-0000-0000-000000000062: promises 4 events, its command stored 0",
    );
    let found = findings("update log.claims set aggregate_id = 'nowhere' where owner = 'b'").await;
    assert_found(&found, "is held by b through a stream that does not exist");
}
