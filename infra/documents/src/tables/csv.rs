//! CSV: whatever separates its fields, in whatever encoding.

use basic::{Refusal, Value};

use super::{Counted, Form, Row, Table, typed};
use crate::{text, too_large, unreadable};

/// What separates fields, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// Lines that are looked at to tell.
const LINES_LOOKED_AT: usize = 10;

pub(super) fn read(bytes: &[u8], delimiter: Option<u8>) -> Result<Table, Refusal> {
    let text = text(bytes);
    let delimiter = delimiter.unwrap_or_else(|| sniffed(&text));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(headings) = records.next() else {
        return Ok(Table::default());
    };
    let headings = headings.map_err(|_| unreadable("the file cannot be read as CSV"))?;
    let columns = super::headings(headings.iter().map(str::to_owned))?;
    let mut counted = Counted::default();
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|_| unreadable("the file cannot be read as CSV"))?;
        if record.iter().all(|field| field.trim().is_empty()) {
            continue;
        }
        if record.len() > columns.len() && record.iter().skip(columns.len()).any(|field| !field.is_empty()) {
            let line = record.position().map_or(0, csv::Position::line);
            return Err(unreadable(format!("line {line} has more fields than headings")));
        }
        let raw: Vec<String> = record.iter().take(columns.len()).map(str::to_owned).collect();
        let field = |at: usize| {
            raw.get(at)
                .map_or(Value::Null, |field| typed(unguarded(field), delimiter == b';'))
        };
        let row = columns
            .iter()
            .enumerate()
            .map(|(at, name)| (name.clone(), field(at)));
        let value = counted.row(row.collect())?;
        rows.push(Row {
            value,
            raw: Some(raw),
        });
    }
    Ok(Table {
        columns,
        rows,
        form: Form::Delimited(delimiter),
        counted,
    })
}

pub(super) fn write(table: &Table, delimiter: u8) -> Result<Vec<u8>, Refusal> {
    let delimiter = match table.form {
        Form::Delimited(delimiter) => delimiter,
        _ => delimiter,
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .from_writer(Vec::new());
    let failed = |_: csv::Error| too_large("the table cannot be written as CSV");
    if !table.columns.is_empty() {
        writer
            .write_record(table.columns.iter().map(|column| guarded(column)))
            .map_err(failed)?;
    }
    for row in &table.rows {
        let fields: Vec<String> = match &row.raw {
            Some(raw) => (0..table.columns.len())
                .map(|at| raw.get(at).cloned().unwrap_or_default())
                .collect(),
            None => table
                .columns
                .iter()
                .map(|column| table.field(row, column).map(written).unwrap_or_default())
                .collect(),
        };
        writer.write_record(&fields).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|_| too_large("the table cannot be written as CSV"))
}

/// A value as a field.
fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => guarded(text),
        Value::Array(_) | Value::Object(_) => value.to_json().to_string(),
        value => value.to_string(),
    }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it, which says that it is a text.
fn guarded(text: &str) -> String {
    if is_formula(text) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn unguarded(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => field,
    }
}

fn is_formula(text: &str) -> bool {
    let Some(rest) = text.strip_prefix(['=', '+', '-', '@', '\t', '\r']) else {
        return false;
    };
    // A signed number computes nothing.
    let number = text.starts_with(['+', '-'])
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ','));
    !number
}

/// What separates the fields of the first lines: what stands in each of them, outside of quotes, and equally often.
fn sniffed(text: &str) -> u8 {
    let mut counts: Vec<[usize; 4]> = vec![[0; 4]];
    let mut quoted = false;
    for byte in text.bytes().take(64 << 10) {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                if counts.len() == LINES_LOOKED_AT {
                    break;
                }
                counts.push([0; 4]);
            }
            byte if !quoted => {
                if let (Some(at), Some(line)) =
                    (DELIMITERS.iter().position(|d| *d == byte), counts.last_mut())
                {
                    line[at] += 1;
                }
            }
            _ => {}
        }
    }
    let lines = counts.iter().filter(|line| line.iter().any(|count| *count > 0));
    let score = |at: usize| {
        let first = counts[0][at];
        (
            lines
                .clone()
                .filter(|line| first > 0 && line[at] == first)
                .count(),
            first,
        )
    };
    (0..DELIMITERS.len())
        .rev()
        .max_by_key(|at| score(*at))
        .map_or(b',', |at| DELIMITERS[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bytes: &[u8]) -> serde_json::Value {
        let table = read(bytes, None).expect("read");
        Value::Array(table.values()).to_json()
    }

    #[test]
    fn delimiter_and_encoding_are_told() {
        let expected = serde_json::json!([{ "name": "Çakıl", "price": 12.5, "free": true }]);
        for text in [
            "name,price,free\nÇakıl,12.50,TRUE\n",
            "\u{feff}name;price;free\r\nÇakıl;12,50;true\r\n",
            "name\tprice\tfree\n\"Çakıl\"\t12.50\ttrue",
            "name|price|free\nÇakıl|12.50|true\n\n",
        ] {
            assert_eq!(values(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(values(b"name\nJos\xe9\n")[0]["name"], "José");
        assert_eq!(values(b""), serde_json::json!([]));
        let quoted = "text;n\n\"a,b,c,d\";1\n\"e,f\";2\n";
        assert_eq!(
            values(quoted.as_bytes())[1],
            serde_json::json!({ "text": "e,f", "n": 2 })
        );
    }

    #[test]
    fn headings_are_names_of_fields_each_once() {
        let table = read(b"a,,A,a_2\n1,2,3,4\n", None).expect("read");
        assert_eq!(table.columns, ["a", "column2", "A_2", "a_2_2"]);
        assert_eq!(
            read(b"a\n1,2\n", None).expect_err("too many").code,
            "document_unreadable"
        );
    }

    #[test]
    fn what_was_there_is_written_as_it_was() {
        let original = "id;price\n007;1,50\n8;2,00\n";
        let mut table = read(original.as_bytes(), None).expect("read");
        assert_eq!(write(&table, b',').expect("written"), original.as_bytes());
        let row = Value::from_json(serde_json::json!({ "ID": 9, "note": "a;b" }));
        table.add(&row).expect("added");
        let written = String::from_utf8(write(&table, b',').expect("written")).expect("text");
        assert_eq!(written, "id;price;note\n007;1,50;\n8;2,00;\n9;;\"a;b\"\n");
    }

    #[test]
    fn no_value_becomes_a_formula() {
        let mut table = Table::default();
        for text in [
            "=HYPERLINK(\"x\")",
            "+1+2",
            "-1+2",
            "@SUM(A1)",
            "\t=1",
            "-5",
            "+351912",
        ] {
            let row = [("v".to_owned(), Value::from(text))];
            table
                .add(&Value::Object(row.into_iter().collect()))
                .expect("added");
        }
        let written = String::from_utf8(write(&table, b',').expect("written")).expect("text");
        let expected = "v\n\"'=HYPERLINK(\"\"x\"\")\"\n'+1+2\n'-1+2\n'@SUM(A1)\n'\t=1\n-5\n+351912\n";
        assert_eq!(written, expected);
        let read = read(written.as_bytes(), Some(b',')).expect("read");
        let first = read.values().get(0).cloned().expect("a row").to_json();
        assert_eq!(first["v"], "=HYPERLINK(\"x\")");
    }
}
