//! SUB and FUNCTION, and calls of procedures and of other scripts.
//!
//! The names of all procedures are gathered before anything is parsed, so that a call may stand above
//! what it calls. Inside of a procedure its parameters and what it declares with DIM are its own; every
//! other name is a variable of the script.

use std::collections::HashMap;

use super::mentions::{Mention, Mentioned};
use super::{Parser, blocks::BlockKind};
use crate::diagnostic::{DEFINED_TWICE, EXPECTED, NESTED_PROCEDURE, UNKNOWN_FUNCTION};
use crate::language::{self, nearest};
use crate::lexer::{Symbol, Token, TokenKind};
use crate::program::Constant;
use crate::source::Span;
use crate::syntax::{
    Call, Expression, ExpressionKind, Invoke, Name, NameUse, Procedure, Statement, StatementKind,
};

/// More than any script defines; fits the number in an instruction.
const PROCEDURES_MAX: usize = 1000;

/// What is known of a procedure before it is parsed.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub number: u16,
    function: bool,
}

/// The procedure that is being parsed.
pub(super) struct Scope {
    folded: String,
    pub locals: HashMap<String, Name>,
    pub uses: Vec<NameUse>,
}

/// The procedures of a script by their names in lower case.
pub(super) fn gather(source: &str, tokens: &[Token]) -> HashMap<String, Known> {
    let mut known = HashMap::new();
    let mut at_start = true;
    for pair in tokens.windows(2) {
        let [word, name] = pair else { continue };
        let text = word.span.text(source);
        let function = text.eq_ignore_ascii_case("FUNCTION");
        if at_start
            && word.kind == TokenKind::Word
            && name.kind == TokenKind::Word
            && (function || text.eq_ignore_ascii_case("SUB"))
            && known.len() < PROCEDURES_MAX
        {
            let number = known.len() as u16 + 1;
            let folded = name.span.text(source).to_lowercase();
            known.entry(folded).or_insert(Known { number, function });
        }
        let shown = ["PUBLIC", "PRIVATE"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(text));
        at_start = word.kind == TokenKind::Line || at_start && shown;
    }
    known
}

pub(crate) fn sub(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    definition(parser, span, BlockKind::Sub)
}

pub(crate) fn function(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    definition(parser, span, BlockKind::Function)
}

fn definition(parser: &mut Parser<'_, '_>, span: Span, kind: BlockKind) -> Option<Statement> {
    let place = parser.peek().span;
    let folded = parser.text(place).to_lowercase();
    let known = parser.known.get(&folded).copied();
    let Some(known) = known.filter(|_| parser.peek().kind == TokenKind::Word) else {
        return parser.expected("the name of the procedure");
    };
    parser.advance();
    if parser.scope.is_some() || parser.is_inside() {
        let message = "a procedure cannot stand inside of another block";
        parser.report.add(NESTED_PROCEDURE, span, message);
    }
    let outer = parser.scope.take();
    if parser.procedures.iter().any(|other| other.number == known.number) {
        let message = format!("there is a procedure `{}` already", parser.text(place));
        parser.report.add(DEFINED_TWICE, place, message);
    }
    parser.scope = Some(Scope {
        folded: folded.clone(),
        locals: HashMap::new(),
        uses: Vec::new(),
    });
    let parameters = parameters(parser);
    if parameters.is_none() {
        parser.skip_statement();
    }
    let count = parser.scope.as_ref().map_or(0, |scope| scope.uses.len());
    let result = parser.local(&folded, place);
    if parser.take_word("AS") && parser.peek().kind == TokenKind::Word {
        parser.advance();
    }
    parser.finish_statement();
    parser.open_block(kind, span);
    let (body, _) = parser.body();
    parser.close_block();
    let own = std::mem::replace(&mut parser.scope, outer);
    let locals = own.map(|scope| scope.uses).unwrap_or_default();
    parser.procedures.push(Procedure {
        number: known.number,
        name: parser.text(place).to_owned(),
        parameters: count,
        locals,
        result,
        statements: body,
        span,
    });
    Some(Statement {
        span,
        kind: StatementKind::Nothing,
    })
}

/// `(a, b AS type)` or nothing.
fn parameters(parser: &mut Parser<'_, '_>) -> Option<()> {
    if !parser.take_symbol(Symbol::OpenParenthesis) {
        return Some(());
    }
    while !parser.at_symbol(Symbol::CloseParenthesis) {
        if parser.peek().kind != TokenKind::Word {
            return parser.expected("the name of a parameter");
        }
        // Procedures are given values: `BYVAL` says what is so already, and what `BYREF` asks for they do with a result.
        let passing = parser.at_word("BYVAL") || parser.at_word("BYREF");
        if passing && parser.peek_at(1).kind == TokenKind::Word && !parser.word_is(1, "AS") {
            parser.advance();
        }
        let place = parser.advance().span;
        let folded = parser.text(place).to_lowercase();
        let twice = parser
            .scope
            .as_ref()
            .is_some_and(|scope| scope.locals.contains_key(&folded));
        if twice {
            return parser.error(DEFINED_TWICE, place, "there is a parameter of this name already");
        }
        parser.local(&folded, place);
        if parser.take_word("AS") && parser.peek().kind == TokenKind::Word {
            parser.advance();
        }
        if !parser.take_symbol(Symbol::Comma) {
            break;
        }
    }
    parser.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")
}

