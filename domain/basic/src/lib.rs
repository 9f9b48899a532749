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

use std::collections::HashSet;

use parser::mentions::Mention;

/// What compiling a file gave.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// Absent exactly when a diagnostic is an error. Of a file that holds several tools the first one.
    pub program: Option<Program>,
    /// The further tools of the file, none of which has an error; each is called `file#words-of-its-description`.
    pub tools: Vec<Program>,
    /// In the order of the source.
    pub diagnostics: Vec<Diagnostic>,
    /// The tables that the file declares, also where it does not compile.
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
    let (mut mentions, mut tables, mut programs) = (Vec::new(), Vec::new(), Vec::new());
    let mut names = HashSet::new();
    for (number, mut script) in parser::parse(source, &mut report).into_iter().enumerate() {
        mentions.append(&mut script.mentions);
        tables.extend(script.declared.tables.iter().cloned());
        let name = match number {
            0 => name.to_owned(),
            _ => tool_name(name, &script, number, &mut names),
        };
        programs.extend(compiler::compile(&name, script, &mut report));
    }
    let diagnostics = report.finish();
    if diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
    {
        programs.clear();
    }
    let mut programs = programs.into_iter();
    Compilation {
        program: programs.next(),
        tools: programs.collect(),
        diagnostics,
        tables,
        mentions,
    }
}

/// The name of a tool that is not the first of its file: two of the same words are told apart by their numbers.
fn tool_name(file: &str, script: &syntax::Script, number: usize, names: &mut HashSet<String>) -> String {
    let slug = parser::sections::slug(script.description.as_deref().unwrap_or_default());
    let name = match slug.as_str() {
        "" => format!("{file}#{}", number + 1),
        slug => format!("{file}#{slug}"),
    };
    let mut free = name.clone();
    let mut at = number;
    while !names.insert(free.clone()) {
        at += 1;
        free = format!("{name}-{at}");
    }
    free
}
