//! What clauses take: values, fields, an order.

use super::{array, text};
use crate::diagnostic::{CONDITION, OWN_FIELD};
use crate::language::{Condition, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::machine::is_id;
use crate::parser::Parser;
use crate::parser::expressions::Rank;
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind};

impl Parser<'_, '_> {
    pub(super) fn values(&mut self, span: Span) -> Option<Expression> {
        let mut items = vec![self.ranked(Rank::Join)?];
        while self.take_symbol(Symbol::Comma) {
            items.push(self.ranked(Rank::Join)?);
        }
        Some(Expression {
            span,
            kind: ExpressionKind::Array(items),
        })
    }

    /// `name = value, name AS value`, or one value.
    pub(super) fn fields(&mut self, span: Span) -> Option<Expression> {
        if !self.is_field(0) {
            return self.ranked(Rank::Join);
        }
        let mut fields = Vec::new();
        loop {
            let place = self.peek().span;
            let name = self.field_name()?;
            self.advance();
            let from = self.at;
            let mut value = self.ranked(Rank::Join)?;
            // What is wrong with a field is shown with its name.
            value.span = place.to(value.span);
            if !self.is_computed(&name, &value) {
                self.warn_of_own_field(&name, from);
            }
            fields.push((name, value));
            if !(self.at_symbol(Symbol::Comma) && self.is_field(1)) {
                break;
            }
            self.advance();
        }
        Some(Expression {
            span,
            kind: ExpressionKind::Object(fields),
        })
    }

    /// The same behind UPDATE … SET, where a field may be computed from what it was: those go into a clause of their own.
    pub(super) fn changes(
        &mut self,
        span: Span,
        found: &mut Vec<(String, Expression)>,
    ) -> Option<Expression> {
        let changed = self.fields(span)?;
        let ExpressionKind::Object(fields) = changed.kind else {
            return Some(changed);
        };
        let (computed, given): (Vec<_>, Vec<_>) = fields
            .into_iter()
            .partition(|(name, value)| self.is_computed(name, value));
        if !computed.is_empty() {
            let computed = computed.into_iter().map(|(name, value)| {
                let how = self.computed(&name, value);
                (name, how)
            });
            let kind = ExpressionKind::Object(computed.collect());
            found.push(("computed".to_owned(), Expression { span, kind }));
        }
        let kind = ExpressionKind::Object(given);
        Some(Expression { span, kind })
    }

    /// A condition that is written out and says nothing would be told only when the script runs.
    pub(super) fn warn_of_condition(&mut self, word: &Word, said: &Expression) {
        let ExpressionKind::Constant(Constant::Text(condition)) = &said.kind else {
            return;
        };
        let id = ["FIND", "UPDATE", "DELETE"].contains(&word.name) && is_id(condition.trim());
        if condition.trim().is_empty() || id {
            return;
        }
        if let Err(wrong) = Condition::read(condition) {
            let help = "write it as in \"status = 'open' AND total > 10\"";
            self.report.add_with_help(CONDITION, said.span, wrong, help);
        }
    }

    /// `SET stock = LARGER(stock, 1)` reads a variable that nobody set, and not the field.
    fn warn_of_own_field(&mut self, field: &str, from: usize) {
        let is_part = |at: usize| {
            let dot = |token: Option<&crate::lexer::Token>| {
                token.is_some_and(|token| token.kind == TokenKind::Symbol(Symbol::Dot))
            };
            dot(self.tokens.get(at.wrapping_sub(1))) || dot(self.tokens.get(at + 1))
        };
        let reads = (from..self.at).find(|at| {
            let token = self.tokens[*at];
            token.kind == TokenKind::Word
                && self.text(token.span).eq_ignore_ascii_case(field)
                && !is_part(*at)
                && !self.is_set(field)
        });
        // `name = name` alone is a variable's own name, given by the host perhaps.
        if let Some(at) = reads.filter(|_| self.at - from > 1) {
            let span = self.tokens[at].span;
            let message = format!("`{field}` is a variable here and not the field, and it is never set");
            let help = format!("read the row first: row = FIND …, then {field} = row.{field} and so on");
            self.report.add_with_help(OWN_FIELD, span, message, help);
        }
    }

    /// Whether a name stands here with `=`, `:` or AS behind it.
    fn is_field(&self, distance: usize) -> bool {
        let named = matches!(self.peek_at(distance).kind, TokenKind::Word | TokenKind::Text);
        let (name, sign) = (self.peek_at(distance), self.peek_at(distance + 1));
        // `name: value`; with space before it a colon begins the next statement.
        let set = match sign.kind {
            TokenKind::Symbol(Symbol::Assign) => true,
            TokenKind::Symbol(Symbol::Colon) => name.span.end == sign.span.start,
            _ => false,
        };
        named && (set || self.word_is(distance + 1, "AS"))
    }

    /// `field DESC, field`, or a text that says so.
    pub(super) fn order(&mut self, span: Span) -> Option<Expression> {
        let mut items = Vec::new();
        loop {
            let name = match self.peek().kind {
                TokenKind::Word => self.field_path()?,
                _ => self.ranked(Rank::Join)?,
            };
            let descending = self.take_word("DESC") || self.take_word("DESCENDING");
            if !descending && !self.take_word("ASC") {
                self.take_word("ASCENDING");
            }
            let descending = Expression {
                span,
                kind: ExpressionKind::Constant(Constant::Bool(descending)),
            };
            items.push(array(span, vec![name, descending]));
            if !self.take_symbol(Symbol::Comma) {
                return Some(array(span, items));
            }
        }
    }

    /// `customer.city` as a text.
    pub(super) fn field_path(&mut self) -> Option<Expression> {
        let span = self.peek().span;
        let mut path = self.field_name()?;
        while self.take_symbol(Symbol::Dot) {
            path.push('.');
            path.push_str(&self.field_name()?);
        }
        Some(text(span, &path))
    }

    /// The names of arguments that are variables or fields, null for others.
    pub(super) fn names_of(&self, arguments: &[Expression], span: Span) -> Expression {
        let name = |argument: &Expression| match &argument.kind {
            ExpressionKind::Name(_) | ExpressionKind::Part(..) => {
                let written = self.text(argument.span);
                let last = written.rsplit('.').next().unwrap_or(written);
                text(argument.span, last.trim())
            }
            _ => Expression {
                span,
                kind: ExpressionKind::Constant(Constant::Null),
            },
        };
        array(span, arguments.iter().map(name).collect())
    }
}
