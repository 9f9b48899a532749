//! What is asked of users. Logins and names are opened on the way.

use std::collections::BTreeMap;

use domain::UserId;
use sqlx::{Postgres, QueryBuilder};

use super::store::COLUMNS;
use super::{TABLE, UserKind, UserRow};
use crate::column;
use crate::listing::{Listed, Narrow};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads, personal};

/// Which users; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserFilter {
    pub kind: Option<UserKind>,
}

impl Listed for UserRow {
    type Id = UserId;
    type Filter = UserFilter;

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "created_at";

    fn id(&self) -> UserId {
        self.id
    }
}

impl Narrow for UserFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(kind) = self.kind {
            query.push(" and kind = ").push_bind(kind.as_str());
        }
    }
}

impl Keyset for UserRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.created_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl Reads {
    /// Newest first, by when they first came.
    pub async fn users(&self, page: &Page, filter: &UserFilter) -> Result<Slice<UserRow>, ReadError> {
        let Slice {
            rows,
            has_next,
            has_previous,
        } = self.list(page, filter).await?;
        Ok(Slice {
            rows: self.opened_users(rows).await?,
            has_next,
            has_previous,
        })
    }

    pub async fn user_count(&self, filter: &UserFilter) -> Result<u64, ReadError> {
        self.count::<UserRow>(filter).await
    }

    pub async fn users_by_ids(&self, ids: &[UserId]) -> Result<BTreeMap<UserId, UserRow>, ReadError> {
        let rows = self.by_ids::<UserRow>(ids).await?.into_values().collect();
        let opened = self.opened_users(rows).await?;
        Ok(opened.into_iter().map(|row| (row.id, row)).collect())
    }

    async fn opened_users(&self, mut rows: Vec<UserRow>) -> Result<Vec<UserRow>, ReadError> {
        let texts = || {
            rows.iter()
                .filter_map(|row| row.account.as_ref())
                .flat_map(|account| [&account.login, &account.name])
        };
        let sealed = texts().map(column::to_json).collect::<Result<Vec<_>, _>>()?;
        let mut opened = self.open(sealed).await?.into_iter();
        for account in rows.iter_mut().filter_map(|row| row.account.as_mut()) {
            for text in [&mut account.login, &mut account.name] {
                *text = personal(opened.next().unwrap_or_default())?;
            }
        }
        Ok(rows)
    }
}
