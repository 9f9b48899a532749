//! SELECT as it is written.

use std::collections::HashMap;

use basic::{Array, Object, Refusal, Request, Value};

use super::super::Tables;
use super::super::select;
use super::super::values::read;
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
        let names = match query.tables() {
            Ok(names) => names,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let tables: Tables = self.shared.tables.clone();
        let mut opened = tables.open(self.context.tenant, self.start.bot_id).await?;
        let mut known = HashMap::new();
        for name in names {
            if let Some(definition) = tables.definition(&mut opened, &name).await? {
                known.insert(name, definition);
            }
        }
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
        if let Some(connection) = connection {
            drop(opened);
            opened = match tables.connections.open(self.start.bot_id, &connection).await {
                Ok(opened) => opened,
                Err(refusal) => return Ok(Err(refusal)),
            };
        }
        let none = Object::default();
        let variables = match request.clause("variables") {
            Some(Value::Object(variables)) => variables,
            _ => &none,
        };
        let selected = match query.write(&known, variables, &["user"], ROWS_MAX + 1) {
            Ok(selected) => selected,
            Err(refusal) => return Ok(Err(refusal)),
        };
        // Nothing is written by it, whatever it says.
        let read_only = sqlx::query("set transaction read only")
            .execute(&mut *opened.transaction)
            .await;
        if let Err(error) = read_only {
            return opened.refused(error).map(Err);
        }
        let rows = match fetch(&mut opened, &selected.sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if rows.len() > ROWS_MAX {
            return Ok(Err(too_many()));
        }
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut fields = Vec::with_capacity(selected.columns.len());
            for (at, (name, kind)) in selected.columns.iter().enumerate() {
                fields.push((name.as_str(), read(row, at, *kind)?));
            }
            records.push(Value::Object(fields.into_iter().collect()));
        }
        Ok(Ok(Value::Array(records.into_iter().collect::<Array>())))
    }
}
