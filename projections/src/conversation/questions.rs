//! What is asked of conversations.

use std::collections::BTreeMap;

use domain::conversation::Control;
use domain::{BotId, ConversationId, SessionId};
use sqlx::{Postgres, QueryBuilder};

use super::store::COLUMNS;
use super::{ConversationRow, ConversationState, TABLE};
use crate::listing::{Listed, Narrow};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads};

/// Which conversations; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConversationFilter {
    pub bot_id: Option<BotId>,
    pub session_id: Option<SessionId>,
    pub state: Option<ConversationState>,
    pub control: Option<Control>,
}

impl Listed for ConversationRow {
    type Id = ConversationId;
    type Filter = ConversationFilter;

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "started_at";

    fn id(&self) -> ConversationId {
        self.id
    }
}

impl Narrow for ConversationFilter {
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
        if let Some(control) = self.control {
            query.push(" and control = ").push_bind(control.as_str());
            // In what has ended nobody answers, whoever did at last.
            if control != Control::Bot {
                query.push(" and state = 'open'");
            }
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
        let Slice {
            rows,
            has_next,
            has_previous,
        } = self.list(page, filter).await?;
        Ok(Slice {
            rows: self.opened_conversations(rows).await?,
            has_next,
            has_previous,
        })
    }

    pub async fn conversation_count(&self, filter: &ConversationFilter) -> Result<u64, ReadError> {
        self.count::<ConversationRow>(filter).await
    }

    pub async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationRow>, ReadError> {
        Ok(self.conversations_by_ids(&[id]).await?.remove(&id))
    }

    pub async fn conversations_by_ids(
        &self,
        ids: &[ConversationId],
    ) -> Result<BTreeMap<ConversationId, ConversationRow>, ReadError> {
        let rows = self.by_ids::<ConversationRow>(ids).await?.into_values().collect();
        let opened = self.opened_conversations(rows).await?;
        Ok(opened.into_iter().map(|row| (row.id, row)).collect())
    }
}
