//! Properties that hold for any input.

use std::sync::Arc;

use basic::{Input, Limits, Machine, Program, Start, Step};
use proptest::prelude::*;

use crate::transcript::{Way, now, program, transcript};

/// Pieces from which soup is made: words, signs and things that upset lexers.
const PIECES: &[&str] = &[
    "TALK",
    "HEAR",
    "IF",
    "THEN",
    "ELSE",
    "ELSE IF",
    "END IF",
    "FOR",
    "EACH",
    "IN",
    "TO",
    "STEP",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "UNTIL",
    "SELECT CASE",
    "CASE",
    "END SELECT",
    "EXIT FOR",
    "RETURN",
    "WITH",
    "AS",
    "INTEGER",
    "MENU",
    "BEGIN TALK",
    "END TALK",
    "SUB",
    "END SUB",
    "ADD SUGGESTION",
    "CLEAR",
    "PARAM",
    "DESCRIPTION",
    "LET",
    "SET",
    "DIM",
    "NEW",
    "OBJECT",
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "MOD",
    "x",
    "y",
    "list",
    "LEN",
    "POP",
    "PUSH",
    "NOW",
    "(",
    ")",
    "[",
    "]",
    "{",
    "#{",
    "}",
    ",",
    ":",
    ".",
    "=",
    "==",
    "<>",
    "<",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "&",
    "&&",
    "||",
    "!",
    "\"",
    "'",
    "\"a\"",
    "\"${x}\"",
    "\"${",
    "}\"",
    "1",
    "2.5",
    "1e9",
    "99999999999999999999",
    "\n",
    "\n",
    "\n",
    "\r\n",
    " ",
    "\t",
    "_",
    "REM",
    "//",
    "é",
    "😀",
    "\0",
    "\u{feff}",
    "\\",
    "“",
    "#",
    ";",
    "ON ERROR",
    "ON ERROR RESUME NEXT",
    "ON ERROR GOTO",
    "GOTO",
    "TRY",
    "CATCH",
    "END TRY",
    "THROW",
    "ASSERT",
    "SWITCH",
    "DEFAULT",
    "END SWITCH",
    "FUNCTION",
    "END FUNCTION",
    "EXIT SUB",
    "CALL",
    "END WITH",
    "ASK",
    "WAIT",
    "WAIT FOR RESPONSE AS",
    "FILTER",
    "FIND",
    "label",
    "label:",
];

