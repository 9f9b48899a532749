//! JSON: a list of objects, or one.

use basic::{Refusal, Value};
use serde_json::value::RawValue;

use super::{Form, ROWS_MAX, Table, check_columns, rows_too_many};
use crate::{VALUES_MAX, text, too_large, unreadable, values};

pub(super) fn read(bytes: &[u8]) -> Result<Table, Refusal> {
    let text = text(bytes);
    if text.trim().is_empty() {
        return Ok(Table::default());
    }
    let wrong = |error| unreadable(format!("the file is no JSON: {error}"));
    // Row by row: as JSON a row takes far more memory than it has bytes.
    let rows: Vec<&RawValue> = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(&text).map_err(wrong)?,
        false => vec![serde_json::from_str(&text).map_err(wrong)?],
    };
    if rows.len() > ROWS_MAX {
        return Err(rows_too_many());
    }
    let mut table = Table {
        form: Form::Plain,
        ..Table::default()
    };
    let mut known = std::collections::HashSet::new();
    for row in rows {
        if values(row.get().as_bytes()) > VALUES_MAX {
            return Err(too_large("a row of the file has more values than are read"));
        }
        let fields = match Value::from_json(serde_json::from_str(row.get()).map_err(wrong)?) {
            Value::Object(fields) => fields,
            value => [("value".to_owned(), value)].into_iter().collect(),
        };
        for (name, _) in fields.iter() {
            if known.insert(name.to_owned()) {
                table.columns.push(name.to_owned());
            }
        }
        check_columns(table.columns.len())?;
        table.rows.push(table.counted.row(fields)?.into());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_their_values_are_counted_before_they_are_read() {
        let many = format!("[{}0]", "{\"\":0},".repeat(ROWS_MAX));
        assert_eq!(read(many.as_bytes()).expect_err("too many").code, "rows_too_many");
        let one = format!("[[{}0]]", "{\"\":0},".repeat(VALUES_MAX));
        assert_eq!(
            read(one.as_bytes()).expect_err("too many").code,
            "document_too_large"
        );
        let nested = b" [{\"a\":[1,{\"b\":2}]}, 7] ";
        assert_eq!(read(nested).expect("read").rows.len(), 2);
        assert_eq!(read(b" {\"a\":1}").expect("read").rows.len(), 1);
        for wrong in ["[1,", "[1]]", "{\"a\":}", "x"] {
            assert_eq!(
                read(wrong.as_bytes()).expect_err(wrong).code,
                "document_unreadable"
            );
        }
    }
}
