//! What a script declares besides what it does: tables, and what starts it.

use serde::{Deserialize, Serialize};

/// Everything that a script declares. Stored; fields and variants are appended, never changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    pub tables: Vec<Table>,
    pub triggers: Vec<Trigger>,
}

/// `TABLE … END TABLE`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// As written.
    pub name: String,
    /// The connection after ON; None for the bot's own database.
    pub connection: Option<String>,
    /// Roles that may read; empty for everybody.
    pub read_by: Vec<String>,
    pub write_by: Vec<String>,
    pub fields: Vec<TableField>,
    /// Counted from 1.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableField {
    pub name: String,
    pub kind: FieldKind,
    /// What finds a row again; several together.
    pub key: bool,
    pub required: bool,
    pub unique: bool,
    /// The table that it points to.
    pub references: Option<String>,
    /// What it is without a value, as written.
    pub default: Option<String>,
    /// Roles that may read it; empty for everybody.
    pub read_by: Vec<String>,
    pub write_by: Vec<String>,
    /// Whether it names the person whose data the row is.
    pub subject: bool,
    /// Counted from 1.
    pub line: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// At most so many characters.
    Text {
        length: Option<u32>,
    },
    Integer,
    /// So many digits, so many of them behind the point.
    Decimal {
        digits: Option<u32>,
        scale: u32,
    },
    Double,
    Boolean,
    Date,
    Time,
    DateTime,
    Uuid,
    Json,
}

/// What starts a script by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Trigger {
    /// Cron or words, as written.
    Schedule {
        when: String,
    },
    Webhook {
        endpoint: String,
    },
    Row {
        operation: RowOperation,
        table: String,
    },
    Mail {
        address: String,
        from: Option<String>,
        subject: Option<String>,
    },
    Change {
        path: String,
        events: Option<String>,
    },
    Form {
        name: String,
    },
    Event {
        name: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowOperation {
    Insert,
    Update,
    Delete,
}

impl TableField {
    /// A field about which nothing more is said.
    pub fn new(name: impl Into<String>, kind: FieldKind, line: u32) -> TableField {
        TableField {
            name: name.into(),
            kind,
            key: false,
            required: false,
            unique: false,
            references: None,
            default: None,
            read_by: Vec::new(),
            write_by: Vec::new(),
            subject: false,
            line,
        }
    }
}

impl FieldKind {
    /// As tables name it; upper and lower case are equal.
    pub(crate) fn named(name: &str, arguments: &[u32]) -> Option<FieldKind> {
        let first = arguments.first().copied();
        Some(match name.to_ascii_lowercase().as_str() {
            "string" | "varchar" | "nvarchar" | "char" | "nchar" | "character" | "text" | "tinytext"
            | "mediumtext" | "longtext" | "email" | "phone" | "url" | "citext" => {
                FieldKind::Text { length: first }
            }
            "integer" | "int" | "int2" | "int4" | "int8" | "bigint" | "smallint" | "mediumint"
            | "tinyint" | "long" | "serial" | "smallserial" | "bigserial" | "counter" => FieldKind::Integer,
            "number" | "decimal" | "numeric" | "money" | "currency" => FieldKind::Decimal {
                digits: first,
                scale: arguments.get(1).copied().unwrap_or(0),
            },
            "double" | "float" | "float4" | "float8" | "real" => FieldKind::Double,
            "boolean" | "bool" | "logical" => FieldKind::Boolean,
            "date" => FieldKind::Date,
            "time" | "timetz" => FieldKind::Time,
            "datetime" | "timestamp" | "timestamptz" => FieldKind::DateTime,
            "guid" | "uuid" | "uniqueidentifier" => FieldKind::Uuid,
            "json" | "jsonb" | "object" | "array" => FieldKind::Json,
            _ => return None,
        })
    }

    /// For suggestions.
    pub(crate) const NAMES: &'static [&'static str] = &[
        "string", "text", "integer", "number", "double", "boolean", "date", "time", "datetime", "guid",
        "json",
    ];
}
