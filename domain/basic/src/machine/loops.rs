//! What loops ask: whether they go on, and with which item.

use super::{Fault, Machine};
use crate::program::Register;
use crate::value::{Value, compare, equal};

impl Machine {
    pub(super) fn check_bounds(
        &self,
        counter: Register,
        limit: Register,
        step: Register,
    ) -> Result<(), Fault> {
        for register in [counter, limit, step] {
            let value = self.peek(register);
            if !matches!(value, Value::Integer(_) | Value::Number(_))
                && compare(value, &Value::Integer(0)).is_none()
            {
                return Err(Fault::loop_bounds(value));
            }
        }
        if equal(self.peek(step), &Value::Integer(0)) {
            Err(Fault::loop_step())
        } else {
            Ok(())
        }
    }

    pub(super) fn loop_goes_on(&self, counter: Register, limit: Register, step: Register) -> bool {
        use std::cmp::Ordering::{Greater, Less};
        let downwards = compare(self.peek(step), &Value::Integer(0)) == Some(Less);
        let past = if downwards { Less } else { Greater };
        compare(self.peek(counter), self.peek(limit)).is_some_and(|order| order != past)
    }

    /// A list gives its items one by one, an object itself (a record that was found alone), anything
    /// else nothing.
    pub(super) fn next_item(
        &mut self,
        list: Register,
        index: Register,
        item: Register,
        exit: u32,
    ) -> Result<(), Fault> {
        let at = match self.peek(index) {
            Value::Integer(at) => usize::try_from(*at).unwrap_or(usize::MAX),
            _ => 0,
        };
        let next = match self.peek(list) {
            Value::Array(items) => items.get(at).cloned(),
            object @ Value::Object(_) if at == 0 => Some(object.clone()),
            _ => None,
        };
        match next {
            Some(next) => {
                self.write(index, Value::Integer(at as i64 + 1))?;
                self.write(item, next)
            }
            None => {
                self.frame.next = exit as usize;
                Ok(())
            }
        }
    }
}
