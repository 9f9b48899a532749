//! Pages: keyset cursors over a stable order, so that a page costs the same wherever it begins and nothing is
//! shown twice because something was added in between.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use event_log::Position;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use crate::reader::ReadError;

/// Most rows that a page holds.
pub const PAGE_MAX: i32 = 100;
/// Rows of a page when nobody says how many.
pub const PAGE_DEFAULT: i32 = 25;

/// Which part of a list: the `first` rows after a cursor, or the `last` before one.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    size: i32,
    backward: bool,
    after: Option<String>,
    before: Option<String>,
}

/// A page that cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    #[error("a page cannot hold fewer than 0 rows")]
    Negative,
    #[error("a page holds at most {PAGE_MAX} rows")]
    TooLarge,
    #[error("first and last cannot be given together")]
    FirstAndLast,
}

impl Page {
    /// Fails with [`PageError`] for a size out of range, or two of them. Cursors are checked when they are used.
    pub fn new(
        first: Option<i32>,
        last: Option<i32>,
        after: Option<String>,
        before: Option<String>,
    ) -> Result<Self, PageError> {
        let (size, backward) = match (first, last) {
            (Some(_), Some(_)) => return Err(PageError::FirstAndLast),
            (None, Some(last)) => (last, true),
            (first, None) => (first.unwrap_or(PAGE_DEFAULT), false),
        };
        match size {
            ..0 => Err(PageError::Negative),
            0..=PAGE_MAX => Ok(Self {
                size,
                backward,
                after,
                before,
            }),
            _ => Err(PageError::TooLarge),
        }
    }

    /// The first `size` rows after a cursor.
    pub fn first(size: i32, after: Option<String>) -> Result<Self, PageError> {
        Self::new(Some(size), None, after, None)
    }

    /// The last `size` rows before a cursor.
    pub fn last(size: i32, before: Option<String>) -> Result<Self, PageError> {
        Self::new(None, Some(size), None, before)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            size: PAGE_DEFAULT,
            backward: false,
            after: None,
            before: None,
        }
    }
}

/// The cursor of a row in a list that is ordered by these texts.
pub fn cursor_of_key(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("k.{key}"))
}

fn key_of(cursor: &str) -> Result<String, ReadError> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| ReadError::Cursor)?;
    let text = String::from_utf8(bytes).map_err(|_| ReadError::Cursor)?;
    text.strip_prefix("k.")
        .map(str::to_owned)
        .ok_or(ReadError::Cursor)
}

impl Page {
    /// The page of rows that are all there, in the order of their keys; their cursors are those of [`cursor_of_key`].
    /// Fails with [`ReadError::Cursor`] for a cursor of another kind of list.
    pub fn of_all<T>(&self, rows: Vec<T>, key: impl Fn(&T) -> String) -> Result<Slice<T>, ReadError> {
        let after = self.after.as_deref().map(key_of).transpose()?;
        let before = self.before.as_deref().map(key_of).transpose()?;
        let within = |row: &T| {
            let key = key(row);
            after.as_ref().is_none_or(|after| key > *after)
                && before.as_ref().is_none_or(|before| key < *before)
        };
        let mut rows: Vec<T> = rows.into_iter().filter(within).collect();
        let size = usize::try_from(self.size).unwrap_or_default();
        let more = rows.len() > size;
        if self.backward {
            rows.drain(..rows.len().saturating_sub(size));
        } else {
            rows.truncate(size);
        }
        Ok(Slice {
            rows,
            has_next: if self.backward {
                before.is_some()
            } else {
                more || before.is_some()
            },
            has_previous: if self.backward {
                more || after.is_some()
            } else {
                after.is_some()
            },
        })
    }
}

/// Rows of a page in list order, and whether there are more on either side.
#[derive(Debug, Clone, PartialEq)]
pub struct Slice<T> {
    pub rows: Vec<T>,
    pub has_next: bool,
    pub has_previous: bool,
}

/// A row with a place in its list.
pub trait Keyset {
    /// The place as opaque text, to be given back as `after` or `before`.
    fn cursor(&self) -> String;
}

/// How a list is ordered, and so what its cursors hold.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// By this column of time, newest first, ids breaking ties.
    Newest(&'static str),
    /// By this column of time, oldest first, ids breaking ties.
    Oldest(&'static str),
    /// By position, oldest first.
    Position,
}

/// A place in a list. Its text starts with the kind, so that a cursor of one order is refused by the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cursor {
    Moment { at: DateTime<Utc>, id: Uuid },
    Waiting { at: DateTime<Utc>, id: Uuid },
    Position(Position),
}

