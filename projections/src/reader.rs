//! Reading: one transaction for one organisation, in which every question sees the same moment.

use domain::{OrganisationId, Personal};
use event_log::{Keyring, KeyringError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::paging::PageError;

/// Opens reads. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pool: PgPool,
    keyring: Keyring,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the database cannot be read")]
    Unavailable(#[source] sqlx::Error),
    #[error("not a cursor of this list")]
    Cursor,
    #[error(transparent)]
    Page(#[from] PageError),
    #[error("a personal value cannot be opened")]
    Keyring(#[from] KeyringError),
    /// A stored row or value does not have the form this version reads.
    #[error("{0} does not have the form this version reads")]
    Corrupt(String),
}

impl From<sqlx::Error> for ReadError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::ColumnDecode { index, .. } => ReadError::Corrupt(format!("column {index}")),
            other => ReadError::Unavailable(other),
        }
    }
}

impl Reader {
    /// `pool` connects as `botserver_app`; the keyring opens what the rows hold sealed.
    pub fn new(pool: PgPool, keyring: Keyring) -> Self {
        Self { pool, keyring }
    }

    /// Begins to read as `organisation`: its rows only, all as of now. Wait for a position before, not after.
    pub async fn tenant(&self, organisation: OrganisationId) -> Result<Reads, ReadError> {
        let begin = "begin isolation level repeatable read, read only";
        let mut transaction = self.pool.begin_with(begin).await?;
        // The path as of this moment, set only when it changed: a connection's plans are made for one.
        let enter = "select set_config('app.tenant', $1, true),
                            case when current_setting('search_path') <> path then set_config('search_path', path, false) end
                       from read.live_path";
        sqlx::query(enter)
            .bind(organisation.to_string())
            .execute(&mut *transaction)
            .await?;
        Ok(Reads {
            transaction: Mutex::new(transaction),
            keyring: self.keyring.clone(),
            organisation,
        })
    }
}

/// Questions of one organisation at one moment. Each noun's file adds its own. Holds a connection until dropped.
pub struct Reads {
    transaction: Mutex<Transaction<'static, Postgres>>,
    keyring: Keyring,
    organisation: OrganisationId,
}

impl Reads {
    /// Whose rows these are.
    pub fn organisation_id(&self) -> OrganisationId {
        self.organisation
    }

    pub(crate) async fn connection(&self) -> MappedMutexGuard<'_, PgConnection> {
        MutexGuard::map(self.transaction.lock().await, |transaction| &mut **transaction)
    }

    /// Opens sealed markers, all at once and in order; erased ones come back as such.
    pub(crate) async fn open(&self, sealed: Vec<Value>) -> Result<Vec<Value>, ReadError> {
        if sealed.is_empty() {
            return Ok(sealed);
        }
        let asked = sealed.len();
        let opened = self.keyring.open_values(sealed).await?;
        if opened.len() == asked {
            Ok(opened)
        } else {
            Err(ReadError::Corrupt("the keyring's answer".to_owned()))
        }
    }
}

/// Reads an opened marker.
pub(crate) fn personal<T: DeserializeOwned>(opened: Value) -> Result<Personal<T>, ReadError> {
    serde_json::from_value(opened).map_err(|_| ReadError::Corrupt("a personal value".to_owned()))
}
