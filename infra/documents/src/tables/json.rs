//! JSON: a list of objects, or one.

use basic::{Refusal, Value};

use super::{Counted, Form, Table, check_columns};
use crate::{text, unreadable};

pub(super) fn read(bytes: &[u8]) -> Result<Table, Refusal> {
    let text = text(bytes);
    if text.trim().is_empty() {
        return Ok(Table::default());
    }
    let json: serde_json::Value =
        serde_json::from_str(&text).map_err(|error| unreadable(format!("the file is no JSON: {error}")))?;
    let rows = match json {
        serde_json::Value::Array(rows) => rows,
        one => vec![one],
    };
    let mut counted = Counted::default();
    let mut table = Table {
        form: Form::Plain,
        ..Table::default()
    };
    let mut known = std::collections::HashSet::new();
    for row in rows {
        let fields = match Value::from_json(row) {
            Value::Object(fields) => fields,
            value => [("value".to_owned(), value)].into_iter().collect(),
        };
        for (name, _) in fields.iter() {
            if known.insert(name.to_owned()) {
                table.columns.push(name.to_owned());
            }
        }
        check_columns(table.columns.len())?;
        table.rows.push(counted.row(fields)?.into());
    }
    Ok(table)
}

pub(super) fn write(table: &Table) -> Result<Vec<u8>, Refusal> {
    let rows: Vec<serde_json::Value> = table.rows.iter().map(|row| row.value.to_json()).collect();
    let mut bytes =
        serde_json::to_vec_pretty(&rows).map_err(|_| unreadable("the rows cannot be written as JSON"))?;
    bytes.push(b'\n');
    Ok(bytes)
}
