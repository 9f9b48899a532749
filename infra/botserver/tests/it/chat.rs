//! A visitor: speaks the web chat's protocol as a browser does, and keeps what it got.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use crate::server::PATIENCE;

/// One message as the transcript shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub from_visitor: bool,
    pub text: String,
    pub turn_id: Option<String>,
    pub chips: Vec<String>,
}

pub struct Visitor {
    bot: String,
    credential: String,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    /// By position: what the page would show.
    pub transcript: BTreeMap<i64, Line>,
    pub acknowledged: BTreeMap<Uuid, String>,
    pub answered: Vec<String>,
    /// Highest position seen, whatever carried it.
    pub position: i64,
    /// Frames that came twice or out of order: there must be none.
    pub disorder: usize,
    pub errors: Vec<Value>,
}

impl Visitor {
    pub async fn enter(address: &str, bot: &str) -> anyhow::Result<Visitor> {
        let url = format!("http://{address}/api/auth?bot_name={bot}");
        let answer: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
        let credential = answer["session_id"]
            .as_str()
            .context("a credential is given")?
            .to_owned();
        Visitor::with(address, bot, &credential).await
    }

    async fn with(address: &str, bot: &str, credential: &str) -> anyhow::Result<Visitor> {
        let mut visitor = Visitor {
            bot: bot.to_owned(),
            credential: credential.to_owned(),
            socket: None,
            transcript: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            answered: Vec::new(),
            position: 0,
            disorder: 0,
            errors: Vec::new(),
        };
        visitor.connect(address).await?;
        Ok(visitor)
    }

    /// Opens the socket, or opens it again after a break.
    pub async fn connect(&mut self, address: &str) -> anyhow::Result<()> {
        let url = format!("ws://{address}/ws/{}", self.bot);
        let (mut socket, _) = tokio::time::timeout(PATIENCE, tokio_tungstenite::connect_async(url)).await??;
        let hello = json!({ "type": "auth", "session_id": self.credential, "resume_after": self.position });
        socket.send(Message::text(hello.to_string())).await?;
        self.socket = Some(socket);
        Ok(())
    }

    /// The public part of the credential.
    pub fn session_id(&self) -> String {
        self.credential.split('.').next().unwrap_or_default().to_owned()
    }

    /// The same person once more, with a socket of their own.
    pub async fn beside(&self, address: &str) -> anyhow::Result<Visitor> {
        Visitor::with(address, &self.bot, &self.credential).await
    }

    pub fn disconnect(&mut self) {
        self.socket = None;
    }

    pub async fn send(&mut self, message_id: Uuid, text: &str) -> anyhow::Result<()> {
        let frame = json!({ "content": text, "message_type": 1, "message_id": message_id });
        self.raw(Message::text(frame.to_string())).await
    }

    pub async fn raw(&mut self, message: Message) -> anyhow::Result<()> {
        let sent = self.socket.as_mut().context("connected")?.send(message).await;
        if sent.is_err() {
            self.socket = None;
        }
        Ok(sent?)
    }

    /// Takes one frame; an error when the connection broke.
    pub async fn receive(&mut self, within: Duration) -> anyhow::Result<Option<Value>> {
        let socket = self.socket.as_mut().context("connected")?;
        let message = match tokio::time::timeout(within, socket.next()).await {
            Err(_) => return Ok(None),
            Ok(Some(Ok(message))) => message,
            Ok(_) => {
                self.socket = None;
                bail!("the connection broke");
            }
        };
        match message {
            Message::Text(text) => {
                let frame: Value = serde_json::from_str(&text)?;
                self.take(&frame);
                Ok(Some(frame))
            }
            Message::Close(_) => {
                self.socket = None;
                bail!("the server closed the connection");
            }
            _ => Ok(Some(Value::Null)),
        }
    }

    /// Receives until `enough`; panics when it never is.
    pub async fn until(&mut self, what: &str, enough: impl Fn(&Visitor) -> bool) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while !enough(self) {
            assert!(
                tokio::time::Instant::now() < until,
                "waiting for {what}; so far {:#?}",
                self.transcript
            );
            self.receive(Duration::from_millis(200))
                .await
                .expect("the connection holds");
        }
    }

    /// Sends and waits until the turn is answered.
    pub async fn say(&mut self, text: &str) {
        let id = Uuid::new_v4();
        self.send(id, text).await.expect("the message is sent");
        self.until(&format!("an answer to {text:?}"), |visitor| {
            visitor
                .acknowledged
                .get(&id)
                .is_some_and(|turn| visitor.answered.contains(turn))
        })
        .await;
    }

    fn take(&mut self, frame: &Value) {
        if let Some(position) = frame["position"].as_i64() {
            if frame["message_type"].is_number() && position <= self.position {
                self.disorder += 1;
            }
            self.position = self.position.max(position);
        }
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        match (frame["event"].as_str(), frame["message_type"].as_i64()) {
            (Some("received"), _) => {
                let data = &frame["data"];
                if let (Some(id), Some(turn)) = (data["message_id"].as_str(), text(&data["turn_id"])) {
                    self.acknowledged
                        .insert(id.parse().expect("our own message id"), turn);
                }
            }
            (Some("answered"), _) => self.answered.extend(text(&frame["data"]["turn_id"])),
            (Some("error"), _) => self.errors.push(frame["data"].clone()),
            (_, Some(kind @ (1 | 2))) => {
                let chips = frame["suggestions"].as_array().into_iter().flatten();
                let line = Line {
                    from_visitor: kind == 1,
                    text: text(&frame["content"]).unwrap_or_default(),
                    turn_id: text(&frame["turn_id"]),
                    chips: chips.filter_map(|chip| text(&chip["text"])).collect(),
                };
                self.transcript
                    .insert(frame["position"].as_i64().expect("a position"), line);
            }
            _ => {}
        }
    }
}
