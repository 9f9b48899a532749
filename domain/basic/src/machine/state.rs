//! A machine as bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calls::REGISTER_BYTES;
use super::limits::Meter;
use super::random::Random;
use super::registers::Registers;
use super::{Frame, Language, Limits, Machine, RuntimeError, Status};
use crate::program::{FormatError, Instruction, Program, ProgramHash, Trap, open};
use crate::value::{Decoder, Encoder, Value};

/// Opens every stored state: a letter for what it is, then the version of the format. Version 2 added
/// procedures and calls of scripts.
const HEADER: [u8; 2] = [b'S', 2];

/// More were never taken; a damaged state that says so would never come to its limit.
const STEPS_MAX: u64 = u64::MAX / 2;

#[derive(Serialize, Deserialize)]
struct Stored {
    program: ProgramHash,
    /// Outermost first. The last one is executing.
    frames: Vec<StoredFrame>,
    status: StoredStatus,
    random: u64,
    steps: u64,
    output_bytes: u64,
    outputs: u32,
    /// The registers of all frames, and after them the value that the script ended with, if it did.
    values: Vec<u8>,
}

/// What states did not have from the beginning: it follows them, and older ones end before it.
#[derive(Default, Serialize, Deserialize)]
struct Addition {
    language: Language,
}

/// Follows that since version 2.
#[derive(Default, Serialize, Deserialize)]
struct Calls {
    /// The programs besides the first, in the order in which frames number them from 1 on.
    programs: Vec<ProgramHash>,
    /// One for each frame.
    frames: Vec<StoredCall>,
    error: Option<RuntimeError>,
}

#[derive(Default, Serialize, Deserialize)]
struct StoredCall {
    program: u32,
    trap: u32,
    resume: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredFrame {
    procedure: u32,
    next: u32,
}

/// Append only.
#[derive(Serialize, Deserialize)]
enum StoredStatus {
    Fresh,
    Ready,
    Performing(u16),
    Retrying,
    Waiting,
    Ended,
    Failed(RuntimeError),
    Calling,
    Sleeping,
}

impl Machine {
    /// The state as bytes, small, naming its program by hash. Possible after any step.
    pub fn suspend(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.registers
            .used()
            .iter()
            .for_each(|value| encoder.value(value));
        let status = match &self.status {
            Status::Fresh => StoredStatus::Fresh,
            Status::Ready => StoredStatus::Ready,
            Status::Performing(to) => StoredStatus::Performing(*to),
            Status::Retrying => StoredStatus::Retrying,
            Status::Waiting => StoredStatus::Waiting,
            Status::Ended(value) => {
                encoder.value(value);
                StoredStatus::Ended
            }
            Status::Failed(error) => StoredStatus::Failed(error.clone()),
            Status::Calling => StoredStatus::Calling,
            Status::Sleeping => StoredStatus::Sleeping,
        };
        let stored = Stored {
            program: self.programs[0].hash(),
            frames: self
                .frames()
                .map(|frame| StoredFrame {
                    procedure: frame.procedure as u32,
                    next: frame.next as u32,
                })
                .collect(),
            status,
            random: self.random.state,
            steps: self.meter.steps,
            output_bytes: self.meter.output_bytes,
            outputs: self.meter.outputs,
            values: encoder.bytes,
        };
        let addition = Addition {
            language: self.language,
        };
        let calls = Calls {
            programs: self
                .programs
                .iter()
                .skip(1)
                .map(|program| program.hash())
                .collect(),
            frames: self
                .frames()
                .map(|frame| StoredCall {
                    program: frame.program as u32,
                    trap: frame.trap,
                    resume: frame.resume as u32,
                })
                .collect(),
            error: self.error.clone(),
        };
        postcard::to_extend(&stored, HEADER.to_vec())
            .and_then(|bytes| postcard::to_extend(&addition, bytes))
            .and_then(|bytes| postcard::to_extend(&calls, bytes))
            .expect("writing to a growing list of bytes cannot fail")
    }

    fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.callers.iter().chain([&self.frame])
    }

    /// Which programs a stored state needs: the script that was started, then those that it called.
    pub fn suspended_programs(bytes: &[u8]) -> Result<Vec<ProgramHash>, FormatError> {
        let (stored, _, calls) = read(bytes)?;
        Ok([vec![stored.program], calls.programs].concat())
    }

    /// The machine that was put away as `bytes`, with the programs that it needs in any order.
    pub fn restore(bytes: &[u8], programs: &[Arc<Program>], limits: Limits) -> Result<Machine, FormatError> {
        let (stored, addition, calls) = read(bytes)?;
        let find = |hash: &ProgramHash| {
            let found = programs.iter().find(|program| program.hash() == *hash);
            found.cloned().ok_or(FormatError::OtherProgram(*hash))
        };
        let programs = [stored.program]
            .iter()
            .chain(&calls.programs)
            .map(find)
            .collect::<Result<Vec<_>, _>>()?;
        rebuild(&stored, &addition, calls, programs, limits).ok_or(FormatError::Damaged)
    }
}

