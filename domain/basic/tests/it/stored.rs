//! Programs and machines as bytes.

use std::sync::Arc;

use basic::{FormatError, Input, Limits, Machine, Program, Step, Value};

use crate::transcript::{Way, now, program, start, transcript};

const DIALOG: &str = include_str!("../golden/dialog.bas");
const PROGRAM: &str = include_str!("../golden/program.v1.hex");
const STATE: &str = include_str!("../golden/state.v1.hex");

fn bytes(hex_text: &str) -> Vec<u8> {
    hex::decode(hex_text.split_whitespace().collect::<String>()).unwrap()
}

/// Runs to the first question that has not been answered yet.
fn waiting(program: &Arc<Program>, answers: &[&str]) -> Machine {
    let mut machine = Machine::start(Arc::clone(program), start(Limits::default()));
    let mut answers = answers.iter();
    let mut input = Input::Start;
    loop {
        input = match machine.run(input, now(), 1000) {
            Step::Waiting(_) => match answers.next() {
                Some(answer) => Input::text(*answer),
                None => return machine,
            },
            Step::Ended(_) | Step::Failed(_) => panic!("the script ends before it waits"),
            _ => Input::Continue,
        };
    }
}

#[test]
fn a_stored_program_of_every_version_still_runs() {
    let program = Arc::new(Program::from_bytes(&bytes(PROGRAM)).unwrap());
    assert_eq!(program.to_bytes(), bytes(PROGRAM));
    let said = transcript(&program, &["Ana", "3", "yes"], Limits::default(), Way::Through);
    let fresh = transcript(
        &self::program(DIALOG),
        &["Ana", "3", "yes"],
        Limits::default(),
        Way::Through,
    );
    assert_eq!(said, fresh);
}

#[test]
fn a_stored_state_of_every_version_still_resumes() {
    let program = Arc::new(Program::from_bytes(&bytes(PROGRAM)).unwrap());
    assert_eq!(
        Machine::suspended_programs(&bytes(STATE)).unwrap(),
        [program.hash()]
    );
    let mut machine = Machine::restore(&bytes(STATE), &[program], Limits::default()).unwrap();
    let step = machine.run(Input::text("yes"), now(), 1000);
    let Step::Effect(basic::Effect::Talk { text }) = step else {
        panic!("unexpected: {step:?}")
    };
    assert_eq!(text, "Booked for Ana, 3 guests: [\"a\", {\"k\": 1.5}]");
}

const PROCEDURE: &str = "SUB Ask(what)\nHEAR answer\nTALK what + answer\nEND SUB\nAsk \"So \"";

#[test]
fn a_state_inside_of_a_procedure_still_resumes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let fresh = program(PROCEDURE);
    let state = waiting(&fresh, &[]).suspend();
    for (name, bytes) in [("program.v2.hex", fresh.to_bytes()), ("state.v2.hex", state)] {
        let path = folder.join(name);
        if std::env::var_os("BLESS").is_some() && !path.exists() {
            std::fs::write(&path, hex::encode(bytes) + "\n").unwrap();
        }
    }
    let stored = |name: &str| bytes(&std::fs::read_to_string(folder.join(name)).unwrap());
    let program = Arc::new(Program::from_bytes(&stored("program.v2.hex")).unwrap());
    let mut machine = Machine::restore(&stored("state.v2.hex"), &[program], Limits::default()).unwrap();
    let step = machine.run(Input::text("it is"), now(), 1000);
    let Step::Effect(basic::Effect::Talk { text }) = step else {
        panic!("unexpected: {step:?}")
    };
    assert_eq!(text, "So it is");
}

/// With `BLESS=1` writes the golden files of a version that has none; files that exist stay as they are.
#[test]
fn the_current_version_has_golden_files() {
    let program = program(DIALOG);
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let state = waiting(&program, &["Ana", "3"]).suspend();
    for (name, bytes) in [("program.v1.hex", program.to_bytes()), ("state.v1.hex", state)] {
        let path = folder.join(name);
        if std::env::var_os("BLESS").is_some() && !path.exists() {
            std::fs::write(&path, hex::encode(bytes) + "\n").unwrap();
        }
        assert!(path.exists(), "{name} is missing");
    }
}

#[test]
fn a_program_is_named_by_its_content() {
    let (one, same) = (program("TALK 1"), program("TALK 1"));
    assert_eq!(one.hash(), same.hash());
    assert_ne!(one.hash(), program("TALK 2").hash());
    assert_eq!(
        one.hash().to_string().parse::<basic::ProgramHash>().unwrap(),
        one.hash()
    );
    let loaded = Program::from_bytes(&one.to_bytes()).unwrap();
    assert_eq!(loaded.hash(), one.hash());
}

#[test]
fn a_dialog_that_waits_is_small() {
    let mut script = String::new();
    for number in 1..=10 {
        script.push_str(&format!("HEAR answer{number} WITH \"Question {number}?\"\n"));
    }
    script.push_str("HEAR more\nTALK answer1 + answer10");
    let machine = waiting(&program(&script), &["a usual answer of some words"; 10]);
    let size = machine.suspend().len();
    assert!(size < 1024, "{size} bytes");
}

#[test]
fn a_state_is_refused_by_another_program() {
    let state = waiting(&program("HEAR x"), &[]).suspend();
    let refused = Machine::restore(&state, &[program("HEAR y")], Limits::default());
    assert!(matches!(refused, Err(FormatError::OtherProgram(_))));
}

#[test]
fn a_later_version_is_named() {
    let mut stored = program("TALK 1").to_bytes();
    stored[1] = 9;
    assert_eq!(Program::from_bytes(&stored).unwrap_err(), FormatError::Newer(9));
}

#[test]
fn a_machine_refuses_what_it_does_not_wait_for() {
    let mut machine = waiting(&program("HEAR x"), &[]);
    let Step::Failed(error) = machine.run(Input::Start, now(), 10) else {
        panic!("it should refuse")
    };
    assert_eq!(error.code, "R0902");
}

#[test]
fn values_keep_their_types() {
    let script = "o = { i: 1, n: 1.5, t: \"x\", b: TRUE, z: NULL, d: TODAY, m: NOW, l: [1, [2]], neg: -7 }\nHEAR x\nRETURN o";
    let said = transcript(&program(script), &["a"], Limits::default(), Way::Suspended);
    assert_eq!(
        said,
        transcript(&program(script), &["a"], Limits::default(), Way::Through)
    );
}

#[test]
fn values_pass_through_json() {
    let json = serde_json::json!({"a": [1, 2.5, "x", null, true], "b": {"c": {}}});
    assert_eq!(Value::from_json(json.clone()).to_json(), json);
    let mut deep = serde_json::json!(1);
    for _ in 0..120 {
        deep = serde_json::json!([deep]);
    }
    // What lies too deep is kept as text.
    let value = Value::from_json(deep);
    assert!(value.to_string().contains('"'));
}
