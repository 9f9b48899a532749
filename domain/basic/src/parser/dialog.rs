//! Statements that talk with the user.

use super::Parser;
use super::expressions::Rank;
use crate::diagnostic::{EXPECTED, UNKNOWN_TYPE};
use crate::language::{self, Word};
use crate::lexer::{self, Symbol, TokenKind};
use crate::machine::HearKind;
use crate::source::Span;
use crate::syntax::{Call, Expression, ExpressionKind, Hear, Statement, StatementKind, Target};

pub(crate) fn begin_talk(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    text_block(parser, span, "TALK", "TALK")
}

pub(crate) fn begin_system_prompt(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    text_block(parser, span, "SYSTEM PROMPT", "SYSTEM PROMPT")
}

/// The raw lines up to `END closing`, given to the effect of this name.
fn text_block(parser: &mut Parser<'_, '_>, span: Span, effect: &str, closing: &str) -> Option<Statement> {
    parser.finish_statement();
    if parser.peek().kind == TokenKind::Line {
        parser.advance();
    }
    if parser.peek().kind != TokenKind::Block {
        return parser.expected("the text on the following lines");
    }
    let block = parser.advance().span;
    let value = parser.joined(lexer::block_parts(parser.source, block), block);
    if parser.peek().kind == TokenKind::Word {
        let words = 1 + closing.split(' ').count();
        for _ in 0..words {
            if parser.peek().kind == TokenKind::Word {
                parser.advance();
            }
        }
    }
    let word: &'static Word = language::callable(effect)?;
    Some(Statement {
        span,
        kind: StatementKind::Call(Call {
            word,
            arguments: vec![value?],
        }),
    })
}

/// `HEAR target …`
pub(crate) fn hear(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let clause = parser.at_word("AS") || parser.at_word("WITH");
    let target = if parser.at_statement_end() || clause {
        None
    } else if parser.take_symbol(Symbol::OpenParenthesis) {
        let target = parser.target()?;
        parser.expect_symbol(Symbol::CloseParenthesis, "`)`")?;
        Some(target)
    } else {
        Some(parser.target()?)
    };
    hear_into(parser, span, target)
}

/// `ASK "question"`, whose answer nobody wants to keep. `variable = ASK "question"` is an assignment.
pub(crate) fn ask(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    ask_into(parser, span, None)
}

/// What follows ASK: the question, and perhaps what HEAR also has.
pub(super) fn ask_into(parser: &mut Parser<'_, '_>, span: Span, target: Option<Target>) -> Option<Statement> {
    if parser.at_statement_end() {
        let example = "write name = ASK \"What is your name?\"";
        parser
            .report
            .add_with_help(EXPECTED, span, "ASK needs the question", example);
        return None;
    }
    let prompt = parser.expression()?;
    let mut statement = hear_into(parser, span, target)?;
    if let StatementKind::Hear(hear) = &mut statement.kind {
        hear.prompt = Some(prompt);
    }
    Some(statement)
}

/// `CONFIRM "question"`, whose answer nobody wants to keep.
pub(crate) fn confirm(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    confirm_into(parser, span, None)
}

/// What follows CONFIRM: a question that is answered with yes or no.
pub(super) fn confirm_into(
    parser: &mut Parser<'_, '_>,
    span: Span,
    target: Option<Target>,
) -> Option<Statement> {
    let mut statement = ask_into(parser, span, target)?;
    if let StatementKind::Hear(hear) = &mut statement.kind {
        hear.kind = HearKind::Boolean;
    }
    Some(statement)
}

/// `ASK "question"` or `CONFIRM "question"` within an expression.
pub(super) fn asked(parser: &mut Parser<'_, '_>) -> Option<Expression> {
    let confirms = parser.at_word("CONFIRM");
    let span = parser.advance().span;
    let prompt = parser.ranked(Rank::Join)?;
    let hear = Hear {
        target: None,
        kind: if confirms {
            HearKind::Boolean
        } else {
            HearKind::Text
        },
        options: Vec::new(),
        prompt: Some(prompt),
        otherwise: None,
    };
    Some(Expression {
        span: span.to(parser.previous()),
        kind: ExpressionKind::Hear(Box::new(hear)),
    })
}

/// `WAIT FOR RESPONSE AS variable`
pub(crate) fn wait_for_response(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let target = if parser.take_word("AS") {
        Some(parser.target()?)
    } else {
        None
    };
    hear_into(parser, span, target)
}

/// What follows the variable, or follows HEAR in `variable = HEAR`.
pub(super) fn hear_into(
    parser: &mut Parser<'_, '_>,
    span: Span,
    target: Option<Target>,
) -> Option<Statement> {
    let mut hear = Hear {
        target,
        kind: HearKind::Text,
        options: Vec::new(),
        prompt: None,
        otherwise: None,
    };
    loop {
        if parser.take_word("AS") {
            answer_kind(parser, &mut hear)?;
        } else if parser.take_word("WITH") {
            hear.prompt = Some(parser.expression()?);
        } else if parser.take_word("DEFAULT") {
            hear.otherwise = Some(parser.expression()?);
        } else if parser.peek().kind == TokenKind::Text && hear.prompt.is_none() {
            hear.prompt = Some(parser.expression()?);
        } else {
            break;
        }
    }
    Some(Statement {
        span: span.to(parser.previous()),
        kind: StatementKind::Hear(hear),
    })
}

/// `INTEGER`, `MENU "a", "b"`, `"a", "b", *`
fn answer_kind(parser: &mut Parser<'_, '_>, hear: &mut Hear) -> Option<()> {
    let token = parser.peek();
    if token.kind == TokenKind::Text {
        (hear.options, hear.kind) = menu(parser)?;
        return Some(());
    }
    if token.kind != TokenKind::Word {
        return parser.expected("a type such as INTEGER, or the options of a menu in quotes");
    }
    parser.advance();
    let text = parser.text(token.span);
    let name = text.to_ascii_uppercase();
    match HearKind::named(&name) {
        Some(HearKind::Menu { .. }) => (hear.options, hear.kind) = menu(parser)?,
        Some(kind) => hear.kind = kind,
        None => {
            let help = match language::nearest(&name, HearKind::type_names()) {
                Some(near) => format!("did you mean {near}?"),
                None => "types are TEXT, NAME, INTEGER, DECIMAL, MONEY, BOOLEAN, EMAIL, PHONE, DATE, TIME, \
                         URL, FILE, IMAGE, AUDIO, VIDEO, DOCUMENT and others; the options of a menu stand \
                         in quotes: HEAR color AS \"red\", \"blue\""
                    .to_owned(),
            };
            parser.report.add_with_help(
                UNKNOWN_TYPE,
                token.span,
                format!("`{text}` is not a type of answer"),
                help,
            );
            return None;
        }
    }
    Some(())
}

/// Options up to the end; a star among them accepts any other answer too.
fn menu(parser: &mut Parser<'_, '_>) -> Option<(Vec<Expression>, HearKind)> {
    let (mut options, mut open) = (Vec::new(), false);
    loop {
        if parser.take_symbol(Symbol::Star) {
            open = true;
        } else {
            options.push(parser.expression()?);
        }
        if !parser.take_symbol(Symbol::Comma) {
            return Some((options, HearKind::Menu { open }));
        }
    }
}
