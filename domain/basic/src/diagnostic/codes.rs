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
pub(crate) const NESTED_PROCEDURE: Code = code("B0206", Error);

// Names.
pub(crate) const UNKNOWN_FUNCTION: Code = code("B0301", Error);
pub(crate) const ARGUMENT_COUNT: Code = code("B0302", Error);
pub(crate) const NOT_ASSIGNABLE: Code = code("B0303", Error);
pub(crate) const UNKNOWN_TYPE: Code = code("B0304", Error);
// B0305 was for words that earlier versions did not have.
pub(crate) const RESERVED: Code = code("B0306", Error);
pub(crate) const DEFINED_TWICE: Code = code("B0307", Error);
pub(crate) const UNKNOWN_LABEL: Code = code("B0308", Error);

pub(crate) const BAD_FIELD: Code = code("B0309", Error);
pub(crate) const UNKNOWN_FIELD_TYPE: Code = code("B0310", Error);

// Things that run, perhaps not as meant.
pub(crate) const NEVER_SET: Code = code("B0401", Warning);
pub(crate) const UNREACHABLE: Code = code("B0402", Warning);
pub(crate) const HIDES_FUNCTION: Code = code("B0403", Warning);
pub(crate) const DESCRIBED_TWICE: Code = code("B0404", Warning);
// B0405 was for files of several tools, of which earlier versions called the first alone.
pub(crate) const ENDLESS: Code = code("B0406", Warning);
pub(crate) const UNKNOWN_MODIFIER: Code = code("B0407", Warning);
pub(crate) const OWN_FIELD: Code = code("B0408", Warning);
pub(crate) const PARAMETER_TYPE: Code = code("B0409", Warning);
pub(crate) const CONDITION: Code = code("B0410", Warning);
pub(crate) const EXIT_SCRIPT: Code = code("B0411", Warning);

// Things that the package does not have.
pub(crate) const UNKNOWN_TOOL: Code = code("B0501", Warning);
pub(crate) const UNKNOWN_SCRIPT: Code = code("B0502", Warning);
pub(crate) const UNKNOWN_TABLE: Code = code("B0503", Warning);
pub(crate) const UNKNOWN_FIELD: Code = code("B0504", Warning);

/// How a mistake of this kind is mended, where its place has no better advice.
pub(super) fn mend(code: &str) -> Option<&'static str> {
    let kinds: &[(Code, &str)] = &[
        (
            STRANGE_CHARACTER,
            "take it out, or put it into quotes if it belongs to a text",
        ),
        (NUMBER_TOO_LARGE, "write a number of fewer digits"),
        (
            UNCLOSED_BRACKET,
            "add the bracket that closes it: ( with ), [ with ], { with }",
        ),
        (
            UNOPENED_BRACKET,
            "take it out, or add the bracket that opens before it",
        ),
        (
            UNKNOWN_STATEMENT,
            "a statement begins with a keyword such as TALK, or sets a variable: name = value",
        ),
        (
            UNEXPECTED_REST,
            "texts stand in quotes, values are separated by commas, and each statement has its own line",
        ),
        (
            UNOPENED_BLOCK,
            "take it out, or begin the block before it: IF … THEN, FOR …, WHILE …, DO … or SELECT CASE …",
        ),
        (EXIT_OUTSIDE, "take it out, or write EXIT to end the script"),
        (EXIT_SCRIPT, "write EXIT, which says so"),
        (
            OTHER_LOOP,
            "write NEXT without a name, or close the inner loop first",
        ),
        (
            AFTER_ELSE,
            "ELSE comes last and once: write ELSE IF condition THEN before it",
        ),
        (
            UNKNOWN_FUNCTION,
            "is it misspelt? LEN(text) and ROUND(number, 2) are functions; items of a list stand in [ ]",
        ),
        (
            NOT_ASSIGNABLE,
            "write name = value, or list[0] = value for an item of a list",
        ),
        (
            RESERVED,
            "choose another name, for example with a word before it: my_name",
        ),
    ];
    kinds
        .iter()
        .find(|(kind, _)| kind.name == code)
        .map(|(_, mend)| *mend)
}
