//! What was said, opened for a reader with the right: a conversation's turns, and what a socket missed.

use chrono::{DateTime, Utc};
use domain::conversation::{Rating, ReplyContent};
use domain::file::AttachedFile;
use domain::{ConversationId, Personal, ReplyId, RunId, SessionId, TurnId};
use event_log::Position;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, QueryBuilder, Row};
use uuid::Uuid;

use super::{Author, store};
use crate::column;
use crate::paging::{Cursor, Keyset, Order, Page, Slice, fetch};
use crate::reader::{ReadError, Reads, personal};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select conversation_id, position, session_id, id, author, message_id, in_reply_to, run_id, ",
            "content, masked, files, rating, at, attendant from turns where ",
            $rest
        )
    };
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnRow {
    pub conversation_id: ConversationId,
    pub session_id: SessionId,
    /// Its place in the whole log, by which a conversation is ordered and a reader resumes.
    pub position: Position,
    pub at: DateTime<Utc>,
    pub said: Said,
}

/// Who said it and what. Content is clear or erased, never sealed.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    ByVisitor {
        turn_id: TurnId,
        /// The sender's own id of the message.
        message_id: Option<Uuid>,
        /// None where it is masked: it answered a question for a secret.
        content: Option<Personal<String>>,
        /// What was attached; None when nothing was.
        files: Option<Personal<Vec<AttachedFile>>>,
    },
    ByBot {
        reply_id: ReplyId,
        in_reply_to: Option<TurnId>,
        /// The run that said it; None when the bot answered by itself.
        run_id: Option<RunId>,
        content: Personal<ReplyContent>,
        /// The name of the person who said it in the bot's place.
        attendant: Option<Personal<String>>,
        /// What the person thinks of it; None until they say so.
        rating: Option<Rating>,
    },
}

impl Keyset for TurnRow {
    fn cursor(&self) -> String {
        Cursor::Position(self.position).encode()
    }
}

impl Reads {
    /// Turns and replies of a conversation, oldest first.
    pub async fn turns(
        &self,
        conversation_id: ConversationId,
        page: &Page,
    ) -> Result<Slice<TurnRow>, ReadError> {
        let mut query = QueryBuilder::new(select!("conversation_id = "));
        query.push_bind(conversation_id.0);
        let sealed: Slice<SealedTurn> =
            fetch(&mut *self.connection().await, query, Order::Position, page).await?;
        let Slice {
            rows,
            has_next,
            has_previous,
        } = sealed;
        Ok(Slice {
            rows: self.opened(rows).await?,
            has_next,
            has_previous,
        })
    }

    /// What was said in a conversation after one place in the log and up to another, oldest first; at most `limit`.
    pub async fn turns_between(
        &self,
        conversation_id: ConversationId,
        after: Position,
        up_to: Position,
        limit: u32,
    ) -> Result<Vec<TurnRow>, ReadError> {
        let sealed: Vec<SealedTurn> = sqlx::query_as(select!(
            "conversation_id = $1 and position > $2 and position <= $3 order by position limit $4"
        ))
        .bind(conversation_id.0)
        .bind(after.0)
        .bind(up_to.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.connection().await)
        .await?;
        self.opened(sealed).await
    }

    /// What was said in a session after `position`, over all its conversations, oldest first; at most `limit`.
    pub async fn session_turns_after(
        &self,
        session_id: SessionId,
        position: Position,
        limit: u32,
    ) -> Result<Vec<TurnRow>, ReadError> {
        let sealed: Vec<SealedTurn> = sqlx::query_as(select!(
            "session_id = $1 and position > $2 order by position limit $3"
        ))
        .bind(session_id.0)
        .bind(position.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *self.connection().await)
        .await?;
        self.opened(sealed).await
    }

