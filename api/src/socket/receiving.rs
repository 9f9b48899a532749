//! From the client to the bot: messages are stored one after another, in the order in which they came.

use std::time::Duration;

use axum::extract::ws::{Message as Frame, Utf8Bytes};
use chrono::Utc;
use commands::{Choice, CommandError, NewTurn, VisitorSession};
use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::close::Close;
use super::connection::FRAME_BYTES_MAX;
use super::incoming::{self, ClientFrame, FrameError, Message, Said};
use super::outgoing;
use super::sending::Answered;
use super::wire::{Pulse, is_too_long, pings};
use crate::Edge;

const BAD_FRAMES_MAX: u32 = 10;
/// A commit takes milliseconds. The page gives up a socket that confirms nothing for 10 s.
const STORED_WITHIN: Duration = Duration::from_secs(8);

pub(super) struct Receiving<'a> {
    pub edge: &'a Edge,
    pub visitor: &'a VisitorSession,
    pub outbox: mpsc::Sender<Frame>,
    pub answered: &'a Answered,
}

/// What a socket has done so far, as far as it decides whether it goes on.
#[derive(Debug, Default)]
struct Standing {
    bad_frames: u32,
    pulse: Pulse,
}

impl Standing {
    fn bad_frame(&mut self) -> Result<(), Close> {
        self.bad_frames += 1;
        if self.bad_frames >= BAD_FRAMES_MAX {
            Err(Close::TooManyBadFrames)
        } else {
            Ok(())
        }
    }
}

impl Receiving<'_> {
    pub async fn run<S>(self, stream: &mut S) -> Close
    where
        S: Stream<Item = Result<Frame, axum::Error>> + Unpin,
    {
        let mut standing = Standing::default();
        let mut pings = pings();
        loop {
            let went_on = tokio::select! {
                frame = stream.next() => match frame {
                    Some(Ok(frame)) => self.hear(frame, &mut standing).await,
                    Some(Err(error)) if is_too_long(&error) => Err(Close::TooLong),
                    Some(Err(_)) | None => Err(Close::Left),
                },
                _ = pings.tick() => if standing.pulse.beat() {
                    // With frames waiting to be written a ping proves nothing.
                    let _ = self.outbox.try_send(Frame::Ping(Default::default()));
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

    async fn hear(&self, frame: Frame, standing: &mut Standing) -> Result<(), Close> {
        standing.pulse.heard();
        match frame {
            Frame::Text(text) if text.len() > FRAME_BYTES_MAX => Err(Close::TooLong),
            Frame::Text(text) => self.read(&text, standing).await,
            Frame::Binary(_) => {
                self.tell(outgoing::frame_error(&FrameError::bad("frames are text")))
                    .await?;
                standing.bad_frame()
            }
            Frame::Ping(_) | Frame::Pong(_) => Ok(()),
            Frame::Close(_) => Err(Close::Left),
        }
    }

    async fn read(&self, text: &Utf8Bytes, standing: &mut Standing) -> Result<(), Close> {
        match incoming::parse(text, self.edge.settings.limits.message_bytes_max) {
            Ok(ClientFrame::Message(message)) => self.store(message).await,
            // A client that sends its credential in the address may send it again.
            Ok(ClientFrame::Auth(_) | ClientFrame::Notice) => Ok(()),
            Err(error) => {
                self.tell(outgoing::frame_error(&error)).await?;
                if error.code == FrameError::BAD_FRAME {
                    standing.bad_frame()
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Takes in what the person chooses, then what they say.
    async fn store(&self, message: Message) -> Result<(), Close> {
        let message_id = message.message_id;
        if !self.edge.sockets.may_speak(self.visitor.session_id).await {
            metrics::counter!("ws_messages_refused_total").increment(1);
            return self.tell(outgoing::too_many_messages(message_id)).await;
        }
        if let Some(refused) = self.choose(&message).await {
            return self.tell(refused).await;
        }
        let turn = match message.said {
            Said::Nothing => return self.tell(outgoing::chosen(message_id)).await,
            Said::Words {
                content,
                files,
                invokes,
            } => NewTurn {
                content,
                files,
                invokes,
                message_id,
            },
        };
        let stored = self.edge.commands.receive_turn(self.visitor, turn, Utc::now());
        match timeout(STORED_WITHIN, stored).await {
            Ok(Ok(turn)) => {
                self.tell(outgoing::received(message_id, &turn)).await?;
                if turn.repeated || self.answered.knows(turn.turn_id) {
                    return Ok(());
                }
                self.tell(outgoing::typing(turn.turn_id)).await
            }
            Ok(Err(error)) => {
                if let CommandError::Unexpected(_) | CommandError::Unavailable(_) = error {
                    tracing::error!(error = &error as &dyn std::error::Error,
                        session.id = %self.visitor.session_id, "message was not stored");
                }
                self.tell(outgoing::command_error(&error, message_id)).await
            }
            // It may have been stored: the same message_id again will tell.
            Err(_) => self.tell(outgoing::timed_out(message_id)).await,
        }
    }

    /// Keeps what the message chooses; the frame that says why not.
    async fn choose(&self, message: &Message) -> Option<String> {
        if message.choice == Choice::default() {
            return None;
        }
        let kept = self
            .edge
            .commands
            .choose(self.visitor, &message.choice, Utc::now());
        match timeout(STORED_WITHIN, kept).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(outgoing::command_error(&error, message.message_id)),
            Err(_) => Some(outgoing::timed_out(message.message_id)),
        }
    }

    async fn tell(&self, frame: String) -> Result<(), Close> {
        self.outbox
            .send(Frame::text(frame))
            .await
            .map_err(|_| Close::Left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_bad_frame_ends_a_socket() {
        let mut standing = Standing::default();
        assert!((1..BAD_FRAMES_MAX).all(|_| standing.bad_frame().is_ok()));
        assert_eq!(standing.bad_frame(), Err(Close::TooManyBadFrames));
    }
}
