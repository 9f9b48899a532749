//! Statements of one line: setting variables, leaving loops, ending.

use super::{Parser, dialog};
use crate::diagnostic::{EXPECTED, NOT_ASSIGNABLE, RESERVED as RESERVED_NAME};
use crate::language::{self, RESERVED};
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, LoopKind, Part, Statement, StatementKind, Target};

/// Parts of parts that an assignment can name. The store instruction has a bit for each.
pub(super) const TARGET_PARTS_MAX: usize = 32;

/// `target = value`, after LET and SET or by itself.
pub(crate) fn assignment(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    if parser.peek().kind == TokenKind::Text {
        // `SET "table", "condition", "changes"`
        let value = parser.request_statement(language::callable("SET TABLE")?, span)?;
        return Some(Statement {
            span: value.span,
            kind: StatementKind::Evaluate(value),
        });
    }
    parser.assignment(span)
}

impl Parser<'_, '_> {
    pub(super) fn assignment(&mut self, span: Span) -> Option<Statement> {
        let first = self.text(self.peek().span).to_lowercase();
        let outer = self.becoming.take();
        if !self.is_set(&first) {
            self.becoming = Some(first);
        }
        let target = self.target();
        let assigned = target.and_then(|target| self.assigned(target, span));
        self.becoming = outer;
        assigned
    }

    /// What is set has been read; the rest of the assignment.
    pub(super) fn assigned(&mut self, target: Target, span: Span) -> Option<Statement> {
        if let Some(operator) = self.compound() {
            return self.recomputed(target, operator, span);
        }
        // `LET total AS NUMBER = 0`: a variable holds anything.
        if self.at_word("AS") && self.peek_at(2).kind == TokenKind::Symbol(Symbol::Assign) {
            self.at += 2;
        }
        if !self.take_symbol(Symbol::Assign) {
            return self.expected("`=`");
        }
        if self.at_word("HEAR") && !self.is_part(1) {
            self.advance();
            return dialog::hear_into(self, span, Some(target));
        }
        if self.at_word("ASK") && !self.is_part(1) && !self.is_variable() {
            self.advance();
            return dialog::ask_into(self, span, Some(target));
        }
        if self.at_word("CONFIRM") && !self.is_part(1) && !self.is_variable() {
            self.advance();
            return dialog::confirm_into(self, span, Some(target));
        }
        let value = self.expression()?;
        let span = span.to(value.span);
        Some(Statement {
            span,
            kind: StatementKind::Assign { target, value },
        })
    }

    /// Whether a variable that was set stands here alone.
    fn is_variable(&self) -> bool {
        self.is_statement_end(1) && self.is_set(self.text(self.peek().span))
    }

    /// Whether the word before the token `distance` further on is a variable, whose part this is.
    fn is_part(&self, distance: usize) -> bool {
        self.peek_at(distance).kind == TokenKind::Symbol(Symbol::Dot)
    }

    /// A variable or a part of one, about to be set.
    pub(super) fn target(&mut self) -> Option<Target> {
        let token = self.peek();
        if token.kind != TokenKind::Word {
            return self.expected("the name of a variable");
        }
        let text = self.text(token.span);
        if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
            let message = format!(
                "{} is a word of the language and cannot be a variable",
                text.to_uppercase()
            );
            return self.error(RESERVED_NAME, token.span, message);
        }
        self.advance();
        let set = self.is_set(text);
        if self.at_symbol(Symbol::OpenParenthesis) && !set {
            let message = format!("`{text}(…)` is a call and cannot be set; items of arrays stand in [ ]");
            return self.error(NOT_ASSIGNABLE, token.span, message);
        }
        let name = self.name(text, token.span);
        self.mark_set(name);
        let mut parts = self.item_in_parentheses()?;
        parts.extend(self.parts()?);
        if parts.len() > TARGET_PARTS_MAX {
            return self.error(EXPECTED, token.span, "the part that is to be set lies too deep");
        }
        Some(Target { name, parts })
    }
}

