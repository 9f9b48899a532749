//! Personal values: sealed on the way in, opened on the way out, gone when the key is.

use event_log::{EventLogError, KeyringError, Origin};
use serde_json::{Value, json};
use sqlx::Row;
use uuid::Uuid;

use crate::fixture::{Fixture, With, event, fixture, keyring, stream, tenant, to};

const SUBJECT: Uuid = Uuid::from_u128(77);
const CANARY: &str = "canary-5f1b";

fn personal(value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({"$personal": {"subject": SUBJECT, "class": "conversation", "value": value}})
}

fn erased() -> Value {
    json!({"$erased": {"subject": SUBJECT, "class": "conversation"}})
}

async fn sealed(f: &Fixture, payload: Value) -> Value {
    f.log
        .keyring()
        .seal(tenant(1), Uuid::from_u128(1), payload, chrono::Utc::now())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_personal_value_is_sealed_at_rest_and_clear_on_load() {
    let f = fixture().await;
    let payload = json!({"title": personal(CANARY), "list": [1, {"a/b": personal(json!({"deep": CANARY}))}]});
    let mut command = to("a").id(1).with(vec![event(payload.clone())]);
    command.metadata.origin = Some(Origin {
        subject: SUBJECT,
        text: format!("192.0.2.1 {CANARY}"),
    });
    f.stored(command).await;
    f.place_all().await;
    let loaded = f.log.load(tenant(1), &stream("a"), 0).await.unwrap().remove(0);
    assert_eq!(loaded.payload, payload);
    let feed = event_log::Feed::new(
        f.pool.clone(),
        tokio::sync::watch::channel(event_log::Position(0)).1,
    );
    let fed = feed.read(event_log::Position(0), 1).await.unwrap().remove(0);
    assert_eq!(fed.payload["list"][1]["a/b"]["$sealed"]["f"], "/list/1/a~1b");
    assert_eq!(fed.payload["title"]["$sealed"]["e"], json!(fed.event_id));
    assert_eq!(
        f.log.keyring().open_value(fed.payload.clone()).await.unwrap(),
        payload
    );
    let origin = fed.metadata["origin"].as_str().unwrap();
    assert_eq!(
        f.log.keyring().open_text(origin).await.unwrap().unwrap(),
        format!("192.0.2.1 {CANARY}")
    );
    assert_nowhere(&f, CANARY).await;
}

/// No column of any table holds the text, in the clear or in hexadecimal.
async fn assert_nowhere(f: &Fixture, text: &str) {
    let owner = crate::fixture::pool(&f.database, "botserver_owner", 1);
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&owner)
    .await
    .unwrap();
    assert!(tables.len() > 8);
    for table in tables {
        let found: i64 = sqlx::query(&format!(
            "select count(*) from {table} t where t::text like $1 or t::text like $2"
        ))
        .bind(format!("%{text}%"))
        .bind(format!("%{}%", hex::encode(text)))
        .fetch_one(&owner)
        .await
        .unwrap()
        .get(0);
        assert_eq!(found, 0, "{table}");
    }
}

