//! Columns: how stored words, ids and JSON become values, and an error that names the column when they do not.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// An enum that is stored as a word: its variants, `as_str` and `parse`.
macro_rules! stored_word {
    ($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$note])* $variant),+ }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some($name::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use stored_word;

/// An id of ours.
pub(crate) fn id<T: From<Uuid>>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    row.try_get::<Uuid, _>(column).map(T::from)
}

pub(crate) fn optional_id<T: From<Uuid>>(row: &PgRow, column: &str) -> Result<Option<T>, sqlx::Error> {
    row.try_get::<Option<Uuid>, _>(column).map(|id| id.map(T::from))
}

/// A word of a closed set, read by `parse`.
pub(crate) fn word<T>(row: &PgRow, column: &str, parse: fn(&str) -> Option<T>) -> Result<T, sqlx::Error> {
    parse(row.try_get(column)?).ok_or_else(|| undecodable(column, "a word this version does not know"))
}

pub(crate) fn optional_word<T>(
    row: &PgRow,
    column: &str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>, sqlx::Error> {
    row.try_get::<Option<&str>, _>(column)?
        .map(|text| parse(text).ok_or_else(|| undecodable(column, "a word this version does not know")))
        .transpose()
}

pub(crate) fn json<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    serde_json::from_value(row.try_get::<Value, _>(column)?)
        .map_err(|_| undecodable(column, "JSON this version cannot read"))
}

pub(crate) fn optional_json<T: DeserializeOwned>(
    row: &PgRow,
    column: &str,
) -> Result<Option<T>, sqlx::Error> {
    row.try_get::<Option<Value>, _>(column)?
        .map(serde_json::from_value)
        .transpose()
        .map_err(|_| undecodable(column, "JSON this version cannot read"))
}

/// A whole number that is never negative.
pub(crate) fn count(row: &PgRow, column: &str) -> Result<u64, sqlx::Error> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| undecodable(column, "a negative count"))
}

/// A number of a line or column.
pub(crate) fn small_count(row: &PgRow, column: &str) -> Result<u32, sqlx::Error> {
    u32::try_from(row.try_get::<i64, _>(column)?).map_err(|_| undecodable(column, "a number out of range"))
}

pub(crate) fn undecodable(column: &str, what: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: what.into(),
    }
}

/// A value of ours as JSON, to be stored.
pub(crate) fn to_json<T: serde::Serialize>(value: &T) -> Result<Value, sqlx::Error> {
    serde_json::to_value(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// A count as the database holds it.
pub(crate) fn to_bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
