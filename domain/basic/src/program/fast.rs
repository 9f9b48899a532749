//! Code as the machine runs it most of the time: one operation for each instruction, and for some that belong together one
//! in the place of the first.
//!
//! Made when a program is loaded, never stored. Operations stand where their instructions stand, so that places in stored
//! states mean the same; one that stands for several is followed by those of its parts, which are only reached from
//! elsewhere. Whatever an operation cannot do at once, the instruction in its place does.

use super::{Instruction, OWN_FROM, Procedure, Register};
use crate::value::Operator;

/// Where an operand lies: a register of the frame, a variable of the script around it, or a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand(u16);

const KIND: u16 = 0xC000;
const OWN: u16 = 0x0000;
const SCRIPT: u16 = 0x4000;
const CONSTANT: u16 = 0x8000;
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
        match self.0 & KIND {
            OWN => Lies::Own(number),
            SCRIPT => Lies::Script(number),
            _ => Lies::Constant(number),
        }
    }

    fn register(register: Register, own_from: Register) -> Option<Operand> {
        let (kind, number) = match register.checked_sub(own_from) {
            Some(own) => (OWN, own),
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
    /// Sets an item of an array.
    SetItem {
        target: Operand,
        index: Operand,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const _: () = assert!(size_of::<Op>() <= 16);

/// The operations of a procedure; `own_from` is where its own registers begin.
pub(super) fn operations(procedure: &Procedure, own_from: Register) -> Vec<Op> {
    let code = &procedure.code;
    let variables = own_from + procedure.variables.len() as Register;
    (0..code.len())
        .map(|at| {
            let translator = Translator {
                code: &code[at..],
                own_from,
                variables,
            };
            translator.operation().unwrap_or(Op::Plain)
        })
        .collect()
}

struct Translator<'c> {
    code: &'c [Instruction],
    own_from: Register,
    /// Registers from here on are temporaries.
    variables: Register,
}

impl Translator<'_> {
    fn operand(&self, register: Register) -> Option<Operand> {
        Operand::register(register, self.own_from)
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
            Copy { to, from } => Op::Move {
                to: self.operand(to)?,
                from: self.operand(from)?,
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
        let Instruction::Binary {
            operator,
            to,
            left,
            right,
        } = *self.code.get(1)?
        else {
            return None;
        };
        if right != loaded || left == loaded || loaded < self.variables {
            return None;
        }
        let left = self.operand(left)?;
        self.binary(1, operator, to, left, Operand::constant(constant)?)
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
        let compare = match operator {
            Operator::Equal => Some(Compare::Equal),
            Operator::NotEqual => Some(Compare::NotEqual),
            Operator::Less => Some(Compare::Less),
            Operator::LessOrEqual => Some(Compare::LessOrEqual),
            Operator::Greater => Some(Compare::Greater),
            Operator::GreaterOrEqual => Some(Compare::GreaterOrEqual),
            _ => None,
        };
        if let Some(compare) = compare {
            let Some(Instruction::JumpUnless { condition, target }) = self.code.get(at + 1) else {
                return None;
            };
            return (*condition == to && to >= self.variables).then_some(Op::Unless {
                compare,
                width: at as u8 + 2,
                left,
                right,
                target: *target,
            });
        }
        let (to, width) = (self.operand(to)?, at as u8 + 1);
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
