//! Files: uploaded by a visitor or a client of the API, sent with a message, shown, and given out to nobody else.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::time::Duration;

use domain::Permission;
use reqwest::{Body, Method, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rest::{is_problem, read};
use crate::server::TestServer;
use crate::socket::client::{Socket, credential};

const ASKS: &str = "HEAR picture AS IMAGE WITH \"A picture?\"\n\
    TALK picture.name + \" at \" + picture.url\nHEAR more\nTALK more\n";

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR rest";

/// A visitor of a bot: the session's id and its credential.
async fn visitor(server: &TestServer) -> (String, String) {
    let credential = credential(server, "helper").await;
    let session = credential.split('.').next().expect("two parts").to_owned();
    (session, credential)
}

fn upload(server: &TestServer, session: &str, credential: &str, name: &str) -> RequestBuilder {
    server
        .request(Method::POST, &format!("/api/v1/sessions/{session}/files"))
        .query(&[("name", name)])
        .bearer_auth(credential)
}

async fn uploaded(server: &TestServer, (session, credential): &(String, String), name: &str) -> Value {
    let request = upload(server, session, credential, name).body(PNG);
    let (status, body) = read(request.send().await.expect("answered")).await;
    assert_eq!(status, 201, "{body}");
    body
}

#[tokio::test]
async fn a_visitor_sends_a_picture_and_whoever_may_sees_it() {
    let server = TestServer::start().await;
    server.bot_with("helper", ASKS).await;
    let visitor = visitor(&server).await;
    let (session, credential) = &visitor;
    let mut socket = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    socket.message("A picture?").await;
    let response = upload(&server, session, credential, "../gatinho é.png")
        .body(PNG)
        .send()
        .await
        .expect("answered");
    let location = response.headers()["location"]
        .to_str()
        .expect("visible")
        .to_owned();
    let (status, file) = read(response).await;
    assert_eq!(
        (status, &file["name"], &file["media_type"], &file["bytes"]),
        (
            201,
            &json!("gatinho é.png"),
            &json!("image/png"),
            &json!(PNG.len())
        )
    );
    let id = file["file_id"].as_str().expect("an id");
    assert_eq!(location, format!("/api/v1/sessions/{session}/files/{id}"));

    socket.send(&json!({ "content": "", "files": [id] })).await;
    let own = socket
        .until(|frame| frame["message_type"] == 1)
        .await
        .pop()
        .expect("the turn comes back");
    let shown =
        json!([{ "file_id": id, "name": "gatinho é.png", "media_type": "image/png", "bytes": PNG.len() }]);
    assert_eq!(own["files"], shown);
    socket.message(&format!("gatinho é.png at {location}")).await;
    socket.close().await;
    // The history tells it as the live frame did.
    let mut again = Socket::open(&server, &format!("/ws/helper?session_id={credential}")).await;
    let own = again.until(|frame| frame["message_type"] == 1).await.pop();
    assert_eq!(own.expect("the turn is told")["files"], shown);

    let reader = server.token(&[Permission::ConversationRead]).await;
    for who in [credential, &reader] {
        let response = server
            .get(&location)
            .bearer_auth(who)
            .send()
            .await
            .expect("answered");
        assert_eq!(response.status(), 200);
        let header = |name: &str| response.headers()[name].to_str().expect("visible").to_owned();
        assert_eq!(header("content-type"), "image/png");
        assert_eq!(header("content-length"), PNG.len().to_string());
        assert_eq!(
            header("content-disposition"),
            "inline; filename=\"gatinho _.png\"; filename*=UTF-8''gatinho%20%C3%A9.png"
        );
        assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(
            (header("x-content-type-options"), header("cache-control")),
            ("nosniff".into(), "no-store".into())
        );
        assert_eq!(response.bytes().await.expect("a body"), PNG);
    }
    let head = server.feed.head().await.expect("the log has a head");
    let projections = &server.edge.projections;
    projections
        .wait_for(projections::NAMES, head, Duration::from_secs(60))
        .await
        .expect("they catch up");
    let query = "{ conversations(first: 1) { edges { node { turns(first: 10) { edges { node { files { id name mediaType bytes url } } } } } } } }";
    let (_, answer) = read(
        server
            .post("/graphql", &json!({ "query": query }))
            .send()
            .await
            .expect("answered"),
    )
    .await;
    let turns = &answer["data"]["conversations"]["edges"][0]["node"]["turns"]["edges"];
    let files: Vec<&Value> = turns
        .as_array()
        .unwrap_or_else(|| panic!("{answer}"))
        .iter()
        .flat_map(|turn| turn["node"]["files"].as_array().expect("a list"))
        .collect();
    assert_eq!(
        files,
        [
            &json!({ "id": id, "name": "gatinho é.png", "mediaType": "image/png", "bytes": PNG.len(), "url": location })
        ],
        "{answer}"
    );
}

#[tokio::test]
async fn nobody_else_reads_a_file_or_gives_one() {
    let server = TestServer::start().await;
    server.bot_with("helper", ASKS).await;
    let (owner, other) = (visitor(&server).await, visitor(&server).await);
    let file = uploaded(&server, &owner, "mine.png").await;
    let id = file["file_id"].as_str().expect("an id");
    let path = format!("/api/v1/sessions/{}/files/{id}", owner.0);
    let get = |path: String, who: String| server.get(&path).bearer_auth(who).send();
    let answer = get(path.clone(), other.1.clone()).await.expect("answered");
    is_problem(&read(answer).await, 404, "session_not_found");
    // Under their own session the file is not there.
    let elsewhere = format!("/api/v1/sessions/{}/files/{id}", other.0);
    let answer = get(elsewhere, other.1.clone()).await.expect("answered");
    is_problem(&read(answer).await, 404, "file_not_found");
    let (_, stranger) = server.stranger().await;
    let answer = get(path.clone(), stranger).await.expect("answered");
    is_problem(&read(answer).await, 404, "file_not_found");
    let forged = format!("{}{}", &owner.1[..owner.1.len() - 2], "zz");
    let answer = get(path, forged).await.expect("answered");
    is_problem(&read(answer).await, 401, "unauthenticated");
    let answer = upload(&server, &owner.0, &other.1, "a.png")
        .body(PNG)
        .send()
        .await;
    is_problem(&read(answer.expect("answered")).await, 404, "session_not_found");
    let turn = json!({ "content": "look", "files": [id] });
    let post = |session: &str| {
        server
            .post(&format!("/api/v1/sessions/{session}/turns"), &turn)
            .send()
    };
    is_problem(
        &read(post(&other.0).await.expect("answered")).await,
        404,
        "file_not_found",
    );
    assert_eq!(post(&owner.0).await.expect("answered").status(), 202);
    is_problem(
        &read(post(&owner.0).await.expect("answered")).await,
        409,
        "file_attached",
    );
}

#[tokio::test]
async fn what_is_too_large_or_no_file_is_refused_and_nothing_is_kept() {
    let server = TestServer::start_with(|settings| {
        settings.limits.file_bytes_max = 1000;
        settings.limits.session_file_bytes_max = 1500;
        settings.limits.body_within = Duration::from_millis(300);
    })
    .await;
    server.bot_with("helper", ASKS).await;
    let (session, credential) = visitor(&server).await;
    let send = async |body: Body| {
        let request = upload(&server, &session, &credential, "a.bin").body(body);
        read(request.send().await.expect("answered")).await
    };
    is_problem(&send(Body::from(vec![1; 1001])).await, 413, "file_too_large");
    // Without a length the limit is found on the way.
    let pieces = futures::stream::iter((0..11).map(|_| Ok::<_, Infallible>(vec![1; 100])));
    is_problem(&send(Body::wrap_stream(pieces)).await, 413, "file_too_large");
    is_problem(&send(Body::from("")).await, 422, "field_invalid");
    let stalled = futures::stream::once(async { Ok::<_, Infallible>(vec![1; 100]) });
    let stalled = futures::StreamExt::chain(stalled, futures::stream::pending());
    is_problem(&send(Body::wrap_stream(stalled)).await, 408, "request_timeout");
    let form = upload(&server, &session, &credential, "a.bin")
        .header("content-type", "multipart/form-data; boundary=x")
        .body("--x--");
    let form = form.send().await.expect("answered");
    is_problem(&read(form).await, 415, "media_type_unsupported");

    let (status, kept) = send(Body::from(vec![1; 900])).await;
    assert_eq!(status, 201, "{kept}");
    server.settle(kept["token"].as_str().expect("a token")).await;
    is_problem(
        &send(Body::from(vec![1; 700])).await,
        413,
        "session_files_too_large",
    );
    assert_eq!(send(Body::from(vec![1; 600])).await.0, 201);
}

#[tokio::test]
async fn uploads_are_paced_and_their_key_makes_them_one() {
    let server = TestServer::start_with(|settings| {
        settings.limits.files_per_minute_max = NonZeroU32::new(3).expect("is not zero");
    })
    .await;
    server.bot_with("helper", ASKS).await;
    let (session, credential) = visitor(&server).await;
    let send = async |body: &'static [u8]| {
        let request = upload(&server, &session, &credential, "a.bin")
            .header("idempotency-key", "one")
            .body(body);
        request.send().await.expect("answered")
    };
    let (_, first) = read(send(b"same").await).await;
    let again = send(b"same").await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    let (status, second) = read(again).await;
    assert_eq!((status, &second["file_id"]), (201, &first["file_id"]));
    is_problem(&read(send(b"other").await).await, 409, "idempotency_key_reused");
    // Somebody else cannot use up what the session may upload; nor is their try counted against it.
    let (_, other) = visitor(&server).await;
    for _ in 0..5 {
        let foreign = upload(&server, &session, &other, "a.bin").body("x").send().await;
        is_problem(&read(foreign.expect("answered")).await, 404, "session_not_found");
    }
    let slowed = send(b"same").await;
    assert!(slowed.headers().contains_key("retry-after"));
    is_problem(&read(slowed).await, 429, "too_many_requests");
}

