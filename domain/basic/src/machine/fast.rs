//! Runs operations as long as they are of the common kind: numbers in registers, short texts, items of lists, fields of
//! objects, procedures that call each other.
//!
//! An operation that meets anything else changes nothing and hands back; the instruction in its place then does the work,
//! and says what is wrong. So this can be read as a list of special cases, each of which may be left out.
//!
//! Steps are counted by each operation, and the count is looked at where code may go round: jumps back and procedures.

use std::cmp::Ordering;

use super::Frame;
use super::calls::REGISTER_BYTES;
use super::registers::REACH;
use super::window::{SHORT, Window, is_scalar, put_fraction, put_whole};
use crate::program::{Lies, OWN_FROM, Op, Program, Trap};
use crate::value::Value;

/// What is used and how much of it there is.
pub(super) struct Account {
    pub steps: u64,
    /// The number of steps from which on to stop.
    pub stop: u64,
    /// Logical bytes of all registers, and how many there may be.
    pub weight: u64,
    pub weight_max: u64,
    pub depth_max: usize,
}

/// Why a procedure stopped.
enum Stopped {
    /// The instruction at the place has to do it.
    Instruction,
    /// So many steps were taken.
    Steps,
    Invoke {
        procedure: u16,
        base: u8,
        count: u8,
    },
    Return {
        value: u8,
    },
}

/// Runs from the frame's place on, until the account says so or an instruction has to do something.
pub(super) fn spin(
    program: &Program,
    registers: &mut [Value],
    frame: &mut Frame,
    callers: &mut Vec<Frame>,
    account: &mut Account,
) {
    loop {
        if account.steps >= account.stop {
            return;
        }
        let goes_on = match run(program, registers, frame, account) {
            Stopped::Invoke {
                procedure,
                base,
                count,
            } => enter(
                program,
                registers,
                frame,
                callers,
                account,
                (procedure, base, count),
            ),
            Stopped::Return { value } => leave(program, registers, frame, callers, account, value),
            Stopped::Instruction | Stopped::Steps => false,
        };
        if !goes_on {
            return;
        }
    }
}

/// Enters a procedure as its instruction does, where that is simple; false, and nothing done, where it is not.
#[inline(always)]
fn enter(
    program: &Program,
    registers: &mut [Value],
    frame: &mut Frame,
    callers: &mut Vec<Frame>,
    account: &mut Account,
    (procedure, base, count): (u16, u8, u8),
) -> bool {
    let (Some(own), Some(entered)) = (
        program.operations.get(frame.procedure),
        program.operations.get(usize::from(procedure)),
    ) else {
        return false;
    };
    let bottom = frame.base + own.registers;
    let weight = account
        .weight
        .saturating_add(entered.registers as u64 * REGISTER_BYTES);
    let fits = callers.len() + 1 < account.depth_max
        && weight <= account.weight_max
        && bottom + entered.registers + REACH <= registers.len();
    // What takes more than a step to enter is not simple.
    if !fits || entered.registers >= 64 {
        return false;
    }
    account.weight = weight;
    account.steps += 1;
    let first = frame.base + usize::from(base);
    for at in 0..usize::from(count) {
        registers[bottom + at] = std::mem::take(&mut registers[first + at]);
    }
    let caller = *frame;
    *frame = Frame {
        procedure: procedure.into(),
        next: 0,
        base: bottom,
        own_from: usize::from(OWN_FROM),
        variables: entered.variables,
        trap: Trap::Off.number(),
        resume: 0,
        ..caller
    };
    callers.push(Frame {
        next: caller.next + 1,
        ..caller
    });
    true
}

/// Leaves a procedure as its instruction does, where that is simple; false, and nothing done, where it is not.
#[inline(always)]
fn leave(
    program: &Program,
    registers: &mut [Value],
    frame: &mut Frame,
    callers: &mut Vec<Frame>,
    account: &mut Account,
    value: u8,
) -> bool {
    let Some(caller) = callers.last() else {
        return false;
    };
    let calling = program
        .operations
        .get(caller.procedure)
        .and_then(|operations| operations.ops.get(caller.next.wrapping_sub(1)));
    let to = match calling {
        Some(Op::Invoke { to, .. }) if caller.program == frame.program => match to.lies() {
            Lies::Own(at) => caller.base + usize::from(at),
            Lies::Script(at) => caller.script + at,
            Lies::Constant(_) => return false,
        },
        _ => return false,
    };
    let value = std::mem::take(&mut registers[frame.base + usize::from(value)]);
    let own = &program.operations[frame.procedure];
    let mut lighter = own.registers as u64 * REGISTER_BYTES;
    for register in &mut registers[frame.base..frame.base + own.registers] {
        if !is_scalar(register) {
            lighter += register.weight();
        }
        *register = Value::Null;
    }
    let before = std::mem::replace(&mut registers[to], value);
    if !is_scalar(&before) {
        lighter += before.weight();
    }
    account.weight = account.weight.saturating_sub(lighter);
    account.steps += 1;
    *frame = *caller;
    callers.pop();
    true
}

