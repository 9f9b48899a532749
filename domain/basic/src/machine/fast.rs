//! Runs operations as long as they are of the common kind: numbers in registers, items of lists, fields of objects.
//!
//! An operation that meets anything else changes nothing and hands back; the instruction in its place then does the work,
//! and says what is wrong. So this can be read as a list of special cases, each of which may be left out.

use std::cmp::Ordering;

use super::Frame;
use crate::program::{Lies, Op, Operand};
use crate::value::Value;

/// The registers that a procedure works on.
pub(super) struct Window<'m> {
    pub own: &'m mut [Value],
    /// Variables of the script around a procedure.
    pub script: &'m mut [Value],
    pub constants: &'m [Value],
    /// Logical bytes of all registers, and how many there may be.
    pub weight: u64,
    pub weight_max: u64,
}

/// How far it came.
pub(super) struct Spun {
    pub stopped: Stopped,
    /// The next operation.
    pub at: usize,
    pub steps: u64,
    pub weight: u64,
}

/// Why it stopped.
pub(super) enum Stopped {
    /// The instruction at the place has to do it.
    Instruction,
    /// So many steps were taken.
    Steps,
    /// A procedure is entered: its number, and where its arguments lie.
    Invoke {
        procedure: u16,
        base: Operand,
        count: u16,
    },
    Return {
        value: Operand,
    },
}

#[inline(always)]
fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Text(_) | Value::Array(_) | Value::Object(_))
}

impl<'m> Window<'m> {
    pub fn of(registers: &'m mut [Value], frame: &Frame, constants: &'m [Value]) -> Window<'m> {
        let (below, own) = registers.split_at_mut(frame.base);
        let script = if frame.own_from == 0 {
            &mut []
        } else {
            &mut below[frame.script..]
        };
        Window {
            own,
            script,
            constants,
            weight: 0,
            weight_max: 0,
        }
    }

    #[inline(always)]
    fn get(&self, operand: Operand) -> &Value {
        match operand.lies() {
            Lies::Own(at) => &self.own[at],
            Lies::Script(at) => &self.script[at],
            Lies::Constant(at) => &self.constants[at],
        }
    }

    #[inline(always)]
    fn place(&mut self, operand: Operand) -> Option<&mut Value> {
        match operand.lies() {
            Lies::Own(at) => self.own.get_mut(at),
            Lies::Script(at) => self.script.get_mut(at),
            Lies::Constant(_) => None,
        }
    }

    /// Puts a value without weight where one without weight is; false where there is another.
    #[inline(always)]
    fn put(&mut self, to: Operand, value: Value) -> bool {
        match self.place(to) {
            Some(place) if is_scalar(place) => {
                // There is nothing to be freed.
                std::mem::forget(std::mem::replace(place, value));
                true
            }
            _ => false,
        }
    }

    /// Puts a value where one without weight is known to be.
    #[inline(always)]
    fn put_own(&mut self, to: u16, value: Value) {
        // There is nothing to be freed.
        std::mem::forget(std::mem::replace(&mut self.own[usize::from(to)], value));
    }

    /// What was read of a temporary is taken: nobody else must seem to hold it.
    #[inline(always)]
    fn done_with(&mut self, operand: Operand) {
        if operand.is_temporary()
            && let Lies::Own(at) = operand.lies()
            && !is_scalar(&self.own[at])
        {
            let value = std::mem::take(&mut self.own[at]);
            self.weight = self.weight.saturating_sub(value.weight());
        }
    }

    /// Puts any value anywhere; false where there is no room for it.
    #[inline(always)]
    fn put_any(&mut self, to: Operand, value: Value) -> bool {
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
}

/// The two numbers as they are, or both as fractions.
macro_rules! numbers {
    ($window:ident, $left:ident, $right:ident, $whole:expr, $fraction:expr) => {
        match ($window.get($left), $window.get($right)) {
            (Value::Integer(a), Value::Integer(b)) => $whole(*a, *b),
            (Value::Number(a), Value::Number(b)) => $fraction(*a, *b),
            (Value::Integer(a), Value::Number(b)) => $fraction(*a as f64, *b),
            (Value::Number(a), Value::Integer(b)) => $fraction(*a, *b as f64),
            _ => None,
        }
    };
}

fn finite(number: f64) -> Option<Value> {
    number.is_finite().then_some(Value::Number(number))
}

fn divided(a: i64, b: i64) -> Option<Value> {
    if b == 0 {
        return None;
    }
    match (a.checked_rem(b), a.checked_div(b)) {
        (Some(0), Some(exact)) => Some(Value::Integer(exact)),
        _ => finite(a as f64 / b as f64),
    }
}

