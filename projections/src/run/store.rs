//! How runs are kept.

use chrono::{DateTime, Utc};
use domain::Personal;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use super::{Outcome, RunFailure, RunRow, RunState, Runs};
use crate::column;
use crate::fold::Rows;

/// What a row is read from.
pub(super) const COLUMNS: &str = "id, tenant_id, conversation_id, session_id, bot_id, user_id, script, program, state, waits_for, outcome, \
     failure_code, failure_message, failure_line, failure_column, steps, reply_count, started_at, updated_at, ended_at";

pub(super) async fn store(connection: &mut PgConnection, rows: &Rows<Runs>) -> Result<(), sqlx::Error> {
    let columns = Columns::of(rows)?;
    sqlx::query(
        "insert into runs (id, tenant_id, conversation_id, session_id, bot_id, user_id, script, program,
                                state, waits_for, outcome, failure_code, failure_message, failure_line,
                                failure_column, steps, reply_count, started_at, updated_at, ended_at, position)
         select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[],
                              $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                              $13::jsonb[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[],
                              $18::timestamptz[], $19::timestamptz[], $20::timestamptz[], $21::bigint[])
         on conflict on constraint runs_pkey do update
         set state = excluded.state, waits_for = excluded.waits_for, outcome = excluded.outcome,
             failure_code = excluded.failure_code, failure_message = excluded.failure_message,
             failure_line = excluded.failure_line, failure_column = excluded.failure_column,
             steps = excluded.steps, reply_count = excluded.reply_count, updated_at = excluded.updated_at,
             ended_at = excluded.ended_at, position = excluded.position
         where runs.position < excluded.position",
    )
    .bind(&columns.id)
    .bind(&columns.tenant_id)
    .bind(&columns.conversation_id)
    .bind(&columns.session_id)
    .bind(&columns.bot_id)
    .bind(&columns.user_id)
    .bind(&columns.script)
    .bind(&columns.program)
    .bind(&columns.state)
    .bind(&columns.waits_for)
    .bind(&columns.outcome)
    .bind(&columns.failure_code)
    .bind(&columns.failure_message)
    .bind(&columns.failure_line)
    .bind(&columns.failure_column)
    .bind(&columns.steps)
    .bind(&columns.reply_count)
    .bind(&columns.started_at)
    .bind(&columns.updated_at)
    .bind(&columns.ended_at)
    .bind(&columns.position)
    .execute(connection)
    .await?;
    Ok(())
}

/// Rows turned into columns, for `unnest`.
#[derive(Default)]
struct Columns<'a> {
    id: Vec<Uuid>,
    tenant_id: Vec<Uuid>,
    conversation_id: Vec<Uuid>,
    session_id: Vec<Uuid>,
    bot_id: Vec<Uuid>,
    user_id: Vec<Uuid>,
    script: Vec<&'a str>,
    program: Vec<&'a str>,
    state: Vec<&'static str>,
    waits_for: Vec<Option<&'a str>>,
    outcome: Vec<Option<&'static str>>,
    failure_code: Vec<Option<&'a str>>,
    failure_message: Vec<Option<Value>>,
    failure_line: Vec<Option<i64>>,
    failure_column: Vec<Option<i64>>,
    steps: Vec<i64>,
    reply_count: Vec<i64>,
    started_at: Vec<DateTime<Utc>>,
    updated_at: Vec<DateTime<Utc>>,
    ended_at: Vec<Option<DateTime<Utc>>>,
    position: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a Rows<Runs>) -> Result<Self, sqlx::Error> {
        let mut columns = Self::default();
        for folded in rows.values() {
            let Some(row) = &folded.row else { continue };
            let failure = row.failure.as_ref();
            columns.id.push(row.id.0);
            columns.tenant_id.push(row.organisation_id.0);
            columns.conversation_id.push(row.conversation_id.0);
            columns.session_id.push(row.session_id.0);
            columns.bot_id.push(row.bot_id.0);
            columns.user_id.push(row.user_id.0);
            columns.script.push(&row.script);
            columns.program.push(&row.program);
            columns.state.push(row.state.as_str());
            columns.waits_for.push(row.waits_for.as_deref());
            columns.outcome.push(row.outcome.map(Outcome::as_str));
            columns
                .failure_code
                .push(failure.map(|failure| failure.code.as_str()));
            columns.failure_message.push(
                failure
                    .map(|failure| column::to_json(&failure.message))
                    .transpose()?,
            );
            columns
                .failure_line
                .push(failure.map(|failure| i64::from(failure.line)));
            columns
                .failure_column
                .push(failure.map(|failure| i64::from(failure.column)));
            columns.steps.push(column::to_bigint(row.steps));
            columns.reply_count.push(column::to_bigint(row.reply_count));
            columns.started_at.push(row.started_at);
            columns.updated_at.push(row.updated_at);
            columns.ended_at.push(row.ended_at);
            columns.position.push(folded.position.0);
        }
        Ok(columns)
    }
}

impl<'r> FromRow<'r, PgRow> for RunRow {
    fn from_row(row: &'r PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: column::id(row, "id")?,
            organisation_id: column::id(row, "tenant_id")?,
            conversation_id: column::id(row, "conversation_id")?,
            session_id: column::id(row, "session_id")?,
            bot_id: column::id(row, "bot_id")?,
            user_id: column::id(row, "user_id")?,
            script: row.try_get("script")?,
            program: row.try_get("program")?,
            state: column::word(row, "state", RunState::parse)?,
            waits_for: row.try_get("waits_for")?,
            outcome: column::optional_word(row, "outcome", Outcome::parse)?,
            failure: failure(row)?,
            steps: column::count(row, "steps")?,
            reply_count: column::count(row, "reply_count")?,
            started_at: row.try_get("started_at")?,
            updated_at: row.try_get("updated_at")?,
            ended_at: row.try_get("ended_at")?,
        })
    }
}

fn failure(row: &PgRow) -> Result<Option<RunFailure>, sqlx::Error> {
    let Some(code) = row.try_get::<Option<String>, _>("failure_code")? else {
        return Ok(None);
    };
    Ok(Some(RunFailure {
        code,
        message: column::json::<Personal<String>>(row, "failure_message")?,
        line: column::small_count(row, "failure_line")?,
        column: column::small_count(row, "failure_column")?,
    }))
}
