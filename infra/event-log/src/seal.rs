//! Sealing and opening documents: every marker in a JSON value, many values with one look at the keys.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::envelope::{self, Birth, Secret};
use crate::keyring::{Keyring, KeyringError};
use crate::keys::{Found, KeyName, Keys, Subject};
use crate::marker::{Class, ERASED, Envelope, Erased, Marker, PERSONAL, Personal, SEALED, walk, wrap};

/// Field name of an event's origin, which stands in its metadata; no JSON pointer looks like it.
const ORIGIN: &str = "@origin";

/// A document on its way into the log.
pub(crate) struct Unsealed {
    pub tenant: Uuid,
    pub event_id: Uuid,
    pub at: DateTime<Utc>,
    pub payload: Value,
}

impl Keyring {
    /// Seals every personal value of a payload for the event it will be born in.
    ///
    /// A value that is sealed already (one that was moved) is kept as it is if this log made it for this tenant.
    pub async fn seal(
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
        self.seal_all(&mut documents).await?;
        let [document] = documents;
        Ok(document.payload)
    }

    /// Seals many documents; the keys of all are fetched, and made where needed, together.
    pub(crate) async fn seal_all(&self, documents: &mut [Unsealed]) -> Result<(), KeyringError> {
        let wanted = Wanted::of(documents)?;
        if wanted.subjects.is_empty() && wanted.moved.is_empty() {
            return Ok(());
        }
        let keys = self
            .store
            .find_or_make(&wanted.subjects, &wanted.classes, &wanted.moved)
            .await?;
        seal_with(&keys, documents)
    }

    /// Opens every sealed value: clear again, or erased where its key is gone. An altered one is an error.
    pub async fn open_value(&self, value: Value) -> Result<Value, KeyringError> {
        let mut values = self.open_values(vec![value]).await?;
        Ok(values.pop().unwrap_or_default())
    }

    /// Opens many values with one look at the keys, in order.
    pub async fn open_values(&self, mut values: Vec<Value>) -> Result<Vec<Value>, KeyringError> {
        let names = keys_within(&mut values)?;
        if names.is_empty() {
            return Ok(values);
        }
        let keys = self.store.find(&names).await?;
        open_with(&keys, &mut values)?;
        Ok(values)
    }

    /// Seals a text that stands in a string: an event's origin. Returns the envelope's JSON.
    pub async fn seal_text(
        &self,
        tenant: Uuid,
        event_id: Uuid,
        subject: Uuid,
        text: &str,
        at: DateTime<Utc>,
    ) -> Result<String, KeyringError> {
        let month = month_of(at);
        let personal = Personal {
            subject,
            class: Class::Identity,
            value: text.into(),
        };
        let classes = BTreeSet::from([KeyName::Class {
            tenant,
            class: personal.class,
            month: month.clone(),
        }]);
        let subjects = BTreeSet::from([(tenant, subject)]);
        let keys = self
            .store
            .find_or_make(&subjects, &classes, &BTreeSet::new())
            .await?;
        let (incarnation, subject_key, class_key) = sealing_keys(&keys, tenant, &personal, &month)?;
        let birth = Birth {
            tenant,
            event_id,
            field: ORIGIN,
            month: &month,
            incarnation,
        };
        let sealed = envelope::seal(&personal, &birth, subject_key, class_key)?;
        Ok(wrap(SEALED, &sealed)?.to_string())
    }

    /// Opens what [`Keyring::seal_text`] sealed; `None` when its key is gone.
    pub async fn open_text(&self, sealed: &str) -> Result<Option<String>, KeyringError> {
        let not_ours = || KeyringError::Marker {
            field: ORIGIN.to_owned(),
        };
        let value: Value = serde_json::from_str(sealed).map_err(|_| not_ours())?;
        if value.get(SEALED).is_none() {
            return Err(not_ours());
        }
        let opened = self.open_value(value).await?;
        Ok(opened
            .get(PERSONAL)
            .and_then(|personal| personal["value"].as_str())
            .map(str::to_owned))
    }
}

/// The keys that documents need to be sealed.
#[derive(Default)]
pub(crate) struct Wanted {
    pub subjects: BTreeSet<Subject>,
    pub classes: BTreeSet<KeyName>,
    /// Of values that are sealed already.
    pub moved: BTreeSet<KeyName>,
}

impl Wanted {
    pub fn of(documents: &mut [Unsealed]) -> Result<Wanted, KeyringError> {
        let mut wanted = Wanted::default();
        for document in documents {
            let (tenant, month) = (document.tenant, month_of(document.at));
            walk(&mut document.payload, &mut |field, marker| {
                match marker {
                    Marker::Personal(personal) => {
                        wanted.subjects.insert((tenant, personal.subject));
                        wanted.classes.insert(KeyName::Class {
                            tenant,
                            class: personal.class,
                            month: month.clone(),
                        });
                    }
                    Marker::Sealed(envelope) if envelope.t == tenant => {
                        wanted.moved.extend(keys_of(&envelope));
                    }
                    Marker::Sealed(_) => {
                        return Err(KeyringError::Marker {
                            field: field.to_owned(),
                        });
                    }
                    Marker::Erased => {}
                }
                Ok(None)
            })?;
        }
        Ok(wanted)
    }
}

