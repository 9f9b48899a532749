//! Looks for inputs that nobody thought of: each target takes bytes and says what must hold for any of them.
//!
//! Inputs begin as scripts, states and documents as they are meant, and are changed as somebody hostile or clumsy would.
//! Where the compiler was told to count which places are reached (`make fuzz`), an input that reaches a new one is kept and
//! changed further. What is found is made as small as it gets and written to `corpus/`, which the tests replay.

mod attempt;
pub mod corpus;
mod coverage;
mod memory;
mod mutate;
mod pool;
mod shrink;
pub mod supervise;
pub mod targets;
pub mod work;

pub use attempt::{Finding, attempt};

/// Whether an input is worth to be changed further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// If it reaches a new place.
    Perhaps,
    /// It was refused at the door, and the target is about what lies behind.
    Nothing,
}

/// Something that must hold and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What must hold, in a few words; names the violation.
    pub property: &'static str,
    pub detail: String,
}

impl Violation {
    pub fn new(property: &'static str, detail: impl Into<String>) -> Violation {
        Violation {
            property,
            detail: detail.into(),
        }
    }
}

/// What inputs look like, which decides how they are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Script,
    Condition,
    Json,
    Bytes,
}

impl Kind {
    /// How files of this kind end.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Script => "bas",
            Kind::Condition => "txt",
            Kind::Json => "json",
            Kind::Bytes => "bin",
        }
    }
}

/// A long text takes memory for its words, its tree and its instructions.
pub const MEMORY_PER_BYTE: usize = 512;

/// Something that takes any bytes.
pub struct Target {
    pub name: &'static str,
    /// What must hold.
    pub about: &'static str,
    pub kind: Kind,
    /// Longer inputs are not changed further.
    pub bytes_max: usize,
    /// Now and then a part of an input is repeated until the input is so long; 0 where that shows nothing.
    pub repeated_max: usize,
    /// Bytes of memory that one input may take at once, and [`MEMORY_PER_BYTE`] more for each byte beyond `bytes_max`.
    pub memory_max: usize,
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    pub run: fn(&[u8]) -> Result<Worth, Violation>,
}
