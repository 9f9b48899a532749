//! Spreadsheets of the Office Open XML kind. The first sheet is the table; the others are kept with their values.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use basic::{Refusal, Value};
use calamine::{Data, Reader as _, Xlsx};
use chrono::{NaiveDateTime, NaiveTime, Timelike as _};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{Counted, Form, Table, check_columns};
use crate::archive::check_parts;
use crate::{too_large, unreadable};

/// What the parts of a spreadsheet may unpack to.
const UNPACKED_BYTES_MAX: u64 = 128 << 20;
/// Sheets that are kept.
const SHEETS_MAX: usize = 50;

/// A sheet as it is kept: its name and what stands where, by row and column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sheet {
    name: String,
    cells: Vec<(u32, u32, Value)>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Table, Refusal> {
    if bytes.is_empty() {
        return Ok(Table::default());
    }
    check_parts(bytes, UNPACKED_BYTES_MAX)?;
    // The reader of a stranger's file: a panic of it is an unreadable file.
    catch_unwind(AssertUnwindSafe(|| sheets(bytes))).unwrap_or_else(|_| Err(damaged()))
}

fn damaged() -> Refusal {
    unreadable("the file cannot be read as a spreadsheet")
}

fn sheets(bytes: &[u8]) -> Result<Table, Refusal> {
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| damaged())?;
    let names = workbook.sheet_names();
    let (mut counted, mut sheets, mut found) = (Counted::default(), Vec::new(), None);
    for name in names.into_iter().take(SHEETS_MAX) {
        let mut cells = cells(&mut workbook, &name, &mut counted)?;
        if found.is_none() && !cells.is_empty() {
            found = Some((sheets.len(), table(std::mem::take(&mut cells))?));
        }
        sheets.push(Sheet { name, cells });
    }
    let (at, (table, outside)) = found.unwrap_or_default();
    let form = Form::Sheets { at, sheets, outside };
    Ok(Table { form, ..table })
}

/// What stands in a sheet, cell by cell: one far away takes no more room than any other.
fn cells(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    counted: &mut Counted,
) -> Result<Vec<(u32, u32, Value)>, Refusal> {
    // A sheet of charts has no cells.
    let Ok(mut reader) = workbook.worksheet_cells_reader(name) else {
        return Ok(Vec::new());
    };
    let mut cells = Vec::new();
    while let Some(cell) = reader.next_cell().map_err(|_| damaged())? {
        let value = value(&Data::from(cell.get_value().clone()));
        if value == Value::Null {
            continue;
        }
        let (row, column) = cell.get_position();
        counted.cell(&value)?;
        cells.push((row, column, value));
    }
    Ok(cells)
}

/// The table, and whether cells lie left or right of its headings.
fn table(cells: Vec<(u32, u32, Value)>) -> Result<(Table, bool), Refusal> {
    let mut rows: BTreeMap<u32, BTreeMap<u32, Value>> = BTreeMap::new();
    for (row, column, value) in cells {
        rows.entry(row).or_default().insert(column, value);
    }
    let Some((_, headings)) = rows.pop_first() else {
        return Ok((Table::default(), false));
    };
    let first = headings.keys().next().copied().unwrap_or(0);
    let last = headings.keys().next_back().copied().unwrap_or(0);
    check_columns((last - first) as usize + 1)?;
    let heading = |column| headings.get(&column).map(Value::to_string).unwrap_or_default();
    let mut table = Table {
        columns: super::headings((first..=last).map(heading))?,
        ..Table::default()
    };
    let mut outside = false;
    for (_, mut row) in rows {
        let mut field = |column| row.remove(&column).unwrap_or_default();
        let fields = table.columns.iter().cloned().zip((first..=last).map(&mut field));
        let value = table.counted.row(fields.collect())?;
        table.rows.push(value.into());
        outside |= !row.is_empty();
    }
    Ok((table, outside))
}

