//! A router of bad handlers: whatever they do, the answer has the one form.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::routing::{get, post};
use domain::OrganisationId;
use http::StatusCode;
use serde_json::Value;
use tower::ServiceExt;

use super::*;

fn router(change: impl FnOnce(&mut Settings)) -> Router {
    let mut settings = Settings::new(OrganisationId::default());
    settings.limits.answer_within = Duration::from_millis(20);
    settings.limits.body_bytes_max = 16;
    change(&mut settings);
    let router = Router::new()
        .route("/fine", get(async || "fine"))
        .route("/panic", get(async || -> &'static str { panic!("secret") }))
        .route("/slow", get(std::future::pending::<&'static str>))
        .route(
            "/plain",
            get(async || (StatusCode::IM_A_TEAPOT, "short and stout")),
        )
        .route("/body", post(async |body: Bytes| body));
    dress(router, &Arc::new(settings))
}

async fn answer(request: http::request::Builder, body: impl Into<Body>) -> (StatusCode, HeaderMap, Value) {
    let request = request.body(body.into()).expect("a request");
    let response = router(|_| {})
        .oneshot(request)
        .await
        .expect("a router always answers");
    let (status, headers) = (response.status(), response.headers().clone());
    let body = axum::body::to_bytes(response.into_body(), 65_536)
        .await
        .expect("a body in memory is read");
    (status, headers, serde_json::from_slice(&body).unwrap_or_default())
}

#[track_caller]
fn check((status, headers, body): &(StatusCode, HeaderMap, Value), expected: u16, code: &str) {
    assert_eq!(
        (status.as_u16(), body["code"].as_str()),
        (expected, Some(code)),
        "{body}"
    );
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(body["status"], expected);
    let id = headers["x-request-id"].to_str().expect("visible");
    assert_eq!(body["instance"], format!("urn:uuid:{id}"));
    assert_eq!(headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_panic_is_a_problem_and_keeps_its_secret() {
    let answered = answer(http::Request::get("/panic"), "").await;
    check(&answered, 500, "unexpected");
    assert!(!answered.2.to_string().contains("secret"));
}

#[tokio::test]
async fn an_answer_in_time_or_a_problem() {
    check(
        &answer(http::Request::get("/slow"), "").await,
        503,
        "answer_timeout",
    );
}

#[tokio::test]
async fn what_a_library_refuses_is_a_problem() {
    check(
        &answer(http::Request::get("/nowhere"), "").await,
        404,
        "not_found",
    );
    check(
        &answer(http::Request::get("/plain"), "").await,
        418,
        "request_malformed",
    );
    check(
        &answer(http::Request::post("/body"), vec![0; 17]).await,
        413,
        "body_too_large",
    );
    let wrong_method = answer(http::Request::post("/fine"), "").await;
    check(&wrong_method, 405, "method_not_allowed");
    assert_eq!(wrong_method.1["allow"], "GET,HEAD");
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let (_, headers, _) = answer(http::Request::get("/fine"), "").await;
    for (name, value) in HEADERS {
        assert_eq!(headers[*name], *value);
    }
    assert!(!headers.contains_key("strict-transport-security"));
}

#[test]
fn a_page_may_be_framed_by_whom_the_settings_name() {
    let ancestors = |origins: &[&str]| {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let policy = policy_framed_by(&origins);
        let policy = policy.to_str().expect("visible").to_owned();
        let (_, ancestors) = policy.rsplit_once("; ").expect("a policy has several directives");
        ancestors.to_owned()
    };
    assert_eq!(ancestors(&[]), "frame-ancestors 'self'");
    assert_eq!(ancestors(&["*"]), "frame-ancestors 'self' *");
    assert_eq!(
        ancestors(&["https://a.example", "https://b.example:8443"]),
        "frame-ancestors 'self' https://a.example https://b.example:8443"
    );
    assert_eq!(
        ancestors(&["https://a.example\r\nx: y"]),
        "frame-ancestors 'self'"
    );
}

#[tokio::test]
async fn behind_https_browsers_stay_there() {
    let router = router(|settings| settings.public_url = Some("https://bots.example".to_owned()));
    let request = http::Request::get("/fine")
        .body(Body::empty())
        .expect("a request");
    let response = router.oneshot(request).await.expect("a router always answers");
    assert!(response.headers().contains_key("strict-transport-security"));
}

#[test]
fn the_callers_trace_is_kept() {
    let of = |name: &'static str, value: &'static str| {
        correlation_of(&HeaderMap::from_iter([(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        )]))
    };
    let trace = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
    assert_eq!(
        of(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        )
        .to_string(),
        trace
    );
    assert_eq!(
        of("x-request-id", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736").to_string(),
        trace
    );
    for bad in [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "garbage",
    ] {
        assert_ne!(of("traceparent", bad).to_string(), trace, "{bad}");
    }
}
