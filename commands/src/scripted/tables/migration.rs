//! Making tables what scripts declare them to be. What only adds is done at once; what would lose something is refused,
//! with a plan that somebody may confirm.

mod difference;
mod elsewhere;
mod moving;

pub use elsewhere::Elsewhere;

use std::collections::BTreeMap;

use basic::{FieldKind, Table, TableField};
use domain::{BotId, OrganisationId};

use super::definition::{Column, Definition, all_fields, schema_of, sql_type};
use super::{Opened, Tables};
use crate::CommandError;
use difference::{Step, difference, made};
use moving::{leave, moving};

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
    pub reason: Reason,
}

/// Why a change is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It would lose something, and nobody confirmed it.
    Loses,
    /// Rows that are there do not go with it.
    Rows,
    /// PostgreSQL has no such table: too many fields, a size that it does not know.
    Impossible,
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
        if extent == Extent::Plan {
            let mut present = catalogue(&mut opened).await?;
            for table in declared {
                let before = present.remove(&table.name.to_lowercase());
                let before =
                    before.filter(|before| before.connection.is_none() || table.connection.is_some());
                match before {
                    Some(before) if table.connection.is_some() => {
                        let moved = before.connection.is_none().then(|| moving(table));
                        migration.refused.extend(moved);
                    }
                    None if table.connection.is_some() => {}
                    None => migration.done.push(format!("table {} made", table.name)),
                    Some(before) => planned(bot, table, before, &mut migration),
                }
            }
            return Ok(migration);
        }
        // A table may be large, and whoever asks waits for it.
        run(
            &mut opened,
            "select set_config('statement_timeout', '0', true)",
            &[],
        )
        .await?;
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
        for table in declared.iter().filter(|table| table.connection.is_some()) {
            // Where it is known from; it is made, if at all, where it lies.
            let name = table.name.to_lowercase();
            match present.get(&name) {
                Some(before) if before == table => {}
                Some(before) if before.connection.is_none() => {
                    let change = moving(table);
                    if extent != Extent::Everything {
                        migration.refused.push(change);
                        continue;
                    }
                    let left = leave(&mut opened, tenant, before, &present, declared).await?;
                    keep(&mut opened, tenant, &name, table).await?;
                    let done = format!("{}; what it held stays here as {left}", change.change);
                    migration.done.push(done);
                }
                _ => keep(&mut opened, tenant, &name, table).await?,
            }
        }
        for table in declared.iter().filter(|table| table.connection.is_none()) {
            let name = table.name.to_lowercase();
            if present
                .get(&name)
                .is_some_and(|before| before.connection.is_some())
            {
                present.remove(&name);
            }
            match present.remove(&name) {
                None if make(&mut opened, tenant, table).await? => {
                    migration.done.push(format!("table {} made", table.name));
                    keep(&mut opened, tenant, &name, table).await?;
                }
                None => migration.refused.push(RefusedChange {
                    table: table.name.clone(),
                    line: table.line,
                    change: format!("table {} made", table.name),
                    reason: Reason::Impossible,
                }),
                Some(before) if before == *table => {}
                Some(before) => {
                    let kept = changed(&mut opened, table, before, extent, &mut migration).await?;
                    keep(&mut opened, tenant, &name, &kept).await?;
                }
            }
        }
        opened
            .transaction
            .commit()
            .await
            .map_err(CommandError::unexpected)?;
        self.forget(bot);
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

/// Makes a table, if it can be.
async fn make(opened: &mut Opened, tenant: OrganisationId, table: &Table) -> Result<bool, CommandError> {
    run(opened, "savepoint made", &[]).await?;
    for sql in created(opened.bot, tenant, table) {
        if let Err(error) = sqlx::query(&sql).execute(&mut *opened.transaction).await {
            let code = error.as_database_error().and_then(|error| error.code());
            let declared = ["22", "42", "54"];
            if !code.is_some_and(|code| declared.iter().any(|class| code.starts_with(class))) {
                return Err(CommandError::unexpected(error));
            }
            tracing::debug!(%error, table = table.name, "a table cannot be made");
            run(opened, "rollback to savepoint made", &[]).await?;
            return Ok(false);
        }
    }
    run(opened, "release savepoint made", &[]).await?;
    Ok(true)
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
        Extent::Plan | Extent::Additive => refused.extend(refusals(table, difference.destructive)),
    }
    for (field, step) in steps {
        // One that rows stand against is no reason to lose the others.
        run(opened, "savepoint step", &[]).await?;
        match sqlx::query(&step.sql).execute(&mut *opened.transaction).await {
            Ok(_) => {
                run(opened, "release savepoint step", &[]).await?;
                made(&mut kept, &field, step.change);
                migration.done.push(step.words);
            }
            Err(error) if is_of_rows(&error) => {
                run(opened, "rollback to savepoint step", &[]).await?;
                tracing::debug!(%error, table = table.name, "a table cannot be changed");
                refused.push(RefusedChange {
                    table: table.name.clone(),
                    line: step.line,
                    change: step.words,
                    reason: Reason::Rows,
                });
            }
            Err(error) => return Err(CommandError::unexpected(error)),
        }
    }
    if refused.is_empty() {
        return Ok(table.clone());
    }
    migration.refused.extend(refused);
    Ok(reworded(kept, table))
}

/// What would be made of a table, and what waits for a confirmation.
fn planned(bot: BotId, table: &Table, mut before: Table, migration: &mut Migration) {
    if before == *table {
        return;
    }
    before.fields = all_fields(&before);
    let definition = Definition::new(bot, table.clone());
    let difference = difference(&definition, table, &before);
    let words = difference.additive.into_iter().map(|(_, step)| step.words);
    migration.done.extend(words);
    migration.refused.extend(refusals(table, difference.destructive));
}

fn refusals(table: &Table, steps: Vec<(String, Step)>) -> impl Iterator<Item = RefusedChange> {
    steps.into_iter().map(|(_, step)| RefusedChange {
        table: table.name.clone(),
        line: step.line,
        change: step.words,
        reason: Reason::Loses,
    })
}

/// Whether values that are there stand against a change: they are missing, the same, or of another kind.
fn is_of_rows(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23") || code.starts_with("54"))
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
