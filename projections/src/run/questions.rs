//! What is asked of runs. The message of a failure is opened on the way.

use std::collections::BTreeMap;

use domain::{BotId, ConversationId, RunId};
use sqlx::{Postgres, QueryBuilder};

use super::store::COLUMNS;
use super::{RunRow, RunState, TABLE};
use crate::column;
use crate::listing::{Listed, Narrow};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads, personal};

/// Which runs; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunFilter {
    pub bot_id: Option<BotId>,
    pub conversation_id: Option<ConversationId>,
    pub state: Option<RunState>,
}

impl Listed for RunRow {
    type Id = RunId;
    type Filter = RunFilter;

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "started_at";

    fn id(&self) -> RunId {
        self.id
    }
}

impl Narrow for RunFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(bot_id) = self.bot_id {
            query.push(" and bot_id = ").push_bind(bot_id.0);
        }
        if let Some(conversation_id) = self.conversation_id {
            query.push(" and conversation_id = ").push_bind(conversation_id.0);
        }
        if let Some(state) = self.state {
            query.push(" and state = ").push_bind(state.as_str());
        }
    }
}

impl Keyset for RunRow {
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
    pub async fn runs(&self, page: &Page, filter: &RunFilter) -> Result<Slice<RunRow>, ReadError> {
        let Slice {
            rows,
            has_next,
            has_previous,
        } = self.list(page, filter).await?;
        Ok(Slice {
            rows: self.opened_runs(rows).await?,
            has_next,
            has_previous,
        })
    }

    pub async fn run_count(&self, filter: &RunFilter) -> Result<u64, ReadError> {
        self.count::<RunRow>(filter).await
    }

    pub async fn run(&self, id: RunId) -> Result<Option<RunRow>, ReadError> {
        Ok(self.runs_by_ids(&[id]).await?.remove(&id))
    }

    pub async fn runs_by_ids(&self, ids: &[RunId]) -> Result<BTreeMap<RunId, RunRow>, ReadError> {
        let rows = self.by_ids::<RunRow>(ids).await?.into_values().collect();
        let opened = self.opened_runs(rows).await?;
        Ok(opened.into_iter().map(|row| (row.id, row)).collect())
    }

    async fn opened_runs(&self, mut rows: Vec<RunRow>) -> Result<Vec<RunRow>, ReadError> {
        let mut failures: Vec<_> = rows.iter_mut().filter_map(|row| row.failure.as_mut()).collect();
        let sealed = failures
            .iter()
            .map(|failure| column::to_json(&failure.message))
            .collect::<Result<Vec<_>, _>>()?;
        let opened = self.open(sealed).await?;
        for (failure, message) in failures.iter_mut().zip(opened) {
            failure.message = personal(message)?;
        }
        drop(failures);
        Ok(rows)
    }
}
