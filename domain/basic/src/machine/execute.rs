//! Executing one instruction.

use chrono::{DateTime, Utc};
use triomphe::Arc;

use super::fast::{Account, spin};
use super::random::Random;
use super::{Fault, Language, Machine, Refusal, Request, RuntimeError, Status, Step};
use crate::language::{Changes, Function, Role, Word, Work};
use crate::program::{Instruction, Program, Register};
use crate::value::{
    Array, Key, Object, Operator, SHARED_FROM, Value, apply, get_index, get_member, increment, negate,
    set_path,
};

/// What functions may use besides their arguments.
pub(crate) struct Context<'m> {
    pub now: DateTime<Utc>,
    pub random: &'m mut Random,
    pub language: &'m mut Language,
    /// The error that was caught last, until it is cleared.
    pub error: &'m mut Option<RuntimeError>,
    /// How much all values of the script may weigh.
    pub memory_bytes: u64,
    /// What the call compares, and how much more it may.
    pub work: Work,
}

/// Bytes that are moved or compared in about the time of a step.
const BYTES_PER_STEP: u64 = 1024;
/// What asking the host costs at least.
const REQUEST_STEPS: u64 = 20;
/// Items that are copied or compared in about the time of a step.
const ITEMS_PER_STEP: u64 = 64;

impl Machine {
    /// Executes instructions until about `goal`, a step for the host, or another program; whether there is a step, which
    /// is put where it is handed out from: moved from one result to the next it would take as long as all the rest.
    pub(super) fn burst(
        &mut self,
        program: &Program,
        now: DateTime<Utc>,
        goal: u64,
        step: &mut Step,
    ) -> Result<bool, Fault> {
        let number = self.frame.program;
        loop {
            let mut account = Account {
                steps: self.meter.steps,
                // Close to the limit one instruction after the other, so that it is told where it is met.
                stop: goal.min(self.meter.limits.steps_per_turn.saturating_sub(program.longest)),
                weight: self.weight,
                weight_max: self.meter.limits.memory_bytes,
                depth_max: self.meter.limits.depth as usize,
            };
            spin(
                program,
                self.registers.all(),
                &mut self.frame,
                &mut self.callers,
                &mut account,
            );
            (self.meter.steps, self.weight) = (account.steps, account.weight);
            self.registers
                .counted(self.frame.base + program.operations[self.frame.procedure].registers);
            if self.meter.steps >= goal {
                return Ok(false);
            }
            if self.execute(program, now, step)? {
                return Ok(true);
            }
            if self.frame.program != number {
                return Ok(false);
            }
        }
    }

