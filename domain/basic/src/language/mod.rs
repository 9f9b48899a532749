//! The one table of the words of the dialect: what each is called, how it is written, what it does.
//!
//! Parser, compiler and machine all work from it: the parser finds statements and functions by name, the
//! compiler checks numbers of arguments, a loaded program finds what it calls, and suggestions for
//! misspelt words come from the same names. A new function or effect is one entry here and the Rust
//! function that it names.

mod analysis;
mod calendar;
mod conditions;
mod date_patterns;
mod dates;
mod dialogs;
mod effects;
mod errors;
mod examples;
mod formats;
mod ids;
mod lists;
mod logic;
mod maths;
mod records;
mod reference;
pub(crate) mod requests;
mod spelling;
mod statements;
mod sublists;
mod tables;
mod texts;

pub use conditions::{Comparison, Condition};
pub(crate) use conditions::{Work, hole};
pub use reference::{Entry, EntryKind, reference};
pub(crate) use requests::{Clause, Shape, Takes};
pub(crate) use spelling::{nearest, translated};
pub(crate) use tables::{met, of_rows};

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::machine::{Context, Effect, Fault};
use crate::parser::Parser;
use crate::source::Span;
use crate::syntax::Statement;
use crate::value::Value;

/// A word of the dialect, or several that belong together.
#[derive(Debug)]
pub(crate) struct Word {
    /// In capitals, words separated by one space. Compiled programs name functions and effects by it.
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// How it is written, for the reference and for help in diagnostics.
    pub form: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
    pub role: Role,
}

#[derive(Debug)]
pub(crate) enum Role {
    /// A statement with a grammar of its own. The parser stands behind the word.
    Statement(ParseStatement),
    /// Continues or closes a block that another word opened.
    Closer(Closer),
    /// A statement with a list of arguments that makes the host do something.
    Effect {
        arguments: Arguments,
        perform: fn(&mut [Value]) -> Result<Effect, Fault>,
    },
    /// Something that gives a value.
    Function(Function),
    /// Something that the host is asked for, whose answer is the value.
    Request(Shape),
}

