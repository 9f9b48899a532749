//! What changes a table needs to become what is declared, each a step with its words and its SQL.

use basic::{FieldKind, Table, TableField};

use super::super::definition::{Definition, all_fields, sql_type, widens};
use super::super::quoted;
use super::{column_of, default_of};

/// A change of one table.
pub(super) struct Step {
    /// What it means.
    pub words: String,
    pub sql: String,
    /// Of the declaration that asks for it.
    pub line: u32,
    pub change: Change,
}

/// What a step makes of a table's definition.
pub(super) enum Change {
    Added(TableField),
    Kind(FieldKind),
    Required(bool),
    Unique(bool),
    Default(Option<String>),
    Dropped,
    Keys {
        /// Of the fields that are the key, in lower case.
        names: Vec<String>,
        /// Of those that were and are not there any more.
        dropped: Vec<String>,
    },
}

#[derive(Default)]
pub(super) struct Difference {
    pub additive: Vec<(String, Step)>,
    pub destructive: Vec<(String, Step)>,
}

/// What a declared table has that the one before has not, and the other way round.
pub(super) fn difference(definition: &Definition, table: &Table, before: &Table) -> Difference {
    let path = &definition.path;
    let (fields, known) = (all_fields(table), all_fields(before));
    let mut found = Difference::default();
    let find = |fields: &[TableField], name: &str| {
        fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .cloned()
    };
    for (field, column) in fields.iter().zip(&definition.columns) {
        let named = format!("{}.{}", table.name, field.name);
        let step = |words: String, sql: String, change: Change| {
            let sql = format!("alter table {path} {sql}");
            let line = field.line;
            (
                field.name.clone(),
                Step {
                    words,
                    sql,
                    line,
                    change,
                },
            )
        };
        let Some(old) = find(&known, &field.name) else {
            found.additive.push(step(
                format!("field {named} added"),
                format!("add column {}", column_of(field, column)),
                Change::Added(field.clone()),
            ));
            continue;
        };
        if old.kind != field.kind {
            let (was, is) = (sql_type(old.kind), sql_type(field.kind));
            let step = step(
                format!("{named} changes from {was} to {is}"),
                format!("alter column {0} type {is} using {0}::text::{is}", column.sql),
                Change::Kind(field.kind),
            );
            if widens(old.kind, field.kind) {
                found.additive.push(step);
            } else {
                found.destructive.push(step);
            }
        }
        if old.required != field.required && !field.key {
            let (words, action) = match field.required {
                true => ("is required now", "set not null"),
                false => ("may be empty now", "drop not null"),
            };
            found.additive.push(step(
                format!("{named} {words}"),
                format!("alter column {} {action}", column.sql),
                Change::Required(field.required),
            ));
        }
        if field.unique != old.unique && !field.key {
            let (words, action) = match field.unique {
                true => ("is unique now", format!("add unique ({})", column.sql)),
                false => {
                    let name = format!("{}_{}_key", table.name, field.name).to_lowercase();
                    let action = format!("drop constraint if exists {}", quoted(&name));
                    ("need not be unique now", action)
                }
            };
            found.additive.push(step(
                format!("{named} {words}"),
                action,
                Change::Unique(field.unique),
            ));
        }
        if field.default != old.default && !column.given {
            let default = field.default.as_deref().and_then(|said| default_of(field, said));
            let action = default.map_or_else(
                || "drop default".to_owned(),
                |default| format!("set default {default}"),
            );
            found.additive.push(step(
                format!("{named} has another default"),
                format!("alter column {} {action}", column.sql),
                Change::Default(field.default.clone()),
            ));
        }
    }
    let gone = known.iter().filter(|old| find(&fields, &old.name).is_none());
    let (gone_keys, gone): (Vec<&TableField>, Vec<&TableField>) = gone.partition(|old| old.key);
    let keys = |fields: &[TableField]| -> Vec<String> {
        fields
            .iter()
            .filter(|field| field.key)
            .map(|field| field.name.to_lowercase())
            .collect()
    };
    let dropped = |old: &TableField| format!("drop column {}", quoted(&old.name.to_lowercase()));
    let (new, old) = (keys(&fields), keys(&known));
    if new != old {
        // In one step: a table is never without a key.
        let columns: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
        let constraint = quoted(&format!("{}_pkey", table.name.to_lowercase()));
        let mut words = format!("the key of {} becomes {}", table.name, new.join(", "));
        let mut actions = vec![
            format!("drop constraint if exists {constraint} cascade"),
            format!("add primary key ({})", columns.join(", ")),
        ];
        for old in &gone_keys {
            words.push_str(&format!("; field {} is dropped with what it holds", old.name));
            actions.push(dropped(old));
        }
        let step = Step {
            words,
            sql: format!("alter table {path} {}", actions.join(", ")),
            line: table.line,
            change: Change::Keys {
                names: new,
                dropped: gone_keys.iter().map(|old| old.name.clone()).collect(),
            },
        };
        found.destructive.push((String::new(), step));
    }
    for old in gone {
        let step = Step {
            words: format!("field {}.{} is dropped with what it holds", table.name, old.name),
            sql: format!("alter table {path} {}", dropped(old)),
            line: table.line,
            change: Change::Dropped,
        };
        found.destructive.push((old.name.clone(), step));
    }
    found
}

/// What a table is after one of its fields was changed so.
pub(super) fn made(table: &mut Table, name: &str, change: Change) {
    let same = |field: &TableField| field.name.eq_ignore_ascii_case(name);
    let field = table.fields.iter_mut().find(|field| same(field));
    match (change, field) {
        (Change::Added(field), _) => table.fields.push(TableField { key: false, ..field }),
        (Change::Dropped, _) => table.fields.retain(|field| !same(field)),
        (Change::Keys { names, dropped }, _) => {
            table.fields.retain(|field| !dropped.contains(&field.name));
            for field in &mut table.fields {
                field.key = names.contains(&field.name.to_lowercase());
            }
        }
        (Change::Kind(kind), Some(field)) => field.kind = kind,
        (Change::Required(required), Some(field)) => field.required = required,
        (Change::Unique(unique), Some(field)) => field.unique = unique,
        (Change::Default(default), Some(field)) => field.default = default,
        (_, None) => unreachable!("what changes was there before"),
    }
}
