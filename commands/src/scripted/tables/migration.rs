//! Making tables what scripts declare them to be. What only adds is done at once; what would lose something is refused,
//! with a plan that somebody may confirm.

use std::collections::BTreeMap;

use basic::{Table, TableField};
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

/// A change of one table: what it means in words, and as SQL.
struct Step {
    words: String,
    sql: String,
}

#[derive(Default)]
struct Difference {
    additive: Vec<Step>,
    destructive: Vec<Step>,
    lines: Vec<u32>,
}

impl Tables {
    /// Makes the tables of a bot what is declared. With `confirmed` also does what loses something.
    pub async fn declare(
        &self,
        tenant: OrganisationId,
        bot: BotId,
        declared: &[Table],
        confirmed: bool,
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
                    for step in created(bot, tenant, table) {
                        run(&mut opened, &step.sql, &[]).await?;
                        migration
                            .done
                            .extend((!step.words.is_empty()).then_some(step.words));
                    }
                    keep(&mut opened, tenant, &name, table).await?;
                }
                Some(before) if before == *table => {}
                Some(before) => {
                    let kept = changed(&mut opened, table, &before, confirmed, &mut migration).await?;
                    keep(&mut opened, tenant, &name, &kept).await?;
                }
            }
        }
        opened
            .transaction
            .commit()
            .await
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
fn created(bot: BotId, tenant: OrganisationId, table: &Table) -> Vec<Step> {
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
    let silent = |sql: String| Step {
        words: String::new(),
        sql,
    };
    vec![
        Step {
            words: format!("table {} made", table.name),
            sql: format!("create table {path} ({})", lines.join(", ")),
        },
        silent(format!("alter table {path} enable row level security")),
        silent(format!("alter table {path} force row level security")),
        silent(format!(
            "create policy own on {path} using (current_setting('app.tenant', true) = '{tenant}')"
        )),
        silent(format!("create index on {path} (\"__subject\")")),
    ]
}

fn column_of(field: &TableField, column: &Column) -> String {
    let mut text = format!("{} {}", column.sql, sql_type(column.kind));
    if column.given {
        text.push_str(match column.kind {
            basic::FieldKind::Uuid => " default gen_random_uuid()",
            basic::FieldKind::Integer => " generated by default as identity",
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
                basic::FieldKind::Date | basic::FieldKind::DateTime | basic::FieldKind::Time
            )
            .then(|| format!("now()::{}", sql_type(field.kind)));
        }
        "gen_random_uuid()" | "uuid_generate_v4()" | "guid()" | "uuid()" => {
            return (field.kind == basic::FieldKind::Uuid).then(|| "gen_random_uuid()".to_owned());
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
    before: &Table,
    confirmed: bool,
    migration: &mut Migration,
) -> Result<Table, CommandError> {
    let definition = Definition::new(opened.bot, table.clone());
    let difference = difference(&definition, table, before);
    let mut refused = Vec::new();
    let mut steps = difference.additive;
    if confirmed {
        steps.extend(difference.destructive);
    } else {
        refused.extend(difference.destructive.into_iter().zip(difference.lines));
    }
    for step in steps {
        // One that rows stand against is no reason to lose the others.
        run(opened, "savepoint step", &[]).await?;
        match run(opened, &step.sql, &[]).await {
            Ok(()) => {
                run(opened, "release savepoint step", &[]).await?;
                migration.done.push(step.words);
            }
            Err(error) => {
                run(opened, "rollback to savepoint step", &[]).await?;
                tracing::debug!(%error, table = table.name, "a table cannot be changed");
                refused.push((step, table.line));
            }
        }
    }
    if refused.is_empty() {
        return Ok(table.clone());
    }
    migration
        .refused
        .extend(refused.into_iter().map(|(step, line)| RefusedChange {
            table: table.name.clone(),
            line,
            change: step.words,
        }));
    Ok(united(table, before))
}

/// What is declared, with what it had before wherever the two do not go together.
fn united(table: &Table, before: &Table) -> Table {
    let mut fields = before.fields.clone();
    for field in &table.fields {
        match fields
            .iter_mut()
            .find(|known| known.name.eq_ignore_ascii_case(&field.name))
        {
            Some(known) => {
                let kind = if widens(known.kind, field.kind) {
                    field.kind
                } else {
                    known.kind
                };
                *known = TableField {
                    kind,
                    key: known.key,
                    ..field.clone()
                };
            }
            None => fields.push(field.clone()),
        }
    }
    Table {
        fields,
        ..table.clone()
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
        let Some(old) = find(&known, &field.name) else {
            let step = Step {
                words: format!("field {named} added"),
                sql: format!("alter table {path} add column {}", column_of(field, column)),
            };
            found.additive.push(step);
            continue;
        };
        if old.kind != field.kind {
            let step = Step {
                words: format!(
                    "{named} changes from {} to {}",
                    sql_type(old.kind),
                    sql_type(field.kind)
                ),
                sql: format!(
                    "alter table {path} alter column {0} type {1} using {0}::text::{1}",
                    column.sql,
                    sql_type(field.kind)
                ),
            };
            if widens(old.kind, field.kind) {
                found.additive.push(step);
            } else {
                found.destructive.push(step);
                found.lines.push(field.line);
            }
        }
        if old.required != field.required && !field.key {
            let (words, action) = match field.required {
                true => ("is required now", "set not null"),
                false => ("may be empty now", "drop not null"),
            };
            found.additive.push(Step {
                words: format!("{named} {words}"),
                sql: format!("alter table {path} alter column {} {action}", column.sql),
            });
        }
        if field.unique && !old.unique && !field.key {
            found.additive.push(Step {
                words: format!("{named} is unique now"),
                sql: format!("alter table {path} add unique ({})", column.sql),
            });
        }
    }
    for old in &known {
        if find(&fields, &old.name).is_none() {
            found.destructive.push(Step {
                words: format!("field {}.{} is dropped with what it holds", table.name, old.name),
                sql: format!(
                    "alter table {path} drop column {}",
                    quoted(&old.name.to_lowercase())
                ),
            });
            found.lines.push(table.line);
        }
    }
    let keys = |fields: &[TableField]| -> Vec<String> {
        fields
            .iter()
            .filter(|field| field.key)
            .map(|field| field.name.to_lowercase())
            .collect()
    };
    if keys(&fields) != keys(&known) {
        let columns: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
        let constraint = quoted(&format!("{}_pkey", table.name.to_lowercase()));
        found.destructive.push(Step {
            words: format!("the key of {} becomes {}", table.name, keys(&fields).join(", ")),
            sql: format!(
                "alter table {path} drop constraint if exists {constraint} cascade, add primary key ({})",
                columns.join(", ")
            ),
        });
        found.lines.push(table.line);
    }
    found
}
