//! SELECT as it is written.

use std::collections::HashMap;

use basic::{Array, Object, Refusal, Request, Value};
use sqlx::postgres::PgRow;

use super::super::condition::Sql;
use super::super::select::{self, Unwritten};
use super::super::values::read;
use super::super::{Opened, Tables};
use super::{ROWS_MAX, fetch, too_many};
use crate::CommandError;
use crate::scripted::{Answered, Host, text};

impl Host<'_> {
    /// Answers a query of the bot's own tables: a list of objects, by the names that it selects.
    pub(super) async fn select(&self, request: &Request) -> Result<Answered, CommandError> {
        let query = match select::read(&text(request, 0)) {
            Ok(query) => query,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let none = Object::default();
        let variables = match request.clause("variables") {
            Some(Value::Object(variables)) => variables,
            _ => &none,
        };
        let tables: Tables = self.shared.tables.clone();
        let mut opened = tables.open(self.context.tenant, self.start.bot_id).await?;
        let mut known = HashMap::new();
        // It is written until it asks for no table more: of how many it may name there is a limit.
        let selected = loop {
            let name = match query.write(&known, variables, &["user"], ROWS_MAX + 1) {
                Ok(selected) => break selected,
                Err(Unwritten::Refused(refusal)) => return Ok(Err(refusal)),
                Err(Unwritten::Wants(name)) => name,
            };
            match tables.definition(&mut opened, &name).await? {
                Some(definition) => known.insert(name, definition),
                None => return Ok(Err(select::unknown(&name))),
            };
        };
        // A query is asked of one database.
        let mut connections = known.values().map(|definition| &definition.table.connection);
        let connection = connections.next().cloned().flatten();
        if known
            .values()
            .any(|definition| definition.table.connection != connection)
        {
            let message = "SELECT cannot join tables of different databases";
            return Ok(Err(Refusal::mistake("select_refused", message)));
        }
        if let Some(connection) = &connection {
            drop(opened);
            opened = match tables.connections.open(self.start.bot_id, connection).await {
                Ok(opened) => opened,
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
        let asked = only_read(&mut opened, &selected.sql);
        let rows = match tables.timely(connection.as_deref(), asked).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if rows.len() > ROWS_MAX {
            return Ok(Err(too_many()));
        }
        let record = |row: &PgRow| -> Result<Value, Refusal> {
            let mut fields = Vec::with_capacity(selected.columns.len());
            for (at, (name, kind)) in selected.columns.iter().enumerate() {
                fields.push((name.as_str(), read(row, at, *kind)?));
            }
            Ok(Value::Object(fields.into_iter().collect()))
        };
        let records: Result<Vec<Value>, Refusal> = rows.iter().map(record).collect();
        Ok(records.map(|records| Value::Array(records.into_iter().collect::<Array>())))
    }
}

/// The rows of a query. Nothing is written by it, whatever it says.
async fn only_read(opened: &mut Opened, sql: &Sql) -> Result<Result<Vec<PgRow>, Refusal>, CommandError> {
    let read_only = sqlx::query("set transaction read only")
        .execute(&mut *opened.transaction)
        .await;
    if let Err(error) = read_only {
        return opened.refused(error).map(Err);
    }
    fetch(opened, sql).await
}
