//! The keyring: seals, opens, hashes and forgets, with keys that only it can unwrap.

use std::path::PathBuf;
use std::sync::Arc;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use sqlx::PgPool;
use subtle::ConstantTimeEq;
use thiserror::Error;
use uuid::Uuid;

use crate::MasterKey;
use crate::envelope::{Secret, joined};
use crate::keys::KeyStore;
use crate::marker::Class;

#[derive(Debug, Error)]
pub enum KeyringError {
    /// The key tables cannot be reached; the same again may succeed.
    #[error("keys are unavailable")]
    Unavailable(#[source] sqlx::Error),
    #[error("master key file {} {problem}", path.display())]
    MasterKeyFile { path: PathBuf, problem: String },
    /// The key tables were filled under another master key.
    #[error("the master key is not the one that wraps the stored keys")]
    OtherMasterKey,
    /// A reserved name (`$personal`, `$sealed`, `$erased`) is used as nobody but the platform may.
    #[error("no marker of a personal value, or one that this log did not make, at {field:?}")]
    Marker { field: String },
    /// The subject's key was erased: nothing personal of theirs is stored until they are readmitted.
    #[error("subject {subject} is erased")]
    SubjectErased { subject: Uuid },
    /// The key of this class and month was dropped.
    #[error("class {class} of {month} has expired")]
    ClassExpired { class: String, month: String },
    /// A sealed value was altered, or names a key that never existed.
    #[error("sealed value of event {event_id}, field {field:?}, was altered")]
    Altered { event_id: Uuid, field: String },
    /// A stored key cannot be unwrapped.
    #[error("stored key of {name} was altered")]
    KeyAltered { name: String },
    #[error("no random bytes could be had")]
    Randomness,
    #[error("value is too long to be sealed")]
    TooLong,
}

impl KeyringError {
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for KeyringError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

/// Cheap to clone; all clones share one cache of keys.
#[derive(Clone)]
pub struct Keyring {
    pub(crate) store: Arc<KeyStore>,
    hashing: Arc<MasterKey>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// Opens the key tables, as the role `botserver_keys`; refuses a master key that did not wrap what they hold.
    pub async fn open(keys_pool: PgPool, master: MasterKey) -> Result<Keyring, KeyringError> {
        let fingerprint = master.derive(&[b"botserver fingerprint 1"]);
        sqlx::query("insert into keys.masters (id, fingerprint) values (1, $1) on conflict do nothing")
            .bind(fingerprint.as_slice())
            .execute(&keys_pool)
            .await?;
        let stored: Vec<u8> = sqlx::query_scalar("select fingerprint from keys.masters where id = 1")
            .fetch_one(&keys_pool)
            .await?;
        if !bool::from(stored.ct_eq(fingerprint.as_slice())) {
            return Err(KeyringError::OtherMasterKey);
        }
        let wrapping = master.derive(&[b"botserver wrapping 1"]);
        let store = KeyStore::new(keys_pool, wrapping);
        Ok(Keyring {
            store,
            hashing: Arc::new(master),
        })
    }

    /// Hash by which a name or address is found again: HMAC-SHA-256 under a key of this tenant's.
    pub fn hash(&self, tenant: Uuid, kind: &str, key: &str) -> [u8; 32] {
        let secret: Secret = self.hashing.derive(&[b"botserver hash 1", tenant.as_bytes()]);
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_slice()).expect("HMAC takes a key of any length");
        mac.update(&joined(&[kind.as_bytes(), key.as_bytes()]));
        mac.finalize().into_bytes().into()
    }

    /// Destroys every key of a subject; returns how many there were.
    ///
    /// From now on whatever was sealed for them opens as erased (in other processes once their caches end, after 60 s
    /// at most), and nothing more is sealed for them before [`Keyring::readmit_subject`].
    pub async fn erase_subject(&self, tenant: Uuid, subject: Uuid) -> Result<u64, KeyringError> {
        self.store.erase_subject(tenant, subject).await
    }

    /// Lets a subject whose key was erased begin anew, under the next incarnation. What was erased stays so.
    pub async fn readmit_subject(&self, tenant: Uuid, subject: Uuid) -> Result<(), KeyringError> {
        self.store.readmit_subject(tenant, subject).await
    }

    /// Destroys the key of a class and month (`conversation`, `2026-11`): its values expire for every subject.
    pub async fn expire_class(&self, tenant: Uuid, class: &str, month: &str) -> Result<bool, KeyringError> {
        let class: Class = serde_json::from_value(class.into()).map_err(|_| KeyringError::Marker {
            field: format!("class {class}"),
        })?;
        self.store.expire_class(tenant, class, month).await
    }
}
