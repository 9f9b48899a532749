//! Expressions: operators and what they bind.

use super::{DEPTH_MAX, Parser};
use crate::diagnostic::EXPECTED;
use crate::language;
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::syntax::{Call, Expression, ExpressionKind};
use crate::value::Operator;

/// How tightly operators bind, from loosest to tightest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Or,
    And,
    Compare,
    Join,
    Sum,
    Product,
    Power,
}

#[derive(Clone, Copy)]
enum Infix {
    Or,
    And,
    /// `IS NULL`, `IS NOT NULL`
    Is,
    /// `IN list`, `LIKE "a%"`, `CONTAINS part`: the function that says it, and whether NOT stands before it.
    Asks(&'static str, bool),
    Operator(Operator),
}

impl Parser<'_, '_> {
    pub(super) fn expression(&mut self) -> Option<Expression> {
        self.ranked(Rank::Or)
    }

    /// An expression whose operators bind at least as tightly as `rank`.
    pub(super) fn ranked(&mut self, rank: Rank) -> Option<Expression> {
        let beside = std::mem::replace(&mut self.deepest, self.depth);
        let expression = self.operated(rank);
        self.deepest = self.deepest.max(beside);
        expression
    }

    fn operated(&mut self, rank: Rank) -> Option<Expression> {
        let mut left = self.deeper(|parser| parser.prefixed())?;
        // The rank of the chain that `left` is, if it is one that may still grow.
        let mut growing = None;
        while let Some((infix, found)) = self.infix().filter(|(_, found)| *found >= rank) {
            self.advance();
            if let Infix::Is = infix {
                self.wrap()?;
                left = self.is_null(left)?;
                growing = None;
                continue;
            }
            if let Infix::Asks(function, negated) = infix {
                self.wrap()?;
                self.at += usize::from(negated);
                left = self.asked_of(left, function, negated)?;
                growing = None;
                continue;
            }
            let right = match found {
                // Powers bind to the right: 2 ^ 3 ^ 2 is 2 ^ 9.
                Rank::Power => self.deeper(|parser| parser.ranked(Rank::Power))?,
                _ => self.ranked(tighter(found))?,
            };
            left = chained(left, growing == Some(found), infix, right);
            growing = Some(found);
        }
        Some(left)
    }

    /// What was parsed last gets a level around it: `a IN b IN c` asks of the answer, and does not grow into one chain.
    fn wrap(&mut self) -> Option<()> {
        if self.deepest >= DEPTH_MAX {
            return self.too_deep();
        }
        self.deepest += 1;
        Some(())
    }

    fn infix(&self) -> Option<(Infix, Rank)> {
        let token = self.peek();
        let operator = |operator, rank| Some((Infix::Operator(operator), rank));
        match token.kind {
            TokenKind::Symbol(symbol) => match symbol {
                Symbol::Or => Some((Infix::Or, Rank::Or)),
                Symbol::And => Some((Infix::And, Rank::And)),
                Symbol::Assign | Symbol::Equal => operator(Operator::Equal, Rank::Compare),
                Symbol::NotEqual => operator(Operator::NotEqual, Rank::Compare),
                Symbol::Less => operator(Operator::Less, Rank::Compare),
                Symbol::LessOrEqual => operator(Operator::LessOrEqual, Rank::Compare),
                Symbol::Greater => operator(Operator::Greater, Rank::Compare),
                Symbol::GreaterOrEqual => operator(Operator::GreaterOrEqual, Rank::Compare),
                Symbol::Ampersand => operator(Operator::Join, Rank::Join),
                Symbol::Plus => operator(Operator::Add, Rank::Sum),
                Symbol::Minus => operator(Operator::Subtract, Rank::Sum),
                Symbol::Star => operator(Operator::Multiply, Rank::Product),
                Symbol::Slash => operator(Operator::Divide, Rank::Product),
                Symbol::Percent => operator(Operator::Remainder, Rank::Product),
                Symbol::Caret => operator(Operator::Power, Rank::Power),
                _ => None,
            },
            TokenKind::Word => match self.text(token.span).to_ascii_uppercase().as_str() {
                "OR" => Some((Infix::Or, Rank::Or)),
                "AND" => Some((Infix::And, Rank::And)),
                "IS" => Some((Infix::Is, Rank::Compare)),
                "MOD" => operator(Operator::Remainder, Rank::Product),
                "NOT" => Some((Infix::Asks(self.asking(1)?, true), Rank::Compare)),
                _ => Some((Infix::Asks(self.asking(0)?, false), Rank::Compare)),
            },
            _ => None,
        }
    }

    /// The function that the word so far on stands for between two values.
    fn asking(&self, distance: usize) -> Option<&'static str> {
        let words = [("IN", "CONTAINS"), ("CONTAINS", "CONTAINS"), ("LIKE", "IS LIKE")];
        let found = words.iter().find(|(word, _)| self.word_is(distance, word));
        found.map(|(_, function)| *function)
    }

