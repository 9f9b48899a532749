//! FIND, SAVE, INSERT, UPDATE, DELETE, MERGE, AGGREGATE and SEARCH on tables.

use std::sync::Arc;

use basic::{Answer, Array, Condition, FieldKind, Object, Refusal, Request, Value};
use domain::UserId;
use domain::run::{DataOperation, DataStatement};
use futures::TryStreamExt as _;
use sha2::{Digest, Sha256};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Postgres, Row as _};

use super::condition::Sql;
use super::definition::{Column, Definition, sql_type};
use super::rows::{Fields, given, listed, of_object};
use super::values::{article, bound, read, selected};
use super::{Opened, Tables, refused};
use crate::CommandError;
use crate::scripted::{Answered, Host, answer, text};

/// Rows that a script is given at most; more are a mistake, which LIMIT mends.
const ROWS_MAX: usize = 100_000;
/// What rows have together.
const ROWS_BYTES_MAX: usize = 32 << 20;
/// Rows that one statement binds at a time.
const CHUNK: usize = 5_000;

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

/// What a statement did, and what is recorded of it.
struct Changed {
    value: Value,
    statement: DataStatement,
}

impl Host<'_> {
    /// Answers a statement on a table of the bot; None where it names none.
    pub(in crate::scripted) async fn ask_tables(
        &mut self,
        request: &Request,
    ) -> Result<Option<Answer>, CommandError> {
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
        let mut asked = Asked {
            opened,
            definition,
            roles,
            person: self.start.user_id,
        };
        let answered = match request.word {
            "FIND" | "GET FROM" => asked.find(request).await?,
            "SEARCH" => asked.search(request).await?,
            "AGGREGATE" => asked.aggregate(request, from).await?,
            _ => {
                let changed = self.change(&mut asked, request, from).await?;
                return match changed {
                    Ok(changed) => self.commit(asked, changed).await.map(Some),
                    Err(refusal) => Ok(Some(self.note(Answer::Refused(refusal)))),
                };
            }
        };
        Ok(Some(self.note(answer(answered))))
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

    fn note(&mut self, answer: Answer) -> Answer {
        self.unrecorded.push(answer.clone());
        answer
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
}

impl Asked {
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
        let mut found = query(sql).fetch(&mut *self.opened.transaction);
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            let row = match found.try_next().await {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok(rows)),
                Err(error) => return refused(error).map(Err),
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

    /// Has the database number on from the greatest key, where a script gave some itself.
    async fn number_on(&mut self, given: &[&Column]) -> Result<(), CommandError> {
        let numbered = given
            .iter()
            .find(|column| column.key && column.given && column.kind == FieldKind::Integer);
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

    async fn find(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let columns = self.readable();
        let first = request.has("first");
        let sql = match self.selection(request, &columns, first) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        listing(&rows, &columns, first)
    }

    fn selection(&self, request: &Request, columns: &[Column], first: bool) -> Result<Sql, Refusal> {
        let mut sql = Sql::new(format!(
            "select {} from {}",
            list(columns, selected),
            self.definition.path
        ));
        sql.push_where(&self.definition, request.condition.as_ref(), &self.roles)?;
        let mut order = Vec::new();
        for (field, descending) in request.order() {
            let column = self.definition.read_by(&field, &self.roles)?;
            order.push(format!(
                "{}{}",
                column.sql,
                if descending { " desc nulls last" } else { "" }
            ));
        }
        if order.is_empty() {
            // The same each time, and the oldest first where keys are numbers.
            order.extend(self.definition.keys().map(|column| column.sql.clone()));
        }
        sql.push(&format!(" order by {}", order.join(", ")));
        let limit = match (first, number(request.clause("limit"))?) {
            (true, _) => 1,
            (false, Some(limit)) => limit.min(ROWS_MAX as u64),
            (false, None) => ROWS_MAX as u64 + 1,
        };
        sql.push(&format!(" limit {limit}"));
        if let Some(offset) = number(request.clause("offset"))? {
            sql.push(&format!(" offset {offset}"));
        }
        Ok(sql)
    }

    async fn search(&mut self, request: &Request) -> Result<Answered, CommandError> {
        let columns = self.readable();
        let texts: Vec<String> = columns
            .iter()
            .filter(|column| !matches!(column.kind, FieldKind::Json))
            .map(|column| format!("{}::text", column.sql))
            .collect();
        let limit = match number(Some(request.argument(2)).filter(|limit| **limit != Value::Null)) {
            Ok(limit) => limit.unwrap_or(10).min(ROWS_MAX as u64),
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut sql = Sql::new(format!(
            "select {} from {}",
            list(&columns, selected),
            self.definition.path
        ));
        sql.push(" where position(lower(");
        sql.bind(Some(text(request, 1)), "text");
        sql.push(&format!(") in lower(concat_ws(' ', {}))) > 0", texts.join(", ")));
        let keys: Vec<Column> = self.definition.keys().cloned().collect();
        sql.push(&format!(
            " order by {} limit {limit}",
            list(&keys, |column| column.sql.clone())
        ));
        match self.fetch(&sql).await? {
            Ok(rows) => listing(&rows, &columns, false),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn aggregate(&mut self, request: &Request, from: usize) -> Result<Answered, CommandError> {
        let by_clause = AGGREGATES.iter().find_map(|kind| {
            let field = request.clause(&kind.to_lowercase())?;
            Some(((*kind).to_owned(), field.to_string()))
        });
        let (kind, field) = by_clause.unwrap_or_else(|| match from {
            // `AGGREGATE "SUM", "stays", "price"`
            2 => (text(request, 0).trim().to_uppercase(), text(request, 2)),
            _ => (text(request, 1).trim().to_uppercase(), text(request, 2)),
        });
        let (sql, result) = match self.aggregation(&kind, &field, request.condition.as_ref()) {
            Ok(found) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let value = match rows.first() {
            Some(row) => read(row, 0, result)?,
            None => Value::Null,
        };
        Ok(Ok(match value {
            Value::Null if kind == "SUM" => Value::Integer(0),
            value => value,
        }))
    }

    /// The statement, and of what kind its answer is.
    fn aggregation(
        &self,
        kind: &str,
        field: &str,
        condition: Option<&Condition>,
    ) -> Result<(Sql, FieldKind), Refusal> {
        let kind = if kind == "AVERAGE" { "AVG" } else { kind };
        if !AGGREGATES.contains(&kind) {
            let message = format!("{kind} is no aggregate; there are {}", AGGREGATES.join(", "));
            return Err(Refusal::mistake("aggregate_unknown", message));
        }
        let number = FieldKind::Decimal {
            digits: None,
            scale: 0,
        };
        let function = kind.to_lowercase();
        let (shown, result) = match field.trim() {
            "" | "*" if kind == "COUNT" => ("count(*)::text".to_owned(), number),
            field => {
                let column = self.definition.read_by(field, &self.roles)?;
                let fits = match (kind, column.kind) {
                    ("COUNT", _)
                    | ("SUM" | "AVG", FieldKind::Integer | FieldKind::Decimal { .. } | FieldKind::Double) => {
                        true
                    }
                    ("SUM" | "AVG", _) => false,
                    (_, kind) => !matches!(kind, FieldKind::Boolean | FieldKind::Json | FieldKind::Uuid),
                };
                if !fits {
                    let message = format!(
                        "{kind} does not go with {}, which is {}",
                        column.name,
                        article(column.kind)
                    );
                    return Err(Refusal::mistake("aggregate_kind", message));
                }
                let sql = format!("{function}({})", column.sql);
                match kind {
                    "MIN" | "MAX" => (
                        selected(&Column {
                            sql,
                            ..column.clone()
                        }),
                        column.kind,
                    ),
                    _ => (format!("{sql}::text"), number),
                }
            }
        };
        let mut sql = Sql::new(format!("select {shown} from {}", self.definition.path));
        sql.push_where(&self.definition, condition, &self.roles)?;
        Ok((sql, result))
    }

    /// A row with a key that is there is replaced, as far as fields are given.
    async fn save(
        &mut self,
        host: &Host<'_>,
        request: &Request,
        from: usize,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        if request.clause("to").is_some() || request.arguments.len() == from + 1 {
            // A list of rows is saved row by row, in one statement.
            if let Value::Array(rows) = request.argument(from)
                && rows.len() != 1
            {
                return self.merge_rows(host, &Value::Array(rows.clone()), None).await;
            }
        }
        let fields = match given(&definition, request, from, &self.roles) {
            Ok(fields) => fields,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let keyed = definition.keys().all(|key| {
            let found = fields.iter().find(|(column, _)| column.sql == key.sql);
            found.is_some_and(|(_, value)| *value != Value::Null && value.to_string() != "")
        });
        self.insert(host, fields, keyed).await
    }

    async fn insert_row(
        &mut self,
        host: &Host<'_>,
        request: &Request,
        from: usize,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        match given(&definition, request, from, &self.roles) {
            Ok(fields) => self.insert(host, fields, false).await,
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    async fn insert(
        &mut self,
        host: &Host<'_>,
        fields: Fields<'_>,
        or_replace: bool,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let subject = host.subject(&fields).await?;
        let columns = self.readable();
        let sql = match insertion(&self.definition, &fields, subject, or_replace, &columns) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let rows = match self.fetch(&sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let numbered: Vec<&Column> = fields
            .iter()
            .filter(|(_, value)| *value != Value::Null && !value.to_string().is_empty())
            .map(|(column, _)| *column)
            .collect();
        self.number_on(&numbered).await?;
        let value = match rows.first() {
            Some(row) => record(row, &columns)?,
            None => Value::Null,
        };
        let operation = if or_replace {
            DataOperation::Merge
        } else {
            DataOperation::Insert
        };
        Ok(Ok(self.changed(value, operation, keys_of(&rows, columns.len())?)))
    }

    async fn update(
        &mut self,
        host: &Host<'_>,
        request: &Request,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        let fields = match changes(&definition, request, &self.roles) {
            Ok(fields) => fields,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let subject = match fields.iter().any(|(column, _)| column.subject) {
            true => Some(host.subject(&fields).await?),
            false => None,
        };
        let sql = match updating(&definition, request, &fields, subject, &self.roles) {
            Ok(sql) => sql,
            Err(refusal) => return Ok(Err(refusal)),
        };
        self.counted(&sql, DataOperation::Update).await
    }

    async fn delete(&mut self, request: &Request) -> Result<Result<Changed, Refusal>, CommandError> {
        let Some(condition) = condition_of(request) else {
            return Ok(Err(condition_wanted("DELETE")));
        };
        let mut sql = Sql::new(format!("delete from {}", self.definition.path));
        if let Err(refusal) = sql.push_where(&self.definition, Some(condition), &self.roles) {
            return Ok(Err(refusal));
        }
        sql.push(&format!(" returning {}", key_text(&self.definition)));
        self.counted(&sql, DataOperation::Delete).await
    }

    /// A statement that answers the keys of the rows it changed.
    async fn counted(
        &mut self,
        sql: &Sql,
        operation: DataOperation,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let rows = match self.fetch(sql).await? {
            Ok(rows) => rows,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let count = Value::Integer(rows.len() as i64);
        Ok(Ok(self.changed(count, operation, keys_of(&rows, 0)?)))
    }

    async fn merge(
        &mut self,
        host: &Host<'_>,
        request: &Request,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let rows = request
            .clause("with")
            .or(request.clause("using"))
            .unwrap_or(request.argument(1));
        let key = match request.clause("by").or(request.clause("on")) {
            Some(key) => Some(key.to_string()),
            None => Some(text(request, 2)).filter(|key| !key.trim().is_empty()),
        };
        self.merge_rows(host, rows, key.as_deref()).await
    }

    /// Adds or changes rows by their key, set-wise. Rows with the same fields are one statement.
    async fn merge_rows(
        &mut self,
        host: &Host<'_>,
        rows: &Value,
        key: Option<&str>,
    ) -> Result<Result<Changed, Refusal>, CommandError> {
        let definition = self.definition.clone();
        let keys: Result<Vec<&Column>, Refusal> = match key {
            Some(key) => key
                .split([',', ';'])
                .map(|key| definition.read_by(key, &self.roles))
                .collect(),
            None => Ok(definition.keys().collect()),
        };
        let (keys, rows) = match (keys, listed(rows)) {
            (Ok(keys), Ok(rows)) => (keys, rows),
            (Err(refusal), _) | (_, Err(refusal)) => return Ok(Err(refusal)),
        };
        // Two that merge into one table must not both add the same row.
        let locked = sqlx::query("select pg_advisory_xact_lock(hashtextextended($1, 0))")
            .bind(&definition.path)
            .execute(&mut *self.opened.transaction)
            .await;
        if let Err(error) = locked {
            return refused(error).map(Err);
        }
        let mut groups: Vec<(Vec<&Column>, Vec<Vec<Value>>)> = Vec::new();
        for row in &rows {
            let mut fields = match of_object(&definition, row, &self.roles) {
                Ok(fields) => fields,
                Err(refusal) => return Ok(Err(refusal)),
            };
            if fields.is_empty() {
                return Ok(Err(Refusal::mistake(
                    "row_missing",
                    "a row has no fields: { name: value }",
                )));
            }
            fields.sort_by(|(a, _), (b, _)| a.sql.cmp(&b.sql));
            let (columns, values): (Vec<&Column>, Vec<Value>) = fields.into_iter().unzip();
            let same = |(known, _): &&mut (Vec<&Column>, Vec<Vec<Value>>)| {
                known
                    .iter()
                    .map(|column| &column.sql)
                    .eq(columns.iter().map(|column| &column.sql))
            };
            // The last one of its kind is the one that has room.
            match groups.iter_mut().rev().find(same) {
                Some((_, group)) if group.len() < CHUNK => group.push(values),
                _ => groups.push((columns, vec![values])),
            }
        }
        let (mut inserted, mut updated, mut changed) = (0, 0, Vec::new());
        for (columns, values) in &groups {
            let subjects = match columns.iter().position(|column| column.subject) {
                None => None,
                Some(at) => {
                    let mut subjects = Vec::with_capacity(values.len());
                    for row in values {
                        let fields = vec![(columns[at], row[at].clone())];
                        subjects.push(host.subject(&fields).await?.to_string());
                    }
                    Some(subjects)
                }
            };
            let done = self
                .merge_group(columns, &keys, values, subjects.as_deref())
                .await?;
            match done {
                Ok((new, old, keys)) => {
                    self.number_on(columns).await?;
                    inserted += new;
                    updated += old;
                    changed.extend(keys);
                }
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let counts = [
            ("inserted", inserted),
            ("updated", updated),
            ("total", inserted + updated),
        ];
        let counts: Object = counts
            .into_iter()
            .map(|(name, count)| (name, Value::Integer(count)))
            .collect();
        Ok(Ok(self.changed(
            Value::Object(counts),
            DataOperation::Merge,
            changed,
        )))
    }

    async fn merge_group(
        &mut self,
        columns: &[&Column],
        keys: &[&Column],
        rows: &[Vec<Value>],
        subjects: Option<&[String]>,
    ) -> Result<Result<(i64, i64, Vec<String>), Refusal>, CommandError> {
        let mut lists: Vec<Vec<Option<String>>> = vec![Vec::with_capacity(rows.len()); columns.len()];
        for row in rows {
            for (list, (column, value)) in lists.iter_mut().zip(columns.iter().zip(row)) {
                match bound(column, value) {
                    Ok(value) => list.push(value),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
        }
        let sql = merging(&self.definition, columns, keys);
        let mut query = sqlx::query(&sql).persistent(false);
        for list in &lists {
            query = query.bind(list);
        }
        let own: Vec<String>;
        let subjects = match subjects {
            Some(subjects) => subjects,
            None => {
                own = vec![self.person.to_string(); rows.len()];
                &own
            }
        };
        let found = query
            .bind(subjects)
            .fetch_all(&mut *self.opened.transaction)
            .await;
        let rows = match found {
            Ok(rows) => rows,
            Err(error) => return refused(error).map(Err),
        };
        let (mut inserted, mut updated, mut changed) = (0, 0, Vec::with_capacity(rows.len()));
        for row in rows {
            let new: bool = row.try_get(0).map_err(CommandError::unexpected)?;
            changed.push(row.try_get::<String, _>(1).map_err(CommandError::unexpected)?);
            if new {
                inserted += 1;
            } else {
                updated += 1;
            }
        }
        Ok(Ok((inserted, updated, changed)))
    }

    fn changed(&self, value: Value, operation: DataOperation, mut keys: Vec<String>) -> Changed {
        keys.sort();
        // An address or a name could be guessed from its digest, by whoever reads the log after it was erased.
        let tells = |column: &Column| !matches!(column.kind, FieldKind::Integer | FieldKind::Uuid);
        let digest = match self.definition.keys().any(tells) {
            true => String::new(),
            false => {
                let mut digest = Sha256::new();
                for key in &keys {
                    digest.update(key);
                    digest.update([0]);
                }
                hex::encode(digest.finalize())
            }
        };
        Changed {
            value,
            statement: DataStatement {
                table: self.definition.table.name.clone(),
                operation,
                rows: keys.len() as u64,
                digest,
            },
        }
    }
}

const AGGREGATES: [&str; 5] = ["SUM", "AVG", "COUNT", "MIN", "MAX"];

fn is_aggregate(word: &str) -> bool {
    let word = word.trim().to_uppercase();
    word == "AVERAGE" || AGGREGATES.contains(&word.as_str())
}

fn query(sql: &Sql) -> sqlx::query::Query<'_, Postgres, PgArguments> {
    // Not kept prepared: a field may become of another kind, which a kept statement does not get over.
    let mut query = sqlx::query(&sql.text).persistent(false);
    for value in &sql.values {
        query = query.bind(value);
    }
    query
}

fn size(row: &PgRow) -> usize {
    let bytes = |at| row.try_get_raw(at).ok()?.as_bytes().ok().map(<[u8]>::len);
    (0..row.len()).map(|at| bytes(at).unwrap_or(0)).sum()
}

fn list(columns: &[Column], shown: impl Fn(&Column) -> String) -> String {
    columns.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// The key of a row as one text: what the log's record tells apart.
fn key_text(definition: &Definition) -> String {
    let keys: Vec<String> = definition
        .keys()
        .map(|column| format!("{}::text", column.sql))
        .collect();
    format!("concat_ws(' ', {})", keys.join(", "))
}

fn keys_of(rows: &[PgRow], at: usize) -> Result<Vec<String>, CommandError> {
    rows.iter()
        .map(|row| row.try_get(at).map_err(CommandError::unexpected))
        .collect()
}

fn record(row: &PgRow, columns: &[Column]) -> Result<Value, CommandError> {
    let mut fields = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter().enumerate() {
        fields.push((column.name.as_str(), read(row, at, column.kind)?));
    }
    Ok(Value::Object(fields.into_iter().collect()))
}

fn listing(rows: &[PgRow], columns: &[Column], first: bool) -> Result<Answered, CommandError> {
    if rows.len() > ROWS_MAX {
        let message = format!("more than {ROWS_MAX} rows meet the condition; say which with WHERE or LIMIT");
        return Ok(Err(Refusal::mistake("rows_too_many", message)));
    }
    let records: Result<Vec<Value>, CommandError> = rows.iter().map(|row| record(row, columns)).collect();
    let mut records = records?;
    Ok(Ok(if first {
        records.pop().unwrap_or_default()
    } else {
        Value::Array(records.into_iter().collect::<Array>())
    }))
}

/// A count that is no number is a mistake.
fn number(value: Option<&Value>) -> Result<Option<u64>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    let number = match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    number
        .map(Some)
        .ok_or_else(|| Refusal::mistake("limit_refused", format!("`{value}` is no number of rows")))
}

/// The condition of a statement that changes rows. An object without fields is none: it would be every row.
fn condition_of(request: &Request) -> Option<&Condition> {
    let condition = request.condition.as_ref();
    condition.filter(|condition| !matches!(condition, Condition::Both(all) if all.is_empty()))
}

fn condition_wanted(word: &str) -> Refusal {
    let message = format!("{word} needs a condition that says which rows; WHERE TRUE would be all of them");
    Refusal::mistake("condition_wanted", message)
}

fn insertion(
    definition: &Definition,
    fields: &Fields<'_>,
    subject: UserId,
    or_replace: bool,
    returned: &[Column],
) -> Result<Sql, Refusal> {
    // A key without a value is given by the database.
    let set: Vec<&(&Column, Value)> = fields
        .iter()
        .filter(|(column, value)| !(column.key && (*value == Value::Null || value.to_string().is_empty())))
        .collect();
    let names: Vec<&str> = set
        .iter()
        .map(|(column, _)| column.sql.as_str())
        .chain(["\"__subject\""])
        .collect();
    let mut sql = Sql::new(format!(
        "insert into {} ({}) values (",
        definition.path,
        names.join(", ")
    ));
    for (column, value) in &set {
        sql.bind_for(column, value)?;
        sql.push(", ");
    }
    sql.bind(Some(subject.to_string()), "uuid");
    sql.push(")");
    if or_replace {
        let keys: Vec<&str> = definition.keys().map(|column| column.sql.as_str()).collect();
        let changes: Vec<String> = set
            .iter()
            .filter(|(column, _)| !column.key)
            .map(|(column, _)| format!("{0} = excluded.{0}", column.sql))
            .chain(["\"__changed_at\" = now()".to_owned()])
            .chain(names_subject(&set).then(|| "\"__subject\" = excluded.\"__subject\"".to_owned()))
            .collect();
        sql.push(&format!(
            " on conflict ({}) do update set {}",
            keys.join(", "),
            changes.join(", ")
        ));
    }
    let shown = returned.iter().map(selected).chain([key_text(definition)]);
    sql.push(&format!(" returning {}", shown.collect::<Vec<_>>().join(", ")));
    Ok(sql)
}

fn names_subject(set: &[&(&Column, Value)]) -> bool {
    set.iter().any(|(column, _)| column.subject)
}

/// The fields that UPDATE or SET gives.
fn changes<'d>(definition: &'d Definition, request: &Request, roles: &[&str]) -> Result<Fields<'d>, Refusal> {
    match (
        request.clause("set").or(request.clause("with")),
        request.arguments.len(),
    ) {
        (Some(Value::Object(object)), _) => of_object(definition, object, roles),
        // `SET "guests", "id = 7", "name = 'B'"`
        _ if request.word == "SET TABLE" => {
            let object = assignments(&text(request, 2))?;
            of_object(definition, &object, roles)
        }
        // `UPDATE "guests", 7, "name", "B"`
        (_, 4) => {
            let object = [(text(request, 2), request.argument(3).clone())];
            of_object(definition, &object.into_iter().collect(), roles)
        }
        _ => match (request.argument(1), request.argument(2)) {
            (_, Value::Object(object)) | (Value::Object(object), Value::Null) => {
                of_object(definition, object, roles)
            }
            _ => Err(Refusal::mistake(
                "row_missing",
                "no fields are given: { name: value }",
            )),
        },
    }
}

fn updating(
    definition: &Definition,
    request: &Request,
    fields: &Fields<'_>,
    subject: Option<UserId>,
    roles: &[&str],
) -> Result<Sql, Refusal> {
    let mut sql = Sql::new(format!("update {} set ", definition.path));
    for (column, value) in fields.iter().filter(|(column, _)| !is_own_key(request, column)) {
        sql.push(&format!("{} = ", column.sql));
        sql.bind_for(column, value)?;
        sql.push(", ");
    }
    if let Some(subject) = subject {
        sql.push("\"__subject\" = ");
        sql.bind(Some(subject.to_string()), "uuid");
        sql.push(", ");
    }
    sql.push("\"__changed_at\" = now()");
    match condition_of(request) {
        Some(_) if is_whole_row(request) => {
            // `UPDATE "guests", {id: 7, name: "B"}`: the row of this key.
            let mut keys = Vec::new();
            for key in definition.keys() {
                let found = fields.iter().find(|(column, _)| column.sql == key.sql);
                let (_, value) = found.ok_or_else(|| condition_wanted("UPDATE"))?;
                keys.push(Condition::equals(key.name.as_str(), value.clone()));
            }
            sql.push_where(definition, Some(&Condition::Both(keys)), roles)?;
        }
        Some(condition) => sql.push_where(definition, Some(condition), roles)?,
        None if request.clause("set").is_some() => {}
        None => return Err(condition_wanted("UPDATE")),
    }
    sql.push(&format!(" returning {}", key_text(definition)));
    Ok(sql)
}

fn is_whole_row(request: &Request) -> bool {
    matches!(
        (request.argument(1), request.argument(2)),
        (Value::Object(_), Value::Null)
    )
}

fn is_own_key(request: &Request, column: &Column) -> bool {
    column.key && is_whole_row(request)
}

/// `name = 'B', rank = 2` as an object.
fn assignments(text: &str) -> Result<Object, Refusal> {
    let mut quote = None;
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == ',' => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let unclear = || Refusal::mistake("changes_unclear", format!("`{text}` does not say name = value"));
    let mut fields = Vec::new();
    for part in parts {
        match Condition::read(&part).map_err(|_| unclear())? {
            Condition::Compared {
                field,
                comparison: basic::Comparison::Equal,
                value,
            } => fields.push((field, value)),
            _ => return Err(unclear()),
        }
    }
    Ok(fields.into_iter().collect())
}

/// One statement for all rows: those whose key is there are changed, the others added; of two with the same key the last
/// counts. Answers of each whether it is new, and its key.
fn merging(definition: &Definition, columns: &[&Column], keys: &[&Column]) -> String {
    let path = &definition.path;
    let names: Vec<String> = (1..=columns.len()).map(|at| format!("c{at}")).collect();
    let arrays: Vec<String> = (1..=columns.len() + 1)
        .map(|at| format!("${at}::text[]"))
        .collect();
    let typed: Vec<String> = columns
        .iter()
        .zip(&names)
        .map(|(column, name)| format!("{name}::{} as {}", sql_type(column.kind), column.sql))
        .collect();
    let own: Vec<&str> = columns.iter().map(|column| column.sql.as_str()).collect();
    let keyed: Vec<&str> = keys
        .iter()
        .map(|key| key.sql.as_str())
        .filter(|key| own.contains(key))
        .collect();
    let returned = {
        let keys: Vec<String> = definition
            .keys()
            .map(|column| format!("t.{}::text", column.sql))
            .collect();
        format!("concat_ws(' ', {})", keys.join(", "))
    };
    let given = format!(
        "with given as (
           select {}, s::uuid as \"__subject\", n from unnest({}) with ordinality as g({}, s, n)
         )",
        typed.join(", "),
        arrays.join(", "),
        names.join(", "),
    );
    // What the database numbers is left out where it is not given.
    let inserted = |from: &str| {
        format!(
            "insert into {path} as t ({}, \"__subject\") select {}, \"__subject\" from {from} order by n
             returning {returned} as k",
            own.join(", "),
            own.join(", "),
        )
    };
    if keyed.len() < keys.len() {
        // Rows without a key are new.
        return format!(
            "{given}, added as ({}) select true, k from added",
            inserted("given")
        );
    }
    let same = |a: &str, b: &str| {
        let pairs: Vec<String> = keyed.iter().map(|key| format!("{a}.{key} = {b}.{key}")).collect();
        pairs.join(" and ")
    };
    let changes: Vec<String> = own
        .iter()
        .filter(|name| !keyed.contains(name))
        .map(|name| format!("{name} = l.{name}"))
        .chain(["\"__changed_at\" = now()".to_owned()])
        .chain(
            columns
                .iter()
                .any(|column| column.subject)
                .then(|| "\"__subject\" = l.\"__subject\"".to_owned()),
        )
        .collect();
    format!(
        "{given}, last as materialized (
           select distinct on ({keys}) * from given order by {keys}, n desc
         ), changed as (
           update {path} t set {changes} from last l where {matching} returning {returned} as k
         ), fresh as (
           select l.* from last l where not exists (select from {path} t where {matching})
         ), added as ({added})
         select true, k from added union all select false, k from changed",
        keys = keyed.join(", "),
        changes = changes.join(", "),
        matching = same("t", "l"),
        added = inserted("fresh"),
    )
}
