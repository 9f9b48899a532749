//! Tables of other databases: whether they are as declared, and making those that are missing where somebody asks for it.

use std::collections::{BTreeMap, BTreeSet};

use basic::Table;
use domain::BotId;
use futures::future::join_all;
use tokio::time::{Duration, Instant, timeout_at};

use super::super::Tables;
use super::super::connections::failed;
use super::super::definition::Definition;
use super::super::values::selected;
use super::all_fields;
use super::column_of;
use crate::CommandError;

/// How long is looked at the tables of a bot: whoever loads its package waits for it.
const LOOK_WITHIN: Duration = Duration::from_secs(5);

/// Why a table cannot be used.
enum Problem {
    /// What is said of the table itself.
    Table(String),
    /// What all tables of the connection have in common.
    Connection(String),
}

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
        // All at once: of one that is silent nobody else's are held up.
        let looks = by_connection
            .iter()
            .map(|(connection, tables)| self.look_at_all(bot, connection, tables, make));
        let (mut made, mut found) = (Vec::new(), Vec::new());
        for (made_there, found_there) in join_all(looks).await {
            made.extend(made_there);
            found.extend(found_there);
        }
        Ok((made, found))
    }

    /// Looks at the tables of one connection.
    async fn look_at_all(
        &self,
        bot: BotId,
        connection: &str,
        tables: &[&Table],
        make: bool,
    ) -> (Vec<String>, Vec<Elsewhere>) {
        let (mut made, mut found) = (Vec::new(), Vec::new());
        let tell = |table: &&Table, problem: &str, is_wrong| Elsewhere {
            table: table.name.clone(),
            line: table.line,
            problem: problem.to_owned(),
            is_wrong,
        };
        if let Err(wrong) = self.connections.check(bot, connection) {
            let problem = format!("the connection {connection} cannot be used: {wrong}");
            found.extend(tables.iter().map(|table| tell(table, &problem, true)));
            return (made, found);
        }
        let within = match make {
            true => self.connections.patience(),
            false => self.connections.patience().min(LOOK_WITHIN),
        };
        let until = Instant::now() + within;
        for (at, table) in tables.iter().enumerate() {
            // A transaction of its own each: one that cannot be made ends its own.
            match timeout_at(until, self.look_at(bot, connection, table, make)).await {
                Ok(Ok(true)) => made.push(format!("table {} made in {connection}", table.name)),
                Ok(Ok(false)) => {}
                Ok(Err(Problem::Table(problem))) => found.push(tell(table, &problem, false)),
                // The others would wait for the same.
                Ok(Err(Problem::Connection(problem))) => {
                    found.extend(tables[at..].iter().map(|table| tell(table, &problem, false)));
                    break;
                }
                Err(_) => {
                    let problem = failed(connection).message;
                    found.extend(tables[at..].iter().map(|table| tell(table, &problem, false)));
                    break;
                }
            }
        }
        (made, found)
    }

    /// Whether a table was made; else what is not as declared.
    async fn look_at(
        &self,
        bot: BotId,
        connection: &str,
        table: &Table,
        make: bool,
    ) -> Result<bool, Problem> {
        let opened = self.connections.open(bot, connection).await;
        let mut opened = opened.map_err(|refusal| Problem::Connection(refusal.message))?;
        let said = |error: sqlx::Error| match error.as_database_error() {
            Some(error) => Problem::Table(format!(
                "the connection {connection} says of the table {}: {}",
                table.name,
                error.message()
            )),
            None => Problem::Connection(failed(connection).message),
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
                let problem = format!("the connection {connection} has no table {}", table.name);
                return Err(Problem::Table(problem));
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
        if !missing.is_empty() {
            return Err(Problem::Table(format!(
                "the table {} of the connection {connection} has no {}",
                table.name,
                missing.join(", ")
            )));
        }
        // Their types may be others, as long as what is declared can be made of them.
        let fields = definition.columns.iter();
        let fields: Vec<String> = fields.map(|column| selected(&column.sql, column.kind)).collect();
        let sql = format!("select {} from {} limit 0", fields.join(", "), definition.path);
        sqlx::query(&sql)
            .persistent(false)
            .execute(&mut *opened.transaction)
            .await
            .map_err(said)?;
        Ok(false)
    }
}