/// `CALL name(…)`, `CALL "script.bas", …`
pub(crate) fn call(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let value = parser.called(span)?;
    Some(evaluated(span, value))
}

/// `EXIT SUB`, `EXIT FUNCTION`
pub(crate) fn exit(_: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    Some(Statement {
        span,
        kind: StatementKind::Leave,
    })
}

/// `WAIT seconds`
pub(crate) fn wait(parser: &mut Parser<'_, '_>, span: Span) -> Option<Statement> {
    let seconds = parser.expression()?;
    Some(Statement {
        span,
        kind: StatementKind::Wait(seconds),
    })
}

fn evaluated(span: Span, value: Expression) -> Statement {
    Statement {
        span,
        kind: StatementKind::Evaluate(value),
    }
}

impl Parser<'_, '_> {
    /// The procedure that the word here names, unless it is the result of the function around it.
    pub(super) fn procedure_here(&self) -> Option<Known> {
        let token = self.peek();
        if token.kind != TokenKind::Word || self.known.is_empty() {
            return None;
        }
        let folded = self.text(token.span).to_lowercase();
        let known = self.known.get(&folded).copied()?;
        let own = self.scope.as_ref().is_some_and(|scope| scope.folded == folded);
        let called = self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        (!own || !known.function || called).then_some(known)
    }

    /// A procedure as a statement: `name`, `name(a, b)`, `name a, b`.
    pub(super) fn procedure_statement(&mut self, known: Known) -> Option<Statement> {
        let span = self.advance().span;
        let value = self.invoked(known, span, true)?;
        Some(evaluated(span, value))
    }

    /// The arguments of a procedure whose name has been taken, and the call of it.
    pub(super) fn invoked(&mut self, known: Known, span: Span, statement: bool) -> Option<Expression> {
        let arguments = if self.at_symbol(Symbol::OpenParenthesis) {
            self.bracketed()?
        } else if statement && !self.at_statement_end() {
            self.separated()?
        } else {
            Vec::new()
        };
        let invoke = Invoke {
            procedure: known.number,
            arguments,
        };
        Some(Expression {
            span: span.to(self.previous()),
            kind: ExpressionKind::Invoke(invoke),
        })
    }

    fn bracketed(&mut self) -> Option<Vec<Expression>> {
        self.advance();
        let arguments = if self.at_symbol(Symbol::CloseParenthesis) {
            Vec::new()
        } else {
            self.separated()?
        };
        self.expect_symbol(Symbol::CloseParenthesis, "`,` or `)`")?;
        Some(arguments)
    }

    fn separated(&mut self) -> Option<Vec<Expression>> {
        let mut arguments = vec![self.expression()?];
        while self.take_symbol(Symbol::Comma) {
            arguments.push(self.expression()?);
        }
        Some(arguments)
    }

    /// What stands after CALL.
    pub(super) fn called(&mut self, span: Span) -> Option<Expression> {
        if let Some(known) = self.procedure_here() {
            let place = self.advance().span;
            return self.invoked(known, place, true);
        }
        let token = self.peek();
        if token.kind == TokenKind::Word {
            let text = self.text(token.span);
            let folded = text.to_lowercase();
            let help = nearest(&folded, self.known.keys().map(String::as_str))
                .map(|name| format!("did you mean {name}?"));
            let message = format!("there is no procedure {}", self.quoted(token.span));
            self.report.push(UNKNOWN_FUNCTION, token.span, message, help);
            return None;
        }
        let mut arguments = if self.at_symbol(Symbol::OpenParenthesis) {
            self.bracketed()?
        } else {
            self.separated()?
        };
        if arguments.is_empty() {
            return self.expected("the name of a script");
        }
        let first = arguments.remove(0);
        let ExpressionKind::Constant(Constant::Text(name)) = first.kind else {
            let message = "expected the name of a script in quotes after CALL";
            return self.error(EXPECTED, first.span, message);
        };
        if name.starts_with('/') || name.contains("://") {
            let word = language::callable("CALL SERVICE")?;
            let name = Expression {
                span: first.span,
                kind: ExpressionKind::Constant(Constant::Text(name)),
            };
            let arguments = std::iter::once(name).chain(arguments).collect();
            return Some(Expression {
                span: span.to(self.previous()),
                kind: ExpressionKind::Call(Call { word, arguments }),
            });
        }
        let name = name.trim().to_lowercase();
        let name = name.strip_suffix(".bas").unwrap_or(&name).to_owned();
        self.mentions.push(Mention {
            kind: Mentioned::Script,
            name: name.clone(),
            span: first.span,
        });
        Some(Expression {
            span: span.to(self.previous()),
            kind: ExpressionKind::Script(name, arguments),
        })
    }
}
