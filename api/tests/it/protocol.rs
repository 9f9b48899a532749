//! What a client may get wrong: bodies, media types, methods, headers. Every answer has the one form.

use std::time::Duration;

use api::routes;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::access::sample;
use crate::pages::raw;
use crate::rest::{is_problem, read};
use crate::server::TestServer;

/// Posts a body to `/api/v1/bots` as it is.
async fn post(
    server: &TestServer,
    media_type: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, serde_json::Value) {
    let request = server
        .request(Method::POST, "/api/v1/bots")
        .bearer_auth(&server.administrator);
    read(
        request
            .header("content-type", media_type)
            .body(body)
            .send()
            .await
            .expect("answered"),
    )
    .await
}

#[tokio::test]
async fn a_body_that_is_no_json_says_where() {
    let server = TestServer::start().await;
    for body in [
        &b"{"[..],
        b"",
        b"{\"name\": \"a\"}}",
        b"{\"name\": \"\xc3\x28\"}",
        b"\xff\xfe{\x00",
        b"{'name': 1}",
    ] {
        let answer = post(&server, "application/json", body).await;
        is_problem(&answer, 400, "body_malformed");
        assert!(answer.1["errors"][0]["line"].is_number(), "{}", answer.1);
    }
}

#[tokio::test]
async fn a_body_of_another_form_says_which_field() {
    let server = TestServer::start().await;
    for (body, pointer) in [
        ("{}", "#/name"),
        ("{\"name\": 1}", "#/name"),
        ("{\"name\": \"a\", \"admin\": true}", "#/admin"),
        ("{\"name\": \"a\", \"name\": \"b\"}", "#/name"),
        ("{\"name\": NaN}", ""),
        ("[]", "#"),
        ("null", "#"),
    ] {
        let answer = post(&server, "application/json", body).await;
        if pointer.is_empty() {
            is_problem(&answer, 400, "body_malformed");
        } else {
            is_problem(&answer, 422, "body_invalid");
            assert_eq!(answer.1["errors"][0]["pointer"], pointer, "{body}");
        }
    }
    let empty = server.post(
        &format!("/api/v1/bots/{}/pause", Uuid::now_v7()),
        &json!({ "force": true }),
    );
    is_problem(
        &read(empty.send().await.expect("answered")).await,
        422,
        "body_invalid",
    );
}

#[tokio::test]
async fn a_body_has_limits() {
    let server = TestServer::start().await;
    let huge = format!("{{\"name\": \"{}\"}}", "x".repeat(1 << 20));
    is_problem(
        &post(&server, "application/json", huge).await,
        413,
        "body_too_large",
    );
    let nested = format!("{{\"name\": {}", "[".repeat(100_000));
    let (status, body) = post(&server, "application/json", nested).await;
    assert!(matches!(status, 400 | 422), "{body}");
}

#[tokio::test]
async fn only_json_is_taken() {
    let server = TestServer::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
    ] {
        is_problem(
            &post(&server, kind, "{\"name\": \"a\"}").await,
            415,
            "media_type_unsupported",
        );
    }
    let request = server
        .request(Method::POST, "/api/v1/bots")
        .bearer_auth(&server.administrator);
    is_problem(
        &read(request.body("{\"name\": \"a\"}").send().await.expect("answered")).await,
        415,
        "media_type_unsupported",
    );
}

#[tokio::test]
async fn a_body_must_arrive_in_time() {
    let server =
        TestServer::start_with(|settings| settings.limits.body_within = Duration::from_millis(50)).await;
    let request = format!(
        "POST /api/v1/bots HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100\r\n\r\n{{",
        server.administrator
    );
    let answer = raw(&server, &request).await;
    assert!(
        answer.starts_with("HTTP/1.1 408") && answer.contains("request_timeout"),
        "{answer}"
    );
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let server = TestServer::start().await;
    let routes = routes();
    for route in &routes {
        let allowed: Vec<_> = routes
            .iter()
            .filter(|other| other.path == route.path)
            .map(|other| other.method.clone())
            .collect();
        for method in [
            Method::PUT,
            Method::PATCH,
            Method::OPTIONS,
            Method::TRACE,
            Method::DELETE,
            Method::POST,
        ] {
            if allowed.contains(&method) {
                continue;
            }
            let answer = server
                .request(method.clone(), &sample(route))
                .send()
                .await
                .expect("answered");
            let named = answer
                .headers()
                .get("allow")
                .map(|value| value.to_str().expect("visible").to_owned());
            is_problem(&read(answer).await, 405, "method_not_allowed");
            let named = named.unwrap_or_default();
            for method in &allowed {
                assert!(
                    named.split(',').any(|name| name.trim() == method.as_str()),
                    "{}: {named}",
                    route.path
                );
            }
        }
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_browsers() {
    let server = TestServer::start().await;
    let mut paths: Vec<_> = routes()
        .iter()
        .map(|route| (route.method.clone(), sample(route)))
        .collect();
    paths.push((Method::GET, "/nowhere/at/all".to_owned()));
    for (method, path) in paths {
        let answer = server.request(method, &path).send().await.expect("answered");
        let header = |name: &str| {
            answer
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        assert!(
            header("content-security-policy").starts_with("default-src 'self'; script-src 'self';"),
            "{path}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(
            !header("cache-control").is_empty() && !header("x-request-id").is_empty(),
            "{path}"
        );
        assert!(
            header("server").is_empty() && header("x-powered-by").is_empty(),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_request_keeps_the_id_that_it_came_with() {
    let server = TestServer::start().await;
    let id = Uuid::now_v7().to_string();
    let answer = server
        .get("/nowhere/at/all")
        .header("x-request-id", &id)
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.headers()["x-request-id"], id);
    assert_eq!(read(answer).await.1["instance"], format!("urn:uuid:{id}"));
}

#[tokio::test]
async fn smuggled_requests_are_refused() {
    let server = TestServer::start().await;
    for headers in [
        "content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        "bad header: x\r\n\r\n",
    ] {
        let answer = raw(
            &server,
            &format!("POST /api/v1/bots HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{headers}: {answer}");
    }
}
