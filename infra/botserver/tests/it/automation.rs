//! Scripts that start by themselves: webhooks, forms, events, rows that change, schedules.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::chat::Visitor;
use crate::server::{DataFolder, Server};

const TABLES: &str = "
TABLE orders
  id integer key
  what string(100)
END TABLE

TABLE seen
  id guid key
  what string(200)
END TABLE
";

/// What the other scripts have put down, in the order of their texts.
const SHOW: &str = r#"
WEBHOOK "seen"
rows = FIND "seen" ORDER BY what
texts = []
FOR EACH row IN rows
  PUSH texts, row.what
NEXT
RETURN texts
"#;

struct Desk {
    data: DataFolder,
    server: Server,
    client: Client,
}

impl Desk {
    fn with(scripts: &[(&str, &str)]) -> Desk {
        let data = DataFolder::new();
        data.script("desk", "start", "TALK \"hello\"\n");
        data.script("desk", "tables", TABLES);
        data.script("desk", "show", SHOW);
        for (name, source) in scripts {
            data.script("desk", name, source);
        }
        let server = Server::start(&data);
        Desk {
            data,
            server,
            client: Client::new(),
        }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let address = format!("http://{}/api/desk/{path}", self.server.address);
        let mut request = self.client.request(method, address);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::from(text)))
    }

    async fn seen(&self) -> Value {
        self.call(Method::GET, "webhook/seen", None).await.1
    }

    /// Waits until exactly these texts have been put down.
    async fn until_seen(&self, expected: Value) {
        let mut seen = Value::Null;
        for _ in 0..600 {
            seen = self.seen().await;
            if seen == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("seen {seen}, not {expected}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_answers_with_what_its_script_returns() {
    let desk = Desk::with(&[
        (
            "order",
            r#"
WEBHOOK "orders/new"
IF body.what = "" OR ISNULL(body) THEN
  RETURN WITH status AS 422, body AS "nothing ordered"
END IF
INSERT "orders", {id: body.id, what: body.what}
RETURN {ordered: body.what, by: params.by, how: method, at: path, agent: headers["x-shop"]}
"#,
        ),
        ("asks", "WEBHOOK \"asks\"\nHEAR x\nRETURN x\n"),
        (
            "remembers",
            "WEBHOOK \"remembers\"\nlast = GET SESSION \"last\"\nSET SESSION \"last\", \"x\"\nRETURN {last: last, header: headers[\"x-last\"]}\n",
        ),
        ("slow", "WEBHOOK \"breaks\"\nx = NULL\nTHROW \"no\"\n"),
    ]);
    let order = json!({"id": 7, "what": "rope"});
    let address = format!(
        "http://{}/api/desk/webhook/orders/new?by=anna",
        desk.server.address
    );
    let send = || {
        desk.client
            .post(&address)
            .header("X-Shop", "harbour")
            .header("Webhook-Id", "first")
            .json(&order)
    };
    for _ in 0..2 {
        let answer = send().send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(
            answer.headers()["content-security-policy"]
                .to_str()
                .expect("text")
                .split(';')
                .next(),
            Some("default-src 'none'")
        );
        let answer: Value = answer.json().await.expect("JSON");
        let expected =
            json!({"ordered": "rope", "by": "anna", "how": "POST", "at": "/orders/new", "agent": "harbour"});
        assert_eq!(answer, expected);
    }

    let (status, body) = desk
        .call(Method::PUT, "webhook/orders/new", Some(json!({"what": ""})))
        .await;
    assert_eq!(
        (status, body),
        (StatusCode::UNPROCESSABLE_ENTITY, json!("nothing ordered"))
    );
    let (status, problem) = desk.call(Method::POST, "webhook/nowhere", None).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::NOT_FOUND, &json!("webhook_not_found"))
    );
    let (status, problem) = desk.call(Method::POST, "webhook/breaks", None).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("script_failed"))
    );
    // Nobody is there to answer it.
    let (status, problem) = desk.call(Method::POST, "webhook/asks", None).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("script_failed"))
    );
    // The same id for something else is another request.
    let other = desk.client.post(&address).header("Webhook-Id", "first");
    let other = other.json(&json!({"id": 8, "what": "sail"})).send().await;
    let other: Value = other.expect("an answer").json().await.expect("JSON");
    assert_eq!(other["ordered"], "sail");
    // What one call sets and remembers, the next does not find.
    for _ in 0..2 {
        let (_, found) = desk.call(Method::POST, "webhook/remembers", None).await;
        assert_eq!(found, json!({"last": "", "header": null}));
    }
    let malformed = desk
        .client
        .post(&address)
        .header("Content-Type", "application/json")
        .body("{");
    let malformed = malformed.send().await.expect("an answer");
    assert_eq!(malformed.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_is_given_to_its_script() {
    let desk = Desk::with(&[
        (
            "apply",
            "ON FORM SUBMIT \"membership\"\nINSERT \"seen\", {id: GUID(), what: params.name}\nRETURN \"thanks, \" + params.name\n",
        ),
        (
            "guard",
            "ON FORM SUBMIT \"guarded\"\nRETURN role + \" \" + channel + \" \" + form + \" \" + wish\n",
        ),
    ]);
    // Nobody who fills in a form sets what the platform sets.
    let address = format!("http://{}/api/desk/form/guarded", desk.server.address);
    let fields = [
        ("role", "admin"),
        ("Channel", "x"),
        ("form", "other"),
        ("wish", "tea"),
    ];
    let sent = desk.client.post(&address).form(&fields).send().await;
    let answer = sent.expect("an answer").text().await.expect("a text");
    assert_eq!(answer, "user automation guarded tea");
    let address = format!("http://{}/api/desk/form/membership", desk.server.address);
    let sent = desk.client.post(&address).form(&[("name", "Ana & Co")]);
    let answer = sent
        .send()
        .await
        .expect("an answer")
        .text()
        .await
        .expect("a text");
    assert_eq!(answer, "thanks, Ana & Co");
    desk.until_seen(json!(["Ana & Co"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_and_events_start_scripts_once_each_whatever_happens() {
    let mut desk = Desk::with(&[
        (
            "order",
            r#"
WEBHOOK "order"
rows = []
FOR i = 1 TO 3
  PUSH rows, {id: body.from + i, what: "rope " + i}
NEXT
MERGE "orders", rows, "id"
PUBLISH EVENT "ordered", {count: 3}
UPDATE "orders" SET what = "chain" WHERE id = body.from + 1
RETURN "done"
"#,
        ),
        (
            "inserted",
            "ON INSERT OF \"orders\"\nINSERT \"seen\", {id: GUID(), what: \"in \" + trigger_row_id + \" \" + trigger_operation}\n",
        ),
        (
            "updated",
            "ON UPDATE OF \"orders\"\nINSERT \"seen\", {id: GUID(), what: \"up \" + trigger_row_id}\n",
        ),
        (
            "told",
            "ON EVENT \"Ordered\" DO\n  INSERT \"seen\", {id: GUID(), what: \"told \" + trigger_data.count}\nEND ON\n",
        ),
    ]);
    let (_, answer) = desk
        .call(Method::POST, "webhook/order", Some(json!({"from": 10})))
        .await;
    assert_eq!(answer, "done");
    let first = ["in 11 INSERT", "in 12 INSERT", "in 13 INSERT", "told 3", "up 11"];
    desk.until_seen(json!(first)).await;

    // What was being started when the server was killed is started by the next one, and once.
    let (_, answer) = desk
        .call(Method::POST, "webhook/order", Some(json!({"from": 20})))
        .await;
    assert_eq!(answer, "done");
    desk.server.kill();
    desk.server = Server::start(&desk.data);
    let second = ["in 21 INSERT", "in 22 INSERT", "in 23 INSERT", "told 3", "up 21"];
    let mut all = [first, second].concat();
    all.sort_unstable();
    desk.until_seen(json!(all)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_waits_for_an_event_also_across_a_restart() {
    let mut desk = Desk::with(&[
        (
            "start",
            r#"
HEAR name
TALK "waiting for " + name
event = WAIT FOR EVENT "arrived" TIMEOUT 600
TALK name + " lies at " + event.berth
event = WAIT FOR EVENT "never" TIMEOUT 0.1
IF ISNULL(event) THEN TALK "nothing else came"
HEAR x
"#,
        ),
        (
            "arrive",
            "WEBHOOK \"arrive\"\nPUBLISH EVENT \"Arrived\", {berth: body.berth}\n",
        ),
    ]);
    let mut visitor = Visitor::enter(&desk.server.address, "desk")
        .await
        .expect("let in");
    visitor.say("Aurora").await;
    desk.server.kill();
    desk.server = Server::start(&desk.data);
    visitor
        .connect(&desk.server.address)
        .await
        .expect("connected again");
    let (status, _) = desk
        .call(Method::POST, "webhook/arrive", Some(json!({"berth": 7})))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let said = |visitor: &Visitor, text: &str| visitor.transcript.values().any(|line| line.text == text);
    visitor
        .until("the event", |visitor| said(visitor, "Aurora lies at 7"))
        .await;
    visitor
        .until("the end of its patience", |visitor| {
            said(visitor, "nothing else came")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_hears_its_own_event_and_the_first_of_them() {
    let desk = Desk::with(&[
        (
            "waits",
            r#"
WEBHOOK "waits"
first = WAIT FOR EVENT "a" TIMEOUT 60
second = WAIT FOR EVENT "b" TIMEOUT 0.2
WAIT 0.1
INSERT "seen", {id: GUID(), what: "a " + first.n + ", b " + IIF(ISNULL(second), "none", "some")}
"#,
        ),
        (
            "tells",
            "WEBHOOK \"tells\"\nPUBLISH EVENT \"a\", {n: 1}\nPUBLISH EVENT \"a\", {n: 2}\n",
        ),
    ]);
    let waits = desk.call(Method::POST, "webhook/waits", None);
    // Told before it waits, it hears nothing; so it is told again until it has heard.
    let tells = async {
        loop {
            desk.call(Method::POST, "webhook/tells", None).await;
        }
    };
    let (status, _) = tokio::select! {
        answer = waits => answer,
        () = tells => unreachable!("it tells for ever"),
    };
    assert_eq!(status, StatusCode::NO_CONTENT);
    desk.until_seen(json!(["a 1, b none"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_that_start_one_another_come_to_an_end() {
    let desk = Desk::with(&[
        (
            "begin",
            "WEBHOOK \"begin\"\nINSERT \"seen\", {id: GUID(), what: \"0\"}\n",
        ),
        (
            "again",
            "ON INSERT OF \"seen\"\nrow = FIND \"seen\" WHERE id = trigger_row_id FIRST\nINSERT \"seen\", {id: GUID(), what: \"\" + (VAL(row.what) + 1)}\n",
        ),
    ]);
    let (status, _) = desk.call(Method::POST, "webhook/begin", None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    desk.until_seen(json!(["0", "1", "2", "3", "4", "5", "6", "7", "8"]))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schedules_start_scripts_also_those_that_scripts_set() {
    let desk = Desk::with(&[
        (
            "tick",
            "SET SCHEDULE \"* * * * * *\"\nn = GET BOT MEMORY \"ticks\"\nIF n = \"\" THEN INSERT \"seen\", {id: GUID(), what: \"ticked\"}\nSET BOT MEMORY \"ticks\", VAL(n) + 1\n",
        ),
        (
            "plan",
            r#"
WEBHOOK "plan"
SET SCHEDULE DATEADD(NOW(), 1, "second"), "later.bas", "for anna"
SET SCHEDULE "soon", "later.bas"
"#,
        ),
        (
            "later",
            "PARAM job_name AS STRING\nDESCRIPTION \"Told later.\"\nINSERT \"seen\", {id: GUID(), what: \"later \" + job_name}\n",
        ),
    ]);
    let (status, _) = desk.call(Method::POST, "webhook/plan", None).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "`soon` is no schedule");
    desk.until_seen(json!(["later for anna", "ticked"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_is_seen_paused_and_started_from_the_command_line() {
    let desk = Desk::with(&[(
        "yearly",
        "SET SCHEDULE \"0 0 1 1 *\"\nINSERT \"seen\", {id: GUID(), what: \"started\"}\n",
    )]);
    let run = |arguments: &[&str]| desk.data.run(&[&["schedule"], arguments].concat());
    let (code, text) = run(&["list", "desk"]);
    assert!(
        code == 0 && text.contains("active") && text.contains("0 0 1 1 *") && text.contains("yearly"),
        "{text}"
    );
    for (verb, said) in [
        ("pause", "is paused"),
        ("pause", "was paused already"),
        ("run", "is started"),
    ] {
        let (code, text) = run(&[verb, "desk", "yearly.bas"]);
        assert!(code == 0 && text.contains(said), "{text}");
    }
    desk.until_seen(json!(["started"])).await;
    let (_, text) = run(&["list", "desk"]);
    assert!(text.contains("paused"), "{text}");
    for unknown in [["pause", "desk", "nothing"], ["pause", "nobody", "yearly"]] {
        let (code, _) = run(&unknown);
        assert_eq!(code, 1);
    }
    let (code, text) = run(&["resume", "desk", "yearly"]);
    assert!(code == 0 && text.contains("is resumed"), "{text}");
}
