//! How conversations, their turns and what is remarked of them are kept: tables, each written by one statement for a batch.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::ConversationId;
use domain::conversation::{Control, ConversationEnd, Priority, Rating};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::{ConversationRow, ConversationState, Conversations, Fold};
use crate::column;
use crate::fold::{Folded, Rows};
use crate::listing::load_rows;

/// What a row is read from.
pub(super) const COLUMNS: &str = "id, tenant_id, session_id, bot_id, user_id, state, end_reason, started_at, active_at, ended_at, turn_count, \
     reply_count, control, control_since, attendant, reason, department, priority, tags";

pub(super) async fn load(
    connection: &mut PgConnection,
    keys: &[ConversationId],
) -> Result<Rows<Conversations>, sqlx::Error> {
    let rows = load_rows::<ConversationRow>(connection, keys).await?;
    let begun = |(position, row): (i64, ConversationRow)| {
        let id = row.id;
        (id, Folded::stored(position, Fold::of(row)))
    };
    Ok(rows.into_iter().map(begun).collect())
}

pub(super) async fn store_conversations(
    connection: &mut PgConnection,
    rows: &Rows<Conversations>,
) -> Result<(), sqlx::Error> {
    let columns = ConversationColumns::of(rows)?;
    // Tags of many rows are no rectangle, so they come as JSON.
    sqlx::query(
        "insert into conversations (id, tenant_id, session_id, bot_id, user_id, state, end_reason,
                                         started_at, active_at, ended_at, turn_count, reply_count, position,
                                         control, control_since, attendant, reason, department, priority, tags)
         select r.id, r.tenant, r.session, r.bot, r.person, r.state, r.reason_of_end, r.started, r.active, r.ended,
                r.turns, r.replies, r.position, r.control, r.since, r.attendant, r.reason, r.department, r.priority,
                array(select jsonb_array_elements_text(r.tags))
           from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[],
                       $7::text[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[],
                       $11::bigint[], $12::bigint[], $13::bigint[], $14::text[], $15::timestamptz[],
                       $16::jsonb[], $17::jsonb[], $18::text[], $19::text[], $20::jsonb[])
             as r (id, tenant, session, bot, person, state, reason_of_end, started, active, ended, turns, replies,
                   position, control, since, attendant, reason, department, priority, tags)
         on conflict on constraint conversations_pkey do update
         set state = excluded.state, end_reason = excluded.end_reason, active_at = excluded.active_at,
             ended_at = excluded.ended_at, turn_count = excluded.turn_count,
             reply_count = excluded.reply_count, position = excluded.position, control = excluded.control,
             control_since = excluded.control_since, attendant = excluded.attendant, reason = excluded.reason,
             department = excluded.department, priority = excluded.priority, tags = excluded.tags
         where conversations.position < excluded.position",
    )
    .bind(&columns.id)
    .bind(&columns.tenant_id)
    .bind(&columns.session_id)
    .bind(&columns.bot_id)
    .bind(&columns.user_id)
    .bind(&columns.state)
    .bind(&columns.end_reason)
    .bind(&columns.started_at)
    .bind(&columns.active_at)
    .bind(&columns.ended_at)
    .bind(&columns.turn_count)
    .bind(&columns.reply_count)
    .bind(&columns.position)
    .bind(&columns.control)
    .bind(&columns.control_since)
    .bind(&columns.attendant)
    .bind(&columns.reason)
    .bind(&columns.department)
    .bind(&columns.priority)
    .bind(&columns.tags)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn store_turns(
    connection: &mut PgConnection,
    rows: &Rows<Conversations>,
) -> Result<(), sqlx::Error> {
    let columns = TurnColumns::of(rows);
    if columns.id.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into turns (conversation_id, position, tenant_id, session_id, id, author, message_id,
                                 in_reply_to, run_id, content, files, at, attendant)
         select unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::uuid[]), unnest($5::uuid[]),
                unnest($6::text[]), unnest($7::uuid[]), unnest($8::uuid[]), unnest($9::uuid[]),
                unnest($10::jsonb[]), unnest($11::jsonb[]), unnest($12::timestamptz[]), unnest($13::jsonb[])",
    )
    .bind(&columns.conversation_id)
    .bind(&columns.position)
    .bind(&columns.tenant_id)
    .bind(&columns.session_id)
    .bind(&columns.id)
    .bind(&columns.author)
    .bind(&columns.message_id)
    .bind(&columns.in_reply_to)
    .bind(&columns.run_id)
    .bind(&columns.content)
    .bind(&columns.files)
    .bind(&columns.at)
    .bind(&columns.attendant)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn store_notes(
    connection: &mut PgConnection,
    rows: &Rows<Conversations>,
) -> Result<(), sqlx::Error> {
    let (mut conversations, mut tenants) = (Vec::new(), Vec::new());
    let (mut positions, mut texts, mut moments) = (Vec::new(), Vec::new(), Vec::new());
    for (id, folded) in rows {
        let Some(Fold { row, notes, .. }) = &folded.row else {
            continue;
        };
        for note in notes {
            conversations.push(id.0);
            tenants.push(row.organisation_id.0);
            positions.push(note.position.0);
            texts.push(&note.text);
            moments.push(note.at);
        }
    }
    if conversations.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into notes (conversation_id, position, tenant_id, text, at)
         select unnest($1::uuid[]), unnest($2::bigint[]), unnest($3::uuid[]), unnest($4::jsonb[]),
                unnest($5::timestamptz[])",
    )
    .bind(&conversations)
    .bind(&positions)
    .bind(&tenants)
    .bind(&texts)
    .bind(&moments)
    .execute(connection)
    .await?;
    Ok(())
}

