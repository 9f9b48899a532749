//! Against a server of our own, which is reached because its network is allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use basic::{Request, Value};
use commands::{Asking, Plan, Services as _};
use uuid::Uuid;
use web::Web;

/// Counts who knocks.
type Knocks = Arc<AtomicUsize>;

async fn server() -> (String, Knocks) {
    let knocks = Knocks::default();
    let echo = |headers: HeaderMap, body: String| async move {
        let token = headers
            .get("x-token")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body: serde_json::Value = serde_json::from_str(&body).unwrap_or(serde_json::Value::Null);
        (
            StatusCode::CREATED,
            axum::Json(serde_json::json!({ "got": body, "token": token, "status": "own" })),
        )
    };
    let to = |Path((port, path)): Path<(u16, String)>| async move {
        Redirect::temporary(&format!("http://127.0.0.1:{port}/{path}"))
    };
    let token = |headers: HeaderMap| async move {
        let names = ["x-token", "referer"];
        names.map(|name| headers.contains_key(name).to_string()).join(" ")
    };
    let endless = || async {
        let parts = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 1 << 20]));
        axum::body::Body::from_stream(parts)
    };
    let router =
        Router::new()
            .route(
                "/berths",
                get(|| async { axum::Json(serde_json::json!({ "data": [{ "number": 7 }] })) }),
            )
            .route("/text", get(|| async { "seven" }))
            .route("/none", get(|| async { (StatusCode::NOT_FOUND, "nothing here") }))
            .route(
                "/away",
                get(|| async { Redirect::temporary("http://169.254.169.254/latest/") }),
            )
            .route("/to/{port}/{path}", any(to))
            .route("/token", get(token))
            .route(
                "/values",
                get(|| async { format!("[{}0]", "0,".repeat(300_000)) }),
            )
            .route("/on", get(|| async { Redirect::temporary("/text") }))
            .route("/endless", get(endless))
            .route("/echo", post(echo).put(echo).patch(echo).delete(echo))
            .fallback(any(|| async { StatusCode::NOT_FOUND }))
            .layer(axum::middleware::from_fn_with_state(
                knocks.clone(),
                |State(knocks): State<Knocks>,
                 request: axum::extract::Request,
                 next: axum::middleware::Next| async move {
                    knocks.fetch_add(1, Ordering::Relaxed);
                    next.run(request).await
                },
            ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, knocks)
}

/// What a statement asks for, as the machine hands it out.
fn request(statement: &str) -> Request {
    let program = basic::compile("test", statement).program.expect("it compiles");
    let mut machine = basic::Machine::start(Arc::new(program), basic::Start::default());
    match machine.run(basic::Input::Start, chrono_now(), 10_000) {
        basic::Step::Request(request) => request,
        other => panic!("{statement}: {other:?}"),
    }
}

fn chrono_now() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH
}

fn asking() -> Asking {
    Asking {
        tenant: Uuid::nil().into(),
        bot: Uuid::nil().into(),
        session: Uuid::nil().into(),
        user: Uuid::nil().into(),
        headers: vec![("x-token".to_owned(), "secret".to_owned())],
    }
}

fn open() -> Web {
    Web::new(vec!["127.0.0.0/8".parse().expect("a network")]).expect("a client")
}

async fn ask(web: &Web, statement: &str) -> Result<serde_json::Value, String> {
    let answered = web.ask(&asking(), &request(statement)).await;
    answered
        .map(|value: Value| value.to_json())
        .map_err(|refusal| refusal.code)
}

