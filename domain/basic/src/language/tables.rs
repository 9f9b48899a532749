//! What tables can do, for lists of records that a script has in hand.

use std::cmp::Ordering;

use super::conditions::{Condition, Work, field_of};
use super::{callable, lists};
use crate::machine::{Context, Fault, Request};
use crate::value::{Array, Object, Value};

type Outcome = Result<Option<Value>, Fault>;

/// What FIND or AGGREGATE answers where the argument that names rows is a list of them.
pub(crate) fn of_rows(context: &mut Context<'_>, request: &mut Request) -> Result<Value, Fault> {
    let answered = match request.word {
        "AGGREGATE" => aggregate(context, request)?,
        _ => find(context, request)?,
    };
    Ok(answered.unwrap_or_default())
}

/// Which of these rows meet a condition.
pub(crate) fn met(condition: Option<&Condition>, rows: &[Value]) -> Result<Vec<bool>, Fault> {
    let mut work = Work::new();
    let meets = |row| condition.map_or(Ok(true), |condition| condition.holds(row, &mut work));
    rows.iter().map(meets).collect()
}

/// The records of a list that meet a condition.
pub(super) fn find(context: &mut Context<'_>, request: &mut Request) -> Outcome {
    let Value::Array(rows) = request.argument(0) else {
        return Ok(None);
    };
    let mut found = Vec::new();
    for row in rows.iter() {
        let meets = match &request.condition {
            Some(condition) => condition.holds(row, &mut context.work)?,
            None => true,
        };
        if meets {
            found.push(row.clone());
        }
    }
    let order = request.order();
    let mut keyed = Vec::with_capacity(found.len());
    for row in found {
        let keys: Result<Vec<Value>, Fault> = order
            .iter()
            .map(|(field, _)| field_of(&row, field, &mut context.work))
            .collect();
        keyed.push((keys?, row));
    }
    keyed.sort_by(|(a, _), (b, _)| ordered(a, b, &order));
    let rows = keyed
        .into_iter()
        .map(|(_, row)| row)
        .skip(count(request, "offset")?.unwrap_or(0));
    let mut rows = rows.take(count(request, "limit")?.unwrap_or(usize::MAX));
    if request.has("first") {
        return Ok(Some(rows.next().unwrap_or_default()));
    }
    Array::from_values(rows.collect()).map(|rows| Some(Value::Array(rows)))
}

fn count(request: &Request, clause: &str) -> Result<Option<usize>, Fault> {
    let Some(said) = request.clause(clause) else {
        return Ok(None);
    };
    let count = match said {
        Value::Integer(count) => usize::try_from(*count).ok(),
        Value::Number(count) if count.fract() == 0.0 && (0.0..1e15).contains(count) => Some(*count as usize),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let wrong = || Fault::argument(format!("{} is a number of rows", clause.to_uppercase()));
    count.map(Some).ok_or_else(wrong)
}

fn ordered(a: &[Value], b: &[Value], order: &[(String, bool)]) -> Ordering {
    let pairs = a.iter().zip(b).zip(order);
    pairs.fold(Ordering::Equal, |so_far, ((a, b), (_, descending))| {
        let here = lists::order(a, b);
        so_far.then(if *descending { here.reverse() } else { here })
    })
}

/// `AGGREGATE "SUM", rows, "price"`, `AGGREGATE rows SUM price`
pub(super) fn aggregate(context: &mut Context<'_>, request: &mut Request) -> Outcome {
    if let Some(condition) = request.condition.take() {
        let list = request
            .arguments
            .iter_mut()
            .find(|argument| matches!(argument, Value::Array(_)));
        match list {
            Some(Value::Array(rows)) => {
                let mut met = Vec::new();
                for row in rows.iter() {
                    if condition.holds(row, &mut context.work)? {
                        met.push(row.clone());
                    }
                }
                *rows = Array::from_values(met)?;
            }
            _ => request.condition = Some(condition),
        }
    }
    for kind in KINDS {
        if let Some(field) = request.clause(&kind.to_lowercase()) {
            let field = field.to_text()?;
            return match request.argument(0) {
                Value::Array(rows) => aggregated(context, kind, rows.as_slice(), &field).map(Some),
                _ => Ok(None),
            };
        }
    }
    let (kind, rows) = match (request.argument(0), request.argument(1)) {
        (Value::Text(kind), Value::Array(rows)) | (Value::Array(rows), Value::Text(kind)) => (kind, rows),
        (Value::Text(_), Value::Null) => {
            return aggregated(context, kind_of(request.argument(0))?, &[], "").map(Some);
        }
        _ => return Ok(None),
    };
    let kind = kind_of(&Value::Text(kind.clone()))?;
    let field = request.argument(2).to_text()?;
    aggregated(context, kind, rows.as_slice(), &field).map(Some)
}

const KINDS: [&str; 5] = ["SUM", "AVG", "COUNT", "MIN", "MAX"];

fn kind_of(value: &Value) -> Result<&'static str, Fault> {
    let name = value.to_text()?.trim().to_uppercase();
    let name = if name == "AVERAGE" { "AVG" } else { &name };
    KINDS.into_iter().find(|kind| *kind == name).ok_or_else(|| {
        Fault::argument(format!(
            "{name} is no aggregate; there are SUM, AVG, COUNT, MIN and MAX"
        ))
    })
}

