//! Code as the machine runs it most of the time: one operation for each instruction, and for some that belong together one
//! in the place of the first.
//!
//! Made when a program is loaded, never stored. Operations stand where their instructions stand, so that places in stored
//! states mean the same; one that stands for several is followed by those of its parts, which are only reached from
//! elsewhere. Whatever an operation cannot do at once, the instruction in its place does.

use std::cmp::Ordering;

use super::{Constant, Instruction, OWN_FROM, Procedure, Register};
use crate::value::Operator;

/// Where an operand lies: a variable of the frame or a temporary, a variable of the script around it, or a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand(u16);

const KIND: u16 = 0xC000;
/// Without this bit it is one of the frame's own registers.
const ELSEWHERE: u16 = 0x8000;
const VARIABLE: u16 = 0x0000;
const TEMPORARY: u16 = 0x4000;
const SCRIPT: u16 = 0x8000;
const CONSTANT: u16 = 0xC000;
const NUMBER: u16 = 0x3FFF;

/// What an operand's number counts.
pub(crate) enum Lies {
    Own(usize),
    Script(usize),
    Constant(usize),
}

impl Operand {
    #[inline(always)]
    pub fn lies(self) -> Lies {
        let number = usize::from(self.0 & NUMBER);
        if self.0 & ELSEWHERE == 0 {
            Lies::Own(number)
        } else if self.0 & KIND == SCRIPT {
            Lies::Script(number)
        } else {
            Lies::Constant(number)
        }
    }

    /// Its number, if it is one of the frame's own registers.
    fn own(self) -> Option<u16> {
        (self.0 & ELSEWHERE == 0).then_some(self.0 & NUMBER)
    }

    /// Whether reading it takes it.
    #[inline(always)]
    pub fn is_temporary(self) -> bool {
        self.0 & KIND == TEMPORARY
    }

    fn register(register: Register, own_from: Register, variables: Register) -> Option<Operand> {
        let (kind, number) = match register.checked_sub(own_from) {
            Some(own) if register < variables => (VARIABLE, own),
            Some(own) => (TEMPORARY, own),
            None => (SCRIPT, register),
        };
        (number <= NUMBER).then_some(Operand(kind | number))
    }

    fn constant(number: u32) -> Option<Operand> {
        let number = u16::try_from(number).ok().filter(|number| *number <= NUMBER)?;
        Some(Operand(CONSTANT | number))
    }
}

/// One operation. Targets of jumps are places of instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    /// The instruction itself.
    Plain,
    Move {
        to: Operand,
        from: Operand,
    },
    Add {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
    },
    Subtract {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
    },
    Multiply {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
    },
    Divide {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
    },
    Remainder {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
    },
    /// The same among the frame's own registers.
    AddOwn {
        to: u16,
        left: u16,
        right: u16,
    },
    SubtractOwn {
        to: u16,
        left: u16,
        right: u16,
    },
    MultiplyOwn {
        to: u16,
        left: u16,
        right: u16,
    },
    /// With a whole number.
    AddNumber {
        to: u16,
        left: u16,
        number: i32,
        width: u8,
    },
    RemainderNumber {
        to: u16,
        left: u16,
        number: i32,
        width: u8,
    },
    UnlessOwn {
        compare: Compare,
        width: u8,
        left: u16,
        right: u16,
        target: u32,
    },
    UnlessNumber {
        compare: Compare,
        width: u8,
        left: u16,
        number: i32,
        target: u32,
    },
    /// Compares, and jumps unless it holds.
    Unless {
        compare: Compare,
        width: u8,
        left: Operand,
        right: Operand,
        target: u32,
    },
    Jump {
        target: u32,
    },
    JumpUnless {
        condition: Operand,
        target: u32,
    },
    JumpIf {
        condition: Operand,
        target: u32,
    },
    ForNext {
        counter: Operand,
        limit: Operand,
        step: Operand,
        body: u32,
    },
    EachNext {
        list: Operand,
        index: Operand,
        item: Operand,
        exit: u32,
    },
    Index {
        to: Operand,
        from: Operand,
        index: Operand,
    },
    /// Sets an item of an array, or a field of an object.
    SetItem {
        target: Operand,
        index: Operand,
        value: Operand,
        width: u8,
    },
    /// Sets the field of a variable's object.
    SetField {
        target: Operand,
        name: u32,
        value: Operand,
    },
    /// Sets the field of an item.
    SetItemField {
        target: Operand,
        index: Operand,
        name: u32,
        value: Operand,
    },
    Member {
        to: Operand,
        from: Operand,
        name: u32,
    },
    /// A member of a member.
    Members {
        to: Operand,
        from: Operand,
        first: u32,
        second: u32,
    },
    Invoke {
        procedure: u16,
        base: Operand,
        count: u16,
    },
    Return {
        value: Operand,
    },
}

/// Which orders of the left side to the right meet a comparison: a bit for less, one for equal, one for greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compare(u8);

