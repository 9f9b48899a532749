//! What is asked of conversations.

use std::collections::BTreeMap;

use domain::{BotId, ConversationId, SessionId};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::store::select;
use super::{ConversationRow, ConversationState};
use crate::column;
use crate::paging::{Cursor, Keyset, Order, Page, Slice, fetch};
use crate::reader::{ReadError, Reads};

/// Which conversations; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationFilter {
    pub bot_id: Option<BotId>,
    pub session_id: Option<SessionId>,
    pub state: Option<ConversationState>,
}

impl ConversationFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(bot_id) = self.bot_id {
            query.push(" and bot_id = ").push_bind(bot_id.0);
        }
        if let Some(session_id) = self.session_id {
            query.push(" and session_id = ").push_bind(session_id.0);
        }
        if let Some(state) = self.state {
            query.push(" and state = ").push_bind(state.as_str());
        }
    }
}

impl Keyset for ConversationRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.started_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl Reads {
    /// Newest first, by when they started.
    pub async fn conversations(
        &self,
        page: &Page,
        filter: &ConversationFilter,
    ) -> Result<Slice<ConversationRow>, ReadError> {
        let mut query = QueryBuilder::new(select!("true"));
        filter.narrow(&mut query);
        fetch(
            &mut *self.connection().await,
            query,
            Order::Newest("started_at"),
            page,
        )
        .await
    }

    pub async fn conversation_count(&self, filter: &ConversationFilter) -> Result<u64, ReadError> {
        let mut query = QueryBuilder::new("select count(*) as total from read.conversations where true");
        filter.narrow(&mut query);
        let row = query.build().fetch_one(&mut *self.connection().await).await?;
        Ok(column::count(&row, "total")?)
    }

    pub async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, ReadError> {
        Ok(self.conversations_by_ids(&[id]).await?.remove(&id))
    }

    pub async fn conversations_by_ids(
        &self,
        ids: &[ConversationId],
    ) -> Result<BTreeMap<ConversationId, ConversationRow>, ReadError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows: Vec<ConversationRow> = sqlx::query_as(select!("id = any($1)"))
            .bind(&ids)
            .fetch_all(&mut *self.connection().await)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
