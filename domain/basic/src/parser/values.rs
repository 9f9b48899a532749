//! What stands between operators: constants, texts with values in them, arrays, objects, and their parts.

use super::Parser;
use crate::diagnostic::{EXPECTED, NUMBER_TOO_LARGE};
use crate::lexer::{self, Symbol, TokenKind, lex};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, Part};

impl Parser<'_, '_> {
    pub(super) fn primary(&mut self) -> Option<Expression> {
        let token = self.peek();
        match token.kind {
            TokenKind::Number => self.number(),
            TokenKind::Text => {
                self.advance();
                let parts = lexer::quoted_parts(self.source, token.span);
                self.joined(parts, token.span)
            }
            TokenKind::Symbol(Symbol::OpenParenthesis) => {
                self.advance();
                let inner = self.expression()?;
                self.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
                Some(Expression {
                    span: token.span.to(self.previous()),
                    kind: inner.kind,
                })
            }
            TokenKind::Symbol(Symbol::OpenBracket) => self.array(),
            TokenKind::Symbol(Symbol::OpenBrace) => self.object(),
            TokenKind::Word => self.word(),
            TokenKind::Symbol(Symbol::Dot) if !self.subjects.is_empty() => self.subject_part(),
            _ => self.expected("a value"),
        }
    }

    fn number(&mut self) -> Option<Expression> {
        let span = self.advance().span;
        let text = self.text(span);
        let constant = match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(integer), _) => Constant::Integer(integer),
            (_, Ok(number)) if number.is_finite() => Constant::Number(number),
            _ => return self.error(NUMBER_TOO_LARGE, span, "this number is too large"),
        };
        Some(Expression {
            span,
            kind: ExpressionKind::Constant(constant),
        })
    }

    /// A text of parts as an expression.
    pub(super) fn joined(&mut self, parts: Vec<lexer::Part>, span: Span) -> Option<Expression> {
        let text = |text| ExpressionKind::Constant(Constant::Text(text));
        let mut pieces = Vec::new();
        for part in parts {
            pieces.push(match part {
                lexer::Part::Literal(literal) => Expression {
                    span,
                    kind: text(literal),
                },
                lexer::Part::Expression(inner) => self.interpolated(inner)?,
            });
        }
        let kind = match pieces.as_mut_slice() {
            [] => text(String::new()),
            [
                Expression {
                    kind: ExpressionKind::Constant(Constant::Text(only)),
                    ..
                },
            ] => text(std::mem::take(only)),
            _ => ExpressionKind::Joined(pieces),
        };
        Some(Expression { span, kind })
    }

    /// The expression between `${` and `}`.
    fn interpolated(&mut self, span: Span) -> Option<Expression> {
        let tokens = lex(self.source, span, self.report);
        let outer = (
            std::mem::replace(&mut self.tokens, tokens),
            std::mem::take(&mut self.at),
        );
        let parsed = self.deeper(|parser| {
            let value = parser.expression()?;
            if matches!(parser.peek().kind, TokenKind::Line | TokenKind::End) {
                Some(value)
            } else {
                parser.expected("`}`")
            }
        });
        (self.tokens, self.at) = outer;
        if self.report.is_closed() {
            self.at = self.tokens.len() - 1;
        }
        parsed
    }

    fn array(&mut self) -> Option<Expression> {
        let start = self.advance().span;
        let mut items = Vec::new();
        while !self.at_symbol(Symbol::CloseBracket) {
            items.push(self.expression()?);
            if !self.take_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::CloseBracket, "`,` or `]`")?;
        Some(Expression {
            span: start.to(self.previous()),
            kind: ExpressionKind::Array(items),
        })
    }

    fn object(&mut self) -> Option<Expression> {
        let start = self.advance().span;
        let mut fields = Vec::new();
        while !self.at_symbol(Symbol::CloseBrace) {
            let key = self.field_name()?;
            if !self.take_symbol(Symbol::Colon) && !self.take_symbol(Symbol::Assign) {
                return self.expected("`:` after the name of the field");
            }
            fields.push((key, self.expression()?));
            if !self.take_symbol(Symbol::Comma) {
                break;
            }
        }
        self.expect_symbol(Symbol::CloseBrace, "`,` or `}`")?;
        Some(Expression {
            span: start.to(self.previous()),
            kind: ExpressionKind::Object(fields),
        })
    }

    pub(super) fn field_name(&mut self) -> Option<String> {
        let token = self.peek();
        match token.kind {
            TokenKind::Word | TokenKind::Number => {
                self.advance();
                Some(self.text(token.span).to_owned())
            }
            TokenKind::Text => {
                self.advance();
                match lexer::quoted_parts(self.source, token.span).as_slice() {
                    [] => Some(String::new()),
                    [lexer::Part::Literal(name)] => Some(name.clone()),
                    _ => self.error(EXPECTED, token.span, "the name of a field cannot contain ${…}"),
                }
            }
            _ => self.expected("the name of a field"),
        }
    }

    /// `NEW OBJECT`, `CREATE ARRAY`, with or without parentheses.
    pub(super) fn new_value(&mut self) -> Option<Expression> {
        let start = self.advance().span;
        let kind = if self.take_word("OBJECT") {
            ExpressionKind::Object(Vec::new())
        } else if self.take_word("ARRAY") {
            ExpressionKind::Array(Vec::new())
        } else {
            return self.expected("OBJECT or ARRAY after NEW");
        };
        if self.take_symbol(Symbol::OpenParenthesis) {
            self.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
        }
        Some(Expression {
            span: start.to(self.previous()),
            kind,
        })
    }

    /// `value.name[index]…`
    pub(super) fn with_parts(&mut self, value: Expression) -> Option<Expression> {
        let parts = self.parts()?;
        if parts.is_empty() {
            return Some(value);
        }
        let span = value.span.to(self.previous());
        Some(Expression {
            span,
            kind: ExpressionKind::Part(Box::new(value), parts),
        })
    }

    pub(super) fn parts(&mut self) -> Option<Vec<Part>> {
        let mut parts = Vec::new();
        loop {
            if self.is_method(0) {
                return Some(parts);
            }
            if self.take_symbol(Symbol::Dot) {
                if self.peek().kind != TokenKind::Word {
                    return self.expected("a name after `.`");
                }
                let span = self.advance().span;
                parts.push(Part::Member(self.text(span).to_owned()));
            } else if self.take_symbol(Symbol::OpenBracket) {
                parts.push(Part::Index(self.expression()?));
                self.expect_symbol(Symbol::CloseBracket, "`]`")?;
            } else {
                return Some(parts);
            }
        }
    }
}