/// A statement over the variables a, b, c, with blocks inside of blocks.
fn statement() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just("a".to_owned()),
        Just("b + a".to_owned()),
        Just("c".to_owned()),
        (0..20_i32).prop_map(|number| number.to_string()),
        Just("\"t\" + a".to_owned()),
        Just("[a, b]".to_owned()),
        Just("{ k: a, l: b }".to_owned()),
        Just("b.k".to_owned()),
        Just("c[1]".to_owned()),
        Just("RANDOM(1, 9)".to_owned()),
        Just("COUNT(c) = 2".to_owned()),
        Just("a IS NULL OR NOT b".to_owned()),
        Just("10 / a".to_owned()),
        Just("twice(c)".to_owned()),
        Just("FILTER([{ k: a }], \"k > 1\")".to_owned()),
    ];
    let simple = prop_oneof![
        value.clone().prop_map(|value| format!("TALK {value}")),
        ("[abc]", value.clone()).prop_map(|(name, value)| format!("{name} = {value}")),
        "[abc]".prop_map(|name| format!("HEAR {name}")),
        "[abc]".prop_map(|name| format!("HEAR {name} AS INTEGER WITH \"n?\"")),
        value.clone().prop_map(|value| format!("PUSH d, {value}")),
        value.clone().prop_map(|value| format!("e.f[2] = {value}")),
        Just("d = POP(d)".to_owned()),
        Just("PRINT e".to_owned()),
        "[abc]".prop_map(|name| format!("{name} = ASK \"well?\"")),
        "[abc]".prop_map(|name| format!("HEAR {name} AS \"x\", \"y\", *")),
        value.clone().prop_map(|value| format!("note {value}")),
        value.clone().prop_map(|value| format!("CALL note({value})")),
        value.clone().prop_map(|value| format!("THROW {value}")),
        Just("ON ERROR RESUME NEXT".to_owned()),
        Just("ON ERROR GOTO 0".to_owned()),
        Just("TALK ERR\nCLEAR ERROR".to_owned()),
        Just("WAIT 1".to_owned()),
        // No two labels are called the same, or hardly ever.
        any::<u64>().prop_map(|number| format!("IF a THEN GOTO l{number}\nTALK 1\nl{number}:")),
    ];
    simple.prop_recursive(3, 24, 4, move |inner| {
        let body = prop::collection::vec(inner, 1..4).prop_map(|lines| lines.join("\n"));
        prop_oneof![
            (value.clone(), body.clone(), body.clone())
                .prop_map(|(value, yes, no)| format!("IF {value} THEN\n{yes}\nELSE\n{no}\nEND IF")),
            body.clone()
                .prop_map(|body| format!("FOR i = 1 TO 3\n{body}\nNEXT")),
            (value.clone(), body.clone())
                .prop_map(|(value, body)| format!("FOR EACH x IN {value}\n{body}\nTALK x\nNEXT")),
            (value.clone(), body.clone()).prop_map(|(value, body)| format!(
                "SELECT CASE {value}\nCASE 1, 2\n{body}\nCASE ELSE\nTALK 0\nEND SELECT"
            )),
            (value.clone(), body.clone()).prop_map(|(value, body)| format!(
                "SWITCH {value}\nCASE 1 TO 3, IS > 9\nTALK 1\nDEFAULT\n{body}\nEND SWITCH"
            )),
            (body.clone(), body.clone())
                .prop_map(|(body, handler)| format!("TRY\n{body}\nCATCH e\n{handler}\nEND TRY")),
            (value.clone(), body.clone()).prop_map(|(value, body)| format!(
                "n = 0\nDO WHILE n < 3 AND {value}\nn = n + 1\n{body}\nIF b THEN EXIT DO\nLOOP"
            )),
            body.clone()
                .prop_map(|body| format!("n = 0\nDO\nn = n + 1\n{body}\nLOOP UNTIL n > 2")),
            (value.clone(), body)
                .prop_map(|(value, body)| format!("WITH o\n.p = {value}\n{body}\nq = .p\nEND WITH")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn soup_never_panics_the_compiler(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60), glue in "[ \n]?") {
        let source = pieces.join(&glue);
        let compiled = basic::compile("soup", &source);
        for diagnostic in &compiled.diagnostics {
            diagnostic.render("soup.bas", &source);
            prop_assert!(source.is_char_boundary(diagnostic.start));
        }
        if let Some(program) = compiled.program {
            let program = Arc::new(Program::from_bytes(&program.to_bytes()).unwrap());
            let limits = Limits { steps_per_turn: 10_000, memory_bytes: 1 << 20, ..Limits::default() };
            transcript(&program, &["1", "yes", "x"], limits, Way::Suspended);
        }
    }

    #[test]
    fn any_text_never_panics_the_compiler(source in "\\PC{0,200}") {
        basic::compile("any", &source);
    }

    #[test]
    fn interruptions_change_nothing(statements in prop::collection::vec(statement(), 1..6)) {
        let program = program(&(statements.join("\n") + PROCEDURES));
        let limits = Limits { steps_per_turn: 20_000, ..Limits::default() };
        let answers = ["1", "zwei", "3", "", "5", "6"];
        let through = transcript(&program, &answers, limits.clone(), Way::Through);
        prop_assert_eq!(&transcript(&program, &answers, limits.clone(), Way::Suspended), &through);
        prop_assert_eq!(&transcript(&program, &answers, limits, Way::Slowly), &through);
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

const PROCEDURES: &str = "\nSUB note(what)\nIF what = 7 THEN EXIT SUB\nHEAR n\nTALK what + n\nEND SUB\n\
    FUNCTION twice(what)\ntwice = COUNT(what) * 2\nEND FUNCTION\n";

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