impl Cursor {
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Cursor::Moment { at, id } => format!("m.{}.{}", at.timestamp_micros(), id.simple()),
            Cursor::Waiting { at, id } => format!("w.{}.{}", at.timestamp_micros(), id.simple()),
            Cursor::Position(position) => format!("p.{position}"),
        })
    }

    fn decode(text: &str, order: Order) -> Result<Self, ReadError> {
        Self::parse(text, order).ok_or(ReadError::Cursor)
    }

    fn parse(text: &str, order: Order) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (kind, rest) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
        match (kind, order) {
            ("m", Order::Newest(_)) | ("w", Order::Oldest(_)) => {
                let (micros, id) = rest.split_once('.')?;
                let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
                let id = Uuid::parse_str(id).ok()?;
                Some(match order {
                    Order::Oldest(_) => Cursor::Waiting { at, id },
                    Order::Newest(_) | Order::Position => Cursor::Moment { at, id },
                })
            }
            ("p", Order::Position) => Some(Cursor::Position(Position(rest.parse().ok()?))),
            _ => None,
        }
    }
}

/// The cursor of a place in the log, by which conversations are ordered and live reads resumed.
pub fn cursor_at(position: Position) -> String {
    Cursor::Position(position).encode()
}

/// The place that a cursor of [`cursor_at`] stands for. Fails with [`ReadError::Cursor`] for any other text.
pub fn place_of(cursor: &str) -> Result<Position, ReadError> {
    match Cursor::decode(cursor, Order::Position)? {
        Cursor::Position(position) if position.0 >= 0 => Ok(position),
        Cursor::Position(_) | Cursor::Moment { .. } | Cursor::Waiting { .. } => Err(ReadError::Cursor),
    }
}

/// Runs a list query, which ends within its `where`, for one page.
pub(crate) async fn fetch<T>(
    connection: &mut PgConnection,
    mut query: QueryBuilder<'_, Postgres>,
    order: Order,
    page: &Page,
) -> Result<Slice<T>, ReadError>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    let (onward, back) = match order {
        Order::Newest(_) => (" < ", " > "),
        Order::Oldest(_) | Order::Position => (" > ", " < "),
    };
    for (text, side) in [(&page.after, onward), (&page.before, back)] {
        if let Some(text) = text {
            bound(&mut query, order, side, Cursor::decode(text, order)?);
        }
    }
    query.push(match (order, page.backward) {
        (Order::Newest(column), false) => format!(" order by {column} desc, id desc"),
        (Order::Newest(column), true) => format!(" order by {column}, id"),
        (Order::Oldest(column), false) => format!(" order by {column}, id"),
        (Order::Oldest(column), true) => format!(" order by {column} desc, id desc"),
        (Order::Position, false) => " order by position".to_owned(),
        (Order::Position, true) => " order by position desc".to_owned(),
    });
    query.push(" limit ").push_bind(i64::from(page.size) + 1);
    let mut rows: Vec<T> = query.build_query_as().fetch_all(connection).await?;
    let size = usize::try_from(page.size).unwrap_or_default();
    // A cursor's own row lies beyond the page on its side.
    let more = rows.len() > size;
    rows.truncate(size);
    Ok(if page.backward {
        rows.reverse();
        Slice {
            rows,
            has_next: page.before.is_some(),
            has_previous: more || page.after.is_some(),
        }
    } else {
        Slice {
            rows,
            has_next: more || page.before.is_some(),
            has_previous: page.after.is_some(),
        }
    })
}

fn bound(query: &mut QueryBuilder<'_, Postgres>, order: Order, side: &'static str, cursor: Cursor) {
    match (order, cursor) {
        (
            Order::Newest(column) | Order::Oldest(column),
            Cursor::Moment { at, id } | Cursor::Waiting { at, id },
        ) => {
            query.push(format!(" and ({column}, id){side}(")).push_bind(at);
            query.push(", ").push_bind(id).push(")");
        }
        (_, Cursor::Position(position)) => {
            query.push(" and position").push(side).push_bind(position.0);
        }
        (Order::Position, Cursor::Moment { .. } | Cursor::Waiting { .. }) => {}
    }
}

#[cfg(test)]
mod tests;
