//! Programs and the states of machines as earlier releases stored them: each goes on as it did when it was stored.
//!
//! The files in `tests/golden/suspended` stay as they are, save for sentences of the platform that were worded anew. With `BLESS=1` a case that no file has is written to a new one, so
//! whoever adds an instruction, a kind of question or a request only runs the tests so.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use basic::{EntryKind, Input, Limits, Machine, Program};

use crate::transcript::{Handed, now, start, write_step};

/// A script, perhaps those that it calls, and what somebody answers.
struct Case {
    name: String,
    scripts: Vec<(&'static str, String)>,
    answers: Vec<&'static str>,
    /// Every so many steps of the machine a state is stored besides.
    fuel: u64,
}

fn case(name: &str, script: &str, answers: &[&'static str]) -> Case {
    Case {
        name: name.to_owned(),
        scripts: vec![("test", script.to_owned())],
        answers: answers.to_vec(),
        fuel: 1000,
    }
}

/// Between them they have every instruction, every kind of value and of question, and every way to hand back.
fn cases() -> Vec<Case> {
    let mut cases = vec![
        case(
            "values",
            r#"o = { i: 1, n: 1.5, t: "x", b: TRUE, f: FALSE, z: NULL, d: TODAY, m: NOW, l: [1, [2], {}], neg: -7 }
big = 9007199254740993
HEAR x
o.l[1][0] = x
PUSH o.l, "y"
o["new"] = big
o.l = APPEND(o.l, x)
list = APPEND(list, x)
x = x + "!"
RETURN [o, list, x]"#,
            &["a"],
        ),
        case(
            "operators",
            r#"a = 7
b = "7"
TALK (a + VAL(ASK "?")) * 2 - a / 2 & b ^ 2 MOD 3
TALK NOT (a = 7) OR a <> 7 AND a < 8 OR a <= 7 OR a > 7 AND a >= 7
TALK -a & "${b} of ${a}"
TALK (z IS NULL) & (a IS NOT NULL)
TALK b == "7" && a != 3"#,
            &["3"],
        ),
        case(
            "loops",
            r#"FOR i = 1 TO 2
  FOR EACH x IN ["a", "b"]
    HEAR y WITH x + i
    IF y = "stop" THEN EXIT FOR
  NEXT
NEXT
n = 0
DO WHILE n < 2
  n = n + 1
  TALK n
LOOP
SELECT CASE n
  CASE 1 TO 3
    TALK "few"
  CASE ELSE
    TALK "many"
END SELECT
DO
  HEAR more
LOOP UNTIL more = "no""#,
            &["1", "2", "stop", "yes", "no"],
        ),
        case(
            "procedures",
            r#"total = 0
TALK Factorial(3)
Ask 2
TALK total
SUB Ask(times)
  DIM answer
  HEAR answer AS INTEGER WITH "Number ${times}?"
  total = total + answer
  IF times > 1 THEN Ask times - 1
END SUB
FUNCTION Factorial(n)
  IF n < 2 THEN RETURN 1
  HEAR go WITH "At ${n}"
  RETURN n * Factorial(n - 1)
END FUNCTION"#,
            &["x", "y", "5", "7"],
        ),
        case(
            "errors",
            r#"ON ERROR RESUME NEXT
x = 1 / 0
TALK "went on: " + ERROR MESSAGE
HEAR a
CLEAR ERROR
ON ERROR GOTO wrong
HEAR b
y = 1 / 0
wrong:
TALK "caught"
ON ERROR GOTO 0
TRY
  HEAR c
  THROW "own"
CATCH e
  HEAR d
  TALK e
END TRY
FIND "t" WHERE x = 1
HEAR last
x = 1 / 0"#,
            &["1", "2", "3", "4", "5"],
        ),
        case(
            "pauses",
            "SET LANGUAGE \"pt\"\nTALK RND()\nWAIT 2\nTALK RND()\nLOG_WARN \"x\"\nADD SUGGESTION \"c\" AS \"t\"\nHEAR d AS DATE\nTALK FORMAT(d, \"dd MMMM\")",
            &["amanhã"],
        ),
        case(
            "questions",
            r#"HEAR a AS NAME
HEAR b AS INTEGER
HEAR c AS FLOAT
HEAR d AS BOOLEAN
HEAR e AS EMAIL
HEAR f AS DATE
HEAR g AS "red", "blue"
HEAR h AS "red", "blue", *
HEAR i AS TIME
HEAR j AS MONEY
HEAR k AS PHONE
HEAR l AS ZIPCODE
HEAR m AS LANGUAGE
HEAR n AS CPF
HEAR o AS CNPJ
HEAR p AS QRCODE
HEAR q AS LOGIN
HEAR r AS FILE WITH "File?" DEFAULT "none"
HEAR s AS URL
HEAR t AS UUID
HEAR u AS COLOR
HEAR v AS CREDITCARD
HEAR w AS PASSWORD
TALK [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v]"#,
            &[
                "Ana",
                "many",
                "3",
                "2.5",
                "yes",
                "no mail",
                "Ana@Example.org",
                "tomorrow",
                "green",
                "blue",
                "green",
                "9:05",
                "12,50",
                "+49 30 123456",
                "01001-000",
                "portuguese",
                "529.982.247-25",
                "11.222.333/0001-81",
                "code",
                "ana",
                "",
                "https://example.org",
                "9b2f7c1e-6f0a-4d37-9a55-0c1c2f3a4b5d",
                "#ff0000",
                "4111 1111 1111 1111",
                "long enough",
            ],
        ),
        case("images", "HEAR a AS IMAGE", &[]),
        case("sounds", "HEAR a AS AUDIO", &[]),
        case("films", "HEAR a AS VIDEO", &[]),
        case("documents", "HEAR a AS DOCUMENT", &[]),
    ];
    let mut calls = case(
        "scripts",
        "x = CALL \"other.bas\", 3\nTALK x\nCALL \"none.bas\"",
        &["4"],
    );
    calls.scripts.push((
        "other",
        "PARAM n AS INTEGER\nHEAR m WITH \"And?\"\nRETURN n * VAL(m)".to_owned(),
    ));
    cases.push(calls);
    let mut slowly = case(
        "slices",
        "s = 0\nFOR i = 1 TO 3\nl = [i, { k: i }]\ns = s + l[0] * l[1].k\nNEXT\nTALK s",
        &[],
    );
    slowly.fuel = 3;
    cases.push(slowly);
    let requests = basic::reference().into_iter().flat_map(|(_, entries)| entries);
    let requests = requests.filter(|entry| entry.kind == EntryKind::Request);
    cases.extend(requests.map(|entry| case(&format!("word {}", entry.name), entry.example, &[])));
    cases
}

/// What a file holds of a case.
#[derive(Default)]
struct Stored {
    name: String,
    programs: Vec<Arc<Program>>,
    answers: Vec<String>,
    says: String,
    states: Vec<State>,
}

/// A state, after so many bytes of what the script says.
struct State {
    handed: Handed,
    said: usize,
    bytes: Vec<u8>,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/suspended")
}

/// Every case of every file.
fn stored() -> Vec<Stored> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut cases: Vec<Stored> = Vec::new();
    for file in files {
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let (key, value) = line.split_once(' ').unwrap_or((line, ""));
            if key == "case" {
                cases.push(Stored {
                    name: value.to_owned(),
                    ..Stored::default()
                });
                continue;
            }
            let case = cases.last_mut().expect("a case begins with its name");
            match key {
                "program" => {
                    let bytes = hex::decode(value).unwrap();
                    let program = Program::from_bytes(&bytes).expect("a stored program loads");
                    assert_eq!(program.to_bytes(), bytes, "{}", case.name);
                    case.programs.push(Arc::new(program));
                }
                "answer" => case.answers.push(value.to_owned()),
                "says" => writeln!(case.says, "{value}").unwrap(),
                _ => {
                    let mut parts = value.splitn(3, ' ');
                    let mut next = || parts.next().unwrap_or_default();
                    let (said, bytes, of) = (
                        next().parse().unwrap(),
                        hex::decode(next()).unwrap(),
                        next().to_owned(),
                    );
                    let handed = match key {
                        "waiting" => Handed::Waiting,
                        "request" => Handed::Request(of),
                        "script" => Handed::Script(of),
                        "ended" => Handed::Ended,
                        "other" => Handed::Other,
                        key => panic!("{key} is no line of {}", file.display()),
                    };
                    case.states.push(State { handed, said, bytes });
                }
            }
        }
    }
    cases
}

