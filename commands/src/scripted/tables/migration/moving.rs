//! Tables that move to another database: what they held stays in ours.

use std::collections::BTreeMap;

use basic::Table;
use domain::OrganisationId;

use super::super::definition::Definition;
use super::super::{Opened, quoted};
use super::{Reason, RefusedChange, keep, run};
use crate::CommandError;

/// What is kept of a table's name when it gets another one: PostgreSQL cuts names of more than 63 bytes.
const NAME_KEPT_MAX: usize = 40;

/// That scripts find a table in another database from now on, and not what it held in ours.
pub(super) fn moving(table: &Table) -> RefusedChange {
    RefusedChange {
        table: table.name.clone(),
        line: table.line,
        change: format!("table {} lies in another database now", table.name),
        reason: Reason::Loses,
    }
}

/// Gives a table of ours another name, under which it stays known: erasing a person reaches it, and its own name is
/// free. Answers the name.
pub(super) async fn leave(
    opened: &mut Opened,
    tenant: OrganisationId,
    before: &Table,
    present: &BTreeMap<String, Table>,
    declared: &[Table],
) -> Result<String, CommandError> {
    let name = before.name.to_lowercase();
    let is_free = |left: &String| {
        let is_declared = declared.iter().any(|table| table.name.eq_ignore_ascii_case(left));
        !is_declared && !present.contains_key(left)
    };
    let kept = &name[..name.floor_char_boundary(NAME_KEPT_MAX)];
    let mut names = (1..).map(|n| format!("{kept}_before{n}"));
    let left = names.find(is_free).expect("there are more names than tables");
    let path = Definition::new(opened.bot, before.clone()).path;
    // What belongs to it is named after it, and would stand in the way of a table that is made under its name again.
    let constraints: Vec<String> = sqlx::query_scalar(
        "select conname::text from pg_constraint
         where conrelid = to_regclass($1) and starts_with(conname, $2 || '_') order by 1",
    )
    .bind(&path)
    .bind(&name)
    .fetch_all(&mut *opened.transaction)
    .await
    .map_err(CommandError::unexpected)?;
    for constraint in constraints {
        let renamed = format!("{left}{}", &constraint[name.len()..]);
        let (constraint, renamed) = (quoted(&constraint), quoted(&renamed));
        let sql = format!("alter table {path} rename constraint {constraint} to {renamed}");
        run(opened, &sql, &[]).await?;
    }
    run(
        opened,
        &format!("alter table {path} rename to {}", quoted(&left)),
        &[],
    )
    .await?;
    let table = Table {
        name: left.clone(),
        ..before.clone()
    };
    keep(opened, tenant, &left, &table).await?;
    Ok(left)
}
