//! TABLE: what a table is called and who may read it. Its fields stand in lines of their own.

mod fields;
mod words;

use super::Parser;
use crate::diagnostic::{BAD_FIELD, DEFINED_TWICE};
use crate::lexer::TokenKind;
use crate::program::Constant;
use crate::program::Table;
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, Statement, StatementKind};

/// PostgreSQL cuts longer names.
const NAME_BYTES_MAX: usize = 63;

pub(crate) fn table(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let header = header(parser, span);
    if header.is_none() {
        parser.skip_statement();
    }
    parser.finish_statement();
    if parser.peek().kind == TokenKind::Line {
        parser.advance();
    }
    if parser.peek().kind != TokenKind::Block {
        return parser.expected("the fields of the table on the following lines");
    }
    let block = parser.advance().span;
    // END TABLE, or the bracket that closes CREATE TABLE.
    parser.skip_statement();
    let mut table = header?;
    let sound = fields::fields(parser, block, &mut table);
    if sound && table.fields.is_empty() {
        parser.report.add(
            BAD_FIELD,
            span,
            format!("the table `{}` has no fields", table.name),
        );
    }
    if !parser.tables.insert(table.name.to_ascii_lowercase()) {
        let message = format!("there is a table `{}` already", table.name);
        parser.report.add(DEFINED_TWICE, span, message);
    }
    parser.declared.tables.push(table);
    Some(Statement {
        span,
        kind: StatementKind::Nothing,
    })
}

/// `TABLE name ON connection READ BY "a;b" WRITE BY "c"`
fn header(parser: &mut Parser<'_, '_>, span: Span) -> Option<Table> {
    // As CREATE TABLE has it.
    if parser.at_word("IF") && parser.word_is(1, "NOT") && parser.word_is(2, "EXISTS") {
        parser.at += 3;
    }
    let mut name = match parser.peek().kind {
        TokenKind::Word | TokenKind::Text => parser.field_name()?,
        _ => return parser.expected("the name of the table"),
    };
    // `TABLE RPA.Customers`: a name in the words of another database.
    while parser.take_symbol(crate::lexer::Symbol::Dot) {
        name.push('.');
        name.push_str(&parser.field_name()?);
    }
    for part in name.split('.') {
        checked_name(parser, part, span)?;
    }
    let mut table = Table {
        name,
        connection: None,
        read_by: Vec::new(),
        write_by: Vec::new(),
        fields: Vec::new(),
        line: parser.report.place(span.start).0,
    };
    while !parser.at_statement_end() {
        if parser.take_word("ON") {
            table.connection = Some(parser.field_name()?);
        } else if parser.at_word("READ") && parser.word_is(1, "BY") {
            parser.at += 2;
            table.read_by = roles(&said(parser)?);
        } else if parser.at_word("WRITE") && parser.word_is(1, "BY") {
            parser.at += 2;
            table.write_by = roles(&said(parser)?);
        } else if !parser.take_symbol(crate::lexer::Symbol::OpenParenthesis) {
            return parser.expected("ON, READ BY, WRITE BY or the end of the line");
        }
    }
    Some(table)
}

/// `CREATE INDEX name ON table (fields)`: there is nothing to do, the bot's tables have the indexes that they need.
pub(crate) fn index(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    parser.skip_statement();
    Some(Statement {
        span,
        kind: StatementKind::Nothing,
    })
}

fn said(parser: &mut Parser<'_, '_>) -> Option<String> {
    let value = parser.expression()?;
    match value {
        Expression {
            kind: ExpressionKind::Constant(Constant::Text(text)),
            ..
        } => Some(text),
        Expression { span, .. } => parser.error(
            crate::diagnostic::EXPECTED,
            span,
            "roles stand in quotes: \"admin;sales\"",
        ),
    }
}

fn roles(text: &str) -> Vec<String> {
    let roles = text
        .split([';', ','])
        .map(str::trim)
        .filter(|role| !role.is_empty());
    roles.map(str::to_owned).collect()
}

fn checked_name(parser: &mut Parser<'_, '_>, name: &str, span: Span) -> Option<()> {
    let letters = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if letters && begins && name.len() <= NAME_BYTES_MAX && !name.starts_with("__") {
        return Some(());
    }
    let message =
        format!("`{name}` cannot be a name here: letters, digits and _, at most {NAME_BYTES_MAX} bytes");
    parser.error(BAD_FIELD, span, message)
}