type Call = fn(&mut Context<'_>, &mut [Value]) -> Result<Value, Fault>;

pub(crate) type ParseStatement = fn(&mut Parser<'_, '_>, Span) -> Option<Statement>;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments {
    pub least: u8,
    /// 255 stands for any number.
    pub most: u8,
    /// A word that may stand in place of a comma.
    pub separator: Option<&'static str>,
}

impl Arguments {
    pub const fn new(least: u8, most: u8) -> Arguments {
        Arguments {
            least,
            most,
            separator: None,
        }
    }

    pub fn takes(&self, count: usize) -> bool {
        count >= usize::from(self.least) && (self.most == 255 || count <= usize::from(self.most))
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Function {
    pub arguments: Arguments,
    pub call: fn(&mut Context<'_>, &mut [Value]) -> Result<Value, Fault>,
    /// Whether the work grows with the arguments, so that it counts as more than one step.
    pub linear: bool,
    /// Whether the first argument, when it is a variable, is changed.
    pub changes: Changes,
    /// Whether the name alone, without parentheses, calls it.
    pub bare: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    Nothing,
    /// As a statement, the variable becomes the result.
    AsStatement,
    /// The function leaves in its first argument what the variable becomes.
    Always,
}

/// What a closing or continuing word belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closer {
    Else,
    ElseIf,
    EndIf,
    Next,
    EndFor,
    Wend,
    Loop,
    Case,
    CaseElse,
    EndSelect,
    EndSub,
    EndFunction,
    EndWith,
    Catch,
    EndTry,
    EndOn,
}

impl Closer {
    /// Whether it closes a block and does not only continue it.
    pub fn closes(self) -> bool {
        !matches!(
            self,
            Closer::Else | Closer::ElseIf | Closer::Case | Closer::CaseElse | Closer::Catch
        )
    }
}

const fn function(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    help: &'static str,
    (least, most): (u8, u8),
    call: fn(&mut Context<'_>, &mut [Value]) -> Result<Value, Fault>,
) -> Word {
    let arguments = Arguments::new(least, most);
    let function = Function {
        arguments,
        call,
        linear: true,
        changes: Changes::Nothing,
        bare: false,
    };
    Word {
        name,
        aliases,
        form,
        help,
        role: Role::Function(function),
    }
}

impl Word {
    /// For functions whose work does not grow with their arguments.
    const fn constant(mut self) -> Word {
        if let Role::Function(function) = &mut self.role {
            function.linear = false;
        }
        self
    }

    const fn bare(mut self) -> Word {
        match &mut self.role {
            Role::Function(function) => function.bare = true,
            Role::Request(shape) => shape.bare = true,
            _ => {}
        }
        self
    }

    const fn changing(mut self, changes: Changes) -> Word {
        if let Role::Function(function) = &mut self.role {
            function.changes = changes;
        }
        self
    }

    const fn separated_by(mut self, word: &'static str) -> Word {
        if let Role::Function(Function { arguments, .. })
        | Role::Effect { arguments, .. }
        | Role::Request(Shape { arguments, .. }) = &mut self.role
        {
            arguments.separator = Some(word);
        }
        self
    }

    /// How many arguments the word takes, if it is called with arguments at all.
    pub fn arguments(&self) -> Option<Arguments> {
        match &self.role {
            Role::Function(function) => Some(function.arguments),
            Role::Effect { arguments, .. } => Some(*arguments),
            Role::Request(shape) => Some(shape.arguments),
            _ => None,
        }
    }

    pub fn takes(&self, count: usize) -> bool {
        self.arguments().is_some_and(|arguments| arguments.takes(count))
    }

    /// The same for a call in a program, where clauses are one argument more.
    pub fn is_called_with(&self, count: usize) -> bool {
        match &self.role {
            Role::Request(shape) if shape.has_clauses() => count > 0 && self.takes(count - 1),
            _ => self.takes(count),
        }
    }

    pub fn function(&self) -> Option<&Function> {
        match &self.role {
            Role::Function(function) => Some(function),
            _ => None,
        }
    }
}

const CHAPTERS: [&[Word]; 15] = [
    statements::WORDS,
    effects::WORDS,
    errors::WORDS,
    dialogs::WORDS,
    texts::WORDS,
    maths::WORDS,
    analysis::WORDS,
    dates::WORDS,
    calendar::WORDS,
    formats::WORDS,
    lists::WORDS,
    sublists::WORDS,
    records::WORDS,
    logic::WORDS,
    ids::WORDS,
];

static TABLE: LazyLock<HashMap<&'static str, &'static Word>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for word in words() {
        for name in word.aliases.iter().chain([&word.name]) {
            table.insert(*name, word);
        }
    }
    table
});

/// Every entry, chapter by chapter.
pub(crate) fn words() -> impl Iterator<Item = &'static Word> {
    CHAPTERS
        .iter()
        .chain(&requests::CHAPTERS)
        .flat_map(|chapter| chapter.iter())
}

/// Most words in one name of the table.
pub(crate) const PHRASE_WORDS_MAX: usize = 4;

/// The entry of this name, in capitals with single spaces.
pub(crate) fn find(name: &str) -> Option<&'static Word> {
    TABLE.get(name).copied()
}

/// The function or effect that a compiled program calls by this name.
pub(crate) fn callable(name: &str) -> Option<&'static Word> {
    find(name).filter(|word| word.name == name && word.arguments().is_some())
}

/// Every name and alias, for suggestions.
pub(crate) fn names() -> impl Iterator<Item = (&'static str, &'static Word)> {
    TABLE.iter().map(|(name, word)| (*name, *word))
}

/// Words with a meaning of their own inside of expressions and statements: no variable can have their name.
pub(crate) const RESERVED: &[&str] = &[
    "AND", "OR", "NOT", "MOD", "IS", "NULL", "TRUE", "FALSE", "IF", "THEN", "ELSE", "ELSEIF", "ENDIF", "FOR",
    "NEXT", "WHILE", "WEND", "DO", "LOOP", "UNTIL", "NEW",
];

/// Variables that hosts provide; reading one that a script never sets is no mistake.
pub(crate) const PROVIDED: &[&str] = &[
    "user",
    "language",
    "session",
    "bot",
    "channel",
    "role",
    "from",
    "username",
    "mobile",
    "session_id",
    "user_id",
    "params",
    "body",
    "headers",
    "method",
    "path",
    "error",
    "err",
    "trigger_row_id",
    "trigger_operation",
    "trigger_table",
    "trigger_timestamp",
    "trigger_user",
    "trigger_rows",
    "trigger_old_values",
    "trigger_new_values",
    "trigger_values_omitted",
    "trigger_path",
    "trigger_files",
    "trigger_event",
    "trigger_data",
    "today",
    "now",
];
