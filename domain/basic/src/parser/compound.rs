//! `total += price`, `count++`: a variable that is computed anew from what it was.

use super::Parser;
use crate::diagnostic::EXPECTED;
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, Part, Statement, StatementKind, Target};
use crate::value::Operator;

/// How a variable becomes another value.
#[derive(Clone, Copy)]
pub(super) enum Compound {
    /// `+= value`
    With(Operator),
    /// `++`
    ByOne(Operator),
}

impl Parser<'_, '_> {
    /// Whether a variable stands here that is computed anew.
    pub(super) fn is_compound(&self) -> bool {
        self.compound_at(1).is_some()
    }

    fn compound_at(&self, distance: usize) -> Option<Compound> {
        let (first, second) = (self.peek_at(distance), self.peek_at(distance + 1));
        let TokenKind::Symbol(symbol) = first.kind else {
            return None;
        };
        let operator = match symbol {
            Symbol::Plus => Operator::Add,
            Symbol::Minus => Operator::Subtract,
            Symbol::Star => Operator::Multiply,
            Symbol::Slash => Operator::Divide,
            Symbol::Ampersand => Operator::Join,
            _ => return None,
        };
        if first.span.end != second.span.start {
            return None;
        }
        match second.kind {
            TokenKind::Symbol(Symbol::Assign) => Some(Compound::With(operator)),
            TokenKind::Symbol(Symbol::Plus | Symbol::Minus)
                if second.kind == first.kind && self.is_statement_end(distance + 2) =>
            {
                Some(Compound::ByOne(operator))
            }
            _ => None,
        }
    }

    /// Takes the signs that stand between a variable and what it is computed with.
    pub(super) fn compound(&mut self) -> Option<Compound> {
        let compound = self.compound_at(0)?;
        self.at += 2;
        Some(compound)
    }

    /// The rest of such a statement.
    pub(super) fn recomputed(&mut self, target: Target, compound: Compound, span: Span) -> Option<Statement> {
        let (operator, by) = match compound {
            Compound::With(operator) => (operator, self.expression()?),
            Compound::ByOne(operator) => {
                let kind = ExpressionKind::Constant(Constant::Integer(1));
                let span = self.previous();
                (operator, Expression { span, kind })
            }
        };
        let Some(parts) = again(&target.parts) else {
            let message = "the part that is computed anew is read twice; set a variable to its index first";
            return self.error(EXPECTED, span, message);
        };
        let whole = Expression {
            span,
            kind: ExpressionKind::Name(target.name),
        };
        let old = match parts.is_empty() {
            true => whole,
            false => Expression {
                span,
                kind: ExpressionKind::Part(Box::new(whole), parts),
            },
        };
        let span = span.to(by.span);
        let value = Expression {
            span,
            kind: ExpressionKind::Chain(Box::new(old), vec![(operator, by)]),
        };
        Some(Statement {
            span,
            kind: StatementKind::Assign { target, value },
        })
    }
}

/// The same parts once more, where reading their indices twice changes nothing.
fn again(parts: &[Part]) -> Option<Vec<Part>> {
    parts
        .iter()
        .map(|part| {
            Some(match part {
                Part::Member(name) => Part::Member(name.clone()),
                Part::Index(index) => Part::Index(pure(index)?),
            })
        })
        .collect()
}

fn pure(expression: &Expression) -> Option<Expression> {
    let kind = match &expression.kind {
        ExpressionKind::Constant(constant) => ExpressionKind::Constant(constant.clone()),
        ExpressionKind::Name(name) => ExpressionKind::Name(*name),
        ExpressionKind::Negate(of) => ExpressionKind::Negate(Box::new(pure(of)?)),
        ExpressionKind::Joined(pieces) => {
            ExpressionKind::Joined(pieces.iter().map(pure).collect::<Option<_>>()?)
        }
        ExpressionKind::Part(of, parts) => ExpressionKind::Part(Box::new(pure(of)?), again(parts)?),
        ExpressionKind::Chain(first, rest) => {
            let rest = rest
                .iter()
                .map(|(operator, operand)| Some((*operator, pure(operand)?)));
            ExpressionKind::Chain(Box::new(pure(first)?), rest.collect::<Option<_>>()?)
        }
        _ => return None,
    };
    Some(Expression {
        span: expression.span,
        kind,
    })
}