fn finite(number: f64) -> Option<f64> {
    number.is_finite().then_some(number)
}

fn fraction(a: f64, b: f64, calculate: fn(f64, f64) -> f64) -> Option<f64> {
    if b == 0.0 { None } else { finite(calculate(a, b)) }
}

/// Puts what comes of two numbers: a whole one where both are and that is, else a fraction. False where they are no numbers.
/// The two kinds are written apart: a value that may be either would be copied in halves, which takes longer than the sum.
macro_rules! calculate {
    (($left:expr, $right:expr), $whole:expr, $fraction:expr, $put_whole:expr, $put_fraction:expr) => {{
        let fraction = |a: f64, b: f64| $fraction(a, b);
        match ($left, $right) {
            (Value::Integer(a), Value::Integer(b)) => match $whole(*a, *b) {
                Some(result) => $put_whole(result),
                None => match fraction(*a as f64, *b as f64) {
                    Some(result) => $put_fraction(result),
                    None => false,
                },
            },
            (Value::Number(a), Value::Number(b)) => match fraction(*a, *b) {
                Some(result) => $put_fraction(result),
                None => false,
            },
            (Value::Integer(a), Value::Number(b)) => match fraction(*a as f64, *b) {
                Some(result) => $put_fraction(result),
                None => false,
            },
            (Value::Number(a), Value::Integer(b)) => match fraction(*a, *b as f64) {
                Some(result) => $put_fraction(result),
                None => false,
            },
            _ => false,
        }
    }};
}

/// The quotient, where it is whole.
fn divided(a: i64, b: i64) -> Option<i64> {
    match a.checked_rem(b) {
        Some(0) => a.checked_div(b),
        _ => None,
    }
}

