//! The operations of the quick loop, and where their operands lie. Made when a program is loaded, never stored.

use std::cmp::Ordering;

use super::Register;
use crate::value::Operator;

/// Where an operand lies: one of the frame's own registers, a variable of the script around it, or a constant.
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
#[derive(Clone, Copy)]
pub(crate) enum Lies {
    Own(u8),
    Script(usize),
    Constant(usize),
}

impl Operand {
    #[inline(always)]
    pub fn lies(self) -> Lies {
        if self.0 & ELSEWHERE == 0 {
            Lies::Own(self.0 as u8)
        } else if self.0 & KIND == SCRIPT {
            Lies::Script(usize::from(self.0 & NUMBER))
        } else {
            Lies::Constant(usize::from(self.0 & NUMBER))
        }
    }

    /// Its number, if it is one of the frame's own registers.
    #[inline(always)]
    pub fn own(self) -> Option<u8> {
        (self.0 & ELSEWHERE == 0).then_some(self.0 as u8)
    }

    /// Its number, of one that is known to be one of the frame's own registers.
    #[inline(always)]
    pub fn byte(self) -> usize {
        usize::from(self.0 as u8)
    }

    /// Whether reading it takes it.
    #[inline(always)]
    pub fn is_temporary(self) -> bool {
        self.0 & KIND == TEMPORARY
    }

    /// None where it is too far: of a frame's own registers a byte names as many as there are in all but the largest.
    pub(super) fn register(register: Register, own_from: Register, variables: Register) -> Option<Operand> {
        let (kind, number, most) = match register.checked_sub(own_from) {
            Some(own) if register < variables => (VARIABLE, own, u8::MAX.into()),
            Some(own) => (TEMPORARY, own, u8::MAX.into()),
            None => (SCRIPT, register, NUMBER),
        };
        (number <= most).then_some(Operand(kind | number))
    }

    pub(super) fn constant(number: u32) -> Option<Operand> {
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
    /// Moves a value out of a variable.
    Take {
        to: Operand,
        from: Operand,
    },
    /// Puts two values together as a text.
    Join {
        to: Operand,
        left: Operand,
        right: Operand,
        width: u8,
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
    /// These also tell variables from temporaries, for texts.
    AddOwn {
        to: Operand,
        left: Operand,
        right: Operand,
    },
    SubtractOwn {
        to: u8,
        left: u8,
        right: u8,
    },
    MoveOwn {
        to: u8,
        from: u8,
    },
    DivideOwn {
        to: u8,
        left: u8,
        right: u8,
    },
    MultiplyOwn {
        to: u8,
        left: u8,
        right: u8,
    },
    /// With a whole number.
    AddNumber {
        to: u8,
        left: u8,
        number: i32,
        width: u8,
    },
    RemainderNumber {
        to: u8,
        left: u8,
        number: i32,
        width: u8,
    },
    UnlessOwn {
        compare: Compare,
        width: u8,
        left: u8,
        right: u8,
        target: u32,
    },
    UnlessNumber {
        compare: Compare,
        width: u8,
        left: u8,
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
    ForNextOwn {
        counter: u8,
        limit: u8,
        step: u8,
        body: u32,
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
    /// A member of an item.
    ItemMember {
        to: Operand,
        from: Operand,
        index: Operand,
        name: u32,
    },
    /// Compares a member with a constant, and jumps unless it holds.
    UnlessMember {
        compare: Compare,
        from: Operand,
        name: u16,
        constant: u16,
        target: u32,
    },
    /// Puts a value at the end of the list in a variable.
    Push {
        list: Operand,
        value: Operand,
        width: u8,
    },
    /// Arguments lie from `base` on in the frame's own registers.
    Invoke {
        procedure: u16,
        to: Operand,
        base: u8,
        count: u8,
    },
    Return {
        value: u8,
    },
}

/// Which orders of the left side to the right meet a comparison: a bit for less, one for equal, one for greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Compare(u8);

impl Compare {
    pub(super) fn of(operator: Operator) -> Option<Compare> {
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
