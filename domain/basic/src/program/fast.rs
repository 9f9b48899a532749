//! Code as the machine runs it most of the time: one operation for each instruction, and for some that belong together one
//! in the place of the first.
//!
//! Made when a program is loaded, never stored. Operations stand where their instructions stand, so that places in stored
//! states mean the same; one that stands for several is followed by those of its parts, which are only reached from
//! elsewhere. Whatever an operation cannot do at once, the instruction in its place does.

use super::operation::{Compare, Lies, Op, Operand};
use super::{Constant, Instruction, OWN_FROM, Procedure, Register};
use crate::language::Word;
use crate::value::Operator;

/// A procedure as it is run.
#[derive(Clone, Debug)]
pub(crate) struct Operations {
    /// One for each instruction.
    pub ops: Vec<Op>,
    /// How many registers of its own the procedure has.
    pub registers: usize,
    /// The number of its first temporary.
    pub variables: usize,
}

impl Operations {
    /// `own_from` is where the procedure's own registers begin.
    pub(super) fn of(
        procedure: &Procedure,
        constants: &[Constant],
        imports: &[&'static Word],
        own_from: Register,
    ) -> Operations {
        let variables = own_from + procedure.variables.len() as Register;
        let operation = |at| {
            let translator = Translator {
                code: &procedure.code[at..],
                constants,
                imports,
                own_from,
                variables,
            };
            translator.operation().unwrap_or(Op::Plain)
        };
        Operations {
            ops: (0..procedure.code.len()).map(operation).collect(),
            registers: usize::from(procedure.registers - own_from),
            variables: variables.into(),
        }
    }
}

struct Translator<'c> {
    code: &'c [Instruction],
    constants: &'c [Constant],
    imports: &'c [&'static Word],
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
            Copy { to, from } => match self.with_key(to, from).or_else(|| self.pushed(to, from)) {
                Some(fused) => fused,
                None => {
                    let (to, from) = (self.operand(to)?, self.operand(from)?);
                    match (to.own(), from.own()) {
                        (Some(to), Some(from)) => Op::MoveOwn { to, from },
                        _ => Op::Move { to, from },
                    }
                }
            },
            Instruction::Take { to, from } => match self.push(0, to, from) {
                Some(list) => Op::Push {
                    list,
                    value: self.operand(to + 1)?,
                    width: 2,
                },
                None => Op::Take {
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
            } => {
                let (counter, limit, step) =
                    (self.operand(counter)?, self.operand(limit)?, self.operand(step)?);
                match (counter.own(), limit.own(), step.own()) {
                    (Some(counter), Some(limit), Some(step)) => Op::ForNextOwn {
                        counter,
                        limit,
                        step,
                        body,
                    },
                    _ => Op::ForNext {
                        counter,
                        limit,
                        step,
                        body,
                    },
                }
            }
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
            Instruction::Index { to, from, index } => self.index(to, from, index)?,
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
            Instruction::Member { to, from, name } => match self.unless_member(to, from, name) {
                Some(fused) => fused,
                None => self.member(to, from, name)?,
            },
            Instruction::Invoke {
                procedure,
                to,
                base,
                count,
            } => Op::Invoke {
                procedure,
                to: self.operand(to)?,
                base: self.operand(base)?.own()?,
                count: u8::try_from(count).ok()?,
            },
            Instruction::Return { value } => Op::Return {
                value: self.operand(value)?.own()?,
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
        let constant = Operand::constant(constant)?;
        match (left == loaded, right == loaded) {
            (false, true) => self.binary(1, operator, to, self.operand(left)?, constant),
            (true, false) => self.binary(1, operator, to, constant, self.operand(right)?),
            _ => None,
        }
    }

    /// `PUSH list, value`, of which the list is taken out of its variable at the place `at`: the variable.
    fn push(&self, at: usize, taken: Register, list: Register) -> Option<Operand> {
        let Instruction::Call {
            import,
            to,
            base,
            count: 2,
        } = *self.code.get(at + 1)?
        else {
            return None;
        };
        let pushes = self.imports.get(usize::from(import))?.name == "PUSH";
        (pushes && to == list && base == taken && list < self.variables && taken >= self.variables)
            .then(|| self.operand(list))?
    }

    /// `PUSH list, variable`
    fn pushed(&self, second: Register, value: Register) -> Option<Op> {
        let Instruction::Take { to, from } = *self.code.get(1)? else {
            return None;
        };
        let list = self.push(1, to, from)?;
        (to + 1 == second && value != from).then_some(())?;
        Some(Op::Push {
            list,
            value: self.operand(value)?,
            width: 3,
        })
    }

    fn index(&self, to: Register, from: Register, index: Register) -> Option<Op> {
        let (last, from, index) = (self.operand(to)?, self.operand(from)?, self.operand(index)?);
        Some(match self.code.get(1) {
            Some(Instruction::Member {
                to: member,
                from: item,
                name,
            }) if *item == to && to >= self.variables => Op::ItemMember {
                to: self.operand(*member)?,
                from,
                index,
                name: *name,
            },
            _ => Op::Index {
                to: last,
                from,
                index,
            },
        })
    }

    /// `IF object.name = constant`
    fn unless_member(&self, to: Register, from: Register, name: u32) -> Option<Op> {
        let (
            Instruction::Load { to: second, constant },
            Instruction::Binary {
                operator,
                to: result,
                left,
                right,
            },
            Instruction::JumpUnless { condition, target },
        ) = (*self.code.get(1)?, *self.code.get(2)?, *self.code.get(3)?)
        else {
            return None;
        };
        let fits = left == to && right == second && condition == result && to != second;
        (fits
            && [to, second, result]
                .iter()
                .all(|register| *register >= self.variables))
        .then_some(())?;
        Some(Op::UnlessMember {
            compare: Compare::of(operator)?,
            from: self.operand(from)?,
            name: u16::try_from(name).ok()?,
            constant: u16::try_from(constant).ok()?,
            target,
        })
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
        if let (Operator::Add, Some(_), Some(_), Some(_)) = (operator, to.own(), left.own(), right.own()) {
            return Some(Op::AddOwn { to, left, right });
        }
        if let (Some(to), Some(left)) = (to.own(), left.own()) {
            let own = match (operator, right.own(), self.whole(right)) {
                (Operator::Subtract, Some(right), _) => Some(Op::SubtractOwn { to, left, right }),
                (Operator::Multiply, Some(right), _) => Some(Op::MultiplyOwn { to, left, right }),
                (Operator::Divide, Some(right), _) => Some(Op::DivideOwn { to, left, right }),
                (Operator::Add, _, Some(number)) => Some(Op::AddNumber {
                    to,
                    left,
                    number,
                    width,
                }),
                // Taking 0 from -0.0 leaves it, adding 0 does not.
                (Operator::Subtract, _, Some(number)) if number != 0 => Some(Op::AddNumber {
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
            Operator::Join => Op::Join {
                to,
                left,
                right,
                width,
            },
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
