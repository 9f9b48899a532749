//! Files as tables: CSV, spreadsheets and JSON, with a first row of headings and values of their kinds.

mod csv;
mod json;
mod kinds;
mod xlsx;

use std::collections::HashSet;

use basic::{Array, Object, Refusal, Value};

use crate::too_large;
use kinds::typed;

/// Rows of one file.
pub const ROWS_MAX: usize = 100_000;
/// Fields of one row.
const COLUMNS_MAX: usize = 1_000;
/// Values of one file.
const CELLS_MAX: usize = 2_000_000;
/// What the values of one file take in memory, about.
const VALUES_BYTES_MAX: u64 = 64 << 20;

/// A file that is read and written as a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Csv,
    /// Separated by tabs.
    Tsv,
    Xlsx,
    Json,
}

impl Format {
    /// By the ending of a file's name.
    pub fn of(path: &str) -> Option<Format> {
        let (_, ending) = path.trim().rsplit_once('.')?;
        Some(match ending.to_lowercase().as_str() {
            "csv" => Format::Csv,
            "tsv" => Format::Tsv,
            "xlsx" => Format::Xlsx,
            "json" => Format::Json,
            _ => return None,
        })
    }
}

/// The rows of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// The names of the fields, in the order of the file.
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    form: Form,
    /// What the rows come to. Those that were taken away since still count.
    counted: Counted,
}

/// What a file had beside its rows, so that it is written as it came.
#[derive(Debug, Clone, PartialEq, Default)]
enum Form {
    #[default]
    Plain,
    Delimited(u8),
    /// The other sheets of a spreadsheet, and which of them is the table.
    Sheets {
        at: usize,
        sheets: Vec<xlsx::Sheet>,
        /// Whether cells of the table's sheet are no part of it.
        outside: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// An object.
    pub value: Value,
    /// The fields as they stood in the file; None where the row is new or was changed.
    raw: Option<Vec<String>>,
}

impl From<Value> for Row {
    fn from(value: Value) -> Row {
        Row { value, raw: None }
    }
}

impl Table {
    /// The table that a file holds. Of nothing at all it is an empty one.
    pub fn read(format: Format, bytes: &[u8]) -> Result<Table, Refusal> {
        let table = match format {
            Format::Csv => csv::read(bytes, None)?,
            Format::Tsv => csv::read(bytes, Some(b'\t'))?,
            Format::Xlsx => xlsx::read(bytes)?,
            Format::Json => json::read(bytes)?,
        };
        Ok(table)
    }

    /// A table of these rows: objects, lists of values, or single values.
    pub fn of(rows: &Value) -> Result<Table, Refusal> {
        let mut table = Table::default();
        match rows {
            Value::Array(rows) => rows.iter().try_for_each(|row| table.add(row))?,
            Value::Null => {}
            row => table.add(row)?,
        }
        Ok(table)
    }

    /// Adds a row, and the columns that it brings.
    pub fn add(&mut self, row: &Value) -> Result<(), Refusal> {
        let row: Value = match row {
            Value::Object(_) => row.clone(),
            Value::Array(values) => {
                let names = (0..values.len()).map(|at| self.column_at(at));
                Value::Object(names.zip(values.iter().cloned()).collect())
            }
            value => Value::Object([(self.column_at(0), value.clone())].into_iter().collect()),
        };
        let Value::Object(fields) = row else {
            return Ok(());
        };
        self.add_columns(&fields)?;
        if self.rows.len() >= ROWS_MAX {
            return Err(rows_too_many());
        }
        let row = self.counted.row(fields)?;
        self.rows.push(row.into());
        Ok(())
    }

    /// Puts other fields in the place of a row's, and adds the columns that they bring.
    pub fn replace(&mut self, at: usize, fields: Object) -> Result<(), Refusal> {
        self.add_columns(&fields)?;
        if let Some(row) = self.rows.get_mut(at) {
            self.counted.forget(&row.value);
            *row = self.counted.row(fields)?.into();
        }
        Ok(())
    }

    /// Adds the columns that fields bring.
    pub fn add_columns(&mut self, fields: &Object) -> Result<(), Refusal> {
        for (at, (name, _)) in fields.iter().enumerate() {
            let known = |column: &String| column.eq_ignore_ascii_case(name);
            // Mostly it is where it was in the row before.
            if !self.columns.get(at).is_some_and(known) && !self.columns.iter().any(known) {
                check_columns(self.columns.len() + 1)?;
                self.columns.push(name.to_owned());
            }
        }
        Ok(())
    }

