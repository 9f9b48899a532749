//! What the log is told of a statement that changed rows: how many, a digest of their keys, and the keys of a few.

use basic::{FieldKind, Value};
use domain::Personal;
use domain::run::{DataOperation, DataStatement, RowKeys};
use sha2::{Digest, Sha256};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::super::definition::{Column, Definition};
use super::Asked;
use crate::CommandError;

/// The keys of a statement have together.
const KEYS_BYTES_MAX: usize = 4 << 10;

/// What a statement did, and what is recorded of it.
pub(super) struct Changed {
    pub value: Value,
    pub statement: DataStatement,
}

/// The rows that a statement changed.
#[derive(Default)]
pub(super) struct Rows {
    pub keys: RowKeys,
    /// Of many rows it is known how many are new and have changed, and only of all together which.
    pub counted: [u64; 2],
    pub together: Vec<String>,
    /// People whose data the rows are, where their keys tell something.
    pub subjects: Vec<Uuid>,
    /// Where the rows lie until the transaction ends, in a table of our own.
    pub places: Vec<String>,
}

impl Rows {
    /// Of statements that change rows in one way only: `keys` says into which list they go.
    pub fn read(
        definition: &Definition,
        rows: &[PgRow],
        at: usize,
        list: impl Fn(&mut RowKeys) -> &mut Vec<String>,
    ) -> Result<Rows, CommandError> {
        let mut read = Rows::default();
        for row in rows {
            read.push(definition, row, at, &list)?;
        }
        Ok(read)
    }

    /// Takes what [`returned`] selected, which begins at a place of the row.
    pub fn push(
        &mut self,
        definition: &Definition,
        row: &PgRow,
        at: usize,
        list: impl Fn(&mut RowKeys) -> &mut Vec<String>,
    ) -> Result<(), CommandError> {
        list(&mut self.keys).push(row.try_get(at).map_err(CommandError::unexpected)?);
        let mut at = at + 1;
        if names_subject(definition) {
            self.subjects
                .push(row.try_get(at).map_err(CommandError::unexpected)?);
            at += 1;
        }
        if definition.is_own() {
            self.places
                .push(row.try_get(at).map_err(CommandError::unexpected)?);
        }
        Ok(())
    }

    pub fn added(&self) -> u64 {
        self.keys.added.len() as u64 + self.counted[0]
    }

    pub fn changed(&self) -> u64 {
        self.keys.changed.len() as u64 + self.counted[1]
    }

    fn len(&self) -> u64 {
        self.added() + self.changed() + self.keys.deleted.len() as u64
    }
}

/// What statements return of the rows they change: the key as one text, whose data it is where that tells something, and
/// where a row of our own lies.
pub(super) fn returned(definition: &Definition, of: &str) -> String {
    let key = key_of(definition, of);
    match (names_subject(definition), definition.is_own()) {
        (true, _) => format!("{key} as k, {of}\"__subject\" as s, {of}ctid::text as p"),
        (false, true) => format!("{key} as k, {of}ctid::text as p"),
        (false, false) => format!("{key} as k"),
    }
}

/// The key as one text, its parts apart by a space.
pub(super) fn key_of(definition: &Definition, of: &str) -> String {
    let keys: Vec<String> = definition
        .keys()
        .map(|column| format!("{of}{}::text", column.sql))
        .collect();
    match keys.as_slice() {
        [one] => one.clone(),
        keys => format!("concat_ws(' ', {})", keys.join(", ")),
    }
}

/// The names of what [`returned`] selects.
pub(super) fn returned_names(definition: &Definition) -> &'static str {
    match (names_subject(definition), definition.is_own()) {
        (true, _) => "k, s, p",
        (false, true) => "k, p",
        (false, false) => "k",
    }
}

/// Whether a key may be an address or a name, which says something of somebody.
fn tells(definition: &Definition) -> bool {
    let says = |column: &Column| !matches!(column.kind, FieldKind::Integer | FieldKind::Uuid);
    definition.keys().any(says)
}

/// Whether statements return whose data a row is.
fn names_subject(definition: &Definition) -> bool {
    definition.is_own() && tells(definition)
}

impl Asked {
    pub(super) async fn changed(
        &mut self,
        value: Value,
        operation: DataOperation,
        rows: Rows,
    ) -> Result<Changed, CommandError> {
        let (count, added) = (rows.len(), rows.added());
        let digest = digest_of(&self.definition, &rows.keys, &rows.together);
        let bytes: usize = [&rows.keys.added, &rows.keys.changed, &rows.keys.deleted]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum();
        let few = (1..=DataStatement::KEYS_MAX as u64).contains(&count)
            && bytes <= KEYS_BYTES_MAX
            && rows.together.is_empty();
        // What is sealed for one person must say nothing of another, whom it would outlive.
        let known = self.definition.is_own() || !tells(&self.definition);
        let own = known && rows.subjects.iter().all(|subject| *subject == self.person.0);
        let named = few && own;
        let values = match named {
            true => self.values_of(&rows).await?,
            false => Vec::new(),
        };
        Ok(Changed {
            value,
            statement: DataStatement {
                table: self.definition.table.name.clone(),
                operation,
                rows: count,
                digest,
                bot_id: Some(self.opened.bot),
                added: (operation == DataOperation::Merge).then_some(added),
                keys: named.then(|| Personal::conversation(self.person, rows.keys)),
                values,
            },
        })
    }
}

/// A digest of keys in any order; empty where they could be guessed from it: a number may be that of a phone, and all
/// numbers are soon tried.
fn digest_of(definition: &Definition, keys: &RowKeys, together: &[String]) -> String {
    if definition.keys().any(|column| column.kind != FieldKind::Uuid) {
        return String::new();
    }
    let mut all: Vec<&str> = [&keys.added, &keys.changed, &keys.deleted]
        .into_iter()
        .flatten()
        .chain(together)
        .map(String::as_str)
        .collect();
    all.sort_unstable();
    let mut digest = Sha256::new();
    for key in all {
        digest.update(key);
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}
