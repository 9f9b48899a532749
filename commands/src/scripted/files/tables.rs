//! FIND, SAVE, UPDATE and their like on files that hold rows.

use std::collections::HashMap;

use basic::{Array, Object, Refusal, Request, Value};
use documents::tables::{Format, Row, Table};
use domain::drive::Drive;

use super::content::{Unkept, found_at};
use super::path::{self, table_of};
use super::read::TABLE_BYTES_MAX;
use super::{Done, Handled, Host, Room, text};

/// Rows that SEARCH tells where it is not said how many.
const SEARCHED: usize = 10;

impl Host<'_> {
    pub(super) async fn file_table(&self, request: &Request, drive: &Drive) -> Handled<Done> {
        let (name, at) = table_of(request);
        let path = path::file(&Value::from(name))?;
        let format = Format::of(&path).unwrap_or(Format::Csv);
        let asked = request.clone();
        let room = Room::wait().await?;
        if !super::path::changes(request) {
            let found = found_at(drive, &path)?;
            let table = self.table_of(&room, &found).await?;
            let value = self
                .worked_on(&room, move || answered(&asked, &table, at))
                .await?;
            return Ok(Done::Answer(value));
        }
        let adds = matches!(request.word, "SAVE" | "INSERT" | "MERGE");
        let before = match self.bytes_at(drive, &path, TABLE_BYTES_MAX).await? {
            Some(bytes) => bytes,
            // The first row makes the file.
            None if adds => Vec::new(),
            None => {
                found_at(drive, &path)?;
                Vec::new()
            }
        };
        let (bytes, value) = self
            .worked_on(&room, move || {
                let mut table = Table::read(format, &before)?;
                let value = changed(&asked, &mut table, at)?;
                Ok((table.write(format)?, value))
            })
            .await?;
        if bytes.len() as u64 > TABLE_BYTES_MAX {
            let message = format!("a file of rows has at most {} MiB", TABLE_BYTES_MAX >> 20);
            return Err(Refusal::mistake("file_too_large", message).into());
        }
        Ok(Done::Write(vec![Unkept::of(path, bytes, room)], value))
    }
}

/// What FIND, AGGREGATE or SEARCH comes to.
fn answered(request: &Request, table: &Table, at: usize) -> Result<Value, Refusal> {
    if request.word != "SEARCH" {
        return request.of_rows(table.values(), at);
    }
    let sought = text(request, 1).to_lowercase();
    let most = match request.argument(2) {
        Value::Integer(most) => usize::try_from(*most).unwrap_or(0),
        _ => SEARCHED,
    };
    let says = |row: &&Row| match &row.value {
        Value::Object(fields) => {
            let mut values = fields.iter();
            values.any(|(_, value)| value.to_string().to_lowercase().contains(&sought))
        }
        _ => false,
    };
    let found = table.rows.iter().filter(says).take(most);
    Ok(Value::Array(found.map(|row| row.value.clone()).collect()))
}

/// Changes rows, and what the script is answered.
fn changed(request: &Request, table: &mut Table, at: usize) -> Result<Value, Refusal> {
    match request.word {
        "SAVE" | "INSERT" => {
            let rows = given(request, table, at)?;
            for row in &rows {
                table.add(row)?;
            }
            Ok(match rows.as_slice() {
                [one] => one.clone(),
                rows => Value::Array(rows.iter().cloned().collect()),
            })
        }
        "UPDATE" => update(request, table),
        "DELETE" => {
            let meets = met(request, table)?;
            let before = table.rows.len();
            let mut meets = meets.into_iter();
            table.rows.retain(|_| !meets.next().unwrap_or(false));
            Ok(count(before - table.rows.len()))
        }
        "MERGE" => merge(request, table),
        word => {
            let message = format!("{word} is not for files; UPDATE changes their rows");
            Err(Refusal::mistake("statement_refused", message))
        }
    }
}

/// Which rows a statement means. It has to say so.
fn met(request: &Request, table: &Table) -> Result<Vec<bool>, Refusal> {
    let said = request.condition.as_ref();
    // `UPDATE "guests.csv" SET left = TRUE` means every row, as it does of tables.
    let means_all = said.is_none() && request.clause("set").is_some();
    if !means_all && said.is_none_or(|said| matches!(said, basic::Condition::Both(all) if all.is_empty())) {
        let message = format!(
            "{} needs a condition that says which rows; WHERE TRUE would be all of them",
            request.word
        );
        return Err(Refusal::mistake("condition_wanted", message));
    }
    let rows: Vec<Value> = table.rows.iter().map(|row| row.value.clone()).collect();
    request.meets(&rows)
}

fn count(rows: usize) -> Value {
    Value::Integer(i64::try_from(rows).unwrap_or(i64::MAX))
}

fn update(request: &Request, table: &mut Table) -> Result<Value, Refusal> {
    if request.clause("computed").is_some() {
        let message =
            "fields of files are not computed from what they were; FIND the row, change it, and UPDATE it";
        return Err(Refusal::mistake("statement_refused", message));
    }
    let changes = match request.clause("set").or(request.clause("with")) {
        Some(Value::Object(changes)) => changes.clone(),
        // `UPDATE "guests.csv", 7, "name", "Ana"`
        _ if request.arguments.len() == 4 => [(text(request, 2), request.argument(3).clone())]
            .into_iter()
            .collect(),
        _ => match request.argument(2) {
            Value::Object(changes) => changes.clone(),
            _ => {
                return Err(Refusal::mistake(
                    "row_missing",
                    "no fields are given: { name: value }",
                ));
            }
        },
    };
    let meets = met(request, table)?;
    let mut updated = 0;
    table.add_columns(&changes)?;
    for (at, _) in meets.into_iter().enumerate().filter(|(_, meets)| *meets) {
        table.replace(at, with(&table.rows[at].value, &changes))?;
        updated += 1;
    }
    Ok(count(updated))
}

