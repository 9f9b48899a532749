//! Conditions on fields: what stands behind WHERE, and texts that are put together from parts.

use super::{array, operation, text};
use crate::language;
use crate::lexer::{Symbol, TokenKind};
use crate::parser::Parser;
use crate::parser::expressions::Rank;
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind};

impl Parser<'_, '_> {
    /// A condition on fields, or a text that says it.
    pub(super) fn condition(&mut self, span: Span) -> Option<Expression> {
        let is_text = self.peek().kind == TokenKind::Text && !self.is_comparison(1);
        if is_text || self.is_variable_alone() {
            let said = self.ranked(Rank::Join)?;
            return Some(self.prepared(said));
        }
        self.either(span)
    }

    /// Whether a variable is all that stands here: what it holds is the condition.
    fn is_variable_alone(&self) -> bool {
        let ends = self.is_statement_end(1)
            || self.peek_at(1).kind == TokenKind::Symbol(Symbol::CloseParenthesis)
            || self.is_at_clause(1);
        self.peek().kind == TokenKind::Word && ends && self.is_set(self.text(self.peek().span))
    }

    fn either(&mut self, span: Span) -> Option<Expression> {
        let mut conditions = vec![self.both(span)?];
        while self.take_word("OR") || self.take_symbol(Symbol::Or) {
            conditions.push(self.both(span)?);
        }
        Some(joined("or", conditions, span))
    }

    fn both(&mut self, span: Span) -> Option<Expression> {
        let mut conditions = vec![self.one_condition(span)?];
        while self.take_word("AND") || self.take_symbol(Symbol::And) {
            conditions.push(self.one_condition(span)?);
        }
        Some(joined("and", conditions, span))
    }

    fn one_condition(&mut self, span: Span) -> Option<Expression> {
        if self.take_word("NOT") {
            let condition = self.deeper(|parser| parser.one_condition(span))?;
            return Some(operation("not", vec![condition], span));
        }
        if self.at_symbol(Symbol::OpenParenthesis) {
            self.advance();
            let condition = self.deeper(|parser| parser.either(span))?;
            self.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
            return Some(condition);
        }
        if let Some(constant) = ["TRUE", "FALSE"].iter().find(|word| self.word_is(0, word))
            && !self.is_comparison(1)
        {
            self.advance();
            let none = operation("or", Vec::new(), span);
            return Some(match *constant {
                "TRUE" => operation("not", vec![none], span),
                _ => none,
            });
        }
        let field = match self.peek().kind {
            TokenKind::Word | TokenKind::Text => self.field_path()?,
            _ => return self.expected("the name of a field"),
        };
        let negated = self.take_word("NOT");
        let condition = self.comparison(field, span)?;
        Some(if negated {
            operation("not", vec![condition], span)
        } else {
            condition
        })
    }

    fn comparison(&mut self, field: Expression, span: Span) -> Option<Expression> {
        if self.take_word("IS") {
            let negated = self.take_word("NOT");
            if !self.take_word("NULL") {
                return self.expected("NULL");
            }
            let condition = operation("null", vec![field], span);
            return Some(if negated {
                operation("not", vec![condition], span)
            } else {
                condition
            });
        }
        if self.take_word("IN") {
            let bracketed = self.take_symbol(Symbol::OpenParenthesis);
            let list = self.values(span)?;
            if bracketed {
                self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
            }
            return Some(operation("in", vec![field, list], span));
        }
        if self.take_word("BETWEEN") {
            let low = self.ranked(Rank::Join)?;
            if !self.take_word("AND") {
                return self.expected("AND");
            }
            let high = self.ranked(Rank::Join)?;
            return Some(operation("between", vec![field, low, high], span));
        }
        let sign = match self.comparison_sign(0) {
            Some(sign) => sign,
            None if self.is_arithmetic() => {
                return self.expected("a comparison: a condition computes nothing on its left");
            }
            // A field alone asks whether it is true.
            None => {
                let truth = Expression {
                    span,
                    kind: ExpressionKind::Constant(Constant::Bool(true)),
                };
                return Some(operation("=", vec![field, truth], span));
            }
        };
        self.advance();
        let value = self.ranked(Rank::Join)?;
        Some(operation(sign, vec![field, value], span))
    }

