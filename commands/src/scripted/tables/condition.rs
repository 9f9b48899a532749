//! Conditions of scripts as SQL, with the same meaning that they have for lists in memory.

use basic::{Comparison, Condition, FieldKind, Refusal, Value};

use super::definition::{Column, Definition, sql_type};
use super::values::bound;

/// A statement that is being written, and what is bound to it.
#[derive(Default)]
pub(super) struct Sql {
    pub text: String,
    pub values: Vec<Option<String>>,
    /// Whether it stays prepared: scripts ask the same many times, with other values.
    pub is_kept: bool,
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Sql {
        Sql {
            text: text.into(),
            values: Vec::new(),
            is_kept: false,
        }
    }

    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Binds a value; it stands in the statement as the type.
    pub fn bind(&mut self, value: Option<String>, sql_type: &str) {
        self.values.push(value);
        self.text.push_str(&format!("${}::{sql_type}", self.values.len()));
    }

    pub fn bind_for(&mut self, column: &Column, value: &Value) -> Result<(), Refusal> {
        let value = bound(column, value)?;
        self.bind(value, &sql_type(column.kind));
        Ok(())
    }

    /// ` where …`, if there is a condition.
    pub fn push_where(
        &mut self,
        definition: &Definition,
        condition: Option<&Condition>,
        roles: &[&str],
    ) -> Result<(), Refusal> {
        if let Some(condition) = condition {
            self.push(" where ");
            self.condition(definition, condition, roles)?;
        }
        Ok(())
    }

    fn condition(
        &mut self,
        definition: &Definition,
        condition: &Condition,
        roles: &[&str],
    ) -> Result<(), Refusal> {
        match condition {
            Condition::Either(conditions) => self.joined(definition, conditions, " or ", "false", roles),
            Condition::Both(conditions) => self.joined(definition, conditions, " and ", "true", roles),
            Condition::Not(condition) => {
                self.push("not coalesce((");
                self.condition(definition, condition, roles)?;
                self.push("), false)");
                Ok(())
            }
            Condition::Compared {
                field,
                comparison,
                value,
            } => self.compared(definition, field, *comparison, value, roles),
            Condition::OneOf { field, values } => {
                let (mut column, sql) = self.operand(definition, field, roles)?;
                let whole = |value: &Value| bound(&column, value).is_ok();
                if column.kind == FieldKind::Integer && !values.iter().all(whole) {
                    column = decimal(&column);
                }
                let mut items = Vec::with_capacity(values.len());
                for value in values.iter().filter(|value| **value != Value::Null) {
                    items.extend(bound(&column, value)?);
                }
                self.push(&format!("({sql} = any("));
                self.bind(Some(array(&items)), &format!("{}[]", sql_type(column.kind)));
                self.push(
                    if values.contains(&Value::Null) {
                        format!(") or {sql} is null)")
                    } else {
                        "))".to_owned()
                    }
                    .as_str(),
                );
                Ok(())
            }
        }
    }

    fn joined(
        &mut self,
        definition: &Definition,
        conditions: &[Condition],
        word: &str,
        none: &str,
        roles: &[&str],
    ) -> Result<(), Refusal> {
        if conditions.is_empty() {
            self.push(none);
            return Ok(());
        }
        self.push("(");
        for (at, condition) in conditions.iter().enumerate() {
            self.push(if at > 0 { word } else { "" });
            self.condition(definition, condition, roles)?;
        }
        self.push(")");
        Ok(())
    }

    fn compared(
        &mut self,
        definition: &Definition,
        field: &str,
        comparison: Comparison,
        value: &Value,
        roles: &[&str],
    ) -> Result<(), Refusal> {
        let (column, sql) = self.operand(definition, field, roles)?;
        self.compare(&column, &sql, comparison, value)
    }

    /// A field, or a part of one that is JSON, as it is compared: of a kind that takes whatever it is compared with.
    fn operand(
        &mut self,
        definition: &Definition,
        field: &str,
        roles: &[&str],
    ) -> Result<(Column, String), Refusal> {
        let (name, path) = match definition.column(field) {
            Some(_) => (field, None),
            None => field
                .split_once('.')
                .map_or((field, None), |(name, path)| (name, Some(path))),
        };
        let column = definition.read_by(name, roles)?;
        let text = FieldKind::Text { length: None };
        let (kind, sql) = match (path, column.kind) {
            (None, FieldKind::Text { .. }) => (text, column.sql.clone()),
            (None, FieldKind::Decimal { .. }) => (DECIMAL, column.sql.clone()),
            (None, kind) => (kind, column.sql.clone()),
            // Within JSON everything is compared as a text.
            (Some(path), FieldKind::Json) => {
                self.values
                    .push(Some(format!("{{{}}}", quoted_path(path.split('.')))));
                (
                    text,
                    format!("({} #>> ${}::text[])", column.sql, self.values.len()),
                )
            }
            (Some(_), _) => {
                let message = format!("{} is no JSON, so it has no part `{field}`", column.name);
                return Err(Refusal::mistake("field_unknown", message));
            }
        };
        Ok((
            Column {
                kind,
                ..column.clone()
            },
            sql,
        ))
    }

    fn compare(
        &mut self,
        column: &Column,
        sql: &str,
        comparison: Comparison,
        value: &Value,
    ) -> Result<(), Refusal> {
        let sign = match comparison {
            Comparison::IsNull => {
                self.push(&format!("{sql} is null"));
                return Ok(());
            }
            Comparison::Like => {
                self.push(&format!("{sql}::text ilike "));
                self.bind(Some(value.to_string()), "text");
                return Ok(());
            }
            Comparison::Contains if column.kind == FieldKind::Json => {
                self.push(&format!("{sql} @> "));
                self.bind(Some(value.to_json().to_string()), "jsonb");
                return Ok(());
            }
            Comparison::Contains => {
                self.push("position(lower(");
                self.bind(Some(value.to_string()), "text");
                self.push(&format!(") in lower({sql}::text)) > 0"));
                return Ok(());
            }
            // As in memory, what is not there is not equal to anything else.
            Comparison::Unequal => "is distinct from",
            Comparison::Equal if *value == Value::Null => "is not distinct from",
            Comparison::Equal => "=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        };
        self.push(&format!("{sql} {sign} "));
        // Only whole numbers find an index of whole numbers; others are compared all the same.
        if column.kind == FieldKind::Integer && bound(column, value).is_err() {
            return self.bind_for(&decimal(column), value);
        }
        self.bind_for(column, value)
    }
}

/// Of any number of digits.
const DECIMAL: FieldKind = FieldKind::Decimal {
    digits: None,
    scale: 0,
};

fn decimal(column: &Column) -> Column {
    Column {
        kind: DECIMAL,
        ..column.clone()
    }
}

/// Texts as an array that PostgreSQL reads.
fn array(items: &[String]) -> String {
    let quoted = |item: &String| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", items.iter().map(quoted).collect::<Vec<_>>().join(","))
}

/// Names of parts within JSON as the elements of an array of texts.
pub(super) fn quoted_path<'p>(parts: impl IntoIterator<Item = &'p str>) -> String {
    let part = |part: &str| format!("\"{}\"", part.replace('\\', "\\\\").replace('"', "\\\""));
    parts.into_iter().map(part).collect::<Vec<_>>().join(",")
}