/// `DIM name`, `DIM name AS type`, `DIM name(size)`, `DIM name = value`, several separated by commas.
pub(crate) fn dim(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    if parser.peek_at(1).kind == TokenKind::Symbol(Symbol::Assign) {
        return parser.assignment(span);
    }
    let mut last = None;
    loop {
        if parser.peek().kind != TokenKind::Word {
            return parser.expected("the name of a variable");
        }
        let place = parser.advance().span;
        let folded = parser.text(place).to_lowercase();
        // Inside of a procedure DIM makes a variable of its own.
        let name = match parser
            .scope
            .as_ref()
            .map(|scope| scope.locals.get(&folded).copied())
        {
            Some(None) => parser.local(&folded, place),
            _ => parser.name(parser.text(place), place),
        };
        parser.mark_set(name);
        let mut kind = StatementKind::Nothing;
        if parser.at_symbol(Symbol::OpenParenthesis) || parser.at_symbol(Symbol::OpenBracket) {
            let parenthesis = parser.advance().kind == TokenKind::Symbol(Symbol::OpenParenthesis);
            let (closing, what) = if parenthesis {
                (Symbol::CloseParenthesis, "`)`")
            } else {
                (Symbol::CloseBracket, "`]`")
            };
            if !parser.at_symbol(closing) {
                // Arrays grow as they need to: the size is of no use.
                parser.expression()?;
            }
            parser.expect_symbol(closing, what)?;
            let value = Expression {
                span: place,
                kind: ExpressionKind::Array(Vec::new()),
            };
            kind = StatementKind::Assign {
                target: Target {
                    name,
                    parts: Vec::new(),
                },
                value,
            };
        }
        if parser.take_word("AS") && parser.peek().kind == TokenKind::Word {
            parser.advance();
        }
        if parser.take_symbol(Symbol::Assign) {
            let target = Target {
                name,
                parts: Vec::new(),
            };
            let value = parser.expression()?;
            kind = StatementKind::Assign { target, value };
        }
        last = match (last, kind) {
            (None, kind) => Some(Statement { span, kind }),
            (Some(first), kind) => Some(Statement {
                span,
                kind: both(first, Statement { span, kind }),
            }),
        };
        if !parser.take_symbol(Symbol::Comma) {
            return last;
        }
    }
}

/// Two statements as one.
fn both(first: Statement, second: Statement) -> StatementKind {
    let always = Expression {
        span: first.span,
        kind: ExpressionKind::Constant(Constant::Bool(true)),
    };
    match (first.kind, second.kind) {
        (StatementKind::Nothing, kind) | (kind, StatementKind::Nothing) => kind,
        (StatementKind::If { mut arms, otherwise }, kind) => {
            if let Some((_, body)) = arms.first_mut() {
                body.push(Statement {
                    span: second.span,
                    kind,
                });
            }
            StatementKind::If { arms, otherwise }
        }
        (kind, second_kind) => {
            let body = vec![
                Statement {
                    span: first.span,
                    kind,
                },
                Statement {
                    span: second.span,
                    kind: second_kind,
                },
            ];
            StatementKind::If {
                arms: vec![(always, body)],
                otherwise: Vec::new(),
            }
        }
    }
}

pub(crate) fn exit_for(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(Statement {
        span,
        kind: StatementKind::Exit(LoopKind::For),
    })
}

pub(crate) fn exit_while(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(Statement {
        span,
        kind: StatementKind::Exit(LoopKind::While),
    })
}

pub(crate) fn exit_do(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(Statement {
        span,
        kind: StatementKind::Exit(LoopKind::Do),
    })
}

/// `CONTINUE`, `CONTINUE FOR`, `CONTINUE WHILE`, `CONTINUE DO`
pub(crate) fn next_round(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let kinds = [
        ("FOR", LoopKind::For),
        ("WHILE", LoopKind::While),
        ("DO", LoopKind::Do),
    ];
    let kind = kinds.into_iter().find(|(word, _)| parser.take_word(word));
    Some(Statement {
        span,
        kind: StatementKind::Continue(kind.map(|(_, kind)| kind)),
    })
}

/// `END`, `STOP`, bare `EXIT`: the script ends without a result.
pub(crate) fn end(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(Statement {
        span,
        kind: StatementKind::End,
    })
}

pub(crate) fn return_value(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let value = if parser.at_statement_end() {
        None
    } else {
        Some(parser.expression()?)
    };
    Some(Statement {
        span,
        kind: StatementKind::Return(value),
    })
}

/// `RETURN WITH name AS value, …`
pub(crate) fn return_with(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let mut fields = Vec::new();
    loop {
        if parser.peek().kind != TokenKind::Word {
            return parser.expected("the name of a field");
        }
        let place = parser.advance().span;
        if !parser.take_word("AS") && !parser.take_symbol(Symbol::Assign) {
            return parser.expected("AS after the name of the field");
        }
        fields.push((parser.text(place).to_owned(), parser.expression()?));
        if !parser.take_symbol(Symbol::Comma) {
            break;
        }
    }
    let value = Expression {
        span: span.to(parser.previous()),
        kind: ExpressionKind::Object(fields),
    };
    Some(Statement {
        span,
        kind: StatementKind::Return(Some(value)),
    })
}

/// The single name that an expression is, if it is one.
pub(crate) fn variable_of(expression: &Expression) -> Option<(u16, &[Part])> {
    match &expression.kind {
        ExpressionKind::Name(name) => Some((*name, &[])),
        ExpressionKind::Part(of, parts) => match of.kind {
            ExpressionKind::Name(name) if parts.len() <= TARGET_PARTS_MAX => Some((name, parts)),
            _ => None,
        },
        _ => None,
    }
}
