//! What a table is: its columns, and who may read and write them.

use basic::{FieldKind, Refusal, Table, TableField};
use domain::BotId;

use super::quoted;
use sha2::{Digest, Sha256};

/// The column that is there where a table declares no key.
const ID: &str = "id";

/// A table of a bot.
#[derive(Debug)]
pub struct Definition {
    pub table: Table,
    pub columns: Vec<Column>,
    /// Schema and name, for SQL.
    pub path: String,
    /// Another one after each change of the fields. Statements that stay prepared begin with it.
    pub stamp: String,
}

/// A column of a table, made from a field.
#[derive(Debug, Clone)]
pub struct Column {
    /// As declared: what scripts see.
    pub name: String,
    /// For SQL: in lower case, quoted.
    pub sql: String,
    pub kind: FieldKind,
    pub key: bool,
    /// A number or id that the database gives where there is none.
    pub given: bool,
    pub subject: bool,
    pub read_by: Vec<String>,
    pub write_by: Vec<String>,
}

/// The schema of a bot.
pub(super) fn schema_of(bot: BotId) -> String {
    format!("bot_{}", bot.0.simple())
}

impl Definition {
    pub fn new(bot: BotId, table: Table) -> Definition {
        let name = quoted(&table.name.to_lowercase());
        let path = match table.connection {
            None => format!("{}.{name}", quoted(&schema_of(bot))),
            Some(_) => name,
        };
        let columns: Vec<Column> = all_fields(&table).iter().map(Column::of).collect();
        let mut digest = Sha256::new();
        for column in &columns {
            digest.update(format!("{} {} ", column.sql, sql_type(column.kind)));
        }
        let stamp = format!("/* {} */ ", hex::encode(&digest.finalize()[..8]));
        Definition {
            table,
            columns,
            path,
            stamp,
        }
    }

    /// Whether it is in our database, where each row says whose data it holds.
    pub fn is_own(&self) -> bool {
        self.table.connection.is_none()
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(name.trim()))
    }

    /// The column of this name, or what a script is told.
    pub fn known(&self, name: &str) -> Result<&Column, Refusal> {
        self.column(name).ok_or_else(|| {
            let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
            Refusal::mistake(
                "field_unknown",
                format!(
                    "{} has no field `{}`; there are {}",
                    self.table.name,
                    name.trim(),
                    names.join(", ")
                ),
            )
        })
    }

    /// The column of this name, if whoever has these roles may read it. Comparing a value is reading it, and so is
    /// putting rows into its order.
    pub fn read_by(&self, name: &str, roles: &[&str]) -> Result<&Column, Refusal> {
        let column = self.known(name)?;
        if !column.readable(roles) {
            let message = format!("{} may not be read with this role", column.name);
            return Err(Refusal::mistake("field_forbidden", message));
        }
        Ok(column)
    }

    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key)
    }

    /// Refuses whoever has none of the roles that may read.
    pub fn check_read(&self, roles: &[&str]) -> Result<(), Refusal> {
        allowed(&self.table.read_by, roles)
            .then_some(())
            .ok_or_else(|| self.forbidden("read"))
    }

    pub fn check_write(&self, roles: &[&str]) -> Result<(), Refusal> {
        allowed(&self.table.write_by, roles)
            .then_some(())
            .ok_or_else(|| self.forbidden("written"))
    }

    fn forbidden(&self, what: &str) -> Refusal {
        let message = format!("{} may not be {what} with this role", self.table.name);
        Refusal::mistake("table_forbidden", message)
    }
}

/// The fields with the one that is added where a table declares no key.
pub(super) fn all_fields(table: &Table) -> Vec<TableField> {
    let mut fields = table.fields.clone();
    if fields.iter().any(|field| field.key) {
        return fields;
    }
    if let Some(id) = fields
        .iter_mut()
        .find(|field| field.name.eq_ignore_ascii_case(ID))
    {
        id.key = true;
        return fields;
    }
    let id = TableField {
        key: true,
        ..TableField::new(ID, FieldKind::Integer, table.line)
    };
    fields.insert(0, id);
    fields
}

impl Column {
    fn of(field: &TableField) -> Column {
        let numbered = match field.kind {
            FieldKind::Integer | FieldKind::Uuid => true,
            FieldKind::Decimal { scale, .. } => scale == 0,
            _ => false,
        };
        Column {
            name: field.name.clone(),
            sql: quoted(&field.name.to_lowercase()),
            kind: field.kind,
            key: field.key,
            given: field.key && numbered && field.default.is_none() && field.references.is_none(),
            subject: field.subject,
            read_by: field.read_by.clone(),
            write_by: field.write_by.clone(),
        }
    }

    pub fn readable(&self, roles: &[&str]) -> bool {
        allowed(&self.read_by, roles)
    }

    pub fn writable(&self, roles: &[&str]) -> bool {
        allowed(&self.write_by, roles)
    }
}

/// Without roles everybody may.
fn allowed(wanted: &[String], roles: &[&str]) -> bool {
    wanted.is_empty()
        || wanted
            .iter()
            .any(|wanted| roles.iter().any(|role| role.eq_ignore_ascii_case(wanted)))
}

/// The type of a column in PostgreSQL.
pub(super) fn sql_type(kind: FieldKind) -> String {
    match kind {
        FieldKind::Text { length: Some(length) } if (1..=10_485_760).contains(&length) => {
            format!("varchar({length})")
        }
        FieldKind::Text { .. } => "text".to_owned(),
        FieldKind::Integer => "bigint".to_owned(),
        FieldKind::Decimal {
            digits: Some(digits),
            scale,
        } if (1..=1000).contains(&digits) && scale <= digits => format!("numeric({digits},{scale})"),
        FieldKind::Decimal { .. } => "numeric".to_owned(),
        FieldKind::Double => "double precision".to_owned(),
        FieldKind::Boolean => "boolean".to_owned(),
        FieldKind::Date => "date".to_owned(),
        FieldKind::Time => "time".to_owned(),
        FieldKind::DateTime => "timestamptz".to_owned(),
        FieldKind::Uuid => "uuid".to_owned(),
        FieldKind::Json => "jsonb".to_owned(),
    }
}

/// Whether every value of one kind is one of another, so that a column may change.
pub(super) fn widens(from: FieldKind, to: FieldKind) -> bool {
    use FieldKind::{Boolean, Date, DateTime, Decimal, Double, Integer, Text, Time, Uuid};
    match (from, to) {
        (from, to) if from == to => true,
        (Text { length: from }, Text { length: to }) => match (from, to) {
            (_, None) => true,
            (Some(from), Some(to)) => from <= to,
            (None, Some(_)) => false,
        },
        (
            Integer | Decimal { .. } | Double | Boolean | Date | Time | DateTime | Uuid,
            Text { length: None },
        ) => true,
        (Integer, Decimal { digits: None, .. }) => true,
        (
            Integer,
            Decimal {
                digits: Some(digits),
                scale,
            },
        ) => digits.saturating_sub(scale) >= 19,
        (Decimal { .. }, Decimal { digits: None, .. }) => true,
        (
            Decimal {
                digits: Some(from),
                scale: from_scale,
            },
            Decimal {
                digits: Some(to),
                scale: to_scale,
            },
        ) => from_scale <= to_scale && from - from_scale.min(from) <= to - to_scale.min(to),
        _ => false,
    }
}