/// After the turns are there: a turn and its masking may come in one batch.
pub(super) async fn mask_turns(
    connection: &mut PgConnection,
    rows: &Rows<Conversations>,
) -> Result<(), sqlx::Error> {
    let (mut conversations, mut turns) = (Vec::new(), Vec::new());
    for (id, folded) in rows {
        for turn in folded.row.iter().flat_map(|fold| &fold.masked) {
            conversations.push(id.0);
            turns.push(turn.0);
        }
    }
    if turns.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "update turns t set masked = true
           from unnest($1::uuid[], $2::uuid[]) m (conversation_id, id)
          where t.conversation_id = m.conversation_id and t.id = m.id and t.author = 'visitor'",
    )
    .bind(&conversations)
    .bind(&turns)
    .execute(connection)
    .await?;
    Ok(())
}

/// After the turns are there. Of several ratings of a reply the last counts.
pub(super) async fn rate_turns(
    connection: &mut PgConnection,
    rows: &Rows<Conversations>,
) -> Result<(), sqlx::Error> {
    let mut last = BTreeMap::new();
    for (id, folded) in rows {
        for (reply, rating) in folded.row.iter().flat_map(|fold| &fold.rated) {
            last.insert((id.0, reply.0), rating.map(rating_word));
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let (keys, ratings): (Vec<_>, Vec<Option<&str>>) = last.into_iter().unzip();
    let (conversations, replies): (Vec<Uuid>, Vec<Uuid>) = keys.into_iter().unzip();
    sqlx::query(
        "update turns t set rating = r.rating
           from unnest($1::uuid[], $2::uuid[], $3::text[]) r (conversation_id, id, rating)
          where t.conversation_id = r.conversation_id and t.id = r.id and t.author = 'bot'",
    )
    .bind(&conversations)
    .bind(&replies)
    .bind(&ratings)
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct ConversationColumns {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    session_id: Vec<Uuid>,
    bot_id: Vec<Uuid>,
    user_id: Vec<Uuid>,
    state: Vec<&'static str>,
    end_reason: Vec<Option<&'static str>>,
    started_at: Vec<DateTime<Utc>>,
    active_at: Vec<DateTime<Utc>>,
    ended_at: Vec<Option<DateTime<Utc>>>,
    turn_count: Vec<i64>,
    reply_count: Vec<i64>,
    position: Vec<i64>,
    control: Vec<&'static str>,
    control_since: Vec<DateTime<Utc>>,
    attendant: Vec<Option<Value>>,
    reason: Vec<Option<Value>>,
    department: Vec<Option<String>>,
    priority: Vec<&'static str>,
    tags: Vec<Value>,
}

impl ConversationColumns {
    fn of(rows: &Rows<Conversations>) -> Result<Self, sqlx::Error> {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(Fold { row, .. }) = &folded.row else {
                continue;
            };
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.session_id.push(row.session_id.0);
            columns.bot_id.push(row.bot_id.0);
            columns.user_id.push(row.user_id.0);
            columns.state.push(row.state.as_str());
            columns.end_reason.push(row.end.map(end_word));
            columns.started_at.push(row.started_at);
            columns.active_at.push(row.active_at);
            columns.ended_at.push(row.ended_at);
            columns.turn_count.push(column::to_bigint(row.turn_count));
            columns.reply_count.push(column::to_bigint(row.reply_count));
            columns.position.push(folded.position.0);
            columns.control.push(row.control.as_str());
            columns.control_since.push(row.control_since);
            let marker = |text: &Option<_>| text.as_ref().map(column::to_json).transpose();
            columns.attendant.push(marker(&row.attendant)?);
            columns.reason.push(marker(&row.reason)?);
            columns.department.push(row.department.clone());
            columns.priority.push(row.priority.as_str());
            columns.tags.push(column::to_json(&row.tags)?);
        }
        Ok(columns)
    }
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct TurnColumns<'a> {
    conversation_id: Vec<Uuid>,
    position: Vec<i64>,
    tenant_id: Vec<Uuid>,
    session_id: Vec<Uuid>,
    id: Vec<Uuid>,
    author: Vec<&'static str>,
    message_id: Vec<Option<Uuid>>,
    in_reply_to: Vec<Option<Uuid>>,
    run_id: Vec<Option<Uuid>>,
    content: Vec<&'a Value>,
    files: Vec<Option<&'a Value>>,
    attendant: Vec<Option<&'a Value>>,
    at: Vec<DateTime<Utc>>,
}

impl<'a> TurnColumns<'a> {
    fn of(rows: &'a Rows<Conversations>) -> Self {
        let mut columns = Self::default();
        for (id, folded) in rows {
            let Some(Fold { row, turns, .. }) = &folded.row else {
                continue;
            };
            for turn in turns {
                columns.conversation_id.push(id.0);
                columns.position.push(turn.position.0);
                columns.tenant_id.push(row.organisation_id.0);
                columns.session_id.push(turn.session_id.0);
                columns.id.push(turn.id);
                columns.author.push(turn.author.as_str());
                columns.message_id.push(turn.message_id);
                columns.in_reply_to.push(turn.in_reply_to);
                columns.run_id.push(turn.run_id);
                columns.content.push(&turn.content);
                columns.files.push(turn.files.as_ref());
                columns.attendant.push(turn.attendant.as_ref());
                columns.at.push(turn.at);
            }
        }
        columns
    }
}

impl<'r> FromRow<'r, PgRow> for ConversationRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            session_id: column::id(row, "session_id")?,
            bot_id: column::id(row, "bot_id")?,
            user_id: column::id(row, "user_id")?,
            state: column::word(row, "state", ConversationState::parse)?,
            end: column::optional_word(row, "end_reason", end)?,
            started_at: row.try_get("started_at")?,
            active_at: row.try_get("active_at")?,
            ended_at: row.try_get("ended_at")?,
            turn_count: column::count(row, "turn_count")?,
            reply_count: column::count(row, "reply_count")?,
            control: column::word(row, "control", Control::parse)?,
            control_since: row.try_get("control_since")?,
            attendant: column::optional_json(row, "attendant")?,
            reason: column::optional_json(row, "reason")?,
            department: row.try_get("department")?,
            priority: column::word(row, "priority", Priority::parse)?,
            tags: row.try_get("tags")?,
        })
    }
}

pub(super) fn rating_word(rating: Rating) -> &'static str {
    match rating {
        Rating::Good => "good",
        Rating::Bad => "bad",
    }
}

pub(super) fn rating(text: &str) -> Option<Rating> {
    [Rating::Good, Rating::Bad]
        .into_iter()
        .find(|rating| rating_word(*rating) == text)
}

fn end_word(end: ConversationEnd) -> &'static str {
    match end {
        ConversationEnd::Idle => "idle",
        ConversationEnd::Requested => "requested",
        ConversationEnd::SessionEnded => "session_ended",
        ConversationEnd::Completed => "completed",
    }
}

fn end(text: &str) -> Option<ConversationEnd> {
    let ends = [
        ConversationEnd::Idle,
        ConversationEnd::Requested,
        ConversationEnd::SessionEnded,
        ConversationEnd::Completed,
    ];
    ends.into_iter().find(|end| end_word(*end) == text)
}
