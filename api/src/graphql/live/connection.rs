//! One socket from its upgrade to its end.
//!
//! What comes in, what is written and what watches the token share one task and end together; operations have tasks
//! of their own, which end with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use chrono::Utc;
use commands::{Actor, CommandError};
use domain::TokenId;
use futures::StreamExt;
use projections::{LiveEnd, Topic};
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::super::{Caller, refused};
use super::close::Close;
use super::frame::{self, ClientFrame};
use super::operation::{End, Operation};
use super::{SUBPROTOCOL, operation};
use crate::Edge;
use crate::address::ClientAddress;
use crate::guard::{authenticate, bearer_of};
use crate::layers::Correlation;
use crate::socket::Seat;
use crate::socket::wire::{OUTBOX_FRAMES, Pulse, Stream, drain, is_too_long, pings, take_leave, write};

/// A client that has opened a socket knows who it is.
const INIT_WITHIN: Duration = Duration::from_secs(5);
/// How often a token's expiry is looked at; that it is revoked is told by the log.
const TOKEN_EVERY: Duration = Duration::from_secs(30);

/// A socket about to be opened.
pub(super) struct Connection {
    pub edge: Edge,
    pub seat: Seat,
    pub address: ClientAddress,
    pub correlation: Correlation,
}

/// Who opened it.
pub(super) struct Credential {
    pub text: String,
    pub context: commands::Context,
}

impl Connection {
    pub async fn serve(mut self, socket: WebSocket, credential: Option<Credential>) {
        let subprotocol = socket.protocol().is_some_and(|name| name == SUBPROTOCOL);
        let (mut sink, mut stream) = socket.split();
        let close = if subprotocol {
            let (outbox, mut written) = mpsc::channel(OUTBOX_FRAMES);
            let close = tokio::select! {
                close = self.talk(&mut stream, credential, outbox) => close,
                end = write(&mut sink, &mut written) => Close::from(end),
            };
            drain(&mut sink, written).await;
            close
        } else {
            Close::Subprotocol
        };
        tracing::debug!(close = ?close, "socket closes");
        take_leave(sink, stream, close.frame()).await;
    }

    async fn talk(
        &mut self,
        stream: &mut Stream,
        credential: Option<Credential>,
        outbox: mpsc::Sender<Message>,
    ) -> Close {
        match self.begin(stream, credential, &outbox).await {
            Ok(credential) => {
                let token = match &credential.context.actor {
                    Actor::Token { id, .. } => *id,
                    Actor::System(_) | Actor::Visitor { .. } => return Close::Forbidden,
                };
                let limits = &self.edge.settings.graphql;
                if !self.seat.belongs_to_token(token, limits.sockets_per_token_max) {
                    return Close::TooManySockets;
                }
                if tell(&outbox, frame::connection_ack()).await.is_err() {
                    return Close::Left;
                }
                let caller = Caller {
                    context: credential.context.clone(),
                    address: self.address,
                };
                tokio::select! {
                    close = Operations::new(&self.edge, caller, outbox).serve(stream) => close,
                    close = self.valid(token, &credential) => close,
                }
            }
            Err(close) => close,
        }
    }

    /// Waits for the first frame, and finds out who sent it.
    async fn begin(
        &self,
        stream: &mut Stream,
        credential: Option<Credential>,
        outbox: &mpsc::Sender<Message>,
    ) -> Result<Credential, Close> {
        let init = timeout(INIT_WITHIN, init(stream, outbox));
        let payload = init.await.map_err(|_| Close::InitTimeout)??;
        if let Some(credential) = credential {
            return Ok(credential);
        }
        let text = token_of(&payload).ok_or(Close::Forbidden)?;
        match authenticate(&self.edge, text, self.address, self.correlation).await {
            Ok(context) => Ok(Credential {
                text: text.to_owned(),
                context,
            }),
            Err(problem) if problem.status().is_server_error() => Err(Close::TryAgain),
            Err(_) => Err(Close::Forbidden),
        }
    }

    /// Returns when the token is no longer valid, or the process stops.
    async fn valid(&self, token: TokenId, credential: &Credential) -> Close {
        let mut watch = self.edge.live.watch(Topic::Token(token)).await;
        let mut again = interval(TOKEN_EVERY);
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                moved = watch.moved() => if let Err(LiveEnd::Stopped | LiveEnd::Overrun) = moved {
                    return Close::Restart;
                },
                // The first tick comes at once: the token may have been revoked before it was watched.
                _ = again.tick() => {}
            }
            let known = self
                .edge
                .commands
                .authenticate_token(&credential.text, Utc::now())
                .await;
            match known {
                Err(CommandError::Unauthenticated) => return Close::Forbidden,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "token of a socket could not be looked up"
                ),
                Ok(_) => {}
            }
        }
    }
}

