//! Conditions that stand in texts.

use std::sync::{Arc, LazyLock};

use basic::{Condition, Input, Limits, Machine, Program, Start, Step, Value};
use serde_json::json;

use super::host::now;
use crate::{Violation, Worth};

/// Asks the condition of rows.
static MET: LazyLock<Option<Arc<Program>>> = LazyLock::new(|| program("said"));
/// Asks the opposite.
static UNMET: LazyLock<Option<Arc<Program>>> = LazyLock::new(|| program("\"NOT (\" & said & \")\""));

fn program(condition: &str) -> Option<Arc<Program>> {
    let source = format!("RETURN COUNT(FILTER(rows, {condition}))");
    basic::compile("filter", &source).program.map(Arc::new)
}

pub fn read(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(said) = std::str::from_utf8(input) else {
        return Ok(Worth::Nothing);
    };
    let read = Condition::read(said);
    match (read, asked(&MET, said)?, asked(&UNMET, said)?) {
        (Ok(_), Step::Ended(Value::Integer(met)), Step::Ended(Value::Integer(unmet))) => {
            if met + unmet == 4 {
                Ok(Worth::Perhaps)
            } else {
                let detail = format!("{met} and {unmet} of 4");
                Err(Violation::new(
                    "each row meets a condition or its opposite",
                    detail,
                ))
            }
        }
        // The opposite lies one level deeper.
        (Ok(_), Step::Ended(_), Step::Failed(_)) | (Err(_), Step::Failed(_), _) => Ok(Worth::Perhaps),
        (read, met, unmet) => Err(Violation::new(
            "what can be read can be asked, and what cannot is told",
            format!("{read:?}, but {met:?} and {unmet:?}"),
        )),
    }
}

fn asked(program: &LazyLock<Option<Arc<Program>>>, said: &str) -> Result<Step, Violation> {
    let program = (*program)
        .clone()
        .ok_or_else(|| Violation::new("the script around it compiles", ""))?;
    let rows = json!([
        {"name": "Ana", "price": 3, "tags": ["a", "b"], "owner": {"name": "x"}},
        {"name": "", "price": 1.5, "day": "2026-03-01"},
        {"name": null, "price": "7"},
        5
    ]);
    let start = Start {
        seed: 1,
        variables: vec![
            ("rows".to_owned(), Value::from_json(rows)),
            ("said".to_owned(), Value::from(said)),
        ],
        limits: Limits::default(),
    };
    Ok(Machine::start(program, start).run(Input::Start, now(), u64::MAX))
}