#[tokio::test]
async fn what_comes_back_is_read() {
    let (server, _) = server().await;
    let web = open();
    let berths = ask(&web, &format!("x = GET \"{server}/berths\"")).await;
    assert_eq!(berths, Ok(serde_json::json!({ "data": [{ "number": 7 }] })));
    assert_eq!(
        ask(&web, &format!("x = GET \"{server}/text\"")).await,
        Ok("seven".into())
    );
    assert_eq!(
        ask(&web, &format!("x = GET \"{server}/on\"")).await,
        Ok("seven".into())
    );
    assert_eq!(
        ask(&web, &format!("x = GET \"{server}/none\"")).await,
        Err("http_status".to_owned())
    );
    for verb in ["POST", "PUT", "PATCH"] {
        let answer = ask(&web, &format!("x = {verb} \"{server}/echo\", {{berth: 7}}"))
            .await
            .expect("answered");
        assert_eq!(answer["status"], 201, "its own, not the body's");
        assert_eq!(
            answer["got"]["berth"], 7,
            "fields of the body are fields of the answer"
        );
        assert_eq!(answer["data"]["status"], "own");
        assert_eq!(answer["token"], "secret");
    }
    let answer = ask(&web, &format!("DELETE HTTP \"{server}/echo\""))
        .await
        .expect("answered");
    assert_eq!(answer["status"], 201);
    let answer = ask(
        &web,
        &format!("x = GRAPHQL \"{server}/echo\", \"{{ a }}\", {{b: 1}}"),
    )
    .await
    .expect("answered");
    assert_eq!(answer["got"]["variables"]["b"], 1);
}

#[tokio::test]
async fn what_is_within_is_not_knocked_at() {
    let (server, knocks) = server().await;
    let web = Web::new(Vec::new()).expect("a client");
    let port = server.rsplit(':').next().expect("a port").to_owned();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "[::ffff:127.0.0.1]",
        "0x7f.1",
        "LOCALHOST.",
    ] {
        let refused = ask(&web, &format!("x = GET \"http://{host}:{port}/text\""))
            .await
            .expect_err(host);
        assert!(
            ["address_refused", "http_unreachable"].contains(&refused.as_str()),
            "{host}: {refused}"
        );
    }
    assert_eq!(knocks.load(Ordering::Relaxed), 0);
    // Nor by a detour.
    assert_eq!(
        ask(&open(), &format!("x = GET \"{server}/away\"")).await,
        Err("http_redirect".to_owned())
    );
}

#[tokio::test]
async fn nothing_of_the_script_goes_to_another_site() {
    let ((server, _), (other, knocks)) = (server().await, server().await);
    let port = other.rsplit(':').next().expect("a port");
    let web = open();
    let own = server.rsplit(':').next().expect("a port");
    let at_home = ask(&web, &format!("x = GET \"{server}/to/{own}/token?key=secret\"")).await;
    assert_eq!(at_home, Ok("true false".into()));
    let away = ask(&web, &format!("x = GET \"{server}/to/{port}/token?key=secret\"")).await;
    assert_eq!(away, Ok("false false".into()));
    assert_eq!(knocks.load(Ordering::Relaxed), 1);
    let answer = ask(
        &web,
        &format!("x = POST \"{server}/to/{port}/echo\", {{berth: 7}}"),
    )
    .await
    .expect("answered");
    assert_eq!(answer["status"], 307);
    assert_eq!(knocks.load(Ordering::Relaxed), 1, "it was not sent on");
    let answer = ask(
        &web,
        &format!("x = POST \"{server}/to/{own}/echo\", {{berth: 7}}"),
    )
    .await
    .expect("answered");
    assert_eq!(answer["got"]["berth"], 7);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (server, _) = server().await;
    let values = ask(&open(), &format!("x = GET \"{server}/values\"")).await;
    assert_eq!(values, Err("http_too_large".to_owned()));
    assert_eq!(
        ask(&open(), &format!("x = GET \"{server}/endless\"")).await,
        Err("http_too_large".to_owned())
    );
}

#[test]
fn what_is_no_address_is_somebody_else_s() {
    let web = open();
    assert!(matches!(
        web.plan(&request("x = GET \"rules.pdf\"")),
        Plan::Refused(_)
    ));
    assert!(matches!(
        web.plan(&request("x = POST \"/api/tasks\", {}")),
        Plan::Refused(_)
    ));
    assert_eq!(web.plan(&request("x = GET \"https://example.org\"")), Plan::Reads);
    assert_eq!(
        web.plan(&request("x = POST \"https://example.org\", {}")),
        Plan::Changes
    );
}
