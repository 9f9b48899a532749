//! What rows were and are, where a change of them starts a script: read beside the statement, in its transaction.
//!
//! Rows are named by their keys only where they are few, so more of them are not read either.

use std::collections::HashMap;

use basic::{Refusal, Trigger, Value};
use domain::run::{DataStatement, RowValues};
use domain::{Personal, UserId};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::super::condition::Sql;
use super::super::definition::{Column, Definition};
use super::super::values::read;
use super::merging::Group;
use super::recorded::{Rows, key_of};
use super::{Asked, shown};
use crate::CommandError;
use crate::scripted::Host;

/// Rows before the statement, by their keys.
#[derive(Default)]
pub(super) struct Watched {
    before: HashMap<String, Seen>,
}

/// A row as it is at a moment.
struct Seen {
    subject: UserId,
    /// JSON; None where it is too large, or cannot be read.
    fields: Option<String>,
}

impl Host<'_> {
    /// Whether a change of the table starts a script of the bot.
    pub(super) async fn watches(&self, table: &str) -> Result<bool, CommandError> {
        let handlers = self
            .dialogues()
            .handlers(self.context.tenant, self.start.bot_id)
            .await?;
        Ok(handlers.iter().any(|handler| {
            matches!(&handler.trigger, Trigger::Row { table: of, .. } if of.to_lowercase() == table.to_lowercase())
        }))
    }
}

impl Asked {
    /// Reads the rows that a statement is about to change, and holds them. `meeting` writes the condition.
    pub(super) async fn see(
        &mut self,
        meeting: impl FnOnce(&mut Sql) -> Result<(), Refusal>,
    ) -> Result<Result<(), Refusal>, CommandError> {
        if self.watched.is_none() {
            return Ok(Ok(()));
        }
        let mut sql = seeing(&self.definition, &self.readable());
        if let Err(refusal) = meeting(&mut sql) {
            return Ok(Err(refusal));
        }
        // One more than is named tells that they are too many.
        let rows_max = DataStatement::KEYS_MAX + 1;
        sql.push(&format!(" limit {rows_max} for update of \"__row\""));
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if rows.len() < rows_max {
            let seen = self.seen(&rows)?;
            self.watched = Some(Watched { before: seen });
        }
        Ok(Ok(()))
    }

    /// The same of the rows that have the keys of those that are about to be stored.
    pub(super) async fn see_keyed(
        &mut self,
        keys: &[&Column],
        groups: &[Group<'_>],
    ) -> Result<Result<(), Refusal>, CommandError> {
        let count: usize = groups.iter().map(|(_, rows)| rows.len()).sum();
        if count > DataStatement::KEYS_MAX {
            return Ok(Ok(()));
        }
        self.see(|sql| {
            sql.push(" where (false");
            for (columns, rows) in groups {
                let place = |key: &&Column| columns.iter().position(|column| column.sql == key.sql);
                // Rows without a key are new.
                let Some(places) = keys.iter().map(place).collect::<Option<Vec<usize>>>() else {
                    continue;
                };
                for row in rows {
                    sql.push(" or (true");
                    for (key, place) in keys.iter().zip(&places) {
                        sql.push(&format!(" and {} = ", key.sql));
                        sql.bind_for(key, &row[*place])?;
                    }
                    sql.push(")");
                }
            }
            sql.push(")");
            Ok(())
        })
        .await
    }

    /// What the changed rows were and are, in the order of their keys. Empty where nobody is told.
    pub(super) async fn values_of(&mut self, rows: &Rows) -> Result<Vec<RowValues>, CommandError> {
        let Some(Watched { mut before }) = self.watched.take() else {
            return Ok(Vec::new());
        };
        let mut after = HashMap::new();
        if rows.added() + rows.changed() > 0 {
            let mut sql = seeing(&self.definition, &self.readable());
            sql.push(" where \"__row\".ctid = any(");
            sql.bind(Some(format!("{{{}}}", quoted_places(&rows.places))), "tid[]");
            sql.push(")");
            // Rows that are too large are not brought, so these always fit.
            if let Ok(found) = self.fetch(&sql).await? {
                after = self.seen(&found)?;
            }
        }
        let keys = &rows.keys;
        // The one row whose key was changed is still the one.
        if let ([key], 1) = (keys.changed.as_slice(), before.len()) {
            before = before.into_values().map(|seen| (key.clone(), seen)).collect();
        }
        let mut left = DataStatement::VALUES_BYTES_MAX;
        let mut values = |key: &String, was: bool, is: bool| {
            let old = was.then(|| before.remove(key).and_then(|seen| seen.taken(&mut left)));
            let new = is.then(|| after.remove(key).and_then(|seen| seen.taken(&mut left)));
            RowValues {
                omitted: matches!(old, Some(None)) || matches!(new, Some(None)),
                old: old.flatten(),
                new: new.flatten(),
            }
        };
        let added = keys.added.iter().map(|key| (key, false, true));
        let changed = keys.changed.iter().map(|key| (key, true, true));
        let deleted = keys.deleted.iter().map(|key| (key, true, false));
        let all = added.chain(changed).chain(deleted);
        Ok(all.map(|(key, was, is)| values(key, was, is)).collect())
    }

    fn seen(&self, rows: &[PgRow]) -> Result<HashMap<String, Seen>, CommandError> {
        let columns = self.readable();
        rows.iter().map(|row| seen(row, &columns)).collect()
    }
}

impl Seen {
    /// Its fields, sealed for whom they are about, as far as there is room for them.
    fn taken(self, left: &mut usize) -> Option<Personal<String>> {
        let fields = self.fields?;
        *left = left.checked_sub(fields.len())?;
        Some(Personal::conversation(self.subject, fields))
    }
}

/// Selects rows with their keys, whose data they are, and what scripts may read of them where that is not too large.
fn seeing(definition: &Definition, columns: &[Column]) -> Sql {
    let fields = columns
        .iter()
        .map(|column| format!("case when \"__fits\" then {} end", shown(column)));
    let selected: Vec<String> = [
        key_of(definition, ""),
        "\"__subject\"".to_owned(),
        "\"__fits\"".to_owned(),
    ]
    .into_iter()
    .chain(fields)
    .collect();
    Sql::new(format!(
        "select {} from {} as \"__row\", lateral (select octet_length(\"__row\"::text) <= {}) as f(\"__fits\")",
        selected.join(", "),
        definition.path,
        DataStatement::ROW_BYTES_MAX,
    ))
}

fn seen(row: &PgRow, columns: &[Column]) -> Result<(String, Seen), CommandError> {
    let key = row.try_get(0).map_err(CommandError::unexpected)?;
    let subject = UserId(row.try_get(1).map_err(CommandError::unexpected)?);
    let fits: bool = row.try_get(2).map_err(CommandError::unexpected)?;
    if !fits {
        let fields = None;
        return Ok((key, Seen { subject, fields }));
    }
    let fields = columns
        .iter()
        .enumerate()
        .map(|(at, column)| Ok((column.name.as_str(), read(row, at + 3, column.kind)?)))
        .collect::<Result<Vec<_>, Refusal>>();
    // What cannot be read is left out as what is too large.
    let fields = fields
        .ok()
        .map(|fields| Value::Object(fields.into_iter().collect()).to_json().to_string())
        .filter(|fields| fields.len() <= DataStatement::ROW_BYTES_MAX);
    Ok((key, Seen { subject, fields }))
}

/// Places such as `(0,1)` as elements of an array.
fn quoted_places(places: &[String]) -> String {
    let quoted = |place: &String| format!("\"{place}\"");
    places.iter().map(quoted).collect::<Vec<_>>().join(",")
}
