//! The instructions of the machine.
//!
//! A procedure works on numbered registers. The first `variables.len()` are variables; those above are
//! temporaries. **Reading a temporary as an operand takes it**: each holds one intermediate result, used
//! once, so that a text built up by `+` is extended in place and nothing lingers in a stored state.
//!
//! All of this is stored. Variants and fields are appended, never changed or reordered.

use serde::{Deserialize, Serialize};

use crate::machine::HearKind;
use crate::value::{Operator, Value};

pub(crate) type Register = u16;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Instruction {
    Load {
        to: Register,
        constant: u32,
    },
    Copy {
        to: Register,
        from: Register,
    },
    /// Moves a value out of a variable, so that what follows can change it in place.
    Take {
        to: Register,
        from: Register,
    },
    Negate {
        to: Register,
        from: Register,
    },
    Not {
        to: Register,
        from: Register,
    },
    IsNull {
        to: Register,
        from: Register,
    },
    Binary {
        operator: Operator,
        to: Register,
        left: Register,
        right: Register,
    },
    /// The values of `count` registers from `base` on as one text.
    Join {
        to: Register,
        base: Register,
        count: u16,
    },
    /// `from.name`; the name is a text constant.
    Member {
        to: Register,
        from: Register,
        name: u32,
    },
    Index {
        to: Register,
        from: Register,
        index: Register,
    },
    /// Sets a part of a variable. The keys stand in `count` registers from `base` on; bit n of `members`
    /// says that key n is a member name, which finds fields in any capitalisation.
    Store {
        target: Register,
        base: Register,
        count: u16,
        members: u32,
        value: Register,
    },
    NewArray {
        to: Register,
    },
    NewObject {
        to: Register,
    },
    /// Appends to the array in a register that stays where it is.
    Push {
        array: Register,
        value: Register,
    },
    /// Sets a field of the object in a register that stays where it is; the name is a text constant.
    Field {
        object: Register,
        name: u32,
        value: Register,
    },
    Jump {
        target: u32,
    },
    JumpIf {
        condition: Register,
        target: u32,
    },
    JumpUnless {
        condition: Register,
        target: u32,
    },
    /// Enters a counting loop or goes to `exit`. The three registers stay as they are.
    ForTest {
        counter: Register,
        limit: Register,
        step: Register,
        exit: u32,
    },
    /// Counts on and goes to `body` again, or falls through at the end of the loop.
    ForNext {
        counter: Register,
        limit: Register,
        step: Register,
        body: u32,
    },
    /// Takes the next item of a list or goes to `exit`.
    EachNext {
        list: Register,
        index: Register,
        item: Register,
        exit: u32,
    },
    /// Calls a function or performs an effect with `count` registers from `base` on as arguments. An
    /// effect leaves the machine; the host's answer to it arrives in `to`.
    Call {
        import: u16,
        to: Register,
        base: Register,
        count: u16,
    },
    /// Waits for an answer. The options of a menu stand in `count` registers from `base` on; `otherwise`
    /// holds what an empty answer means.
    Hear {
        to: Register,
        kind: HearKind,
        base: Register,
        count: u16,
        otherwise: Option<Register>,
    },
    /// Ends the script, from inside of procedures too.
    End {
        value: Register,
    },
    /// Calls a procedure of the program: its first `count` variables take the arguments from `base` on.
    Invoke {
        procedure: u16,
        to: Register,
        base: Register,
        count: u16,
    },
    /// Ends the procedure; the value arrives where its call says.
    Return {
        value: Register,
    },
    /// Runs another script of the bot, whose name is a text constant.
    Script {
        name: u32,
        to: Register,
        base: Register,
        count: u16,
    },
    Sleep {
        seconds: Register,
    },
    /// Says what an error in this procedure does: see [`Trap`].
    SetTrap {
        trap: u32,
    },
    /// Keeps the trap in a register, as a number.
    SaveTrap {
        to: Register,
    },
    RestoreTrap {
        from: Register,
    },
    /// Begins a statement after which a script that resumes goes on at `next`.
    Guard {
        next: u32,
    },
}

/// What an error does in a procedure, as the number that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// Ends it, and goes on looking in its caller.
    Off,
    /// Goes on with the next statement.
    Next,
    /// Switches the trap off and goes there.
    Goto(u32),
}

impl Trap {
    pub fn number(self) -> u32 {
        match self {
            Trap::Off => 0,
            Trap::Next => 1,
            Trap::Goto(target) => target.saturating_add(2),
        }
    }

    /// Whether code of this length has the place to which it leads.
    pub fn fits(self, length: usize) -> bool {
        !matches!(self, Trap::Goto(target) if target as usize >= length)
    }

    pub fn of(number: u32) -> Trap {
        match number {
            0 => Trap::Off,
            1 => Trap::Next,
            other => Trap::Goto(other - 2),
        }
    }
}

/// In procedures other than the script itself, registers below this are the variables of the script;
/// their own variables and temporaries lie above.
pub(crate) const OWN_FROM: Register = 50_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Constant {
    Null,
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Constant {
    pub fn to_value(&self) -> Value {
        match self {
            Constant::Null => Value::Null,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Integer(value) => Value::Integer(*value),
            Constant::Number(value) => Value::Number(*value),
            Constant::Text(text) => Value::text(text.as_str()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Procedure {
    pub name: String,
    /// Names by register; empty for those that the compiler made for itself.
    pub variables: Vec<String>,
    /// Variables and temporaries together.
    pub registers: u16,
    pub code: Vec<Instruction>,
    /// Where in the source the code comes from, ascending by `from`.
    pub places: Vec<Place>,
}

/// The place in the source of all instructions from `from` on, until the next place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub from: u32,
    pub line: u32,
    pub column: u32,
}

impl Procedure {
    /// Line and column of an instruction.
    pub fn place(&self, instruction: usize) -> (u32, u32) {
        let after = self
            .places
            .partition_point(|place| place.from as usize <= instruction);
        let place = after.checked_sub(1).and_then(|at| self.places.get(at));
        place.map_or((0, 0), |place| (place.line, place.column))
    }
}

// Code is walked through by the million: an instruction fits a quarter of a cache line.
const _: () = assert!(size_of::<Instruction>() == 16);