    fn is_comparison(&self, distance: usize) -> bool {
        self.comparison_sign(distance).is_some()
            || ["IS", "IN", "BETWEEN", "NOT"]
                .iter()
                .any(|word| self.word_is(distance, word))
    }

    fn is_arithmetic(&self) -> bool {
        let signs = [
            Symbol::Plus,
            Symbol::Minus,
            Symbol::Star,
            Symbol::Slash,
            Symbol::Percent,
            Symbol::Caret,
            Symbol::Ampersand,
        ];
        signs.into_iter().any(|sign| self.at_symbol(sign))
    }

    fn comparison_sign(&self, distance: usize) -> Option<&'static str> {
        Some(match self.peek_at(distance).kind {
            TokenKind::Symbol(Symbol::Assign | Symbol::Equal) => "=",
            TokenKind::Symbol(Symbol::NotEqual) => "<>",
            TokenKind::Symbol(Symbol::Less) => "<",
            TokenKind::Symbol(Symbol::LessOrEqual) => "<=",
            TokenKind::Symbol(Symbol::Greater) => ">",
            TokenKind::Symbol(Symbol::GreaterOrEqual) => ">=",
            TokenKind::Word if self.word_is(distance, "LIKE") || self.word_is(distance, "ILIKE") => "like",
            TokenKind::Word if self.word_is(distance, "CONTAINS") => "contains",
            _ => return None,
        })
    }

    /// A condition in a text that is put together from parts: only what stands in the source is read as a condition,
    /// what is put in is always a value. Becomes `["text", text with holes, values]`.
    /// Has the values of a text that is put together stand apart from it.
    pub(in crate::parser) fn prepare(&self, arguments: &mut [Expression], at: usize) {
        if let Some(said) = arguments.get_mut(at) {
            let nothing = text(said.span, "");
            let whole = std::mem::replace(said, nothing);
            *said = self.prepared(whole);
        }
    }

    fn prepared(&self, said: Expression) -> Expression {
        let pieces = match said.kind {
            ExpressionKind::Joined(pieces) => pieces,
            ExpressionKind::Chain(first, rest) => {
                let joins = rest.iter().all(|(operator, _)| operator.joins_texts());
                // Without a text in the source it is none that is put together here.
                let is_text = |piece: &Expression| {
                    matches!(
                        piece.kind,
                        ExpressionKind::Constant(Constant::Text(_)) | ExpressionKind::Joined(_)
                    )
                };
                let has_text = is_text(&first) || rest.iter().any(|(_, piece)| is_text(piece));
                if !joins || !has_text {
                    return Expression {
                        span: said.span,
                        kind: ExpressionKind::Chain(first, rest),
                    };
                }
                let rest = rest.into_iter().map(|(_, piece)| piece);
                std::iter::once(*first).chain(rest).flat_map(flattened).collect()
            }
            kind => {
                return Expression {
                    span: said.span,
                    kind,
                };
            }
        };
        let (mut template, mut values) = (String::new(), Vec::new());
        for piece in pieces {
            match piece.kind {
                ExpressionKind::Constant(Constant::Text(literal)) => template.push_str(&literal),
                _ => {
                    template.push(language::hole(values.len()));
                    values.push(piece);
                }
            }
        }
        let values = array(said.span, values);
        operation("text", vec![text(said.span, &template), values], said.span)
    }
}

fn flattened(piece: Expression) -> Vec<Expression> {
    match piece.kind {
        ExpressionKind::Joined(pieces) => pieces,
        _ => vec![piece],
    }
}

fn joined(sign: &str, mut conditions: Vec<Expression>, span: Span) -> Expression {
    if conditions.len() == 1 {
        conditions.remove(0)
    } else {
        operation(sign, conditions, span)
    }
}
