//! What was stored: programs, machines that wait, answers of hosts.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use basic::{Answer, Input, Machine, Program, ProgramHash};

use super::host::{Way, go_on, start};
use super::scripts::limits;
use super::seeds;
use crate::{Violation, Worth};

/// Logical bytes that answers may take.
const ANSWER_BYTES: u64 = 1 << 20;

pub fn program(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(program) = Program::from_bytes(input) else {
        return Ok(Worth::Perhaps);
    };
    if program.to_bytes() != input {
        return Err(Violation::new("a program keeps its bytes", ""));
    }
    let program = Arc::new(program);
    for way in [Way::Sliced, Way::Plainly] {
        let program = match way {
            Way::Plainly => Arc::new(program.unhurried()),
            _ => Arc::clone(&program),
        };
        let machine = Machine::start(Arc::clone(&program), start(1));
        go_on(machine, &program, Input::Start, 1, way)?;
    }
    Ok(Worth::Perhaps)
}

/// The programs of the states that are changed.
static PROGRAMS: LazyLock<BTreeMap<ProgramHash, Arc<Program>>> = LazyLock::new(|| {
    seeds::waiting()
        .into_iter()
        .map(|(program, _)| (program.hash(), program))
        .collect()
});

/// Where the hash of its program lies in a state.
const HASH: std::ops::Range<usize> = 2..34;

pub fn state(input: &[u8]) -> Result<Worth, Violation> {
    let mut bytes = input.to_vec();
    let Some(hash) = bytes.get(HASH).and_then(|hash| <[u8; 32]>::try_from(hash).ok()) else {
        return refused(input);
    };
    let program = match PROGRAMS.get(&ProgramHash(hash)) {
        Some(program) => program,
        None => {
            // A change of the hash says nothing; another program for the same state does.
            let (hash, program) = PROGRAMS
                .iter()
                .nth(usize::from(hash[0]) % PROGRAMS.len())
                .ok_or_else(|| Violation::new("there are programs", ""))?;
            bytes[HASH].copy_from_slice(&hash.0);
            program
        }
    };
    let restored = |bytes: &[u8]| Machine::restore(bytes, std::slice::from_ref(program), limits());
    let Ok(machine) = restored(&bytes) else {
        return refused(&bytes);
    };
    let stored = machine.suspend();
    let again = restored(&stored)
        .map_err(|error| Violation::new("what was put away can be taken up", error.to_string()))?;
    if again.suspend() != stored {
        return Err(Violation::new("what was taken up is put away as it was", ""));
    }
    let told = go_on(machine, program, Input::Continue, 1, Way::Through)?;
    if go_on(again, program, Input::Continue, 1, Way::Suspended)? != told {
        return Err(Violation::new("a machine that was put away goes on the same", ""));
    }
    // Of one that waits for an answer.
    for way in [Way::Sliced, Way::Plainly] {
        if let Ok(machine) = restored(&bytes) {
            go_on(machine, program, Input::text("1"), 1, way)?;
        }
    }
    Ok(Worth::Perhaps)
}

fn refused(input: &[u8]) -> Result<Worth, Violation> {
    // Which programs it needs is asked before.
    let _ = Machine::suspended_programs(input);
    Ok(Worth::Perhaps)
}

pub fn answers(input: &[u8]) -> Result<Worth, Violation> {
    let Some(answers) = Answer::decode(input, ANSWER_BYTES) else {
        return Ok(Worth::Perhaps);
    };
    let written = Answer::encode(&answers);
    match Answer::decode(&written, ANSWER_BYTES) {
        Some(again) if again == answers && Answer::encode(&again) == written => Ok(Worth::Perhaps),
        other => Err(Violation::new(
            "answers are the same when written and read",
            format!("{answers:?}, not {other:?}"),
        )),
    }
}
