//! Registers: reading, taking and writing what they hold, and weighing it.

use std::ops::{Index, IndexMut};

use super::{Fault, Machine};
use crate::program::Register;
use crate::value::Value;

/// As many registers of a frame as a byte can name, which therefore need no check.
pub(super) const REACH: usize = 256;

/// The registers of all frames, one frame after the other.
#[derive(Clone, Debug)]
pub(super) struct Registers {
    /// Those behind the last frame are null: the next frame's, and as many more as a byte can name.
    values: Vec<Value>,
    count: usize,
}

impl Registers {
    /// The registers of frames that are there already.
    pub fn of(mut values: Vec<Value>) -> Registers {
        let count = values.len();
        values.resize(count + REACH, Value::Null);
        Registers { values, count }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn used(&self) -> &[Value] {
        &self.values[..self.count]
    }

    pub fn used_mut(&mut self) -> &mut [Value] {
        &mut self.values[..self.count]
    }

    /// Those of a frame that comes, which are null.
    pub fn add(&mut self, count: usize) {
        self.count += count;
        let needed = self.count + REACH;
        if self.values.len() < needed {
            // Twice as many, so that few calls make more.
            self.values.resize(needed * 2, Value::Null);
        }
    }

    /// Leaves so many; those that go are null again.
    pub fn cut(&mut self, count: usize) {
        self.values[count..self.count].fill(Value::Null);
        self.count = count;
    }

    /// All there are, for those who come and go within them; [`Registers::counted`] says how many those left in use.
    pub fn all(&mut self) -> &mut [Value] {
        &mut self.values
    }

    pub fn counted(&mut self, count: usize) {
        self.count = count;
    }

    /// Gives back what only deep calls needed, before what may be a long wait.
    pub fn shrink(&mut self) {
        self.values.truncate(self.count + REACH);
        self.values.shrink_to_fit();
    }
}

impl Index<usize> for Registers {
    type Output = Value;

    #[inline]
    fn index(&self, at: usize) -> &Value {
        &self.values[at]
    }
}

impl IndexMut<usize> for Registers {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut Value {
        &mut self.values[at]
    }
}

impl Machine {
    #[inline]
    pub(super) fn peek(&self, register: Register) -> &Value {
        &self.registers[self.frame.address(register)]
    }

    /// The value of an operand: a copy of a variable, or the temporary itself.
    #[inline]
    pub(super) fn operand(&mut self, register: Register) -> Value {
        if usize::from(register) < self.frame.variables {
            self.peek(register).clone()
        } else {
            self.take(register)
        }
    }

    /// As if the operand had been read.
    pub(super) fn drop_operand(&mut self, register: Register) {
        if usize::from(register) >= self.frame.variables {
            self.take(register);
        }
    }

    pub(super) fn take(&mut self, register: Register) -> Value {
        let value = std::mem::take(&mut self.registers[self.frame.address(register)]);
        self.weight = self.weight.saturating_sub(value.weight());
        value
    }

    #[inline]
    pub(super) fn write(&mut self, register: Register, value: Value) -> Result<(), Fault> {
        let slot = &mut self.registers[self.frame.address(register)];
        self.weight = self
            .weight
            .saturating_sub(slot.weight())
            .saturating_add(value.weight());
        *slot = value;
        if self.weight > self.meter.limits.memory_bytes {
            Err(Fault::memory(self.meter.limits.memory_bytes))
        } else {
            Ok(())
        }
    }
}
