//! MERGE: many rows by their key, in one statement for each set of fields.

use std::collections::{HashMap, HashSet};

use basic::{FieldKind, Object, Refusal, Request, TableField, Value};
use domain::run::{DataOperation, DataStatement};
use sqlx::Row as _;

use super::super::definition::{Column, Definition, sql_type};
use super::super::rows::{listed, of_object};
use super::super::values::bound;
use super::recorded::{Changed, Rows, returned, returned_names};
use super::{Asked, CHUNK};
use crate::CommandError;
use crate::scripted::{Host, text};

/// Rows with the same fields: those, and what each row gives for them.
pub(super) type Group<'d> = (Vec<&'d Column>, Vec<Vec<Value>>);

impl Asked {
    pub(super) async fn merge(
        &mut self,
        host: &Host<'_>,
        request: &Request,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let rows = request
            .clause("with")
            .or(request.clause("using"))
            .unwrap_or(request.argument(1));
        let key = match request.clause("by").or(request.clause("on")) {
            Some(key) => Some(key.to_string()),
            None => Some(text(request, 2)).filter(|key| !key.trim().is_empty()),
        };
        self.merge_rows(host, rows, key.as_deref()).await
    }

    /// Adds or changes rows by their key, set-wise. Rows with the same fields are one statement.
    pub(super) async fn merge_rows(
        &mut self,
        host: &Host<'_>,
        rows: &Value,
        key: Option<&str>,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        let keys: Result<Vec<&Column>, Refusal> = match key {
            Some(key) => key
                .split([',', ';'])
                .map(|key| definition.read_by(key, &self.roles))
                .collect(),
            None => Ok(definition.keys().collect()),
        };
        let (keys, rows) = match (keys, listed(rows)) {
            (Ok(keys), Ok(rows)) => (keys, rows),
            (Err(refusal), _) | (_, Err(refusal)) => return Ok(Err(refusal)),
        };
        // Two that merge into one table must not both add the same row.
        if definition.is_own() {
            let locked = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(&definition.path)
                .execute(&mut *self.opened.transaction)
                .await;
            if let Err(error) = locked {
                return self.opened.refused(error).map(Err);
            }
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        for row in &rows {
            let mut fields = match of_object(&definition, row, &self.roles) {
                Ok(fields) => fields,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if fields.is_empty() {
                return Ok(Err(Refusal::mistake(
                    "row_missing",
                    "a row has no fields: { name: value }",
                )));
            }
            fields.sort_by(|(a, _), (b, _)| a.sql.cmp(&b.sql));
            let (columns, values): (Vec<&Column>, Vec<Value>) = fields.into_iter().unzip();
            let same = |(known, _): &&mut Group<'_>| {
                known
                    .iter()
                    .map(|column| &column.sql)
                    .eq(columns.iter().map(|column| &column.sql))
            };
            // The last one of its kind is the one that has room.
            match groups.iter_mut().rev().find(same) {
                Some((_, group)) if group.len() < CHUNK => group.push(values),
                _ => groups.push((columns, vec![values])),
            }
        }
        if let Err(refusal) = self.see_keyed(&keys, &groups).await? {
            return Ok(Err(refusal));
        }
        let mut changed = Rows::default();
        let mut people = HashSet::new();
        for (columns, values) in &groups {
            let subjects = match columns.iter().position(|column| column.subject) {
                None => None,
                Some(at) => {
                    let mut subjects = Vec::with_capacity(values.len());
                    for row in values {
                        let fields = vec![(columns[at], row[at].clone())];
                        let subject = host.subject(&fields).await?;
                        if people.insert(subject)
                            && let Err(refusal) = self.about(host, subject).await?
                        {
                            return Ok(Err(refusal));
                        }
                        subjects.push(subject.to_string());
                    }
                    Some(subjects)
                }
            };
            let done = self
                .merge_group(columns, &keys, values, subjects.as_deref(), &mut changed)
                .await?;
            if let Err(refusal) = done {
                return Ok(Err(refusal));
            }
            self.number_on(columns).await?;
        }
        let (inserted, updated) = (changed.added() as i64, changed.changed() as i64);
        let counts = [
            ("inserted", inserted),
            ("updated", updated),
            ("total", inserted + updated),
        ];
        let counts: Object = counts
            .into_iter()
            .map(|(name, count)| (name, Value::Integer(count)))
            .collect();
        let changed = self
            .changed(Value::Object(counts), DataOperation::Merge, changed)
            .await?;
        Ok(Ok(changed))
    }

    async fn merge_group(
        &mut self,
        columns: &[&Column],
        keys: &[&Column],
        rows: &[Vec<Value>],
        subjects: Option<&[String]>,
        changed: &mut Rows,
    ) -> Result<Result<(), Refusal>, CommandError> {
        let mut lists: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(rows.len()); columns.len()];
        for row in rows {
            for (list, (column, value)) in lists.iter_mut().zip(columns.iter().zip(row)) {
                match bound(column, value) {
                    Ok(value) => list.push(value),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
        }
        let mut subjects: Option<Vec<String>> = subjects.map(<[String]>::to_vec);
        let places: Vec<usize> = keys
            .iter()
            .filter_map(|key| columns.iter().position(|column| column.sql == key.sql))
            .collect();
        let upserts = in_one_go(&self.definition, columns, keys);
        if upserts {
            let kept = last_of_each(&lists, &places);
            if kept.len() < rows.len() {
                for list in &mut lists {
                    *list = kept.iter().map(|at| list[*at].take()).collect();
                }
                subjects = subjects.map(|all| kept.iter().map(|at| all[*at].clone()).collect());
            }
        }
        let count = lists.first().map_or(0, Vec::len);
        // Of many rows the keys are known here, and only how many of them are new is asked.
        let many = upserts && count > DataStatement::KEYS_MAX;
        let sql = match upserts {
            true => upserting(&self.definition, columns, keys, many),
            false => merging(&self.definition, columns, keys),
        };
        let mut query = sqlx::query(&sql).persistent(false);
        for list in &lists {
            query = query.bind(list);
        }
        // Rows of one person say so once.
        let own = vec![self.person.to_string(); if upserts { 1 } else { count }];
        let found = query
            .bind(subjects.unwrap_or(own))
            .fetch_all(&mut *self.opened.transaction)
            .await;
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.opened.refused(error).map(Err),
        };
        if many {
            for row in found {
                let [new, all]: [i64; 2] = [
                    row.try_get(0).map_err(CommandError::unexpected)?,
                    row.try_get(1).map_err(CommandError::unexpected)?,
                ];
                changed.counted[0] += new as u64;
                changed.counted[1] += (all - new) as u64;
            }
            let key = |at: usize| -> String {
                let parts: Vec<&str> = places
                    .iter()
                    .filter_map(|place| lists[*place][at].as_deref())
                    .collect();
                parts.join(" ")
            };
            changed.together.extend((0..count).map(key));
            return Ok(Ok(()));
        }
        for row in found {
            let new: bool = row.try_get(0).map_err(CommandError::unexpected)?;
            changed.push(&self.definition, &row, 1, |keys| {
                if new { &mut keys.added } else { &mut keys.changed }
            })?;
        }
        Ok(Ok(()))
    }
}

/// Whether PostgreSQL itself can tell new rows from those that are there: by the table's key, which all rows give in a form
/// that two equal ones share, and with nothing missing that a new row needs.
fn in_one_go(definition: &Definition, columns: &[&Column], keys: &[&Column]) -> bool {
    let given = |wanted: &Column| columns.iter().any(|column| column.sql == wanted.sql);
    let is_key = |column: &Column| keys.iter().any(|key| key.sql == column.sql);
    let alike = |key: &Column| {
        matches!(
            key.kind,
            FieldKind::Integer | FieldKind::Uuid | FieldKind::Text { .. } | FieldKind::Date
        )
    };
    let needed = |field: &TableField| field.required && field.default.is_none();
    definition
        .columns
        .iter()
        .all(|column| column.key == is_key(column))
        && keys.iter().all(|key| alike(key) && given(key))
        && definition
            .table
            .fields
            .iter()
            .filter(|field| needed(field))
            .all(|field| {
                columns
                    .iter()
                    .any(|column| column.name.eq_ignore_ascii_case(&field.name))
            })
}

/// The places of the rows that count: of two with the same key the last.
fn last_of_each(lists: &[Vec<Option<String>>], keys: &[usize]) -> Vec<usize> {
    let count = lists.first().map_or(0, Vec::len);
    let mut last: HashMap<Vec<Option<&str>>, usize> = HashMap::with_capacity(count);
    last.extend((0..count).map(|at| {
        let key: Vec<Option<&str>> = keys.iter().map(|key| lists[*key][at].as_deref()).collect();
        (key, at)
    }));
    let mut kept: Vec<usize> = last.into_values().collect();
    kept.sort_unstable();
    kept
}

/// What becomes of the columns of a row that was there, of which another row tells.
fn assigned(definition: &Definition, columns: &[&Column], keyed: &[&str], from: &str) -> Vec<String> {
    let subject = definition.is_own() && columns.iter().any(|column| column.subject);
    let rest = columns.iter().map(|column| column.sql.as_str());
    let rest = rest.filter(|name| !keyed.contains(name));
    let mut assigned: Vec<String> = rest.map(|name| format!("{name} = {from}.{name}")).collect();
    if definition.is_own() {
        assigned.push("\"__changed_at\" = now()".to_owned());
    } else if let Some(key) = keyed.first() {
        // Nothing may be left to assign, and a statement wants something.
        assigned.push(format!("{key} = {from}.{key}"));
    }
    if subject {
        assigned.push(format!("\"__subject\" = {from}.\"__subject\""));
    }
    assigned
}

/// One statement for rows of which no two have the same key. Answers of each whether it is new, and its key; of `many` how
/// many are new, and how many there are.
fn upserting(definition: &Definition, columns: &[&Column], keys: &[&Column], many: bool) -> String {
    let path = &definition.path;
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let arrays: Vec<String> = (1..=columns.len() + 1)
        .map(|at| format!("${at}::text[]"))
        .collect();
    let typed: Vec<String> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("{name}::{}", sql_type(column.kind)))
        .collect();
    let own: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
    let keyed: Vec<&str> = keys.iter().map(|key| key.sql.as_str()).collect();
    let changes = assigned(definition, columns, &keyed, "excluded");
    let returned = match many {
        true => "xmax = 0 as new".to_owned(),
        false => format!("xmax = 0, {}", returned(definition, "t.")),
    };
    let of_person = match columns.iter().any(|column| column.subject) {
        true => "s::uuid".to_owned(),
        // The same of all: it is given once.
        false => format!("(${}::text[])[1]::uuid", columns.len() + 1),
    };
    let (subject, of) = match definition.is_own() {
        true => (", \"__subject\"", format!(", {of_person}")),
        false => ("", String::new()),
    };
    let sql = format!(
        "insert into {path} as t ({own}{subject}) select {typed}{of} from unnest({arrays}) as g({names}, s)
         on conflict ({keys}) do update set {changes} returning {returned}",
        own = own.join(", "),
        typed = typed.join(", "),
        arrays = arrays.join(", "),
        names = names.join(", "),
        keys = keyed.join(", "),
        changes = changes.join(", "),
    );
    match many {
        true => format!("with done as ({sql}) select count(*) filter (where new), count(*) from done"),
        false => sql,
    }
}

