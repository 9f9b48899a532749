//! FIND, SELECT, SAVE, INSERT, UPDATE, DELETE, MERGE, AGGREGATE and SEARCH on tables.

mod changing;
mod computed;
mod merging;
mod reading;
mod recorded;
mod selecting;
mod watched;

use std::sync::Arc;

use basic::{Answer, FieldKind, Refusal, Request, Value};
use domain::UserId;
use domain::user::User;
use futures::TryStreamExt as _;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Postgres, Row as _};

use super::condition::Sql;
use super::definition::{Column, Definition};
use super::erasing::person_lock;
use super::rows::Fields;
use super::values::{read, selected};
use super::{Opened, Tables};
use crate::CommandError;
use crate::scripted::{Answered, Host, answer, text};
use recorded::Changed;
use watched::Watched;

/// Rows that a script is given at most; more are a mistake, which LIMIT mends.
const ROWS_MAX: usize = 100_000;
/// What rows have together.
const ROWS_BYTES_MAX: usize = 32 << 20;
/// Rows that one statement binds at a time.
const CHUNK: usize = 20_000;

pub(in crate::scripted) fn knows(word: &str) -> bool {
    matches!(
        word,
        "FIND"
            | "GET FROM"
            | "SAVE"
            | "INSERT"
            | "UPDATE"
            | "DELETE"
            | "MERGE"
            | "AGGREGATE"
            | "SEARCH"
            | "SET TABLE"
            | "SELECT"
    )
}

/// Whether a statement means a file, an address or a service, and no table.
pub(in crate::scripted) fn is_elsewhere(request: &Request) -> bool {
    let name = match request.clause("to") {
        Some(table) => table.to_string(),
        None => text(request, 0),
    };
    let lower = name.trim().to_lowercase();
    let file = [".csv", ".xlsx", ".json", ".txt", ".pdf"]
        .iter()
        .any(|ending| lower.ends_with(ending));
    file || lower.contains('/')
}

pub(in crate::scripted) fn unknown(request: &Request) -> Refusal {
    let aggregated = request.word == "AGGREGATE" && is_aggregate(&text(request, 0));
    let name = match request.clause("to") {
        Some(table) => table.to_string(),
        None => text(request, usize::from(aggregated)),
    };
    let shown: String = name.chars().take(60).collect();
    Refusal::mistake(
        "table_unknown",
        format!("the bot has no table `{shown}`; TABLE declares one"),
    )
}

