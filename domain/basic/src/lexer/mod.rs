//! From characters to tokens.
//!
//! Knows the three things that cross lines: a line goes on after an open bracket or a trailing comma, and
//! the texts between BEGIN TALK and END TALK are taken raw.

mod lines;
mod raw;
mod text;
mod token;

pub(crate) use text::{Part, block_parts, quoted_parts};
pub(crate) use token::{Symbol, Token, TokenKind};

use std::cell::Cell;
use std::collections::HashSet;

use crate::diagnostic::{Report, STRANGE_CHARACTER, UNCLOSED_BRACKET, UNOPENED_BRACKET};
use crate::source::Span;

/// The tokens of a part of the source; the last one is [`TokenKind::End`].
pub(crate) fn lex(source: &str, span: Span, report: &mut Report<'_>) -> Vec<Token> {
    let mut lexer = Lexer {
        source,
        end: span.end as usize,
        at: span.start as usize,
        tokens: Vec::new(),
        brackets: Vec::new(),
        line_end: Cell::new(0),
        block: None,
        jumps: (span.start == 0).then(|| raw::jumps(source)),
        unclosed_remark: false,
        report,
    };
    lexer.all();
    lexer.tokens
}

struct Lexer<'s, 'r, 'l> {
    source: &'s str,
    end: usize,
    at: usize,
    tokens: Vec<Token>,
    /// Brackets that are open, with their places.
    brackets: Vec<(Symbol, Span)>,
    /// Where the line ends that was looked at last: looking for it again and again would make a very
    /// long line slow.
    line_end: Cell<usize>,
    /// Words that close the raw block which begins after this line, and where it was opened.
    block: Option<(&'static str, Span)>,
    /// Numbers of lines to which something jumps; none inside of a text, where lines have no numbers.
    jumps: Option<HashSet<&'s str>>,
    /// Whether a `/*` was found that nothing closes: looking for the end again and again would be slow.
    unclosed_remark: bool,
    report: &'r mut Report<'l>,
}

impl<'s> Lexer<'s, '_, '_> {
    fn all(&mut self) {
        while self.at < self.end {
            self.next();
        }
        self.close_brackets();
        if let Some((closing, opened)) = self.block.take() {
            self.unclosed_block(closing, opened);
        }
        self.push(TokenKind::Line, self.end, self.end);
        self.push(TokenKind::End, self.end, self.end);
    }

    fn next(&mut self) {
        let start = self.at;
        let Some(character) = self.rest().chars().next() else {
            self.at = self.end;
            return;
        };
        if self.is_at_statement() && self.begins_statement(character) {
            return;
        }
        match character {
            '\n' | '\r' => self.line_end(),
            '\u{feff}' if start == 0 => self.at += character.len_utf8(),
            c if c.is_whitespace() => self.at += character.len_utf8(),
            '\'' if !self.is_single_quoted() => self.skip_line(),
            '/' if self.rest().starts_with("//") => self.skip_line(),
            '/' if self.rest().starts_with("/*") && self.skip_remark() => {}
            '"' | '\'' => self.text(character),
            '“' | '‘' if self.paired_text(character) => {}
            '“' | '”' | '‘' | '’' => self.curly_text(),
            '`' => self.text('`'),
            c if c.is_ascii_digit() => self.number(),
            'R' | 'r' if self.begins_remark() => self.skip_line(),
            c if c.is_alphabetic() || c == '_' => self.word(),
            ';' if self.brackets.is_empty() => {
                self.at += 1;
                self.end_statement(start);
            }
            _ => self.symbol(character),
        }
    }