fn read(bytes: &[u8]) -> Result<(Stored, Addition, Calls), FormatError> {
    let (stored, rest): (Stored, &[u8]) =
        postcard::take_from_bytes(open(bytes, HEADER)?).map_err(|_| FormatError::Damaged)?;
    let (addition, rest) = match rest {
        [] => (Addition::default(), rest),
        rest => postcard::take_from_bytes(rest).map_err(|_| FormatError::Damaged)?,
    };
    let calls = match rest {
        [] => Calls::default(),
        rest => postcard::from_bytes(rest).map_err(|_| FormatError::Damaged)?,
    };
    Ok((stored, addition, calls))
}

/// The frames of a state and how many registers they have together; absent where they do not fit the
/// programs or each other.
fn frames(
    stored: &Stored,
    calls: &Calls,
    programs: &[Arc<Program>],
    limits: &Limits,
) -> Option<(Vec<Frame>, usize)> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut registers = 0;
    let plain = StoredCall::default();
    if stored.frames.len() > limits.depth.max(1) as usize {
        return None;
    }
    for (at, part) in stored.frames.iter().enumerate() {
        let call = match calls.frames.as_slice() {
            [] => &plain,
            calls => calls.get(at)?,
        };
        let program = programs.get(call.program as usize)?;
        let procedure = part.procedure as usize;
        let called = match frames.last() {
            Some(caller) => {
                let code = &programs[caller.program].code.procedures[caller.procedure].code;
                code.get(caller.next.wrapping_sub(1)).copied()
            }
            None => None,
        };
        let script = match (called, frames.last()) {
            (None, None) => (procedure == 0).then_some(0)?,
            (Some(Instruction::Invoke { procedure: named, .. }), Some(caller)) => {
                (usize::from(named) == procedure && call.program as usize == caller.program)
                    .then_some(caller.script)?
            }
            (Some(Instruction::Script { .. }), Some(_)) => (procedure == 0).then_some(registers)?,
            _ => return None,
        };
        let (mut frame, size) = Frame::enter((call.program as usize, program), procedure, script, registers)?;
        let length = program.code.procedures[procedure].code.len();
        let sound = Trap::of(call.trap).fits(length) && (call.resume as usize) < length;
        sound.then_some(())?;
        frame.next = part.next as usize;
        (frame.trap, frame.resume) = (call.trap, call.resume as usize);
        registers += size;
        frames.push(frame);
    }
    Some((frames, registers))
}

fn rebuild(
    stored: &Stored,
    addition: &Addition,
    calls: Calls,
    programs: Vec<Arc<Program>>,
    limits: Limits,
) -> Option<Machine> {
    let (mut callers, count) = frames(stored, &calls, &programs, &limits)?;
    let frame = callers.pop()?;
    let procedure = &programs[frame.program].code.procedures[frame.procedure];
    let next = frame.next;
    let finished = matches!(stored.status, StoredStatus::Ended | StoredStatus::Failed(_));
    if next >= procedure.code.len() && !(finished && next == procedure.code.len()) {
        return None;
    }
    let mut decoder = Decoder::new(&stored.values, limits.memory_bytes);
    let registers: Vec<Value> = (0..count).map(|_| decoder.value()).collect::<Option<_>>()?;
    let status = match &stored.status {
        StoredStatus::Fresh => Status::Fresh,
        StoredStatus::Ready => Status::Ready,
        StoredStatus::Performing(to) if frame.has(&programs[frame.program], *to) => Status::Performing(*to),
        StoredStatus::Performing(_) => return None,
        StoredStatus::Retrying | StoredStatus::Waiting => {
            matches!(procedure.code[next], Instruction::Hear { .. }).then_some(())?;
            if matches!(stored.status, StoredStatus::Waiting) {
                Status::Waiting
            } else {
                Status::Retrying
            }
        }
        StoredStatus::Ended => Status::Ended(decoder.value()?),
        StoredStatus::Failed(error) => Status::Failed(error.clone()),
        StoredStatus::Calling => match procedure.code.get(next.wrapping_sub(1)) {
            Some(Instruction::Script { .. }) => Status::Calling,
            _ => return None,
        },
        StoredStatus::Sleeping => Status::Sleeping,
    };
    decoder.is_at_end().then_some(())?;
    let own = registers.len()
        - callers
            .get(1)
            .map_or(frame.base, |second| second.base)
            .min(registers.len());
    let called = if callers.is_empty() {
        0
    } else {
        own as u64 * REGISTER_BYTES
    };
    let weight = registers
        .iter()
        .fold(called, |weight, value| weight.saturating_add(value.weight()));
    Some(Machine {
        frame,
        callers,
        weight,
        status,
        random: Random::new(stored.random),
        language: addition.language,
        meter: Meter {
            limits,
            steps: stored.steps.min(STEPS_MAX),
            output_bytes: stored.output_bytes,
            outputs: stored.outputs,
        },
        registers: Registers::of(registers),
        programs,
        error: calls.error,
    })
}