impl Host<'_> {
    /// Answers a statement on a table of the bot; None where it names none.
    pub(in crate::scripted) async fn ask_tables(
        &mut self,
        request: &Request,
    ) -> Result<Option<Answer>, CommandError> {
        if request.word == "SELECT" {
            let answered = self.select(request).await?;
            return Ok(Some(self.note(answer(answered))));
        }
        let (name, from) = match request.clause("to") {
            // `SAVE row TO guests`
            Some(table) if request.word == "SAVE" => (table.to_string(), 0),
            _ if request.word == "AGGREGATE" && is_aggregate(&text(request, 0)) => (text(request, 1), 2),
            _ => (text(request, 0), 1),
        };
        let tables: Tables = self.shared.tables.clone();
        let mut opened = tables.open(self.context.tenant, self.start.bot_id).await?;
        let Some(definition) = tables.definition(&mut opened, &name).await? else {
            return Ok(None);
        };
        let roles = ["user"];
        let reads = matches!(request.word, "FIND" | "GET FROM" | "AGGREGATE" | "SEARCH");
        // Which rows a condition meets tells what is in them.
        let read = definition.check_read(&roles);
        let checked = match request.condition {
            _ if reads => read,
            Some(_) => read.and_then(|()| definition.check_write(&roles)),
            None => definition.check_write(&roles),
        };
        if let Err(refusal) = checked {
            return Ok(Some(self.note(Answer::Refused(refusal))));
        }
        if let Some(connection) = definition.table.connection.clone() {
            // What is changed there is not in our transaction: that it is about to be is recorded before.
            drop(opened);
            if !reads {
                self.intend().await?;
            }
            opened = match tables.connections.open(self.start.bot_id, &connection).await {
                Ok(opened) => opened,
                Err(refusal) => return Ok(Some(self.note(Answer::Refused(refusal)))),
            };
        }
        let watched = !reads && definition.is_own() && self.watches(&definition.table.name).await?;
        let mut asked = Asked {
            opened,
            definition,
            roles,
            person: self.start.user_id,
            watched: watched.then(Watched::default),
        };
        let connection = asked.opened.connection.clone();
        if reads {
            let read = tables.timely(connection.as_deref(), asked.read(request, from));
            return Ok(Some(self.note(answer(read.await?))));
        }
        let changed = tables.timely(connection.as_deref(), self.change(&mut asked, request, from));
        match changed.await? {
            Ok(changed) => self.commit(asked, changed).await.map(Some),
            Err(refusal) => Ok(Some(self.note(Answer::Refused(refusal)))),
        }
    }

    async fn change(
        &self,
        asked: &mut Asked,
        request: &Request,
        from: usize,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        match request.word {
            "SAVE" => asked.save(self, request, from).await,
            "INSERT" => asked.insert_row(self, request, from).await,
            "UPDATE" | "SET TABLE" => asked.update(self, request).await,
            "DELETE" => asked.delete(request).await,
            _ => asked.merge(self, request).await,
        }
    }

    /// Commits a change together with the record of it.
    async fn commit(&mut self, asked: Asked, changed: Changed) -> Result<Answer, CommandError> {
        let answer = Answer::Value(changed.value);
        if let Some(connection) = &asked.opened.connection {
            let connection = connection.clone();
            if !self.shared.tables.connections.commit(asked.opened).await {
                let message =
                    format!("it is not known whether this was done: the connection {connection} broke");
                return Ok(self.note(Answer::Refused(Refusal::new("outcome_unknown", message))));
            }
            self.unrecorded.push(answer.clone());
            self.record(Some(changed.statement)).await?;
            return Ok(answer);
        }
        self.unrecorded.push(answer.clone());
        let events = self.recording(Some(changed.statement)).await?;
        let append = self.append(&events)?;
        let mut transaction = asked.opened.transaction;
        let log = self.shared.executor.log();
        let outcome = log.append_in(&mut transaction, append).await?;
        if !matches!(outcome, event_log::Outcome::Stored(_)) {
            return Err(CommandError::Contended);
        }
        event_log::crash_point("before-data-commit");
        transaction.commit().await.map_err(CommandError::unexpected)?;
        event_log::crash_point("after-data-commit");
        log.wake().notify_one();
        self.recorded(&outcome)?;
        Ok(answer)
    }

    /// Whose data a row is: the person that its field names, else the person of the run.
    async fn subject(&self, fields: &Fields<'_>) -> Result<UserId, CommandError> {
        let Some((_, named)) = fields
            .iter()
            .find(|(column, value)| column.subject && *value != Value::Null)
        else {
            return Ok(self.start.user_id);
        };
        let named = named.to_string().trim().to_lowercase();
        if let Ok(user) = named.parse::<UserId>() {
            return Ok(user);
        }
        let log = self.shared.executor.log();
        let owner = log.claim_owner(self.context.tenant.0, "login", &named).await?;
        Ok(owner
            .and_then(|owner| owner.parse().ok())
            .unwrap_or(self.start.user_id))
    }
}

/// One statement on one table.
struct Asked {
    opened: Opened,
    definition: Arc<Definition>,
    roles: [&'static str; 1],
    person: UserId,
    /// Where a change of the table starts a script.
    watched: Option<Watched>,
}

impl Asked {
    async fn read(&mut self, request: &Request, from: usize) -> Result<Answered, CommandError> {
        match request.word {
            "SEARCH" => self.search(request).await,
            "AGGREGATE" => self.aggregate(request, from).await,
            _ => self.find(request).await,
        }
    }