#[tokio::test]
async fn a_page_of_ours_is_not_what_an_uploaded_page_becomes() {
    let server = TestServer::start().await;
    server.bot_with("helper", ASKS).await;
    let (session, credential) = visitor(&server).await;
    for (name, content) in [
        ("evil.html", "<!DOCTYPE html><script>alert(1)</script>"),
        (
            "evil.svg",
            "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        ),
        ("evil.png", "<script>alert(1)</script>"),
    ] {
        let request = upload(&server, &session, &credential, name).body(content);
        let (_, file) = read(request.send().await.expect("answered")).await;
        let path = format!(
            "/api/v1/sessions/{session}/files/{}",
            file["file_id"].as_str().expect("an id")
        );
        let response = server
            .get(&path)
            .bearer_auth(&credential)
            .send()
            .await
            .expect("answered");
        let header = |name: &str| response.headers()[name].to_str().expect("visible").to_owned();
        assert_ne!(header("content-type"), "image/png");
        let harmless = header("content-disposition").starts_with("attachment")
            || header("content-type") == "text/plain; charset=utf-8";
        assert!(harmless, "{name}");
        assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    }
    let unknown = format!("/api/v1/sessions/{session}/files/{}", Uuid::now_v7());
    let answer = server
        .get(&unknown)
        .bearer_auth(&credential)
        .send()
        .await
        .expect("answered");
    is_problem(&read(answer).await, 404, "file_not_found");
}
