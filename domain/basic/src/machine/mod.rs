//! The machine that runs compiled scripts.
//!
//! It is deterministic: the same program, input, time and seed give the same steps. It never waits and
//! never acts; it hands out what is to be done and is called again. Between two calls it can be put away
//! as bytes ([`Machine::suspend`]) and taken up by another process ([`Machine::restore`]).

mod answer;
mod ask;
mod calls;
mod execute;
mod fast;
mod fault;
mod limits;
mod loops;
mod random;
mod registers;
mod request;
mod state;
mod steps;
mod window;

pub use answer::Answer;
pub(crate) use ask::Language;
pub use ask::{Hear, HearKind};
pub(crate) use execute::Context;
use execute::handed;
pub(crate) use fault::Fault;
pub use fault::RuntimeError;
pub use limits::Limits;
pub(crate) use request::is_id;
pub use request::{Refusal, Request};
pub use steps::{Called, Effect, File, Input, LogLevel, Step, Suggestion, SuggestionAction};

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::program::{Instruction, Program, ProgramHash, Register};
use crate::value::{Decoder, Encoder, Value};
use limits::Meter;
use random::Random;
use registers::Registers;

/// What a script starts with.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Decides all random numbers of the run.
    pub seed: u64,
    /// By name, in any capitalisation. Those that the script does not mention are left out. `language`
    /// is also the language in which the machine asks again, until SET LANGUAGE.
    pub variables: Vec<(String, Value)>,
    pub limits: Limits,
}

/// A script in execution.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The script, and those that it has called so far.
    programs: Vec<Arc<Program>>,
    registers: Registers,
    frame: Frame,
    /// Where the callers of the current procedure go on, outermost first.
    callers: Vec<Frame>,
    /// Logical bytes of all registers.
    weight: u64,
    status: Status,
    random: Random,
    /// In which it asks again.
    language: Language,
    meter: Meter,
    /// The error that was caught last, until it is cleared.
    error: Option<RuntimeError>,
}

/// Where in which procedure the machine is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    program: usize,
    procedure: usize,
    /// The next instruction.
    next: usize,
    /// Where the variables of its script lie.
    script: usize,
    /// Where its own registers lie.
    base: usize,
    /// Registers below are variables of the script.
    own_from: usize,
    /// Registers from here on are temporaries.
    variables: usize,
    /// What an error does: the number of a [`Trap`](crate::program::Trap).
    trap: u32,
    /// Where a script that resumes goes on.
    resume: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Status {
    Fresh,
    Ready,
    /// The host performs an effect, whose answer goes to the register.
    Performing(Register),
    /// The host tells the user what was wrong with an answer; the question stays open.
    Retrying,
    /// The next instruction is a HEAR that waits for its answer.
    Waiting,
    Ended(Value),
    /// The host looks for the script that is called.
    Calling,
    Sleeping,
    Failed(RuntimeError),
}

impl Machine {
    pub fn start(program: Arc<Program>, start: Start) -> Machine {
        let (frame, registers) = Frame::enter((0, &program), 0, 0, 0)
            .expect("a program has a procedure, and it fits its registers");
        let mut machine = Machine {
            programs: vec![program],
            registers: Registers::of(vec![Value::Null; registers]),
            frame,
            callers: Vec::new(),
            weight: 0,
            status: Status::Fresh,
            random: Random::new(start.seed),
            language: Language::default(),
            meter: Meter::new(start.limits),
            error: None,
        };
        for (name, value) in start.variables {
            if let Value::Text(language) = &value
                && name.eq_ignore_ascii_case("language")
            {
                machine.language = Language::named(language);
            }
            if let Err(fault) = machine.provide(&name, &value) {
                machine.fail(fault.at(0, 0));
            }
        }
        machine
    }

