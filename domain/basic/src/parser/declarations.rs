//! What a script says about itself: DESCRIPTION and PARAM.

use super::Parser;
use super::expressions::Rank;
use crate::diagnostic::{DESCRIBED_TWICE, EXPECTED, PARAMETER_TYPE};
use crate::language::nearest;
use crate::lexer::{self, Symbol, TokenKind};
use crate::machine::HearKind;
use crate::program::{Constant, Parameter};
use crate::source::Span;
use crate::syntax::{Expression, ExpressionKind, Statement, StatementKind};

/// `DESCRIPTION "text"`, or the text without quotes up to the end of the line.
pub(crate) fn description(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let token = parser.peek();
    let text = match token.kind {
        TokenKind::Text => {
            parser.advance();
            literal(lexer::quoted_parts(parser.source, token.span))
        }
        TokenKind::Block => {
            parser.advance();
            parser.text(token.span).trim().to_owned()
        }
        _ => return parser.expected("the description in quotes"),
    };
    declares(parser);
    if parser.description.is_none() {
        parser.description = Some(text);
    } else {
        let message = "the script has a description already; only the first one is used";
        parser.report.add(DESCRIBED_TWICE, span, message);
    }
    Some(Statement {
        span,
        kind: StatementKind::Nothing,
    })
}

/// A tool begins, if none did before.
fn declares(parser: &mut Parser<'_, '_>) {
    let triggers = parser.declared.triggers.len();
    parser.above.get_or_insert(triggers);
}

fn literal(parts: Vec<lexer::Part>) -> String {
    let texts = parts.into_iter().filter_map(|part| match part {
        lexer::Part::Literal(text) => Some(text),
        lexer::Part::Expression(_) => None,
    });
    texts.collect()
}

/// `PARAM name AS TYPE [LIKE sample] [DESCRIPTION "text"] [ENUM [...]] [OPTIONAL] [DEFAULT value]`
pub(crate) fn param(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    if parser.peek().kind != TokenKind::Word {
        return parser.expected("the name of a parameter");
    }
    let place = parser.advance().span;
    let name = parser.name(parser.text(place), place);
    parser.mark_set(name);
    let mut parameter = Parameter {
        name: parser.text(place).to_owned(),
        kind: "string".to_owned(),
        example: None,
        description: None,
        optional: false,
        choices: Vec::new(),
    };
    declares(parser);
    let mut default = None;
    if parser.take_word("AS") || parser.take_symbol(Symbol::Colon) {
        if parser.peek().kind != TokenKind::Word {
            return parser.expected("a type such as STRING or INTEGER");
        }
        let kind = parser.advance().span;
        parameter.kind = parser.text(kind).to_lowercase();
        warn_of_type(parser, kind);
        // `AS DECIMAL(10,2)`: how a number is stored is the table's business.
        if parser.at_symbol(Symbol::OpenParenthesis) {
            parser.at += parser.closing_distance() + 1;
        }
    } else if is_type(parser) {
        let message = "AS stands between the name of a parameter and its type";
        let help = format!(
            "write PARAM {} AS {}",
            parameter.name,
            parser.text(parser.peek().span)
        );
        let span = parser.advance().span;
        parser.report.add_with_help(EXPECTED, span, message, help);
    }
    loop {
        if parser.take_word("LIKE") {
            let example = parser.ranked(Rank::Join)?;
            parameter.example = Some(sample(parser, &example));
        } else if parser.take_word("DESCRIPTION") {
            let text = parser.ranked(Rank::Join)?;
            parameter.description = Some(sample(parser, &text));
        } else if parser.take_word("ENUM") {
            parameter.choices = choices(parser)?;
        } else if parser.take_word("OPTIONAL") {
            parameter.optional = true;
        } else if parser.take_word("DEFAULT") {
            parameter.optional = true;
            default = Some(parser.ranked(Rank::Join)?);
        } else {
            break;
        }
    }
    parser.parameters.push(parameter);
    let kind = default.map_or(StatementKind::Nothing, |value| StatementKind::Default {
        name,
        value,
    });
    Some(Statement { span, kind })
}

/// Types of parameters, for suggestions; what none of them is counts as a text.
const TYPES: &[&str] = &[
    "STRING", "TEXT", "INTEGER", "INT", "NUMBER", "FLOAT", "DECIMAL", "MONEY", "BOOLEAN", "BOOL", "DATE",
    "DATETIME", "TIME", "HOUR", "EMAIL", "PHONE", "MOBILE", "NAME", "URL", "UUID", "FILE", "IMAGE", "OBJECT",
    "ARRAY", "LIST", "JSON",
];

fn is_type(parser: &Parser<'_, '_>) -> bool {
    TYPES.iter().any(|known| parser.at_word(known))
}

fn warn_of_type(parser: &mut Parser<'_, '_>, span: Span) {
    let written = parser.text(span).to_uppercase();
    let known = TYPES.contains(&written.as_str()) || HearKind::named(&written).is_some();
    if let Some(near) = nearest(&written, TYPES.iter().copied()).filter(|_| !known) {
        let message = format!("`{written}` is not a type of parameter, so it is a text");
        let help = format!("did you mean {near}?");
        parser.report.add_with_help(PARAMETER_TYPE, span, message, help);
    }
}

fn choices(parser: &mut Parser<'_, '_>) -> Option<Vec<String>> {
    let list = parser.ranked(Rank::Join)?;
    match &list.kind {
        ExpressionKind::Array(items) => Some(items.iter().map(|item| sample(parser, item)).collect()),
        _ => Some(vec![sample(parser, &list)]),
    }
}

/// A value written in the source, as a text: of a constant what it is, else how it is written.
fn sample(parser: &Parser<'_, '_>, expression: &Expression) -> String {
    match &expression.kind {
        ExpressionKind::Constant(Constant::Text(text)) => text.clone(),
        _ => parser.text(expression.span).to_owned(),
    }
}
