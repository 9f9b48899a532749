//! Checks that make a loaded program safe to run: every register, constant, jump and call exists, and
//! the code cannot run off its end. The machine relies on this and indexes without asking.

use super::{Code, Constant, FormatError, Instruction, OWN_FROM, Procedure, Register, Trap};
use crate::language::{self, Word};

impl Code {
    /// The functions and effects that the program calls.
    pub(super) fn resolve(&self) -> Result<Vec<&'static Word>, FormatError> {
        let find =
            |name: &String| language::callable(name).ok_or_else(|| FormatError::UnknownCall(name.clone()));
        self.imports.iter().map(find).collect()
    }

    pub(super) fn validate(&self, imports: &[&'static Word]) -> Result<(), FormatError> {
        let finite =
            |constant: &Constant| !matches!(constant, Constant::Number(number) if !number.is_finite());
        let numbers = self.constants.iter().all(finite);
        let check = |(number, procedure): (usize, &Procedure)| {
            Checked {
                code: self,
                imports,
                procedure,
                own_from: if number == 0 { 0 } else { OWN_FROM },
            }
            .is_sound()
        };
        if numbers && !self.procedures.is_empty() && self.procedures.iter().enumerate().all(check) {
            Ok(())
        } else {
            Err(FormatError::Damaged)
        }
    }
}

struct Checked<'c> {
    code: &'c Code,
    imports: &'c [&'static Word],
    procedure: &'c Procedure,
    /// Registers below are the variables of the script.
    own_from: Register,
}

impl Checked<'_> {
    fn is_sound(&self) -> bool {
        let Procedure {
            variables,
            registers,
            code,
            places,
            ..
        } = self.procedure;
        let ends = matches!(
            code.last(),
            Some(Instruction::End { .. } | Instruction::Return { .. } | Instruction::Jump { .. })
        );
        let ordered = places.is_sorted_by_key(|place| place.from);
        ends && ordered
            && variables.len() + usize::from(self.own_from) <= usize::from(*registers)
            && code.iter().all(|step| self.fits(step))
    }

    fn fits(&self, instruction: &Instruction) -> bool {
        use Instruction::*;
        match *instruction {
            Load { to, constant } => self.has(&[to]) && (constant as usize) < self.code.constants.len(),
            Copy { to, from }
            | Take { to, from }
            | Negate { to, from }
            | Not { to, from }
            | IsNull { to, from } => self.has(&[to, from]),
            Binary { to, left, right, .. } => self.has(&[to, left, right]),
            Join { to, base, count } => self.has(&[to]) && self.has_range(base, count),
            Member { to, from, name } => self.has(&[to, from]) && self.has_text(name),
            Index { to, from, index } => self.has(&[to, from, index]),
            Store {
                target,
                base,
                count,
                value,
                ..
            } => self.has(&[target, value]) && self.has_range(base, count) && count <= 32,
            NewArray { to } | NewObject { to } => self.has(&[to]),
            Push { array, value } => self.has(&[array, value]),
            Field { object, name, value } => self.has(&[object, value]) && self.has_text(name),
            Jump { target } => self.has_target(target),
            JumpIf { condition, target } | JumpUnless { condition, target } => {
                self.has(&[condition]) && self.has_target(target)
            }
            ForTest {
                counter,
                limit,
                step,
                exit: target,
            }
            | ForNext {
                counter,
                limit,
                step,
                body: target,
            } => self.has(&[counter, limit, step]) && self.has_target(target),
            EachNext {
                list,
                index,
                item,
                exit,
            } => self.has(&[list, index, item]) && self.has_target(exit),
            Call {
                import,
                to,
                base,
                count,
            } => {
                let takes = self
                    .imports
                    .get(usize::from(import))
                    .is_some_and(|word| word.is_called_with(count.into()));
                takes && self.has(&[to]) && self.has_range(base, count)
            }
            Hear {
                to,
                base,
                count,
                otherwise,
                ..
            } => {
                self.has(&[to])
                    && self.has_range(base, count)
                    && otherwise.is_none_or(|register| self.has(&[register]))
            }
            End { value } | Return { value } => self.has(&[value]),
            Invoke {
                procedure,
                to,
                base,
                count,
            } => {
                let known = self.code.procedures.get(usize::from(procedure));
                procedure > 0
                    && known.is_some_and(|known| usize::from(count) <= known.variables.len())
                    && self.has(&[to])
                    && self.has_range(base, count)
            }
            Script {
                name,
                to,
                base,
                count,
            } => self.has_text(name) && self.has(&[to]) && self.has_range(base, count),
            Sleep { seconds: register } | SaveTrap { to: register } | RestoreTrap { from: register } => {
                self.has(&[register])
            }
            SetTrap { trap } => Trap::of(trap).fits(self.procedure.code.len()),
            Guard { next } => self.has_target(next),
        }
    }

    fn has(&self, registers: &[Register]) -> bool {
        let shared = self.code.procedures[0].variables.len().min(self.own_from.into());
        registers.iter().all(|register| {
            usize::from(*register) < shared || (self.own_from..self.procedure.registers).contains(register)
        })
    }

    fn has_range(&self, base: Register, count: u16) -> bool {
        base >= self.own_from && u32::from(base) + u32::from(count) <= u32::from(self.procedure.registers)
    }

    fn has_target(&self, target: u32) -> bool {
        (target as usize) < self.procedure.code.len()
    }

    fn has_text(&self, constant: u32) -> bool {
        matches!(
            self.code.constants.get(constant as usize),
            Some(Constant::Text(_))
        )
    }
}
