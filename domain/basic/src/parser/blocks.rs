//! Blocks: IF, loops, choices.

use super::Parser;
use crate::diagnostic::{AFTER_ELSE, EXPECTED, OTHER_LOOP, UNCLOSED_BLOCK, UNOPENED_BLOCK};
use crate::language::{Closer, Role, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::source::Span;
use crate::syntax::{Case, Condition, Expression, For, LoopKind, Statement, StatementKind};
use crate::value::Operator;

/// A block that is open.
#[derive(Clone, Copy)]
pub(super) struct Open {
    kind: BlockKind,
    /// The word that opened it.
    span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    If,
    For,
    While,
    Do,
    Select,
    Switch,
    Sub,
    Function,
    With,
    Try,
}

impl BlockKind {
    fn accepts(self, closer: Closer) -> bool {
        match self {
            BlockKind::If => matches!(closer, Closer::Else | Closer::ElseIf | Closer::EndIf),
            BlockKind::For => matches!(closer, Closer::Next | Closer::EndFor),
            BlockKind::While => closer == Closer::Wend,
            BlockKind::Do => closer == Closer::Loop,
            BlockKind::Sub => closer == Closer::EndSub,
            BlockKind::Function => closer == Closer::EndFunction,
            BlockKind::With => closer == Closer::EndWith,
            BlockKind::Try => matches!(closer, Closer::Catch | Closer::EndTry),
            BlockKind::Select | BlockKind::Switch => {
                matches!(closer, Closer::Case | Closer::CaseElse | Closer::EndSelect)
            }
        }
    }

    /// The word that opens it and the words that close it.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            BlockKind::If => ("IF", "END IF"),
            BlockKind::For => ("FOR", "NEXT"),
            BlockKind::While => ("WHILE", "WEND"),
            BlockKind::Do => ("DO", "LOOP"),
            BlockKind::Select => ("SELECT CASE", "END SELECT"),
            BlockKind::Switch => ("SWITCH", "END SWITCH"),
            BlockKind::Sub => ("SUB", "END SUB"),
            BlockKind::Function => ("FUNCTION", "END FUNCTION"),
            BlockKind::With => ("WITH", "END WITH"),
            BlockKind::Try => ("TRY", "END TRY"),
        }
    }
}

impl Parser<'_, '_> {
    /// The word that continues or closes a block, if the statement here is one, and how many tokens it takes.
    pub(super) fn closer(&self) -> Option<(Closer, &'static Word, usize)> {
        if self.peek_at(1).kind == TokenKind::Symbol(Symbol::Assign) {
            return None; // A variable, as far as its name allows.
        }
        match self.phrase()? {
            (
                word @ Word {
                    role: Role::Closer(closer),
                    ..
                },
                length,
            ) => Some((*closer, word, length)),
            _ => None,
        }
    }

    pub(super) fn is_inside(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn open_block(&mut self, kind: BlockKind, span: Span) {
        self.open.push(Open { kind, span });
    }

    pub(super) fn close_block(&mut self) {
        self.open.pop();
    }

    /// The statements of the innermost open block up to a word that continues or closes it, which is
    /// taken. Without one, says what is missing.
    pub(super) fn body(&mut self) -> (Vec<Statement>, Option<(Closer, Span)>) {
        let Some(innermost) = self.open.last().copied() else {
            return (Vec::new(), None);
        };
        let mut statements = Vec::new();
        loop {
            self.skip_separators();
            if self.peek().kind == TokenKind::End || self.report.is_closed() {
                self.unclosed(innermost);
                return (statements, None);
            }
            let Some((closer, word, length)) = self.closer() else {
                statements.extend(self.whole_statement());
                continue;
            };
            let span = self.peek().span.to(self.peek_at(length - 1).span);
            if innermost.kind.accepts(closer) {
                self.at += length;
                return (statements, Some((closer, span)));
            }
            if self.open.iter().any(|open| open.kind.accepts(closer)) {
                self.unclosed(innermost);
                return (statements, None);
            }
            self.report.add(
                UNOPENED_BLOCK,
                span,
                format!("{} without a block that it could close", word.name),
            );
            self.at += length;
            self.skip_line();
        }
    }

    fn unclosed(&mut self, open: Open) {
        let (opening, closing) = open.kind.words();
        let (line, _) = self.report.place(open.span.start);
        let message = format!("this {opening} has no {closing}");
        let help = format!("add {closing} where the block that begins on line {line} ends");
        self.report
            .add_with_help(UNCLOSED_BLOCK, open.span, message, help);
    }
}

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
                    kind: crate::syntax::ExpressionKind::Constant(crate::program::Constant::Null),
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

/// `IF condition THEN statement [ELSE statement]`
fn one_line_if(parser: &mut Parser<'_, '_>, span: Span, condition: Expression) -> Option<Statement> {
    parser.one_line += 1;
    let body = line_statements(parser);
    parser.one_line -= 1;
    let mut otherwise = Vec::new();
    if parser.at_word("ELSE") {
        parser.advance();
        otherwise = line_statements(parser);
    }
    Some(Statement {
        span,
        kind: StatementKind::If {
            arms: vec![(condition, body)],
            otherwise,
        },
    })
}

/// Statements separated by colons, up to the end of the line or ELSE.
fn line_statements(parser: &mut Parser<'_, '_>) -> Vec<Statement> {
    let mut statements = Vec::new();
    loop {
        statements.extend(parser.whole_statement());
        if !parser.take_symbol(Symbol::Colon) {
            return statements;
        }
        if parser.at_statement_end() || parser.closer().is_some() {
            return statements;
        }
    }
}

pub(crate) fn for_loop(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
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
    if parser.take_word("IS") {
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
