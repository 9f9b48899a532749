//! Against a server of our own, which is reached because its network is allowed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use basic::{Request, Value};
use commands::{Asking, Plan, Services as _};
use uuid::Uuid;
use web::{Own, Web};

/// Counts who knocks.
type Knocks = Arc<AtomicUsize>;

const HTML: [(axum::http::HeaderName, &str); 1] = [(CONTENT_TYPE, "text/html")];
const PAGE: &str = "<h1>Ropes</h1><p class=price>12 €</p><p class=price>9 €</p><a href=/more>More</a><img src=a.png alt=A>\
    <table><tr><th>what</th></tr><tr><td>thin</td></tr></table>";
const FEED: &str = "<rss version=\"2.0\"><channel><title>t</title><link>x</link><description>d</description>\
    <item><title>High tide</title></item><item><title>Low tide</title></item></channel></rss>";
const SERVICE: &str = "<definitions xmlns:s=\"s\" targetNamespace=\"urn:r\"><portType><operation name=\"GetRate\"/></portType>\
    <binding><operation name=\"GetRate\"><s:operation soapAction=\"urn:r#GetRate\"/></operation></binding>\
    <service><port><s:address location=\"/service\"/></port></service></definitions>";

fn envelope(body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>{body}</s:Body></s:Envelope>"
    )
}

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
    let call = |headers: HeaderMap, body: String| async move {
        let action = headers["soapaction"].to_str().unwrap_or_default().to_owned();
        if !body.contains("<currency>EUR</currency>") {
            let fault =
                "<s:Fault><faultcode>c</faultcode><faultstring>no such currency</faultstring></s:Fault>";
            return (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(CONTENT_TYPE, "text/xml")],
                envelope(fault),
            );
        }
        let token = headers.contains_key("x-token");
        let answer = format!(
            "<GetRateResponse><rate>1.08</rate><action>{action}</action><token>{token}</token></GetRateResponse>"
        );
        (StatusCode::OK, [(CONTENT_TYPE, "text/xml")], envelope(&answer))
    };
    let elsewhere = |Path(port): Path<u16>| async move {
        let location = format!("location=\"http://127.0.0.1:{port}/service\"");
        SERVICE.replace("location=\"/service\"", &location)
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
            .route("/page", get(|| async { (HTML, PAGE) }))
            .route("/feed", get(|| async { FEED }))
            .route("/service", get(|| async { SERVICE }).post(call))
            .route("/elsewhere/{port}", get(elsewhere))
            .route("/files/Tide%20table.csv", get(|| async { "tide,height\n" }))
            .route(
                "/named",
                get(|| async {
                    (
                        [(CONTENT_DISPOSITION, "attachment; filename=\"../x.csv\"; size=1")],
                        "1",
                    )
                }),
            )
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
    Web::new(vec!["127.0.0.0/8".parse().expect("a network")], Own::default()).expect("a client")
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
    let web = Web::new(Vec::new(), Own::default()).expect("a client");
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
async fn pages_are_looked_into() {
    let (server, _) = server().await;
    let web = open();
    let json = |json: serde_json::Value| Ok(json);
    let page = async |word: &str| {
        ask(
            &web,
            &format!("x = {}", word.replace("PAGE", &format!("\"{server}/page\""))),
        )
        .await
    };
    assert_eq!(page("SCRAPE PAGE, \".price\"").await, json("12 €".into()));
    assert_eq!(
        page("SCRAPE_ALL PAGE, \".price\"").await,
        json(serde_json::json!(["12 €", "9 €"]))
    );
    assert_eq!(
        page("SCRAPE TABLE PAGE").await,
        json(serde_json::json!([{ "what": "thin" }]))
    );
    let links = serde_json::json!([{ "text": "More", "url": format!("{server}/more") }]);
    assert_eq!(page("SCRAPE LINKS PAGE").await, json(links));
    let images = serde_json::json!([{ "url": format!("{server}/a.png"), "alt": "A" }]);
    assert_eq!(page("SCRAPE_IMAGES PAGE").await, json(images));
    assert_eq!(
        page("SCRAPE PAGE, \"p[[\"").await,
        Err("selector_unclear".to_owned())
    );
    let feed = ask(&web, &format!("x = RSS \"{server}/feed\", 1"))
        .await
        .expect("read");
    assert_eq!(feed.as_array().map(Vec::len), Some(1));
    assert_eq!(feed[0]["title"], "High tide");
    assert_eq!(
        ask(&web, &format!("x = RSS \"{server}/none\"")).await,
        Err("http_status".to_owned())
    );
}

#[tokio::test]
async fn a_service_is_called_as_it_describes_itself() {
    let (server, _) = server().await;
    let web = open();
    let call = async |word: &str| ask(&web, &format!("x = SOAP \"{server}/service\", {word}")).await;
    let rate = call("\"getrate\", {currency: \"EUR\"}").await.expect("answered");
    assert_eq!(
        rate,
        serde_json::json!({ "rate": "1.08", "action": "\"urn:r#GetRate\"", "token": "true" })
    );
    assert_eq!(
        call("\"GetRate\", {currency: \"XXX\"}").await,
        Err("soap_fault".to_owned())
    );
    assert_eq!(call("\"Sell\"").await, Err("operation_unknown".to_owned()));
    // An allowed network is open to the script, not to whom it asks.
    let (other, knocks) = self::server().await;
    let port = other.rsplit_once(':').map_or("", |(_, port)| port);
    let call = format!("x = SOAP \"{server}/elsewhere/{port}\", \"GetRate\", {{currency: \"EUR\"}}");
    assert_eq!(ask(&web, &call).await, Err("address_refused".to_owned()));
    assert_eq!(knocks.load(Ordering::Relaxed), 0);
    assert_eq!(
        web.plan(&request("x = SOAP \"https://example.org\", \"Sell\"")),
        Plan::Changes
    );
}

#[tokio::test]
async fn downloads_have_a_name_and_a_limit() {
    let (server, _) = server().await;
    let web = open();
    let fetch = async |path: &str| web.fetch(&asking(), &format!("{server}{path}"), 1 << 20).await;
    let file = fetch("/files/Tide%20table.csv").await.expect("fetched");
    assert_eq!(
        (file.name.as_str(), file.bytes.as_ref()),
        ("Tide table.csv", b"tide,height\n".as_slice())
    );
    assert_eq!(fetch("/named").await.expect("fetched").name, "../x.csv");
    assert_eq!(
        fetch("/endless").await.expect_err("too large").code,
        "http_too_large"
    );
    assert_eq!(fetch("/none").await.expect_err("missing").code, "http_status");
    assert_eq!(fetch("/away").await.expect_err("within").code, "http_redirect");
}

#[tokio::test]
async fn this_server_is_not_reached_from_behind() {
    let (server, knocks) = server().await;
    let port: u16 = server
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("a port");
    let own = Own {
        hosts: vec!["bots.example.org".to_owned()],
        addresses: vec!["203.0.113.7".parse().expect("an address")],
        ports: vec![port],
    };
    let web = Web::new(vec!["127.0.0.0/8".parse().expect("a network")], own).expect("a client");
    for address in [
        format!("{server}/text"),
        format!("http://localhost:{port}/text"),
        format!("http://0.0.0.0:{port}/text"),
        format!("http://203.0.113.7:{port}/text"),
        "https://bots.example.org/api/v1/sessions".to_owned(),
        "https://BOTS.example.org.:8443/".to_owned(),
    ] {
        let refused = ask(&web, &format!("x = GET \"{address}\""))
            .await
            .expect_err(&address);
        assert_eq!(refused, "address_refused", "{address}");
        assert_eq!(
            web.fetch(&asking(), &address, 10).await.expect_err(&address).code,
            "address_refused"
        );
    }
    let (other, _) = crate::server().await;
    assert_eq!(
        ask(&web, &format!("x = GET \"{other}/text\"")).await,
        Ok("seven".into())
    );
    let around = ask(&web, &format!("x = GET \"{other}/to/{port}/text\"")).await;
    assert_eq!(around, Err("http_redirect".to_owned()));
    assert_eq!(knocks.load(Ordering::Relaxed), 0);
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
