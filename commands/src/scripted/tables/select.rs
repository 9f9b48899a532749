//! SELECT as it is written: read into a tree, of which what is known is written anew. Nothing of its text reaches the
//! database: names come from declarations and are quoted, values are bound, and what is not known is refused.

mod comparisons;
mod constants;
mod expressions;
mod functions;
mod names;
mod parts;
mod query;

use std::collections::HashMap;
use std::sync::Arc;

use basic::{FieldKind, Object, Refusal};
use sqlparser::ast::{Query, Statement, TableFactor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;

use super::condition::Sql;
use super::definition::{Definition, sql_type};
use super::values::selected;
pub(super) use query::unknown;

/// Longer ones are no work of a person.
const TEXT_BYTES_MAX: usize = 10_000;
/// Tables that one query joins, those of queries within it too.
const SOURCES_MAX: usize = 8;
/// Expressions within expressions.
const DEPTH_MAX: usize = 100;
/// Expressions and values that a statement consists of.
const PARTS_MAX: usize = 5_000;

/// A kind of texts of any length.
const TEXT: FieldKind = FieldKind::Text { length: None };
/// A kind of numbers of any size.
const NUMBER: FieldKind = FieldKind::Decimal {
    digits: None,
    scale: 0,
};

/// A query that was read, before it is known what its tables are.
pub(super) struct Read {
    query: Query,
}

/// A statement, and what its columns are called and hold.
pub(super) struct Selected {
    pub sql: Sql,
    pub columns: Vec<(String, FieldKind)>,
}

/// Why a query is not written.
pub(super) enum Unwritten {
    /// It names a table, in lower case, that was not given.
    Wants(String),
    Refused(Refusal),
}

/// A part of a statement, and of which kind its value is.
#[derive(Clone)]
struct Typed {
    sql: String,
    kind: FieldKind,
}

impl Typed {
    fn new(sql: impl Into<String>, kind: FieldKind) -> Typed {
        Typed {
            sql: sql.into(),
            kind,
        }
    }
}

/// Reads what a script wrote.
pub(super) fn read(text: &str) -> Result<Read, Refusal> {
    let unclear = |why: &str| Refusal::mistake("select_unclear", format!("SELECT cannot be read: {why}"));
    if text.len() > TEXT_BYTES_MAX {
        return Err(unclear("it is too long"));
    }
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, text).map_err(|error| {
        let said: String = error.to_string().chars().take(200).collect();
        unclear(said.trim_start_matches("sql parser error: "))
    })?;
    match <[Statement; 1]>::try_from(statements) {
        Ok([Statement::Query(query)]) => Ok(Read { query: *query }),
        _ => Err(refused("anything but one SELECT")),
    }
}

impl Read {
    /// Writes it anew for tables that are known by their names in lower case. At most `rows` rows are answered. Which
    /// tables it names is known by writing it: one that is missing is asked for, whatever place it stands in.
    pub fn write(
        &self,
        tables: &HashMap<String, Arc<Definition>>,
        variables: &Object,
        roles: &[&str],
        rows: usize,
    ) -> Result<Selected, Unwritten> {
        let mut writer = Writer {
            tables,
            variables,
            roles,
            values: Vec::new(),
            places: HashMap::new(),
            wanted: None,
            sources: 0,
            depth: 0,
            parts: 0,
        };
        let written = match writer.query(&self.query, None) {
            Ok(written) => written,
            Err(refusal) => {
                return Err(match writer.wanted {
                    Some(table) => Unwritten::Wants(table),
                    None => Unwritten::Refused(refusal),
                });
            }
        };
        // Numbers are sorted as such and become texts only then.
        let shown: Vec<String> = written
            .columns
            .iter()
            .enumerate()
            .map(|(at, (_, kind))| selected(&format!("c{}", at + 1), *kind))
            .collect();
        let names: Vec<String> = (1..=written.columns.len()).map(|at| format!("c{at}")).collect();
        let text = format!(
            "select {} from ({}) as q({}) limit {rows}",
            shown.join(", "),
            written.sql,
            names.join(", ")
        );
        Ok(Selected {
            sql: Sql {
                text,
                values: writer.values,
                is_kept: false,
            },
            columns: written.columns,
        })
    }
}

/// Writes one query, with those within it.
struct Writer<'a> {
    tables: &'a HashMap<String, Arc<Definition>>,
    variables: &'a Object,
    roles: &'a [&'a str],
    values: Vec<Option<String>>,
    /// Where each value is bound, with its type; the same one is bound once, so that an expression and the group of it
    /// are the same.
    places: HashMap<(Option<String>, String), usize>,
    /// A table that is not known yet.
    wanted: Option<String>,
    sources: usize,
    depth: usize,
    parts: usize,
}

impl Writer<'_> {
    /// Counts one part more.
    fn part_more(&mut self) -> Result<(), Refusal> {
        self.parts += 1;
        match self.parts > PARTS_MAX {
            true => Err(refused(&format!("more than {PARTS_MAX} expressions and values"))),
            false => Ok(()),
        }
    }

    fn bind(&mut self, value: Option<String>, sql_type: &str) -> Result<String, Refusal> {
        self.part_more()?;
        let next = self.values.len() + 1;
        let at = *self
            .places
            .entry((value.clone(), sql_type.to_owned()))
            .or_insert(next);
        if at == next {
            self.values.push(value);
        }
        Ok(format!("${at}::{sql_type}"))
    }
}

fn refused(what: &str) -> Refusal {
    Refusal::mistake(
        "select_refused",
        format!("{what} is not among what SELECT may do here"),
    )
}

fn factor_refused(factor: &TableFactor) -> Refusal {
    refused(match factor {
        TableFactor::Derived { .. } => "a SELECT in place of a table",
        TableFactor::TableFunction { .. } | TableFactor::Function { .. } | TableFactor::UNNEST { .. } => {
            "a function in place of a table"
        }
        _ => "what stands behind FROM",
    })
}

#[cfg(test)]
mod tests;
