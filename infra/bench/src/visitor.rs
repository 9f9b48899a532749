//! A visitor of the web chat, as its page speaks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

pub type Sender = SplitSink<WebSocketStream<TcpStream>, Message>;
pub type Receiver = SplitStream<WebSocketStream<TcpStream>>;

/// Visits that a server takes from one address in a minute.
const VISITS_OF_AN_ADDRESS: usize = 100;

/// Begins a session and opens its socket. Visitors come from many addresses, as people do: `number` says from which.
pub async fn enter(address: &str, number: usize) -> anyhow::Result<(Sender, Receiver)> {
    let credential = credential(address, number).await?;
    join(address, &credential).await
}

/// Opens a socket of a session that has begun.
pub async fn join(address: &str, credential: &str) -> anyhow::Result<(Sender, Receiver)> {
    let (mut sender, mut receiver) = open(address, "/ws/echo").await?;
    let hello = json!({ "type": "auth", "session_id": credential, "resume_after": 0 });
    sender.send(Message::text(hello.to_string())).await?;
    // The bot has greeted: its script waits.
    until(&mut receiver, |frame| frame["content"] == "Ready").await?;
    Ok((sender, receiver))
}

/// A socket of a server on this machine.
pub async fn open(address: &str, path: &str) -> anyhow::Result<(Sender, Receiver)> {
    let to: SocketAddr = address.parse().context("the server's address")?;
    let stream = TcpSocket::new_v4()?.connect(to).await?;
    stream.set_nodelay(true)?;
    // This side's memory is not measured, but ten thousand of them must fit beside.
    let config = WebSocketConfig::default().read_buffer_size(4096);
    let url = format!("ws://{address}{path}");
    let (socket, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
    Ok(socket.split())
}

pub async fn credential(address: &str, number: usize) -> anyhow::Result<String> {
    let host = u32::from(Ipv4Addr::new(127, 0, 1, 1)) + u32::try_from(number / VISITS_OF_AN_ADDRESS)?;
    let client = reqwest::Client::builder()
        .local_address(IpAddr::V4(Ipv4Addr::from(host)))
        .build()?;
    let url = format!("http://{address}/api/auth?bot_name=echo");
    let answer: Value = client.get(url).send().await?.error_for_status()?.json().await?;
    let credential = answer["session_id"].as_str().context("a credential")?;
    Ok(credential.to_owned())
}

/// Reads frames until one is as wanted.
pub async fn until(receiver: &mut Receiver, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
    while let Some(message) = receiver.next().await {
        if let Message::Text(text) = message? {
            let frame: Value = serde_json::from_str(&text)?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
    }
    anyhow::bail!("the server closed the socket")
}
