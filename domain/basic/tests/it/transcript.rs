//! Runs a script with the answers of a user and writes down what happens.

use std::fmt::Write;
use std::sync::Arc;

use basic::{
    Called, Condition, Effect, HearKind, Input, Limits, Machine, Program, Refusal, Request, Severity, Start,
    Step, SuggestionAction, Value,
};
use chrono::{DateTime, Utc};
use expect_test::Expect;

/// How a run is interrupted; none of it may change the transcript.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    Through,
    /// Put away and restored after every step.
    Suspended,
    /// One machine step at a time.
    Slowly,
    /// Instruction by instruction, without the machine's quick operations.
    Plainly,
}

/// Checks what a script says when a user answers so; `\n` separates answers.
#[track_caller]
pub fn check(script: &str, answers: &[&str], expected: Expect) {
    let program = program(script);
    let through = transcript(&program, answers, Limits::default(), Way::Through);
    for way in [Way::Suspended, Way::Slowly, Way::Plainly] {
        assert_eq!(transcript(&program, answers, Limits::default(), way), through);
    }
    expected.assert_eq(&through);
}

/// Checks a single expression by what TALK shows of it.
#[track_caller]
pub fn check_value(expression: &str, expected: Expect) {
    check(&format!("TALK {expression}"), &[], expected);
}

/// Checks many expressions by what TALK shows of them.
#[track_caller]
pub fn check_values(expressions: &[&str], expected: Expect) {
    let lines = expressions.iter().map(|expression| {
        let program = program(&format!("TALK {expression}"));
        format!(
            "{expression} -> {}",
            transcript(&program, &[], Limits::default(), Way::Through)
        )
    });
    expected.assert_eq(&lines.collect::<String>());
}

/// Checks what the compiler says about scripts.
#[track_caller]
pub fn check_diagnostics(scripts: &[&str], expected: Expect) {
    let rendered = scripts.iter().map(|script| {
        let compiled = basic::compile("test", script);
        let errors = compiled
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error);
        assert_eq!(compiled.program.is_none(), errors);
        let parts: Vec<String> = compiled
            .diagnostics
            .iter()
            .map(|diagnostic| diagnostic.render("test.bas", script))
            .collect();
        parts.concat() + "----\n"
    });
    expected.assert_eq(&rendered.collect::<String>());
}

#[track_caller]
pub fn program(script: &str) -> Arc<Program> {
    let compiled = basic::compile("test", script);
    let errors: Vec<String> = compiled
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.render("test.bas", script))
        .collect();
    Arc::new(compiled.program.unwrap_or_else(|| panic!("{}", errors.concat())))
}

/// A Sunday.
pub fn now() -> DateTime<Utc> {
    "2026-03-01T09:05:07Z".parse().unwrap()
}

pub fn start(limits: Limits) -> Start {
    let variables = vec![(
        "User".to_owned(),
        Value::from_json(serde_json::json!({"name": "Ana", "age": 30})),
    )];
    Start {
        seed: 7,
        variables,
        limits,
    }
}

/// Enough for every script of these tests, few enough that an endless one is noticed.
const CALLS_MAX: usize = 20_000_000;

pub fn transcript(program: &Arc<Program>, answers: &[&str], limits: Limits, way: Way) -> String {
    transcript_of(std::slice::from_ref(program), answers, limits, way)
}

/// What the first of these programs says, which may call the others by their names.
pub fn transcript_of(programs: &[Arc<Program>], answers: &[&str], limits: Limits, way: Way) -> String {
    let plain: Vec<Arc<Program>>;
    let programs = match way {
        Way::Plainly => {
            plain = programs
                .iter()
                .map(|program| Arc::new(program.unhurried()))
                .collect();
            plain.as_slice()
        }
        _ => programs,
    };
    let mut machine = Machine::start(Arc::clone(&programs[0]), start(limits.clone()));
    let mut answers = answers.iter();
    let mut input = Input::Start;
    let mut out = String::new();
    for _ in 0..CALLS_MAX {
        let fuel = if way == Way::Slowly { 1 } else { 1000 };
        let step = machine.run(input, now(), fuel);
        if way == Way::Suspended {
            machine = Machine::restore(&machine.suspend(), programs, limits.clone()).unwrap();
        }
        let handed = Handed::of(&step);
        write_step(&mut out, &step);
        match handed.answered(programs, &mut answers, &mut out) {
            Some(next) => input = next,
            None => return out,
        }
    }
    panic!("the script never ends: {out}");
}

/// Why a machine handed back, as far as it matters for how it goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Handed {
    Ended,
    Waiting,
    /// The word of the request.
    Request(String),
    /// The script that is called.
    Script(String),
    /// An effect, a pause, or nothing at all.
    Other,
}

