//! SAVE, INSERT, UPDATE and DELETE.

use basic::{Condition, Refusal, Request, Value};
use domain::UserId;
use domain::run::{DataOperation, RowKeys};
use sqlx::Row as _;

use super::super::condition::Sql;
use super::super::definition::{Column, Definition};
use super::super::rows::{Fields, given, of_object};
use super::recorded::{Changed, Rows, returned};
use super::{Asked, computed, record, shown};
use crate::CommandError;
use crate::scripted::{Host, text};

impl Asked {
    /// A row with a key that is there is replaced, as far as fields are given.
    pub(super) async fn save(
        &mut self,
        host: &Host<'_>,
        request: &Request,
        from: usize,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        if request.clause("to").is_some() || request.arguments.len() == from + 1 {
            // A list of rows is saved row by row, in one statement.
            if let Value::Array(rows) = request.argument(from)
                && rows.len() != 1
            {
                return self.merge_rows(host, &Value::Array(rows.clone()), None).await;
            }
        }
        let fields = match given(&definition, request, from, &self.roles) {
            Ok(fields) => fields,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let keyed = definition.keys().all(|key| {
            let found = fields.iter().find(|(column, _)| column.sql == key.sql);
            found.is_some_and(|(_, value)| *value != Value::Null && value.to_string() != "")
        });
        self.insert(host, fields, keyed).await
    }

    pub(super) async fn insert_row(
        &mut self,
        host: &Host<'_>,
        request: &Request,
        from: usize,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        match given(&definition, request, from, &self.roles) {
            Ok(fields) => self.insert(host, fields, false).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn insert(
        &mut self,
        host: &Host<'_>,
        fields: Fields<'_>,
        or_replace: bool,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        let subject = host.subject(&fields).await?;
        if let Err(refusal) = self.about(host, subject).await? {
            return Ok(Err(refusal));
        }
        let columns = self.readable();
        let sql = match insertion(&self.definition, &fields, subject, or_replace, &columns) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if or_replace {
            let keys: Vec<&Column> = definition.keys().collect();
            let (columns, values) = fields.iter().cloned().unzip();
            if let Err(refusal) = self.see_keyed(&keys, &[(columns, vec![values])]).await? {
                return Ok(Err(refusal));
            }
        }
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let numbered: Vec<&Column> = fields
            .iter()
            .filter(|(_, value)| *value != Value::Null && !value.to_string().is_empty())
            .map(|(column, _)| *column)
            .collect();
        self.number_on(&numbered).await?;
        let value = match rows.first().map(|row| record(row, &columns)) {
            Some(Ok(row)) => row,
            Some(Err(refusal)) => return Ok(Err(refusal)),
            None => Value::Null,
        };
        let operation = if or_replace {
            DataOperation::Merge
        } else {
            DataOperation::Insert
        };
        let mut changed = Rows::default();
        for row in &rows {
            let new: bool = row.try_get(columns.len()).map_err(CommandError::unexpected)?;
            changed.push(&self.definition, row, columns.len() + 1, |keys| {
                if new { &mut keys.added } else { &mut keys.changed }
            })?;
        }
        Ok(Ok(self.changed(value, operation, changed).await?))
    }

    pub(super) async fn update(
        &mut self,
        host: &Host<'_>,
        request: &Request,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        let fields = match changes(&definition, request, &self.roles) {
            Ok(fields) => fields,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let computed = match computed::computed(&definition, request.clause("computed"), &self.roles) {
            Ok(computed) => computed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let subject = match fields.iter().any(|(column, _)| column.subject) {
            true => Some(host.subject(&fields).await?),
            false => None,
        };
        if let Some(subject) = subject
            && let Err(refusal) = self.about(host, subject).await?
        {
            return Ok(Err(refusal));
        }
        let sql = match updating(&definition, request, (&fields, &computed), subject, &self.roles) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let roles = self.roles;
        let seen = self
            .see(|sql| meeting(sql, &definition, request, &fields, &roles))
            .await?;
        if let Err(refusal) = seen {
            return Ok(Err(refusal));
        }
        self.counted(&sql, DataOperation::Update, |keys| &mut keys.changed)
            .await
    }

    pub(super) async fn delete(
        &mut self,
        request: &Request,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let Some(condition) = condition_of(request) else {
            return Ok(Err(condition_wanted("DELETE")));
        };
        let mut sql = Sql::new(format!("delete from {}", self.definition.path));
        if let Err(refusal) = sql.push_where(&self.definition, Some(condition), &self.roles) {
            return Ok(Err(refusal));
        }
        sql.push(&format!(" returning {}", returned(&self.definition, "")));
        let (definition, roles) = (self.definition.clone(), self.roles);
        let seen = self
            .see(|sql| sql.push_where(&definition, Some(condition), &roles))
            .await?;
        if let Err(refusal) = seen {
            return Ok(Err(refusal));
        }
        self.counted(&sql, DataOperation::Delete, |keys| &mut keys.deleted)
            .await
    }

    /// A statement that answers the keys of the rows it changed.
    async fn counted(
        &mut self,
        sql: &Sql,
        operation: DataOperation,
        list: impl Fn(&mut RowKeys) -> &mut Vec<String>,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let rows = match self.fetch(sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let count = Value::Integer(rows.len() as i64);
        let rows = Rows::read(&self.definition, &rows, 0, list)?;
        Ok(Ok(self.changed(count, operation, rows).await?))
    }
}

/// The condition of a statement that changes rows. One that nothing is asked of is none: it would be every row.
fn condition_of(request: &Request) -> Option<&Condition> {
    let condition = request.condition.as_ref();
    condition.filter(|condition| !asks_nothing(condition))
}

/// Whether every row meets a condition, as an object without fields has it.
fn asks_nothing(condition: &Condition) -> bool {
    match condition {
        Condition::Both(all) => all.iter().all(asks_nothing),
        Condition::Either(some) => some.iter().any(asks_nothing),
        Condition::Not(_) | Condition::Compared { .. } | Condition::OneOf { .. } => false,
    }
}

fn condition_wanted(word: &str) -> Refusal {
    let message = format!("{word} needs a condition that says which rows; WHERE TRUE would be all of them");
    Refusal::mistake("condition_wanted", message)
}

fn insertion(
    definition: &Definition,
    fields: &Fields<'_>,
    subject: UserId,
    or_replace: bool,
    answered: &[Column],
) -> Result<Sql, Refusal> {
    // A key without a value is given by the database.
    let set: Vec<&(&Column, Value)> = fields
        .iter()
        .filter(|(column, value)| !(column.key && (*value == Value::Null || value.to_string().is_empty())))
        .collect();
    let names: Vec<&str> = set
        .iter()
        .map(|(column, _)| column.sql.as_str())
        .chain(definition.is_own().then_some("\"__subject\""))
        .collect();
    if names.is_empty() {
        return Err(Refusal::mistake(
            "row_missing",
            "no fields are given: { name: value }",
        ));
    }
    let mut sql = Sql::new(format!(
        "insert into {} ({}) values (",
        definition.path,
        names.join(", ")
    ));
    for (at, (column, value)) in set.iter().enumerate() {
        sql.push(if at > 0 { ", " } else { "" });
        sql.bind_for(column, value)?;
    }
    if definition.is_own() {
        sql.push(if set.is_empty() { "" } else { ", " });
        sql.bind(Some(subject.to_string()), "uuid");
    }
    sql.push(")");
    if or_replace {
        let keys: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
        let changes: Vec<String> = set
            .iter()
            .filter(|(column, _)| !column.key)
            .map(|(column, _)| format!("{0} = excluded.{0}", column.sql))
            .chain(definition.is_own().then(|| "\"__changed_at\" = now()".to_owned()))
            .chain(
                (definition.is_own() && names_subject(&set))
                    .then(|| "\"__subject\" = excluded.\"__subject\"".to_owned()),
            )
            // Something must change, so that a row that is there is answered.
            .chain(
                keys.first()
                    .filter(|_| !definition.is_own())
                    .map(|key| format!("{key} = excluded.{key}")),
            )
            .collect();
        sql.push(&format!(
            " on conflict ({}) do update set {}",
            keys.join(", "),
            changes.join(", ")
        ));
    }
    // A row that was there before has been locked by this transaction.
    let returning = answered
        .iter()
        .map(shown)
        .chain(["xmax = 0".to_owned(), returned(definition, "")]);
    sql.push(&format!(
        " returning {}",
        returning.collect::<Vec<_>>().join(", ")
    ));
    Ok(sql)
}

fn names_subject(set: &[&(&Column, Value)]) -> bool {
    set.iter().any(|(column, _)| column.subject)
}

/// The fields that UPDATE or SET gives.
fn changes<'d>(definition: &'d Definition, request: &Request, roles: &[&str]) -> Result<Fields<'d>, Refusal> {
    match (
        request.clause("set").or(request.clause("with")),
        request.arguments.len(),
    ) {
        (Some(Value::Object(object)), _) => of_object(definition, object, roles),
        // `SET "guests", "id = 7", "name = 'B'"`
        _ if request.word == "SET TABLE" => {
            let object = Condition::assignments(request.argument(2))
                .map_err(|unclear| Refusal::mistake("changes_unclear", unclear))?;
            of_object(definition, &object, roles)
        }
        // `UPDATE "guests", 7, "name", "B"`
        (_, 4) => {
            let object = [(text(request, 2), request.argument(3).clone())];
            of_object(definition, &object.into_iter().collect(), roles)
        }
        _ => match (request.argument(1), request.argument(2)) {
            (_, Value::Object(object)) | (Value::Object(object), Value::Null) => {
                of_object(definition, object, roles)
            }
            _ => Err(Refusal::mistake(
                "row_missing",
                "no fields are given: { name: value }",
            )),
        },
    }
}

fn updating(
    definition: &Definition,
    request: &Request,
    (fields, computed): (&Fields<'_>, &Fields<'_>),
    subject: Option<UserId>,
    roles: &[&str],
) -> Result<Sql, Refusal> {
    let mut sql = Sql::new(format!("update {} set ", definition.path));
    let mut first = true;
    for (column, value) in fields.iter().filter(|(column, _)| !is_own_key(request, column)) {
        sql.push(if first { "" } else { ", " });
        sql.push(&format!("{} = ", column.sql));
        sql.bind_for(column, value)?;
        first = false;
    }
    for (column, how) in computed {
        sql.push(if first { "" } else { ", " });
        sql.push(&format!("{} = ", column.sql));
        computed::push(&mut sql, definition, column, how, roles)?;
        first = false;
    }
    if definition.is_own() {
        sql.push(if first { "" } else { ", " });
        if let Some(subject) = subject {
            sql.push("\"__subject\" = ");
            sql.bind(Some(subject.to_string()), "uuid");
            sql.push(", ");
        }
        sql.push("\"__changed_at\" = now()");
    } else if first {
        return Err(Refusal::mistake(
            "row_missing",
            "no fields are given: { name: value }",
        ));
    }
    meeting(&mut sql, definition, request, fields, roles)?;
    sql.push(&format!(" returning {}", returned(definition, "")));
    Ok(sql)
}

/// ` where …`: the rows that UPDATE or SET changes.
fn meeting(
    sql: &mut Sql,
    definition: &Definition,
    request: &Request,
    fields: &Fields<'_>,
    roles: &[&str],
) -> Result<(), Refusal> {
    match condition_of(request) {
        Some(_) if is_whole_row(request) => {
            // `UPDATE "guests", {id: 7, name: "B"}`: the row of this key.
            let mut keys = Vec::new();
            for key in definition.keys() {
                let found = fields.iter().find(|(column, _)| column.sql == key.sql);
                let (_, value) = found.ok_or_else(|| condition_wanted("UPDATE"))?;
                keys.push(Condition::equals(key.name.as_str(), value.clone()));
            }
            sql.push_where(definition, Some(&Condition::Both(keys)), roles)
        }
        Some(condition) => sql.push_where(definition, Some(condition), roles),
        // `UPDATE guests SET paid = TRUE`, as it is written, means every row.
        None if request.condition.is_none() && request.clause("set").is_some() => Ok(()),
        None => Err(condition_wanted("UPDATE")),
    }
}

fn is_whole_row(request: &Request) -> bool {
    matches!(
        (request.argument(1), request.argument(2)),
        (Value::Object(_), Value::Null)
    )
}

fn is_own_key(request: &Request, column: &Column) -> bool {
    column.key && is_whole_row(request)
}