/// The payload of the frame that begins a connection. Only pings may come before.
async fn init(stream: &mut Stream, outbox: &mpsc::Sender<Message>) -> Result<Map<String, Value>, Close> {
    loop {
        match read(stream.next().await)? {
            Some(ClientFrame::ConnectionInit { payload }) => return Ok(payload),
            Some(ClientFrame::Ping { payload }) => tell(outbox, frame::pong(payload)).await?,
            Some(ClientFrame::Subscribe { .. }) => return Err(Close::Unacknowledged),
            Some(ClientFrame::Complete { .. } | ClientFrame::Pong) | None => {}
        }
    }
}

/// The token in the first frame's payload: `Authorization`, as the header would say it.
fn token_of(payload: &Map<String, Value>) -> Option<&str> {
    let (_, value) = payload
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    bearer_of(value.as_str()?)
}

/// A frame of the protocol; None for one that only keeps the connection alive.
fn read(message: Option<Result<Message, axum::Error>>) -> Result<Option<ClientFrame>, Close> {
    match message {
        Some(Ok(Message::Text(text))) => ClientFrame::parse(&text).map(Some).map_err(Close::Bad),
        Some(Ok(Message::Binary(_))) => Err(Close::Binary),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
        Some(Err(error)) if is_too_long(&error) => Err(Close::TooLong),
        Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Close::Left),
    }
}

async fn tell(outbox: &mpsc::Sender<Message>, frame: String) -> Result<(), Close> {
    outbox.send(Message::text(frame)).await.map_err(|_| Close::Left)
}

/// The operations of a socket that is acknowledged.
struct Operations<'a> {
    edge: &'a Edge,
    caller: Caller,
    outbox: mpsc::Sender<Message>,
    /// Those that go on. An id is free again before its last frame is sent.
    open: Arc<Mutex<HashMap<String, AbortHandle>>>,
    tasks: JoinSet<()>,
}

impl<'a> Operations<'a> {
    fn new(edge: &'a Edge, caller: Caller, outbox: mpsc::Sender<Message>) -> Self {
        Self {
            edge,
            caller,
            outbox,
            open: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    async fn serve(mut self, stream: &mut Stream) -> Close {
        let mut pings = pings();
        let mut pulse = Pulse::default();
        loop {
            let went_on = tokio::select! {
                message = stream.next() => {
                    pulse.heard();
                    match read(message) {
                        Ok(Some(frame)) => self.hear(frame).await,
                        Ok(None) => Ok(()),
                        Err(close) => Err(close),
                    }
                }
                _ = pings.tick() => if pulse.beat() {
                    // With frames waiting to be written a ping proves nothing.
                    let _ = self.outbox.try_send(Message::Ping(Default::default()));
                    Ok(())
                } else {
                    Err(Close::Silent)
                },
            };
            if let Err(close) = went_on {
                return close;
            }
        }
    }

    async fn hear(&mut self, frame: ClientFrame) -> Result<(), Close> {
        match frame {
            ClientFrame::ConnectionInit { .. } => Err(Close::SecondInit),
            ClientFrame::Ping { payload } => tell(&self.outbox, frame::pong(payload)).await,
            ClientFrame::Pong => Ok(()),
            ClientFrame::Complete { id } => {
                if let Some(operation) = lock(&self.open).remove(&id) {
                    operation.abort();
                }
                Ok(())
            }
            ClientFrame::Subscribe { id, asked } => self.begin(Operation { id, asked }).await,
        }
    }

    async fn begin(&mut self, operation: Operation) -> Result<(), Close> {
        while self.tasks.try_join_next().is_some() {}
        let count = {
            let open = lock(&self.open);
            if open.contains_key(&operation.id) {
                return Err(Close::IdTaken);
            }
            open.len()
        };
        if count >= self.edge.settings.graphql.operations_per_socket_max {
            let refusal = refused(
                "too many operations of one socket at a time",
                "TOO_MANY_OPERATIONS",
            );
            return tell(&self.outbox, frame::error(&operation.id, &refusal)).await;
        }
        let (edge, caller, outbox) = (self.edge.clone(), self.caller.clone(), self.outbox.clone());
        let (open, id) = (self.open.clone(), operation.id.clone());
        // Held until the operation is known by its id: it may be over before.
        let mut known = lock(&self.open);
        let task = self.tasks.spawn(async move {
            let id = operation.id.clone();
            let end = operation.run(&edge, caller, &outbox).await;
            over(&open, &outbox, &id, end).await;
        });
        known.insert(id, task);
        Ok(())
    }
}

/// Frees the id of an operation that is over and, where that is due, says so.
async fn over(
    open: &Mutex<HashMap<String, AbortHandle>>,
    outbox: &mpsc::Sender<Message>,
    id: &str,
    end: operation::End,
) {
    lock(open).remove(id);
    if end == End::Completed {
        let _ = tell(outbox, frame::complete(id)).await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("nothing panics while it holds the operations")
}
