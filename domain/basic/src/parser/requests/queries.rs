//! Requests that read their rest in a way of their own: SELECT, `INSERT INTO t (a, b) VALUES (…)`, `GET "session.user_id"`.

use std::collections::HashSet;

use super::text;
use crate::language::{self, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::parser::Parser;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Part};

/// A text that ends so names a file of the drive.
const FILE_ENDINGS: [&str; 12] = [
    "csv", "docx", "html", "jpg", "json", "md", "pdf", "png", "pptx", "txt", "xlsx", "xml",
];

impl Parser<'_, '_> {
    /// `SELECT … FROM …` up to the end of the statement, with the variables of the script that it mentions.
    pub(in crate::parser) fn query(&mut self, word: &'static Word, span: Span) -> Option<Expression> {
        self.advance();
        let variables = self.variables_of_the_rest();
        let span = span.to(self.previous());
        let said = text(span, self.text(span));
        let object = |fields| Expression {
            span,
            kind: ExpressionKind::Object(fields),
        };
        let clauses = vec![("variables".to_owned(), object(variables))];
        Some(Expression {
            span,
            kind: ExpressionKind::Call(Call {
                word,
                arguments: vec![said, object(clauses)],
            }),
        })
    }

    /// What stands up to the end of the statement: its text under `text`, and the variables in it.
    pub(super) fn rest(&mut self, span: Span) -> Expression {
        let start = self.peek().span;
        let mut fields = self.variables_of_the_rest();
        let span = if self.previous().end > span.end {
            start.to(self.previous())
        } else {
            span
        };
        fields.push(("text".to_owned(), text(span, self.text(span))));
        Expression {
            span,
            kind: ExpressionKind::Object(fields),
        }
    }

    /// Skips to the end of the statement and answers the variables of the script that are mentioned, by name.
    fn variables_of_the_rest(&mut self) -> Vec<(String, Expression)> {
        let (mut variables, mut known) = (Vec::new(), HashSet::new());
        while !self.at_statement_end() {
            let token = self.advance();
            if token.kind != TokenKind::Word {
                continue;
            }
            let name = self.text(token.span).to_owned();
            if (self.is_set(&name) || self.is_provided(&name)) && known.insert(name.to_ascii_lowercase()) {
                let number = self.name(&name, token.span);
                let value = Expression {
                    span: token.span,
                    kind: ExpressionKind::Name(number),
                };
                variables.push((name, value));
            }
        }
        variables
    }

    /// Whether the word that was just taken is a variable of the host: fields are called `user` or `role` too, but have
    /// no parts.
    fn is_provided(&self, name: &str) -> bool {
        let whole = ["user_id", "session_id", "username", "mobile"];
        let parted = ["user", "session", "bot", "params", "body"];
        let is_one_of = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        is_one_of(&whole) || is_one_of(&parted) && self.at_symbol(Symbol::Dot)
    }

    /// `INSERT INTO logs (a, b) VALUES (1, 2)`, once its name has been taken; None where it is not written so.
    pub(super) fn columned(&mut self, span: Span) -> Option<Option<(Expression, Expression)>> {
        let is_name = matches!(self.peek().kind, TokenKind::Word | TokenKind::Text);
        let opens = self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        if !(is_name && opens) {
            return Some(None);
        }
        let closing = |parser: &Self| {
            parser.tokens[parser.at..]
                .iter()
                .position(|token| token.kind == TokenKind::Symbol(Symbol::CloseParenthesis))
        };
        let follows = closing(self).is_some_and(|distance| self.word_is(distance + 1, "VALUES"));
        if !follows {
            return Some(None);
        }
        let table = text(self.peek().span, &self.field_name()?);
        let mut names = Vec::new();
        self.advance();
        while !self.at_symbol(Symbol::CloseParenthesis) {
            names.push(self.field_name()?);
            if !self.take_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
        self.advance();
        self.expect_symbol(Symbol::OpenParenthesis, "`(`")?;
        let mut fields = Vec::new();
        for (at, name) in names.into_iter().enumerate() {
            if at > 0 {
                self.expect_symbol(Symbol::Comma, "a value for each field")?;
            }
            fields.push((name, self.expression()?));
        }
        self.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
        let row = Expression {
            span,
            kind: ExpressionKind::Object(fields),
        };
        Some(Some((table, row)))
    }

    /// `GET "session.user_id"`: a part of a variable, named in a text.
    pub(in crate::parser) fn dotted(&mut self) -> Option<Expression> {
        let bracketed = self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        let token = self.peek_at(if bracketed { 2 } else { 1 });
        let closed = || self.peek_at(3).kind == TokenKind::Symbol(Symbol::CloseParenthesis);
        if token.kind != TokenKind::Text || bracketed && !closed() {
            return None;
        }
        let quoted = self.text(token.span).trim_matches(['"', '\'']).to_owned();
        let mut names = quoted.split('.');
        let first = names.next()?;
        let parts: Vec<&str> = names.collect();
        let is_name = |name: &&str| {
            name.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        let known = self.is_set(first)
            || language::PROVIDED
                .iter()
                .any(|known| known.eq_ignore_ascii_case(first));
        let is_file = |name: &&str| {
            FILE_ENDINGS
                .iter()
                .any(|ending| ending.eq_ignore_ascii_case(name))
        };
        if parts.last().is_some_and(is_file) {
            return None;
        }
        if parts.is_empty() || !is_name(&first) || !parts.iter().all(is_name) || !known {
            return None;
        }
        self.at += if bracketed { 4 } else { 2 };
        let name = self.name(first, token.span);
        let of = Expression {
            span: token.span,
            kind: ExpressionKind::Name(name),
        };
        let parts = parts
            .into_iter()
            .map(|part| Part::Member(part.to_owned()))
            .collect();
        Some(Expression {
            span: token.span,
            kind: ExpressionKind::Part(Box::new(of), parts),
        })
    }
}
