//! A host that answers whatever comes to its mind, the same for the same input.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use basic::{Called, File, Hear, Input, Machine, Program, Refusal, Start, Step, Value};
use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::json;

use super::scripts::limits;
use crate::Violation;

/// How a machine is run; none of it may be told from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way {
    Through,
    /// In slices of any length.
    Sliced,
    /// In slices, put away and taken up again between them.
    Suspended,
    /// Instruction by instruction.
    Plainly,
}

/// A step as it is compared: its beginning to be read, and a hash of all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    shown: String,
    hash: u64,
}

impl Told {
    fn of(step: &Step) -> Told {
        let shown = format!("{step:?}");
        let mut hasher = DefaultHasher::new();
        shown.hash(&mut hasher);
        Told {
            hash: hasher.finish(),
            shown: shown.chars().take(300).collect(),
        }
    }
}

/// Steps after which enough was seen.
const STEPS_MAX: usize = 300;
/// Slices after which a machine does not come to its end: more than all turns may have steps.
const SLICES_MAX: usize = 1_000_000;

/// A Sunday.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_355_907, 0).unwrap_or_default()
}

pub fn start(seed: u64) -> Start {
    Start {
        seed,
        variables: vec![
            (
                "user".to_owned(),
                Value::from_json(json!({"name": "Ana", "age": 30})),
            ),
            ("x".to_owned(), Value::from(3)),
            ("l".to_owned(), Value::from_json(json!([1, "b", {"a": 2}]))),
            ("o".to_owned(), Value::from_json(json!({"a": [1, 2], "b": null}))),
        ],
        limits: limits(),
    }
}

/// Runs a script with answers that follow from `input`, and tells what it did.
pub fn tell(program: &Arc<Program>, input: &[u8], way: Way) -> Result<Vec<Told>, Violation> {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    let seed = hasher.finish();
    let program = match way {
        Way::Plainly => Arc::new(program.unhurried()),
        _ => Arc::clone(program),
    };
    let machine = Machine::start(Arc::clone(&program), start(seed));
    go_on(machine, &program, Input::Start, seed, way)
}

/// Runs a machine on from an input.
pub fn go_on(
    mut machine: Machine,
    program: &Arc<Program>,
    input: Input,
    seed: u64,
    way: Way,
) -> Result<Vec<Told>, Violation> {
    // Those of the host must not depend on how it is sliced.
    let (mut host, mut slices) = (StdRng::seed_from_u64(seed), StdRng::seed_from_u64(!seed));
    let mut told = Vec::new();
    let mut next = input;
    for _ in 0..SLICES_MAX {
        let fuel = match way {
            Way::Through | Way::Plainly => 5_000,
            _ if slices.random_bool(0.2) => slices.random_range(1..4),
            _ => slices.random_range(1..3_000),
        };
        let step = machine.run(next, now(), fuel);
        if way == Way::Suspended {
            machine = Machine::restore(&machine.suspend(), std::slice::from_ref(program), limits())
                .map_err(|error| Violation::new("what was put away can be taken up", error.to_string()))?;
        }
        if step != Step::Yielded {
            told.push(Told::of(&step));
        }
        next = match step {
            Step::Ended(_) | Step::Failed(_) => return Ok(told),
            _ if told.len() > STEPS_MAX => return Ok(told),
            Step::Yielded | Step::Effect(_) | Step::Sleeping { .. } => Input::Continue,
            Step::Request(_) => answer(&mut host),
            Step::Waiting(hear) => heard(&hear, &mut host),
            Step::Script { .. } => Input::Program(host.random_bool(0.7).then(|| Called {
                program: Arc::clone(program),
                variables: vec![("x".to_owned(), value(&mut host, 2))],
            })),
        };
    }
    Err(Violation::new(
        "a script comes to an end or asks",
        "after so many slices",
    ))
}

fn answer(random: &mut StdRng) -> Input {
    match random.random_range(0..10) {
        0 => Input::Continue,
        1 => Input::Refused(Refusal::new("not_configured", "there is nothing of the kind")),
        2 => Input::Refused(Refusal::mistake("wrong_argument", "")),
        _ => Input::Value(value(random, 3)),
    }
}

/// Any value, nested so deep at most.
pub fn value(random: &mut StdRng, levels: u32) -> Value {
    const NUMBERS: [i64; 7] = [0, 1, -1, 2, 1_000_000, i64::MAX, i64::MIN];
    match random.random_range(0..if levels == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(random.random()),
        2 => Value::Integer(NUMBERS[random.random_range(0..NUMBERS.len())]),
        3 => Value::Number(random.random_range(-2.0..1e9)),
        4 => {
            Value::from(["", "a", "7", "1.5", "TRUE", "2026-12-31", "[1]", "é💧"][random.random_range(0..8)])
        }
        5 => Value::text("ab".repeat(random.random_range(0..2_000))),
        6 => Value::Array(
            (0..random.random_range(0..5))
                .map(|_| value(random, levels - 1))
                .collect(),
        ),
        7 => {
            // Rows, as most that is found.
            let row = |number: i64| json!({"id": number, "name": format!("n{number}"), "price": number * 3, "a": [number]});
            Value::from_json((0..random.random_range(0..4)).map(row).collect())
        }
        _ => Value::Object(
            ["a", "b", "Name", "id", "error"]
                .iter()
                .take(random.random_range(0..6))
                .map(|name| (*name, value(random, levels - 1)))
                .collect(),
        ),
    }
}

fn heard(hear: &Hear, random: &mut StdRng) -> Input {
    const ANSWERS: [&str; 18] = [
        "",
        "1",
        "yes",
        "no",
        "x",
        "7,5",
        "2026-12-31",
        "tomorrow",
        "ana@example.com",
        "10:30",
        "+351 912 345 678",
        "4111 1111 1111 1111",
        "#ff8800",
        "https://example.com/a?b=c",
        "português",
        "\u{feff}é💧\u{0}",
        "-1",
        "529.982.247-25",
    ];
    let text = match hear.options.first() {
        Some(first) if random.random_bool(0.5) => first.clone(),
        _ if random.random_bool(0.05) => "long ".repeat(2_000),
        _ => ANSWERS[random.random_range(0..ANSWERS.len())].to_owned(),
    };
    let media = ["image/png", "application/pdf", "audio/ogg", "", "video"][random.random_range(0..5)];
    let files = match random.random_range(0..4) {
        0 => vec![File {
            id: "f1".to_owned(),
            name: "photo.png".to_owned(),
            media_type: media.to_owned(),
            bytes: 12,
            url: "/files/f1".to_owned(),
        }],
        _ => Vec::new(),
    };
    Input::Answer { text, files }
}