    /// Gives the script that begins a value of the host, if it mentions the variable: a copy that shares nothing with
    /// what the host keeps, since how much is shared decides how many steps a change costs.
    fn provide(&mut self, name: &str, value: &Value) -> Result<(), Fault> {
        let variables = &self.programs[self.frame.program].code.procedures[0].variables;
        let known = |known: &String| !name.is_empty() && known.eq_ignore_ascii_case(name);
        let Some(register) = variables.iter().position(known) else {
            return Ok(());
        };
        let mut encoder = Encoder::default();
        encoder.value(value);
        let limit = self.meter.limits.memory_bytes;
        let copy = Decoder::new(&encoder.bytes, limit)
            .value()
            .ok_or_else(|| Fault::memory(limit))?;
        self.write(register as Register, copy)
    }

    /// Goes on with `input` for at most about `fuel` steps. `now` is the time that the script sees.
    pub fn run(&mut self, input: Input, now: DateTime<Utc>, fuel: u64) -> Step {
        let mut step = Step::Yielded;
        self.go_on(input, now, fuel, &mut step);
        if matches!(step, Step::Waiting(_) | Step::Sleeping { .. }) {
            self.registers.shrink();
        }
        step
    }

    fn go_on(&mut self, input: Input, now: DateTime<Utc>, fuel: u64, step: &mut Step) {
        let accepted = match self.accept(input, now) {
            Ok(accepted) => accepted,
            Err(fault) => self.raise(fault),
        };
        if handed(accepted, step) {
            return;
        }
        let goal = self.meter.steps.saturating_add(fuel);
        while self.meter.steps < goal {
            let number = self.frame.program;
            let program = Arc::clone(&self.programs[number]);
            while self.meter.steps < goal && self.frame.program == number {
                let stepped = match self.burst(&program, now, goal, step) {
                    Ok(stepped) => stepped,
                    Err(fault) => handed(self.raise(fault), step),
                };
                if stepped {
                    return;
                }
            }
        }
    }

    /// Takes the input, if it is what the machine is ready for.
    fn accept(&mut self, input: Input, now: DateTime<Utc>) -> Result<Option<Step>, Fault> {
        match (&self.status, input) {
            (Status::Ended(value), _) => return Ok(Some(Step::Ended(value.clone()))),
            (Status::Failed(error), _) => return Ok(Some(Step::Failed(error.clone()))),
            (Status::Fresh, Input::Start) => self.status = Status::Ready,
            (Status::Ready, Input::Continue) => {}
            (Status::Performing(to), Input::Continue) => {
                let to = *to;
                self.status = Status::Ready;
                self.write(to, Value::Null)?;
            }
            (Status::Performing(to), Input::Value(value)) => {
                let to = *to;
                self.status = Status::Ready;
                self.write(to, value)?;
            }
            (Status::Performing(to), Input::Refused(refusal)) => {
                let to = *to;
                self.status = Status::Ready;
                self.refused(to, &refusal)?;
            }
            (Status::Retrying, Input::Continue) => {
                self.status = Status::Waiting;
                return self.question().map(|hear| Some(Step::Waiting(hear)));
            }
            (Status::Waiting, Input::Answer { text, files }) => {
                self.meter.begin_turn();
                return self.answer(&text, &files, now);
            }
            (Status::Sleeping, Input::Continue) => self.status = Status::Ready,
            (Status::Calling, Input::Program(called)) => self.call_script(called)?,
            _ => return Err(Fault::input()),
        }
        Ok(None)
    }

    /// The HEAR instruction at which the machine waits.
    fn waiting_at(&self) -> Result<Instruction, Fault> {
        let code = &self.programs[self.frame.program].code.procedures[self.frame.procedure].code;
        match code.get(self.frame.next) {
            Some(hear @ Instruction::Hear { .. }) => Ok(*hear),
            _ => Err(Fault::program()),
        }
    }

    pub fn program_hash(&self) -> ProgramHash {
        self.programs[0].hash()
    }

    /// Steps of this turn so far. Long work, such as sorting, counts as several.
    pub fn steps(&self) -> u64 {
        self.meter.steps
    }
}
