//! Sealing and opening without a database, for those who look for faults in it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::KeyringError;
use crate::envelope::{Secret, derive};
use crate::keys::{Found, KeyName, Keys};
use crate::seal::{Unsealed, Wanted, keys_within, open_with, seal_with};

/// Seals as a keyring does whose keys all exist and follow from one secret.
pub struct Probe {
    secret: Secret,
}

impl Probe {
    pub fn new(secret: [u8; 32]) -> Probe {
        Probe {
            secret: Secret::new(secret),
        }
    }

    /// As [`Keyring::seal`](crate::Keyring::seal).
    pub fn seal(
        &self,
        tenant: Uuid,
        event_id: Uuid,
        payload: Value,
        at: DateTime<Utc>,
    ) -> Result<Value, KeyringError> {
        let mut documents = [Unsealed {
            tenant,
            event_id,
            at,
            payload,
        }];
        let wanted = Wanted::of(&mut documents)?;
        let mut keys = self.keys(&(&wanted.classes | &wanted.moved));
        for (tenant, subject) in wanted.subjects {
            let name = KeyName::Subject {
                tenant,
                subject,
                incarnation: 1,
            };
            keys.latest.insert((tenant, subject), 1);
            keys.by_name.insert(name.clone(), self.key(&name));
        }
        seal_with(&keys, &mut documents)?;
        let [document] = documents;
        Ok(document.payload)
    }

    /// As [`Keyring::open_value`](crate::Keyring::open_value).
    pub fn open(&self, value: Value) -> Result<Value, KeyringError> {
        let mut values = [value];
        let names = keys_within(&mut values)?;
        open_with(&self.keys(&names), &mut values)?;
        let [value] = values;
        Ok(value)
    }

    fn keys(&self, names: &BTreeSet<KeyName>) -> Keys {
        Keys {
            by_name: names.iter().map(|name| (name.clone(), self.key(name))).collect(),
            ..Keys::default()
        }
    }

    fn key(&self, name: &KeyName) -> Found {
        let purpose = format!("{name:?}");
        Found::Live(Arc::new(derive(self.secret.as_slice(), &[purpose.as_bytes()])))
    }
}
