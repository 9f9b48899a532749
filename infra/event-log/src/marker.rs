//! Markers: how a personal value looks inside JSON, and finding them.
//!
//! Clear `{"$personal": {subject, class, value}}`, sealed `{"$sealed": {…}}`, erased `{"$erased": {subject, class}}`:
//! objects with exactly that one key. Nobody outside can forge one: the domain keeps foreign JSON as one string, the
//! walk refuses any other use of the three names, and what a marker wraps is never looked into, sealed or opened.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::KeyringError;

pub(crate) const PERSONAL: &str = "$personal";
pub(crate) const SEALED: &str = "$sealed";
pub(crate) const ERASED: &str = "$erased";

/// Depth that leaves room for the envelope below serde_json's own limit of 128 when the text is parsed again.
pub(crate) const DEPTH_MAX: usize = 100;

/// A personal value in the clear.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Personal {
    pub subject: Uuid,
    pub class: Class,
    pub value: Value,
}

/// A personal value whose key is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erased {
    pub subject: Uuid,
    pub class: Class,
}

/// What kind of personal value it is, which decides how long it may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Class {
    Conversation,
    Identity,
}

impl Class {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Class::Conversation => "conversation",
            Class::Identity => "identity",
        }
    }
}

/// A sealed value with everything that is needed to open it again, wherever it was moved to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Envelope {
    pub v: u8,
    pub s: Uuid,
    pub c: Class,
    pub m: String,
    pub k: i32,
    pub t: Uuid,
    /// Event in which the value was sealed.
    pub e: Uuid,
    /// Where in that event: a JSON pointer into the payload.
    pub f: String,
    pub n: String,
    pub x: String,
}

/// One marker met on the way.
#[derive(Debug)]
pub(crate) enum Marker {
    Personal(Personal),
    Sealed(Envelope),
    Erased,
}

pub(crate) fn wrap<T: Serialize>(name: &str, inner: &T) -> Result<Value, KeyringError> {
    let inner = serde_json::to_value(inner).map_err(|_| KeyringError::Marker {
        field: name.to_owned(),
    })?;
    Ok(Value::Object(Map::from_iter([(name.to_owned(), inner)])))
}

/// Visits every marker of a document with its JSON pointer. What `visit` returns takes the marker's place.
pub(crate) fn walk<F>(document: &mut Value, visit: &mut F) -> Result<(), KeyringError>
where
    F: FnMut(&str, Marker) -> Result<Option<Value>, KeyringError>,
{
    descend(document, &mut String::new(), 0, visit)
}

fn descend<F>(
    value: &mut Value,
    pointer: &mut String,
    depth: usize,
    visit: &mut F,
) -> Result<(), KeyringError>
where
    F: FnMut(&str, Marker) -> Result<Option<Value>, KeyringError>,
{
    if depth > DEPTH_MAX {
        return Err(KeyringError::Marker {
            field: pointer.clone(),
        });
    }
    if let Some(marker) = marker_of(value, pointer)? {
        if let Some(replacement) = visit(pointer, marker)? {
            *value = replacement;
        }
        return Ok(());
    }
    let length = pointer.len();
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                descend(field, pointer, depth + 1, visit)?;
                pointer.truncate(length);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                pointer.push_str(&format!("/{index}"));
                descend(item, pointer, depth + 1, visit)?;
                pointer.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The marker that an object is. An object that uses one of the names in any other way is refused.
fn marker_of(value: &Value, pointer: &str) -> Result<Option<Marker>, KeyringError> {
    let Value::Object(fields) = value else {
        return Ok(None);
    };
    let Some(name) = [PERSONAL, SEALED, ERASED]
        .into_iter()
        .find(|name| fields.contains_key(*name))
    else {
        return Ok(None);
    };
    let malformed = || KeyringError::Marker {
        field: pointer.to_owned(),
    };
    if fields.len() != 1 {
        return Err(malformed());
    }
    let inner = fields[name].clone();
    let marker = match name {
        PERSONAL => Marker::Personal(serde_json::from_value(inner).map_err(|_| malformed())?),
        SEALED => Marker::Sealed(serde_json::from_value(inner).map_err(|_| malformed())?),
        _ => {
            let _well_formed: Erased = serde_json::from_value(inner).map_err(|_| malformed())?;
            Marker::Erased
        }
    };
    Ok(Some(marker))
}