    /// `left IN list`, `left IN (a, b)`, `left LIKE pattern`, `left CONTAINS part`
    fn asked_of(&mut self, left: Expression, function: &'static str, negated: bool) -> Option<Expression> {
        let word = language::callable(function)?;
        let is_in = self.tokens[self.at - 1]
            .span
            .text(self.source)
            .eq_ignore_ascii_case("IN");
        let right = if is_in && self.at_symbol(Symbol::OpenParenthesis) {
            self.one_of()?
        } else {
            self.ranked(Rank::Join)?
        };
        let span = left.span.to(right.span);
        let arguments = if is_in {
            vec![right, left]
        } else {
            vec![left, right]
        };
        let call = Expression {
            span,
            kind: ExpressionKind::Call(Call { word, arguments }),
        };
        let kind = match negated {
            true => ExpressionKind::Not(Box::new(call)),
            false => call.kind,
        };
        Some(Expression { span, kind })
    }

    /// `(a, b)`: the values one of which is meant; a list in brackets is that list.
    fn one_of(&mut self) -> Option<Expression> {
        let span = self.advance().span;
        let mut items = vec![self.expression()?];
        while self.take_symbol(Symbol::Comma) {
            items.push(self.expression()?);
        }
        self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
        let span = span.to(self.previous());
        let single = items.pop_if(|item| !matches!(item.kind, ExpressionKind::Constant(_)));
        match single {
            Some(list) if items.is_empty() => Some(list),
            single => {
                items.extend(single);
                Some(Expression {
                    span,
                    kind: ExpressionKind::Array(items),
                })
            }
        }
    }

    fn is_null(&mut self, left: Expression) -> Option<Expression> {
        if matches!(left.kind, ExpressionKind::IsNull { .. }) {
            return self.error(
                EXPECTED,
                left.span,
                "whether something IS NULL is never null itself",
            );
        }
        let negated = self.take_word("NOT");
        if !self.take_word("NULL") && !self.take_word("NOTHING") && !self.take_word("EMPTY") {
            return self.expected("NULL after IS");
        }
        let span = left.span.to(self.previous());
        Some(Expression {
            span,
            kind: ExpressionKind::IsNull {
                of: Box::new(left),
                negated,
            },
        })
    }

    fn prefixed(&mut self) -> Option<Expression> {
        let token = self.peek();
        let negates = self.at_word("NOT") || token.kind == TokenKind::Symbol(Symbol::Not);
        if negates {
            self.advance();
            let rank = if token.kind == TokenKind::Word {
                Rank::Compare
            } else {
                Rank::Power
            };
            let of = self.ranked(rank)?;
            let span = token.span.to(of.span);
            return Some(Expression {
                span,
                kind: ExpressionKind::Not(Box::new(of)),
            });
        }
        if self.take_symbol(Symbol::Plus) {
            return self.ranked(Rank::Power);
        }
        if self.take_symbol(Symbol::Minus) {
            let of = self.ranked(Rank::Power)?;
            let span = token.span.to(of.span);
            let kind = match of.kind {
                ExpressionKind::Constant(Constant::Integer(value)) => {
                    ExpressionKind::Constant(Constant::Integer(value.wrapping_neg()))
                }
                ExpressionKind::Constant(Constant::Number(value)) => {
                    ExpressionKind::Constant(Constant::Number(-value))
                }
                _ => ExpressionKind::Negate(Box::new(of)),
            };
            return Some(Expression { span, kind });
        }
        let value = self.primary()?;
        let value = self.with_parts(value)?;
        self.with_methods(value)
    }
}

fn tighter(rank: Rank) -> Rank {
    match rank {
        Rank::Or => Rank::And,
        Rank::And => Rank::Compare,
        Rank::Compare => Rank::Join,
        Rank::Join => Rank::Sum,
        Rank::Sum => Rank::Product,
        Rank::Product | Rank::Power => Rank::Power,
    }
}

/// `left infix right`; where `left` is a growing chain of the same rank, it becomes longer, not deeper.
fn chained(left: Expression, growing: bool, infix: Infix, right: Expression) -> Expression {
    let span = left.span.to(right.span);
    let kind = match (infix, left.kind) {
        (Infix::Or, ExpressionKind::Any(mut operands)) if growing => {
            operands.push(right);
            ExpressionKind::Any(operands)
        }
        (Infix::And, ExpressionKind::All(mut operands)) if growing => {
            operands.push(right);
            ExpressionKind::All(operands)
        }
        (Infix::Operator(operator), ExpressionKind::Chain(first, mut rest)) if growing => {
            rest.push((operator, right));
            ExpressionKind::Chain(first, rest)
        }
        (infix, kind) => {
            let left = Expression {
                span: left.span,
                kind,
            };
            match infix {
                Infix::Or => ExpressionKind::Any(vec![left, right]),
                Infix::And => ExpressionKind::All(vec![left, right]),
                Infix::Is | Infix::Asks(..) => left.kind,
                Infix::Operator(operator) => ExpressionKind::Chain(Box::new(left), vec![(operator, right)]),
            }
        }
    };
    Expression { span, kind }
}
