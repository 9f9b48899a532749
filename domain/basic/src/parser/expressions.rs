//! Expressions.

use super::Parser;
use crate::diagnostic::{EXPECTED, NUMBER_TOO_LARGE, UNKNOWN_STATEMENT};
use crate::language::{RESERVED, Role};
use crate::lexer::{self, Symbol, TokenKind, lex};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Part};
use crate::value::Operator;

/// How tightly operators bind, from loosest to tightest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
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
    Operator(Operator),
}

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
    pub(super) fn expression(&mut self) -> Option<Expression> {
        self.ranked(Rank::Or)
    }

    /// An expression whose operators bind at least as tightly as `rank`.
    fn ranked(&mut self, rank: Rank) -> Option<Expression> {
        let mut left = self.deeper(|parser| parser.prefixed())?;
        // The rank of the chain that `left` is, if it is one that may still grow.
        let mut growing = None;
        while let Some((infix, found)) = self.infix().filter(|(_, found)| *found >= rank) {
            self.advance();
            if let Infix::Is = infix {
                left = self.is_null(left)?;
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
                _ => None,
            },
            _ => None,
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
        if !self.take_word("NULL") {
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
        self.with_parts(value)
    }

    fn primary(&mut self) -> Option<Expression> {
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

    fn field_name(&mut self) -> Option<String> {
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

    /// A variable, a constant by name, or a call.
    fn word(&mut self) -> Option<Expression> {
        let span = self.peek().span;
        let text = self.text(span);
        let constant = match text.to_ascii_uppercase().as_str() {
            "TRUE" => Some(Constant::Bool(true)),
            "FALSE" => Some(Constant::Bool(false)),
            "NULL" => Some(Constant::Null),
            "NEW" => return self.new_value(),
            _ => None,
        };
        if let Some(constant) = constant {
            self.advance();
            return Some(Expression {
                span,
                kind: ExpressionKind::Constant(constant),
            });
        }
        if let Some(known) = self.procedure_here() {
            self.advance();
            return self.invoked(known, span, false);
        }
        let calls = matches!(self.peek_at(1).kind, TokenKind::Text | TokenKind::Word)
            || self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        if self.at_word("CALL") && calls {
            self.advance();
            return self.called(span);
        }
        if let Some(call) = self.call()? {
            return Some(call);
        }
        // MOD and the like are operators, but MOD(7, 2) above is a function.
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            return self.expected("a value");
        }
        if self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis) {
            return self.unknown_function(span);
        }
        self.advance();
        let name = self.name(text, span);
        Some(Expression {
            span,
            kind: ExpressionKind::Name(name),
        })
    }

    /// `NEW OBJECT`, `NEW ARRAY`, with or without parentheses.
    fn new_value(&mut self) -> Option<Expression> {
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

    /// A call of a word of the table, if one stands here: `Some(None)` when it is a variable after all.
    fn call(&mut self) -> Option<Option<Expression>> {
        let Some((word, length)) = self.phrase() else {
            return Some(None);
        };
        let span = self.peek().span.to(self.peek_at(length - 1).span);
        let parenthesised = self.peek_at(length).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        let bare = length > 1 && word.function().is_some_and(|function| function.bare);
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
        if !parenthesised && !self.begins_argument(length) {
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
                let span = span.to(self.previous());
                Some(Some(Expression {
                    span,
                    kind: ExpressionKind::Call(Call { word, arguments }),
                }))
            }
            Role::Unavailable { .. } => {
                self.unavailable(word, span);
                None
            }
            Role::Closer(_) => Some(None),
            Role::Statement(_) | Role::Effect { .. } => {
                let message = format!("{} is a statement and gives no value", word.name);
                let help = format!("write it on a line of its own: {}", word.form);
                self.report.add_with_help(UNKNOWN_STATEMENT, span, message, help);
                None
            }
        }
    }

    /// `FORMAT x, "p"`: arguments without parentheses. They end before comparisons, so that
    /// `LEN name > 5` asks what it seems to.
    fn unparenthesised(
        &mut self,
        word: &'static crate::language::Word,
        span: Span,
        most: usize,
    ) -> Option<Vec<Expression>> {
        if most == 1 {
            return Some(vec![self.ranked(Rank::Join)?]);
        }
        self.listed_arguments(word, span, most)
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
                    && (!is_one_of(RESERVED) || is_one_of(&["NEW", "NULL", "TRUE", "FALSE"]))
            }
            _ => false,
        }
    }

    /// `value.name[index]…`
    fn with_parts(&mut self, value: Expression) -> Option<Expression> {
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
                Infix::Is => left.kind,
                Infix::Operator(operator) => ExpressionKind::Chain(Box::new(left), vec![(operator, right)]),
            }
        }
    };
    Expression { span, kind }
}