/// Runs one procedure. The operation at the frame's place has changed nothing when this ends.
#[inline(always)]
fn run(program: &Program, registers: &mut [Value], frame: &mut Frame, account: &mut Account) -> Stopped {
    let (below, own) = registers.split_at_mut(frame.base);
    let (Some(own), Some(operations)) = (
        own.first_chunk_mut::<REACH>(),
        program.operations.get(frame.procedure),
    ) else {
        return Stopped::Instruction;
    };
    let script = if frame.own_from == 0 {
        &mut []
    } else {
        &mut below[frame.script..]
    };
    let (ops, constants) = (operations.ops.as_slice(), program.constants.as_slice());
    let mut window = Window {
        own,
        script,
        constants,
        weight: account.weight,
        weight_max: account.weight_max,
    };
    // By value, so that all of it stays in registers of the processor.
    let (mut next, stop) = (frame.next, account.stop);
    // Each instruction is a step, so between jumps the place tells how many were taken: so many more than it.
    let mut ahead = account.steps.wrapping_sub(next as u64);
    let stopped = loop {
        let Some(op) = ops.get(next) else {
            break Stopped::Instruction;
        };
        macro_rules! done {
            ($done:expr, $width:expr) => {{
                let width: u8 = $width;
                if !$done {
                    break Stopped::Instruction;
                }
                next += usize::from(width);
            }};
        }
        macro_rules! jump {
            ($width:expr, $target:expr) => {{
                let width: u8 = $width;
                let target = $target as usize;
                let steps = ahead
                    .wrapping_add(next as u64)
                    .wrapping_add(u64::from(width));
                ahead = steps.wrapping_sub(target as u64);
                let back = target <= next;
                next = target;
                if back && steps >= stop {
                    break Stopped::Steps;
                }
            }};
        }
        macro_rules! unless {
            ($holds:expr, $width:expr, $target:expr) => {{
                let width: u8 = $width;
                if $holds {
                    next += usize::from(width);
                } else {
                    jump!(width, $target);
                }
            }};
        }
        /// Puts a copy of what was found, which then borrows nothing any more.
        macro_rules! put_found {
            ($to:expr, $found:expr) => {
                match $found {
                    Some(Value::Integer(number)) => {
                        let number = *number;
                        window.put_whole($to, number)
                            || window.aside(|window| window.put_any($to, Value::Integer(number)))
                    }
                    Some(Value::Number(number)) => {
                        let number = *number;
                        window.put_fraction($to, number)
                            || window.aside(|window| window.put_any($to, Value::Number(number)))
                    }
                    Some(other) => {
                        let other = other.clone();
                        window.aside(|window| window.put_any($to, other))
                    }
                    None => false,
                }
            };
        }
        /// Does something with a value without weight, with each kind of number apart.
        macro_rules! with_scalar {
            ($value:expr, |$new:ident| $act:expr) => {
                match window.get($value) {
                    Value::Integer(number) => {
                        let $new = Value::Integer(*number);
                        $act
                    }
                    Value::Number(number) => {
                        let $new = Value::Number(*number);
                        $act
                    }
                    other if is_scalar(other) => {
                        let $new = other.clone();
                        $act
                    }
                    _ => false,
                }
            };
        }
        macro_rules! numbers {
            ($to:ident, $left:ident, $right:ident, $whole:expr, $fraction:expr) => {
                calculate!(
                    (window.get($left), window.get($right)),
                    $whole,
                    $fraction,
                    |result| window.put_whole($to, result),
                    |result| window.put_fraction($to, result)
                )
            };
        }
        macro_rules! own_numbers {
            ($to:ident, $left:ident, $right:ident, $whole:expr, $fraction:expr) => {
                calculate!(
                    (
                        &window.own[usize::from($left)],
                        &window.own[usize::from($right)]
                    ),
                    $whole,
                    $fraction,
                    |result| put_whole(&mut window.own[usize::from($to)], result),
                    |result| put_fraction(&mut window.own[usize::from($to)], result)
                )
            };
        }
        match *op {
            Op::Plain => break Stopped::Instruction,
            Op::MoveOwn { to, from } => {
                let moved = match &window.own[usize::from(from)] {
                    Value::Integer(number) => {
                        let number = *number;
                        put_whole(&mut window.own[usize::from(to)], number)
                    }
                    Value::Number(number) => {
                        let number = *number;
                        put_fraction(&mut window.own[usize::from(to)], number)
                    }
                    _ => false,
                };
                done!(moved, 1);
            }
            Op::Move { to, from } => {
                let quickly = match window.get(from) {
                    Value::Integer(number) => {
                        let number = *number;
                        window.put_whole(to, number)
                    }
                    Value::Number(number) => {
                        let number = *number;
                        window.put_fraction(to, number)
                    }
                    _ => false,
                };
                done!(quickly || window.aside(|window| window.relocate(to, from)), 1);
            }
            Op::Take { to, from } => done!(window.aside(|window| window.carry(to, from)), 1),
            Op::AddOwn { to, left, right } => {
                let added = calculate!(
                    (&window.own[left.byte()], &window.own[right.byte()]),
                    i64::checked_add,
                    |a: f64, b: f64| finite(a + b),
                    |result| put_whole(&mut window.own[to.byte()], result),
                    |result| put_fraction(&mut window.own[to.byte()], result)
                );
                done!(added || window.aside(|window| window.join(to, left, right)), 1);
            }
            Op::SubtractOwn { to, left, right } => {
                let subtracted =
                    own_numbers!(to, left, right, i64::checked_sub, |a: f64, b: f64| finite(a - b));
                done!(subtracted, 1);
            }
            Op::MultiplyOwn { to, left, right } => {
                let multiplied =
                    own_numbers!(to, left, right, i64::checked_mul, |a: f64, b: f64| finite(a * b));
                done!(multiplied, 1);
            }
            Op::DivideOwn { to, left, right } => {
                let quotient = own_numbers!(to, left, right, divided, |a, b| fraction(a, b, |a, b| a / b));
                done!(quotient, 1);
            }
            Op::Add {
                to,
                left,
                right,
                width,
            } => {
                let added = numbers!(to, left, right, i64::checked_add, |a: f64, b: f64| finite(a + b));
                done!(
                    added || window.aside(|window| window.join(to, left, right)),
                    width
                );
            }
            Op::Join {
                to,
                left,
                right,
                width,
            } => done!(window.aside(|window| window.join(to, left, right)), width),
            Op::Subtract {
                to,
                left,
                right,
                width,
            } => {
                let subtracted = numbers!(to, left, right, i64::checked_sub, |a: f64, b: f64| finite(a - b));
                done!(subtracted, width);
            }
            Op::Multiply {
                to,
                left,
                right,
                width,
            } => {
                let multiplied = numbers!(to, left, right, i64::checked_mul, |a: f64, b: f64| finite(a * b));
                done!(multiplied, width);
            }
            Op::Divide {
                to,
                left,
                right,
                width,
            } => {
                let quotient = numbers!(to, left, right, divided, |a, b| fraction(a, b, |a, b| a / b));
                done!(quotient, width);
            }
            Op::Remainder {
                to,
                left,
                right,
                width,
            } => {
                let rest = numbers!(to, left, right, i64::checked_rem, |a, b| fraction(
                    a,
                    b,
                    |a, b| a % b
                ));
                done!(rest, width);
            }
            Op::AddNumber {
                to,
                left,
                number,
                width,
            } => {
                let added = match &window.own[usize::from(left)] {
                    Value::Integer(a) => match a.checked_add(number.into()) {
                        Some(sum) => put_whole(&mut window.own[usize::from(to)], sum),
                        None => false,
                    },
                    Value::Number(a) => match finite(a + f64::from(number)) {
                        Some(sum) => put_fraction(&mut window.own[usize::from(to)], sum),
                        None => false,
                    },
                    _ => false,
                };
                done!(added, width);
            }
            Op::RemainderNumber {
                to,
                left,
                number,
                width,
            } => {
                let rest = match window.own[usize::from(left)] {
                    Value::Integer(a) => put_whole(&mut window.own[usize::from(to)], remainder(a, number)),
                    _ => false,
                };
                done!(rest, width);
            }
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
                unless!(compare.holds(order), width, target);
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
                unless!(compare.holds(order), width, target);
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
                unless!(compare.holds(order), width, target);
            }
            Op::UnlessMember {
                compare,
                from,
                name,
                constant,
                target,
            } => {
                let found = member(constants, window.get(from), name.into());
                let order = match (found, constants.get(usize::from(constant))) {
                    (Some(Value::Integer(a)), Some(Value::Integer(b))) => a.cmp(b),
                    (Some(Value::Text(a)), Some(Value::Text(b))) if a.len() < SHORT && b.len() < SHORT => {
                        a.cmp(b)
                    }
                    _ => break Stopped::Instruction,
                };
                window.done_with(from);
                unless!(compare.holds(order), 4, target);
            }
            Op::Jump { target } => jump!(1, target),
            Op::JumpUnless { condition, target } => {
                let value = window.get(condition);
                if !is_scalar(value) {
                    break Stopped::Instruction;
                }
                unless!(value.is_truthy(), 1, target);
            }
            Op::JumpIf { condition, target } => {
                let value = window.get(condition);
                if !is_scalar(value) {
                    break Stopped::Instruction;
                }
                unless!(!value.is_truthy(), 1, target);
            }
            Op::ForNextOwn {
                counter,
                limit,
                step,
                body,
            } => {
                let (Value::Integer(counted), Value::Integer(last), Value::Integer(by)) = (
                    &window.own[usize::from(counter)],
                    &window.own[usize::from(limit)],
                    &window.own[usize::from(step)],
                ) else {
                    break Stopped::Instruction;
                };
                let Some((counted, goes_on)) = counted_on(*counted, *last, *by) else {
                    break Stopped::Instruction;
                };
                window.own[usize::from(counter)] = Value::Integer(counted);
                unless!(!goes_on, 1, body);
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
                let Some((counted, goes_on)) = counted_on(*counted, *last, *by) else {
                    break Stopped::Instruction;
                };
                if !window.put_whole(counter, counted) {
                    break Stopped::Instruction;
                }
                unless!(!goes_on, 1, body);
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
                        let put = window
                            .aside(|window| window.put_any(item, found) && window.put_whole(index, at + 1));
                        done!(put, 1);
                    }
                    None => jump!(1, exit),
                }
            }
            Op::Index { to, from, index } => {
                let Some(found) = item(window.get(from), window.get(index)) else {
                    break Stopped::Instruction;
                };
                done!(put_found!(to, Some(found.unwrap_or(&Value::Null))), 1);
                window.read([from, index], to);
            }
            Op::Member { to, from, name } => {
                done!(put_found!(to, member(constants, window.get(from), name)), 1);
                window.read([from, from], to);
            }
            Op::Members {
                to,
                from,
                first,
                second,
            } => {
                let inner = member(constants, window.get(from), first);
                done!(
                    put_found!(to, inner.and_then(|inner| member(constants, inner, second))),
                    2
                );
                window.read([from, from], to);
            }
            Op::ItemMember {
                to,
                from,
                index,
                name,
            } => {
                let item = item(window.get(from), window.get(index)).flatten();
                done!(
                    put_found!(to, item.and_then(|item| member(constants, item, name))),
                    2
                );
                window.read([from, index], to);
            }
            Op::SetItem {
                target,
                index,
                value,
                width,
            } => {
                let set = with_scalar!(value, |new| match window.get(index) {
                    Value::Integer(at) => {
                        let at = usize::try_from(*at);
                        match (window.place(target), at) {
                            (Some(Value::Array(items)), Ok(at)) => replace(items.item_mut(at), new),
                            _ => false,
                        }
                    }
                    Value::Text(_) => window.aside(|window| window.set_field(target, index, new)),
                    _ => false,
                });
                done!(set, width);
                window.done_with(index);
            }
            Op::SetField { target, name, value } => {
                let set = with_scalar!(value, |new| {
                    match (constants.get(name as usize), window.place(target)) {
                        (Some(Value::Text(name)), Some(Value::Object(object))) => {
                            replace(object.field_mut(name), new)
                        }
                        _ => false,
                    }
                });
                done!(set, 2);
            }
            Op::SetItemField {
                target,
                index,
                name,
                value,
            } => {
                let at = match window.get(index) {
                    Value::Integer(at) => usize::try_from(*at).unwrap_or(usize::MAX),
                    _ => break Stopped::Instruction,
                };
                let set = with_scalar!(value, |new| {
                    let item = match window.place(target) {
                        Some(Value::Array(items)) => items.item_mut(at),
                        _ => None,
                    };
                    match (constants.get(name as usize), item) {
                        (Some(Value::Text(name)), Some(Value::Object(object))) => {
                            replace(object.field_mut(name), new)
                        }
                        _ => false,
                    }
                });
                done!(set, 3);
            }
            Op::Push { list, value, width } => done!(window.aside(|window| window.push(list, value)), width),
            Op::Invoke {
                procedure,
                base,
                count,
                ..
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
    account.weight = window.weight;
    (frame.next, account.steps) = (next, ahead.wrapping_add(next as u64));
    stopped
}