/// What an aggregate of one field of the rows comes to. Without a field, or with `*`, rows are counted.
fn aggregated(context: &mut Context<'_>, kind: &str, rows: &[Value], field: &str) -> Result<Value, Fault> {
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let value = match field.trim() {
            "" | "*" => row.clone(),
            field => field_of(row, field, &mut context.work)?,
        };
        if value != Value::Null {
            values.push(value);
        }
    }
    if kind == "COUNT" {
        return Ok(Value::Integer(values.len() as i64));
    }
    if values.is_empty() {
        return Ok(if kind == "SUM" {
            Value::Integer(0)
        } else {
            Value::Null
        });
    }
    let function = callable(kind)
        .and_then(super::Word::function)
        .ok_or_else(Fault::program)?;
    let values = Value::Array(Array::from_values(values)?);
    (function.call)(context, &mut [values])
}

/// `PIVOT rows, "row", "column", "value", "SUM"`: a record for each row, with a field for each column.
pub(super) fn pivot(context: &mut Context<'_>, request: &mut Request) -> Outcome {
    let Value::Array(rows) = request.argument(0) else {
        return Ok(None);
    };
    let (down, across) = (request.argument(1).to_text()?, request.argument(2).to_text()?);
    let field = request.argument(3).to_text()?;
    let kind = match request.argument(4) {
        Value::Null if field.is_empty() => "COUNT",
        Value::Null => "SUM",
        said => kind_of(said)?,
    };
    let mut table = Vec::new();
    for (_, rows) in groups(context, rows.as_slice(), &down)? {
        let mut record = Object::default();
        let first = rows.first().cloned().unwrap_or_default();
        record.set(&down, field_of(&first, &down, &mut context.work)?)?;
        for (column, rows) in groups(context, &rows, &across)? {
            record.set(&column, aggregated(context, kind, &rows, &field)?)?;
        }
        table.push(Value::Object(record));
    }
    Array::from_values(table).map(|table| Some(Value::Array(table)))
}

/// `GROUP BY rows, "city"`: an object of lists. With aggregates (`"SUM(price) AS total, COUNT(*)"`): a list of records.
pub(super) fn group_by(context: &mut Context<'_>, request: &mut Request) -> Outcome {
    let rows = lists::items(request.argument(0), "GROUP BY")?;
    let field = request.argument(1).to_text()?;
    let groups = groups(context, rows, &field)?;
    let aggregates = match request.argument(2) {
        Value::Null => {
            let mut object = Object::default();
            for (name, rows) in groups {
                object.set(&name, Value::Array(Array::from_values(rows)?))?;
            }
            return Ok(Some(Value::Object(object)));
        }
        Value::Object(fields) => fields
            .iter()
            .map(|(name, said)| Ok((aggregate_of(&said.to_text()?)?, name.to_owned())))
            .collect::<Result<Vec<_>, Fault>>()?,
        said => said
            .to_text()?
            .split(',')
            .map(|part| {
                let lower = part.to_ascii_lowercase();
                let (said, name) = match lower.find(" as ") {
                    Some(at) => (&part[..at], part[at + 4..].trim().to_owned()),
                    None => (part, part.trim().to_owned()),
                };
                Ok((aggregate_of(said)?, name))
            })
            .collect::<Result<Vec<_>, Fault>>()?,
    };
    let mut table = Vec::new();
    for (_, rows) in groups {
        let mut record = Object::default();
        let first = rows.first().cloned().unwrap_or_default();
        record.set(&field, field_of(&first, &field, &mut context.work)?)?;
        for ((kind, of), name) in &aggregates {
            record.set(name, aggregated(context, kind, &rows, of)?)?;
        }
        table.push(Value::Object(record));
    }
    Array::from_values(table).map(|table| Some(Value::Array(table)))
}

/// `SUM(price)`
fn aggregate_of(said: &str) -> Result<(&'static str, String), Fault> {
    let (kind, rest) = said.trim().split_once('(').unwrap_or((said.trim(), ""));
    let field = rest.trim().trim_end_matches(')').trim().to_owned();
    Ok((kind_of(&Value::text(kind))?, field))
}

/// Rows by what a field of theirs shows, in the order in which the groups begin.
fn groups(
    context: &mut Context<'_>,
    rows: &[Value],
    field: &str,
) -> Result<Vec<(String, Vec<Value>)>, Fault> {
    let mut places = std::collections::HashMap::new();
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    for row in rows {
        let name = field_of(row, field, &mut context.work)?.to_text()?;
        let at = *places.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[at].1.push(row.clone());
    }
    Ok(groups)
}

/// `JOIN orders, guests, "guest_id"`: for each pair of records with the same key, the fields of both; of fields with the
/// same name the first's.
pub(super) fn join(context: &mut Context<'_>, values: &[Value]) -> Result<Value, Fault> {
    let (left, right) = (
        lists::items(&values[0], "JOIN")?,
        lists::items(&values[1], "JOIN")?,
    );
    let key = values[2].to_text()?;
    let (left_key, right_key) = key.split_once('=').unwrap_or((&key, &key));
    let mut by_key = std::collections::HashMap::new();
    for (name, rows) in groups(context, right, right_key.trim())? {
        by_key.insert(name, rows);
    }
    let mut joined = Vec::new();
    for row in left {
        let name = field_of(row, left_key.trim(), &mut context.work)?;
        if name == Value::Null {
            continue;
        }
        for other in by_key.get(&name.to_text()?).into_iter().flatten() {
            context.work.spend(row.weight().saturating_add(other.weight()))?;
            let mut both = match row {
                Value::Object(fields) => fields.clone(),
                _ => Object::default(),
            };
            if let Value::Object(fields) = other {
                for (name, value) in fields.iter() {
                    if both.member(name).is_none() {
                        both.set(name, value.clone())?;
                    }
                }
            }
            joined.push(Value::Object(both));
            if joined.len() > crate::value::ITEMS_MAX {
                return Err(Fault::array_length());
            }
        }
    }
    Array::from_values(joined).map(Value::Array)
}
