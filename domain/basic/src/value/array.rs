//! Arrays: lists of values, copied when changed while shared.

use triomphe::Arc;

use super::{HEADER_WEIGHT, ITEMS_MAX, NESTING_MAX, Value};
use crate::machine::Fault;

/// What an item weighs besides its content.
pub(crate) const ITEM_WEIGHT: u64 = 16;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array(Arc<Items>);

#[derive(Clone, Debug, Default)]
struct Items {
    values: Vec<Value>,
    /// Sum over the items, kept up to date by every change.
    weight: u64,
    /// Never too low. It does not shrink when a deep item leaves: finding the new depth would mean a walk.
    depth: u8,
}

impl PartialEq for Items {
    fn eq(&self, other: &Items) -> bool {
        self.values == other.values
    }
}

/// What is too much for an array is left out, and what nests too deeply is null.
impl FromIterator<Value> for Array {
    fn from_iter<I: IntoIterator<Item = Value>>(values: I) -> Array {
        let shallow = |value: Value| {
            if value.depth() < NESTING_MAX {
                value
            } else {
                Value::Null
            }
        };
        let values = values.into_iter().take(ITEMS_MAX).map(shallow).collect();
        Array::from_values(values).unwrap_or_default()
    }
}

impl Array {
    /// Fails when `values` are too many or nest too deeply.
    pub(crate) fn from_values(values: Vec<Value>) -> Result<Array, Fault> {
        if values.len() > ITEMS_MAX {
            return Err(Fault::array_length());
        }
        let weight = values.iter().fold(0_u64, |weight, value| {
            weight.saturating_add(ITEM_WEIGHT).saturating_add(value.weight())
        });
        let depth = values.iter().map(Value::depth).max().unwrap_or(0);
        if depth >= NESTING_MAX {
            return Err(Fault::nesting());
        }
        Ok(Array(Arc::new(Items {
            values,
            weight,
            depth,
        })))
    }

    pub fn len(&self) -> usize {
        self.0.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.values.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<&Value> {
        self.0.values.get(index)
    }

    /// An item to be replaced by one of the same weight, if nobody else holds the array.
    pub(crate) fn item_mut(&mut self, at: usize) -> Option<&mut Value> {
        Arc::get_mut(&mut self.0)?.values.get_mut(at)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.0.values.iter()
    }

    pub(crate) fn as_slice(&self) -> &[Value] {
        &self.0.values
    }

    pub(crate) fn weight(&self) -> u64 {
        HEADER_WEIGHT.saturating_add(self.0.weight)
    }

    pub(crate) fn depth(&self) -> u8 {
        self.0.depth + 1
    }

    /// The items that a change of this array would have to copy first.
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

    /// Raises the recorded depth, as it was when the array was stored.
    pub(crate) fn raise_depth(&mut self, depth: u8) {
        if depth > self.depth() && depth <= NESTING_MAX {
            Arc::make_mut(&mut self.0).depth = depth - 1;
        }
    }

    /// Whether nobody else holds the array, and an item that nests so deep can be put at its end.
    pub(crate) fn takes(&self, depth: u8) -> bool {
        Arc::strong_count(&self.0) == 1 && self.len() < ITEMS_MAX && depth < NESTING_MAX
    }

    pub(crate) fn push(&mut self, value: Value) -> Result<(), Fault> {
        if self.len() >= ITEMS_MAX {
            return Err(Fault::array_length());
        }
        if value.depth() >= NESTING_MAX {
            return Err(Fault::nesting());
        }
        let items = Arc::make_mut(&mut self.0);
        items.weight = items
            .weight
            .saturating_add(ITEM_WEIGHT)
            .saturating_add(value.weight());
        items.depth = items.depth.max(value.depth());
        items.values.push(value);
        Ok(())
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<Value> {
        if index >= self.len() {
            return None;
        }
        let items = Arc::make_mut(&mut self.0);
        let value = items.values.remove(index);
        items.weight = items
            .weight
            .saturating_sub(ITEM_WEIGHT)
            .saturating_sub(value.weight());
        Some(value)
    }

    /// Changes one item in place; the array grows by nulls until it has the item.
    pub(crate) fn change(
        &mut self,
        index: usize,
        change: impl FnOnce(&mut Value) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if index >= ITEMS_MAX {
            return Err(Fault::array_length());
        }
        let items = Arc::make_mut(&mut self.0);
        if index >= items.values.len() {
            let added = (index + 1 - items.values.len()) as u64;
            items.values.resize(index + 1, Value::Null);
            items.weight = items.weight.saturating_add(added * ITEM_WEIGHT);
        }
        let item = &mut items.values[index];
        let before = item.weight();
        let outcome = change(item);
        items.weight = items.weight.saturating_sub(before).saturating_add(item.weight());
        items.depth = items.depth.max(item.depth());
        outcome
    }
}