fn value(cell: &Data) -> Value {
    match cell {
        Data::Empty | Data::Error(_) => Value::Null,
        Data::Bool(truth) => Value::Bool(*truth),
        Data::Int(number) => Value::Integer(*number),
        // A spreadsheet knows one kind of numbers.
        Data::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => Value::Integer(*number as i64),
        Data::Float(number) if number.is_finite() => Value::Number(*number),
        Data::Float(_) => Value::Null,
        Data::DateTime(moment) => match moment.as_datetime() {
            Some(moment) if moment.time() == NaiveTime::MIN => Value::Date(moment.date()),
            Some(moment) => Value::Moment(rounded(moment).and_utc()),
            None => Value::from(moment.to_string().as_str()),
        },
        Data::String(text) if text.is_empty() => Value::Null,
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => Value::from(text.as_str()),
    }
}

/// Moments are fractions of days there: to the second they are what was meant.
fn rounded(moment: NaiveDateTime) -> NaiveDateTime {
    let moment = moment + chrono::TimeDelta::milliseconds(500);
    moment.with_nanosecond(0).unwrap_or(moment)
}

pub(super) fn write(table: &Table) -> Result<Vec<u8>, Refusal> {
    let mut workbook = Workbook::new();
    let failed =
        |error: XlsxError| too_large(&format!("the table cannot be written as a spreadsheet: {error}"));
    let own = [Sheet {
        name: "Sheet1".to_owned(),
        cells: Vec::new(),
    }];
    let (at, sheets) = match &table.form {
        Form::Sheets { outside: true, .. } => {
            let message = "cells lie beside the headings in the first row of the sheet, and would be lost";
            return Err(Refusal::mistake("table_unclear", message));
        }
        Form::Sheets { at, sheets, .. } if !sheets.is_empty() => (*at, sheets.as_slice()),
        _ => (0, own.as_slice()),
    };
    for (number, sheet) in sheets.iter().enumerate() {
        let page = workbook.add_worksheet();
        page.set_name(&sheet.name).map_err(failed)?;
        if number == at {
            for (column, name) in table.columns.iter().enumerate() {
                put(page, 0, column, &Value::from(name.as_str())).map_err(failed)?;
            }
            for (row, fields) in table.rows.iter().enumerate() {
                for (column, name) in table.columns.iter().enumerate() {
                    if let Some(value) = table.field(fields, name) {
                        put(page, row + 1, column, value).map_err(failed)?;
                    }
                }
            }
        }
        for (row, column, value) in &sheet.cells {
            put(page, *row as usize, *column as usize, value).map_err(failed)?;
        }
    }
    workbook.save_to_buffer().map_err(failed)
}

