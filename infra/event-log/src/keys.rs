//! Stored keys: made on first use, wrapped by the master key, kept in memory for a minute at most.

mod rows;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use sqlx::PgPool;
use uuid::Uuid;

use crate::KeyringError;
use crate::envelope::{Secret, decrypt};
use crate::marker::Class;

/// How long a key may be used after it was read: the time within which an erasure reaches every process.
const CACHED_FOR: Duration = Duration::from_secs(60);
const SWEPT_EVERY: Duration = Duration::from_secs(10);
/// Keys of 32 bytes: a few megabytes.
const CACHED_MAX: usize = 50_000;

/// One key by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum KeyName {
    Subject {
        tenant: Uuid,
        subject: Uuid,
        incarnation: i32,
    },
    Class {
        tenant: Uuid,
        class: Class,
        month: String,
    },
}

/// A subject whose latest key is asked for.
pub(crate) type Subject = (Uuid, Uuid);

#[derive(Clone)]
pub(crate) enum Found {
    Live(Arc<Secret>),
    Erased,
}

/// The keys a piece of work needs, by name. A name that is missing never had a key.
#[derive(Default)]
pub(crate) struct Keys {
    pub by_name: HashMap<KeyName, Found>,
    /// Latest incarnation of each subject asked for.
    pub latest: HashMap<Subject, i32>,
}

pub(crate) struct KeyStore {
    pool: PgPool,
    wrapping: Secret,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    live: HashMap<KeyName, (Arc<Secret>, Instant)>,
    latest: HashMap<Subject, (i32, Instant)>,
}

impl KeyStore {
    pub(crate) fn new(pool: PgPool, wrapping: Secret) -> Arc<KeyStore> {
        let store = Arc::new(KeyStore {
            pool,
            wrapping,
            cache: Mutex::default(),
        });
        tokio::spawn(sweep(Arc::downgrade(&store)));
        store
    }

    /// The keys of these names, as far as they exist.
    pub(crate) async fn find(&self, names: &BTreeSet<KeyName>) -> Result<Keys, KeyringError> {
        let mut keys = Keys::default();
        let missing = self.cached(names, &mut keys);
        self.read_subjects(&missing, &mut keys).await?;
        self.read_classes(&missing, &mut keys).await?;
        Ok(keys)
    }

    /// The latest keys of subjects and the class keys, made where there are none yet; further keys as far as they exist.
    pub(crate) async fn find_or_make(
        &self,
        subjects: &BTreeSet<Subject>,
        classes: &BTreeSet<KeyName>,
        further: &BTreeSet<KeyName>,
    ) -> Result<Keys, KeyringError> {
        let latest = self.latest(subjects).await?;
        let mut wanted: BTreeSet<KeyName> = classes | further;
        wanted.extend(
            latest
                .iter()
                .map(|(&(tenant, subject), &incarnation)| KeyName::Subject {
                    tenant,
                    subject,
                    incarnation,
                }),
        );
        let mut keys = self.find(&wanted).await?;
        let absent: BTreeSet<KeyName> = classes
            .iter()
            .filter(|name| !keys.by_name.contains_key(name))
            .cloned()
            .collect();
        if !absent.is_empty() {
            self.make_classes(&absent).await?;
            self.read_classes(&absent.iter().collect(), &mut keys).await?;
        }
        keys.latest = latest;
        Ok(keys)
    }

    async fn latest(&self, subjects: &BTreeSet<Subject>) -> Result<HashMap<Subject, i32>, KeyringError> {
        let now = Instant::now();
        let mut latest = HashMap::new();
        {
            let cache = self.cache();
            for subject in subjects {
                if let Some((incarnation, _)) = cache.latest.get(subject).filter(|(_, until)| *until > now) {
                    latest.insert(*subject, *incarnation);
                }
            }
        }
        let absent: Vec<Subject> = subjects
            .iter()
            .filter(|subject| !latest.contains_key(*subject))
            .copied()
            .collect();
        if absent.is_empty() {
            return Ok(latest);
        }
        let mut rows = self.read_latest(&absent).await?;
        if rows.len() < absent.len() {
            let known: BTreeSet<Subject> = rows.iter().map(|(subject, _)| *subject).collect();
            let strangers: Vec<Subject> = absent
                .iter()
                .filter(|subject| !known.contains(*subject))
                .copied()
                .collect();
            self.make_subjects(&strangers).await?;
            rows = self.read_latest(&absent).await?;
        }
        let mut cache = self.cache();
        for (subject, incarnation) in rows {
            cache.latest.insert(subject, (incarnation, now + CACHED_FOR));
            latest.insert(subject, incarnation);
        }
        Ok(latest)
    }

    /// Unwraps a key that was read, for this piece of work and for the next minute.
    fn admit(&self, name: KeyName, wrapped: Option<Vec<u8>>, keys: &mut Keys) -> Result<(), KeyringError> {
        let Some(wrapped) = wrapped else {
            keys.by_name.insert(name, Found::Erased);
            return Ok(());
        };
        let clear = decrypt(&self.wrapping, &rows::identity(&name), &wrapped);
        let secret = clear
            .and_then(|clear| <[u8; 32]>::try_from(clear.as_slice()).ok())
            .map(Secret::new);
        let secret = Arc::new(secret.ok_or_else(|| KeyringError::KeyAltered {
            name: format!("{name:?}"),
        })?);
        let mut cache = self.cache();
        if cache.live.len() >= CACHED_MAX {
            cache.live.clear();
        }
        cache
            .live
            .insert(name.clone(), (secret.clone(), Instant::now() + CACHED_FOR));
        keys.by_name.insert(name, Found::Live(secret));
        Ok(())
    }

    /// Moves what is in the cache into `keys` and returns what is not.
    fn cached<'a>(&self, names: &'a BTreeSet<KeyName>, keys: &mut Keys) -> BTreeSet<&'a KeyName> {
        let now = Instant::now();
        let cache = self.cache();
        let mut missing = BTreeSet::new();
        for name in names {
            match cache.live.get(name).filter(|(_, until)| *until > now) {
                Some((secret, _)) => {
                    keys.by_name.insert(name.clone(), Found::Live(secret.clone()));
                }
                None => {
                    missing.insert(name);
                }
            }
        }
        missing
    }

    fn forget_subject(&self, tenant: Uuid, subject: Uuid) {
        let mut cache = self.cache();
        cache.latest.remove(&(tenant, subject));
        cache.live.retain(|name, _| {
            !matches!(name, KeyName::Subject { tenant: t, subject: s, .. } if (*t, *s) == (tenant, subject))
        });
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        // Every change of the cache is one call: a panic elsewhere leaves it whole.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wipes what has lain in the cache for its time, also when nobody asks for keys any more.
async fn sweep(store: Weak<KeyStore>) {
    loop {
        tokio::time::sleep(SWEPT_EVERY).await;
        let Some(store) = store.upgrade() else { return };
        let now = Instant::now();
        let mut cache = store.cache();
        cache.live.retain(|_, (_, until)| *until > now);
        cache.latest.retain(|_, (_, until)| *until > now);
    }
}
