//! Tables of other databases: whether they are as declared, and making those that are missing where somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use basic::Table;
use domain::BotId;

use super::super::Tables;
use super::super::definition::Definition;
use super::all_fields;
use super::column_of;
use crate::CommandError;

/// What is not as declared in a database of others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    pub table: String,
    /// Of the declaration, counted from 1.
    pub line: u32,
    pub problem: String,
    /// Whether it can never be used so; else the database may be away, or the table not made yet.
    pub is_wrong: bool,
}

impl Tables {
    /// Looks at the tables that are declared for other databases; `make` has those made that are not there. Answers what was
    /// made, in words, and what is not as declared.
    pub async fn look_elsewhere(
        &self,
        bot: BotId,
        declared: &[Table],
        make: bool,
    ) -> Result<(Vec<String>, Vec<Elsewhere>), CommandError> {
        let mut by_connection: BTreeMap<String, Vec<&Table>> = BTreeMap::new();
        for table in declared {
            if let Some(connection) = &table.connection {
                by_connection
                    .entry(connection.to_lowercase())
                    .or_default()
                    .push(table);
            }
        }
        let (mut made, mut found) = (Vec::new(), Vec::new());
        for (connection, tables) in by_connection {
            let tell = |table: &Table, problem: String, is_wrong| Elsewhere {
                table: table.name.clone(),
                line: table.line,
                problem,
                is_wrong,
            };
            if let Err(wrong) = self.connections.check(bot, &connection) {
                let problem = format!("the connection {connection} cannot be used: {wrong}");
                found.extend(tables.iter().map(|table| tell(table, problem.clone(), true)));
                continue;
            }
            for table in tables {
                // A table of its own each: one that cannot be made ends its transaction.
                match self.look_at(bot, &connection, table, make).await {
                    Ok(true) => made.push(format!("table {} made in {connection}", table.name)),
                    Ok(false) => {}
                    Err(problem) => found.push(tell(table, problem, false)),
                }
            }
        }
        Ok((made, found))
    }

    /// Whether a table was made; else what is not as declared.
    async fn look_at(&self, bot: BotId, connection: &str, table: &Table, make: bool) -> Result<bool, String> {
        let mut opened = self
            .connections
            .open(bot, connection)
            .await
            .map_err(|refusal| refusal.message)?;
        let said = |error: sqlx::Error| match error.as_database_error() {
            Some(error) => format!("the connection {connection} says: {}", error.message()),
            None => format!("the database of the connection {connection} cannot be reached"),
        };
        let definition = Definition::new(bot, table.clone());
        let columns: Vec<String> = sqlx::query_scalar(
            "select attname::text from pg_attribute where attrelid = to_regclass($1) and attnum > 0 and not attisdropped",
        )
        .bind(&definition.path)
        .fetch_all(&mut *opened.transaction)
        .await
        .map_err(said)?;
        if columns.is_empty() {
            if !make {
                return Err(format!("the connection {connection} has no table {}", table.name));
            }
            let fields = all_fields(table);
            let mut lines: Vec<String> = fields
                .iter()
                .zip(&definition.columns)
                .map(|(field, column)| column_of(field, column))
                .collect();
            let keys: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
            lines.push(format!("primary key ({})", keys.join(", ")));
            let sql = format!("create table {} ({})", definition.path, lines.join(", "));
            sqlx::query(&sql)
                .execute(&mut *opened.transaction)
                .await
                .map_err(said)?;
            opened.transaction.commit().await.map_err(said)?;
            return Ok(true);
        }
        let there: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
        let missing: Vec<&str> = definition
            .columns
            .iter()
            .filter(|column| !there.contains(column.name.to_lowercase().as_str()))
            .map(|column| column.name.as_str())
            .collect();
        match missing.is_empty() {
            true => Ok(false),
            false => Err(format!(
                "the table {} of the connection {connection} has no {}",
                table.name,
                missing.join(", ")
            )),
        }
    }
}