impl Compare {
    fn of(operator: Operator) -> Option<Compare> {
        Some(Compare(match operator {
            Operator::Less => 0b001,
            Operator::Equal => 0b010,
            Operator::LessOrEqual => 0b011,
            Operator::Greater => 0b100,
            Operator::NotEqual => 0b101,
            Operator::GreaterOrEqual => 0b110,
            _ => return None,
        }))
    }

    #[inline(always)]
    pub fn holds(self, order: Ordering) -> bool {
        self.0 >> (order as i8 + 1) & 1 == 1
    }
}

const _: () = assert!(size_of::<Op>() <= 16);

/// The operations of a procedure; `own_from` is where its own registers begin.
pub(super) fn operations(procedure: &Procedure, constants: &[Constant], own_from: Register) -> Vec<Op> {
    let code = &procedure.code;
    let variables = own_from + procedure.variables.len() as Register;
    (0..code.len())
        .map(|at| {
            let translator = Translator {
                code: &code[at..],
                constants,
                own_from,
                variables,
            };
            translator.operation().unwrap_or(Op::Plain)
        })
        .collect()
}

struct Translator<'c> {
    code: &'c [Instruction],
    constants: &'c [Constant],
    own_from: Register,
    /// Registers from here on are temporaries.
    variables: Register,
}

