//! Jumps and errors: labels, GOTO, ON ERROR, TRY. And WITH, whose lines begin in an unusual way too.

use super::{Parser, blocks::BlockKind};
use crate::diagnostic::EXPECTED;
use crate::language::Closer;
use crate::lexer::TokenKind;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, OnError, Part, Statement, StatementKind, Target};

pub(crate) fn goto(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let (label, span) = label(parser, span)?;
    Some(Statement {
        span,
        kind: StatementKind::Goto(label),
    })
}

fn label(parser: &mut Parser<'_, '_>, _: Span) -> Option<(String, Span)> {
    if !matches!(parser.peek().kind, TokenKind::Word | TokenKind::Number) {
        return parser.expected("the name of a label");
    }
    let place = parser.advance().span;
    Some((parser.text(place).to_lowercase(), place))
}

pub(crate) fn resume_next(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    (parser.traps.resumes, parser.traps.any) = (true, true);
    Some(Statement {
        span,
        kind: StatementKind::OnError(OnError::Next),
    })
}

/// `ON ERROR GOTO label`, `ON ERROR GOTO 0`
pub(crate) fn error_goto(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let token = parser.peek();
    if token.kind == TokenKind::Number && parser.text(token.span) == "0" {
        parser.advance();
        return Some(Statement {
            span,
            kind: StatementKind::OnError(OnError::Off),
        });
    }
    parser.traps.any = true;
    let (label, span) = label(parser, span)?;
    Some(Statement {
        span,
        kind: StatementKind::OnError(OnError::Goto(label)),
    })
}

/// `TRY … CATCH name … END TRY`
pub(crate) fn try_block(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    parser.traps.any = true;
    parser.open_block(BlockKind::Try, span);
    let (body, mut end) = parser.body();
    let (mut name, mut handler) = (None, Vec::new());
    while let Some((Closer::Catch, _)) = end {
        if parser.peek().kind == TokenKind::Word && !parser.at_statement_end() {
            let place = parser.advance().span;
            let variable = parser.name(parser.text(place), place);
            parser.mark_set(variable);
            name = Some(variable);
        }
        parser.finish_statement();
        (handler, end) = parser.body();
    }
    parser.close_block();
    let saved = parser.hidden_name(span);
    Some(Statement {
        span,
        kind: StatementKind::Try {
            saved,
            body,
            name,
            handler,
        },
    })
}

/// `WITH variable … END WITH`
pub(crate) fn with(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let place = parser.peek().span;
    let target = parser.target();
    let Some(target) = target else {
        parser.skip_statement();
        parser.subjects.push((0, Vec::new()));
        with_body(parser, span);
        return None;
    };
    let members: Option<Vec<String>> = target
        .parts
        .iter()
        .map(|part| match part {
            Part::Member(name) => Some(name.clone()),
            Part::Index(_) => None,
        })
        .collect();
    if members.is_none() {
        let message = "WITH takes a variable or a field of one; set a variable to the item first";
        parser.report.add(EXPECTED, place, message);
    }
    parser.finish_statement();
    parser.subjects.push((target.name, members.unwrap_or_default()));
    let body = with_body(parser, span);
    Some(Statement {
        span,
        kind: StatementKind::With { target, body },
    })
}

fn with_body(parser: &mut Parser<'_, '_>, span: Span) -> Vec<Statement> {
    parser.open_block(BlockKind::With, span);
    let (body, _) = parser.body();
    parser.close_block();
    parser.subjects.pop();
    body
}

impl Parser<'_, '_> {
    /// The field of the object of the WITH block that stands here: `.name…`, or `name` about to be set.
    pub(super) fn subject_target(&mut self, span: Span) -> Option<Target> {
        let (name, members) = self.subjects.last()?.clone();
        let mut parts: Vec<Part> = members.into_iter().map(Part::Member).collect();
        if self.peek().kind == TokenKind::Word {
            let place = self.advance().span;
            parts.push(Part::Member(self.text(place).to_owned()));
        }
        parts.extend(self.parts()?);
        if parts.len() > super::simple::TARGET_PARTS_MAX {
            return self.error(EXPECTED, span, "the part that is to be set lies too deep");
        }
        Some(Target { name, parts })
    }

    /// `.name` as a value.
    pub(super) fn subject_part(&mut self) -> Option<Expression> {
        let span = self.peek().span;
        let target = self.subject_target(span)?;
        let whole = Expression {
            span,
            kind: ExpressionKind::Name(target.name),
        };
        Some(Expression {
            span: span.to(self.previous()),
            kind: ExpressionKind::Part(Box::new(whole), target.parts),
        })
    }
}
