//! What starts a script by itself: WEBHOOK, ON …, SET SCHEDULE. And steps of workflows, and mail in a block.

use super::{Parser, blocks::BlockKind};
use crate::diagnostic::EXPECTED;
use crate::language;
use crate::lexer::{self, TokenKind};
use crate::program::{Constant, RowOperation, Trigger};
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Statement, StatementKind};
use crate::value::Operator;

fn nothing(span: Span) -> Statement {
    Statement {
        span,
        kind: StatementKind::Nothing,
    }
}

/// A text that does not depend on anything, in quotes or a word alone.
fn said(parser: &mut Parser<'_, '_>, what: &str) -> Option<String> {
    let token = parser.peek();
    match token.kind {
        TokenKind::Word => {
            parser.advance();
            Some(parser.text(token.span).to_owned())
        }
        TokenKind::Text => match parser.expression()? {
            Expression {
                kind: ExpressionKind::Constant(Constant::Text(text)),
                ..
            } => Some(text),
            Expression { span, .. } => parser.error(
                EXPECTED,
                span,
                format!("{what} stands in quotes, without variables in it"),
            ),
        },
        _ => parser.expected(what),
    }
}

/// `WEBHOOK "endpoint"`
pub(crate) fn webhook(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let endpoint = said(parser, "the name of the endpoint")?;
    parser.declared.triggers.push(Trigger::Webhook { endpoint });
    Some(nothing(span))
}

/// `ON INSERT OF "table"`
pub(crate) fn on_insert(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    row(parser, span, RowOperation::Insert)
}

pub(crate) fn on_update(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    row(parser, span, RowOperation::Update)
}

pub(crate) fn on_delete(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    row(parser, span, RowOperation::Delete)
}

fn row(parser: &mut Parser<'_, '_>, span: Span, operation: RowOperation) -> Option<Statement> {
    if !parser.take_word("OF") {
        parser.take_word("ON");
    }
    let table = said(parser, "the name of the table")?;
    parser.declared.triggers.push(Trigger::Row { operation, table });
    Some(nothing(span))
}

/// `ON EMAIL "address" FROM "sender"`, `… SUBJECT "text"`
pub(crate) fn on_mail(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let address = said(parser, "the address")?;
    let (mut from, mut subject) = (None, None);
    loop {
        if parser.take_word("FROM") {
            from = Some(said(parser, "the sender")?);
        } else if parser.take_word("SUBJECT") {
            subject = Some(said(parser, "the subject")?);
        } else {
            break;
        }
    }
    let trigger = Trigger::Mail {
        address,
        from,
        subject,
    };
    parser.declared.triggers.push(trigger);
    Some(nothing(span))
}

/// `END WORKFLOW`: nothing depends on where the steps of a workflow end.
pub(crate) fn end_workflow(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(nothing(span))
}

/// `ON CHANGE "path" EVENTS "create,modify"`
pub(crate) fn on_change(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let path = said(parser, "the folder")?;
    let events = match parser.take_word("EVENTS") {
        true => Some(said(parser, "the events")?),
        false => None,
    };
    parser.declared.triggers.push(Trigger::Change { path, events });
    Some(nothing(span))
}

/// `ON FORM SUBMIT "form"`
pub(crate) fn on_form(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let name = said(parser, "the name of the form")?;
    parser.declared.triggers.push(Trigger::Form { name });
    Some(nothing(span))
}

/// `ON EVENT "name"`: the whole script handles it; with DO, the lines up to END ON.
pub(crate) fn on_event(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let name = said(parser, "the name of the event")?;
    parser
        .declared
        .triggers
        .push(Trigger::Event { name: name.clone() });
    if !parser.take_word("DO") {
        return Some(nothing(span));
    }
    parser.finish_statement();
    parser.open_block(BlockKind::On, span);
    let (body, _) = parser.body();
    parser.close_block();
    let event = parser.name("trigger_event", span);
    let constant = |kind| Expression { span, kind };
    let is_it = constant(ExpressionKind::Chain(
        Box::new(constant(ExpressionKind::Name(event))),
        vec![(
            Operator::Equal,
            constant(ExpressionKind::Constant(Constant::Text(name))),
        )],
    ));
    Some(Statement {
        span,
        kind: StatementKind::If {
            arms: vec![(is_it, body)],
            otherwise: Vec::new(),
        },
    })
}

/// `SET SCHEDULE "every day at 9am"`: of this script. With a script behind it, what the host is asked for as it runs.
pub(crate) fn schedule(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let begin = parser.at;
    let unquoted = parser.peek().kind == TokenKind::Word
        && [
            "EVERY", "WEEKDAYS", "WEEKENDS", "BUSINESS", "DAILY", "HOURLY", "WEEKLY", "MONTHLY",
        ]
        .iter()
        .any(|word| parser.at_word(word));
    let alone = match parser.peek().kind {
        TokenKind::Text => parser.is_statement_end(1),
        _ => unquoted,
    };
    if alone {
        let start = parser.peek().span;
        let when = if unquoted {
            parser.skip_statement();
            parser.text(start.to(parser.previous())).to_owned()
        } else {
            said(parser, "the schedule")?
        };
        parser.declared.triggers.push(Trigger::Schedule { when });
        return Some(nothing(span));
    }
    parser.at = begin;
    let word = language::callable("SCHEDULE")?;
    let value = parser.request_statement(word, span)?;
    Some(Statement {
        span: value.span,
        kind: StatementKind::Evaluate(value),
    })
}

/// `BEGIN MAIL to`, a line `Subject: …`, and the text.
pub(crate) fn begin_mail(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let to = parser.expression()?;
    parser.finish_statement();
    if parser.peek().kind == TokenKind::Line {
        parser.advance();
    }
    if parser.peek().kind != TokenKind::Block {
        return parser.expected("the mail on the following lines");
    }
    let block = parser.advance().span;
    let text = parser.joined(lexer::block_parts(parser.source, block), block);
    for _ in 0..2 {
        if parser.peek().kind == TokenKind::Word {
            parser.advance();
        }
    }
    let word = language::callable("MAIL")?;
    let clauses = Expression {
        span,
        kind: ExpressionKind::Object(Vec::new()),
    };
    Some(Statement {
        span,
        kind: StatementKind::Call(Call {
            word,
            arguments: vec![to, text?, clauses],
        }),
    })
}
