//! Requests: words whose arguments are followed by clauses, such as `FIND "berths" WHERE length > 12 LIMIT 5`.
//!
//! The clauses become one object, the last argument of the call. A condition becomes a list: the operator, then what it
//! compares or joins.

mod clauses;
mod computed;
mod conditions;
mod queries;

use super::expressions::Rank;
use super::{Parser, mentions};
use crate::language::{Clause, Role, Shape, Takes, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind};

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// It is a statement, or the whole value that one sets.
    Statement,
    /// Part of an expression: comparisons around it do not belong to its arguments.
    Expression,
}

impl Parser<'_, '_> {
    /// What a request is given, once its name has been taken.
    pub(super) fn request(
        &mut self,
        word: &'static Word,
        shape: &Shape,
        span: Span,
        within: Within,
    ) -> Option<Expression> {
        self.clauses.push(shape.clauses);
        let request = self.requested(word, shape, span, within);
        self.clauses.pop();
        self.last_clauses = shape.clauses;
        request
    }

    /// Whether a clause of a request around this begins so far on.
    pub(super) fn is_at_clause(&self, distance: usize) -> bool {
        let mut clauses = self.clauses.iter().copied().flatten();
        clauses.any(|clause| self.clause_length(clause, distance).is_some())
    }

    fn requested(
        &mut self,
        word: &'static Word,
        shape: &Shape,
        span: Span,
        within: Within,
    ) -> Option<Expression> {
        let (mut arguments, mut clauses) = (Vec::new(), Vec::new());
        if shape.columned
            && let Some((table, row)) = self.columned(span)?
        {
            arguments.push(table);
            clauses.push(("with".to_owned(), row));
        } else if self.is_bracketed(shape, within) {
            self.advance();
            while !self.at_symbol(Symbol::CloseParenthesis) {
                if !self.clauses(shape, &mut clauses)? {
                    arguments.push(self.argument(shape, arguments.len(), Within::Statement)?);
                }
                let follows = self.take_argument_separator(word, shape, arguments.len());
                if !follows && !shape.loose && self.clause_here(shape).is_none() {
                    break;
                }
            }
            self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
        } else {
            let mut wanted = false;
            while !self.at_statement_end() {
                if self.clauses(shape, &mut clauses)? {
                    // `POST TO LINKEDIN AT "2026-03-01 10:00" picture, text`
                    if shape.loose {
                        wanted = false;
                        continue;
                    }
                    break;
                }
                // `STEP 2: BOT "billing" "refund" IF total > 0`: the word, and whether it holds.
                if word.name == "STEP" && self.at_word("IF") {
                    arguments.push(self.bare_word());
                    arguments.push(self.expression()?);
                    wanted = false;
                    continue;
                }
                let loose = shape.loose && self.begins_value();
                if !(wanted || loose || arguments.is_empty() && self.begins_value()) {
                    break;
                }
                arguments.push(self.argument(shape, arguments.len(), within)?);
                wanted = self.take_argument_separator(word, shape, arguments.len());
            }
            if wanted && clauses.is_empty() {
                return self.expected("a value");
            }
        }
        // `UPDATE "berths"` alone changes nothing: SET in the next line belongs to it.
        let broken = word.name == "UPDATE" && clauses.is_empty() && arguments.len() == 1;
        if broken && self.peek().kind == TokenKind::Line && self.word_is(1, "SET") {
            self.advance();
        }
        while self.clauses(shape, &mut clauses)? {}
        let mut arguments = self.counted(word, span, arguments)?;
        if let Some(at) = shape.condition_at {
            self.prepare(&mut arguments, usize::from(at));
            if let Some(said) = arguments.get(usize::from(at))
                && (arguments.len() == 2 || word.name != "FIND")
            {
                self.warn_of_condition(word, said);
            }
        }
        // What is set is a text of the same kind.
        if word.name == "SET TABLE" {
            self.prepare(&mut arguments, 2);
        }
        if shape.naming {
            clauses.push(("names".to_owned(), self.names_of(&arguments, span)));
        }
        if shape.has_clauses() {
            arguments.push(Expression {
                span,
                kind: ExpressionKind::Object(clauses),
            });
        }
        mentions::of_request(word, &arguments, span, &mut self.mentions);
        Some(Expression {
            span: span.to(self.previous()),
            kind: ExpressionKind::Call(Call { word, arguments }),
        })
    }

    fn is_bracketed(&self, shape: &Shape, within: Within) -> bool {
        if !self.at_symbol(Symbol::OpenParenthesis) {
            return false;
        }
        if within == Within::Expression {
            return true;
        }
        let after = self.closing_distance() + 1;
        let ends = self.is_statement_end(after)
            || self.peek_at(after).kind == TokenKind::Symbol(Symbol::Dot)
            || self.peek_at(after).kind == TokenKind::Symbol(Symbol::OpenBracket);
        ends || shape
            .clauses
            .iter()
            .any(|clause| self.clause_length(clause, after).is_some())
    }

    fn argument(&mut self, shape: &Shape, number: usize, within: Within) -> Option<Expression> {
        let first = number == 0;
        if shape.named && first && self.peek().kind == TokenKind::Word && !self.is_known_value() {
            return Some(self.bare_word());
        }
        if shape.loose && self.peek().kind == TokenKind::Word && !self.is_known_value() {
            return Some(self.bare_word());
        }
        if within == Within::Expression || shape.assigns && first || shape.loose {
            self.ranked(Rank::Join)
        } else {
            self.expression()
        }
    }

    fn take_argument_separator(&mut self, word: &'static Word, shape: &Shape, count: usize) -> bool {
        let assigned = shape.assigns && count == 1 && self.take_symbol(Symbol::Assign);
        // `STEP 1: BOT "billing"`; behind other statements a colon begins the next one.
        let numbered = word.name == "STEP" && self.take_symbol(Symbol::Colon);
        assigned || self.take_separator(word) || numbered
    }

