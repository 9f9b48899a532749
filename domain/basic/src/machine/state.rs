//! A machine as bytes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::Meter;
use super::random::Random;
use super::{Frame, Language, Limits, Machine, RuntimeError, Status};
use crate::program::{FormatError, Instruction, Program, ProgramHash, open};
use crate::value::{Decoder, Encoder, Value};

/// Opens every stored state: a letter for what it is, then the version of the format.
const HEADER: [u8; 2] = [b'S', 1];

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
}

impl Machine {
    /// The state as bytes, small, naming its program by hash. Possible after any step.
    pub fn suspend(&self) -> Vec<u8> {
        let mut encoder = Encoder::default();
        self.registers.iter().for_each(|value| encoder.value(value));
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
        };
        let stored = Stored {
            program: self.program.hash(),
            frames: vec![StoredFrame {
                procedure: self.frame.procedure as u32,
                next: self.frame.next as u32,
            }],
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
        postcard::to_extend(&stored, HEADER.to_vec())
            .and_then(|bytes| postcard::to_extend(&addition, bytes))
            .expect("writing to a growing list of bytes cannot fail")
    }

    /// Which program a stored state belongs to.
    pub fn suspended_program(bytes: &[u8]) -> Result<ProgramHash, FormatError> {
        let (hash, _) = postcard::take_from_bytes(open(bytes, HEADER)?).map_err(|_| FormatError::Damaged)?;
        Ok(hash)
    }

    /// The machine that was put away as `bytes`.
    pub fn restore(bytes: &[u8], program: Arc<Program>, limits: Limits) -> Result<Machine, FormatError> {
        let hash = Machine::suspended_program(bytes)?;
        if hash != program.hash() {
            return Err(FormatError::OtherProgram(hash));
        }
        let (stored, rest): (Stored, &[u8]) =
            postcard::take_from_bytes(open(bytes, HEADER)?).map_err(|_| FormatError::Damaged)?;
        let addition = match rest {
            [] => Addition::default(),
            rest => postcard::from_bytes(rest).map_err(|_| FormatError::Damaged)?,
        };
        rebuild(&stored, &addition, program, limits).ok_or(FormatError::Damaged)
    }
}

fn rebuild(stored: &Stored, addition: &Addition, program: Arc<Program>, limits: Limits) -> Option<Machine> {
    // Procedures do not call each other in this version, so one frame executes.
    let [frame] = stored.frames.as_slice() else {
        return None;
    };
    let procedure = program.code.procedures.get(frame.procedure as usize)?;
    let next = frame.next as usize;
    let finished = matches!(stored.status, StoredStatus::Ended | StoredStatus::Failed(_));
    if next >= procedure.code.len() && !(finished && next == procedure.code.len()) {
        return None;
    }
    let mut decoder = Decoder::new(&stored.values, limits.memory_bytes);
    let registers: Vec<Value> = (0..procedure.registers)
        .map(|_| decoder.value())
        .collect::<Option<_>>()?;
    let status = match &stored.status {
        StoredStatus::Fresh => Status::Fresh,
        StoredStatus::Ready => Status::Ready,
        StoredStatus::Performing(to) if *to < procedure.registers => Status::Performing(*to),
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
    };
    decoder.is_at_end().then_some(())?;
    let weight = registers
        .iter()
        .fold(0_u64, |weight, value| weight.saturating_add(value.weight()));
    Some(Machine {
        frame: Frame {
            procedure: frame.procedure as usize,
            next,
            base: 0,
            variables: procedure.variables.len(),
        },
        weight,
        status,
        random: Random::new(stored.random),
        language: addition.language,
        meter: Meter {
            limits,
            steps: stored.steps,
            output_bytes: stored.output_bytes,
            outputs: stored.outputs,
        },
        registers,
        program,
    })
}
