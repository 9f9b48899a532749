//! Pages, assets and probes.

use reqwest::{Method, Response};
use serde_json::json;

use crate::rest::{is_problem, read};
use crate::server::TestServer;

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("visible"))
}

#[tokio::test]
async fn the_chat_page_is_served_for_bots_that_exist() {
    let server = TestServer::start().await;
    server.bot("helper").await;
    for path in ["/", "/helper", "/Helper"] {
        let page = server.get(path).send().await.expect("answered");
        assert_eq!(
            (page.status().as_u16(), header(&page, "content-type")),
            (200, "text/html; charset=utf-8"),
            "{path}"
        );
        assert!(page.text().await.expect("a page").contains("<!doctype html>"));
    }
}

#[tokio::test]
async fn an_unknown_bot_is_a_page_for_people_and_a_problem_for_programs() {
    let server = TestServer::start().await;
    let page = server
        .get("/nobody")
        .header("accept", "text/html,*/*;q=0.8")
        .send()
        .await
        .expect("answered");
    assert_eq!(
        (page.status().as_u16(), header(&page, "content-type")),
        (404, "text/html; charset=utf-8")
    );
    let problem = server
        .get("/favicon.ico")
        .header("accept", "image/*")
        .send()
        .await
        .expect("answered");
    is_problem(&read(problem).await, 404, "bot_not_found");
}

#[tokio::test]
async fn assets_have_their_types_and_are_revalidated() {
    let server = TestServer::start().await;
    for (path, kind) in [
        ("/assets/js/chat.js", "text/javascript; charset=utf-8"),
        ("/assets/js/texts/en.js", "text/javascript; charset=utf-8"),
        ("/assets/icons/chat.svg", "image/svg+xml"),
        ("/assets/css/chat.css", "text/css; charset=utf-8"),
    ] {
        let first = server.get(path).send().await.expect("answered");
        assert_eq!(
            (first.status().as_u16(), header(&first, "content-type")),
            (200, kind),
            "{path}"
        );
        assert_eq!(header(&first, "cache-control"), "public, no-cache");
        let tag = header(&first, "etag").to_owned();
        let again = server
            .get(path)
            .header("if-none-match", &tag)
            .send()
            .await
            .expect("answered");
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, &*tag));
        assert!(again.bytes().await.expect("no body").is_empty());
        let changed = server
            .get(path)
            .header("if-none-match", "W/\"00\"")
            .send()
            .await
            .expect("answered");
        assert_eq!(changed.status(), 200);
    }
}

#[tokio::test]
async fn pages_are_compressed_for_whoever_can_read_it() {
    let server = TestServer::start().await;
    for path in ["/", "/assets/js/chat.js", "/openapi.json"] {
        let answer = server
            .get(path)
            .header("accept-encoding", "gzip")
            .send()
            .await
            .expect("answered");
        assert_eq!(header(&answer, "content-encoding"), "gzip", "{path}");
        assert!(header(&answer, "vary").contains("accept-encoding"));
        assert!(answer.bytes().await.expect("a body").starts_with(&[0x1f, 0x8b]));
    }
}

#[tokio::test]
async fn brotli_is_preferred_because_it_is_smaller() {
    let server = TestServer::start().await;
    let answer = server
        .get("/assets/js/chat.js")
        .header("accept-encoding", "gzip, deflate, br")
        .send()
        .await
        .expect("answered");
    assert_eq!(
        (header(&answer, "content-encoding"), header(&answer, "vary")),
        ("br", "accept-encoding")
    );
    let script = include_bytes!("../../ui/assets/js/chat.js");
    assert!(answer.bytes().await.expect("a body").len() < script.len() / 2);
}

#[tokio::test]
async fn the_chat_alone_may_be_framed_and_its_script_alone_loaded_elsewhere() {
    let server = TestServer::start_with(|settings| {
        settings.embed_origins = vec!["https://shop.example".to_owned()];
    })
    .await;
    server.bot("helper").await;
    for (path, ancestors, resource) in [
        ("/", "'self' https://shop.example", "same-origin"),
        ("/helper?embed=1", "'self' https://shop.example", "same-origin"),
        ("/embed.js", "'self'", "cross-origin"),
        ("/assets/js/chat.js", "'self'", "same-origin"),
        ("/openapi.json", "'self'", "same-origin"),
    ] {
        let answer = server.get(path).send().await.expect("answered");
        assert_eq!(answer.status(), 200, "{path}");
        let policy = header(&answer, "content-security-policy");
        assert!(
            policy.ends_with(&format!("frame-ancestors {ancestors}")),
            "{path}: {policy}"
        );
        assert_eq!(
            header(&answer, "cross-origin-resource-policy"),
            resource,
            "{path}"
        );
    }
}

#[tokio::test]
async fn nothing_outside_the_assets_is_served() {
    let server = TestServer::start().await;
    for path in [
        "/assets/nothing.js",
        "/assets/%2e%2e/chat.html",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e%2ftest/package.json",
        "/assets/..%5c..%5cCargo.toml",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/js/chat.js%00.png",
        "/assets/js/./chat.js%2f",
        "/assets/",
        "/test/package.json",
    ] {
        let answer = raw(
            &server,
            &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

/// Sends bytes as they are: a client would tidy the path.
pub async fn raw(server: &TestServer, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut connection = tokio::net::TcpStream::connect(server.address)
        .await
        .expect("connected");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.expect("answered");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn the_probes_say_how_it_stands() {
    let server = TestServer::start().await;
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = read(server.get(path).send().await.expect("answered")).await;
        assert_eq!(answer, (200, json!({ "status": "ok" })), "{path}");
    }
    let verbose = read(server.get("/readyz?verbose").send().await.expect("answered")).await;
    assert_eq!(
        verbose.1["checks"],
        json!([{ "name": "database", "passed": true }])
    );
    let measures = server.get("/metrics").send().await.expect("answered");
    assert_eq!(
        header(&measures, "content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    assert_eq!(measures.text().await.expect("a text"), "# no measures\n");

    server.edge.health.drain();
    let draining = server.get("/readyz").send().await.expect("answered");
    assert_eq!(header(&draining, "retry-after"), "5");
    is_problem(&read(draining).await, 503, "not_ready");
    assert_eq!(server.get("/livez").send().await.expect("answered").status(), 200);
}

#[tokio::test]
async fn the_served_document_is_the_generated_one() {
    let server = TestServer::start().await;
    let (status, body) = read(server.get("/openapi.json").send().await.expect("answered")).await;
    assert_eq!((status, body), (200, api::document()));
}

#[tokio::test]
async fn a_head_has_no_body() {
    let server = TestServer::start().await;
    for path in ["/", "/livez", "/assets/js/chat.js", "/nobody"] {
        let answer = server.request(Method::HEAD, path).send().await.expect("answered");
        assert_eq!(
            answer.status().as_u16(),
            if path == "/nobody" { 404 } else { 200 },
            "{path}"
        );
        assert!(answer.bytes().await.expect("no body").is_empty());
    }
}