    /// What was said last in a session, oldest first: what a page shows when it opens. At most `limit`.
    pub async fn session_turns_last(
        &self,
        session_id: SessionId,
        limit: u32,
    ) -> Result<Vec<TurnRow>, ReadError> {
        let mut sealed: Vec<SealedTurn> =
            sqlx::query_as(select!("session_id = $1 order by position desc limit $2"))
                .bind(session_id.0)
                .bind(i64::from(limit))
                .fetch_all(&mut *self.connection().await)
                .await?;
        sealed.reverse();
        self.opened(sealed).await
    }

    /// The conversation of a session in which a bot's reply was said.
    pub async fn conversation_of_reply(
        &self,
        session_id: SessionId,
        reply_id: ReplyId,
    ) -> Result<Option<ConversationId>, ReadError> {
        let found: Option<Uuid> = sqlx::query_scalar(
            "select conversation_id from turns where session_id = $1 and id = $2 and author = 'bot'",
        )
        .bind(session_id.0)
        .bind(reply_id.0)
        .fetch_optional(&mut *self.connection().await)
        .await?;
        Ok(found.map(ConversationId))
    }

    async fn opened(&self, mut sealed: Vec<SealedTurn>) -> Result<Vec<TurnRow>, ReadError> {
        let mut markers = Vec::with_capacity(sealed.len());
        for turn in &mut sealed {
            // What is masked is not even opened.
            if !turn.masked {
                markers.push(turn.content.take());
            }
            for marker in turn.files.iter_mut().chain(&mut turn.attendant) {
                markers.push(marker.take());
            }
        }
        let mut opened = self.open(markers).await?.into_iter();
        sealed
            .into_iter()
            .map(|mut turn| {
                let content = if turn.masked { None } else { opened.next() };
                for marker in turn.files.iter_mut().chain(&mut turn.attendant) {
                    *marker = opened.next().unwrap_or_default();
                }
                turn.with(content)
            })
            .collect()
    }
}

/// A row of the table.
struct SealedTurn {
    conversation_id: ConversationId,
    position: Position,
    session_id: SessionId,
    id: Uuid,
    author: Author,
    message_id: Option<Uuid>,
    in_reply_to: Option<TurnId>,
    run_id: Option<RunId>,
    content: Value,
    masked: bool,
    files: Option<Value>,
    attendant: Option<Value>,
    rating: Option<Rating>,
    at: DateTime<Utc>,
}

impl SealedTurn {
    /// With what it says, opened, as its files and who said it are; None where that is masked.
    fn with(self, content: Option<Value>) -> Result<TurnRow, ReadError> {
        let said = match self.author {
            Author::Visitor => Said::ByVisitor {
                turn_id: TurnId(self.id),
                message_id: self.message_id,
                content: content.map(personal).transpose()?,
                files: self.files.map(personal).transpose()?,
            },
            Author::Bot => Said::ByBot {
                reply_id: ReplyId(self.id),
                in_reply_to: self.in_reply_to,
                run_id: self.run_id,
                content: personal(content.unwrap_or_default())?,
                attendant: self.attendant.map(personal).transpose()?,
                rating: self.rating,
            },
        };
        Ok(TurnRow {
            conversation_id: self.conversation_id,
            session_id: self.session_id,
            position: self.position,
            at: self.at,
            said,
        })
    }
}

impl<'r> FromRow<'r, PgRow> for SealedTurn {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            conversation_id: column::id(row, "conversation_id")?,
            position: Position(row.try_get("position")?),
            session_id: column::id(row, "session_id")?,
            id: row.try_get("id")?,
            author: column::word(row, "author", Author::parse)?,
            message_id: row.try_get("message_id")?,
            in_reply_to: column::optional_id(row, "in_reply_to")?,
            run_id: column::optional_id(row, "run_id")?,
            content: row.try_get("content")?,
            masked: row.try_get("masked")?,
            files: row.try_get("files")?,
            attendant: row.try_get("attendant")?,
            rating: column::optional_word(row, "rating", store::rating)?,
            at: row.try_get("at")?,
        })
    }
}
