//! Bodies, keys and digests, without a server.

use axum::response::IntoResponse;
use std::collections::BTreeSet;

use commands::Context;
use domain::{OrganisationId, Permission};

use super::*;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    #[expect(dead_code, reason = "only its form is looked at")]
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "only its form is looked at")]
    permissions: BTreeSet<Permission>,
}

async fn check(body: impl AsRef<[u8]>, code: &str, pointer: Option<&str>) {
    let problem = read::<Sample>(body.as_ref()).expect_err("the sample is wrong");
    assert_eq!(problem.code(), code);
    let body = axum::body::to_bytes(problem.into_response().into_body(), 65_536)
        .await
        .expect("in memory");
    let document: Value = serde_json::from_slice(&body).expect("a problem is JSON");
    let error = &document["errors"][0];
    assert_eq!(error["pointer"].as_str(), pointer, "{document}");
    assert_eq!(error["line"].is_number(), pointer.is_none(), "{document}");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    for malformed in ["", "{", "{\"name\": \"a\"} x", "nope", "{\"name\": \"\u{1}\"}"] {
        check(malformed, "body_malformed", None).await;
    }
    check(b"{\"name\": \"\xff\"}", "body_malformed", None).await;
    check(
        format!("{{\"permissions\":{}", "[".repeat(100_000)),
        "body_malformed",
        None,
    )
    .await;
    check("{\"permissions\": [[]]}", "body_invalid", Some("#/permissions/0")).await;
    check("{}", "body_invalid", Some("#/name")).await;
    check("[]", "body_invalid", Some("#")).await;
    check("{\"name\": 7}", "body_invalid", Some("#/name")).await;
    check("{\"name\": \"a\", \"extra\": 1}", "body_invalid", Some("#/extra")).await;
    check(
        "{\"name\": \"a\", \"name\": \"b\"}",
        "body_invalid",
        Some("#/name"),
    )
    .await;
    check(
        "{\"name\": \"a\", \"permissions\": [\"bot.read\", \"bot.fly\"]}",
        "body_invalid",
        Some("#/permissions/1"),
    )
    .await;
}

#[test]
fn a_body_is_the_same_however_it_is_written() {
    let one = digest("POST", "/a", br#"{"name":"x","permissions":["bot.read"]}"#);
    assert_eq!(
        one,
        digest(
            "POST",
            "/a",
            b"{ \"permissions\": [ \"bot.read\" ],\n \"name\": \"\\u0078\" }"
        )
    );
    assert_ne!(
        one,
        digest("POST", "/b", br#"{"name":"x","permissions":["bot.read"]}"#)
    );
    assert_ne!(
        one,
        digest("DELETE", "/a", br#"{"name":"x","permissions":["bot.read"]}"#)
    );
    assert_ne!(
        one,
        digest("POST", "/a", br#"{"name":"x","permissions":["bot.pause"]}"#)
    );
}

#[test]
fn a_key_belongs_to_one_organisation() {
    let context = |n| Context::system(OrganisationId(Uuid::from_u128(n)), "test");
    assert_eq!(command_id(&context(1), "k"), command_id(&context(1), "k"));
    assert_ne!(command_id(&context(1), "k"), command_id(&context(2), "k"));
    assert_ne!(command_id(&context(1), "k"), command_id(&context(1), "l"));
}

#[test]
fn a_key_is_visible_ascii() {
    let key = |value: &[u8]| {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("idempotency-key"),
            HeaderValue::from_bytes(value).expect("a header's value"),
        )]);
        idempotency_key(&headers).map(|key| key.map(str::to_owned))
    };
    assert_eq!(key(b"order-17").expect("valid").as_deref(), Some("order-17"));
    assert_eq!(key(&[b'x'; 255]).expect("valid").map(|key| key.len()), Some(255));
    for bad in [&b""[..], b"two words", b"\xc3\xa9", &[b'x'; 256]] {
        assert_eq!(key(bad).expect_err("not a key").code(), "idempotency_key_invalid");
    }
}

#[test]
fn only_json_in_utf8_is_read() {
    let check = |kind: &'static str| {
        require_json(&HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static(kind),
        )]))
        .is_ok()
    };
    assert!(check("application/json") && check("Application/JSON; charset=\"UTF-8\""));
    for other in [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
    ] {
        assert!(!check(other), "{other}");
    }
}
