//! Sessions as read: who talks to which bot, on which channel.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::session::{Channel, Session, SessionEvent};
use domain::{Aggregate, BotId, OrganisationId, SessionId, UserId};
use event_log::{Position, RecordedEvent, StreamTypes};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Postgres, QueryBuilder, Row};
use uuid::Uuid;

use crate::column::{self, stored_word};
use crate::fold::{FoldError, Projection, Rows, decoded, stream_key};
use crate::listing::{Listed, Narrow, load};
use crate::paging::{Cursor, Keyset, Page, Slice};
use crate::reader::{ReadError, Reads};

/// The projection's name.
pub const NAME: &str = "session";
const TABLE: &str = "sessions";
const COLUMNS: &str = "id, tenant_id, bot_id, user_id, channel, state, started_at, ended_at";

#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    pub id: SessionId,
    pub organisation_id: OrganisationId,
    pub bot_id: BotId,
    pub user_id: UserId,
    pub channel: Channel,
    pub state: SessionState,
    pub started_at: DateTime<Utc>,
    pub ended_at: Option<DateTime<Utc>>,
}

stored_word! {
    SessionState { Open = "open", Ended = "ended" }
}

/// Which sessions; nothing set means all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionFilter {
    pub bot_id: Option<BotId>,
    pub state: Option<SessionState>,
}

pub(crate) struct Sessions;

impl Projection for Sessions {
    const NAME: &'static str = NAME;
    const TABLES: &'static [(&'static str, &'static str)] = &[(TABLE, "id")];
    const STREAMS: &'static [StreamTypes] = &[StreamTypes::all(Session::TYPE)];
    const VERSION: i32 = 1;
    type Key = SessionId;
    type Row = SessionRow;

    fn key(event: &RecordedEvent) -> Result<Option<SessionId>, FoldError> {
        stream_key(event, Session::TYPE)
    }

    fn apply(row: &mut Option<SessionRow>, event: &RecordedEvent) -> Result<(), FoldError> {
        match decoded::<SessionEvent>(event)? {
            SessionEvent::Started {
                bot_id,
                user_id,
                channel,
                started_at,
                ..
            } => {
                *row = Some(SessionRow {
                    id: Self::key(event)?.ok_or(FoldError::StreamId)?,
                    organisation_id: OrganisationId(event.tenant),
                    bot_id,
                    user_id,
                    channel,
                    state: SessionState::Open,
                    started_at,
                    ended_at: None,
                });
            }
            SessionEvent::Ended { .. } => {
                let row = row.as_mut().ok_or(FoldError::Unbegun)?;
                row.state = SessionState::Ended;
                row.ended_at = Some(event.recorded_at);
            }
        }
        Ok(())
    }

    async fn load(connection: &mut PgConnection, keys: &[SessionId]) -> Result<Rows<Self>, sqlx::Error> {
        load::<Self>(connection, keys).await
    }

    async fn store(connection: &mut PgConnection, rows: &Rows<Self>) -> Result<(), sqlx::Error> {
        let columns = Columns::of(rows);
        sqlx::query(
            "insert into sessions (id, tenant_id, bot_id, user_id, channel, state, started_at, ended_at,
                                        position)
             select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
                                  $7::timestamptz[], $8::timestamptz[], $9::bigint[])
             on conflict on constraint sessions_pkey do update
             set state = excluded.state, ended_at = excluded.ended_at, position = excluded.position
             where sessions.position < excluded.position",
        )
        .bind(&columns.id)
        .bind(&columns.tenant_id)
        .bind(&columns.bot_id)
        .bind(&columns.user_id)
        .bind(&columns.channel)
        .bind(&columns.state)
        .bind(&columns.started_at)
        .bind(&columns.ended_at)
        .bind(&columns.position)
        .execute(connection)
        .await?;
        Ok(())
    }
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct Columns {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    bot_id: Vec<Uuid>,
    user_id: Vec<Uuid>,
    channel: Vec<&'static str>,
    state: Vec<&'static str>,
    started_at: Vec<DateTime<Utc>>,
    ended_at: Vec<Option<DateTime<Utc>>>,
    position: Vec<i64>,
}