    /// Whether the word here is followed by brackets or a dot.
    fn is_call_or_part(&self) -> bool {
        matches!(
            self.peek_at(1).kind,
            TokenKind::Symbol(Symbol::OpenParenthesis | Symbol::OpenBracket | Symbol::Dot | Symbol::Plus)
        )
    }

    /// Whether the word here is a variable that was set, a constant, or a call.
    fn is_known_value(&self) -> bool {
        let text = self.text(self.peek().span);
        let constant = ["TRUE", "FALSE", "NULL", "NOW", "TODAY", "NEW"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text));
        constant || self.is_call_or_part() || self.is_set(text)
    }

    /// A word without quotes, as a text.
    fn bare_word(&mut self) -> Expression {
        let span = self.advance().span;
        let text = self.text(span).to_owned();
        Expression {
            span,
            kind: ExpressionKind::Constant(Constant::Text(text)),
        }
    }

    fn begins_value(&self) -> bool {
        self.begins_value_at(0)
    }

    pub(super) fn begins_value_at(&self, distance: usize) -> bool {
        match self.peek_at(distance).kind {
            TokenKind::Text | TokenKind::Number | TokenKind::Word => true,
            TokenKind::Symbol(symbol) => matches!(
                symbol,
                Symbol::OpenParenthesis
                    | Symbol::OpenBracket
                    | Symbol::OpenBrace
                    | Symbol::Minus
                    | Symbol::Plus
                    | Symbol::Not
                    | Symbol::Dot
            ),
            _ => false,
        }
    }

    /// The clause that begins here and how many tokens its words take; the longest, where one begins another.
    fn clause_here(&self, shape: &Shape) -> Option<(&'static Clause, usize)> {
        let found = shape
            .clauses
            .iter()
            .filter_map(|clause| Some((clause, self.clause_length(clause, 0)?)));
        found.max_by_key(|(_, length)| *length)
    }

    fn clause_length(&self, clause: &Clause, distance: usize) -> Option<usize> {
        let mut words = clause.word.split(' ').enumerate();
        let fits = words.all(|(at, word)| self.word_is(distance + at, word));
        let joined = || {
            let token = self.peek_at(distance);
            let text = self.text(token.span);
            token.kind == TokenKind::Word
                && text.len() == clause.word.len()
                && text.contains('_')
                && text.replace('_', " ").eq_ignore_ascii_case(clause.word)
        };
        match fits {
            true => Some(clause.word.split(' ').count()),
            false => joined().then_some(1),
        }
    }

    /// Takes a clause, with the comma that may stand before it; false where none stands.
    fn clauses(&mut self, shape: &Shape, found: &mut Vec<(String, Expression)>) -> Option<bool> {
        let Some((clause, length)) = self.clause_here(shape) else {
            return Some(false);
        };
        let span = self.peek().span.to(self.peek_at(length - 1).span);
        // A variable may be called like a clause: `SEND TEMPLATE to, "welcome"`.
        if self.is_list_item(clause, length) {
            return Some(false);
        }
        self.at += length;
        let value = match clause.takes {
            Takes::Nothing => Expression {
                span,
                kind: ExpressionKind::Constant(Constant::Bool(true)),
            },
            Takes::Value => self.ranked(Rank::Join)?,
            Takes::Values => self.values(span)?,
            Takes::Fields if clause.word == "SET" => self.changes(span, found)?,
            Takes::Fields => self.fields(span)?,
            Takes::Condition => self.condition(span)?,
            Takes::Order => self.order(span)?,
            Takes::Rest => self.rest(span),
            Takes::Name => {
                let bare = self.peek().kind == TokenKind::Word
                    && !self.is_call_or_part()
                    && !self.is_set(self.text(self.peek().span));
                if bare {
                    self.bare_word()
                } else {
                    self.ranked(Rank::Join)?
                }
            }
        };
        let name = clause.word.to_lowercase();
        found.retain(|(known, _)| *known != name);
        found.push((name, value));
        if self.at_symbol(Symbol::Comma) && self.clause_after_comma(shape) {
            self.advance();
        }
        Some(true)
    }

    fn clause_after_comma(&self, shape: &Shape) -> bool {
        shape
            .clauses
            .iter()
            .any(|clause| self.clause_length(clause, 1).is_some())
    }

    fn is_list_item(&self, clause: &Clause, length: usize) -> bool {
        let after_comma = self.at > 0 && self.tokens[self.at - 1].kind == TokenKind::Symbol(Symbol::Comma);
        let ends = self.is_statement_end(length)
            || matches!(
                self.peek_at(length).kind,
                TokenKind::Symbol(Symbol::Comma | Symbol::CloseParenthesis)
            );
        ends && (after_comma || clause.takes != Takes::Nothing)
    }

    /// The statement that a request is.
    pub(super) fn request_statement(&mut self, word: &'static Word, span: Span) -> Option<Expression> {
        match &word.role {
            Role::Request(shape) => self.request(word, shape, span, Within::Statement),
            _ => None,
        }
    }
}

fn text(span: Span, text: &str) -> Expression {
    Expression {
        span,
        kind: ExpressionKind::Constant(Constant::Text(text.to_owned())),
    }
}

fn array(span: Span, items: Vec<Expression>) -> Expression {
    Expression {
        span,
        kind: ExpressionKind::Array(items),
    }
}

fn operation(sign: &str, operands: Vec<Expression>, span: Span) -> Expression {
    let items = std::iter::once(text(span, sign)).chain(operands).collect();
    array(span, items)
}
