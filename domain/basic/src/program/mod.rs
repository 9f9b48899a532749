//! Compiled scripts.

mod declared;
mod fast;
mod format;
mod instruction;
mod operation;
mod tool;
mod validate;

pub use declared::{Declared, FieldKind, RowOperation, Table, TableField, Trigger};
pub(crate) use fast::Operations;
pub use format::FormatError;
pub(crate) use format::open;
pub(crate) use instruction::{Constant, Instruction, OWN_FROM, Place, Procedure, Register, Trap};
pub(crate) use operation::{Lies, Op, Operand};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use triomphe::Arc;

use crate::language::Word;
use crate::value::Value;

/// A compiled script, ready to be run by any number of machines.
#[derive(Clone, Debug)]
pub struct Program {
    pub(crate) code: Code,
    declared: Declared,
    /// Functions and effects that the code calls, by their number in `code.imports`.
    pub(crate) imports: Vec<&'static Word>,
    /// The operations of each procedure.
    pub(crate) operations: Vec<Operations>,
    /// How many steps may be taken before the count of them is looked at again: as many as the longest procedure has.
    pub(crate) longest: u64,
    /// Short texts among the constants, as keys of objects: shared by all objects that the program makes.
    pub(crate) keys: Vec<Option<Arc<str>>>,
    /// The constants of the code as values.
    pub(crate) constants: Vec<Value>,
    bytes: Vec<u8>,
    hash: ProgramHash,
}

/// What is stored of a program. Fields are only ever added with a new format version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub name: String,
    pub description: Option<String>,
    pub parameters: Vec<Parameter>,
    pub constants: Vec<Constant>,
    /// Names of functions and effects: a program finds them by name, so that the table may grow.
    pub imports: Vec<String>,
    /// The first one is the script itself.
    pub procedures: Vec<Procedure>,
}

/// A parameter that the script declares with PARAM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    /// As written, in lower case: `string`, `integer`, `date`, …
    pub kind: String,
    /// The sample after LIKE.
    pub example: Option<String>,
    pub description: Option<String>,
    pub optional: bool,
    /// Values it is limited to; empty for no limit.
    pub choices: Vec<String>,
}

impl Program {
    pub fn name(&self) -> &str {
        &self.code.name
    }

    /// What DESCRIPTION says.
    pub fn description(&self) -> Option<&str> {
        self.code.description.as_deref()
    }

    pub fn parameters(&self) -> &[Parameter] {
        &self.code.parameters
    }

    /// The tables and triggers that the script declares.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The scripts that this one calls, in the order of their first mention.
    pub fn calls(&self) -> Vec<&str> {
        let mut names = Vec::new();
        for instruction in self.code.procedures.iter().flat_map(|procedure| &procedure.code) {
            if let Instruction::Script { name, .. } = instruction
                && let Some(Constant::Text(name)) = self.code.constants.get(*name as usize)
                && !names.contains(&name.as_str())
            {
                names.push(name.as_str());
            }
        }
        names
    }

    /// The same program, run instruction by instruction: what the machine's quick operations are compared with.
    pub fn unhurried(&self) -> Program {
        let plain = |operations: &Operations| Operations {
            ops: vec![Op::Plain; operations.ops.len()],
            ..*operations
        };
        Program {
            operations: self.operations.iter().map(plain).collect(),
            ..self.clone()
        }
    }

    pub fn hash(&self) -> ProgramHash {
        self.hash
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

/// SHA-256 of a program's bytes: what a stored state refers to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProgramHash(pub [u8; 32]);

impl fmt::Display for ProgramHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ProgramHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProgramHash({self})")
    }
}

impl FromStr for ProgramHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<ProgramHash, hex::FromHexError> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(ProgramHash(hash))
    }
}