impl Columns {
    fn of(rows: &Rows<Sessions>) -> Self {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(row) = &folded.row else { continue };
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.bot_id.push(row.bot_id.0);
            columns.user_id.push(row.user_id.0);
            columns.channel.push(row.channel.as_str());
            columns.state.push(row.state.as_str());
            columns.started_at.push(row.started_at);
            columns.ended_at.push(row.ended_at);
            columns.position.push(folded.position.0);
        }
        columns
    }
}

impl<'r> FromRow<'r, PgRow> for SessionRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            bot_id: column::id(row, "bot_id")?,
            user_id: column::id(row, "user_id")?,
            channel: column::word(row, "channel", channel)?,
            state: column::word(row, "state", SessionState::parse)?,
            started_at: row.try_get("started_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

fn channel(text: &str) -> Option<Channel> {
    [Channel::Web, Channel::Api, Channel::Automation]
        .into_iter()
        .find(|channel| channel.as_str() == text)
}

impl Keyset for SessionRow {
    fn cursor(&self) -> String {
        Cursor::Moment {
            at: self.started_at,
            id: self.id.0,
        }
        .encode()
    }
}

impl Listed for SessionRow {
    type Id = SessionId;
    type Filter = SessionFilter;

    const TABLE: &'static str = TABLE;
    const COLUMNS: &'static str = COLUMNS;
    const NEWEST_BY: &'static str = "started_at";

    fn id(&self) -> SessionId {
        self.id
    }
}

impl Narrow for SessionFilter {
    fn narrow(&self, query: &mut QueryBuilder<'_, Postgres>) {
        if let Some(bot_id) = self.bot_id {
            query.push(" and bot_id = ").push_bind(bot_id.0);
        }
        if let Some(state) = self.state {
            query.push(" and state = ").push_bind(state.as_str());
        }
    }
}

impl Reads {
    /// Newest first.
    pub async fn sessions(
        &self,
        page: &Page,
        filter: &SessionFilter,
    ) -> Result<Slice<SessionRow>, ReadError> {
        self.list(page, filter).await
    }

    pub async fn session_count(&self, filter: &SessionFilter) -> Result<u64, ReadError> {
        self.count::<SessionRow>(filter).await
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, ReadError> {
        Ok(self.sessions_by_ids(&[id]).await?.remove(&id))
    }

    pub async fn sessions_by_ids(
        &self,
        ids: &[SessionId],
    ) -> Result<BTreeMap<SessionId, SessionRow>, ReadError> {
        self.by_ids(ids).await
    }

    /// Sessions that changed after one place in the log and last up to another, in the order of their last change,
    /// each with the place of it; at most `limit`.
    pub async fn sessions_changed_between(
        &self,
        bot_id: Option<BotId>,
        after: Position,
        up_to: Position,
        limit: u32,
    ) -> Result<Vec<(Position, SessionRow)>, ReadError> {
        let rows = sqlx::query(
            "select position, id, tenant_id, bot_id, user_id, channel, state, started_at, ended_at
               from sessions
              where tenant_id = $1 and ($2::uuid is null or bot_id = $2) and position > $3 and position <= $4
              order by position limit $5",
        )
        .bind(self.organisation_id().0)
        .bind(bot_id.map(|bot| bot.0))
        .bind(after.0)
        .bind(up_to.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.connection().await)
        .await?;
        rows.iter()
            .map(|row| Ok((Position(row.try_get("position")?), SessionRow::from_row(row)?)))
            .collect()
    }

    /// How many conversations each session has had; a session without one is left out.
    pub async fn session_conversation_counts(
        &self,
        ids: &[SessionId],
    ) -> Result<BTreeMap<SessionId, u64>, ReadError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "select session_id, count(*) as total from conversations where session_id = any($1)
             group by session_id",
        )
        .bind(&ids)
        .fetch_all(&mut *self.connection().await)
        .await?;
        rows.iter()
            .map(|row| Ok((column::id(row, "session_id")?, column::count(row, "total")?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(ReadError::from)
    }
}

#[cfg(test)]
mod tests;
