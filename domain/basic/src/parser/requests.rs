//! Requests: words whose arguments are followed by clauses, such as `FIND "berths" WHERE length > 12 LIMIT 5`.
//!
//! The clauses become one object, the last argument of the call. A condition becomes a list: the operator, then what it
//! compares or joins.

mod conditions;

use super::expressions::Rank;
use super::{Parser, mentions};
use crate::language::{self, Clause, Role, Shape, Takes, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Part};

/// Where a request stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// It is a statement, or the whole value that one sets.
    Statement,
    /// Part of an expression: comparisons around it do not belong to its arguments.
    Expression,
}

/// A text that ends so names a file of the drive.
const FILE_ENDINGS: [&str; 12] = [
    "csv", "docx", "html", "jpg", "json", "md", "pdf", "png", "pptx", "txt", "xlsx", "xml",
];

impl Parser<'_, '_> {
    /// What a request is given, once its name has been taken.
    pub(super) fn request(
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
            while !self.at_statement_end() && !self.clauses(shape, &mut clauses)? {
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
        while self.clauses(shape, &mut clauses)? {}
        let mut arguments = self.counted(word, span, arguments)?;
        if let Some(at) = shape.condition_at {
            self.prepare(&mut arguments, usize::from(at));
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
        fits.then(|| clause.word.split(' ').count())
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
        let ends =
            self.is_statement_end(length) || self.peek_at(length).kind == TokenKind::Symbol(Symbol::Comma);
        ends && (after_comma || clause.takes != Takes::Nothing)
    }

    fn values(&mut self, span: Span) -> Option<Expression> {
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
    fn fields(&mut self, span: Span) -> Option<Expression> {
        if !self.is_field(0) {
            return self.ranked(Rank::Join);
        }
        let mut fields = Vec::new();
        loop {
            let name = self.field_name()?;
            self.advance();
            fields.push((name, self.ranked(Rank::Join)?));
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
    fn order(&mut self, span: Span) -> Option<Expression> {
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
    fn field_path(&mut self) -> Option<Expression> {
        let span = self.peek().span;
        let mut path = self.field_name()?;
        while self.take_symbol(Symbol::Dot) {
            path.push('.');
            path.push_str(&self.field_name()?);
        }
        Some(text(span, &path))
    }

    /// The names of arguments that are variables or fields, null for others.
    fn names_of(&self, arguments: &[Expression], span: Span) -> Expression {
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

    /// `SELECT … FROM …` up to the end of the statement, with the variables of the script that it mentions.
    pub(super) fn query(&mut self, word: &'static Word, span: Span) -> Option<Expression> {
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
    fn rest(&mut self, span: Span) -> Expression {
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
        let mut variables = Vec::new();
        while !self.at_statement_end() {
            let token = self.advance();
            let name = self.text(token.span).to_owned();
            let known = variables
                .iter()
                .any(|(known, _): &(String, _)| known.eq_ignore_ascii_case(&name));
            if token.kind == TokenKind::Word && !known && self.is_set(&name) {
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

    /// `INSERT INTO logs (a, b) VALUES (1, 2)`, once its name has been taken; None where it is not written so.
    fn columned(&mut self, span: Span) -> Option<Option<(Expression, Expression)>> {
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
    pub(super) fn dotted(&mut self) -> Option<Expression> {
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