/// One statement for all rows: those whose key is there are changed, the others added; of two with the same key the last
/// counts. Answers of each whether it is new, and its key.
fn merging(definition: &Definition, columns: &[&Column], keys: &[&Column]) -> String {
    let path = &definition.path;
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let arrays: Vec<String> = (1..=columns.len() + 1)
        .map(|at| format!("${at}::text[]"))
        .collect();
    let typed: Vec<String> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("{name}::{} as {}", sql_type(column.kind), column.sql))
        .collect();
    let own: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
    let keyed: Vec<&str> = keys
        .iter()
        .map(|key| key.sql.as_str())
        .filter(|key| own.contains(key))
        .collect();
    let returned = returned(definition, "t.");
    let shown = returned_names(definition);
    let given = format!(
        "with given as (
           select {}, s::uuid as \"__subject\", \"__n\" from unnest({}) with ordinality as g({}, s, \"__n\")
         )",
        typed.join(", "),
        arrays.join(", "),
        names.join(", "),
    );
    // What the database numbers is left out where it is not given.
    let inserted = |from: &str| {
        format!(
            "insert into {path} as t ({own}{subject}) select {own}{subject} from {from} order by \"__n\" returning {returned}",
            own = own.join(", "),
            subject = if definition.is_own() {
                ", \"__subject\""
            } else {
                ""
            },
        )
    };
    if keyed.len() < keys.len() {
        // Rows without a key are new.
        return format!(
            "{given}, added as ({}) select true, {shown} from added",
            inserted("given")
        );
    }
    let same = |a: &str, b: &str| {
        let pairs: Vec<String> = keyed.iter().map(|key| format!("{a}.{key} = {b}.{key}")).collect();
        pairs.join(" and ")
    };
    let changes = assigned(definition, columns, &keyed, "l");
    format!(
        "{given}, last as materialized (
           select distinct on ({keys}) * from given order by {keys}, \"__n\" desc
         ), changed as (
           update {path} t set {changes} from last l where {matching} returning {returned}
         ), fresh as (
           select l.* from last l where not exists (select from {path} t where {matching})
         ), added as ({added})
         select true, {shown} from added union all select false, {shown} from changed",
        keys = keyed.join(", "),
        changes = changes.join(", "),
        matching = same("t", "l"),
        added = inserted("fresh"),
    )
}
