//! Procedures and other scripts: frames that come and go, and what an error does to them.
//!
//! A procedure sees the variables of its script and has registers of its own for its parameters, for what
//! it declares with DIM and for temporaries. A script that another one calls shares nothing with it, and
//! finds set what the host provides.

use std::sync::Arc;

use super::{Called, Fault, Frame, Machine, RuntimeError, Status, Step};
use crate::program::{Instruction, OWN_FROM, Program, Register, Trap};
use crate::value::Value;

/// What a register costs while its procedure runs, besides what it holds.
pub(super) const REGISTER_BYTES: u64 = 16;

impl Frame {
    /// The start of a procedure whose own registers begin at `base`, and how many those are.
    pub(super) fn enter(
        (number, program): (usize, &Program),
        procedure: usize,
        script: usize,
        base: usize,
    ) -> Option<(Frame, usize)> {
        let code = program.code.procedures.get(procedure)?;
        let own_from = if procedure == 0 { 0 } else { usize::from(OWN_FROM) };
        let frame = Frame {
            program: number,
            procedure,
            next: 0,
            script,
            base,
            own_from,
            variables: own_from + code.variables.len(),
            trap: Trap::Off.number(),
            resume: 0,
        };
        Some((frame, usize::from(code.registers).checked_sub(own_from)?))
    }

    fn traps(&self) -> bool {
        Trap::of(self.trap) != Trap::Off
    }

    pub(super) fn has(&self, program: &Program, register: Register) -> bool {
        let shared = program.code.procedures[0].variables.len().min(self.own_from);
        let own = self.own_from..usize::from(program.code.procedures[self.procedure].registers);
        usize::from(register) < shared || own.contains(&usize::from(register))
    }

    #[inline]
    pub(super) fn address(&self, register: Register) -> usize {
        let register = usize::from(register);
        if register < self.own_from {
            self.script + register
        } else {
            self.base + register - self.own_from
        }
    }
}

impl Machine {
    pub(super) fn invoke(
        &mut self,
        program: &Program,
        procedure: u16,
        base: Register,
        count: u16,
    ) -> Result<(), Fault> {
        let arguments: Vec<Value> = (base..base + count).map(|register| self.take(register)).collect();
        let entered = Frame::enter(
            (self.frame.program, program),
            procedure.into(),
            self.frame.script,
            self.registers.count(),
        );
        self.push(entered)?;
        for (at, argument) in arguments.into_iter().enumerate() {
            self.write(OWN_FROM + at as Register, argument)?;
        }
        Ok(())
    }

    /// Enters the script that the instruction before the next one calls.
    pub(super) fn call_script(&mut self, called: Option<Called>) -> Result<(), Fault> {
        let caller = Arc::clone(&self.programs[self.frame.program]);
        let code = &caller.code.procedures[self.frame.procedure].code;
        let calling = code.get(self.frame.next.wrapping_sub(1)).copied();
        let Some(Instruction::Script {
            name, base, count, ..
        }) = calling
        else {
            return Err(Fault::program());
        };
        self.status = Status::Ready;
        let arguments: Vec<Value> = (base..base + count).map(|register| self.take(register)).collect();
        let Some(Called { program, variables }) = called else {
            return Err(Fault::script(&caller.constants[name as usize].to_string()));
        };
        let values = parameters(&program, arguments)?;
        let known = |known: &Arc<Program>| known.hash() == program.hash();
        let number = self.programs.iter().position(known).unwrap_or_else(|| {
            self.programs.push(Arc::clone(&program));
            self.programs.len() - 1
        });
        let base = self.registers.count();
        self.push(Frame::enter((number, &program), 0, base, base))?;
        for (name, value) in &variables {
            self.provide(name, value)?;
        }
        let variables = &program.code.procedures[0].variables;
        for (name, value) in values {
            let register = variables
                .iter()
                .position(|known| known.eq_ignore_ascii_case(&name));
            if let Some(register) = register {
                self.write(register as Register, value)?;
            }
        }
        Ok(())
    }

    fn push(&mut self, entered: Option<(Frame, usize)>) -> Result<(), Fault> {
        let (frame, size) = entered.ok_or_else(Fault::program)?;
        let limits = &self.meter.limits;
        if self.callers.len() + 1 >= limits.depth as usize {
            return Err(Fault::depth(limits.depth));
        }
        let weight = self.weight.saturating_add(size as u64 * REGISTER_BYTES);
        if weight > limits.memory_bytes {
            return Err(Fault::memory(limits.memory_bytes));
        }
        self.meter.step(size as u64 / 64)?;
        self.weight = weight;
        self.registers.add(size);
        self.callers.push(std::mem::replace(&mut self.frame, frame));
        Ok(())
    }