/// A loop's counter one step on, and whether the loop goes on; None where it takes a closer look.
#[inline(always)]
fn counted_on(counted: i64, last: i64, by: i64) -> Option<(i64, bool)> {
    let counted = counted.checked_add(by)?;
    match by {
        1.. => Some((counted, counted <= last)),
        0 => None,
        _ => Some((counted, counted >= last)),
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

/// Of two numbers, which are finite.
#[inline(always)]
fn order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// An item or a field, which may be missing; None where it takes a closer look.
#[inline(always)]
fn item<'v>(value: &'v Value, index: &Value) -> Option<Option<&'v Value>> {
    match (value, index) {
        (Value::Array(items), Value::Integer(at)) => {
            Some(usize::try_from(*at).ok().and_then(|at| items.get(at)))
        }
        (Value::Object(object), Value::Text(key)) => Some(object.get(key)),
        _ => None,
    }
}

/// The field of exactly this name; None where it takes a closer look.
#[inline(always)]
fn member<'v>(constants: &[Value], value: &'v Value, name: u32) -> Option<&'v Value> {
    match (value, constants.get(name as usize)?) {
        (Value::Object(object), Value::Text(name)) => object.get(name),
        _ => None,
    }
}

/// Puts a value without weight where one without weight is.
#[inline(always)]
pub(super) fn replace(place: Option<&mut Value>, value: Value) -> bool {
    match place {
        Some(place) if is_scalar(place) => {
            *place = value;
            true
        }
        _ => false,
    }
}
