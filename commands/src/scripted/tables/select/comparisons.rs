//! Comparisons: a value beside others, written once, and lists and patterns that it is looked for in.

use basic::{FieldKind, Refusal, Value};
use sqlparser::ast::{Expr, InTarget};

use super::names::Scope;
use super::{Typed, Writer, refused};

/// Values of one list.
const LISTED_MAX: usize = 1_000;

impl Writer<'_> {
    /// Two values beside each other.
    pub(super) fn compared(
        &mut self,
        left: &Expr,
        sign: &str,
        right: &Expr,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let (left, right) = self.beside(left, &[right], scope)?;
        let sql = format!("({} {sign} {})", left.sql, right[0].sql);
        Ok(Typed::new(sql, FieldKind::Boolean))
    }

    /// A value and what it is compared with, each written once. Constants and variables are bound as of the other's kind.
    pub(super) fn beside(
        &mut self,
        of: &Expr,
        others: &[&Expr],
        scope: &Scope<'_>,
    ) -> Result<(Typed, Vec<Typed>), Refusal> {
        let of = match self.given_first(of, scope) {
            Some(value) => Err(value),
            None => Ok(self.expression(of, scope)?),
        };
        let mut sides = Vec::with_capacity(others.len());
        for other in others {
            sides.push(match self.given(other, scope) {
                Some(value) => Err(value),
                None => Ok(self.expression(other, scope)?),
            });
        }
        let of = match of {
            Ok(of) => of,
            Err(value) => {
                let kind = sides.iter().flatten().map(|side| side.kind).next();
                self.constant(&value, kind)?
            }
        };
        let mut beside = Vec::with_capacity(sides.len());
        for side in sides {
            beside.push(match side {
                Ok(side) => side,
                Err(value) => self.constant(&value, Some(of.kind))?,
            });
        }
        Ok((of, beside))
    }

    pub(super) fn like(
        &mut self,
        of: &Expr,
        word: &str,
        pattern: &Expr,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let of = self.expression(of, scope)?;
        let pattern = match self.given(pattern, scope) {
            Some(value) => self.constant(&Value::from(value.to_string()), None)?,
            None => self.expression(pattern, scope)?,
        };
        let word = if negated {
            format!("not {word}")
        } else {
            word.to_owned()
        };
        let sql = format!("(({})::text {word} ({})::text)", of.sql, pattern.sql);
        Ok(Typed::new(sql, FieldKind::Boolean))
    }

    pub(super) fn one_of(
        &mut self,
        of: &Expr,
        target: &InTarget,
        negated: bool,
        scope: &Scope<'_>,
    ) -> Result<Typed, Refusal> {
        let of = self.expression(of, scope)?;
        let items = match target {
            InTarget::List(items) => {
                let mut listed = Vec::new();
                for item in items {
                    match self.given(item, scope) {
                        // A variable may hold a list.
                        Some(Value::Array(values)) => {
                            check_length(listed.len() + values.len())?;
                            for value in values.iter() {
                                listed.push(self.constant(value, Some(of.kind))?.sql);
                            }
                        }
                        Some(value) => listed.push(self.constant(&value, Some(of.kind))?.sql),
                        None => listed.push(self.expression(item, scope)?.sql),
                    }
                    check_length(listed.len())?;
                }
                match listed.is_empty() {
                    true => return Ok(Typed::new(negated.to_string(), FieldKind::Boolean)),
                    false => listed.join(", "),
                }
            }
            InTarget::Subquery(query) => {
                let written = self.query(query, Some(scope))?;
                if written.columns.len() != 1 {
                    return Err(refused("a SELECT of several columns behind IN"));
                }
                written.sql
            }
            _ => return Err(refused("what stands behind IN")),
        };
        let word = if negated { "not in" } else { "in" };
        Ok(Typed::new(
            format!("({} {word} ({items}))", of.sql),
            FieldKind::Boolean,
        ))
    }
}

fn check_length(listed: usize) -> Result<(), Refusal> {
    match listed > LISTED_MAX {
        true => Err(refused(&format!("a list of more than {LISTED_MAX} values"))),
        false => Ok(()),
    }
}