/// Runs from `at` on, until `steps` reaches `stop` or something else has to be done.
pub(super) fn spin(ops: &[Op], mut window: Window<'_>, at: usize, steps: u64, stop: u64) -> Spun {
    // By value, so that all of it stays in registers of the processor.
    let (mut next, mut taken) = (at, steps);
    // What stopped it; the operation at `next` has changed nothing.
    let stopped = loop {
        if taken >= stop {
            break Stopped::Steps;
        }
        let Some(op) = ops.get(next) else {
            break Stopped::Instruction;
        };
        macro_rules! calculate {
            ($to:ident, $left:ident, $right:ident, $width:ident, $whole:expr, $fraction:expr) => {{
                let Some(result) = numbers!(window, $left, $right, $whole, $fraction) else {
                    break Stopped::Instruction;
                };
                if !window.put($to, result) {
                    break Stopped::Instruction;
                }
                next += usize::from($width);
                taken += u64::from($width);
            }};
        }
        macro_rules! calculate_own {
            ($to:ident, $left:ident, $right:ident, $whole:expr, $fraction:expr) => {
                let result = match (
                    &window.own[usize::from($left)],
                    &window.own[usize::from($right)],
                ) {
                    (Value::Integer(a), Value::Integer(b)) => $whole(*a, *b).map(Value::Integer),
                    (Value::Number(a), Value::Number(b)) => $fraction(*a, *b),
                    (Value::Integer(a), Value::Number(b)) => $fraction(*a as f64, *b),
                    (Value::Number(a), Value::Integer(b)) => $fraction(*a, *b as f64),
                    _ => None,
                };
                let Some(result) = result.filter(|_| is_scalar(&window.own[usize::from($to)])) else {
                    break Stopped::Instruction;
                };
                window.put_own($to, result);
                next += 1;
                taken += 1;
            };
        }
        match *op {
            Op::Plain => break Stopped::Instruction,
            Op::Move { to, from } => {
                let value = window.get(from);
                if !is_scalar(value) {
                    break Stopped::Instruction;
                }
                let value = copy(value);
                if !window.put(to, value) {
                    break Stopped::Instruction;
                }
                next += 1;
                taken += 1;
            }
            Op::Add {
                to,
                left,
                right,
                width,
            } => calculate!(
                to,
                left,
                right,
                width,
                |a: i64, b: i64| a.checked_add(b).map(Value::Integer),
                |a: f64, b: f64| finite(a + b)
            ),
            Op::Subtract {
                to,
                left,
                right,
                width,
            } => calculate!(
                to,
                left,
                right,
                width,
                |a: i64, b: i64| a.checked_sub(b).map(Value::Integer),
                |a: f64, b: f64| finite(a - b)
            ),
            Op::Multiply {
                to,
                left,
                right,
                width,
            } => calculate!(
                to,
                left,
                right,
                width,
                |a: i64, b: i64| a.checked_mul(b).map(Value::Integer),
                |a: f64, b: f64| finite(a * b)
            ),
            Op::Divide {
                to,
                left,
                right,
                width,
            } => calculate!(to, left, right, width, divided, |a: f64, b: f64| if b == 0.0 {
                None
            } else {
                finite(a / b)
            }),
            Op::Remainder {
                to,
                left,
                right,
                width,
            } => calculate!(
                to,
                left,
                right,
                width,
                |a: i64, b: i64| a.checked_rem(b).map(Value::Integer),
                |a: f64, b: f64| if b == 0.0 { None } else { finite(a % b) }
            ),
            Op::Unless {
                compare,
                width,
                left,
                right,
                target,
            } => {
                let order = match (window.get(left), window.get(right)) {
                    (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
                    (Value::Number(a), Value::Number(b)) => order(*a, *b),
                    (Value::Integer(a), Value::Number(b)) => order(*a as f64, *b),
                    (Value::Number(a), Value::Integer(b)) => order(*a, *b as f64),
                    (Value::Text(a), Value::Text(b)) if a.len() < SHORT && b.len() < SHORT => a.cmp(b),
                    _ => break Stopped::Instruction,
                };
                window.done_with(left);
                window.done_with(right);
                taken += u64::from(width);
                next = if compare.holds(order) {
                    next + usize::from(width)
                } else {
                    target as usize
                };
            }
            Op::AddOwn { to, left, right } => {
                calculate_own!(to, left, right, i64::checked_add, |a: f64, b: f64| finite(a + b));
            }
            Op::SubtractOwn { to, left, right } => {
                calculate_own!(to, left, right, i64::checked_sub, |a: f64, b: f64| finite(a - b));
            }
            Op::MultiplyOwn { to, left, right } => {
                calculate_own!(to, left, right, i64::checked_mul, |a: f64, b: f64| finite(a * b));
            }
            Op::AddNumber {
                to,
                left,
                number,
                width,
            } => {
                let result = match &window.own[usize::from(left)] {
                    Value::Integer(a) => a.checked_add(number.into()).map(Value::Integer),
                    Value::Number(a) => finite(a + f64::from(number)),
                    _ => None,
                };
                let Some(result) = result.filter(|_| is_scalar(&window.own[usize::from(to)])) else {
                    break Stopped::Instruction;
                };
                window.put_own(to, result);
                next += usize::from(width);
                taken += u64::from(width);
            }
            Op::RemainderNumber {
                to,
                left,
                number,
                width,
            } => {
                let Value::Integer(a) = window.own[usize::from(left)] else {
                    break Stopped::Instruction;
                };
                if !is_scalar(&window.own[usize::from(to)]) {
                    break Stopped::Instruction;
                }
                window.put_own(to, Value::Integer(remainder(a, number)));
                next += usize::from(width);
                taken += u64::from(width);
            }
            Op::UnlessOwn {
                compare,
                width,
                left,
                right,
                target,
            } => {
                let order = match (&window.own[usize::from(left)], &window.own[usize::from(right)]) {
                    (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
                    (Value::Number(a), Value::Number(b)) => order(*a, *b),
                    (Value::Integer(a), Value::Number(b)) => order(*a as f64, *b),
                    (Value::Number(a), Value::Integer(b)) => order(*a, *b as f64),
                    _ => break Stopped::Instruction,
                };
                taken += u64::from(width);
                next = if compare.holds(order) {
                    next + usize::from(width)
                } else {
                    target as usize
                };
            }
            Op::UnlessNumber {
                compare,
                width,
                left,
                number,
                target,
            } => {
                let order = match &window.own[usize::from(left)] {
                    Value::Integer(a) => a.cmp(&number.into()),
                    Value::Number(a) => order(*a, number.into()),
                    _ => break Stopped::Instruction,
                };
                taken += u64::from(width);
                next = if compare.holds(order) {
                    next + usize::from(width)
                } else {
                    target as usize
                };
            }
            Op::Jump { target } => {
                next = target as usize;
                taken += 1;
            }
            Op::JumpUnless { condition, target } => {
                let value = window.get(condition);
                if !is_scalar(value) {
                    break Stopped::Instruction;
                }
                next = if value.is_truthy() {
                    next + 1
                } else {
                    target as usize
                };
                taken += 1;
            }
            Op::JumpIf { condition, target } => {
                let value = window.get(condition);
                if !is_scalar(value) {
                    break Stopped::Instruction;
                }
                next = if value.is_truthy() {
                    target as usize
                } else {
                    next + 1
                };
                taken += 1;
            }
            Op::ForNext {
                counter,
                limit,
                step,
                body,
            } => {
                let (Value::Integer(counted), Value::Integer(last), Value::Integer(by)) =
                    (window.get(counter), window.get(limit), window.get(step))
                else {
                    break Stopped::Instruction;
                };
                let (last, by) = (*last, *by);
                let Some(counted) = counted.checked_add(by).filter(|_| by != 0) else {
                    break Stopped::Instruction;
                };
                let goes_on = if by > 0 { counted <= last } else { counted >= last };
                if !window.put(counter, Value::Integer(counted)) {
                    break Stopped::Instruction;
                }
                next = if goes_on { body as usize } else { next + 1 };
                taken += 1;
            }
            Op::EachNext {
                list,
                index,
                item,
                exit,
            } => {
                let (Value::Array(items), Value::Integer(at)) = (window.get(list), window.get(index)) else {
                    break Stopped::Instruction;
                };
                let at = *at;
                match usize::try_from(at).ok().and_then(|at| items.get(at)).cloned() {
                    Some(found) => {
                        if !window.put_any(item, found) || !window.put(index, Value::Integer(at + 1)) {
                            break Stopped::Instruction;
                        }
                        next += 1;
                    }
                    None => next = exit as usize,
                }
                taken += 1;
            }
            Op::Index { to, from, index } => {
                let found = match (window.get(from), window.get(index)) {
                    (Value::Array(items), Value::Integer(at)) => {
                        usize::try_from(*at).ok().and_then(|at| items.get(at))
                    }
                    (Value::Object(object), Value::Text(key)) => object.get(key),
                    _ => break Stopped::Instruction,
                };
                let found = found.map_or(Value::Null, copy);
                if !window.put_any(to, found) {
                    break Stopped::Instruction;
                }
                for operand in [from, index] {
                    if operand != to {
                        window.done_with(operand);
                    }
                }
                next += 1;
                taken += 1;
            }
            Op::SetItem {
                target,
                index,
                value,
                width,
            } => {
                let new = window.get(value);
                if !is_scalar(new) {
                    break Stopped::Instruction;
                }
                let new = copy(new);
                let set = match window.get(index) {
                    Value::Integer(at) => {
                        let at = *at;
                        match window.place(target) {
                            Some(Value::Array(items)) => {
                                usize::try_from(at).is_ok_and(|at| replace(items.item_mut(at), new))
                            }
                            _ => false,
                        }
                    }
                    Value::Text(key) => {
                        let key = key.clone();
                        match window.place(target) {
                            Some(Value::Object(object)) => replace(object.field_mut(&key), new),
                            _ => false,
                        }
                    }
                    _ => false,
                };
                if !set {
                    break Stopped::Instruction;
                }
                window.done_with(index);
                next += usize::from(width);
                taken += u64::from(width);
            }
            Op::SetField { target, name, value } => {
                let new = window.get(value);
                let Some(Value::Text(name)) = window.constants.get(name as usize).filter(|_| is_scalar(new))
                else {
                    break Stopped::Instruction;
                };
                let new = copy(new);
                let set = match window.place(target) {
                    Some(Value::Object(object)) => replace(object.field_mut(name), new),
                    _ => false,
                };
                if !set {
                    break Stopped::Instruction;
                }
                next += 2;
                taken += 2;
            }
            Op::SetItemField {
                target,
                index,
                name,
                value,
            } => {
                let new = window.get(value);
                let (Some(Value::Text(name)), Value::Integer(at), true) = (
                    window.constants.get(name as usize),
                    window.get(index),
                    is_scalar(new),
                ) else {
                    break Stopped::Instruction;
                };
                let (new, at) = (copy(new), usize::try_from(*at).unwrap_or(usize::MAX));
                let item = match window.place(target) {
                    Some(Value::Array(items)) => items.item_mut(at),
                    _ => None,
                };
                let set = match item {
                    Some(Value::Object(object)) => replace(object.field_mut(name), new),
                    _ => false,
                };
                if !set {
                    break Stopped::Instruction;
                }
                next += 3;
                taken += 3;
            }
            Op::Member { to, from, name } => {
                let Some(found) = field(window.get(from), window.constants, name) else {
                    break Stopped::Instruction;
                };
                let found = copy(found);
                if !window.put_any(to, found) {
                    break Stopped::Instruction;
                }
                if from != to {
                    window.done_with(from);
                }
                next += 1;
                taken += 1;
            }
            Op::Members {
                to,
                from,
                first,
                second,
            } => {
                let found = field(window.get(from), window.constants, first)
                    .and_then(|inner| field(inner, window.constants, second));
                let Some(found) = found.map(copy) else {
                    break Stopped::Instruction;
                };
                if !window.put_any(to, found) {
                    break Stopped::Instruction;
                }
                if from != to {
                    window.done_with(from);
                }
                next += 2;
                taken += 2;
            }
            Op::Invoke {
                procedure,
                base,
                count,
            } => {
                break Stopped::Invoke {
                    procedure,
                    base,
                    count,
                };
            }
            Op::Return { value } => break Stopped::Return { value },
        }
    };
    Spun {
        stopped,
        at: next,
        steps: taken,
        weight: window.weight,
    }
}

/// `a MOD b`, by the shorter division where both are small.
#[inline(always)]
fn remainder(a: i64, b: i32) -> i64 {
    match u32::try_from(a) {
        Ok(small) => i64::from(small % b.unsigned_abs()),
        Err(_) => a % i64::from(b),
    }
}

/// Texts that are compared in about the time of a step.
const SHORT: usize = 1024;

/// Of two numbers, which are finite.
#[inline(always)]
fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// The field of exactly this name; None where it takes a closer look.
#[inline]
fn field<'v>(value: &'v Value, constants: &[Value], name: u32) -> Option<&'v Value> {
    match (value, constants.get(name as usize)?) {
        (Value::Object(object), Value::Text(name)) => object.get(name),
        _ => None,
    }
}

/// A copy, of numbers without asking how.
#[inline(always)]
fn copy(value: &Value) -> Value {
    match value {
        Value::Integer(number) => Value::Integer(*number),
        Value::Number(number) => Value::Number(*number),
        other => other.clone(),
    }
}

/// Puts a value without weight where one without weight is.
#[inline(always)]
fn replace(place: Option<&mut Value>, value: Value) -> bool {
    match place {
        Some(place) if is_scalar(place) => {
            *place = value;
            true
        }
        _ => false,
    }
}
