//! What names in a query mean: tables by their alias, fields of these, variables of the script.

use std::sync::Arc;

use basic::{Refusal, Value};
use sqlparser::ast::{Expr, Ident, ObjectNamePart};

use super::super::definition::{Column, Definition};
use super::super::quoted;
use super::query::general;
use super::{Typed, Writer};

/// A table within a query.
pub(super) struct Source {
    /// In lower case.
    pub alias: String,
    /// The alias, quoted.
    pub sql: String,
    pub definition: Arc<Definition>,
}

impl Source {
    pub fn new(alias: String, definition: Arc<Definition>) -> Source {
        Source {
            sql: quoted(&alias),
            alias,
            definition,
        }
    }

    pub fn column(&self, column: &Column) -> Typed {
        Typed::new(format!("{}.{}", self.sql, column.sql), general(column.kind))
    }
}

/// The tables that a part of a query sees: those of its own query, then those of the query around it.
pub(super) struct Scope<'s> {
    pub sources: Vec<Source>,
    outer: Option<&'s Scope<'s>>,
}

impl<'s> Scope<'s> {
    pub fn within(outer: Option<&'s Scope<'s>>) -> Scope<'s> {
        Scope {
            sources: Vec::new(),
            outer,
        }
    }

    /// The field of this name. Two tables that have it make it unclear.
    pub fn find(&self, name: &str) -> Result<Option<(&Source, &Column)>, Refusal> {
        let mut found = self
            .sources
            .iter()
            .filter_map(|source| Some((source, source.definition.column(name)?)));
        match (found.next(), found.next()) {
            (Some((a, _)), Some((b, _))) => {
                let message = format!(
                    "`{name}` is a field of {} and of {}; say which with its table: {}.{name}",
                    a.definition.table.name, b.definition.table.name, a.alias
                );
                Err(Refusal::mistake("field_ambiguous", message))
            }
            (Some(one), None) => Ok(Some(one)),
            (None, _) => match self.outer {
                Some(outer) => outer.find(name),
                None => Ok(None),
            },
        }
    }

    pub fn source(&self, alias: &str) -> Option<&Source> {
        let own = self.sources.iter().find(|source| source.alias == alias);
        own.or_else(|| self.outer?.source(alias))
    }
}

/// A name as fields are looked up by it.
pub(super) fn plain(name: &Ident) -> String {
    name.value.to_lowercase()
}

/// What a column is called that says no name.
pub(super) fn name_of(expression: &Expr, scope: &Scope<'_>) -> Option<String> {
    match expression {
        Expr::Identifier(name) => match scope.find(&plain(name)) {
            Ok(Some((_, column))) => Some(column.name.clone()),
            _ => Some(name.value.clone()),
        },
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        Expr::Function(function) => match function.name.0.last() {
            Some(ObjectNamePart::Identifier(name)) => Some(plain(name)),
            _ => None,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => name_of(expr, scope),
        _ => None,
    }
}

impl Writer<'_> {
    /// A variable of the script, in any capitalisation.
    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables.get(name).or_else(|| {
            let mut all = self.variables.iter();
            all.find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value)
        })
    }

    /// `guest.name` of a variable that holds an object.
    pub(super) fn member(&self, parts: &[Ident]) -> Option<Value> {
        let (first, rest) = parts.split_first()?;
        let mut value = self.variable(&first.value)?.clone();
        for part in rest {
            let Value::Object(object) = value else { return None };
            let mut fields = object.iter();
            let (_, found) = fields.find(|(name, _)| name.eq_ignore_ascii_case(&part.value))?;
            value = found.clone();
        }
        Some(value)
    }

    /// A field that may be read, by the name of its table or alias.
    pub(super) fn field(&self, source: &Source, name: &str) -> Result<Typed, Refusal> {
        let column = source.definition.read_by(name, self.roles)?;
        Ok(source.column(column))
    }
}