    /// Executes the next instruction; true where the host has to do something, which is put into `step`.
    #[inline]
    pub(super) fn execute(
        &mut self,
        program: &Program,
        now: DateTime<Utc>,
        step: &mut Step,
    ) -> Result<bool, Fault> {
        use Instruction::*;
        let instruction = program.code.procedures[self.frame.procedure].code[self.frame.next];
        self.frame.next += 1;
        self.meter.step(1)?;
        match instruction {
            Load { to, constant } => self.load(program, to, constant)?,
            Copy { to, from } => {
                let value = self.operand(from);
                self.write(to, value)?;
            }
            Take { to, from } => {
                let value = self.take(from);
                self.write(to, value)?;
            }
            Binary {
                operator,
                to,
                left,
                right,
            } => self.binary(operator, to, left, right)?,
            Jump { target } => self.frame.next = target as usize,
            JumpIf { condition, target } => {
                if self.operand(condition).is_truthy() {
                    self.frame.next = target as usize;
                }
            }
            JumpUnless { condition, target } => {
                if !self.operand(condition).is_truthy() {
                    self.frame.next = target as usize;
                }
            }
            ForTest {
                counter,
                limit,
                step,
                exit,
            } => {
                self.check_bounds(counter, limit, step)?;
                if !self.loop_goes_on(counter, limit, step) {
                    self.frame.next = exit as usize;
                }
            }
            ForNext {
                counter,
                limit,
                step,
                body,
            } => {
                if let Some(next) = increment(self.peek(counter), self.peek(step))? {
                    self.write(counter, next)?;
                    if self.loop_goes_on(counter, limit, step) {
                        self.frame.next = body as usize;
                    }
                }
            }
            EachNext {
                list,
                index,
                item,
                exit,
            } => self.next_item(list, index, item, exit)?,
            Call {
                import,
                to,
                base,
                count,
            } => return self.call(program.imports[usize::from(import)], (to, base, count), now, step),
            Hear { .. } => {
                self.frame.next -= 1;
                self.status = Status::Waiting;
                *step = Step::Waiting(self.question()?);
                return Ok(true);
            }
            End { value } => {
                let value = self.operand(value);
                return self.end(value).map(|ended| handed(ended, step));
            }
            Invoke {
                procedure,
                base,
                count,
                ..
            } => self.invoke(program, procedure, base, count)?,
            Return { value } => {
                let value = self.operand(value);
                return self.leave(value).map(|ended| handed(ended, step));
            }
            Script { name, .. } => {
                self.status = Status::Calling;
                let name = text_of(&program.constants[name as usize])?.to_owned();
                *step = Step::Script { name };
                return Ok(true);
            }
            Sleep { seconds } => {
                let seconds = pause(&self.operand(seconds))?;
                self.status = Status::Sleeping;
                *step = Step::Sleeping { seconds };
                return Ok(true);
            }
            SetTrap { trap } => self.frame.trap = trap,
            SaveTrap { to } => self.write(to, Value::Integer(self.frame.trap.into()))?,
            RestoreTrap { from } => self.restore_trap(program, from),
            Guard { next } => self.frame.resume = next as usize,
            other => self.build(program, other)?,
        }
        Ok(false)
    }

    /// Instructions that make values out of values.
    fn build(&mut self, program: &Program, instruction: Instruction) -> Result<(), Fault> {
        use Instruction::*;
        let (to, value) = match instruction {
            Negate { to, from } => (to, negate(&self.operand(from))?),
            Not { to, from } => (to, Value::Bool(!self.operand(from).is_truthy())),
            IsNull { to, from } => (to, Value::Bool(self.operand(from) == Value::Null)),
            Join { to, base, count } => (to, self.join(base, count)?),
            Member { to, from, name } => {
                let name = text_of(&program.constants[name as usize])?;
                let part = get_member(self.peek(from), name);
                self.drop_operand(from);
                (to, part)
            }
            Index { to, from, index } => {
                let index = self.operand(index);
                let part = get_index(self.peek(from), &index);
                if let Value::Text(text) = self.peek(from) {
                    // Characters have no fixed width: finding one is a walk.
                    let length = text.len() as u64;
                    self.meter.step(length / BYTES_PER_STEP)?;
                }
                self.drop_operand(from);
                (to, part)
            }
            Store {
                target,
                base,
                count,
                members,
                value,
            } => return self.store(target, base, count, members, value),
            NewArray { to } => (to, Value::Array(Array::default())),
            NewObject { to } => (to, Value::Object(Object::default())),
            Push { array, value } => {
                let item = self.operand(value);
                let mut list = self.take(array);
                match &mut list {
                    Value::Array(items) => items.push(item)?,
                    _ => return Err(Fault::program()),
                }
                (array, list)
            }
            Field { object, name, value } => {
                let field = self.operand(value);
                let mut record = self.take(object);
                match &mut record {
                    Value::Object(fields) => match &program.keys[name as usize] {
                        Some(key) => fields.set_shared(key, field)?,
                        None => fields.set(text_of(&program.constants[name as usize])?, field)?,
                    },
                    _ => return Err(Fault::program()),
                }
                (object, record)
            }
            _ => return Err(Fault::program()),
        };
        self.write(to, value)
    }

    fn load(&mut self, program: &Program, to: Register, constant: u32) -> Result<(), Fault> {
        let value = match &program.constants[constant as usize] {
            // Long texts are not shared with the program: the first change of one must cost the same
            // before and after the machine was put away.
            Value::Text(text) if text.len() >= SHARED_FROM => Value::text(text.as_str()),
            other => other.clone(),
        };
        self.write(to, value)
    }

