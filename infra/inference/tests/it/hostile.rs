//! Clients that mean harm, or know no better: each gets a clear answer, and nobody else notices.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::worker::{Answer, PATIENCE, Running, answer, config, models, start};

async fn send(worker: &Running, body: impl Into<reqwest::Body>) -> Answer {
    let request = worker
        .request(Method::POST, "/v1/embeddings")
        .header("content-type", "application/json");
    answer(request.body(body)).await
}

/// What comes back for bytes that need not be HTTP, until the connection is closed.
async fn raw(worker: &Running, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(worker.address).await.expect("a connection");
    // The other side may have closed already.
    let _ = stream.write_all(bytes).await;
    let mut answered = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answered)).await;
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&answered).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_characters_are_refused_or_cut() {
    let worker = start().await;
    for text in [
        "harbour ".repeat(125_000),
        "x".repeat(1_000_000),
        "雨".repeat(1_000_000),
        " ".repeat(1_000_000),
    ] {
        let refused = worker.embed(json!({"model": "embed", "input": text})).await;
        let start: String = text.chars().take(3).collect();
        // A word of too many letters is one unknown token.
        assert!(
            [200, 400].contains(&refused.status.as_u16()),
            "{start}: {}",
            refused.text
        );
        if refused.status == 400 {
            assert!(["context_length_exceeded", "empty_input"].contains(&refused.error().1.as_str()));
        }
        let cut = worker
            .embed(json!({"model": "embed", "input": text, "truncate": true}))
            .await;
        assert!(
            cut.status == 200 || cut.error().1 == "context_length_exceeded",
            "{start}: {}",
            cut.text
        );
    }
    worker.vector("others go on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_told_where() {
    let worker = start().await;
    let deep = |open: &str, close: &str, depth| {
        format!(
            "{{\"model\":\"embed\",\"input\":{}{}}}",
            open.repeat(depth),
            close.repeat(depth)
        )
    };
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (b"".to_vec(), "invalid_json", "empty"),
        (b"nonsense".to_vec(), "invalid_json", "line 1 column 2"),
        (
            b"{\"model\": \"embed\",\n \"input\": }".to_vec(),
            "invalid_json",
            "line 2 column 11",
        ),
        (
            b"{\"model\":\"embed\",\"input\":\"a\"} more".to_vec(),
            "invalid_json",
            "line 1 column 31",
        ),
        (b"[\"embed\", \"a\"]".to_vec(), "invalid_json", "array"),
        (
            b"{\"input\":\"a\",\"model\":\"embed\",\"input\":\"b\"}".to_vec(),
            "invalid_json",
            "duplicate field `input`",
        ),
        (
            b"{\"model\":\"embed\",\"input\":\"\xff\xfe\"}".to_vec(),
            "invalid_utf8",
            "byte 26",
        ),
        (
            b"{\"model\":\"embed\",\"input\":\"\\ud800\"}".to_vec(),
            "invalid_",
            "",
        ),
        (deep("[", "]", 100_000).into_bytes(), "invalid_type", "input"),
        (deep("{\"a\":", "}", 100_000).into_bytes(), "invalid_", ""),
        (deep("[", "", 1_000_000).into_bytes(), "invalid_json", "column"),
        (
            b"{\"model\":\"embed\",\"input\":\"a\nb\"}".to_vec(),
            "invalid_json",
            "control character",
        ),
    ];
    for (body, code, part) in cases {
        let shown: String = String::from_utf8_lossy(&body).chars().take(60).collect();
        let told = send(&worker, body).await;
        let (status, found) = told.error();
        assert!(status == 400 && found.starts_with(code), "{shown}: {}", told.text);
        assert!(told.text.contains(part), "{shown}: {}", told.text);
    }
    worker.vector("others go on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_or_too_slow_is_refused() {
    let settings = ["server.body_bytes_max=100000", "server.body_ms=300"];
    let worker = Running::start(config(&models(), &settings), None).await;
    let large = json!({"model": "embed", "input": "x".repeat(200_000)}).to_string();
    assert_eq!(
        send(&worker, large.clone()).await.error(),
        (413, "body_too_large".to_owned())
    );
    let chunks = futures::stream::iter(
        large
            .into_bytes()
            .chunks(1000)
            .map(<[u8]>::to_vec)
            .map(Ok::<_, std::io::Error>)
            .collect::<Vec<_>>(),
    );
    assert_eq!(
        send(&worker, reqwest::Body::wrap_stream(chunks)).await.error(),
        (413, "body_too_large".to_owned())
    );
    let declared = raw(
        &worker,
        b"POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999\r\n\r\n",
    )
    .await;
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
    let slow = raw(
        &worker,
        b"POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{",
    )
    .await;
    assert!(
        slow.starts_with("HTTP/1.1 408") && slow.contains("body_timeout"),
        "{slow}"
    );
    worker.vector("others go on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_much_together_are_told_to_come_back() {
    let settings = ["server.body_bytes_max=100000", "server.bodies_bytes_max=150000"];
    let worker = Running::start(config(&models(), &settings), None).await;
    let part = vec![b' '; 90_000];
    let mut held = TcpStream::connect(worker.address).await.expect("a connection");
    let head = "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ncontent-length: 99999\r\n\r\n";
    held.write_all(head.as_bytes()).await.expect("it is sent");
    held.write_all(&part).await.expect("it is sent");
    let large = || json!({"model": "embed", "input": "x", "user": "y".repeat(80_000)}).to_string();
    // Until the first one has been read this far.
    let refused = loop {
        let told = send(&worker, large()).await;
        if told.status != 200 {
            break told;
        }
    };
    assert_eq!(refused.error(), (429, "rate_limit_exceeded".to_owned()));
    assert!(refused.headers.contains_key("retry-after"));
    drop(held);
    while send(&worker, large()).await.status != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_ends_its_own_connection_only() {
    let worker = Running::start(config(&models(), &["server.idle_ms=300"]), None).await;
    let good = "GET /livez HTTP/1.1\r\nhost: a\r\n\r\n";
    for (bytes, expected) in [
        ("\0\u{1}\u{2}garbage\r\n\r\n".to_owned(), "HTTP/1.1 400"),
        (format!("{good}garbage\r\n\r\n"), "HTTP/1.1 200"),
        (format!("{good}{good}{good}POST"), "HTTP/1.1 200"),
        (
            format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(200_000)),
            "HTTP/1.1 4",
        ),
        (
            format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(200_000)),
            "HTTP/1.1 4",
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(10_000)),
            "HTTP/1.1 4",
        ),
        (
            "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzzz\r\n".to_owned(),
            "HTTP/1.1 4",
        ),
        ("GET /livez HTTP/1.1\r\nhost:".to_owned(), ""),
        (String::new(), ""),
    ] {
        let shown: String = bytes.chars().take(60).collect();
        let told = raw(&worker, bytes.as_bytes()).await;
        assert!(told.starts_with(expected), "{shown:?}: {told:?}");
    }
    worker.vector("others go on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_there_may_be_wait() {
    let worker = Running::start(
        config(&models(), &["server.connections_max=2", "server.idle_ms=500"]),
        None,
    )
    .await;
    let _idle = [
        TcpStream::connect(worker.address).await.expect("a connection"),
        TcpStream::connect(worker.address).await.expect("a connection"),
    ];
    // They are let go when they say nothing.
    let served = tokio::time::timeout(PATIENCE, raw(&worker, b"GET /livez HTTP/1.0\r\n\r\n")).await;
    assert!(served.expect("in time").starts_with("HTTP/1.0 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_given_up() {
    let worker = Running::start(config(&models(), &["server.idle_ms=300"]), None).await;
    let body = json!({"model": "embed", "input": vec!["a"; 2048]}).to_string();
    let one = format!(
        "POST /v1/embeddings HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let stream = TcpStream::connect(worker.address).await.expect("a connection");
    let (_reads_nothing, mut writes) = stream.into_split();
    // Answers fill what the system keeps for the connection; then nothing more is taken, and in the end it is closed.
    let closed = async { while writes.write_all(one.as_bytes()).await.is_ok() {} };
    let closed = tokio::time::timeout(PATIENCE + Duration::from_secs(60), closed).await;
    assert!(closed.is_ok(), "the connection is closed");
    worker.vector("others go on").await;
}
