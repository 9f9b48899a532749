//! Lists of arguments, with parentheses and without.

use super::Parser;
use crate::diagnostic::ARGUMENT_COUNT;
use crate::language::Word;
use crate::lexer::{Symbol, TokenKind};
use crate::source::Span;
use crate::syntax::Expression;

impl Parser<'_, '_> {
    /// What a statement such as `TALK …` or `PUSH …` is given: `(a, b)` or `a, b`.
    pub(super) fn statement_arguments(&mut self, word: &'static Word, span: Span) -> Option<Vec<Expression>> {
        if self.at_symbol(Symbol::OpenParenthesis) && self.is_statement_end(self.closing_distance() + 1) {
            return self.parenthesised_arguments(word, span);
        }
        if self.at_statement_end() {
            return self.counted(word, span, Vec::new());
        }
        self.listed_arguments(word, span, usize::MAX)
    }

    /// Whether `(…) =` stands here.
    pub(super) fn assigns_to_call(&self) -> bool {
        let after = || self.peek_at(self.closing_distance() + 1).kind;
        self.at_symbol(Symbol::OpenParenthesis) && after() == TokenKind::Symbol(Symbol::Assign)
    }

    /// `(a, b)` after the name of a function.
    pub(super) fn parenthesised_arguments(
        &mut self,
        word: &'static Word,
        span: Span,
    ) -> Option<Vec<Expression>> {
        self.advance();
        let mut arguments = Vec::new();
        while !self.at_symbol(Symbol::CloseParenthesis) {
            arguments.push(self.expression()?);
            if !self.take_separator(word) {
                break;
            }
        }
        self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
        self.counted(word, span, arguments)
    }

    /// `a, b` after the name, at most `most` of them: what follows belongs to somebody else.
    pub(super) fn listed_arguments(
        &mut self,
        word: &'static Word,
        span: Span,
        most: usize,
    ) -> Option<Vec<Expression>> {
        let mut arguments = vec![self.expression()?];
        while arguments.len() < most && self.take_separator(word) {
            arguments.push(self.expression()?);
        }
        self.counted(word, span, arguments)
    }

    pub(super) fn take_separator(&mut self, word: &'static Word) -> bool {
        let separator = word.arguments().and_then(|arguments| arguments.separator);
        self.take_symbol(Symbol::Comma) || separator.is_some_and(|separator| self.take_word(separator))
    }

    pub(super) fn counted(
        &mut self,
        word: &'static Word,
        span: Span,
        arguments: Vec<Expression>,
    ) -> Option<Vec<Expression>> {
        if word.takes(arguments.len()) {
            return Some(arguments);
        }
        let wanted = word
            .arguments()
            .map_or((0, 0), |wanted| (wanted.least, wanted.most));
        let wanted = match wanted {
            (0, 0) => "no arguments".to_owned(),
            (1, 1) => "1 argument".to_owned(),
            (0, 1) => "at most 1 argument".to_owned(),
            (1, 255) => "at least 1 argument".to_owned(),
            (least, most) if least == most => format!("{least} arguments"),
            (least, 255) => format!("at least {least} arguments"),
            (0, most) => format!("at most {most} arguments"),
            (least, most) if most == least + 1 => format!("{least} or {most} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        let message = format!("{} takes {wanted}, not {}", word.name, arguments.len());
        self.report.add_with_help(
            ARGUMENT_COUNT,
            span,
            message,
            format!("{}: {}", word.form, word.help),
        );
        None
    }

    /// How far the `)` is that closes the `(` here.
    pub(super) fn closing_distance(&self) -> usize {
        let mut depth = 0_usize;
        for (distance, token) in self.tokens[self.at..].iter().enumerate() {
            match token.kind {
                TokenKind::Symbol(Symbol::OpenParenthesis) => depth += 1,
                TokenKind::Symbol(Symbol::CloseParenthesis) if depth <= 1 => return distance,
                TokenKind::Symbol(Symbol::CloseParenthesis) => depth -= 1,
                TokenKind::Line | TokenKind::End => return distance,
                _ => {}
            }
        }
        0
    }
}
