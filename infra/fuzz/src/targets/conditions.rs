//! Conditions that stand in texts.

use std::sync::{Arc, LazyLock};

use basic::{Condition, Input, Machine, Program, Start, Step, Value};
use serde_json::json;

use super::host::now;
use super::scripts::limits;
use crate::{Violation, Worth};

/// Asks the condition of rows, and of itself turned around.
static FILTER: LazyLock<Option<Arc<Program>>> = LazyLock::new(|| {
    let source = "RETURN [COUNT(FILTER(rows, said)), COUNT(FILTER(rows, \"NOT (\" & said & \")\"))]";
    basic::compile("filter", source).program.map(Arc::new)
});

pub fn read(input: &[u8]) -> Result<Worth, Violation> {
    let Ok(said) = std::str::from_utf8(input) else {
        return Ok(Worth::Nothing);
    };
    let read = Condition::read(said);
    let program = FILTER
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
        limits: limits(),
    };
    let step = Machine::start(program, start).run(Input::Start, now(), 1 << 20);
    match (read, step) {
        (Ok(_), Step::Ended(found)) => {
            let found = found.to_json();
            let counts = |at: usize| found[at].as_u64().unwrap_or(99);
            if counts(0) + counts(1) == 4 {
                Ok(Worth::Perhaps)
            } else {
                Err(Violation::new(
                    "each row meets a condition or its opposite",
                    found.to_string(),
                ))
            }
        }
        // The opposite lies one level deeper, and the text of it is longer.
        (_, Step::Failed(_)) => Ok(Worth::Perhaps),
        (read, step) => Err(Violation::new(
            "what cannot be read is told",
            format!("{read:?}, but {step:?}"),
        )),
    }
}
