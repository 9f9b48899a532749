//! From tokens to the syntax tree.
//!
//! After a mistake the parser goes on with the next statement, so that one pass finds all of them; what
//! could only be a consequence of a mistake is not told. A parsing function answers `None` when it has
//! reported one.

mod arguments;
mod blocks;
pub(crate) mod choices;
mod compound;
pub(crate) mod declarations;
pub(crate) mod dialog;
mod expressions;
pub(crate) mod handlers;
pub(crate) mod loops;
mod mends;
pub(crate) mod mentions;
mod methods;
mod names;
pub(crate) mod procedures;
mod requests;
pub(crate) mod sections;
pub(crate) mod simple;
mod statements;
pub(crate) mod tables;
pub(crate) mod traps;
mod values;
mod words;

use blocks::Open;
use mentions::Mention;
use names::Names;
use procedures::{Known, Scope};

use std::collections::{HashMap, HashSet};

use crate::language::{Clause, Closer, nearest};

use crate::diagnostic::{Code, EXPECTED, Report, SOURCE_TOO_LONG, TOO_DEEP, UNEXPECTED_REST};
use crate::lexer::{Symbol, Token, TokenKind, lex};
use crate::program::{Declared, Parameter};
use crate::source::{SOURCE_BYTES_MAX, Span};
use crate::syntax::{Name, Procedure, Script, Traps};

/// Deepest nesting of blocks and brackets together. Nobody reads deeper, and the stack holds it easily.
const DEPTH_MAX: u32 = 120;

/// Parses a file: a script, or one for each tool that it holds. Empty only when the source is too long to look at.
pub(crate) fn parse<'s>(source: &'s str, report: &mut Report<'s>) -> Vec<Script> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("the script is longer than {} MiB", SOURCE_BYTES_MAX >> 20);
        report.add(SOURCE_TOO_LONG, Span::default(), message);
        return Vec::new();
    }
    let tokens = lex(source, Span::new(0, source.len()), report);
    let mut scripts = Vec::new();
    for tokens in sections::split(source, tokens, report) {
        let mut script = script(source, tokens, report);
        // What stands above the first tool is declared once.
        if let Some(Script { declared: first, .. }) = scripts.first() {
            let declared = &mut script.declared;
            let known: HashSet<u32> = first.tables.iter().map(|table| table.line).collect();
            declared.tables.retain(|table| !known.contains(&table.line));
            declared
                .triggers
                .drain(..script.above.min(declared.triggers.len()));
        }
        scripts.push(script);
    }
    scripts
}

fn script<'s>(source: &'s str, tokens: Vec<Token>, report: &mut Report<'s>) -> Script {
    let known = procedures::gather(source, &tokens);
    let mut parser = Parser {
        source,
        tokens,
        at: 0,
        report,
        names: Names::default(),
        open: Vec::new(),
        closers: None,
        known,
        scope: None,
        procedures: Vec::new(),
        subjects: Vec::new(),
        clauses: Vec::new(),
        last_clauses: &[],
        traps: Traps::default(),
        depth: 0,
        deepest: 0,
        one_line: 0,
        description: None,
        above: None,
        parameters: Vec::new(),
        declared: Declared::default(),
        tables: HashSet::new(),
        mentions: Vec::new(),
        becoming: None,
    };
    let statements = parser.script();
    let Parser {
        names,
        description,
        above,
        parameters,
        procedures,
        traps,
        declared,
        mentions,
        ..
    } = parser;
    Script {
        statements,
        names: names.finish(),
        procedures,
        traps,
        description,
        above: above.unwrap_or(0),
        parameters,
        declared,
        mentions,
    }
}

pub(crate) struct Parser<'s, 'r> {
    source: &'s str,
    tokens: Vec<Token>,
    at: usize,
    report: &'r mut Report<'s>,
    names: Names,
    /// Blocks that are open, outermost first.
    open: Vec<Open>,
    /// Where blocks are last closed, once somebody asked.
    closers: Option<Vec<(Closer, usize)>>,
    /// The procedures of the script by their names in lower case.
    known: HashMap<String, Known>,
    /// The procedure that is being parsed.
    scope: Option<Scope>,
    procedures: Vec<Procedure>,
    /// Objects of the WITH blocks that are open: a variable and the fields below it.
    subjects: Vec<(Name, Vec<String>)>,
    /// Clauses of the requests that are being parsed, outermost first.
    clauses: Vec<&'static [Clause]>,
    /// Those of the request that was parsed last in the statement.
    last_clauses: &'static [Clause],
    traps: Traps,
    depth: u32,
    /// How deep the expression reaches that is being parsed: further than `depth`, where something was put around it.
    deepest: u32,
    /// One-line IFs that are open: inside of them ELSE ends a statement.
    one_line: u32,
    description: Option<String>,
    /// How many triggers stand above the first DESCRIPTION or PARAM.
    above: Option<usize>,
    parameters: Vec<Parameter>,
    declared: Declared,
    /// The names of the tables that were declared, in lower case.
    tables: HashSet<String>,
    mentions: Vec<Mention>,
    /// A variable that the assignment which is being parsed sets for the first time.
    becoming: Option<String>,
}

