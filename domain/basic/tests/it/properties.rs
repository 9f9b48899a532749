//! Properties that hold for any input.

use std::sync::Arc;

use basic::{Input, Limits, Machine, Program, Start, Step};
use proptest::prelude::*;

use crate::generators::{PIECES, broken, called, script};
use crate::transcript::{Way, now, program, transcript, transcript_of};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soup_never_panics_the_compiler(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60), glue in "[ \n]?") {
        compiled_or_told("soup", &pieces.join(&glue));
    }

    #[test]
    fn any_text_never_panics_the_compiler(source in "\\PC{0,200}") {
        basic::compile("any", &source);
    }

    #[test]
    fn a_line_out_of_its_place_never_panics(source in broken()) {
        compiled_or_told("broken", &source);
    }

    #[test]
    fn interruptions_change_nothing(main in script(), other in called()) {
        let other = basic::compile("other", &other).program.map(Arc::new).expect("it compiles");
        let programs = [program(&main), other];
        // What was stored is as good as what was compiled.
        let stored = programs.each_ref().map(|program| Arc::new(Program::from_bytes(&program.to_bytes()).unwrap()));
        let limits = Limits { steps_per_turn: 20_000, depth: 20, ..Limits::default() };
        let answers = ["1", "zwei", "3", "", "5", "x", "yes", "2026-12-31", "7", "a@example.com", "0", "8"];
        let through = transcript_of(&programs, &answers, limits.clone(), Way::Through);
        prop_assert_eq!(&transcript_of(&stored, &answers, limits.clone(), Way::Suspended), &through);
        prop_assert_eq!(&transcript_of(&programs, &answers, limits.clone(), Way::Plainly), &through);
        prop_assert_eq!(&transcript_of(&programs, &answers, limits, Way::Slowly), &through);
    }

    #[test]
    fn damaged_programs_are_refused_or_run(at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
        let mut bytes = program(DAMAGED).to_bytes();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        if byte.is_multiple_of(5) {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(program) = Program::from_bytes(&bytes) {
            exercise(Machine::start(Arc::new(program), Start { limits: small(), ..Start::default() }));
        }
    }

    #[test]
    fn damaged_states_are_refused_or_run(at in any::<prop::sample::Index>(), byte: u8, fuel in 1..200_u64) {
        let program = program(DAMAGED);
        let mut machine = Machine::start(Arc::clone(&program), Start { limits: small(), ..Start::default() });
        machine.run(Input::Start, now(), fuel);
        let mut bytes = machine.suspend();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        if let Ok(machine) = Machine::restore(&bytes, &[program], small()) {
            exercise(machine);
        }
    }

    #[test]
    fn noise_is_no_program_and_no_state(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let headed = |kind: u8| [&[kind, 1], bytes.as_slice()].concat();
        prop_assert!(Program::from_bytes(&bytes).is_err() || bytes.starts_with(b"P"));
        drop(Program::from_bytes(&headed(b'P')));
        drop(Machine::suspended_programs(&bytes));
        drop(Machine::restore(&headed(b'S'), &[program("HEAR x")], Limits::default()));
    }
}

/// Compiles a script and shows what is wrong with it; runs it where nothing is.
fn compiled_or_told(name: &str, source: &str) {
    let compiled = basic::compile(name, source);
    for diagnostic in &compiled.diagnostics {
        diagnostic.render("soup.bas", source);
        assert!(source.is_char_boundary(diagnostic.start));
    }
    if let Some(program) = compiled.program {
        let program = Arc::new(Program::from_bytes(&program.to_bytes()).unwrap());
        let limits = Limits {
            steps_per_turn: 10_000,
            memory_bytes: 1 << 20,
            ..Limits::default()
        };
        transcript(&program, &["1", "yes", "x"], limits, Way::Suspended);
    }
}

const DAMAGED: &str = "l = [1, { a: 2 }]\nFOR EACH x IN l\nFOR i = 1 TO 2\no.p[i] = x\nHEAR y AS \"a\", \"b\", *\nPUSH l, y + i\n\
    IF y = \"a\" AND NOT x THEN TALK POP(l)\nNEXT\nNEXT\nTALK \"${l} ${o.p[0]}\"\nRETURN -i";

fn small() -> Limits {
    Limits {
        steps_per_turn: 5_000,
        memory_bytes: 1 << 20,
        ..Limits::default()
    }
}

/// Runs a machine that may be in any state, with any kind of input that it asks for.
fn exercise(mut machine: Machine) {
    let mut step = machine.run(Input::Continue, now(), 100);
    if let Step::Failed(_) = step {
        step = machine.run(Input::Start, now(), 100);
    }
    for _ in 0..200 {
        let input = match step {
            Step::Waiting(_) => Input::text("a"),
            Step::Ended(_) | Step::Failed(_) => break,
            _ => Input::Continue,
        };
        step = machine.run(input, now(), 100);
    }
    machine.suspend();
}
