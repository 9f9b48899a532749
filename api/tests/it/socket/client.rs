//! A client of the socket, as strict as a test needs it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::rest::read;
use crate::server::TestServer;

/// Long enough for a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Socket {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Contents of all message frames so far, and their positions.
    pub contents: Vec<String>,
    pub positions: Vec<i64>,
}

/// Lets a visitor in, as a page does.
pub async fn credential(server: &TestServer, bot: &str) -> String {
    let (status, visitor) = read(
        server
            .get("/api/auth")
            .query(&[("bot_name", bot)])
            .send()
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(status, 200, "{visitor}");
    visitor["session_id"].as_str().expect("a credential").to_owned()
}

/// Waits until so many sockets are open.
pub async fn until_open(server: &TestServer, count: usize) {
    let reached = async {
        while server.edge.sockets_open() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached)
        .await
        .expect("sockets come and go");
}

impl Socket {
    pub async fn open(server: &TestServer, path: &str) -> Self {
        Self::open_from(server, path, None)
            .await
            .expect("the socket opens")
    }

    /// With an `Origin`, as a page's socket has.
    pub async fn open_from(server: &TestServer, path: &str, origin: Option<&str>) -> Result<Self, Error> {
        let mut request = format!("ws://{}{path}", server.address).into_client_request()?;
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert("origin", origin.parse().expect("a header's value"));
        }
        let (inner, _) = connect_async(request).await?;
        Ok(Self {
            inner,
            contents: Vec::new(),
            positions: Vec::new(),
        })
    }

    /// The status with which the upgrade is refused.
    pub async fn refused(server: &TestServer, path: &str, origin: Option<&str>) -> u16 {
        match Self::open_from(server, path, origin).await {
            Err(Error::Http(response)) => response.status().as_u16(),
            Err(error) => panic!("not refused but failed: {error}"),
            Ok(_) => panic!("not refused"),
        }
    }

    pub async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        self.inner.send(message).await.expect("the socket is open");
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        match self.message_or_end().await {
            Some(Message::Text(text)) => self.note(serde_json::from_str(&text).expect("a frame is JSON")),
            other => panic!("no frame but {other:?}"),
        }
    }

    fn note(&mut self, frame: Value) -> Value {
        if frame.get("event").is_none()
            && let (Some(content), Some(position)) = (frame["content"].as_str(), frame["position"].as_i64())
        {
            self.contents.push(content.to_owned());
            self.positions.push(position);
        }
        frame
    }

    /// Frames up to the first that is wanted.
    pub async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await;
            let last = wanted(&frame);
            frames.push(frame);
            if last {
                return frames;
            }
        }
    }

    pub async fn message(&mut self, content: &str) -> Value {
        self.until(|frame| frame["content"] == content)
            .await
            .pop()
            .unwrap_or_default()
    }

    pub async fn event(&mut self, name: &str) -> Value {
        self.until(|frame| frame["event"] == name)
            .await
            .pop()
            .unwrap_or_default()
    }

    /// The code with which the server closes; frames before are passed over.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.message_or_end().await {
                Some(Message::Close(Some(frame))) => return frame.code.into(),
                Some(Message::Close(None)) | None => panic!("closed without a code"),
                Some(_) => {}
            }
        }
    }

    pub async fn close(&mut self) {
        // The server may have closed it already.
        let _ = self.inner.close(None).await;
        while let Some(Ok(_)) = self.inner.next().await {}
    }

    async fn message_or_end(&mut self) -> Option<Message> {
        let read = async {
            loop {
                let message = self.inner.next().await?.expect("the socket is read");
                // A server that only says it is there says nothing.
                if !matches!(message, Message::Ping(_) | Message::Pong(_)) {
                    return Some(message);
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("something comes in time")
    }
}
