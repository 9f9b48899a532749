//! What the nouns' read models have in common: one row an id, listed newest first, counted, found by ids.

use std::collections::BTreeMap;

use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::column;
use crate::fold::{Folded, Projection, Rows};
use crate::paging::{Keyset, Order, Page, Slice, fetch};
use crate::reader::{ReadError, Reads};

/// A row of a read model that has one row for each id.
pub(crate) trait Listed: Keyset + for<'r> FromRow<'r, PgRow> + Send + Unpin {
    type Id: Ord + Copy + Into<Uuid> + Send + Sync;
    type Filter: Narrow;

    const TABLE: &'static str;
    /// The columns that the row is read from.
    const COLUMNS: &'static str;
    /// The column of time by which lists run, newest first.
    const NEWEST_BY: &'static str;

    fn id(&self) -> Self::Id;
}

/// Conditions on the rows of a list.
pub(crate) trait Narrow: Sync {
    /// Appends ` and …` for everything that is set.
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>);
}

/// No conditions.
impl Narrow for () {
    fn narrow(&self, _query: &mut QueryBuilder<'_, Postgres>) {}
}

/// A query for rows that ends within its `where`.
pub(crate) fn select<'q, R: Listed>() -> QueryBuilder<'q, Postgres> {
    let (columns, table) = (R::COLUMNS, R::TABLE);
    QueryBuilder::new(format!("select {columns} from {table} where true"))
}

fn select_ids<R: Listed>(ids: &[R::Id], more: &str) -> QueryBuilder<'static, Postgres> {
    let (columns, table) = (R::COLUMNS, R::TABLE);
    let ids: Vec<Uuid> = ids.iter().map(|id| (*id).into()).collect();
    let mut query = QueryBuilder::new(format!("select {columns}{more} from {table} where id = any("));
    query.push_bind(ids).push(")");
    query
}

/// The rows of these ids, each with the position of the last event in it.
pub(crate) async fn load_rows<R: Listed>(
    connection: &mut PgConnection,
    ids: &[R::Id],
) -> Result<Vec<(i64, R)>, sqlx::Error> {
    let mut query = select_ids::<R>(ids, ", position");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("position")?, R::from_row(row)?)))
        .collect()
}

/// [`Projection::load`] where a row is all that a projection keeps of an id.
pub(crate) async fn load<P>(connection: &mut PgConnection, keys: &[P::Key]) -> Result<Rows<P>, sqlx::Error>
where
    P: Projection,
    P::Row: Listed<Id = P::Key>,
{
    let rows = load_rows::<P::Row>(connection, keys).await?;
    let folded = |(position, row): (i64, P::Row)| (row.id(), Folded::stored(position, row));
    Ok(rows.into_iter().map(folded).collect())
}

impl Reads {
    pub(crate) async fn list<R: Listed>(
        &self,
        page: &Page,
        filter: &R::Filter,
    ) -> Result<Slice<R>, ReadError> {
        let mut query = select::<R>();
        filter.narrow(&mut query);
        let order = Order::Newest(R::NEWEST_BY);
        fetch(&mut *self.connection().await, query, order, page).await
    }

    pub(crate) async fn count<R: Listed>(&self, filter: &R::Filter) -> Result<u64, ReadError> {
        let table = R::TABLE;
        let mut query = QueryBuilder::new(format!("select count(*) as total from {table} where true"));
        filter.narrow(&mut query);
        let row = query.build().fetch_one(&mut *self.connection().await).await?;
        Ok(column::count(&row, "total")?)
    }

    pub(crate) async fn by_ids<R: Listed>(&self, ids: &[R::Id]) -> Result<BTreeMap<R::Id, R>, ReadError> {
        let mut query = select_ids::<R>(ids, "");
        let rows: Vec<R> = query
            .build_query_as()
            .fetch_all(&mut *self.connection().await)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id(), row)).collect())
    }
}
