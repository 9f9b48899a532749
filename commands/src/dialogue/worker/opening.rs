//! The script that a conversation begins with: the opening one, which runs once for a session and before the first turn is
//! answered, or the one that a trigger is for.

use std::collections::VecDeque;

use basic::{Answer, Input, Machine, ProgramHash};
use chrono::{DateTime, Utc};
use domain::bot::Bot;
use domain::run::{Run, RunEvent, RunStart};
use domain::{BlobReference, RunId};

use super::super::{opening_run, program_of};
use super::recording::Committed;
use super::{ActiveRun, Worker};
use crate::CommandError;
use crate::automation::triggered_run;

impl Worker {
    /// Runs the opening script if this session has not seen it.
    pub(super) async fn open_session(
        &mut self,
        first_turn_at: Option<DateTime<Utc>>,
    ) -> Result<(), CommandError> {
        let Some(known) = &self.known else { return Ok(()) };
        let open = known.open.clone();
        // A trigger names the script that it is for.
        let (run_id, script) = match &open.trigger {
            Some(trigger) => (triggered_run(self.id), trigger.script.as_str()),
            None => (opening_run(open.session_id), "start"),
        };
        if self
            .shared
            .executor
            .load_fresh::<Run>(self.context.tenant, run_id)
            .await?
            .version
            > 0
        {
            return Ok(());
        }
        let bot = self
            .shared
            .executor
            .load::<Bot>(self.context.tenant, open.bot_id)
            .await?
            .state;
        let Some(mounted) = bot.mounted() else {
            return Ok(());
        };
        let Some(program) = program_of(&mounted.package, script) else {
            return Ok(());
        };
        let started_at = match open.trigger {
            Some(_) => open.active_at,
            None => first_turn_at.unwrap_or_else(Utc::now),
        };
        // What is to start by itself does not once its person is gone.
        if open.trigger.is_some() && !self.session_is_open(open.session_id).await? {
            return Ok(());
        }
        let start = RunStart {
            bot_id: open.bot_id,
            session_id: open.session_id,
            conversation_id: self.id,
            user_id: open.user_id,
            script: script.to_owned(),
            program: program.to_owned(),
            scripts: self
                .shared
                .callable(self.context.tenant, &mounted.package, program)
                .await?,
            invoked: false,
            seed: run_id.0.as_u64_pair().1,
            started_at,
        };
        let begun = vec![RunEvent::Started(start.clone())];
        self.run_from_the_start(run_id, 0, start, begun, VecDeque::new(), Vec::new())
            .await
    }

    /// Runs the opening script from its start, with what it was answered when it was begun before.
    pub(super) async fn run_from_the_start(
        &mut self,
        id: RunId,
        version: i64,
        start: RunStart,
        begun: Vec<RunEvent>,
        replayed: VecDeque<Answer>,
        answers: Vec<BlobReference>,
    ) -> Result<(), CommandError> {
        let hash: ProgramHash = start.program.parse().map_err(CommandError::unexpected)?;
        let program = self.shared.programs.load(self.context.tenant, hash).await?;
        let mut variables = self.shared.variables(self.context.tenant, &start).await?;
        if let Some(trigger) = self.trigger() {
            match self.shared.given_variables(id, trigger).await? {
                Some(given) => {
                    let own = variables.len();
                    for (name, value) in given {
                        let taken = |(taken, _): &(String, _)| taken.eq_ignore_ascii_case(&name);
                        if trigger.cause.sets(&name) || !variables[..own].iter().any(taken) {
                            variables.push((name, value));
                        }
                    }
                }
                None => return self.give_up(id, version, &start).await,
            }
        }
        let limits = self.shared.options.script.clone();
        let machine = Machine::start(
            program,
            basic::Start {
                seed: start.seed,
                variables,
                limits,
            },
        );
        let started_at = start.started_at;
        let mut active = ActiveRun {
            version,
            replayed,
            answers,
            ..ActiveRun::new(id, start, machine, begun)
        };
        let execution = self
            .execute(&mut active, Input::Start, None, None, started_at)
            .await?;
        let changed = execution.conversation_changed;
        // One for each run: it starts once.
        if let Committed::Stored(waits) = self.commit_run(&mut active, execution, None, id.0).await?
            && waits
            && let Some(known) = &mut self.known
        {
            known.run = Some(active);
        }
        if changed {
            self.catch_up().await?;
        }
        Ok(())
    }
}
