//! What people at the desk ask: which conversations wait for them, longest first, and who answers in a session.

use domain::conversation::{Control, Priority};
use domain::{BotId, ConversationId, Personal, SessionId};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, QueryBuilder};

use super::ConversationRow;
use super::store::COLUMNS;
use crate::column;
use crate::listing::select;
use crate::paging::{Cursor, Keyset, Order, Page, Slice, fetch};
use crate::reader::{ReadError, Reads, personal};

/// Which conversations of the desk; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueFilter {
    pub bot_id: Option<BotId>,
    /// In lower case.
    pub department: Option<String>,
}

/// Which conversations of a bot's desk; nothing else set means all.
#[derive(Debug, Clone, PartialEq)]
pub struct DeskFilter {
    pub bot_id: BotId,
    pub control: Option<Control>,
    /// Whether it was given to somebody.
    pub assigned: Option<bool>,
    /// In lower case.
    pub department: Option<String>,
}

/// A conversation in the order in which conversations came to the desk.
#[derive(Debug, Clone, PartialEq)]
pub struct QueuedRow(pub ConversationRow);

impl<'r> FromRow<'r, PgRow> for QueuedRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        ConversationRow::from_row(row).map(Self)
    }
}

impl Keyset for QueuedRow {
    fn cursor(&self) -> String {
        Cursor::Waiting {
            at: self.0.control_since,
            id: self.0.id.0,
        }
        .encode()
    }
}

impl Reads {
    /// Conversations that wait for a person, longest first.
    pub async fn queue(&self, page: &Page, filter: &QueueFilter) -> Result<Slice<QueuedRow>, ReadError> {
        let mut query = select::<ConversationRow>();
        narrow(&mut query, filter);
        let order = Order::Oldest("control_since");
        let found: Slice<QueuedRow> = fetch(&mut *self.connection().await, query, order, page).await?;
        let Slice {
            rows,
            has_next,
            has_previous,
        } = found;
        let opened = self
            .opened_conversations(rows.into_iter().map(|row| row.0).collect())
            .await?;
        Ok(Slice {
            rows: opened.into_iter().map(QueuedRow).collect(),
            has_next,
            has_previous,
        })
    }

    pub async fn queue_count(&self, filter: &QueueFilter) -> Result<u64, ReadError> {
        let mut query = QueryBuilder::new("select count(*) as total from conversations where true");
        narrow(&mut query, filter);
        let row = query.build().fetch_one(&mut *self.connection().await).await?;
        Ok(column::count(&row, "total")?)
    }

    /// Conversations of a bot that it does not answer: the most urgent first, of those the one that has been there longest.
    /// At most `limit`.
    pub async fn desk(&self, filter: &DeskFilter, limit: u32) -> Result<Vec<ConversationRow>, ReadError> {
        let mut query = select::<ConversationRow>();
        self.at_desk(&mut query, filter.bot_id);
        if let Some(control) = filter.control {
            query.push(" and control = ").push_bind(control.as_str());
        }
        if let Some(assigned) = filter.assigned {
            query.push(" and (attendant is not null) = ").push_bind(assigned);
        }
        if let Some(department) = &filter.department {
            query.push(" and department = ").push_bind(department.clone());
        }
        query
            .push(" order by array_position(")
            .push_bind(urgent_first())
            .push("::text[], priority), control_since, id limit ")
            .push_bind(i64::from(limit));
        let rows = query
            .build_query_as()
            .fetch_all(&mut *self.connection().await)
            .await?;
        self.opened_conversations(rows).await
    }

    /// How many conversations of a bot wait for a person with this priority or a higher one, besides one of them.
    pub async fn ahead(
        &self,
        bot: BotId,
        priority: Priority,
        besides: ConversationId,
    ) -> Result<u64, ReadError> {
        let mut query = QueryBuilder::new("select count(*) as total from conversations where true");
        self.at_desk(&mut query, bot);
        let no_less: Vec<&str> = Priority::ALL
            .into_iter()
            .filter(|known| *known >= priority)
            .map(Priority::as_str)
            .collect();
        query
            .push(" and control = ")
            .push_bind(Control::WaitingForHuman.as_str())
            .push(" and priority = any(")
            .push_bind(no_less)
            .push(") and id <> ")
            .push_bind(besides.0);
        let row = query.build().fetch_one(&mut *self.connection().await).await?;
        Ok(column::count(&row, "total")?)
    }

    fn at_desk(&self, query: &mut QueryBuilder<'_, sqlx::Postgres>, bot: BotId) {
        query.push(" and state = 'open' and control <> 'bot' and tenant_id = ");
        query.push_bind(self.organisation_id().0);
        query.push(" and bot_id = ").push_bind(bot.0);
    }

    /// The conversation that goes on in a session.
    pub async fn open_conversation(&self, session: SessionId) -> Result<Option<ConversationRow>, ReadError> {
        let query = format!(
            "select {COLUMNS} from conversations
              where tenant_id = $1 and session_id = $2 and state = 'open' order by started_at desc, id desc limit 1"
        );
        let found: Option<ConversationRow> = sqlx::query_as(&query)
            .bind(self.organisation_id().0)
            .bind(session.0)
            .fetch_optional(&mut *self.connection().await)
            .await?;
        let opened = self.opened_conversations(found.into_iter().collect()).await?;
        Ok(opened.into_iter().next())
    }

    /// Opens names and reasons, all at once.
    pub(super) async fn opened_conversations(
        &self,
        mut rows: Vec<ConversationRow>,
    ) -> Result<Vec<ConversationRow>, ReadError> {
        let sealed = rows
            .iter_mut()
            .flat_map(texts)
            .map(|text| column::to_json(text))
            .collect::<Result<Vec<_>, _>>()?;
        let mut opened = self.open(sealed).await?.into_iter();
        for text in rows.iter_mut().flat_map(texts) {
            *text = personal(opened.next().unwrap_or_default())?;
        }
        Ok(rows)
    }
}

/// What of a row is personal, always in the same order.
fn texts(row: &mut ConversationRow) -> impl Iterator<Item = &mut Personal<String>> {
    row.attendant.iter_mut().chain(row.reason.iter_mut())
}

fn urgent_first() -> Vec<&'static str> {
    Priority::ALL.into_iter().rev().map(Priority::as_str).collect()
}

fn narrow(query: &mut QueryBuilder<'_, sqlx::Postgres>, filter: &QueueFilter) {
    query.push(" and state = 'open' and control <> 'bot' and control = ");
    query.push_bind(Control::WaitingForHuman.as_str());
    if let Some(bot_id) = filter.bot_id {
        query.push(" and bot_id = ").push_bind(bot_id.0);
    }
    if let Some(department) = &filter.department {
        query.push(" and department = ").push_bind(department.clone());
    }
}