/// Texts are written as texts, so none of them becomes a formula.
fn put(page: &mut Worksheet, row: usize, column: usize, value: &Value) -> Result<(), XlsxError> {
    let row = u32::try_from(row).unwrap_or(u32::MAX);
    let column = u16::try_from(column).unwrap_or(u16::MAX);
    let dated = |form: &str| Format::new().set_num_format(form);
    match value {
        Value::Null => Ok(()),
        Value::Bool(truth) => page.write_boolean(row, column, *truth).map(drop),
        // Beyond this a spreadsheet's number loses digits.
        Value::Integer(number) if number.unsigned_abs() < 1 << 53 => {
            page.write_number(row, column, *number as f64).map(drop)
        }
        Value::Number(number) => page.write_number(row, column, *number).map(drop),
        Value::Date(date) => page
            .write_datetime_with_format(row, column, date, &dated("yyyy-mm-dd"))
            .map(drop),
        Value::Moment(moment) => page
            .write_datetime_with_format(row, column, moment.naive_utc(), &dated("yyyy-mm-dd hh:mm:ss"))
            .map(drop),
        Value::Array(_) | Value::Object(_) => page
            .write_string(row, column, value.to_json().to_string())
            .map(drop),
        value => page.write_string(row, column, value.to_string()).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let rows = serde_json::json!([
            { "name": "=1+1", "berths": 3, "price": 12.5, "free": true, "note": null },
            { "name": "Ana", "berths": -2, "price": 0.1, "free": false, "note": "x" },
        ]);
        let mut table = Table::of(&Value::from_json(rows)).expect("a table");
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 30).expect("a day");
        let moment = day.and_hms_opt(8, 15, 7).expect("a time").and_utc();
        let dated = [
            ("day".to_owned(), Value::Date(day)),
            ("at".to_owned(), Value::Moment(moment)),
        ];
        table
            .add(&Value::Object(dated.into_iter().collect()))
            .expect("added");
        let read = read(&write(&table).expect("written")).expect("read");
        let values = Value::Array(read.values()).to_json();
        assert_eq!(values[0]["name"], "=1+1");
        assert_eq!(
            (&values[0]["berths"], &values[1]["price"]),
            (&3.into(), &0.1.into())
        );
        assert_eq!(values[2]["day"], "2026-11-30");
        let Value::Object(last) = &read.rows[2].value else {
            panic!("no row")
        };
        assert_eq!(last.get("at"), Some(&Value::Moment(moment)));
    }

    #[test]
    fn other_sheets_stay() {
        let mut workbook = Workbook::new();
        let first = workbook.add_worksheet().set_name("Prices").expect("named");
        first.write_string(0, 0, "name").expect("written");
        first.write_string(1, 0, "rope").expect("written");
        let second = workbook.add_worksheet().set_name("Notes").expect("named");
        second.write_number(4, 2, 7.0).expect("written");
        let bytes = workbook.save_to_buffer().expect("saved");
        let mut table = read(&bytes).expect("read");
        let row = Value::from_json(serde_json::json!({ "name": "buoy" }));
        table.add(&row).expect("added");
        let written = write(&table).expect("written");
        let mut again: Xlsx<_> = Xlsx::new(Cursor::new(written.as_slice())).expect("a workbook");
        assert_eq!(again.sheet_names(), ["Prices", "Notes"]);
        let notes = again.worksheet_range("Notes").expect("there");
        assert!(notes.used_cells().any(|(_, _, cell)| *cell == Data::Float(7.0)));
        assert_eq!(read(&written).expect("read").rows.len(), 2);
    }

    #[test]
    fn a_cell_far_away_takes_no_room() {
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet.write_string(0, 0, "name").expect("written");
        sheet.write_string(1_048_575, 0, "rope").expect("written");
        sheet
            .write_string(1_048_575, 16_383, "beyond the headings")
            .expect("written");
        let read = read(&workbook.save_to_buffer().expect("saved")).expect("read");
        assert_eq!(
            Value::Array(read.values()).to_json(),
            serde_json::json!([{ "name": "rope" }])
        );
    }

    #[test]
    fn what_lies_beside_the_table_is_not_wiped() {
        for (title, headings) in [((0, 0), (2, 0)), ((0, 1), (1, 0))] {
            let mut workbook = Workbook::new();
            let sheet = workbook.add_worksheet();
            sheet.write_string(title.0, title.1, "Prices").expect("written");
            sheet
                .write_string(headings.0, headings.1, "name")
                .expect("written");
            sheet
                .write_string(headings.0, headings.1 + 1, "price")
                .expect("written");
            let mut table = read(&workbook.save_to_buffer().expect("saved")).expect("read");
            let row = Value::from_json(serde_json::json!({ "Prices": "x" }));
            table.add(&row).expect("added");
            assert_eq!(write(&table).expect_err("lost").code, "table_unclear");
        }
    }

    #[test]
    fn what_is_no_spreadsheet_is_refused() {
        assert_eq!(
            read(b"PK\x03\x04 nonsense").expect_err("damaged").code,
            "document_unreadable"
        );
        assert_eq!(
            read(b"name,price").expect_err("damaged").code,
            "document_unreadable"
        );
    }
}