/// Plays a script on from a machine; `see` is shown every step.
fn play(
    machine: &mut Machine,
    mut input: Option<Input>,
    programs: &[Arc<Program>],
    (answers, fuel): (&[&str], u64),
    out: &mut String,
    mut see: impl FnMut(&Machine, &Handed, &str),
) {
    let mut answers = answers.iter();
    while let Some(next) = input {
        let step = machine.run(next, now(), fuel);
        let handed = Handed::of(&step);
        write_step(out, &step);
        see(machine, &handed, out);
        input = handed.answered(programs, &mut answers, out);
    }
}

/// A case as it is stored, from what this release makes of it.
fn written(case: &Case) -> String {
    let mut text = format!("case {}\n", case.name);
    let programs: Vec<Arc<Program>> = case
        .scripts
        .iter()
        .map(|(name, script)| {
            let compiled = basic::compile(name, script);
            let wrong = || panic!("{}: {:?}", case.name, compiled.diagnostics);
            Arc::new(compiled.program.clone().unwrap_or_else(wrong))
        })
        .collect();
    for program in &programs {
        writeln!(text, "program {}", hex::encode(program.to_bytes())).unwrap();
    }
    for answer in &case.answers {
        writeln!(text, "answer {answer}").unwrap();
    }
    let mut states = String::new();
    let mut out = String::new();
    let mut machine = Machine::start(Arc::clone(&programs[0]), start(Limits::default()));
    let words = case.name.starts_with("word ");
    play(
        &mut machine,
        Some(Input::Start),
        &programs,
        (&case.answers, case.fuel),
        &mut out,
        |machine, handed, out| {
            let (key, of) = match handed {
                Handed::Waiting => ("waiting", ""),
                Handed::Request(word) => ("request", word.as_str()),
                Handed::Script(name) => ("script", name.as_str()),
                Handed::Ended => ("ended", ""),
                Handed::Other => ("other", ""),
            };
            if !words || matches!(handed, Handed::Request(_)) {
                let bytes = hex::encode(machine.suspend());
                writeln!(states, "{key} {} {bytes} {of}", out.len()).unwrap();
            }
        },
    );
    for line in out.lines() {
        writeln!(text, "says {line}").unwrap();
    }
    text.push_str(&states);
    text
}

