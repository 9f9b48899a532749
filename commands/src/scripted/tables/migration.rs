//! Making tables what scripts declare them to be. What only adds is done at once; what would lose something is refused,
//! with a plan that somebody may confirm.

use std::collections::BTreeMap;

use basic::{FieldKind, Table, TableField};
use domain::{BotId, OrganisationId};

use super::definition::{Column, Definition, all_fields, schema_of, sql_type, widens};
use super::{Opened, Tables, quoted};
use crate::CommandError;

/// What was done to a bot's tables, and what is refused until it is confirmed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Migration {
    /// In words, one for each table or field that was made or changed.
    pub done: Vec<String>,
    pub refused: Vec<RefusedChange>,
}

/// A change that would lose something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChange {
    pub table: String,
    /// Of the declaration, counted from 1.
    pub line: u32,
    /// What would be done, in words.
    pub change: String,
}

/// How far a bot's tables are made what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Nothing is changed: what would be is told.
    Plan,
    /// What loses nothing.
    Additive,
    /// All of it, as somebody confirmed.
    Everything,
}

/// A change of one table.
struct Step {
    /// What it means.
    words: String,
    sql: String,
    /// Of the declaration that asks for it.
    line: u32,
    change: Change,
}

/// What a step makes of a table's definition.
enum Change {
    Added(TableField),
    Kind(FieldKind),
    Required(bool),
    Unique(bool),
    Default(Option<String>),
    Dropped,
    /// The names of the fields that are the key.
    Keys(Vec<String>),
}

#[derive(Default)]
struct Difference {
    additive: Vec<(String, Step)>,
    destructive: Vec<(String, Step)>,
}

impl Tables {
    /// Makes the tables of a bot what is declared, as far as `extent` says. A table that is not declared any more stays.
    pub async fn declare(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        declared: &[Table],
        extent: Extent,
    ) -> Result<Migration, CommandError> {
        let mut migration = Migration::default();
        if declared.is_empty() {
            return Ok(migration);
        }
        let mut opened = self.open(tenant, bot).await?;
        run(
            &mut opened,
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            &[&schema_of(bot)],
        )
        .await?;
        run(
            &mut opened,
            "select app.open_tables($1::text::uuid)",
            &[&bot.to_string()],
        )
        .await?;
        let mut present = catalogue(&mut opened).await?;
        for table in declared.iter().filter(|table| table.connection.is_none()) {
            let name = table.name.to_lowercase();
            match present.remove(&name) {
                None => {
                    for sql in created(bot, tenant, table) {
                        run(&mut opened, &sql, &[]).await?;
                    }
                    migration.done.push(format!("table {} made", table.name));
                    keep(&mut opened, tenant, &name, table).await?;
                }
                Some(before) if before == *table => {}
                Some(before) => {
                    let kept = changed(&mut opened, table, before, extent, &mut migration).await?;
                    keep(&mut opened, tenant, &name, &kept).await?;
                }
            }
        }
        let transaction = opened.transaction;
        match extent {
            Extent::Plan => transaction.rollback().await,
            Extent::Additive | Extent::Everything => transaction.commit().await,
        }
        .map_err(CommandError::unexpected)?;
        Ok(migration)
    }
}

async fn run(opened: &mut Opened, sql: &str, values: &[&str]) -> Result<(), CommandError> {
    let mut query = sqlx::query(sql);
    for value in values {
        query = query.bind(*value);
    }
    query
        .execute(&mut *opened.transaction)
        .await
        .map_err(CommandError::unexpected)?;
    Ok(())
}

async fn catalogue(opened: &mut Opened) -> Result<BTreeMap<String, Table>, CommandError> {
    let rows: Vec<(String, String)> =
        sqlx::query_as("select name, definition::text from app.tables where bot_id = $1")
            .bind(opened.bot.0)
            .fetch_all(&mut *opened.transaction)
            .await
            .map_err(CommandError::unexpected)?;
    rows.into_iter()
        .map(|(name, text)| {
            Ok((
                name,
                serde_json::from_str(&text).map_err(CommandError::unexpected)?,
            ))
        })
        .collect()
}