    /// Words that change how the rest of the line, or the lines after it, are read.
    fn begins_statement(&mut self, character: char) -> bool {
        // Fences around a script that was copied out of a page, and remarks as SQL has them.
        if self.rest().starts_with("```") || self.rest().starts_with("--") {
            self.skip_line();
            return true;
        }
        if character == '#' && !self.rest().starts_with("#{") {
            let line = self.line_rest().trim_end();
            let remark = line[1..].is_empty() || line[1..].starts_with(['#', ' ', '\t', '=', '-', '*', '!']);
            if !remark && !line.eq_ignore_ascii_case("#workflow") {
                let span = Span::new(self.at, self.at + line.len());
                let help = "comments begin with ' or REM";
                self.report
                    .add_with_help(STRANGE_CHARACTER, span, "a line cannot begin with #", help);
            }
            self.skip_line();
            return true;
        }
        if self.line_number() {
            return true;
        }
        if !character.is_alphabetic() {
            return false;
        }
        let line = self.line_rest();
        let word_end = line
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(line.len());
        if line[..word_end].eq_ignore_ascii_case("REM") && !line[word_end..].trim_start().starts_with('=') {
            self.skip_line();
            return true;
        }
        let after = line[word_end..].trim_start();
        let spoken = after.starts_with(|c: char| c.is_alphanumeric());
        if line[..word_end].eq_ignore_ascii_case("DESCRIPTION") && spoken {
            // A description without quotes is the rest of the line, as it is.
            let (start, end) = (self.at, self.at + line.len());
            self.push(TokenKind::Word, start, start + word_end);
            self.push(TokenKind::Block, start + word_end, end);
            self.at = end;
            return true;
        }
        if let Some((opening, closing)) = raw::block_opened_by(line) {
            self.block = Some((closing, Span::new(self.at, self.at + opening)));
        }
        false
    }

    fn line_end(&mut self) {
        let start = self.at;
        self.at += if self.rest().starts_with("\r\n") { 2 } else { 1 };
        if self.block.is_none() && !self.brackets.is_empty() {
            if !raw::begins_like_a_statement(self.line_rest()) && !self.sets_a_variable() {
                return;
            }
            self.close_brackets();
        }
        if let Some(Token {
            kind: TokenKind::Symbol(symbol),
            ..
        }) = self.tokens.last()
            && symbol.continues_line()
            && !self.steps()
            && !raw::begins_like_a_statement(self.line_rest())
        {
            return;
        }
        if self.block.is_none() && self.goes_on() {
            return;
        }
        self.end_statement(start);
        if let Some((closing, opened)) = self.block.take() {
            // `TABLE name (` is closed by END TABLE as well.
            if closing != raw::CLOSING_BRACKET {
                self.brackets.clear();
            }
            self.raw_block(closing, opened);
        }
    }

    fn end_statement(&mut self, at: usize) {
        if !matches!(
            self.tokens.last(),
            None | Some(Token {
                kind: TokenKind::Line,
                ..
            })
        ) {
            self.push(TokenKind::Line, at, at);
        }
    }

    /// Takes the lines up to the one that closes the block.
    fn raw_block(&mut self, closing: &'static str, opened: Span) {
        let start = self.at;
        while self.at < self.end {
            if raw::line_is(self.line_rest(), closing) {
                self.push(TokenKind::Block, start, self.at);
                return;
            }
            self.skip_line();
            self.at += if self.rest().starts_with("\r\n") {
                2
            } else {
                usize::from(self.at < self.end)
            };
        }
        self.push(TokenKind::Block, start, self.at);
        self.brackets.clear();
        self.unclosed_block(closing, opened);
    }

