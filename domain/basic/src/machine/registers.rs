//! Registers: reading, taking and writing what they hold, and weighing it.

use super::{Fault, Machine};
use crate::program::Register;
use crate::value::Value;

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
