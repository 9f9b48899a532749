//! FOR, FOR EACH, WHILE, DO.

use super::{Parser, blocks::BlockKind};
use crate::diagnostic::{EXPECTED, OTHER_LOOP};
use crate::lexer::{Symbol, TokenKind};
use crate::source::Span;
use crate::syntax::{Condition, Expression, For, LoopKind, Statement, StatementKind};

pub(crate) fn for_loop(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    // `FOR item IN list`
    if parser.word_is(1, "IN") {
        return for_each(parser, span);
    }
    let header = for_header(parser, span);
    if header.is_none() {
        parser.skip_statement();
    }
    let body = loop_body(parser, span, header.as_ref().map(|header| header.counter));
    header.map(|header| Statement {
        span,
        kind: StatementKind::For(For { body, ..header }),
    })
}

fn for_header(parser: &mut Parser<'_, '_>, span: Span) -> Option<For> {
    let counter = loop_variable(parser)?;
    parser.expect_symbol(Symbol::Assign, "`=`")?;
    let from = parser.expression()?;
    if !parser.take_word("TO") {
        return parser.expected("TO");
    }
    let to = parser.expression()?;
    let by = if parser.take_word("STEP") {
        Some(parser.expression()?)
    } else {
        None
    };
    parser.take_word("DO");
    let (limit, step) = (parser.hidden_name(span), parser.hidden_name(span));
    Some(For {
        counter,
        limit,
        step,
        from,
        to,
        by,
        body: Vec::new(),
    })
}

pub(crate) fn for_each(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let header = each_header(parser);
    if header.is_none() {
        parser.skip_statement();
    }
    let body = loop_body(parser, span, header.as_ref().map(|(item, _)| *item));
    let (list, index) = (parser.hidden_name(span), parser.hidden_name(span));
    let (item, of) = header?;
    Some(Statement {
        span,
        kind: StatementKind::ForEach {
            item,
            list,
            index,
            of,
            body,
        },
    })
}

fn each_header(parser: &mut Parser<'_, '_>) -> Option<(u16, Expression)> {
    let item = loop_variable(parser)?;
    if !parser.take_word("IN") {
        return parser.expected("IN");
    }
    let of = parser.expression()?;
    parser.take_word("DO");
    Some((item, of))
}

fn loop_variable(parser: &mut Parser<'_, '_>) -> Option<u16> {
    if parser.peek().kind != TokenKind::Word {
        return parser.expected("the name of a variable");
    }
    let span = parser.advance().span;
    let name = parser.name(parser.text(span), span);
    parser.mark_set(name);
    Some(name)
}

/// The statements of a FOR loop and its end: `NEXT`, `NEXT i` or `END FOR`.
fn loop_body(parser: &mut Parser<'_, '_>, span: Span, variable: Option<u16>) -> Vec<Statement> {
    parser.finish_statement();
    parser.open_block(BlockKind::For, span);
    let (body, end) = parser.body();
    parser.close_block();
    if end.is_some() && parser.peek().kind == TokenKind::Word && !parser.at_statement_end() {
        let place = parser.advance().span;
        let text = parser.text(place);
        let named = parser.name(text, place);
        if variable.is_some_and(|variable| variable != named) {
            let (line, _) = parser.report.place(span.start);
            let message =
                format!("`{text}` is not the variable of the innermost loop, which begins on line {line}");
            parser.report.add(OTHER_LOOP, place, message);
        }
        parser.mark_set(named);
    }
    body
}

pub(crate) fn while_loop(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let condition = parser.expression();
    parser.take_word("DO");
    if condition.is_some() {
        parser.finish_statement();
    } else {
        parser.skip_statement();
    }
    parser.open_block(BlockKind::While, span);
    let (body, _) = parser.body();
    parser.close_block();
    let head = Some(Condition {
        expression: condition?,
        until: false,
    });
    Some(Statement {
        span,
        kind: StatementKind::Loop {
            kind: LoopKind::While,
            head,
            body,
            tail: None,
        },
    })
}

pub(crate) fn do_loop(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let head = loop_condition(parser);
    if head.is_some() {
        parser.finish_statement();
    } else {
        parser.skip_statement();
    }
    parser.open_block(BlockKind::Do, span);
    let (body, end) = parser.body();
    parser.close_block();
    let tail = if end.is_some() {
        loop_condition(parser)?
    } else {
        None
    };
    let head = head?;
    if let (Some(_), Some(tail)) = (&head, &tail) {
        return parser.error(
            EXPECTED,
            tail.expression.span,
            "the loop already has a condition after DO",
        );
    }
    Some(Statement {
        span,
        kind: StatementKind::Loop {
            kind: LoopKind::Do,
            head,
            body,
            tail,
        },
    })
}

/// `WHILE condition`, `UNTIL condition` or nothing; absent after a mistake.
fn loop_condition(parser: &mut Parser<'_, '_>) -> Option<Option<Condition>> {
    let until = parser.at_word("UNTIL");
    if !until && !parser.at_word("WHILE") {
        return Some(None);
    }
    parser.advance();
    Some(Some(Condition {
        expression: parser.expression()?,
        until,
    }))
}