    fn binary(
        &mut self,
        operator: Operator,
        to: Register,
        left: Register,
        right: Register,
    ) -> Result<(), Fault> {
        if let (Value::Integer(a), Value::Integer(b)) = (self.peek(left), self.peek(right))
            && let Some(result) = integers(operator, *a, *b)
        {
            return self.write(to, result);
        }
        let right = self.operand(right);
        // What the result replaces need not be kept: it can be extended in place.
        let extends = matches!(operator, Operator::Add | Operator::Join)
            && matches!(self.peek(left), Value::Text(_) | Value::Array(_));
        let left = if left == to && extends {
            self.take(left)
        } else {
            self.operand(left)
        };
        self.meter.step(joining_work(operator, &left, &right))?;
        let result = apply(operator, left, &right)?;
        self.write(to, result)
    }

    fn join(&mut self, base: Register, count: u16) -> Result<Value, Fault> {
        let mut text = String::new();
        for register in base..base + count {
            self.operand(register).write_to(&mut text)?;
        }
        self.meter.step(text.len() as u64 / BYTES_PER_STEP)?;
        Ok(Value::text(text))
    }

    fn store(
        &mut self,
        target: Register,
        base: Register,
        count: u16,
        members: u32,
        value: Register,
    ) -> Result<(), Fault> {
        let new = self.operand(value);
        let keys: Vec<Value> = (base..base + count)
            .map(|register| self.operand(register))
            .collect();
        let path: Vec<Key<'_>> = keys
            .iter()
            .enumerate()
            .map(|(at, key)| match key {
                Value::Text(name) if members >> at & 1 == 1 => Key::Member(name),
                other => Key::Index(other),
            })
            .collect();
        let mut whole = self.take(target);
        let mut copied = 0;
        let outcome = set_path(&mut whole, &path, new, &mut copied);
        self.write(target, whole)?;
        self.meter.step(copied as u64 / ITEMS_PER_STEP)?;
        outcome
    }

    fn call(
        &mut self,
        word: &'static Word,
        (to, base, count): (Register, Register, u16),
        now: DateTime<Utc>,
        step: &mut Step,
    ) -> Result<bool, Fault> {
        match &word.role {
            Role::Function(function) => self.compute(function, to, base, count, now).map(|()| false),
            Role::Effect { perform, .. } => {
                let effect = perform(&mut self.taken(base, count))?;
                self.meter.output(&effect)?;
                self.status = Status::Performing(to);
                *step = Step::Effect(effect);
                Ok(true)
            }
            Role::Request(shape) => {
                let mut request = Request::new(word, shape, self.taken(base, count))?;
                if let Some(local) = shape.local {
                    self.meter.step(request.weight() / BYTES_PER_STEP)?;
                    let mut context = Context {
                        now,
                        random: &mut self.random,
                        language: &mut self.language,
                        error: &mut self.error,
                        memory_bytes: self.meter.limits.memory_bytes,
                        work: Work::new(),
                    };
                    let outcome = local(&mut context, &mut request);
                    self.meter.step(context.work.steps())?;
                    if let Some(value) = outcome? {
                        self.write(to, value)?;
                        return Ok(false);
                    }
                }
                self.meter
                    .step(REQUEST_STEPS + request.weight() / BYTES_PER_STEP)?;
                self.status = Status::Performing(to);
                *step = Step::Request(request);
                Ok(true)
            }
            _ => Err(Fault::program()),
        }
    }

    fn taken(&mut self, base: Register, count: u16) -> Vec<Value> {
        (base..base + count).map(|register| self.take(register)).collect()
    }

