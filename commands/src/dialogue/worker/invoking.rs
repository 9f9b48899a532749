//! Tools that the person calls: a run of their own, over whatever script waits in the conversation.
//!
//! While a tool asks, what the person says goes to it. When it ends, the question of the script beneath is asked again,
//! and what is said next is its answer. A tool that is called while another one asks takes its place.

use basic::{Input, Machine, Value};
use chrono::Utc;
use domain::bot::Bot;
use domain::conversation::{Invocation, ReplyContent, Turn};
use domain::run::{Run, RunEvent, RunStart};
use domain::{Aggregate, BlobReference, Personal, RunId, decode};
use event_log::StreamId;
use serde_json::Value as Json;
use uuid::Uuid;

use super::recording::Committed;
use super::{ActiveRun, Place, Worker};
use crate::dialogue::answer_id;
use crate::tool::{self, Tool};
use crate::{CommandError, RunCommand};

impl Worker {
    /// Answers a turn that calls a tool: by the bot itself where it has the tool no longer.
    pub(super) async fn invoke(&mut self, turn: &Turn, called: &Invocation) -> Result<(), CommandError> {
        let id = RunId(Uuid::new_v5(&turn.turn_id.0, b"tool"));
        let found = self
            .shared
            .executor
            .load_fresh::<Run>(self.context.tenant, id)
            .await?;
        let run = match found.state {
            // It was begun before, by whoever did not live to end the turn.
            Run::Started { start, recorded } => {
                let Some(replayed) = self.shared.recorded_answers(id, &recorded).await? else {
                    self.give_up(id, found.version, &start).await?;
                    return self.answer_without_script(turn).await;
                };
                let blobs: Vec<BlobReference> = recorded
                    .iter()
                    .filter_map(|recording| recording.answers.clear()?.blob.clone())
                    .collect();
                let hash = start.program.parse().map_err(CommandError::unexpected)?;
                let program = self.shared.programs.load(self.context.tenant, hash).await?;
                let name = start.script.clone();
                let mut run = self.called(id, start, &Tool { name, program }, called).await?;
                (run.version, run.begun) = (found.version, Vec::new());
                (run.replayed, run.answers) = (replayed.into(), blobs);
                run
            }
            Run::Absent => {
                let Some((tool, start)) = self.tool(id, &called.tool, turn).await? else {
                    return self.answer_without_script(turn).await;
                };
                self.end_other_tool().await?;
                self.called(id, start, &tool, called).await?
            }
            // The answer is in the log by now.
            Run::Waiting { .. } | Run::Ended => {
                self.known = None;
                return self.activate_again().await;
            }
        };
        self.go_on(Place::Tool, run, Input::Start, turn).await
    }

    /// The tool of this name and how its run starts; None when the bot has none.
    async fn tool(
        &self,
        id: RunId,
        name: &str,
        turn: &Turn,
    ) -> Result<Option<(Tool, RunStart)>, CommandError> {
        let Some(known) = &self.known else { return Ok(None) };
        let (open, tenant) = (&known.open, self.context.tenant);
        let bot = self.shared.executor.load::<Bot>(tenant, open.bot_id).await?.state;
        let Some(mounted) = bot.mounted() else {
            return Ok(None);
        };
        let Some(tool) = tool::find(&self.shared.programs, tenant, &mounted.package, name).await? else {
            return Ok(None);
        };
        let program = tool.program.hash().to_string();
        let start = RunStart {
            bot_id: open.bot_id,
            session_id: open.session_id,
            conversation_id: self.id,
            user_id: open.user_id,
            script: tool.name.clone(),
            scripts: self.shared.callable(tenant, &mounted.package, &program).await?,
            program,
            invoked: true,
            seed: id.0.as_u64_pair().1,
            started_at: turn.received_at,
        };
        Ok(Some((tool, start)))
    }

    /// The tool's run before its first step, with its parameters set.
    async fn called(
        &self,
        id: RunId,
        start: RunStart,
        tool: &Tool,
        called: &Invocation,
    ) -> Result<ActiveRun, CommandError> {
        let mut variables = self.shared.variables(self.context.tenant, &start).await?;
        variables.extend(arguments(tool, called));
        let limits = self.shared.options.script.clone();
        let machine = Machine::start(
            tool.program.clone(),
            basic::Start {
                seed: start.seed,
                variables,
                limits,
            },
        );
        let begun = vec![RunEvent::Started(start.clone())];
        Ok(ActiveRun::new(id, start, machine, begun))
    }

    /// A tool that still asks gives way.
    async fn end_other_tool(&mut self) -> Result<(), CommandError> {
        let Some(other) = self.known.as_mut().and_then(|known| known.tool.take()) else {
            return Ok(());
        };
        let cancel = RunCommand::Cancel { at: Utc::now() };
        self.shared
            .executor
            .execute::<Run>(&self.context, other.id, cancel, Json::Null)
            .await?;
        if let Some(blob) = &other.blob {
            self.shared.forget_state(other.id, blob).await;
        }
        Ok(())
    }

    /// What the script beneath has asked last, while it waits for a turn.
    pub(super) async fn question_beneath(&self) -> Result<Option<ReplyContent>, CommandError> {
        let beneath = self.known.as_ref().and_then(|known| known.run.as_ref());
        let Some(run) = beneath.filter(|run| run.pause.is_none()) else {
            return Ok(None);
        };
        if run.question.is_some() {
            return Ok(run.question.clone());
        }
        let stream = StreamId::new(Run::TYPE, run.id);
        let mut last = None;
        let log = self.shared.executor.log();
        for event in log.load(self.context.tenant.0, &stream, 0).await? {
            let read = decode(&event.event_type, event.event_version, &event.payload);
            if let RunEvent::ReplyProduced(reply) = read.map_err(CommandError::unexpected)? {
                last = Personal::clear(&reply.content).cloned();
            }
        }
        Ok(last)
    }

    /// Has a run go on with what a turn brings, and stores what comes of it.
    pub(super) async fn go_on(
        &mut self,
        place: Place,
        mut run: ActiveRun,
        input: Input,
        turn: &Turn,
    ) -> Result<(), CommandError> {
        let mut execution = self
            .execute(
                &mut run,
                input,
                Some(turn.turn_id),
                Some(turn.turn_id),
                turn.received_at,
            )
            .await?;
        if place == Place::Tool {
            execution.say_what_is_returned();
            run.asks_again = self.question_beneath().await?;
        }
        let changed = execution.conversation_changed;
        let id = answer_id(turn.turn_id);
        match self.commit_run(&mut run, execution, Some(turn), id).await? {
            Committed::Stored(waits) => {
                self.answered(turn);
                if let Some(known) = &mut self.known {
                    known.put(place, waits.then_some(run));
                }
                if changed {
                    self.catch_up().await?;
                }
                self.sit_out_pauses(Some(turn)).await
            }
            // Somebody else answered or ended the run: read what became of it.
            Committed::Elsewhere => {
                self.known = None;
                self.activate_again().await
            }
        }
    }
}

/// What the call gives, as far as the tool still takes it.
fn arguments(tool: &Tool, called: &Invocation) -> Vec<(String, Value)> {
    let given = called.arguments.clear().map(String::as_str).unwrap_or("{}");
    let given = serde_json::from_str(given).unwrap_or_default();
    tool::arguments(&tool.program, &given).unwrap_or_default()
}