#[test]
fn whatever_was_stored_goes_on_as_it_did() {
    for case in stored() {
        let answers: Vec<&str> = case.answers.iter().map(String::as_str).collect();
        let mut out = String::new();
        let mut machine = Machine::start(Arc::clone(&case.programs[0]), start(Limits::default()));
        let input = Some(Input::Start);
        play(
            &mut machine,
            input,
            &case.programs,
            (&answers, 1000),
            &mut out,
            |_, _, _| {},
        );
        assert_eq!(out, case.says, "{} from its beginning", case.name);
        for (at, state) in case.states.iter().enumerate() {
            let restored = Machine::restore(&state.bytes, &case.programs, Limits::default());
            let mut machine = restored.unwrap_or_else(|error| panic!("{} state {at}: {error}", case.name));
            let mut out = case.says[..state.said].to_owned();
            let given = out.lines().filter(|line| line.starts_with("> ")).count();
            let mut left = answers[given..].iter();
            let input = state.handed.answered(&case.programs, &mut left, &mut out);
            play(
                &mut machine,
                input,
                &case.programs,
                (left.as_slice(), 1000),
                &mut out,
                |_, _, _| {},
            );
            assert_eq!(out, case.says, "{} from state {at}", case.name);
        }
    }
}

/// The variants of an enum, as its source names them.
fn variants(source: &str, of: &str) -> Vec<String> {
    let start = source
        .find(&format!("enum {of} {{"))
        .expect("the enum stands in the source");
    let lines = source[start..].lines().skip(1).take_while(|line| *line != "}");
    lines
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.chars().take_while(|c| c.is_ascii_alphanumeric()).collect())
        .collect()
}

/// Whether a program has a variant of this name.
type Has<'a> = &'a dyn Fn(&str) -> bool;

/// What of all that programs and states can hold no file has.
fn missing(stored: &[Stored]) -> BTreeSet<String> {
    let shown: String = stored
        .iter()
        .flat_map(|case| &case.programs)
        .map(|program| format!("{program:?}"))
        .collect();
    let (instructions, kinds, operators) = (
        include_str!("../../src/program/instruction.rs"),
        include_str!("../../src/machine/ask/kind.rs"),
        include_str!("../../src/value/operators.rs"),
    );
    // As `Debug` shows them.
    let instruction = |name: &str| shown.contains(&format!("{name} {{"));
    let constant = |name: &str| name == "Null" || shown.contains(&format!("{name}("));
    let kind = |name: &str| shown.contains(&format!("kind: {name}"));
    let operator = |name: &str| shown.contains(&format!("operator: {name}"));
    let sources: [(&str, &str, Has<'_>); 4] = [
        (instructions, "Instruction", &instruction),
        (instructions, "Constant", &constant),
        (kinds, "HearKind", &kind),
        (operators, "Operator", &operator),
    ];
    let mut missing = BTreeSet::new();
    for (source, of, has) in sources {
        let found = variants(source, of);
        assert!(found.len() > 3, "{of} has no variants");
        missing.extend(
            found
                .into_iter()
                .filter(|name| !has(name))
                .map(|name| format!("{of}::{name}")),
        );
    }
    let known: BTreeSet<&str> = stored.iter().map(|case| case.name.as_str()).collect();
    missing.extend(
        cases()
            .iter()
            .map(|case| case.name.clone())
            .filter(|name| !known.contains(name.as_str())),
    );
    missing
}

#[test]
fn everything_that_can_be_stored_has_a_golden_file() {
    let known: BTreeSet<String> = stored().into_iter().map(|case| case.name).collect();
    let new: String = cases()
        .iter()
        .filter(|case| !known.contains(&case.name))
        .map(written)
        .collect();
    if std::env::var_os("BLESS").is_some() && !new.is_empty() {
        let number = std::fs::read_dir(folder()).unwrap().count() + 1;
        std::fs::write(folder().join(format!("{number:03}.txt")), new).unwrap();
    }
    let missing = missing(&stored());
    assert!(
        missing.is_empty(),
        "no golden file has {missing:?}; run the tests with BLESS=1, or add a case"
    );
}