#[tokio::test]
async fn an_erased_subject_is_erased_everywhere_and_fenced() {
    let f = fixture().await;
    let other = json!({"$personal": {"subject": Uuid::from_u128(78), "class": "identity", "value": "Bob"}});
    f.stored(to("a").with(vec![event(json!({"mine": personal("Ann"), "other": other}))]))
        .await;
    assert_eq!(
        f.log.keyring().erase_subject(tenant(1), SUBJECT).await.unwrap(),
        1
    );
    let loaded = f.log.load(tenant(1), &stream("a"), 0).await.unwrap().remove(0);
    assert_eq!(loaded.payload, json!({"mine": erased(), "other": other}));
    // A keyring that never saw the key reads the same.
    let fresh = keyring(&f.database, [7; 32]).await;
    let stored: String = sqlx::query_scalar("select payload::text from log.events")
        .fetch_one(&f.pool)
        .await
        .unwrap();
    let opened = fresh
        .open_value(serde_json::from_str(&stored).unwrap())
        .await
        .unwrap();
    assert_eq!(opened["mine"], erased());

    let again = to("a").with(vec![event(personal("back"))]);
    let refused = f.log.append(vec![again.clone()]).await.unwrap_err();
    assert!(
        matches!(refused, EventLogError::Keyring(KeyringError::SubjectErased { subject }) if subject == SUBJECT)
    );
    // Another tenant's subject of the same id is another subject.
    f.stored(to("b").of(tenant(2)).with(vec![event(personal("x"))]))
        .await;
    f.log.keyring().readmit_subject(tenant(1), SUBJECT).await.unwrap();
    f.stored(again).await;
    let loaded = f.log.load(tenant(1), &stream("a"), 0).await.unwrap();
    assert_eq!(loaded[0].payload["mine"], erased());
    assert_eq!(loaded[1].payload, personal("back"));
    // A subject without any key is fenced too.
    f.log
        .keyring()
        .erase_subject(tenant(1), Uuid::from_u128(99))
        .await
        .unwrap();
    let stranger = json!({"$personal": {"subject": Uuid::from_u128(99), "class": "identity", "value": 1}});
    assert!(
        f.log
            .append(vec![to("c").with(vec![event(stranger)])])
            .await
            .is_err()
    );
    f.assert_sound().await;
}

#[tokio::test]
async fn an_expired_class_is_erased_for_everybody() {
    let f = fixture().await;
    f.stored(to("a").with(vec![event(personal("Ann"))])).await;
    let month = chrono::Utc::now().format("%Y-%m").to_string();
    assert!(
        f.log
            .keyring()
            .expire_class(tenant(1), "conversation", &month)
            .await
            .unwrap()
    );
    assert_eq!(
        f.log.load(tenant(1), &stream("a"), 0).await.unwrap()[0].payload,
        erased()
    );
    let refused = f
        .log
        .append(vec![to("a").with(vec![event(personal("Ann"))])])
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        EventLogError::Keyring(KeyringError::ClassExpired { .. })
    ));
}