async fn keep(
    opened: &mut Opened,
    tenant: OrganisationId,
    name: &str,
    table: &Table,
) -> Result<(), CommandError> {
    sqlx::query(
        "insert into app.tables (tenant_id, bot_id, name, definition) values ($1, $2, $3, $4)
         on conflict on constraint tables_pkey do update
         set definition = excluded.definition, changed_at = clock_timestamp()",
    )
    .bind(tenant.0)
    .bind(opened.bot.0)
    .bind(name)
    .bind(sqlx::types::Json(table))
    .execute(&mut *opened.transaction)
    .await
    .map_err(CommandError::unexpected)?;
    Ok(())
}

/// The statements that make a table. Only transactions of its organisation see its rows.
fn created(bot: BotId, tenant: OrganisationId, table: &Table) -> Vec<String> {
    let definition = Definition::new(bot, table.clone());
    let fields = all_fields(table);
    let mut lines: Vec<String> = fields
        .iter()
        .zip(&definition.columns)
        .map(|(field, column)| column_of(field, column))
        .collect();
    lines.push("\"__subject\" uuid not null".to_owned());
    lines.push("\"__created_at\" timestamptz not null default now()".to_owned());
    lines.push("\"__changed_at\" timestamptz not null default now()".to_owned());
    let keys: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
    lines.push(format!("primary key ({})", keys.join(", ")));
    let path = &definition.path;
    vec![
        format!("create table {path} ({})", lines.join(", ")),
        format!("alter table {path} enable row level security"),
        format!("alter table {path} force row level security"),
        format!("create policy own on {path} using (current_setting('app.tenant', true) = '{tenant}')"),
        format!("create index on {path} (\"__subject\")"),
    ]
}

fn column_of(field: &TableField, column: &Column) -> String {
    let mut text = format!("{} {}", column.sql, sql_type(column.kind));
    if column.given {
        text.push_str(match column.kind {
            FieldKind::Uuid => " default gen_random_uuid()",
            FieldKind::Integer => " generated by default as identity",
            _ => "",
        });
    } else if let Some(default) = field.default.as_deref().and_then(|said| default_of(field, said)) {
        text.push_str(&format!(" default {default}"));
    }
    if field.required && !column.key {
        text.push_str(" not null");
    }
    if field.unique && !column.key {
        text.push_str(" unique");
    }
    text
}

/// A default as SQL: a time, an id, or a constant of the field's type. What else stands there is left out.
fn default_of(field: &TableField, said: &str) -> Option<String> {
    let said = said.trim();
    match said.to_ascii_lowercase().as_str() {
        "null" => return None,
        "now()"
        | "now"
        | "current_timestamp"
        | "current_timestamp()"
        | "today"
        | "today()"
        | "current_date" => {
            return matches!(
                field.kind,
                FieldKind::Date | FieldKind::DateTime | FieldKind::Time
            )
            .then(|| format!("now()::{}", sql_type(field.kind)));
        }
        "gen_random_uuid()" | "uuid_generate_v4()" | "guid()" | "uuid()" => {
            return (field.kind == FieldKind::Uuid).then(|| "gen_random_uuid()".to_owned());
        }
        _ => {}
    }
    let unquoted = said
        .strip_prefix(['\'', '"'])
        .and_then(|rest| rest.strip_suffix(['\'', '"']))
        .unwrap_or(said);
    let column = Column {
        name: field.name.clone(),
        sql: String::new(),
        kind: field.kind,
        key: false,
        given: false,
        subject: false,
        read_by: Vec::new(),
        write_by: Vec::new(),
    };
    let bound = super::values::bound(&column, &basic::Value::from(unquoted))
        .ok()
        .flatten()?;
    Some(format!(
        "'{}'::{}",
        bound.replace('\'', "''"),
        sql_type(field.kind)
    ))
}

