//! The worker of one conversation: answers its turns, one after the other, each once.
//!
//! 1. Turns are answered in the order of the conversation's stream.
//! 2. An answer is appended under an id derived from its turn; a repetition is recognised and dropped.
//! 3. What the worker holds in memory it can read from the log; after any surprise it does.
//! 4. A turn that came while the bot did not answer, or that comes up then, is left to people, and that is its answer.
//!    A turn that a script has begun is the script's.

mod invoking;
mod opening;
mod reading;
mod recording;
mod scanning;
mod triggered;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use basic::{Answer, HearKind, Input, Machine};
use chrono::{DateTime, Utc};
use domain::BlobReference;
use domain::conversation::{Control, OpenConversation, ReplyContent, Suggestion, Turn};
use domain::file::AttachedFile;
use domain::run::{Pause, RunEvent, RunStart};
use domain::{ConversationId, OrganisationId, RunId, TurnId};
use tokio::sync::mpsc;
use tracing::Instrument as _;
use uuid::Uuid;

use super::Shared;
use super::execution::{Execution, execute};
use crate::scripted::{Host, Remembering};
use crate::{CommandError, Context, file_address};
use recording::Committed;

/// How long a worker keeps its conversation in memory when nothing happens.
const REST: Duration = Duration::from_secs(60);

pub(crate) enum Wake {
    /// A turn that was just stored, with its place in the conversation's stream.
    Turn(i64, Box<Turn>),
    /// See for yourself.
    Look,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    context: Context,
    id: ConversationId,
    known: Option<Known>,
}

/// The conversation as far as this worker has seen it.
struct Known {
    open: OpenConversation,
    /// The stream's last event that was seen.
    sequence: i64,
    /// Turns that were seen and have no answer yet.
    waiting: VecDeque<Arrived>,
    answered: HashSet<TurnId>,
    /// Who answers, as far as was seen.
    control: Control,
    run: Option<ActiveRun>,
    /// The tool that asks, over the run.
    tool: Option<ActiveRun>,
    /// The turn that called a tool whose run was begun and has no end.
    begun_tool: Option<TurnId>,
}

/// Which of a conversation's two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Script,
    /// Turns go to it first.
    Tool,
}

/// A turn, and who answered when it was stored.
struct Arrived {
    turn: Turn,
    under: Control,
}

struct ActiveRun {
    id: RunId,
    version: i64,
    start: RunStart,
    machine: Machine,
    suggestions: Vec<Suggestion>,
    /// Where the state of its last wait is kept, if that was large.
    blob: Option<BlobReference>,
    /// What it waits for, where the kind matters to who hands it the answer.
    asks: Option<HearKind>,
    /// When it goes on by itself; None when it waits for a turn.
    pause: Option<Pause>,
    /// What goes before the next event of its stream.
    begun: Vec<RunEvent>,
    /// The turn that was begun before.
    begun_turn: Option<TurnId>,
    /// What it was answered when its turn was begun before.
    replayed: VecDeque<Answer>,
    /// What is deleted once its turn is stored.
    answers: Vec<BlobReference>,
    /// What it said last; None where only the log knows.
    question: Option<ReplyContent>,
    /// What is said when it ends: the question of the script beneath.
    asks_again: Option<ReplyContent>,
}

impl ActiveRun {
    /// A run that has not taken its first step.
    fn new(id: RunId, start: RunStart, machine: Machine, begun: Vec<RunEvent>) -> Self {
        Self {
            id,
            version: 0,
            start,
            machine,
            suggestions: Vec::new(),
            blob: None,
            asks: None,
            pause: None,
            begun,
            begun_turn: None,
            replayed: VecDeque::new(),
            answers: Vec::new(),
            question: None,
            asks_again: None,
        }
    }

    /// Whether the answer is not to be shown to anybody.
    fn asks_secret(&self) -> bool {
        self.asks.is_some_and(HearKind::is_secret)
    }
}

/// What a run is handed.
enum GoesOnWith {
    Input(Input),
    /// Found out just now, so that a repetition has to be told.
    Answer(Answer),
}

impl From<Input> for GoesOnWith {
    fn from(input: Input) -> Self {
        GoesOnWith::Input(input)
    }
}

impl Known {
    /// Whether a turn that came under this control is not the bot's to answer.
    fn is_for_people(&self, turn: TurnId, under: Control) -> bool {
        let runs = self.run.iter().chain(&self.tool);
        let begun = runs.filter_map(|run| run.begun_turn).chain(self.begun_tool);
        !begun.into_iter().any(|begun| begun == turn)
            && (under != Control::Bot || self.control != Control::Bot)
    }
}

