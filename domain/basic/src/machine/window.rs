//! What a procedure sees of the registers while it runs quickly.
//!
//! Whatever is asked of it either does all of it or changes nothing and says so.

use triomphe::Arc;

use super::fast::replace;
use super::registers::REACH;
use crate::program::{Lies, Operand};
use crate::value::{DIGITS_MAX, ITEM_WEIGHT, SHARED_FROM, TEXT_BYTES_MAX, Value, push_integer};

/// The registers that a procedure works on.
pub(super) struct Window<'m> {
    pub own: &'m mut [Value; REACH],
    /// Variables of the script around a procedure.
    pub script: &'m mut [Value],
    pub constants: &'m [Value],
    /// Logical bytes of all registers, and how many there may be.
    pub weight: u64,
    pub weight_max: u64,
}

/// Texts that are put together or compared in about the time of a step.
pub(super) const SHORT: usize = 1024;
/// A text of this size lends its memory to the one that replaces it.
const LENT_MAX: usize = 256;

#[inline(always)]
pub(super) fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Text(_) | Value::Array(_) | Value::Object(_))
}

/// Puts a number where a value without weight is; false where there is another.
#[inline(always)]
pub(super) fn put_whole(place: &mut Value, number: i64) -> bool {
    let scalar = is_scalar(place);
    if scalar {
        // There is nothing to be freed.
        std::mem::forget(std::mem::replace(place, Value::Integer(number)));
    }
    scalar
}

#[inline(always)]
pub(super) fn put_fraction(place: &mut Value, number: f64) -> bool {
    let scalar = is_scalar(place);
    if scalar {
        // There is nothing to be freed.
        std::mem::forget(std::mem::replace(place, Value::Number(number)));
    }
    scalar
}