    fn column_at(&self, at: usize) -> String {
        let known = self.columns.get(at).cloned();
        known.unwrap_or_else(|| format!("column{}", at + 1))
    }

    /// The rows as a script has them.
    pub fn values(&self) -> Array {
        self.rows.iter().map(|row| row.value.clone()).collect()
    }

    /// The file that holds the table.
    pub fn write(&self, format: Format) -> Result<Vec<u8>, Refusal> {
        match format {
            Format::Csv => csv::write(self, b','),
            Format::Tsv => csv::write(self, b'\t'),
            Format::Xlsx => xlsx::write(self),
            Format::Json => json::write(self),
        }
    }

    /// A field of a row, whatever the case of its name.
    fn field<'r>(&self, row: &'r Row, column: &str) -> Option<&'r Value> {
        let Value::Object(fields) = &row.value else {
            return None;
        };
        fields.get(column).or_else(|| {
            let mut all = fields.iter();
            all.find(|(name, _)| name.eq_ignore_ascii_case(column))
                .map(|(_, value)| value)
        })
    }
}

/// Counts what is read, and ends what is too much.
#[derive(Debug, Clone, PartialEq, Default)]
struct Counted {
    rows: usize,
    cells: usize,
    bytes: u64,
}

impl Counted {
    fn cell(&mut self, value: &Value) -> Result<(), Refusal> {
        self.cells += 1;
        self.bytes += value.weight() + 16;
        if self.cells > CELLS_MAX || self.bytes > VALUES_BYTES_MAX {
            return Err(too_large("the file has more values than are read as a table"));
        }
        Ok(())
    }

    fn row(&mut self, row: Object) -> Result<Value, Refusal> {
        self.rows += 1;
        self.cells += row.len();
        let row = Value::Object(row);
        self.bytes += weight(&row);
        if self.rows > ROWS_MAX {
            return Err(rows_too_many());
        }
        if self.cells > CELLS_MAX || self.bytes > VALUES_BYTES_MAX {
            return Err(too_large("the file has more values than are read as a table"));
        }
        Ok(row)
    }

    /// Another row comes in the place of this.
    fn forget(&mut self, row: &Value) {
        self.rows = self.rows.saturating_sub(1);
        if let Value::Object(fields) = row {
            self.cells = self.cells.saturating_sub(fields.len());
        }
        self.bytes = self.bytes.saturating_sub(weight(row));
    }
}

/// What a row takes in memory, about.
fn weight(row: &Value) -> u64 {
    row.weight() + 16
}

fn rows_too_many() -> Refusal {
    Refusal::mistake("rows_too_many", format!("a file has at most {ROWS_MAX} rows"))
}

fn check_columns(count: usize) -> Result<(), Refusal> {
    if count > COLUMNS_MAX {
        return Err(too_large("a table in a file has at most 1000 columns"));
    }
    Ok(())
}

/// Headings as the names of fields: none is empty, none twice.
pub(crate) fn headings(headings: impl Iterator<Item = String>) -> Result<Vec<String>, Refusal> {
    let mut taken = HashSet::new();
    let mut names = Vec::new();
    for (at, heading) in headings.enumerate() {
        check_columns(at + 1)?;
        let heading = heading.trim();
        let base = match heading {
            "" => format!("column{}", at + 1),
            heading => heading.chars().take(200).collect(),
        };
        let mut name = base.clone();
        let mut number = 2;
        while !taken.insert(name.to_lowercase()) {
            name = format!("{base}_{number}");
            number += 1;
        }
        names.push(name);
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(fields: usize) -> Object {
        let fields = (0..fields).map(|at| (format!("f{at}"), Value::from(7)));
        fields.collect()
    }

    #[test]
    fn what_rows_are_changed_to_is_counted() {
        let rows = serde_json::Value::from(vec![serde_json::json!({ "f0": 0 }); 3_000]);
        let mut table = Table::of(&Value::from_json(rows)).expect("a table");
        (0..3_000)
            .try_for_each(|_| table.replace(0, wide(900)))
            .expect("the same row again and again");
        let changed = (0..3_000).try_for_each(|at| table.replace(at, wide(900)));
        assert_eq!(changed.expect_err("too much").code, "document_too_large");
        let refused = table.replace(0, wide(1_001)).expect_err("too wide");
        assert_eq!(refused.code, "document_too_large");
        let added = (0..3_000).try_for_each(|_| table.add(&Value::Object(wide(900))));
        assert_eq!(added.expect_err("too much").code, "document_too_large");
    }
}
