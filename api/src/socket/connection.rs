//! One socket from its upgrade to its end.
//!
//! Three loops share one task and end together: what comes in, what is told, and what is written. The first that
//! ends says why the socket closes; dropping the others frees whatever they hold.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use chrono::Utc;
use commands::{CommandError, Credential, VisitorSession};
use domain::BotId;
use event_log::Position;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::close::Close;
use super::handshake::Asked;
use super::incoming::{self, Auth, ClientFrame};
use super::outgoing::{self, Parties};
use super::receiving::Receiving;
use super::seats::Seat;
use super::sending::{Answered, Sending};
use super::wire::{OUTBOX_FRAMES, Sink, Stream, drain, take_leave, write};
use crate::Edge;

/// Longest frame of a client; a message may have a quarter of it.
pub(super) const FRAME_BYTES_MAX: usize = 64 * 1024;

/// A client that has opened a socket knows who it is; 5 s is long even on a telephone.
const AUTHENTICATED_WITHIN: Duration = Duration::from_secs(5);

/// A socket about to be opened.
pub(super) struct Connection {
    edge: Edge,
    seat: Seat,
    bot_id: BotId,
    bot_name: String,
    asked: Asked,
}

impl Connection {
    pub fn new(edge: Edge, seat: Seat, bot_id: BotId, bot_name: String, asked: Asked) -> Self {
        Self {
            edge,
            seat,
            bot_id,
            bot_name,
            asked,
        }
    }

    pub async fn serve(mut self, socket: WebSocket) {
        let (mut sink, mut stream) = socket.split();
        let close = match self.authenticate(&mut stream).await {
            Ok((visitor, resume_after)) => self.talk(&mut sink, &mut stream, visitor, resume_after).await,
            Err(close) => close,
        };
        tracing::debug!(close = ?close, "socket closes");
        take_leave(sink, stream, close.frame()).await;
    }

    /// Whose socket it is, by the credential in the address or in the first frame.
    async fn authenticate(&mut self, stream: &mut Stream) -> Result<(VisitorSession, Position), Close> {
        let given = self.asked.session_id.take();
        let auth = match given {
            Some(session_id) => Auth {
                session_id,
                resume_after: self.asked.resume_after,
            },
            None => timeout(AUTHENTICATED_WITHIN, first_frame(stream))
                .await
                .map_err(|_| Close::Unauthenticated)??,
        };
        let credential: Credential = auth.session_id.parse().map_err(|_| Close::Unauthenticated)?;
        let organisation = self.edge.settings.default_organisation;
        let visitor = self
            .edge
            .commands
            .authenticate_session(organisation, &credential)
            .await
            .map_err(|error| not_admitted(&error))?;
        if visitor.open.bot_id != self.bot_id {
            return Err(Close::Unauthenticated);
        }
        if !self.seat.belongs_to_session(visitor.session_id) {
            return Err(Close::TooManySockets);
        }
        Ok((visitor, Position(auth.resume_after.unwrap_or(0).max(0))))
    }

    async fn talk(
        &self,
        sink: &mut Sink,
        stream: &mut Stream,
        visitor: VisitorSession,
        resume_after: Position,
    ) -> Close {
        let parties = Parties::from(&visitor);
        let (outbox, written) = mpsc::channel(OUTBOX_FRAMES);
        // The outbox is empty and has room.
        let _ = outbox.try_send(Message::text(outgoing::connected(&parties, &self.bot_name)));
        self.greet(&visitor);
        let answered = Answered::default();
        let sending = Sending {
            edge: &self.edge,
            visitor: &visitor,
            parties: &parties,
            outbox: outbox.clone(),
            answered: &answered,
        };
        let receiving = Receiving {
            edge: &self.edge,
            visitor: &visitor,
            outbox: outbox.clone(),
            answered: &answered,
        };
        drop(outbox);
        let mut written = written;
        let close = tokio::select! {
            close = receiving.run(stream) => close,
            close = sending.run(resume_after) => close,
            end = write(sink, &mut written) => Close::from(end),
        };
        drain(sink, written).await;
        close
    }

    /// Runs the opening script, for as long as it takes: what it says comes with everything else that is said.
    fn greet(&self, visitor: &VisitorSession) {
        let (commands, visitor) = (self.edge.commands.clone(), visitor.clone());
        tokio::spawn(async move {
            if let Err(error) = commands.greet(&visitor, Utc::now()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, session.id = %visitor.session_id,
                    "opening script did not run");
            }
        });
    }
}

/// The first frame that says something must say who it is.
async fn first_frame(stream: &mut Stream) -> Result<Auth, Close> {
    while let Some(message) = stream.next().await {
        match message.map_err(|_| Close::Left)? {
            Message::Text(text) if text.len() > FRAME_BYTES_MAX => return Err(Close::TooLong),
            Message::Text(text) => match incoming::parse(&text, 0) {
                Ok(ClientFrame::Auth(auth)) => return Ok(auth),
                Ok(_) | Err(_) => return Err(Close::Unauthenticated),
            },
            Message::Binary(_) => return Err(Close::Unauthenticated),
            Message::Ping(_) | Message::Pong(_) => {}
            Message::Close(_) => return Err(Close::Left),
        }
    }
    Err(Close::Left)
}

fn not_admitted(error: &CommandError) -> Close {
    match error {
        CommandError::Unauthenticated => Close::Unauthenticated,
        other => {
            tracing::warn!(
                error = other as &dyn std::error::Error,
                "session could not be looked up"
            );
            Close::TryAgain
        }
    }
}
