//! Personal values: text about a person, which the log seals before it is stored and which can be erased.
//!
//! In JSON a value is one of three markers: `{"$personal": …}` in the clear (in memory only), `{"$sealed": …}` as
//! stored, `{"$erased": …}` when its key is gone. Foreign JSON is kept inside as one string, so that nobody can
//! forge a marker by sending one.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::UserId;

/// What kind of personal data it is; each kind can be given a retention of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What was said.
    Conversation,
    /// Names, addresses, logins.
    Identity,
}

/// A value about a person. `Debug` never shows it.
#[derive(Clone, PartialEq)]
pub enum Personal<T> {
    Clear {
        subject: UserId,
        class: Class,
        value: T,
    },
    /// The envelope as stored; readable again through a keyring.
    Sealed(Value),
    Erased {
        subject: UserId,
        class: Class,
    },
}

impl<T> Personal<T> {
    /// Something said by, or to, `subject`.
    pub fn conversation(subject: UserId, value: T) -> Self {
        Self::Clear {
            subject,
            class: Class::Conversation,
            value,
        }
    }

    /// Something that says who `subject` is.
    pub fn identity(subject: UserId, value: T) -> Self {
        Self::Clear {
            subject,
            class: Class::Identity,
            value,
        }
    }

    /// The value, unless it is sealed or erased.
    pub fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Sealed(_) | Self::Erased { .. } => None,
        }
    }

    /// Whose it is; None while it is sealed.
    pub fn subject(&self) -> Option<UserId> {
        match self {
            Self::Clear { subject, .. } | Self::Erased { subject, .. } => Some(*subject),
            Self::Sealed(_) => None,
        }
    }

    /// True when the key is gone for good.
    pub fn erased(&self) -> bool {
        matches!(self, Self::Erased { .. })
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clear { .. } => "Personal(clear)",
            Self::Sealed(_) => "Personal(sealed)",
            Self::Erased { .. } => "Personal(erased)",
        })
    }
}

#[derive(Serialize, Deserialize)]
enum Marker<T, E> {
    #[serde(rename = "$personal")]
    Personal { subject: UserId, class: Class, value: T },
    #[serde(rename = "$sealed")]
    Sealed(E),
    #[serde(rename = "$erased")]
    Erased { subject: UserId, class: Class },
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear {
                subject,
                class,
                value,
            } => Marker::<&T, &Value>::Personal {
                subject: *subject,
                class: *class,
                value,
            }
            .serialize(serializer),
            Self::Sealed(envelope) => Marker::<&T, &Value>::Sealed(envelope).serialize(serializer),
            Self::Erased { subject, class } => Marker::<&T, &Value>::Erased {
                subject: *subject,
                class: *class,
            }
            .serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Marker::<T, Value>::deserialize(deserializer)? {
            Marker::Personal {
                subject,
                class,
                value,
            } => Self::Clear {
                subject,
                class,
                value,
            },
            Marker::Sealed(envelope) => Self::Sealed(envelope),
            Marker::Erased { subject, class } => Self::Erased { subject, class },
        })
    }
}

impl<T> JsonSchema for Personal<T> {
    fn schema_name() -> Cow<'static, str> {
        "Personal".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A personal value: sealed as stored, or erased. Never in the clear.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "$sealed": {
                    "type": "object",
                    "description": "v version, s subject, c class, m month, k key incarnation, t tenant, e event, f field, n nonce, x text",
                    "required": ["v", "s", "c", "m", "k", "t", "e", "f", "n", "x"]
                },
                "$erased": {
                    "type": "object",
                    "required": ["subject", "class"]
                }
            },
            "additionalProperties": false
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn each_state_survives_json() {
        let subject = UserId(Uuid::from_u128(7));
        for value in [
            Personal::conversation(subject, "hello".to_owned()),
            Personal::Sealed(json!({ "v": 1 })),
            Personal::Erased {
                subject,
                class: Class::Identity,
            },
        ] {
            let stored = serde_json::to_value(&value).expect("a marker is JSON");
            assert_eq!(
                serde_json::from_value::<Personal<String>>(stored).expect("reads back"),
                value
            );
        }
    }

    #[test]
    fn debug_output_keeps_the_secret() {
        let value = Personal::conversation(UserId::default(), "my diagnosis".to_owned());
        assert_eq!(format!("{value:?}"), "Personal(clear)");
    }

    #[test]
    fn text_that_looks_like_a_marker_stays_text() {
        let forged = r#"{"$erased":{"subject":"x","class":"identity"}}"#;
        let value = Personal::conversation(UserId::default(), forged.to_owned());
        let stored = serde_json::to_value(&value).expect("a marker is JSON");
        assert_eq!(stored["$personal"]["value"], json!(forged));
    }
}
