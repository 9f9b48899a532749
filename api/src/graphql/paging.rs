//! Lists: Relay connections over keyset pages.

use std::convert::Infallible;

use async_graphql::connection::{
    Connection, CursorType, DefaultConnectionName, DefaultEdgeName, DisableNodesField, Edge, EmptyFields,
};
use async_graphql::{Context, OutputType, SimpleObject};
use projections::{Keyset, Page, Slice};

use super::error::AskError;

/// Rows that a page is reckoned with when nobody says how many.
const PAGE_DEFAULT: usize = 25;

/// A list with edges, cursors and, where asked for, a count.
pub(super) type List<T> =
    Connection<Mark, T, Total, EmptyFields, DefaultConnectionName, DefaultEdgeName, DisableNodesField>;

/// A list that may be as long as a log: not counted.
pub(super) type Stretch<T> =
    Connection<Mark, T, EmptyFields, EmptyFields, DefaultConnectionName, DefaultEdgeName, DisableNodesField>;

/// The place of a row, as the read model writes it.
pub(super) struct Mark(String);

impl CursorType for Mark {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }

    fn encode_cursor(&self) -> String {
        self.0.clone()
    }
}

/// What a list says besides its page.
#[derive(SimpleObject)]
pub(super) struct Total {
    /// How many there are on all pages together.
    total_count: u64,
}

/// The page that the arguments of a list ask for.
pub(super) fn page(
    first: Option<i32>,
    last: Option<i32>,
    after: Option<String>,
    before: Option<String>,
) -> Result<Page, AskError> {
    Page::new(first, last, after, before).map_err(AskError::BadPage)
}

/// What a list costs: its page times what each row costs.
pub(super) fn cost(first: Option<i32>, last: Option<i32>, row: usize) -> usize {
    let size = first
        .or(last)
        .map_or(PAGE_DEFAULT, |size| usize::try_from(size).unwrap_or(0));
    size.saturating_mul(row).saturating_add(1)
}

/// Whether the count is wanted: it costs a question of its own.
pub(super) fn counted(ctx: &Context<'_>) -> bool {
    ctx.look_ahead().field("totalCount").exists()
}

pub(super) fn list<R: Keyset, T: From<R> + OutputType>(slice: Slice<R>, total_count: Option<u64>) -> List<T> {
    let total = Total {
        total_count: total_count.unwrap_or_default(),
    };
    let mut list = List::with_additional_fields(slice.has_previous, slice.has_next, total);
    list.edges = slice
        .rows
        .into_iter()
        .map(|row| Edge::new(Mark(row.cursor()), T::from(row)))
        .collect();
    list
}

pub(super) fn stretch<R: Keyset, T: From<R> + OutputType>(slice: Slice<R>) -> Stretch<T> {
    let mut list = Stretch::new(slice.has_previous, slice.has_next);
    list.edges = slice
        .rows
        .into_iter()
        .map(|row| Edge::new(Mark(row.cursor()), T::from(row)))
        .collect();
    list
}