/// Seals every personal value with keys that were fetched.
pub(crate) fn seal_with(keys: &Keys, documents: &mut [Unsealed]) -> Result<(), KeyringError> {
    for document in documents {
        let (tenant, event_id, month) = (document.tenant, document.event_id, month_of(document.at));
        walk(&mut document.payload, &mut |field, marker| match marker {
            Marker::Personal(personal) => {
                let (incarnation, subject_key, class_key) = sealing_keys(keys, tenant, &personal, &month)?;
                let birth = Birth {
                    tenant,
                    event_id,
                    field,
                    month: &month,
                    incarnation,
                };
                let sealed = envelope::seal(&personal, &birth, subject_key, class_key)?;
                Ok(Some(wrap(SEALED, &sealed)?))
            }
            Marker::Sealed(envelope) => match opened(keys, &envelope) {
                Opened::Altered => Err(KeyringError::Marker {
                    field: field.to_owned(),
                }),
                Opened::Clear(_) | Opened::Erased => Ok(None),
            },
            Marker::Erased => Ok(None),
        })?;
    }
    Ok(())
}

/// The keys under which the sealed values among these are sealed.
pub(crate) fn keys_within(values: &mut [Value]) -> Result<BTreeSet<KeyName>, KeyringError> {
    let mut names = BTreeSet::new();
    for value in values {
        walk(value, &mut |_, marker| {
            if let Marker::Sealed(envelope) = marker {
                names.extend(keys_of(&envelope));
            }
            Ok(None)
        })?;
    }
    Ok(names)
}

/// Opens every sealed value with keys that were fetched.
pub(crate) fn open_with(keys: &Keys, values: &mut [Value]) -> Result<(), KeyringError> {
    for value in values {
        walk(value, &mut |_, marker| match marker {
            Marker::Sealed(envelope) => Ok(Some(match opened(keys, &envelope) {
                Opened::Clear(value) => wrap(
                    PERSONAL,
                    &Personal {
                        subject: envelope.s,
                        class: envelope.c,
                        value,
                    },
                )?,
                Opened::Erased => wrap(
                    ERASED,
                    &Erased {
                        subject: envelope.s,
                        class: envelope.c,
                    },
                )?,
                Opened::Altered => {
                    return Err(KeyringError::Altered {
                        event_id: envelope.e,
                        field: envelope.f,
                    });
                }
            })),
            Marker::Personal(_) | Marker::Erased => Ok(None),
        })?;
    }
    Ok(())
}

enum Opened {
    Clear(Value),
    Erased,
    Altered,
}

fn opened(keys: &Keys, envelope: &Envelope) -> Opened {
    let [subject, class] = keys_of(envelope);
    match (keys.by_name.get(&subject), keys.by_name.get(&class)) {
        (Some(Found::Live(subject)), Some(Found::Live(class))) => {
            envelope::open(envelope, subject, class).map_or(Opened::Altered, Opened::Clear)
        }
        (Some(Found::Erased), Some(_)) | (Some(_), Some(Found::Erased)) => Opened::Erased,
        // A key once made keeps its row: one that is not there was never used to seal anything.
        _ => Opened::Altered,
    }
}

fn keys_of(envelope: &Envelope) -> [KeyName; 2] {
    [
        KeyName::Subject {
            tenant: envelope.t,
            subject: envelope.s,
            incarnation: envelope.k,
        },
        KeyName::Class {
            tenant: envelope.t,
            class: envelope.c,
            month: envelope.m.clone(),
        },
    ]
}

fn sealing_keys<'a>(
    keys: &'a Keys,
    tenant: Uuid,
    personal: &Personal,
    month: &str,
) -> Result<(i32, &'a Secret, &'a Secret), KeyringError> {
    let subject = personal.subject;
    let gone = || KeyringError::SubjectErased { subject };
    let incarnation = *keys.latest.get(&(tenant, subject)).ok_or_else(gone)?;
    let Some(Found::Live(subject_key)) = keys.by_name.get(&KeyName::Subject {
        tenant,
        subject,
        incarnation,
    }) else {
        return Err(gone());
    };
    let class = KeyName::Class {
        tenant,
        class: personal.class,
        month: month.to_owned(),
    };
    let Some(Found::Live(class_key)) = keys.by_name.get(&class) else {
        let class = personal.class.name().to_owned();
        return Err(KeyringError::ClassExpired {
            class,
            month: month.to_owned(),
        });
    };
    Ok((incarnation, subject_key, class_key))
}

fn month_of(at: DateTime<Utc>) -> String {
    // Once for each value that is sealed: a format that is read each time costs more than the sealing.
    format!("{:04}-{:02}", at.year(), at.month())
}
