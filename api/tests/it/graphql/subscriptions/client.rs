//! A client of graphql-transport-ws, as strict as a test needs it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::server::TestServer;

/// Long enough for a machine that does many other things.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    inner: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// An upgrade of `/graphql` with these headers.
pub fn upgrade(server: &TestServer, headers: &[(&'static str, &str)]) -> Request {
    let address = format!("ws://{}/graphql", server.address);
    let mut request = address.into_client_request().expect("an address");
    for (name, value) in headers {
        let value = value.parse().expect("a header's value");
        request.headers_mut().insert(*name, value);
    }
    request
}

impl Client {
    /// Opens a socket that has said nothing yet.
    pub async fn silent(server: &TestServer) -> Self {
        Self::open(upgrade(
            server,
            &[("sec-websocket-protocol", "graphql-transport-ws")],
        ))
        .await
    }

    pub async fn open(request: Request) -> Self {
        let (inner, _) = connect_async(request).await.expect("the socket opens");
        Self { inner }
    }

    /// Opens a socket as a browser would, and waits until it is acknowledged.
    pub async fn connected(server: &TestServer, token: &str) -> Self {
        let mut client = Self::silent(server).await;
        client.init(token).await;
        assert_eq!(client.next().await, json!({ "type": "connection_ack" }));
        client
    }

    pub async fn init(&mut self, token: &str) {
        let payload = json!({ "Authorization": format!("Bearer {token}") });
        self.send(&json!({ "type": "connection_init", "payload": payload }))
            .await;
    }

    pub async fn subscribe(&mut self, id: &str, query: &str, variables: Value) {
        let payload = json!({ "query": query, "variables": variables });
        self.send(&json!({ "type": "subscribe", "id": id, "payload": payload }))
            .await;
    }

    pub async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        self.inner.send(message).await.expect("the socket is open");
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.message_or_end().await {
                Some(Message::Text(text)) => return serde_json::from_str(&text).expect("a frame is JSON"),
                Some(Message::Ping(_) | Message::Pong(_)) => {}
                other => panic!("no frame but {other:?}"),
            }
        }
    }

    /// The data of the next frame, which belongs to this id.
    pub async fn data(&mut self, id: &str) -> Value {
        let mut frame = self.next().await;
        assert_eq!(
            (&frame["type"], &frame["id"]),
            (&json!("next"), &json!(id)),
            "{frame}"
        );
        assert_eq!(frame["payload"].get("errors"), None, "{frame}");
        frame["payload"]["data"].take()
    }

    /// Asks a query over the socket, and returns its data.
    pub async fn next_of_query(&mut self, id: &str) -> Value {
        self.subscribe(id, "{ __typename }", json!({})).await;
        loop {
            let mut frame = self.next().await;
            if frame["id"] == id && frame["type"] == "next" {
                assert_eq!(self.next().await, json!({ "type": "complete", "id": id }));
                return frame["payload"]["data"].take();
            }
        }
    }

    /// The code with which the server closes, as the first thing that it says.
    pub async fn closed_without_frames(&mut self) -> u16 {
        match self.message_or_end().await {
            Some(Message::Close(Some(frame))) => frame.code.into(),
            other => panic!("not closed but {other:?}"),
        }
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

    async fn message_or_end(&mut self) -> Option<Message> {
        let next = tokio::time::timeout(PATIENCE, self.inner.next())
            .await
            .expect("something comes in time");
        next.map(|message| message.expect("the socket is read"))
    }
}
