//! A service that changes something: it counts what it is asked, and falls silent when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use basic::{Refusal, Request, Value};
use commands::{Asking, Plan, Services};

/// Answers POST so many times.
#[derive(Debug)]
pub struct Post {
    asked: AtomicUsize,
    answers_max: usize,
}

impl Post {
    pub fn answering(answers_max: usize) -> Arc<Post> {
        Arc::new(Post {
            asked: AtomicUsize::new(0),
            answers_max,
        })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
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
        if asked > self.answers_max {
            std::future::pending::<()>().await;
        }
        let headers = asking
            .headers
            .iter()
            .map(|(name, value)| format!(" {name}={value}"));
        Ok(Value::from(
            format!("post {asked}{}", headers.collect::<String>()).as_str(),
        ))
    }
}

/// A service that is read and never answers.
#[derive(Debug)]
pub struct Silent;

#[async_trait]
impl Services for Silent {
    fn plan(&self, request: &Request) -> Plan {
        match request.word {
            "POST" => Plan::Reads,
            _ => Plan::not_configured(request),
        }
    }

    async fn ask(&self, _: &Asking, _: &Request) -> Result<Value, Refusal> {
        std::future::pending().await
    }
}