impl Window<'_> {
    #[inline(always)]
    pub fn get(&self, operand: Operand) -> &Value {
        match operand.lies() {
            Lies::Own(at) => &self.own[usize::from(at)],
            Lies::Script(at) => &self.script[at],
            Lies::Constant(at) => &self.constants[at],
        }
    }

    #[inline(always)]
    pub fn place(&mut self, operand: Operand) -> Option<&mut Value> {
        match operand.lies() {
            Lies::Own(at) => Some(&mut self.own[usize::from(at)]),
            Lies::Script(at) => self.script.get_mut(at),
            Lies::Constant(_) => None,
        }
    }

    #[inline(always)]
    pub fn put_whole(&mut self, to: Operand, number: i64) -> bool {
        self.place(to).is_some_and(|place| put_whole(place, number))
    }

    #[inline(always)]
    pub fn put_fraction(&mut self, to: Operand, number: f64) -> bool {
        self.place(to).is_some_and(|place| put_fraction(place, number))
    }

    /// Does something rare with a window of its own, so that this one need not lie in memory.
    #[inline(always)]
    pub fn aside<T>(&mut self, act: impl FnOnce(&mut Window<'_>) -> T) -> T {
        let mut window = Window {
            own: &mut *self.own,
            script: &mut *self.script,
            constants: self.constants,
            weight: self.weight,
            weight_max: self.weight_max,
        };
        let done = act(&mut window);
        self.weight = window.weight;
        done
    }

    /// What was read in these is taken, but for where the result went.
    #[inline(always)]
    pub fn read(&mut self, operands: [Operand; 2], to: Operand) {
        for operand in operands {
            if operand != to {
                self.done_with(operand);
            }
        }
    }

    /// Sets a field of an object, whose name stands in a register, to a value without weight.
    #[inline(never)]
    pub fn set_field(&mut self, target: Operand, name: Operand, value: Value) -> bool {
        let Value::Text(name) = self.get(name) else {
            return false;
        };
        let name = Arc::clone(name);
        match self.place(target) {
            Some(Value::Object(object)) => replace(object.field_mut(&name), value),
            _ => false,
        }
    }

    /// What was read of a temporary is taken: nobody else must seem to hold it.
    #[inline(always)]
    pub fn done_with(&mut self, operand: Operand) {
        if operand.is_temporary()
            && let Lies::Own(at) = operand.lies()
            && !is_scalar(&self.own[usize::from(at)])
        {
            self.aside(|window| window.drop_own(at));
        }
    }

    #[inline(never)]
    fn drop_own(&mut self, at: u8) {
        let value = std::mem::take(&mut self.own[usize::from(at)]);
        self.weight = self.weight.saturating_sub(value.weight());
    }

    /// Puts any value anywhere.
    #[inline(never)]
    pub fn put_any(&mut self, to: Operand, value: Value) -> bool {
        let added = value.weight();
        let (weight, most) = (self.weight, self.weight_max);
        let Some(place) = self.place(to) else {
            return false;
        };
        let after = weight.saturating_sub(place.weight()).saturating_add(added);
        if after > most {
            return false;
        }
        *place = value;
        self.weight = after;
        true
    }

    /// Moves any value from a temporary, or a copy of one from elsewhere.
    #[inline(never)]
    pub fn relocate(&mut self, to: Operand, from: Operand) -> bool {
        if from.is_temporary() {
            return self.carry(to, from);
        }
        let value = self.get(from);
        // Long texts of the program are not shared with it.
        let long = matches!(value, Value::Text(text) if text.len() >= SHARED_FROM);
        if long && matches!(from.lies(), Lies::Constant(_)) {
            return false;
        }
        let value = value.clone();
        self.put_any(to, value)
    }

    /// Moves any value out of a register.
    #[inline(never)]
    pub fn carry(&mut self, to: Operand, from: Operand) -> bool {
        if to == from || self.place(to).is_none() {
            return false;
        }
        let Some(from) = self.place(from) else {
            return false;
        };
        let value = std::mem::take(from);
        let Some(place) = self.place(to) else {
            return false;
        };
        let before = std::mem::replace(place, value);
        self.weight = self.weight.saturating_sub(before.weight());
        true
    }

    /// `left + right` of which one is a text: extends the left one where the result replaces it and nobody else holds it, and
    /// makes a new text of short ones.
    #[inline(never)]
    pub fn join(&mut self, to: Operand, left: Operand, right: Operand) -> bool {
        if right == to || (left == right && left.is_temporary()) {
            return false;
        }
        let added = match self.get(right) {
            Value::Text(text) if text.len() < SHORT => text.len(),
            Value::Integer(_) => DIGITS_MAX,
            _ => return false,
        };
        let (before, short) = match self.get(left) {
            Value::Text(text) => (text.len(), text.len() < SHORT),
            Value::Integer(_) if matches!(self.get(right), Value::Text(_)) => (DIGITS_MAX, true),
            _ => return false,
        };
        let bytes = before + added;
        if bytes > TEXT_BYTES_MAX || self.weight.saturating_add(bytes as u64 + 64) > self.weight_max {
            return false;
        }
        if to == left {
            self.extend(to, right)
        } else {
            short && self.compose(to, left, right, bytes)
        }
    }

    /// Extends a text in place.
    fn extend(&mut self, to: Operand, right: Operand) -> bool {
        let Some(place) = self.place(to) else {
            return false;
        };
        let mut value = std::mem::take(place);
        let extended = match &mut value {
            Value::Text(text) => match Arc::get_mut(text) {
                Some(text) => {
                    let before = text.len();
                    append(text, self.get(right));
                    self.weight += (text.len() - before) as u64;
                    true
                }
                None => false,
            },
            _ => false,
        };
        if let Some(place) = self.place(to) {
            *place = value;
        }
        if extended {
            self.done_with(right);
        }
        extended
    }

    /// Makes a text of two short ones.
    fn compose(&mut self, to: Operand, left: Operand, right: Operand, bytes: usize) -> bool {
        let Some(place) = self.place(to) else {
            return false;
        };
        let replaced = std::mem::take(place);
        self.weight = self.weight.saturating_sub(replaced.weight());
        let mut text = match replaced {
            Value::Text(text) if text.capacity() <= LENT_MAX && Arc::strong_count(&text) == 1 => text,
            _ => Arc::new(String::with_capacity(bytes)),
        };
        if let Some(text) = Arc::get_mut(&mut text) {
            text.clear();
            append(text, self.get(left));
            append(text, self.get(right));
        }
        self.done_with(left);
        self.done_with(right);
        let value = Value::Text(text);
        self.weight = self.weight.saturating_add(value.weight());
        if let Some(place) = self.place(to) {
            *place = value;
        }
        true
    }

    /// Puts a value at the end of a list that nobody else holds.
    #[inline(never)]
    pub fn push(&mut self, list: Operand, value: Operand) -> bool {
        let item = self.get(value);
        let (weight, depth, taken) = (item.weight(), item.depth(), value.is_temporary());
        let added = ITEM_WEIGHT + if taken { 0 } else { weight };
        let after = self.weight.saturating_add(added);
        let takes = matches!(self.get(list), Value::Array(items) if items.takes(depth));
        if !takes || after > self.weight_max {
            return false;
        }
        let item = match self.place(value) {
            Some(place) if taken => std::mem::take(place),
            _ => self.get(value).clone(),
        };
        self.weight = after;
        match self.place(list) {
            Some(Value::Array(items)) => items.push(item).is_ok(),
            _ => false,
        }
    }
}

fn append(text: &mut String, value: &Value) {
    match value {
        Value::Text(more) => text.push_str(more),
        Value::Integer(number) => push_integer(text, *number),
        _ => {}
    }
}