impl Translator<'_> {
    fn operand(&self, register: Register) -> Option<Operand> {
        Operand::register(register, self.own_from, self.variables)
    }

    /// The small whole number that an operand is.
    fn whole(&self, operand: Operand) -> Option<i32> {
        let Lies::Constant(at) = operand.lies() else {
            return None;
        };
        match self.constants.get(at)? {
            Constant::Integer(number) => i32::try_from(*number).ok(),
            _ => None,
        }
    }

    fn operation(&self) -> Option<Op> {
        use Instruction::*;
        Some(match *self.code.first()? {
            Load { to, constant } => match self.with_constant(to, constant) {
                Some(fused) => fused,
                None => Op::Move {
                    to: self.operand(to)?,
                    from: Operand::constant(constant)?,
                },
            },
            Copy { to, from } => match self.with_key(to, from) {
                Some(fused) => fused,
                None => Op::Move {
                    to: self.operand(to)?,
                    from: self.operand(from)?,
                },
            },
            Binary {
                operator,
                to,
                left,
                right,
            } => {
                let (left, right) = (self.operand(left)?, self.operand(right)?);
                self.binary(0, operator, to, left, right)?
            }
            Instruction::Jump { target } => Op::Jump { target },
            Instruction::JumpIf { condition, target } => Op::JumpIf {
                condition: self.operand(condition)?,
                target,
            },
            Instruction::JumpUnless { condition, target } => Op::JumpUnless {
                condition: self.operand(condition)?,
                target,
            },
            Instruction::ForNext {
                counter,
                limit,
                step,
                body,
            } => Op::ForNext {
                counter: self.operand(counter)?,
                limit: self.operand(limit)?,
                step: self.operand(step)?,
                body,
            },
            Instruction::EachNext {
                list,
                index,
                item,
                exit,
            } => Op::EachNext {
                list: self.operand(list)?,
                index: self.operand(index)?,
                item: self.operand(item)?,
                exit,
            },
            Instruction::Index { to, from, index } => Op::Index {
                to: self.operand(to)?,
                from: self.operand(from)?,
                index: self.operand(index)?,
            },
            Store {
                target,
                base,
                count: 1,
                members: 0,
                value,
            } => Op::SetItem {
                target: self.operand(target)?,
                index: self.operand(base)?,
                value: self.operand(value)?,
                width: 1,
            },
            Instruction::Member { to, from, name } => self.member(to, from, name)?,
            Instruction::Invoke {
                procedure,
                base,
                count,
                ..
            } => Op::Invoke {
                procedure,
                base: self.operand(base)?,
                count,
            },
            Instruction::Return { value } => Op::Return {
                value: self.operand(value)?,
            },
            _ => Op::Plain,
        })
    }

    /// A constant that the next instruction calculates or compares with.
    fn with_constant(&self, loaded: Register, constant: u32) -> Option<Op> {
        if loaded < self.variables {
            return None;
        }
        match (self.code.get(1)?, self.code.get(2)) {
            // `list[i] = constant`
            (
                Instruction::Copy { to: key, from },
                Some(Instruction::Store {
                    target,
                    base,
                    count: 1,
                    members: 0,
                    value,
                }),
            ) if *value == loaded && base == key && *key >= self.variables => {
                return Some(Op::SetItem {
                    target: self.operand(*target)?,
                    index: self.operand(*from)?,
                    value: Operand::constant(constant)?,
                    width: 3,
                });
            }
            // `list[constant] = value`, `object.name = value`
            (
                Instruction::Store {
                    target,
                    base,
                    count: 1,
                    members,
                    value,
                },
                _,
            ) if *base == loaded => {
                let (target, value) = (self.operand(*target)?, self.operand(*value)?);
                return match members {
                    0 => Some(Op::SetItem {
                        target,
                        index: Operand::constant(constant)?,
                        value,
                        width: 2,
                    }),
                    _ => Some(Op::SetField {
                        target,
                        name: constant,
                        value,
                    }),
                };
            }
            _ => {}
        }
        let Instruction::Binary {
            operator,
            to,
            left,
            right,
        } = *self.code.get(1)?
        else {
            return None;
        };
        if right != loaded || left == loaded {
            return None;
        }
        let left = self.operand(left)?;
        self.binary(1, operator, to, left, Operand::constant(constant)?)
    }

    /// `list[i] = value`, `list[i].name = value`
    fn with_key(&self, key: Register, from: Register) -> Option<Op> {
        if key < self.variables {
            return None;
        }
        match (self.code.get(1)?, self.code.get(2)) {
            (
                Instruction::Store {
                    target,
                    base,
                    count: 1,
                    members: 0,
                    value,
                },
                _,
            ) if *base == key => Some(Op::SetItem {
                target: self.operand(*target)?,
                index: self.operand(from)?,
                value: self.operand(*value)?,
                width: 2,
            }),
            (
                Instruction::Load { to: second, constant },
                Some(Instruction::Store {
                    target,
                    base,
                    count: 2,
                    members: 2,
                    value,
                }),
            ) if *base == key && *second == key + 1 => Some(Op::SetItemField {
                target: self.operand(*target)?,
                index: self.operand(from)?,
                name: *constant,
                value: self.operand(*value)?,
            }),
            _ => None,
        }
    }

    /// An operation whose instruction stands `at` places further on.
    fn binary(
        &self,
        at: usize,
        operator: Operator,
        to: Register,
        left: Operand,
        right: Operand,
    ) -> Option<Op> {
        let compare = Compare::of(operator);
        if let Some(compare) = compare {
            let Some(Instruction::JumpUnless { condition, target }) = self.code.get(at + 1) else {
                return None;
            };
            if *condition != to || to < self.variables {
                return None;
            }
            let (width, target) = (at as u8 + 2, *target);
            return Some(match (left.own(), right.own(), self.whole(right)) {
                (Some(left), Some(right), _) => Op::UnlessOwn {
                    compare,
                    width,
                    left,
                    right,
                    target,
                },
                (Some(left), _, Some(number)) => Op::UnlessNumber {
                    compare,
                    width,
                    left,
                    number,
                    target,
                },
                _ => Op::Unless {
                    compare,
                    width,
                    left,
                    right,
                    target,
                },
            });
        }
        let (to, width) = (self.operand(to)?, at as u8 + 1);
        if let (Some(to), Some(left)) = (to.own(), left.own()) {
            let own = match (operator, right.own(), self.whole(right)) {
                (Operator::Add, Some(right), _) => Some(Op::AddOwn { to, left, right }),
                (Operator::Subtract, Some(right), _) => Some(Op::SubtractOwn { to, left, right }),
                (Operator::Multiply, Some(right), _) => Some(Op::MultiplyOwn { to, left, right }),
                (Operator::Add, _, Some(number)) => Some(Op::AddNumber {
                    to,
                    left,
                    number,
                    width,
                }),
                (Operator::Subtract, _, Some(number)) => Some(Op::AddNumber {
                    to,
                    left,
                    number: number.checked_neg()?,
                    width,
                }),
                (Operator::Remainder, _, Some(number)) if number > 0 => Some(Op::RemainderNumber {
                    to,
                    left,
                    number,
                    width,
                }),
                _ => None,
            };
            if own.is_some() {
                return own;
            }
        }
        Some(match operator {
            Operator::Add => Op::Add {
                to,
                left,
                right,
                width,
            },
            Operator::Subtract => Op::Subtract {
                to,
                left,
                right,
                width,
            },
            Operator::Multiply => Op::Multiply {
                to,
                left,
                right,
                width,
            },
            Operator::Divide => Op::Divide {
                to,
                left,
                right,
                width,
            },
            Operator::Remainder => Op::Remainder {
                to,
                left,
                right,
                width,
            },
            _ => return None,
        })
    }

    fn member(&self, to: Register, from: Register, name: u32) -> Option<Op> {
        if let Some(Instruction::Member {
            to: last,
            from: between,
            name: second,
        }) = self.code.get(1)
            && *between == to
            && to >= self.variables
            && name <= u32::from(u16::MAX)
            && *second <= u32::from(u16::MAX)
        {
            return Some(Op::Members {
                to: self.operand(*last)?,
                from: self.operand(from)?,
                first: name,
                second: *second,
            });
        }
        Some(Op::Member {
            to: self.operand(to)?,
            from: self.operand(from)?,
            name,
        })
    }
}

/// Where the own registers of a procedure begin.
pub(super) fn own_from(number: usize) -> Register {
    if number == 0 { 0 } else { OWN_FROM }
}
