//! Words in expressions: variables, constants by name, calls.

use super::{Parser, dialog, expressions::Rank, requests::Within};
use crate::diagnostic::UNKNOWN_STATEMENT;
use crate::language::{self, RESERVED, Role, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind};

/// Words that separate parts of statements: a function without parentheses does not take them for its
/// argument.
const SEPARATORS: &[&str] = &[
    "THEN",
    "TO",
    "STEP",
    "AS",
    "WITH",
    "IN",
    "GOTO",
    "LIKE",
    "BY",
    "WHERE",
    "DEFAULT",
    "OPTIONAL",
    "DESCRIPTION",
    "EACH",
];

impl Parser<'_, '_> {
    /// A variable, a constant by name, or a call.
    pub(super) fn word(&mut self) -> Option<Expression> {
        let span = self.peek().span;
        let text = self.text(span);
        let constant = match text.to_ascii_uppercase().as_str() {
            "TRUE" => Some(Constant::Bool(true)),
            "FALSE" => Some(Constant::Bool(false)),
            "NULL" => Some(Constant::Null),
            // As older dialects call characters that cannot be written.
            "VBCRLF" | "VBNEWLINE" | "VBLF" if !self.is_set(text) => Some(Constant::Text("\n".to_owned())),
            "VBTAB" if !self.is_set(text) => Some(Constant::Text("\t".to_owned())),
            "NOTHING" if !self.is_set(text) => Some(Constant::Null),
            "JSON" if self.is_pattern(text) => Some(Constant::Text(text.to_owned())),
            "NEW" => return self.new_value(),
            "CREATE" if self.word_is(1, "OBJECT") || self.word_is(1, "ARRAY") => return self.new_value(),
            _ => None,
        };
        if let Some(constant) = constant {
            self.advance();
            return Some(Expression {
                span,
                kind: ExpressionKind::Constant(constant),
            });
        }
        // `band = Band(mark)`: from there on the name alone is the variable.
        let parenthesised = self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        if let Some(known) = self.procedure_here()
            && (parenthesised || !self.is_set(text))
        {
            self.advance();
            return self.invoked(known, span, false);
        }
        let calls = matches!(self.peek_at(1).kind, TokenKind::Text | TokenKind::Word)
            || self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        if self.at_word("CALL") && calls {
            self.advance();
            return self.called(span);
        }
        if calls && (self.at_word("ASK") || self.at_word("CONFIRM")) {
            return dialog::asked(self);
        }
        if let Some(call) = self.call()? {
            return Some(call);
        }
        // MOD and the like are operators, but MOD(7, 2) above is a function.
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return self.expected("a value");
        }
        if parenthesised && !self.is_set(text) {
            return self.unknown_function(span);
        }
        self.advance();
        let name = self.name(text, span);
        let variable = Expression {
            span,
            kind: ExpressionKind::Name(name),
        };
        let items = self.item_in_parentheses()?;
        if items.is_empty() {
            return Some(variable);
        }
        Some(Expression {
            span: span.to(self.previous()),
            kind: ExpressionKind::Part(Box::new(variable), items),
        })
    }

    /// A call of a word of the table, if one stands here: `Some(None)` when it is a variable after all.
    fn call(&mut self) -> Option<Option<Expression>> {
        let Some((word, length)) = self.phrase() else {
            return Some(None);
        };
        let span = self.peek().span.to(self.peek_at(length - 1).span);
        let parenthesised = self.peek_at(length).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        if word.name == "SELECT" && length == 1 {
            return self.query(word, span).map(Some);
        }
        if word.name == "GET"
            && length == 1
            && let Some(value) = self.dotted()
        {
            return Some(Some(value));
        }
        if let Role::Request(shape) = &word.role {
            // A name of several words is no variable, and what takes arguments is followed by them.
            let bare = shape.bare && !self.is_set(self.text(span));
            let alone = bare || (length > 1 || self.is_joined(word)) && word.takes(0);
            if parenthesised
                || alone
                || self.begins_argument(length)
                || self.begins_literal(length)
                || length > 1 && self.begins_value_at(length)
            {
                self.at += length;
                return self.request(word, shape, span, Within::Expression).map(Some);
            }
            return Some(None);
        }
        let bare = length > 1 && word.function().is_some_and(|function| function.bare)
            || self.is_joined(word) && word.function().is_some() && word.takes(0);
        if bare && !parenthesised {
            self.at += length;
            return Some(Some(Expression {
                span,
                kind: ExpressionKind::Call(Call {
                    word,
                    arguments: Vec::new(),
                }),
            }));
        }
        let takes_none = word.arguments().is_some_and(|arguments| arguments.most == 0);
        let begins = self.begins_argument(length) || self.begins_literal(length);
        if !parenthesised && (takes_none || !begins) {
            return Some(None);
        }
        match &word.role {
            Role::Function(function) => {
                self.at += length;
                let most = usize::from(function.arguments.most);
                let arguments = if parenthesised {
                    self.parenthesised_arguments(word, span)?
                } else {
                    self.unparenthesised(word, span, most)?
                };
                let (word, mut arguments) = self.continued(word, arguments)?;
                if word.name == "FILTER" {
                    self.prepare(&mut arguments, 1);
                }
                let span = span.to(self.previous());
                Some(Some(Expression {
                    span,
                    kind: ExpressionKind::Call(Call { word, arguments }),
                }))
            }
            Role::Closer(_) | Role::Request(_) => Some(None),
            Role::Statement(_) | Role::Effect { .. } => {
                let message = format!("{} is a statement and gives no value", word.name);
                let help = format!("write it on a line of its own: {}", word.form);
                self.report.add_with_help(UNKNOWN_STATEMENT, span, message, help);
                None
            }
        }
    }

    /// `FORMAT order AS JSON`: the pattern without quotes.
    fn is_pattern(&self, text: &str) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.text(self.tokens[at].span));
        let alone = self.peek_at(1).kind != TokenKind::Symbol(Symbol::OpenParenthesis);
        before.is_some_and(|before| before.eq_ignore_ascii_case("AS")) && alone && !self.is_set(text)
    }

    /// Whether a word of several words stands here as one, `UNIX_TIMESTAMP`, and no variable is called so.
    fn is_joined(&self, word: &Word) -> bool {
        let text = self.text(self.peek().span);
        text.contains('_')
            && !self.is_set(text)
            && word.arguments().is_some_and(|arguments| arguments.least == 0)
    }

    /// `FILL template, data TO path` writes a file.
    pub(super) fn continued(
        &mut self,
        word: &'static Word,
        mut arguments: Vec<Expression>,
    ) -> Option<(&'static Word, Vec<Expression>)> {
        if word.name != "FILL" || !self.take_word("TO") {
            return Some((word, arguments));
        }
        arguments.push(self.ranked(Rank::Join)?);
        Some((language::callable("FILL FILE")?, arguments))
    }

    /// `FORMAT x, "p"`: arguments without parentheses. They end before comparisons, so that
    /// `LEN name > 5` asks what it seems to.
    fn unparenthesised(&mut self, word: &'static Word, span: Span, most: usize) -> Option<Vec<Expression>> {
        if most == 1 {
            return Some(vec![self.ranked(Rank::Join)?]);
        }
        self.listed_arguments(word, span, most)
    }

    /// Whether a list or an object is written out behind a word that is no variable: `COMPRESS [a, b], "both.zip"`, while
    /// `list[0]` is an item.
    fn begins_literal(&self, length: usize) -> bool {
        let (word, next) = (self.peek_at(length - 1), self.peek_at(length));
        let opens = matches!(
            next.kind,
            TokenKind::Symbol(Symbol::OpenBracket | Symbol::OpenBrace)
        );
        opens && word.span.end < next.span.start && !self.is_set(self.text(self.peek().span))
    }

    /// Whether the token `distance` further on can only be the argument of the word before it.
    fn begins_argument(&self, distance: usize) -> bool {
        let token = self.peek_at(distance);
        match token.kind {
            TokenKind::Text | TokenKind::Number => true,
            TokenKind::Word => {
                let text = self.text(token.span);
                let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
                !is_one_of(SEPARATORS)
                    && !self.is_at_clause(distance)
                    && (!is_one_of(RESERVED) || is_one_of(&["NEW", "NULL", "TRUE", "FALSE"]))
            }
            _ => false,
        }
    }
}