    /// Has whoever erases a person wait for this statement, and refuses what would be about somebody who is erased already.
    /// The run's own person needs neither: their run ends before their rows go.
    async fn about(&mut self, host: &Host<'_>, person: UserId) -> Result<Result<(), Refusal>, CommandError> {
        if person == self.person || !self.definition.is_own() {
            return Ok(Ok(()));
        }
        let tenant = host.context.tenant;
        sqlx::query("select pg_advisory_xact_lock_shared(hashtextextended($1, 0))")
            .bind(person_lock(tenant, person))
            .execute(&mut *self.opened.transaction)
            .await
            .map_err(CommandError::unexpected)?;
        let known = host.shared.executor.load_fresh::<User>(tenant, person).await?;
        Ok(match known.state {
            User::Erased => Err(Refusal::new(
                "person_erased",
                "the person whom the row would be about was erased",
            )),
            User::Absent | User::Visitor | User::Member { .. } => Ok(()),
        })
    }

    /// What a script is given of a row.
    fn readable(&self) -> Vec<Column> {
        if self.definition.check_read(&self.roles).is_err() {
            return Vec::new();
        }
        let readable = self
            .definition
            .columns
            .iter()
            .filter(|column| column.readable(&self.roles));
        readable.cloned().collect()
    }

    async fn fetch(&mut self, sql: &Sql) -> Result<Result<Vec<PgRow>, Refusal>, CommandError> {
        fetch(&mut self.opened, sql).await
    }

    /// Has the database number on from the greatest key, where a script gave some itself.
    async fn number_on(&mut self, given: &[&Column]) -> Result<(), CommandError> {
        let numbered = given
            .iter()
            .find(|column| column.key && column.given && column.kind == FieldKind::Integer)
            .filter(|_| self.definition.is_own());
        let Some(column) = numbered else { return Ok(()) };
        let path = &self.definition.path;
        let sql = format!(
            "select setval(s, m) from (
               select pg_get_serial_sequence($1, $2)::regclass as s, (select max({}) from {path}) as m
             ) x where m > coalesce(pg_sequence_last_value(s), 0)",
            column.sql
        );
        sqlx::query(&sql)
            .persistent(false)
            .bind(path)
            .bind(column.name.to_lowercase())
            .execute(&mut *self.opened.transaction)
            .await
            .map_err(CommandError::unexpected)?;
        Ok(())
    }
}

const AGGREGATES: [&str; 5] = ["SUM", "AVG", "COUNT", "MIN", "MAX"];

fn is_aggregate(word: &str) -> bool {
    let word = word.trim().to_uppercase();
    word == "AVERAGE" || AGGREGATES.contains(&word.as_str())
}

fn query(sql: &Sql) -> sqlx::query::Query<'_, Postgres, PgArguments> {
    // A field may become of another kind, which a statement that stays prepared does not get over.
    let mut query = sqlx::query(&sql.text).persistent(sql.is_kept);
    for value in &sql.values {
        query = query.bind(value);
    }
    query
}

/// The rows of a statement, as many as a script is given.
async fn fetch(opened: &mut Opened, sql: &Sql) -> Result<Result<Vec<PgRow>, Refusal>, CommandError> {
    let mut found = query(sql).fetch(&mut *opened.transaction);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    loop {
        let row = match found.try_next().await {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(Ok(rows)),
            Err(error) => {
                drop(found);
                return opened.refused(error).map(Err);
            }
        };
        bytes += size(&row);
        if bytes > ROWS_BYTES_MAX {
            let message = format!(
                "the rows have more than {} MiB; say which with WHERE or LIMIT",
                ROWS_BYTES_MAX >> 20
            );
            return Ok(Err(Refusal::mistake("rows_too_large", message)));
        }
        rows.push(row);
    }
}

fn size(row: &PgRow) -> usize {
    let bytes = |at| row.try_get_raw(at).ok()?.as_bytes().ok().map(<[u8]>::len);
    (0..row.len()).map(|at| bytes(at).unwrap_or(0)).sum()
}

fn too_many() -> Refusal {
    let message = format!("more than {ROWS_MAX} rows meet the condition; say which with WHERE or LIMIT");
    Refusal::mistake("rows_too_many", message)
}

fn list(columns: &[Column], shown: impl Fn(&Column) -> String) -> String {
    columns.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// A column as [`record`] reads it.
fn shown(column: &Column) -> String {
    selected(&column.sql, column.kind)
}

fn record(row: &PgRow, columns: &[Column]) -> Result<Value, Refusal> {
    let mut fields = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        fields.push((column.name.as_str(), read(row, at, column.kind)?));
    }
    Ok(Value::Object(fields.into_iter().collect()))
}
