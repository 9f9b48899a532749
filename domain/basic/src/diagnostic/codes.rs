//! Every code a diagnostic can carry. A code keeps its meaning for ever; new mistakes get new codes.

use super::Severity::{self, Error, Warning};

#[derive(Clone, Copy)]
pub(crate) struct Code {
    pub name: &'static str,
    pub severity: Severity,
}

const fn code(name: &'static str, severity: Severity) -> Code {
    Code { name, severity }
}

// Characters and literals.
pub(crate) const SOURCE_TOO_LONG: Code = code("B0001", Error);
pub(crate) const UNCLOSED_TEXT: Code = code("B0002", Error);
pub(crate) const STRANGE_CHARACTER: Code = code("B0003", Error);
pub(crate) const NUMBER_TOO_LARGE: Code = code("B0004", Error);
pub(crate) const UNCLOSED_BRACKET: Code = code("B0005", Error);
pub(crate) const UNCLOSED_TEXT_BLOCK: Code = code("B0006", Error);
pub(crate) const UNOPENED_BRACKET: Code = code("B0007", Error);

// Statements and expressions.
pub(crate) const UNKNOWN_STATEMENT: Code = code("B0101", Error);
pub(crate) const EXPECTED: Code = code("B0102", Error);
pub(crate) const UNEXPECTED_REST: Code = code("B0103", Error);
pub(crate) const TOO_DEEP: Code = code("B0104", Error);
pub(crate) const TOO_LARGE: Code = code("B0105", Error);

// Blocks.
pub(crate) const UNCLOSED_BLOCK: Code = code("B0201", Error);
pub(crate) const UNOPENED_BLOCK: Code = code("B0202", Error);
pub(crate) const EXIT_OUTSIDE: Code = code("B0203", Error);
pub(crate) const OTHER_LOOP: Code = code("B0204", Error);
pub(crate) const AFTER_ELSE: Code = code("B0205", Error);

// Names.
pub(crate) const UNKNOWN_FUNCTION: Code = code("B0301", Error);
pub(crate) const ARGUMENT_COUNT: Code = code("B0302", Error);
pub(crate) const NOT_ASSIGNABLE: Code = code("B0303", Error);
pub(crate) const UNKNOWN_TYPE: Code = code("B0304", Error);
pub(crate) const NOT_AVAILABLE: Code = code("B0305", Error);
pub(crate) const RESERVED: Code = code("B0306", Error);

// Things that run, perhaps not as meant.
pub(crate) const NEVER_SET: Code = code("B0401", Warning);
pub(crate) const UNREACHABLE: Code = code("B0402", Warning);
pub(crate) const HIDES_FUNCTION: Code = code("B0403", Warning);
pub(crate) const DESCRIBED_TWICE: Code = code("B0404", Warning);
