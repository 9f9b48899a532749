//! From the log to the client: what it missed, then what happens.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use axum::extract::ws::Message as Frame;
use chrono::Utc;
use commands::{SetUp, VisitorSession};
use domain::TurnId;
use domain::conversation::Control;
use event_log::Position;
use projections::conversation;
use projections::{LiveEnd, LiveEvent, LiveFact, LiveSubscription, ReadError, WaitError};
use tokio::sync::mpsc;

use super::close::Close;
use super::outgoing::{self, Parties};
use crate::Edge;

/// Turns read at once: a long history must not be in memory as a whole.
const CHUNK_TURNS: u32 = 200;
/// How long the read model may take to show what had happened before the socket opened.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(10);
/// Turns of one socket that are not yet confirmed while their answers are told already: a handful at most.
const ANSWERED_KEPT: usize = 16;

/// The turns that were answered last: an answer can overtake the confirmation of its turn.
#[derive(Debug, Default)]
pub(super) struct Answered(Mutex<VecDeque<TurnId>>);

impl Answered {
    pub fn knows(&self, turn: TurnId) -> bool {
        self.0
            .lock()
            .expect("nothing panics while it is looked at")
            .contains(&turn)
    }

    fn learn(&self, turn: TurnId) {
        let mut turns = self.0.lock().expect("nothing panics while it is looked at");
        if turns.len() == ANSWERED_KEPT {
            turns.pop_front();
        }
        turns.push_back(turn);
    }
}

/// What a socket is told that can be served no longer.
fn ended(live: &LiveSubscription) -> Close {
    match live.end() {
        LiveEnd::Stopped if live.events.is_closed() => Close::Restart,
        LiveEnd::Stopped | LiveEnd::Overrun => Close::TryAgain,
    }
}

pub(super) struct Sending<'a> {
    pub edge: &'a Edge,
    pub visitor: &'a VisitorSession,
    pub parties: &'a Parties,
    pub outbox: mpsc::Sender<Frame>,
    pub answered: &'a Answered,
}