impl Handed {
    pub fn of(step: &Step) -> Handed {
        match step {
            Step::Ended(_) | Step::Failed(_) => Handed::Ended,
            Step::Waiting(_) => Handed::Waiting,
            Step::Request(request) => Handed::Request(request.word.to_owned()),
            Step::Script { name } => Handed::Script(name.clone()),
            Step::Yielded | Step::Effect(_) | Step::Sleeping { .. } => Handed::Other,
        }
    }

    /// What the machine goes on with: nothing where the script ended, or no answer is left.
    pub fn answered<'a>(
        &self,
        programs: &[Arc<Program>],
        answers: &mut impl Iterator<Item = &'a &'a str>,
        out: &mut String,
    ) -> Option<Input> {
        match self {
            Handed::Ended => None,
            Handed::Other => Some(Input::Continue),
            Handed::Waiting => {
                let Some(answer) = answers.next() else {
                    out.push_str("waits\n");
                    return None;
                };
                writeln!(out, "> {answer}").unwrap();
                Some(Input::text(*answer))
            }
            Handed::Script(name) => {
                let called = programs[1..].iter().find(|program| program.name() == *name);
                if called.is_none() {
                    writeln!(out, "[no script {name}]").unwrap();
                }
                Some(Input::Program(called.map(|program| Called {
                    program: Arc::clone(program),
                    variables: Vec::new(),
                })))
            }
            Handed::Request(word) => {
                let message = format!("{word} is not configured");
                Some(Input::Refused(Refusal::new("not_configured", message)))
            }
        }
    }
}

/// What can be seen of a step.
pub fn write_step(out: &mut String, step: &Step) {
    match step {
        Step::Yielded | Step::Script { .. } | Step::Ended(Value::Null) => {}
        Step::Effect(effect) => write_effect(out, effect),
        Step::Waiting(hear) if hear.kind == HearKind::Text => {}
        Step::Waiting(hear) => writeln!(out, "hear {:?} {}", hear.kind, hear.options.join("|")).unwrap(),
        Step::Request(request) => write_request(out, request),
        Step::Sleeping { seconds } => writeln!(out, "[sleeps {seconds}]").unwrap(),
        Step::Ended(value) => writeln!(out, "ended {}", value.to_json()).unwrap(),
        Step::Failed(error) => writeln!(
            out,
            "failed {} {}:{} {}",
            error.code, error.line, error.column, error.message
        )
        .unwrap(),
    }
}

/// What the host was asked for, in a line.
fn write_request(out: &mut String, request: &Request) {
    write!(out, "? {}", request.word).unwrap();
    for argument in &request.arguments {
        write!(out, " {}", argument.to_json()).unwrap();
    }
    for (name, value) in request.clauses.iter() {
        if name != "where" && !(name == "names" && value.to_json().to_string().replace("null", "") == "[]") {
            write!(out, " {name}={}", value.to_json()).unwrap();
        }
    }
    if let Some(condition) = &request.condition {
        write!(out, " | {}", shown(condition)).unwrap();
    }
    out.push('\n');
}

fn shown(condition: &Condition) -> String {
    let all = |conditions: &[Condition], word: &str| {
        let parts: Vec<String> = conditions.iter().map(shown).collect();
        format!("({})", parts.join(word))
    };
    match condition {
        Condition::Either(conditions) => all(conditions, " or "),
        Condition::Both(conditions) => all(conditions, " and "),
        Condition::Not(condition) => format!("not {}", shown(condition)),
        Condition::Compared {
            field,
            comparison,
            value,
        } => format!("{field} {comparison:?} {}", value.to_json()),
        Condition::OneOf { field, values } => {
            let values: Vec<String> = values.iter().map(|value| value.to_json().to_string()).collect();
            format!("{field} in {}", values.join(","))
        }
    }
}

fn write_effect(out: &mut String, effect: &Effect) {
    match effect {
        Effect::Talk { text } => writeln!(out, "{text}"),
        Effect::ClearSuggestions => writeln!(out, "[no suggestions]"),
        Effect::SystemPrompt { text } => writeln!(out, "[system prompt] {text}"),
        Effect::Log { level, text } => writeln!(out, "[{level:?}] {text}"),
        Effect::AddSuggestion(suggestion) => match &suggestion.action {
            SuggestionAction::SendMessage { message } => {
                writeln!(out, "[{}: sends {message}]", suggestion.text)
            }
            SuggestionAction::SelectContext { context } => {
                writeln!(out, "[{}: context {context}]", suggestion.text)
            }
            SuggestionAction::InvokeTool { tool } => writeln!(out, "[{}: tool {tool}]", suggestion.text),
        },
    }
    .unwrap();
}
