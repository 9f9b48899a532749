//! Services that scripts ask: what changes something is asked once, whatever happens meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use commands::{Asking, Plan, Services};

use crate::world::{World, say};

/// Answers POST, or never does.
#[derive(Debug)]
struct Post {
    asked: AtomicUsize,
    answers: bool,
}

#[async_trait]
impl Services for Post {
    fn plan(&self, request: &Request) -> Plan {
        match request.word {
            "POST" => Plan::Changes,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, asking: &Asking, _: &Request) -> Result<Value, Refusal> {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if !self.answers {
            std::future::pending::<()>().await;
        }
        Ok(Value::from(
            format!("answer {asked} to {:?}", asking.headers).as_str(),
        ))
    }
}

fn service(answers: bool) -> Arc<Post> {
    Arc::new(Post {
        asked: AtomicUsize::new(0),
        answers,
    })
}

const SENDS: &str = r#"
SET HEADER "X-Token", "secret"
WHILE TRUE
  HEAR words
  x = POST "https://example.org", {said: words}
  y = POST "https://example.org", {said: words}
  IF IS_ERROR(x) THEN TALK "first: " + x.code ELSE TALK x
  TALK y
WEND
"#;

#[tokio::test]
async fn a_service_is_asked_with_what_the_session_has_set() {
    let world = World::new().await;
    let service = service(true);
    let process = world.process_with(service.clone()).await;
    let bot = world.bot(&process, SENDS).await;
    let visitor = world.visitor(&process, bot).await;
    say(&process, &visitor, "one").await;
    let headers = r#"[("x-token", "secret")]"#;
    world
        .hears(&[
            &format!("answer 1 to {headers}"),
            &format!("answer 2 to {headers}"),
        ])
        .await;
    assert_eq!(service.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_was_being_asked_when_a_process_died_is_not_asked_again() {
    let world = World::new().await;
    let silent = service(false);
    let first = world.process_with(silent.clone()).await;
    let bot = world.bot(&first, SENDS).await;
    let visitor = world.visitor(&first, bot).await;
    say(&first, &visitor, "one").await;
    let asked = world
        .eventually(async || (silent.asked.load(Ordering::SeqCst) == 1).then_some(()))
        .await;
    assert!(asked.is_some(), "the first process asks");
    // Another process takes over while the first still waits.
    let answering = service(true);
    let second = world.process_with(answering.clone()).await;
    say(&second, &visitor, "two").await;
    let headers = r#"[("x-token", "secret")]"#;
    world
        .hears(&[
            "first: outcome_unknown",
            &format!("answer 1 to {headers}"),
            &format!("answer 2 to {headers}"),
            &format!("answer 3 to {headers}"),
        ])
        .await;
    assert_eq!(silent.asked.load(Ordering::SeqCst), 1);
    assert_eq!(answering.asked.load(Ordering::SeqCst), 3);
}