#[tokio::test]
async fn a_moved_value_opens_and_an_altered_one_does_not() {
    let f = fixture().await;
    let marker = sealed(&f, personal("Ann")).await;
    f.stored(to("elsewhere").with(vec![event(json!({"moved": [marker]}))]))
        .await;
    let loaded = f
        .log
        .load(tenant(1), &stream("elsewhere"), 0)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(loaded.payload, json!({"moved": [personal("Ann")]}));

    // Keys for what the alterations name, so that it is the seal that refuses and not the lack of a key.
    let at = "2020-01-15T00:00:00Z".parse().unwrap();
    let others = json!([
        {"$personal": {"subject": Uuid::from_u128(78), "class": "conversation", "value": 1}},
        {"$personal": {"subject": SUBJECT, "class": "identity", "value": 1}},
    ]);
    f.log
        .keyring()
        .seal(tenant(1), Uuid::from_u128(2), others.clone(), at)
        .await
        .unwrap();
    f.log
        .keyring()
        .seal(
            tenant(2),
            Uuid::from_u128(2),
            json!([others, personal(1)]),
            chrono::Utc::now(),
        )
        .await
        .unwrap();
    sealed(
        &f,
        json!([{"$personal": {"subject": SUBJECT, "class": "identity", "value": 1}}]),
    )
    .await;
    let alterations = [
        ("s", json!(Uuid::from_u128(78))),
        ("s", json!(Uuid::from_u128(12345))),
        ("c", json!("identity")),
        ("m", json!("2020-01")),
        ("k", json!(2)),
        ("t", json!(tenant(2))),
        ("e", json!(Uuid::from_u128(3))),
        ("f", json!("/title")),
        ("v", json!(2)),
        ("n", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        ("x", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
    ];
    for (part, value) in alterations {
        let altered = marker_with(&marker, part, value);
        let opened = f.log.keyring().open_value(altered.clone()).await;
        assert!(
            matches!(opened, Err(KeyringError::Altered { .. })),
            "{part}: {opened:?}"
        );
        let stored = f.log.append(vec![to("forged").with(vec![event(altered)])]).await;
        assert!(
            matches!(stored, Err(EventLogError::Keyring(KeyringError::Marker { .. }))),
            "{part}: {stored:?}"
        );
    }
}

fn marker_with(marker: &Value, part: &str, value: Value) -> Value {
    let mut altered = marker.clone();
    altered["$sealed"][part] = value;
    altered
}

#[tokio::test]
async fn nobody_forges_a_marker() {
    let f = fixture().await;
    let genuine = sealed(&f, personal("Ann")).await;
    let refused = [
        json!({"$sealed": {"v": 1}}),
        json!({"$sealed": "text"}),
        json!({"$personal": {"subject": SUBJECT, "class": "other", "value": 1}}),
        json!({"$personal": {"subject": SUBJECT, "class": "identity", "value": 1, "more": 2}}),
        json!({"$personal": {"subject": SUBJECT, "class": "identity", "value": 1}, "beside": 1}),
        json!({"$erased": {}}),
        marker_with(&genuine, "x", json!("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")),
        marker_with(&genuine, "m", json!("1999-01")),
        marker_with(&genuine, "t", json!(tenant(2))),
    ];
    for forged in refused {
        let answer = f
            .log
            .append(vec![to("a").with(vec![event(json!({"deep": [forged]}))])])
            .await;
        assert!(
            matches!(answer, Err(EventLogError::Keyring(KeyringError::Marker { .. }))),
            "{forged}: {answer:?}"
        );
    }
    // Another tenant's envelope is not opened for whoever copies it.
    let answer = f
        .log
        .append(vec![to("b").of(tenant(2)).with(vec![event(genuine.clone())])])
        .await;
    assert!(matches!(
        answer,
        Err(EventLogError::Keyring(KeyringError::Marker { .. }))
    ));
    let made: i64 = sqlx::query_scalar("select count(*) from keys.class_keys where month = '1999-01'")
        .fetch_one(&crate::fixture::pool(&f.database, "botserver_keys", 1))
        .await
        .unwrap();
    assert_eq!(made, 0, "a forged envelope makes no key");

    // Foreign JSON as one string, and whatever stands inside a personal value, stays what it is.
    let foreign = genuine.to_string();
    let payload =
        json!({"body": foreign, "value": personal(json!({"$sealed": {"v": 1}, "$erased": genuine}))});
    f.stored(to("c").with(vec![event(payload.clone())])).await;
    assert_eq!(
        f.log.load(tenant(1), &stream("c"), 0).await.unwrap()[0].payload,
        payload
    );
}

#[tokio::test]
async fn an_altered_event_is_corrupt_not_erased() {
    let f = fixture().await;
    f.stored(to("a").with(vec![event(json!({"t": personal("Ann")}))]))
        .await;
    f.plant(
        r#"update log.events set payload = regexp_replace(payload::text, '"x":"....', '"x":"AAAA')::json;"#,
    )
    .await;
    let loaded = f.log.load(tenant(1), &stream("a"), 0).await;
    assert!(matches!(loaded, Err(EventLogError::Corrupt(_))));
}

#[tokio::test]
async fn another_master_key_is_told_at_once() {
    let f = fixture().await;
    let keys = crate::fixture::pool(&f.database, "botserver_keys", 1);
    let other = event_log::Keyring::open(keys, event_log::MasterKey::from_bytes([8; 32])).await;
    assert!(matches!(other, Err(KeyringError::OtherMasterKey)));
    keyring(&f.database, [7; 32]).await;
}