impl<'s> Parser<'s, '_> {
    fn peek(&self) -> Token {
        self.peek_at(0)
    }

    /// The token `distance` further on; the end repeats itself.
    fn peek_at(&self, distance: usize) -> Token {
        let last = self.tokens.len() - 1;
        self.tokens[(self.at + distance).min(last)]
    }

    fn advance(&mut self) -> Token {
        let token = self.peek();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Where the last token that was taken ends.
    fn previous(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    fn text(&self, span: Span) -> &'s str {
        span.text(self.source)
    }

    fn at_word(&self, word: &str) -> bool {
        self.word_is(0, word)
    }

    fn word_is(&self, distance: usize, word: &str) -> bool {
        let token = self.peek_at(distance);
        token.kind == TokenKind::Word && self.text(token.span).eq_ignore_ascii_case(word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn at_symbol(&self, symbol: Symbol) -> bool {
        self.peek().kind == TokenKind::Symbol(symbol)
    }

    fn take_symbol(&mut self, symbol: Symbol) -> bool {
        let found = self.at_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect_symbol(&mut self, symbol: Symbol, what: &str) -> Option<()> {
        if self.take_symbol(symbol) {
            Some(())
        } else {
            self.expected(what)
        }
    }

    /// Reports that something else stands where `what` should; always absent.
    fn expected<T>(&mut self, what: &str) -> Option<T> {
        let token = self.peek();
        let found = self.shown(token);
        let message = format!("expected {what}, found {found}");
        let help = mends::mend(what).map(str::to_owned);
        self.report.push(EXPECTED, token.span, message, help);
        None
    }

    fn error<T>(&mut self, code: Code, span: Span, message: impl Into<String>) -> Option<T> {
        self.report.add(code, span, message);
        None
    }

    /// A token as a message mentions it.
    fn shown(&self, token: Token) -> String {
        match token.kind {
            TokenKind::Line | TokenKind::End => "the end of the line".to_owned(),
            TokenKind::Block => "a text block".to_owned(),
            _ => self.quoted(token.span),
        }
    }

    /// A part of the source as a message mentions it: never very long.
    fn quoted(&self, span: Span) -> String {
        let text: String = self.text(span).chars().take(40).collect();
        format!("`{text}`")
    }

    fn at_statement_end(&self) -> bool {
        self.is_statement_end(0)
    }

    fn is_statement_end(&self, distance: usize) -> bool {
        matches!(
            self.peek_at(distance).kind,
            TokenKind::Line | TokenKind::End | TokenKind::Symbol(Symbol::Colon)
        ) || self.one_line > 0
            && (self.word_is(distance, "ELSE") || self.word_is(distance, "ELSEIF") || self.ends_if(distance))
    }

    /// Whether END IF stands so far on.
    fn ends_if(&self, distance: usize) -> bool {
        self.word_is(distance, "ENDIF") || self.word_is(distance, "END") && self.word_is(distance + 1, "IF")
    }

    /// Everything up to the end of the statement is left over: says so once and skips it.
    fn finish_statement(&mut self) {
        // A block that was never closed ends before the next line, whatever that is.
        let at_line_start = self.at > 0 && self.tokens[self.at - 1].kind == TokenKind::Line;
        if !self.at_statement_end() && !at_line_start {
            let token = self.peek();
            let found = self.shown(token);
            let message = format!("{found} does not belong to this statement");
            self.report
                .push(UNEXPECTED_REST, token.span, message, self.meant_by_rest());
            self.skip_statement();
        }
    }

    /// What somebody meant by what is left of a statement: a clause of its request, or a value that belongs to a text.
    fn meant_by_rest(&self) -> Option<String> {
        let token = self.peek();
        if token.kind == TokenKind::Word {
            let word = self.text(token.span).to_uppercase();
            let two = format!("{word} {}", self.text(self.peek_at(1).span).to_uppercase());
            let clauses = || self.last_clauses.iter().map(|clause| clause.word);
            let near = nearest(&word, clauses()).or_else(|| nearest(&two, clauses()));
            if let Some(near) = near.filter(|near| *near != word) {
                return Some(format!("did you mean {near}?"));
            }
        }
        let value = matches!(token.kind, TokenKind::Word | TokenKind::Text | TokenKind::Number);
        let behind_text = self.at > 0 && self.tokens[self.at - 1].kind == TokenKind::Text;
        (value && behind_text)
            .then(|| "texts are joined by +, and arguments are separated by commas".to_owned())
    }

    fn skip_statement(&mut self) {
        while !self.at_statement_end() {
            self.advance();
        }
    }

    fn skip_line(&mut self) {
        while !matches!(self.peek().kind, TokenKind::Line | TokenKind::End) {
            self.advance();
        }
    }

    /// Runs `parse` one level deeper; gives the script up where that is too deep.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= DEPTH_MAX {
            return self.too_deep();
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    /// Gives the script up; always absent.
    fn too_deep<T>(&mut self) -> Option<T> {
        let span = self.peek().span;
        let message = format!("blocks and brackets are nested more than {DEPTH_MAX} levels deep");
        self.report.add(TOO_DEEP, span, message);
        // The rest cannot be understood without its inner part.
        self.report.close();
        self.at = self.tokens.len() - 1;
        None
    }
}
