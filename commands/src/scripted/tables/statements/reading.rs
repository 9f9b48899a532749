//! FIND, SEARCH and AGGREGATE.

use basic::{Array, Condition, FieldKind, Refusal, Request, Value};
use sqlx::postgres::PgRow;

use super::super::condition::Sql;
use super::super::definition::Column;
use super::super::values::{article, read, selected};
use super::{AGGREGATES, Asked, ROWS_MAX, list, record, shown, too_many};
use crate::CommandError;
use crate::scripted::{Answered, text};

impl Asked {
    pub(super) async fn find(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let columns = self.readable();
        let first = request.has("first");
        let sql = match self.selection(request, &columns, first) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        Ok(listing(&rows, &columns, first))
    }

    fn selection(&self, request: &Request, columns: &[Column], first: bool) -> Result<Sql, Refusal> {
        let mut sql = Sql::new(format!(
            "{}select {} from {}",
            self.definition.stamp,
            list(columns, shown),
            self.definition.path
        ));
        sql.is_kept = true;
        sql.push_where(&self.definition, request.condition.as_ref(), &self.roles)?;
        let mut order = Vec::new();
        for (field, descending) in request.order() {
            let column = self.definition.read_by(&field, &self.roles)?;
            order.push(format!(
                "{}{}",
                column.sql,
                if descending { " desc nulls last" } else { "" }
            ));
        }
        if order.is_empty() {
            // The same each time, and the oldest first where keys are numbers.
            order.extend(self.definition.keys().map(|column| column.sql.clone()));
        }
        sql.push(&format!(" order by {}", order.join(", ")));
        let limit = match (first, number(request.clause("limit"))?) {
            (true, _) => 1,
            (false, Some(limit)) => limit.min(ROWS_MAX as u64),
            (false, None) => ROWS_MAX as u64 + 1,
        };
        sql.push(&format!(" limit {limit}"));
        if let Some(offset) = number(request.clause("offset"))? {
            sql.push(&format!(" offset {offset}"));
        }
        Ok(sql)
    }

    pub(super) async fn search(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let columns = self.readable();
        let texts: Vec<String> = columns
            .iter()
            .filter(|column| !matches!(column.kind, FieldKind::Json))
            .map(|column| format!("{}::text", column.sql))
            .collect();
        let limit = match number(Some(request.argument(2)).filter(|limit| **limit != Value::Null)) {
            Ok(limit) => limit.unwrap_or(10).min(ROWS_MAX as u64),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut sql = Sql::new(format!(
            "select {} from {}",
            list(&columns, shown),
            self.definition.path
        ));
        sql.push(" where position(lower(");
        sql.bind(Some(text(request, 1)), "text");
        sql.push(&format!(") in lower(concat_ws(' ', {}))) > 0", texts.join(", ")));
        let keys: Vec<Column> = self.definition.keys().cloned().collect();
        sql.push(&format!(
            " order by {} limit {limit}",
            list(&keys, |column| column.sql.clone())
        ));
        match self.fetch(&sql).await? {
            Ok(rows) => Ok(listing(&rows, &columns, false)),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    pub(super) async fn aggregate(
        &mut self,
        request: &Request,
        from: usize,
    ) -> Result<Answered, CommandError> {
        let by_clause = AGGREGATES.iter().find_map(|kind| {
            let field = request.clause(&kind.to_lowercase())?;
            Some(((*kind).to_owned(), field.to_string()))
        });
        let (kind, field) = by_clause.unwrap_or_else(|| match from {
            // `AGGREGATE "SUM", "stays", "price"`
            2 => (text(request, 0).trim().to_uppercase(), text(request, 2)),
            _ => (text(request, 1).trim().to_uppercase(), text(request, 2)),
        });
        let (sql, result) = match self.aggregation(&kind, &field, request.condition.as_ref()) {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let value = rows.first().map_or(Ok(Value::Null), |row| read(row, 0, result));
        Ok(value.map(|value| match value {
            Value::Null if kind == "SUM" => Value::Integer(0),
            value => value,
        }))
    }

    /// The statement, and of what kind its answer is.
    fn aggregation(
        &self,
        kind: &str,
        field: &str,
        condition: Option<&Condition>,
    ) -> Result<(Sql, FieldKind), Refusal> {
        let kind = if kind == "AVERAGE" { "AVG" } else { kind };
        if !AGGREGATES.contains(&kind) {
            let message = format!("{kind} is no aggregate; there are {}", AGGREGATES.join(", "));
            return Err(Refusal::mistake("aggregate_unknown", message));
        }
        let number = FieldKind::Decimal {
            digits: None,
            scale: 0,
        };
        let function = kind.to_lowercase();
        let (shown, result) = match field.trim() {
            "" | "*" if kind == "COUNT" => ("count(*)::text".to_owned(), number),
            field => {
                let column = self.definition.read_by(field, &self.roles)?;
                let fits = match (kind, column.kind) {
                    ("COUNT", _)
                    | ("SUM" | "AVG", FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Double) => {
                        true
                    }
                    ("SUM" | "AVG", _) => false,
                    (_, kind) => !matches!(kind, FieldKind::Boolean | FieldKind::Json | FieldKind::Uuid),
                };
                if !fits {
                    let message = format!(
                        "{kind} does not go with {}, which is {}",
                        column.name,
                        article(column.kind)
                    );
                    return Err(Refusal::mistake("aggregate_kind", message));
                }
                let sql = format!("{function}({})", column.sql);
                match kind {
                    "MIN" | "MAX" => (selected(&sql, column.kind), column.kind),
                    _ => (format!("{sql}::text"), number),
                }
            }
        };
        let mut sql = Sql::new(format!("select {shown} from {}", self.definition.path));
        sql.push_where(&self.definition, condition, &self.roles)?;
        Ok((sql, result))
    }
}

fn listing(rows: &[PgRow], columns: &[Column], first: bool) -> Answered {
    if rows.len() > ROWS_MAX {
        return Err(too_many());
    }
    let records: Result<Vec<Value>, Refusal> = rows.iter().map(|row| record(row, columns)).collect();
    let mut records = records?;
    Ok(if first {
        records.pop().unwrap_or_default()
    } else {
        Value::Array(records.into_iter().collect::<Array>())
    })
}

/// A count that is no number is a mistake.
fn number(value: Option<&Value>) -> Result<Option<u64>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let number = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| Refusal::mistake("limit_refused", format!("`{value}` is no number of rows")))
}
