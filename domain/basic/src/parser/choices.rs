//! IF, SELECT CASE, SWITCH.

use super::{Parser, blocks::BlockKind};
use crate::diagnostic::{AFTER_ELSE, EXPECTED};
use crate::language::Closer;
use crate::lexer::{Symbol, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{Case, Expression, ExpressionKind, Statement, StatementKind};
use crate::value::Operator;

pub(crate) fn if_block(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let condition = parser.expression()?;
    let then = parser.take_word("THEN");
    if !parser.at_statement_end() {
        if !then && !parser.at_word("GOTO") {
            parser.expected::<()>("THEN");
        }
        return one_line_if(parser, span, condition);
    }
    parser.open_block(BlockKind::If, span);
    let mut arms = Vec::new();
    let mut pending = Some(condition);
    let mut otherwise = Vec::new();
    let mut after_else = false;
    loop {
        let (body, end) = parser.body();
        match pending.take() {
            Some(condition) => arms.push((condition, body)),
            None => otherwise = body,
        }
        match end {
            Some((Closer::ElseIf, place)) if !after_else => {
                let condition = parser.expression();
                parser.take_word("THEN");
                // A condition that is not understood is told; the arm is parsed all the same.
                let unknown = || Expression {
                    span: place,
                    kind: ExpressionKind::Constant(Constant::Null),
                };
                pending = Some(condition.unwrap_or_else(unknown));
            }
            Some((Closer::Else, _)) if !after_else => after_else = true,
            Some((Closer::Else | Closer::ElseIf, place)) => {
                parser
                    .report
                    .add(AFTER_ELSE, place, "this IF already has its ELSE");
                parser.skip_line();
            }
            _ => break,
        }
    }
    parser.close_block();
    Some(Statement {
        span,
        kind: StatementKind::If { arms, otherwise },
    })
}

/// `IF condition THEN statement [ELSEIF condition THEN statement]… [ELSE statement]`
fn one_line_if(parser: &mut Parser<'_, '_>, span: Span, condition: Expression) -> Option<Statement> {
    let (mut arms, mut otherwise) = (Vec::new(), Vec::new());
    let mut pending = Some(condition);
    parser.one_line += 1;
    while let Some(condition) = pending {
        arms.push((condition, line_statements(parser)));
        pending = None;
        if parser.take_word("ELSE") {
            otherwise = line_statements(parser);
        } else if parser.take_word("ELSEIF") {
            pending = parser.expression();
            if !parser.take_word("THEN") && pending.is_some() {
                parser.expected::<()>("THEN");
            }
        }
    }
    parser.one_line -= 1;
    // `IF a THEN b END IF`
    if parser.ends_if(0) {
        parser.at += if parser.at_word("ENDIF") { 1 } else { 2 };
    }
    Some(Statement {
        span,
        kind: StatementKind::If { arms, otherwise },
    })
}

/// Statements separated by colons, up to the end of the line or ELSE.
fn line_statements(parser: &mut Parser<'_, '_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    loop {
        // `IF again THEN 10`: the number of a line.
        if parser.peek().kind == TokenKind::Number && parser.is_statement_end(1) {
            let place = parser.advance().span;
            let label = parser.text(place).to_owned();
            statements.push(Statement {
                span: place,
                kind: StatementKind::Goto(label),
            });
        } else {
            statements.extend(parser.whole_statement());
        }
        if !parser.take_symbol(Symbol::Colon) {
            return statements;
        }
        if parser.at_statement_end() || parser.closer().is_some() {
            return statements;
        }
    }
}

pub(crate) fn select_case(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    choice(parser, span, BlockKind::Select)
}

pub(crate) fn switch(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    choice(parser, span, BlockKind::Switch)
}

fn choice(parser: &mut Parser<'_, '_>, span: Span, kind: BlockKind) -> Option<Statement> {
    let of = parser.expression();
    if of.is_some() {
        parser.finish_statement();
    } else {
        parser.skip_statement();
    }
    parser.open_block(kind, span);
    let (before, mut end) = parser.body();
    if let Some(first) = before.first() {
        parser
            .report
            .add(EXPECTED, first.span, "expected CASE before the first statement");
    }
    let (mut cases, mut otherwise) = (Vec::new(), Vec::new());
    while let Some((closer, _)) = end {
        let tests = match closer {
            Closer::Case => Some(case_tests(parser)),
            Closer::CaseElse => None,
            _ => break,
        };
        let (body, next) = parser.body();
        match tests {
            Some(tests) => cases.push((tests, body)),
            None => otherwise = body,
        }
        end = next;
    }
    parser.close_block();
    let subject = parser.hidden_name(span);
    Some(Statement {
        span,
        kind: StatementKind::Select {
            subject,
            of: of?,
            cases,
            otherwise,
        },
    })
}

/// `a, b TO c, IS > d`. After a mistake, what was understood.
fn case_tests(parser: &mut Parser<'_, '_>) -> Vec<Case> {
    let mut tests = Vec::new();
    loop {
        match case_test(parser) {
            Some(test) => tests.push(test),
            None => {
                parser.skip_statement();
                return tests;
            }
        }
        if !parser.take_symbol(Symbol::Comma) {
            parser.finish_statement();
            return tests;
        }
    }
}

fn case_test(parser: &mut Parser<'_, '_>) -> Option<Case> {
    // `CASE > 5` as well as `CASE IS > 5`.
    if parser.take_word("IS") || matches!(parser.peek().kind, TokenKind::Symbol(symbol) if symbol.compares())
    {
        let operator = match parser.peek().kind {
            TokenKind::Symbol(Symbol::Assign | Symbol::Equal) => Operator::Equal,
            TokenKind::Symbol(Symbol::NotEqual) => Operator::NotEqual,
            TokenKind::Symbol(Symbol::Less) => Operator::Less,
            TokenKind::Symbol(Symbol::LessOrEqual) => Operator::LessOrEqual,
            TokenKind::Symbol(Symbol::Greater) => Operator::Greater,
            TokenKind::Symbol(Symbol::GreaterOrEqual) => Operator::GreaterOrEqual,
            _ => return parser.expected("a comparison such as `>` after IS"),
        };
        parser.advance();
        return Some(Case::Compare(operator, parser.expression()?));
    }
    let value = parser.expression()?;
    if parser.take_word("TO") {
        return Some(Case::Range(value, parser.expression()?));
    }
    Some(Case::Value(value))
}