    fn word(&mut self) {
        let start = self.at;
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        self.at += length;
        if length == 1 && rest.starts_with('_') && self.line_rest().trim().is_empty() {
            // A lone underscore at the end of a line: the statement goes on.
            self.skip_line();
            self.at += if self.rest().starts_with("\r\n") {
                2
            } else {
                usize::from(self.at < self.end)
            };
            return;
        }
        self.push(TokenKind::Word, start, self.at);
        // `name$` is a text in older dialects; here a variable holds anything.
        let signed = self.rest().strip_prefix('$');
        if signed
            .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || "_$\"{".contains(c)))
        {
            self.at += 1;
        }
    }

    fn number(&mut self) {
        let start = self.at;
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        self.at += digits(self.rest());
        let rest = self.rest();
        if rest.starts_with('.') && rest[1..].starts_with(|c: char| c.is_ascii_digit()) {
            self.at += 1 + digits(&rest[1..]);
        }
        let rest = self.rest();
        if rest.starts_with(['e', 'E']) {
            let sign = usize::from(rest[1..].starts_with(['+', '-']));
            let exponent = digits(&rest[1 + sign..]);
            self.at += if exponent > 0 { 1 + sign + exponent } else { 0 };
        }
        self.push(TokenKind::Number, start, self.at);
    }

    fn symbol(&mut self, character: char) {
        use Symbol::*;
        let start = self.at;
        let pair = self
            .source
            .as_bytes()
            .get(start..(start + 2).min(self.end))
            .unwrap_or_default();
        let (length, symbol) = match pair {
            b"#{" => (2, OpenBrace),
            b"<=" | b"=<" => (2, LessOrEqual),
            b">=" | b"=>" => (2, GreaterOrEqual),
            b"!=" if self.rest().starts_with("!==") => (3, NotEqual),
            b"<>" | b"!=" => (2, NotEqual),
            b"==" if self.rest().starts_with("===") => (3, Equal),
            b"==" => (2, Equal),
            b"&&" => (2, And),
            b"||" => (2, Or),
            _ => match character {
                '(' => (1, OpenParenthesis),
                ')' => (1, CloseParenthesis),
                '[' => (1, OpenBracket),
                ']' => (1, CloseBracket),
                '{' => (1, OpenBrace),
                '}' => (1, CloseBrace),
                ',' => (1, Comma),
                ':' => (1, Colon),
                '.' => (1, Dot),
                '=' => (1, Assign),
                '<' => (1, Less),
                '>' => (1, Greater),
                '+' => (1, Plus),
                '-' => (1, Minus),
                '*' => (1, Star),
                '/' => (1, Slash),
                '%' => (1, Percent),
                '^' => (1, Caret),
                '&' => (1, Ampersand),
                '!' => (1, Not),
                _ => return self.strange(character),
            },
        };
        self.at += length;
        let span = Span::new(start, self.at);
        if symbol == OpenBrace && self.block_in_braces(span) {
            return;
        }
        match symbol {
            OpenParenthesis | OpenBracket | OpenBrace => self.brackets.push((symbol, span)),
            CloseParenthesis | CloseBracket | CloseBrace => return self.closing(symbol, span),
            _ => {}
        }
        self.push(TokenKind::Symbol(symbol), start, self.at);
    }

    fn closing(&mut self, symbol: Symbol, span: Span) {
        let opening = match symbol {
            Symbol::CloseParenthesis => Symbol::OpenParenthesis,
            Symbol::CloseBracket => Symbol::OpenBracket,
            _ => Symbol::OpenBrace,
        };
        // Once nothing more is told it matters no more, and among many that are open looking for one takes long.
        let is_open = |(open, _): &(Symbol, Span)| *open == opening;
        if !self.report.is_closed() && self.brackets.iter().rev().any(is_open) {
            while let Some((open, place)) = self.brackets.pop() {
                if open == opening {
                    break;
                }
                self.unclosed_bracket(place);
            }
            self.push(TokenKind::Symbol(symbol), span.start as usize, span.end as usize);
        } else {
            let text = span.text(self.source);
            self.report
                .add(UNOPENED_BRACKET, span, format!("`{text}` closes nothing"));
        }
    }

    fn close_brackets(&mut self) {
        for (_, place) in std::mem::take(&mut self.brackets) {
            self.unclosed_bracket(place);
        }
    }

    fn unclosed_bracket(&mut self, place: Span) {
        let message = format!("`{}` is never closed", place.text(self.source));
        self.report.add(UNCLOSED_BRACKET, place, message);
    }

    fn strange(&mut self, character: char) {
        let span = Span::new(self.at, self.at + character.len_utf8());
        self.at = span.end as usize;
        let shown = if character.is_control() {
            format!("U+{:04X}", u32::from(character))
        } else {
            format!("`{character}`")
        };
        let message = format!("the character {shown} has no meaning here");
        let help = text::instead(character, self.rest()).map(str::to_owned);
        self.report.push(STRANGE_CHARACTER, span, message, help);
        // What follows belongs to it.
        if character == '?' {
            self.skip_line();
        }
    }

    /// Whether a statement begins here.
    fn is_at_statement(&self) -> bool {
        self.brackets.is_empty()
            && matches!(
                self.tokens.last(),
                None | Some(Token {
                    kind: TokenKind::Line,
                    ..
                })
            )
    }

    fn push(&mut self, kind: TokenKind, start: usize, end: usize) {
        self.tokens.push(Token {
            kind,
            span: Span::new(start, end),
        });
    }

    fn skip_line(&mut self) {
        self.at += self.line_rest().len();
    }

    fn rest(&self) -> &'s str {
        &self.source[self.at..self.end]
    }

    /// From here to the end of the line, without the line break.
    fn line_rest(&self) -> &'s str {
        if self.at > self.line_end.get() || self.line_end.get() == 0 {
            let rest = self.rest();
            self.line_end
                .set(self.at + rest.find(['\n', '\r']).unwrap_or(rest.len()));
        }
        &self.source[self.at..self.line_end.get()]
    }
}