    /// Calls a function with its arguments where they lie; they are taken whatever comes of it.
    fn compute(
        &mut self,
        function: &Function,
        to: Register,
        base: Register,
        count: u16,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        let first = self.frame.address(base);
        let arguments = &mut self.registers.used_mut()[first..first + usize::from(count)];
        let weight = arguments
            .iter()
            .fold(0_u64, |weight, value| weight.saturating_add(value.weight()));
        self.weight = self.weight.saturating_sub(weight);
        let work = if function.linear {
            arguments.iter().map(walk).sum()
        } else {
            0
        };
        let mut context = Context {
            now,
            random: &mut self.random,
            language: &mut self.language,
            error: &mut self.error,
            memory_bytes: self.meter.limits.memory_bytes,
            work: Work::new(),
        };
        let outcome = match self.meter.step(work) {
            Ok(()) => (function.call)(&mut context, arguments),
            Err(fault) => Err(fault),
        };
        let compared = context.work.steps();
        let changed = arguments.first_mut().map(std::mem::take);
        arguments.fill(Value::Null);
        self.meter.step(compared)?;
        let result = outcome?;
        // A join, or a text repeated, may be far more than what it is made of.
        if function.linear {
            self.meter.step(walk(&result).saturating_sub(work))?;
        }
        if function.changes == Changes::Always
            && let Some(changed) = changed
        {
            self.write(base, changed)?;
        }
        self.write(to, result)
    }

    /// A mistake is raised, and so is any refusal where an error leads elsewhere; else the script sees it as a value.
    pub(super) fn refused(&mut self, to: Register, refusal: &Refusal) -> Result<(), Fault> {
        let fault = Fault::refused(refusal);
        if refusal.mistake || self.leads_elsewhere() {
            return Err(fault);
        }
        self.error = Some(self.located(fault));
        self.write(to, refusal.to_value()?)
    }
}

/// Whether there is a step, which is then put where it is handed out from.
pub(super) fn handed(found: Option<Step>, step: &mut Step) -> bool {
    match found {
        Some(found) => {
            *step = found;
            true
        }
        None => false,
    }
}

/// The common case: whole numbers that stay whole.
#[inline]
fn integers(operator: Operator, a: i64, b: i64) -> Option<Value> {
    Some(match operator {
        Operator::Add => Value::Integer(a.checked_add(b)?),
        Operator::Subtract => Value::Integer(a.checked_sub(b)?),
        Operator::Multiply => Value::Integer(a.checked_mul(b)?),
        Operator::Equal => Value::Bool(a == b),
        Operator::NotEqual => Value::Bool(a != b),
        Operator::Less => Value::Bool(a < b),
        Operator::LessOrEqual => Value::Bool(a <= b),
        Operator::Greater => Value::Bool(a > b),
        Operator::GreaterOrEqual => Value::Bool(a >= b),
        _ => return None,
    })
}

/// Steps beyond the first that an operator takes.
fn joining_work(operator: Operator, left: &Value, right: &Value) -> u64 {
    let in_place = match left {
        Value::Text(text) => Arc::strong_count(text) == 1,
        Value::Array(items) => items.copied_by_change() == 0,
        _ => false,
    };
    let extends = in_place && matches!(operator, Operator::Add | Operator::Join);
    walk(right) + if extends { 0 } else { walk(left) }
}

/// Steps that going through a value takes.
fn walk(value: &Value) -> u64 {
    match value {
        Value::Text(text) => text.len() as u64 / BYTES_PER_STEP,
        Value::Array(_) | Value::Object(_) => value.weight() / BYTES_PER_STEP,
        _ => 0,
    }
}

fn text_of(constant: &Value) -> Result<&str, Fault> {
    match constant {
        Value::Text(text) => Ok(text),
        _ => Err(Fault::program()),
    }
}

/// Seconds from 0 to 300, as long as a script may pause at once.
fn pause(value: &Value) -> Result<f64, Fault> {
    let seconds = match value {
        Value::Integer(seconds) => *seconds as f64,
        Value::Number(seconds) => *seconds,
        Value::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    };
    if seconds.is_nan() {
        return Err(Fault::argument("WAIT takes a number of seconds"));
    }
    Ok(seconds.clamp(0.0, 300.0))
}
