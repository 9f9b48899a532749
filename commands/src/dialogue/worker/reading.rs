//! What a worker learns from the log: the conversation, its turns, what is answered, the run that waits.

use std::collections::HashSet;

use basic::{HearKind, Machine};
use domain::conversation::{Control, Conversation, ConversationEvent, OpenConversation};
use domain::run::{ACTIVE_RUN, Run, TOOL_RUN};
use domain::{Aggregate, BlobReference, RunId, decode};
use event_log::StreamId;
use uuid::Uuid;

use super::super::{answer_id, inconsistent};
use super::{ActiveRun, Arrived, Known, Place, Worker};
use crate::CommandError;

/// What a reading of the conversation's stream found.
struct Reading {
    /// The last event that was read, or where the reading began.
    sequence: i64,
    /// How the conversation began, if that was read. Kept apart from its state, because turns may arrive while a
    /// conversation is being ended; they are answered all the same.
    open: Option<OpenConversation>,
    turns: Vec<Arrived>,
    /// Who answers at its end.
    control: Control,
}

impl Worker {
    /// Reads everything from the log and takes up what waits there.
    pub(super) async fn activate(&mut self) -> Result<(), CommandError> {
        let Reading {
            sequence,
            open,
            turns,
            control,
        } = self.read_turns(0, Control::Bot).await?;
        let open = open.ok_or_else(|| inconsistent("a conversation without a beginning"))?;
        let first = turns.first().map(|arrived| arrived.turn.received_at);
        let ids: Vec<Uuid> = turns
            .iter()
            .map(|arrived| answer_id(arrived.turn.turn_id))
            .collect();
        let tenant = self.context.tenant.0;
        let answers: HashSet<Uuid> = self
            .shared
            .executor
            .log()
            .receipts_of(tenant, &ids)
            .await?
            .into_iter()
            .collect();
        let (answered, waiting): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|arrived| answers.contains(&answer_id(arrived.turn.turn_id)));
        self.known = Some(Known {
            open,
            sequence,
            waiting: waiting.into(),
            answered: answered.iter().map(|arrived| arrived.turn.turn_id).collect(),
            control,
            run: None,
            tool: None,
            begun_tool: None,
        });
        self.open_session(first).await?;
        self.restore_run(Place::Script).await?;
        self.restore_run(Place::Tool).await?;
        self.sit_out_pauses(None).await?;
        self.complete().await
    }

    /// Reads what the conversation's stream got since.
    pub(super) async fn catch_up(&mut self) -> Result<(), CommandError> {
        let Some((from, control)) = self.known.as_ref().map(|known| (known.sequence, known.control)) else {
            return Ok(());
        };
        let found = self.read_turns(from, control).await?;
        if let Some(known) = &mut self.known {
            known.sequence = found.sequence.max(known.sequence);
            known.control = found.control;
            let new = found
                .turns
                .into_iter()
                .filter(|arrived| !known.answered.contains(&arrived.turn.turn_id));
            known.waiting.extend(new);
        }
        Ok(())
    }

    /// Reads on from an event, when so much was known of who answers.
    async fn read_turns(&self, after: i64, control: Control) -> Result<Reading, CommandError> {
        let stream = StreamId::new(Conversation::TYPE, self.id);
        let log = self.shared.executor.log();
        let mut found = Reading {
            sequence: after,
            open: None,
            turns: Vec::new(),
            control,
        };
        for event in log.load(self.context.tenant.0, &stream, after).await? {
            found.sequence = event.sequence;
            match decode(&event.event_type, event.event_version, &event.payload)
                .map_err(CommandError::unexpected)?
            {
                ConversationEvent::Started {
                    session_id,
                    bot_id,
                    user_id,
                    started_at,
                    trigger,
                } => {
                    found.open = Some(OpenConversation {
                        trigger,
                        ..OpenConversation::new(session_id, bot_id, user_id, started_at)
                    });
                }
                ConversationEvent::TurnReceived(turn) => found.turns.push(Arrived {
                    turn,
                    under: found.control,
                }),
                ConversationEvent::ControlChanged(change) => found.control = change.control,
                ConversationEvent::ReplyProduced(_)
                | ConversationEvent::TurnLeftToHuman { .. }
                | ConversationEvent::ReplyRated { .. }
                | ConversationEvent::PrioritySet { .. }
                | ConversationEvent::Tagged { .. }
                | ConversationEvent::Noted(_)
                | ConversationEvent::Ended { .. } => {}
            }
        }
        Ok(found)
    }

    /// Takes up the run that waits in this place of the conversation, if any.
    async fn restore_run(&mut self, place: Place) -> Result<(), CommandError> {
        let claim = match place {
            Place::Script if self.known.as_ref().is_none_or(|known| known.run.is_some()) => return Ok(()),
            Place::Script => ACTIVE_RUN,
            Place::Tool => TOOL_RUN,
        };
        let tenant = self.context.tenant;
        let owner = self
            .shared
            .executor
            .log()
            .claim_owner(tenant.0, claim, &self.id.to_string())
            .await?;
        let Some(id) = owner.and_then(|owner| owner.parse::<RunId>().ok()) else {
            return Ok(());
        };
        let found = self.shared.executor.load_fresh::<Run>(tenant, id).await?;
        let (start, suspension, recorded) = match found.state {
            Run::Waiting {
                start,
                suspension,
                recorded,
            } => (start, Some(suspension), recorded),
            Run::Started { start, recorded } => (start, None, recorded),
            Run::Absent | Run::Ended => return Ok(()),
        };
        // Its turn begins it again.
        if place == Place::Tool && suspension.is_none() {
            if let Some(known) = &mut self.known {
                known.begun_tool = recorded.last().and_then(|recording| recording.turn_id);
            }
            return Ok(());
        }
        let begun_turn = recorded.last().and_then(|recording| recording.turn_id);
        let Some(replayed) = self.shared.recorded_answers(id, &recorded).await? else {
            return self.give_up(id, found.version, &start).await;
        };
        let answers: Vec<BlobReference> = recorded
            .iter()
            .filter_map(|recording| recording.answers.clear()?.blob.clone())
            .collect();
        let Some(suspension) = suspension else {
            return self
                .run_from_the_start(id, found.version, start, Vec::new(), replayed.into(), answers)
                .await;
        };
        // An erased state cannot be taken up; turns go to the bot itself from here on.
        let Some(stored) = suspension.state.clear() else {
            return Ok(());
        };
        let Some(bytes) = self.shared.state_bytes(id, stored).await? else {
            return self.give_up(id, found.version, &start).await;
        };
        let hashes = Machine::suspended_programs(&bytes).map_err(CommandError::unexpected)?;
        let mut programs = Vec::with_capacity(hashes.len());
        for hash in hashes {
            programs.push(self.shared.programs.load(tenant, hash).await?);
        }
        let machine = Machine::restore(&bytes, &programs, self.shared.options.script.clone())
            .map_err(CommandError::unexpected)?;
        if let Some(known) = &mut self.known {
            let suggestions = stored.suggestions.clone();
            let blob = stored.blob.clone();
            let asks = HearKind::of_name(&suspension.waits_for);
            let pause = suspension.pause.clone();
            let run = ActiveRun {
                version: found.version,
                suggestions,
                blob,
                asks,
                pause,
                begun_turn,
                replayed: replayed.into(),
                answers,
                ..ActiveRun::new(id, start, machine, Vec::new())
            };
            known.put(place, Some(run));
        }
        Ok(())
    }
}