impl Sending<'_> {
    pub async fn run(self, resume_after: Position) -> Close {
        match self.follow(resume_after).await {
            Ok(close) | Err(close) => close,
        }
    }

    async fn follow(&self, resume_after: Position) -> Result<Close, Close> {
        let mut live = self.edge.live.subscribe(self.visitor.session_id).await;
        // Read after the listener began: what changes from here on is heard.
        let mut set_up = self.set_up().await?;
        self.tell_set_up(&SetUp::default(), &set_up).await?;
        let seen = self.catch_up(&live, resume_after, &set_up).await?;
        self.tell_control().await?;
        while let Some(event) = live.events.recv().await {
            // A client that was told more by another process is not told again.
            if event.position > seen {
                self.tell_event(&event, &mut set_up).await?;
            }
        }
        Ok(ended(&live))
    }

    /// Tells what was said after `after`, up to where the listener takes over; returns the last position told.
    async fn catch_up(
        &self,
        live: &LiveSubscription,
        after: Position,
        set_up: &SetUp,
    ) -> Result<Position, Close> {
        let names = [conversation::NAME];
        let caught_up = self
            .edge
            .projections
            .wait_for(&names, live.from, CAUGHT_UP_WITHIN)
            .await;
        caught_up.map_err(|error| match error {
            WaitError::Stopped => Close::Restart,
            error => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    position = live.from.0,
                    "history of a socket is not there yet"
                );
                ended(live)
            }
        })?;
        let mut seen = after;
        while seen < live.from {
            let rows = self.chunk(seen).await.map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error,
                    session.id = %self.visitor.session_id, "history cannot be read");
                ended(live)
            })?;
            let last_chunk = rows.len() < CHUNK_TURNS as usize;
            for row in rows.iter().filter(|row| row.position <= live.from) {
                self.tell(outgoing::of_row(self.parties, row, set_up)).await?;
                seen = row.position;
            }
            if last_chunk || rows.iter().any(|row| row.position > live.from) {
                break;
            }
        }
        Ok(seen)
    }

    /// Who answers, where that is not the bot: a page that opens has not heard of it.
    async fn tell_control(&self) -> Result<(), Close> {
        let found = async {
            let reads = self.edge.reader.tenant(self.visitor.tenant).await?;
            reads.open_conversation(self.visitor.session_id).await
        };
        match found.await {
            Ok(Some(row)) if row.control != Control::Bot => {
                let frame = outgoing::control(row.control, row.attendant.as_ref(), row.control_since, None);
                self.tell(frame).await
            }
            Ok(_) => Ok(()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error,
                    session.id = %self.visitor.session_id, "who answers cannot be read");
                Err(Close::TryAgain)
            }
        }
    }

    async fn set_up(&self) -> Result<SetUp, Close> {
        let (tenant, session) = (self.visitor.tenant, self.visitor.session_id);
        self.edge
            .commands
            .set_up(tenant, session, Utc::now())
            .await
            .map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error,
                    session.id = %session, "what a session is set up with cannot be read");
                Close::TryAgain
            })
    }

    /// Tells what of a session's set-up is another than before.
    async fn tell_set_up(&self, before: &SetUp, now: &SetUp) -> Result<(), Close> {
        if (&before.context, &before.switchers) != (&now.context, &now.switchers) {
            self.tell(outgoing::set_up(now)).await?;
        }
        match &now.theme {
            Some(theme) if before.theme.as_ref() != Some(theme) => {
                self.tell(outgoing::change_theme(theme)).await
            }
            _ => Ok(()),
        }
    }

    async fn chunk(&self, after: Position) -> Result<Vec<conversation::TurnRow>, ReadError> {
        let reads = self.edge.reader.tenant(self.visitor.tenant).await?;
        reads
            .session_turns_after(self.visitor.session_id, after, CHUNK_TURNS)
            .await
    }

    async fn tell_event(&self, event: &LiveEvent, set_up: &mut SetUp) -> Result<(), Close> {
        let position = event.position.0;
        match &event.event {
            LiveFact::Turn(turn) => self.tell(outgoing::turn(self.parties, position, turn)).await,
            LiveFact::Reply { reply, answers } => {
                self.tell(outgoing::reply(self.parties, position, reply, set_up))
                    .await?;
                match answers {
                    Some(turn_id) => self.tell_answered(*turn_id, position).await,
                    None => Ok(()),
                }
            }
            LiveFact::Answered { turn_id } => self.tell_answered(*turn_id, position).await,
            LiveFact::Rated { reply_id, rating } => {
                self.tell(outgoing::rated(*reply_id, *rating, position)).await
            }
            LiveFact::Masked { turn_id } => self.tell(outgoing::masked(*turn_id, position)).await,
            LiveFact::LeftToHuman { turn_id } => {
                self.answered.learn(*turn_id);
                self.tell(outgoing::left_to_human(*turn_id, position)).await
            }
            LiveFact::ControlChanged(change) => {
                let (control, attendant) = (change.control, change.attendant.as_ref());
                let frame = outgoing::control(control, attendant, change.changed_at, Some(position));
                self.tell(frame).await
            }
            LiveFact::SessionEnded => Err(Close::Unauthenticated),
            // What is said next begins another conversation, with the bot.
            LiveFact::ConversationEnded { .. } => {
                let frame = outgoing::control(Control::Bot, None, event.recorded_at, Some(position));
                self.tell(frame).await
            }
            LiveFact::SetUpChanged => {
                let now = self.set_up().await?;
                let before = std::mem::replace(set_up, now);
                self.tell_set_up(&before, set_up).await
            }
            LiveFact::ConversationStarted => Ok(()),
        }
    }

    async fn tell_answered(&self, turn_id: TurnId, position: i64) -> Result<(), Close> {
        self.answered.learn(turn_id);
        self.tell(outgoing::answered(turn_id, position)).await
    }

    /// Waits for room: the listener's buffer fills meanwhile, and says when it is too much.
    async fn tell(&self, frame: String) -> Result<(), Close> {
        self.outbox
            .send(Frame::text(frame))
            .await
            .map_err(|_| Close::Left)
    }
}
