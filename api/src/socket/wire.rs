//! What every socket does alike: it writes what waits, beats while nothing happens, and says why it ends.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

/// Frames that wait to be written: with what a reader's source buffers, all that a slow reader costs.
pub(crate) const OUTBOX_FRAMES: usize = 64;

/// A reader that takes longer for one frame is as good as gone.
const WRITTEN_WITHIN: Duration = Duration::from_secs(20);
const CLOSED_WITHIN: Duration = Duration::from_secs(2);
/// Proxies drop a connection on which nothing happens for 60 s.
const PING_EVERY: Duration = Duration::from_secs(25);

pub(crate) type Sink = SplitSink<WebSocket, Message>;
pub(crate) type Stream = SplitStream<WebSocket>;

/// Why nothing more is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEnd {
    /// Nobody is there to read, or to write for.
    Gone,
    TooSlow,
}

/// Writes what comes, as long as it comes.
pub(crate) async fn write(sink: &mut Sink, written: &mut mpsc::Receiver<Message>) -> WriteEnd {
    while let Some(message) = written.recv().await {
        match timeout(WRITTEN_WITHIN, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return WriteEnd::Gone,
            Err(_) => return WriteEnd::TooSlow,
        }
    }
    WriteEnd::Gone
}

/// Writes what was on its way when the socket began to close: the reason may be among it.
pub(crate) async fn drain(sink: &mut Sink, mut written: mpsc::Receiver<Message>) {
    let rest = async {
        while let Ok(message) = written.try_recv() {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    };
    let _ = timeout(CLOSED_WITHIN, rest).await;
}

/// Says why, and waits a moment for the other side: a connection that is cut while it still sends would lose the
/// reason. `None` where there is nobody to be told.
pub(crate) async fn take_leave(mut sink: Sink, mut stream: Stream, frame: Option<CloseFrame>) {
    let Some(frame) = frame else { return };
    let farewell = async {
        if sink.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    let _ = timeout(CLOSED_WITHIN, farewell).await;
}

/// When to send pings.
pub(crate) fn pings() -> Interval {
    let mut pings = interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    pings
}

/// axum hides the type of its errors; a frame that is too long is the one that can be told why.
pub(crate) fn is_too_long(error: &axum::Error) -> bool {
    error.to_string().contains("too long")
}

/// Whether the other side still answers.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    /// Pings since it was last heard.
    unanswered: u32,
}

impl Pulse {
    pub fn heard(&mut self) {
        self.unanswered = 0;
    }

    /// Counts a ping about to be sent; false when too many were not answered.
    pub fn beat(&mut self) -> bool {
        self.unanswered += 1;
        self.unanswered <= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_pings_without_an_answer_end_a_socket() {
        let mut pulse = Pulse::default();
        assert!(pulse.beat() && pulse.beat());
        pulse.heard();
        assert!(pulse.beat() && pulse.beat() && !pulse.beat());
    }
}
