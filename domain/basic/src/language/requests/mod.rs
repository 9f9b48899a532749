//! Words that ask the host for something and go on with its answer: memory, tables, models, the web, messages, files.
//!
//! What a word is given stands in the request as values; what a clause such as `WHERE` or `USING` is given, under the
//! clause's name. The machine knows nothing of what becomes of it.

mod automation;
mod conversation;
mod data;
mod files;
mod memory;
mod messages;
mod models;
mod team;
mod web;

use super::{Arguments, Role, Word};
use crate::machine::{Context, Fault, Request};
use crate::value::Value;

/// How a request is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub arguments: Arguments,
    pub clauses: &'static [Clause],
    /// `=` may stand for the first comma.
    pub assigns: bool,
    /// Commas may be left out.
    pub loose: bool,
    /// The first argument may be a word without quotes.
    pub named: bool,
    /// `name (a, b) VALUES (1, 2)`
    pub columned: bool,
    /// Tells the names of variables that are arguments, under `names`.
    pub naming: bool,
    /// The name alone, without parentheses, asks for it.
    pub bare: bool,
    /// The argument that is a condition.
    pub condition_at: Option<u8>,
    /// What the machine can answer by itself.
    pub local: Option<Local>,
}

/// Answers without the host, if the arguments are of that kind.
pub(crate) type Local = fn(&mut Context<'_>, &mut Request) -> Result<Option<Value>, Fault>;

/// A word within a request, and what stands behind it.
#[derive(Debug)]
pub(crate) struct Clause {
    pub word: &'static str,
    pub takes: Takes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Value,
    /// `a, b, c`
    Values,
    /// `name = value, name AS value`, or an object.
    Fields,
    /// `field = value AND …`, or a text that says so.
    Condition,
    /// `field DESC, field`
    Order,
    /// A word without quotes, or a value.
    Name,
    /// Everything up to the end, as it stands there, with the variables in it.
    Rest,
}

impl Shape {
    /// The object of clauses comes as the last argument.
    pub const fn has_clauses(&self) -> bool {
        !self.clauses.is_empty() || self.naming
    }
}

const fn clause(word: &'static str, takes: Takes) -> Clause {
    Clause { word, takes }
}

const fn value(word: &'static str) -> Clause {
    clause(word, Takes::Value)
}

const fn flag(word: &'static str) -> Clause {
    clause(word, Takes::Nothing)
}

const fn fields(word: &'static str) -> Clause {
    clause(word, Takes::Fields)
}

const fn name(word: &'static str) -> Clause {
    clause(word, Takes::Name)
}

const WHERE: Clause = clause("WHERE", Takes::Condition);

const fn request(
    name: &'static str,
    aliases: &'static [&'static str],
    form: &'static str,
    help: &'static str,
    (least, most): (u8, u8),
    clauses: &'static [Clause],
) -> Word {
    let shape = Shape {
        arguments: Arguments::new(least, most),
        clauses,
        assigns: false,
        loose: false,
        named: false,
        columned: false,
        naming: false,
        bare: false,
        condition_at: None,
        local: None,
    };
    Word {
        name,
        aliases,
        form,
        help,
        role: Role::Request(shape),
    }
}

impl Word {
    const fn assigning(mut self) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.assigns = true;
        }
        self
    }

    const fn loose(mut self) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.loose = true;
        }
        self
    }

    const fn named(mut self) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.named = true;
        }
        self
    }

    const fn columned(mut self) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.columned = true;
        }
        self
    }

    const fn naming(mut self) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.naming = true;
        }
        self
    }

    const fn with_condition_at(mut self, argument: u8) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.condition_at = Some(argument);
        }
        self
    }

    const fn locally(mut self, local: Local) -> Word {
        if let Role::Request(shape) = &mut self.role {
            shape.local = Some(local);
        }
        self
    }
}

pub(super) const CHAPTERS: [&[Word]; 9] = [
    conversation::WORDS,
    memory::WORDS,
    models::WORDS,
    data::WORDS,
    web::WORDS,
    messages::WORDS,
    files::WORDS,
    team::WORDS,
    automation::WORDS,
];
