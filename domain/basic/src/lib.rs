//! The BASIC dialect in which bots are written: lexer, parser, compiler and a machine that can be put away
//! in the middle of a conversation and taken up again.
//!
//! Everything here is a pure function of its input: no clock, no threads, no input or output. A script is
//! [`compile`]d to a [`Program`]; a [`Machine`] runs it and answers each [`Machine::run`] with a [`Step`]:
//! an effect that the host performs, a question that waits for an answer, or an end. Between two steps the
//! machine is plain data, so the host stores it and another process goes on.

mod compiler;
mod diagnostic;
mod language;
mod lexer;
mod machine;
mod parser;
mod program;
mod source;
mod syntax;
mod value;

pub use diagnostic::{Diagnostic, EXPLANATIONS, Explanation, RUNTIME, Severity};
pub use language::{Comparison, Condition, Entry, EntryKind, reference};
pub use machine::{
    Answer, Called, Effect, File, Hear, HearKind, Input, Limits, LogLevel, Machine, Refusal, Request,
    RuntimeError, Start, Step, Suggestion, SuggestionAction,
};
pub use parser::mentions::Known;
pub use program::{
    Declared, FieldKind, FormatError, Parameter, Program, ProgramHash, RowOperation, Table, TableField,
    Trigger,
};
pub use value::{Array, Object, Value};

use parser::mentions::Mention;

/// What compiling a script gave.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// Absent exactly when a diagnostic is an error.
    pub program: Option<Program>,
    /// In the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// The tables that the script declares, also where it does not compile.
    pub tables: Vec<Table>,
    mentions: Vec<Mention>,
}

impl Compilation {
    /// What the script names of its package and the package does not have. `source` is the one that was compiled.
    pub fn unknown(&self, source: &str, known: &Known) -> Vec<Diagnostic> {
        parser::mentions::unknown(source, &self.mentions, known)
    }
}

/// Compiles a script. `name` is how the script is called by others: its file name without `.bas`.
///
/// Finds all mistakes in one pass. Never panics, whatever the source.
pub fn compile(name: &str, source: &str) -> Compilation {
    let mut report = diagnostic::Report::new(source);
    let mut script = parser::parse(source, &mut report);
    let mentions = script.as_mut().map(|script| std::mem::take(&mut script.mentions));
    let tables = script.as_ref().map(|script| script.declared.tables.clone());
    let program = script.and_then(|script| compiler::compile(name, script, &mut report));
    let diagnostics = report.finish();
    let failed = diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error);
    Compilation {
        program: program.filter(|_| !failed),
        diagnostics,
        tables: tables.unwrap_or_default(),
        mentions: mentions.unwrap_or_default(),
    }
}