impl Known {
    /// The run that the next turn goes to.
    fn take_top(&mut self) -> Option<(Place, ActiveRun)> {
        match self.tool.take() {
            Some(run) => Some((Place::Tool, run)),
            None => Some((Place::Script, self.run.take()?)),
        }
    }

    /// The run that goes on by itself.
    fn take_pausing(&mut self) -> Option<(Place, ActiveRun)> {
        let (place, run) = match &self.tool {
            Some(tool) => (Place::Tool, tool),
            None => (Place::Script, self.run.as_ref()?),
        };
        run.pause.as_ref()?;
        let taken = match place {
            Place::Tool => self.tool.take(),
            Place::Script => self.run.take(),
        };
        taken.map(|run| (place, run))
    }

    fn put(&mut self, place: Place, run: Option<ActiveRun>) {
        match place {
            Place::Tool => self.tool = run,
            Place::Script => self.run = run,
        }
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, tenant: OrganisationId, id: ConversationId) -> Self {
        Self {
            shared,
            context: Context::system(tenant, "dialogues"),
            id,
            known: None,
        }
    }

    pub(crate) async fn run(mut self, mut queue: mpsc::UnboundedReceiver<Wake>) {
        let mut failures: u32 = 0;
        let mut next = queue.recv().await;
        while let Some(wake) = next {
            match self.handle(wake).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures += 1;
                    self.known = None;
                    let pause = Duration::from_millis(50) * 2u32.pow(failures.min(7));
                    if failures > 3 {
                        tracing::error!(conversation.id = %self.id, error = %error, failures, "turns cannot be answered, trying again");
                    }
                    tokio::time::sleep(pause).await;
                    // Ten failures in a row: leave it to the one who looks after unanswered turns.
                    if failures < 10 {
                        next = Some(Wake::Look);
                        continue;
                    }
                }
            }
            next = match tokio::time::timeout(REST, queue.recv()).await {
                Ok(wake) => wake,
                Err(_) => self.shared.retire(self.id, &mut queue),
            };
        }
    }

    async fn handle(&mut self, wake: Wake) -> Result<(), CommandError> {
        match (&mut self.known, wake) {
            (Some(known), Wake::Turn(sequence, turn)) if sequence == known.sequence + 1 => {
                known.sequence = sequence;
                known.waiting.push_back(Arrived {
                    turn: *turn,
                    under: known.control,
                });
            }
            (Some(known), Wake::Turn(sequence, _)) if sequence <= known.sequence => {}
            (Some(_), Wake::Turn(..) | Wake::Look) => self.catch_up().await?,
            (None, _) => self.activate().await?,
        }
        while let Some(arrived) = self.known.as_mut().and_then(|known| known.waiting.pop_front()) {
            let span = tracing::info_span!(
                target: "trace",
                "turn.answer",
                trace.id = %arrived.turn.turn_id,
                conversation.id = %self.id,
            );
            if let Err(error) = self.answer(&arrived).instrument(span).await {
                if let Some(known) = &mut self.known {
                    known.waiting.push_front(arrived);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    async fn answer(&mut self, Arrived { turn, under }: &Arrived) -> Result<(), CommandError> {
        let Some(known) = &mut self.known else {
            return Ok(());
        };
        if known.answered.contains(&turn.turn_id) {
            return Ok(());
        }
        if known.is_for_people(turn.turn_id, *under) {
            return self.leave_to_people(turn).await;
        }
        let started = Instant::now();
        let run = match &turn.invokes {
            Some(called) => return self.invoke(turn, called).await,
            None => known.take_top(),
        };
        match run {
            Some((place, run)) => {
                // What was erased meanwhile is answered as silence.
                let mut text = turn.content.clear().cloned().unwrap_or_default();
                if run.asks == Some(HearKind::QrCode) && !turn.attached().is_empty() {
                    text = self.scanned(turn).await?;
                }
                let input = Input::Answer {
                    text,
                    files: attached(turn),
                };
                self.go_on(place, run, input, turn).await?;
            }
            None => self.answer_without_script(turn).await?,
        }
        metrics::histogram!("turn_duration_seconds", "stage" => "answer")
            .record(started.elapsed().as_secs_f64());
        Ok(())
    }

    /// Has a run that pauses go on when it is time, until it waits for a turn or ends. Turns that arrive meanwhile wait.
    async fn sit_out_pauses(&mut self, turn: Option<&Turn>) -> Result<(), CommandError> {
        while let Some(known) = &mut self.known
            && let Some((place, mut run)) = known.take_pausing()
            && let Some(Pause { until, event, .. }) = run.pause.take()
        {
            let goes_on_with = match event {
                None => {
                    sleep_until(until).await;
                    GoesOnWith::Input(Input::Continue)
                }
                // What it went on with before, if it has: what it did then follows from that.
                Some(_) => match run.replayed.pop_front() {
                    Some(answer) => GoesOnWith::Input(answer.into()),
                    None => GoesOnWith::Answer(Answer::Value(self.shared.heard.until(run.id, until).await)),
                },
            };
            // The same for each repetition, whatever was recorded meanwhile.
            let id = Uuid::new_v5(&run.id.0, until.to_rfc3339().as_bytes());
            // Whatever the turn was, going on is no part of it: a process that finds the run in the log knows of none.
            let caused = turn.map(|turn| turn.turn_id);
            let mut execution = self.execute(&mut run, goes_on_with, None, caused, until).await?;
            if place == Place::Tool {
                execution.say_what_is_returned();
                run.asks_again = self.question_beneath().await?;
            }
            let changed = execution.conversation_changed;
            match self.commit_run(&mut run, execution, turn, id).await? {
                Committed::Stored(waits) => {
                    if let Some(known) = &mut self.known {
                        known.put(place, waits.then_some(run));
                    }
                    if changed {
                        self.catch_up().await?;
                    }
                }
                Committed::Elsewhere => {
                    self.known = None;
                    return self.activate_again().await;
                }
            }
        }
        Ok(())
    }

    /// Runs the script until it waits or ends, doing what it asks for. `turn` is what it answers, `caused` what its events
    /// are traced to: where it goes on after a pause, the one without the other.
    async fn execute(
        &self,
        run: &mut ActiveRun,
        goes_on_with: impl Into<GoesOnWith>,
        turn: Option<TurnId>,
        caused: Option<TurnId>,
        now: DateTime<Utc>,
    ) -> Result<Execution, CommandError> {
        let offered = std::mem::take(&mut run.suggestions);
        let caused = caused.map(|turn| turn.0);
        let (input, unrecorded) = match goes_on_with.into() {
            GoesOnWith::Input(input) => (input, Vec::new()),
            GoesOnWith::Answer(answer) => (answer.clone().into(), vec![answer]),
        };
        let context = Context {
            correlation_id: caused.unwrap_or(self.context.correlation_id),
            causation_id: caused,
            ..self.context.clone()
        };
        let mut host = Host {
            shared: &self.shared,
            context,
            depth: self.trigger().map_or(0, |trigger| trigger.depth),
            conversation: self.id,
            run: run.id,
            start: run.start.clone(),
            turn,
            now,
            version: run.version,
            begun: std::mem::take(&mut run.begun),
            replayed: std::mem::take(&mut run.replayed),
            blobs: std::mem::take(&mut run.answers),
            unrecorded,
            unrecorded_bytes: 0,
            remembering: Remembering::default(),
            aside: Remembering::default(),
            said: Vec::new(),
            intended: false,
            asked: 0,
            published: 0,
            conversation_changed: false,
            hops: 0,
            deadline: Instant::now() + self.shared.options.script_time_max,
        };
        let execution = execute(&mut run.machine, &mut host, input, offered).await?;
        (run.version, run.begun, run.answers) = (host.version, host.begun, host.blobs);
        run.begun_turn = None;
        Ok(execution)
    }

    async fn activate_again(&mut self) -> Result<(), CommandError> {
        Box::pin(self.activate()).await
    }

    fn answered(&mut self, turn: &Turn) {
        if let Some(known) = &mut self.known {
            known.answered.insert(turn.turn_id);
        }
    }
}

/// The turn's files as scripts see them.
fn attached(turn: &Turn) -> Vec<basic::File> {
    let session = turn.session_id;
    let of = |file: &AttachedFile| basic::File {
        id: file.file_id.to_string(),
        name: file.name.clone(),
        media_type: file.media_type.clone(),
        bytes: file.bytes,
        url: file_address(session, file.file_id),
    };
    turn.attached().iter().map(of).collect()
}

async fn sleep_until(until: DateTime<Utc>) {
    tokio::time::sleep((until - Utc::now()).to_std().unwrap_or_default()).await;
}
