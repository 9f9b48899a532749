//! `UPDATE … SET stock = stock - 1`: what a script says of a field's new value, as SQL. The fields are those of the table, and
//! all values are bound.

use basic::{FieldKind, Object, Refusal, Value};

use super::super::condition::Sql;
use super::super::definition::{Column, Definition, sql_type};
use super::super::rows::{Fields, of_object};
use super::super::values::article;

/// More than any script computes with.
const OPERANDS_MAX: usize = 1000;

/// How fields are computed, each with its column.
pub(super) fn computed<'d>(
    definition: &'d Definition,
    said: Option<&Value>,
    roles: &[&str],
) -> Result<Fields<'d>, Refusal> {
    match said {
        Some(Value::Object(object)) => of_object(definition, object, roles),
        _ => of_object(definition, &Object::default(), roles),
    }
}

/// Appends what a column becomes. As in scripts, what is empty is 0 in arithmetic and no text in texts.
pub(super) fn push(
    sql: &mut Sql,
    definition: &Definition,
    column: &Column,
    how: &Value,
    roles: &[&str],
) -> Result<(), Refusal> {
    let joins = match column.kind {
        FieldKind::Text { .. } => true,
        FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Double => false,
        kind => {
            let kind = article(kind);
            let message = format!(
                "{} is {kind} and cannot be computed from what it was",
                column.name
            );
            return Err(Refusal::mistake("value_refused", message));
        }
    };
    sql.push("(");
    operand(sql, definition, how, roles, joins)?;
    sql.push(&format!(")::{}", sql_type(column.kind)));
    Ok(())
}

fn operand(
    sql: &mut Sql,
    definition: &Definition,
    how: &Value,
    roles: &[&str],
    joins: bool,
) -> Result<(), Refusal> {
    let unclear = || Refusal::mistake("changes_unclear", "what a field becomes is not understood");
    let Value::Array(how) = how else {
        return Err(unclear());
    };
    if sql.values.len() > OPERANDS_MAX {
        let message = format!("a field is computed from more than {OPERANDS_MAX} values");
        return Err(Refusal::mistake("changes_unclear", message));
    }
    let mut parts = how.iter();
    let (sign, first) = (
        parts.next().ok_or_else(unclear)?,
        parts.next().ok_or_else(unclear)?,
    );
    match sign.to_string().as_str() {
        "field" => field(sql, definition.read_by(&first.to_string(), roles)?, joins),
        "value" => value(sql, first, joins),
        "negate" if !joins => {
            sql.push("(- ");
            operand(sql, definition, first, roles, joins)?;
            sql.push(")");
            Ok(())
        }
        "chain" => {
            sql.push("(");
            operand(sql, definition, first, roles, joins)?;
            while let (Some(sign), Some(next)) = (parts.next(), parts.next()) {
                sql.push(operator(&sign.to_string(), joins)?);
                operand(sql, definition, next, roles, joins)?;
            }
            sql.push(")");
            Ok(())
        }
        _ => Err(unclear()),
    }
}

fn field(sql: &mut Sql, column: &Column, joins: bool) -> Result<(), Refusal> {
    let empty = match (joins, column.kind) {
        (true, _) => "text, ''",
        (false, FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Double) => "numeric, 0",
        _ => {
            let message = format!("{} is no number to compute with", column.name);
            return Err(Refusal::mistake("value_refused", message));
        }
    };
    sql.push(&format!("coalesce({}::{empty})", column.sql));
    Ok(())
}

fn value(sql: &mut Sql, value: &Value, joins: bool) -> Result<(), Refusal> {
    if !joins {
        sql.bind(Some(number(value)?), "numeric");
        return Ok(());
    }
    let text = match value {
        Value::Null => String::new(),
        value => value.to_string(),
    };
    if text.contains('\0') {
        return Err(Refusal::mistake(
            "value_refused",
            "a text of a table has no character NUL",
        ));
    }
    sql.bind(Some(text), "text");
    Ok(())
}

fn operator(sign: &str, joins: bool) -> Result<&'static str, Refusal> {
    Ok(match (sign, joins) {
        ("+" | "&", true) => " || ",
        ("+", false) => " + ",
        ("-", false) => " - ",
        ("*", false) => " * ",
        ("/", false) => " / ",
        ("%", false) => " % ",
        _ => {
            let message = format!("{sign} does not go with this field; texts are joined by + or &");
            return Err(Refusal::mistake("value_refused", message));
        }
    })
}

/// A value of a script as a number that PostgreSQL reads.
fn number(value: &Value) -> Result<String, Refusal> {
    let wrong = || {
        let shown: String = value.to_string().chars().take(40).collect();
        Refusal::mistake("value_refused", format!("`{shown}` is no number to compute with"))
    };
    match value {
        Value::Null => Ok("0".to_owned()),
        Value::Bool(value) => Ok(i64::from(*value).to_string()),
        Value::Integer(_) => Ok(value.to_string()),
        Value::Number(number) if number.is_finite() => Ok(number.to_string()),
        Value::Text(text) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number.to_string()),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
