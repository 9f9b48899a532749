//! What is told to the author of a script about its mistakes.

mod codes;
mod explained;

use codes::mend;
pub(crate) use codes::*;
pub use explained::{EXPLANATIONS, Explanation, RUNTIME};

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::source::{Lines, Span};

/// A mistake, or something that looks like one, at a place in a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable: `B` and four digits. The first two name the kind of mistake.
    pub code: String,
    pub severity: Severity,
    pub message: String,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// Byte offsets into the source.
    pub start: usize,
    pub end: usize,
    pub help: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The script does not run.
    Error,
    /// The script runs, perhaps not as meant.
    Warning,
}

impl Diagnostic {
    /// Renders the diagnostic for a terminal: message, place, the line itself with the text underlined, help.
    pub fn render(&self, file: &str, source: &str) -> String {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (before, marked, after) = self.line_parts(source);
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let blank: String = before
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let carets = "^".repeat(marked.chars().count().max(1));
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{severity}[{}]: {}", self.code, self.message);
        let _ = writeln!(out, "{gutter}--> {file}:{}:{}", self.line, self.column);
        let _ = writeln!(out, "{gutter} |");
        let _ = writeln!(out, "{number} | {before}{marked}{after}");
        let _ = writeln!(out, "{gutter} | {blank}{carets}");
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{gutter} = help: {help}");
        }
        out
    }

    /// The line the diagnostic is on, split around the part of it that is meant.
    fn line_parts<'s>(&self, source: &'s str) -> (&'s str, &'s str, &'s str) {
        let start = floor_boundary(source, self.start);
        let end = floor_boundary(source, self.end.max(start));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let end = end.min(line_end);
        // A line can be as long as the source: only what is near the mistake helps.
        let line_start = line_start.max(floor_boundary(source, start.saturating_sub(SHOWN_BYTES_MAX)));
        let end = end.min(floor_boundary(source, start.saturating_add(SHOWN_BYTES_MAX)));
        let line_end = line_end.min(floor_boundary(source, end.saturating_add(SHOWN_BYTES_MAX)));
        let before = source[line_start..start].trim_start_matches('\u{feff}');
        (
            before,
            source[start..end].trim_end_matches('\r'),
            source[end..line_end].trim_end_matches('\r'),
        )
    }
}

/// `offset` or the nearest place before it that is not inside a character: diagnostics may be
/// rendered against a source that has changed since.
fn floor_boundary(source: &str, offset: usize) -> usize {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// How much of a line is shown before, under and after the mark.
const SHOWN_BYTES_MAX: usize = 300;

/// How the codes of mistakes in characters and literals begin.
const LEXICAL: &str = "B00";

/// Most diagnostics reported for one script: nobody reads the hundredth.
const REPORTED_MAX: usize = 100;

/// Collects diagnostics while a script is compiled.
pub(crate) struct Report<'s> {
    lines: Lines<'s>,
    diagnostics: Vec<Diagnostic>,
    closed: bool,
}

impl<'s> Report<'s> {
    pub fn new(source: &'s str) -> Report<'s> {
        Report {
            lines: Lines::new(source),
            diagnostics: Vec::new(),
            closed: false,
        }
    }

    pub fn add(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.push(code, span, message.into(), None);
    }

    pub fn add_with_help(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(code, span, message.into(), Some(help.into()));
    }

    /// With a help line where there is one.
    pub fn push(&mut self, code: Code, span: Span, message: String, help: Option<String>) {
        if self.closed || code.severity == Severity::Warning && !self.takes_warnings() {
            return;
        }
        let (line, column) = self.place(span.start);
        let (start, end) = (span.start as usize, span.end as usize);
        let twice = |known: &Diagnostic| known.start == start && known.severity == code.severity;
        if self.diagnostics.iter().any(twice) {
            return; // One mistake, told once: what follows at the same place is its consequence.
        }
        // What is not even made of words cannot be understood either.
        let unreadable = |known: &Diagnostic| known.line == line && known.code.starts_with(LEXICAL);
        if [EXPECTED.name, UNEXPECTED_REST.name].contains(&code.name)
            && self.diagnostics.iter().any(unreadable)
        {
            return;
        }
        self.diagnostics.push(Diagnostic {
            code: code.name.to_owned(),
            severity: code.severity,
            message,
            line,
            column,
            start,
            end,
            help: help.or_else(|| mend(code.name).map(str::to_owned)),
        });
        self.closed = self.diagnostics.len() >= REPORTED_MAX && code.severity == Severity::Error;
    }

    /// Takes no more: what comes after is only a consequence.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether a warning would still be taken.
    pub fn takes_warnings(&self) -> bool {
        !self.closed && self.diagnostics.len() < REPORTED_MAX
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Line and column of a byte offset.
    pub fn place(&self, offset: u32) -> (u32, u32) {
        self.lines.place(offset)
    }

    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.diagnostics
            .sort_by_key(|diagnostic| (diagnostic.start, diagnostic.severity));
        self.diagnostics
    }
}