/// Changes a table as far as it may be, and answers what it is now.
async fn changed(
    opened: &mut Opened,
    table: &Table,
    mut kept: Table,
    extent: Extent,
    migration: &mut Migration,
) -> Result<Table, CommandError> {
    // With the key that a table has without a word for it: another one may be among the fields that are added.
    kept.fields = all_fields(&kept);
    let definition = Definition::new(opened.bot, table.clone());
    let difference = difference(&definition, table, &kept);
    let mut refused = Vec::new();
    let mut steps = difference.additive;
    match extent {
        Extent::Everything => steps.extend(difference.destructive),
        Extent::Plan | Extent::Additive => refused.extend(difference.destructive),
    }
    for (field, step) in steps {
        // One that rows stand against is no reason to lose the others.
        run(opened, "savepoint step", &[]).await?;
        match run(opened, &step.sql, &[]).await {
            Ok(()) => {
                run(opened, "release savepoint step", &[]).await?;
                made(&mut kept, &field, step.change);
                migration.done.push(step.words);
            }
            Err(error) => {
                run(opened, "rollback to savepoint step", &[]).await?;
                tracing::debug!(%error, table = table.name, "a table cannot be changed");
                refused.push((field, step));
            }
        }
    }
    if refused.is_empty() {
        return Ok(table.clone());
    }
    let refused = refused.into_iter().map(|(_, step)| RefusedChange {
        table: table.name.clone(),
        line: step.line,
        change: step.words,
    });
    migration.refused.extend(refused);
    Ok(reworded(kept, table))
}

/// A table with everything that is declared now, save for what its columns are.
fn reworded(kept: Table, declared: &Table) -> Table {
    let reword = |column: TableField| {
        let found = declared
            .fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(&column.name));
        let Some(field) = found else { return column };
        TableField {
            kind: column.kind,
            key: column.key,
            required: column.required,
            unique: column.unique,
            default: column.default,
            ..field.clone()
        }
    };
    Table {
        fields: kept.fields.into_iter().map(reword).collect(),
        ..declared.clone()
    }
}

/// What a table is after one of its fields was changed so.
fn made(table: &mut Table, name: &str, change: Change) {
    let same = |field: &TableField| field.name.eq_ignore_ascii_case(name);
    let field = table.fields.iter_mut().find(|field| same(field));
    match (change, field) {
        (Change::Added(field), _) => table.fields.push(TableField { key: false, ..field }),
        (Change::Dropped, _) => table.fields.retain(|field| !same(field)),
        (Change::Keys(names), _) => {
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

fn difference(definition: &Definition, table: &Table, before: &Table) -> Difference {
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
    for old in &known {
        if find(&fields, &old.name).is_none() {
            let step = Step {
                words: format!("field {}.{} is dropped with what it holds", table.name, old.name),
                sql: format!(
                    "alter table {path} drop column {}",
                    quoted(&old.name.to_lowercase())
                ),
                line: table.line,
                change: Change::Dropped,
            };
            found.destructive.push((old.name.clone(), step));
        }
    }
    let keys = |fields: &[TableField]| -> Vec<String> {
        fields
            .iter()
            .filter(|field| field.key)
            .map(|field| field.name.to_lowercase())
            .collect()
    };
    let (new, old) = (keys(&fields), keys(&known));
    if new != old {
        let columns: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
        let constraint = quoted(&format!("{}_pkey", table.name.to_lowercase()));
        let step = Step {
            words: format!("the key of {} becomes {}", table.name, new.join(", ")),
            sql: format!(
                "alter table {path} drop constraint if exists {constraint} cascade, add primary key ({})",
                columns.join(", ")
            ),
            line: table.line,
            change: Change::Keys(new),
        };
        found.destructive.push((String::new(), step));
    }
    found
}