/// `MERGE "prices.csv" WITH rows BY "id"`
fn merge(request: &Request, table: &mut Table) -> Result<Value, Refusal> {
    let rows = request
        .clause("with")
        .or(request.clause("using"))
        .unwrap_or(request.argument(1));
    let key = match request.clause("by").or(request.clause("on")) {
        Some(key) => key.to_string(),
        None => text(request, 2),
    };
    let key = if key.trim().is_empty() {
        "id".to_owned()
    } else {
        key.trim().to_owned()
    };
    let rows: Vec<&Value> = match rows {
        Value::Array(rows) => rows.iter().collect(),
        one => vec![one],
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    for (at, row) in table.rows.iter().enumerate() {
        if let Some(value) = field(&row.value, &key) {
            places.entry(value.to_string()).or_insert(at);
        }
    }
    let (mut inserted, mut updated) = (0, 0);
    for row in rows {
        let Value::Object(fields) = row else {
            return Err(Refusal::mistake(
                "rows_wanted",
                "MERGE takes a list of objects, each a row",
            ));
        };
        let Some(value) = field(row, &key).map(Value::to_string) else {
            return Err(Refusal::mistake("value_missing", format!("a row has no {key}")));
        };
        if let Some(at) = places.get(&value) {
            table.replace(*at, with(&table.rows[*at].value, fields))?;
            updated += 1;
        } else {
            places.insert(value, table.rows.len());
            table.add(row)?;
            inserted += 1;
        }
    }
    let counts = [("inserted", inserted), ("updated", updated)];
    let counts = counts
        .into_iter()
        .map(|(name, rows)| (name.to_owned(), count(rows)));
    Ok(Value::Object(counts.collect()))
}

fn field<'v>(row: &'v Value, name: &str) -> Option<&'v Value> {
    let Value::Object(fields) = row else { return None };
    let mut fields = fields.iter();
    fields
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

/// A row with other values for some of its fields.
fn with(row: &Value, changes: &Object) -> Object {
    let known: Vec<(String, Value)> = match row {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect(),
        _ => Vec::new(),
    };
    let changes = Value::Object(changes.clone());
    let kept = known.iter().map(|(name, value)| {
        let value = field(&changes, name).unwrap_or(value);
        (name.clone(), value.clone())
    });
    let kept: Vec<(String, Value)> = kept.collect();
    let Value::Object(changes) = &changes else {
        return Object::default();
    };
    let added = changes
        .iter()
        .filter(|(name, _)| !known.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)))
        .map(|(name, value)| (name.to_owned(), value.clone()));
    kept.into_iter().chain(added).collect()
}

/// The rows that stand behind SAVE or INSERT: an object, a list of them, WITH, VALUES, or values under the names of their
/// variables.
fn given(request: &Request, table: &Table, at: usize) -> Result<Vec<Value>, Refusal> {
    if let Some(fields @ Value::Object(_)) = request.clause("with").or(request.clause("set")) {
        return Ok(vec![fields.clone()]);
    }
    // `SAVE row TO "guests.csv"` names the file in a clause.
    let from = if at == usize::MAX { 0 } else { 1 };
    let values: Vec<Value> = match request.clause("values") {
        Some(Value::Array(values)) => values.iter().cloned().collect(),
        _ => request.arguments.iter().skip(from).cloned().collect(),
    };
    match values.as_slice() {
        [] => {
            return Err(Refusal::mistake(
                "row_missing",
                "no fields are given: { name: value }",
            ));
        }
        [row @ Value::Object(_)] => return Ok(vec![row.clone()]),
        [Value::Array(rows)] => return Ok(rows.iter().cloned().collect()),
        _ => {}
    }
    let named = match request.clause("names") {
        Some(Value::Array(names)) if request.clause("values").is_none() => names.clone(),
        _ => Array::default(),
    };
    let fields = values.into_iter().enumerate().map(|(place, value)| {
        let name = match named.get(place + from) {
            Some(Value::Text(name)) => name.to_string(),
            _ => {
                let known = table.columns.get(place).cloned();
                known.unwrap_or_else(|| format!("column{}", place + 1))
            }
        };
        (name, value)
    });
    Ok(vec![Value::Object(fields.collect())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: serde_json::Value) -> Object {
        match Value::from_json(json) {
            Value::Object(object) => object,
            _ => panic!("no object"),
        }
    }

    #[test]
    fn a_changed_row_keeps_its_other_fields_in_their_order() {
        let row = Value::Object(object(
            serde_json::json!({ "Id": 1, "name": "Ana", "city": "Porto" }),
        ));
        let changes = object(serde_json::json!({ "NAME": "Rui", "age": 30 }));
        let changed = Value::Object(with(&row, &changes)).to_json().to_string();
        assert_eq!(changed, r#"{"Id":1,"age":30,"city":"Porto","name":"Rui"}"#);
    }
}
