//! Objects: named fields in the order in which they were added, copied when changed while shared.

use std::collections::HashMap;
use std::fmt;

use triomphe::Arc;

use super::{HEADER_WEIGHT, ITEMS_MAX, NESTING_MAX, Value};
use crate::machine::Fault;

pub(super) const FIELD_WEIGHT: u64 = 48;
/// From this many fields on, an index finds them; below, looking through them is faster.
const INDEXED_FROM: usize = 16;
/// Up to this many fields a member is also found under another capitalisation. Records have fewer
/// fields; larger objects are dictionaries, whose keys are data and mean what they say.
const FOLDED_MAX: usize = 256;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Arc<Fields>);

#[derive(Clone, Default)]
struct Fields {
    entries: Vec<(Arc<str>, Value)>,
    /// Where each key stands; empty while the object is small.
    index: HashMap<Arc<str>, usize, ahash::RandomState>,
    weight: u64,
    /// Never too low, as for arrays.
    depth: u8,
}

/// Without the index, whose order is another one each time.
impl fmt::Debug for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fields")
            .field("entries", &self.entries)
            .field("weight", &self.weight)
            .field("depth", &self.depth)
            .finish()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        let same = |(key, value): &(Arc<str>, Value)| {
            other
                .position(key)
                .is_some_and(|at| other.entries[at].1 == *value)
        };
        self.entries.len() == other.entries.len() && self.entries.iter().all(same)
    }
}

impl Fields {
    fn position(&self, key: &str) -> Option<usize> {
        if self.entries.len() >= INDEXED_FROM {
            return self.index.get(key).copied();
        }
        self.entries.iter().position(|(known, _)| **known == *key)
    }

    fn append(&mut self, key: Arc<str>) -> usize {
        let at = self.entries.len();
        self.weight = self.weight.saturating_add(FIELD_WEIGHT + key.len() as u64);
        self.entries.push((key, Value::Null));
        if at + 1 == INDEXED_FROM {
            self.index = self
                .entries
                .iter()
                .enumerate()
                .map(|(at, (key, _))| (Arc::clone(key), at))
                .collect();
        } else if at + 1 > INDEXED_FROM {
            self.index.insert(Arc::clone(&self.entries[at].0), at);
        }
        at
    }
}

/// The fields of a file and of a folder as LIST tells of them, in this order.
const FILE_FIELDS: [&str; 5] = ["name", "path", "size", "date", "type"];
const FOLDER_FIELDS: [&str; 3] = ["name", "path", "type"];

/// What is too much for an object is left out, and what nests too deeply is null.
impl<K: AsRef<str>> FromIterator<(K, Value)> for Object {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(fields: I) -> Object {
        let mut object = Object::default();
        for (name, value) in fields {
            let _ = object.set(name.as_ref(), value);
        }
        object
    }
}

impl Object {
    /// The name of what LIST tells of: where a text is wanted, a file is its name, `"invoices/" + file`.
    pub(crate) fn file_name(&self) -> Option<&str> {
        let entries = &self.0.entries;
        let fields: &[&str] = match entries.len() {
            3 => &FOLDER_FIELDS,
            5 => &FILE_FIELDS,
            _ => return None,
        };
        let alike = entries
            .iter()
            .zip(fields)
            .all(|((key, _), field)| **key == **field);
        match entries.first() {
            Some((_, Value::Text(name))) if alike => Some(name.as_str()),
            _ => None,
        }
    }

    pub fn len(&self) -> usize {
        self.0.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.entries.is_empty()
    }

    /// The field of exactly this name.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.position(key).map(|at| &self.0.entries[at].1)
    }

    /// A field to be replaced by a value of the same weight, if nobody else holds the object.
    pub(crate) fn field_mut(&mut self, key: &str) -> Option<&mut Value> {
        let fields = Arc::get_mut(&mut self.0)?;
        let at = fields.position(key)?;
        Some(&mut fields.entries[at].1)
    }

    /// Fields in the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The field that `.key` means: of this name, else of this name in another capitalisation.
    pub(crate) fn member(&self, key: &str) -> Option<&Value> {
        self.member_position(key).map(|at| &self.0.entries[at].1)
    }

    fn member_position(&self, key: &str) -> Option<usize> {
        self.0.position(key).or_else(|| {
            let few = self.len() <= FOLDED_MAX;
            few.then(|| {
                self.0
                    .entries
                    .iter()
                    .position(|(known, _)| known.eq_ignore_ascii_case(key))
            })?
        })
    }

    pub(crate) fn weight(&self) -> u64 {
        HEADER_WEIGHT.saturating_add(self.0.weight)
    }

    pub(crate) fn depth(&self) -> u8 {
        self.0.depth + 1
    }

    /// The fields that a change of this object would have to copy first.
    pub(crate) fn copied_by_change(&self) -> usize {
        if Arc::strong_count(&self.0) > 1 {
            self.len()
        } else {
            0
        }
    }

    /// Identity of the shared storage, for storing what is shared once.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Raises the recorded depth, as it was when the object was stored.
    pub(crate) fn raise_depth(&mut self, depth: u8) {
        if depth > self.depth() && depth <= NESTING_MAX {
            Arc::make_mut(&mut self.0).depth = depth - 1;
        }
    }

    /// Sets the field of exactly this name, which objects share.
    pub(crate) fn set_shared(&mut self, key: &Arc<str>, value: Value) -> Result<(), Fault> {
        let fields = Arc::make_mut(&mut self.0);
        if fields.position(key).is_some()
            || value.depth() + 1 >= NESTING_MAX
            || fields.entries.len() >= ITEMS_MAX
        {
            return self.set(key, value);
        }
        let at = fields.append(Arc::clone(key));
        fields.weight = fields.weight.saturating_add(value.weight());
        fields.depth = fields.depth.max(value.depth());
        fields.entries[at].1 = value;
        Ok(())
    }

    /// Sets the field of exactly this name.
    pub(crate) fn set(&mut self, key: &str, value: Value) -> Result<(), Fault> {
        let at = self.0.position(key);
        self.change_at(at, key, |field| {
            *field = value;
            Ok(())
        })
    }

    /// Changes the field of exactly this name in place; it starts as null.
    pub(crate) fn change(
        &mut self,
        key: &str,
        change: impl FnOnce(&mut Value) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let at = self.0.position(key);
        self.change_at(at, key, change)
    }

    /// Changes the field that `.key` means in place; it starts as null.
    pub(crate) fn change_member(
        &mut self,
        key: &str,
        change: impl FnOnce(&mut Value) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let at = self.member_position(key);
        self.change_at(at, key, change)
    }

    fn change_at(
        &mut self,
        at: Option<usize>,
        key: &str,
        change: impl FnOnce(&mut Value) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if at.is_none() && self.len() >= ITEMS_MAX {
            return Err(Fault::array_length());
        }
        let fields = Arc::make_mut(&mut self.0);
        let at = at.unwrap_or_else(|| fields.append(Arc::from(key)));
        let field = &mut fields.entries[at].1;
        let before = field.weight();
        let outcome = change(field);
        if field.depth() >= NESTING_MAX {
            *field = Value::Null;
            fields.weight = fields.weight.saturating_sub(before);
            return Err(Fault::nesting());
        }
        fields.weight = fields
            .weight
            .saturating_sub(before)
            .saturating_add(field.weight());
        fields.depth = fields.depth.max(field.depth());
        outcome
    }
}