    /// Goes back to the caller; false where there is none.
    fn pop(&mut self) -> bool {
        let Some(caller) = self.callers.pop() else {
            return false;
        };
        for value in &self.registers.used()[self.frame.base..] {
            self.weight = self.weight.saturating_sub(value.weight() + REGISTER_BYTES);
        }
        self.registers.cut(self.frame.base);
        self.frame = caller;
        true
    }

    /// Ends the procedure with a value.
    pub(super) fn leave(&mut self, value: Value) -> Result<Option<Step>, Fault> {
        if !self.pop() {
            self.status = Status::Ended(value.clone());
            return Ok(Some(Step::Ended(value)));
        }
        match self.calling() {
            Some(Instruction::Invoke { to, .. } | Instruction::Script { to, .. }) => self.write(to, value)?,
            _ => return Err(Fault::program()),
        }
        Ok(None)
    }

    /// The instruction before the next one.
    fn calling(&self) -> Option<Instruction> {
        let code = &self.programs[self.frame.program].code.procedures[self.frame.procedure].code;
        code.get(self.frame.next.wrapping_sub(1)).copied()
    }

    /// Ends the script with a value, and with it the procedures in which it is.
    pub(super) fn end(&mut self, value: Value) -> Result<Option<Step>, Fault> {
        while self.frame.procedure != 0 && self.pop() {}
        self.leave(value)
    }

    pub(super) fn restore_trap(&mut self, program: &Program, from: Register) {
        let code = &program.code.procedures[self.frame.procedure].code;
        let number = match self.peek(from) {
            Value::Integer(number) => u32::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        self.frame.trap = if Trap::of(number).fits(code.len()) {
            number
        } else {
            0
        };
    }

    /// Goes on where an error is caught; ends the script where none of its procedures does.
    pub(super) fn raise(&mut self, fault: Fault) -> Option<Step> {
        let catchable = fault.catchable();
        let error = self.located(fault);
        if !catchable || !self.catches() {
            self.fail(error.clone());
            return Some(Step::Failed(error));
        }
        while !self.frame.traps() && self.pop() {}
        match Trap::of(self.frame.trap) {
            Trap::Goto(target) => {
                self.frame.trap = Trap::Off.number();
                self.frame.next = target as usize;
            }
            Trap::Next | Trap::Off => self.frame.next = self.frame.resume,
        }
        // What was half computed is of no use any more.
        let own = self.frame.base + self.frame.variables - self.frame.own_from;
        for value in &mut self.registers.used_mut()[own..] {
            self.weight = self.weight.saturating_sub(value.weight());
            *value = Value::Null;
        }
        self.status = Status::Ready;
        self.error = Some(error);
        None
    }

    /// Ends for good. What the registers hold may be more than a machine may have, so that nobody could take it up again.
    pub(super) fn fail(&mut self, error: RuntimeError) {
        self.registers.used_mut().fill(Value::Null);
        self.weight = 0;
        self.status = Status::Failed(error);
    }

    /// Whether an error that happens now is caught somewhere.
    fn catches(&self) -> bool {
        self.frame.traps() || self.callers.iter().any(Frame::traps)
    }

    /// Whether the script goes on somewhere else after an error that happens now.
    pub(super) fn leads_elsewhere(&self) -> bool {
        let frames = std::iter::once(&self.frame).chain(self.callers.iter().rev());
        let nearest = frames
            .map(|frame| Trap::of(frame.trap))
            .find(|trap| *trap != Trap::Off);
        matches!(nearest, Some(Trap::Goto(_)))
    }

    /// An error at the instruction that was last taken up.
    pub(super) fn located(&self, fault: Fault) -> RuntimeError {
        let program = &self.programs[self.frame.program];
        let procedure = &program.code.procedures[self.frame.procedure];
        let (line, column) = procedure.place(self.frame.next.saturating_sub(1));
        let mut error = fault.at(line, column);
        if self.frame.program != 0 {
            error.message = format!("in script `{}`: {}", program.name(), error.message);
        }
        error
    }
}

/// Arguments by the names of the parameters of a script: in order, or by name from a single object.
fn parameters(program: &Program, arguments: Vec<Value>) -> Result<Vec<(String, Value)>, Fault> {
    let declared = program.parameters();
    let named = |key: &str| {
        declared
            .iter()
            .any(|parameter| parameter.name.eq_ignore_ascii_case(key))
    };
    if let [Value::Object(fields)] = arguments.as_slice()
        && (declared.len() != 1 || fields.iter().any(|(key, _)| named(key)))
    {
        let fields = fields.iter().filter(|(key, _)| named(key));
        return Ok(fields
            .map(|(key, value)| (key.to_string(), value.clone()))
            .collect());
    }
    if arguments.len() > declared.len() {
        return Err(Fault::script_arguments(program.name(), declared.len()));
    }
    let names = declared.iter().map(|parameter| parameter.name.clone());
    Ok(names.zip(arguments).collect())
}
