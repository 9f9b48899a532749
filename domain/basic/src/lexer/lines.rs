//! Where a statement ends: which lines go on with it, and where a remark begins.

use super::{Lexer, Symbol, Token, TokenKind, raw};
use crate::diagnostic::STRANGE_CHARACTER;
use crate::source::Span;

impl Lexer<'_, '_, '_> {
    /// Whether the last word can be that of a clause: not that of END WITH, nor a variable behind an operator.
    fn is_clause(&self) -> bool {
        self.tokens
            .iter()
            .rev()
            .nth(1)
            .is_some_and(|before| match before.kind {
                TokenKind::Symbol(symbol) => symbol.ends_value(),
                TokenKind::Word => !before.span.text(self.source).eq_ignore_ascii_case("END"),
                kind => kind != TokenKind::Line,
            })
    }

    /// Whether REM and words stand here, behind a statement.
    pub(super) fn begins_remark(&self) -> bool {
        let rest = self.line_rest();
        let word = rest.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("REM"));
        let behind_value = !matches!(
            self.tokens.last().map(|token| token.kind),
            Some(TokenKind::Symbol(symbol)) if !symbol.ends_value()
        );
        let after = rest.get(3..).unwrap_or_default();
        let spoken = after.is_empty()
            || after.starts_with([' ', '\t']) && after.trim_start().starts_with(char::is_alphabetic);
        word && spoken && behind_value && self.brackets.is_empty()
    }

    /// Whether a line sets a variable though a bracket is open: `(1 + 2` was never closed. In braces it is a field, and
    /// behind an operator a condition goes on.
    pub(super) fn sets_a_variable(&self) -> bool {
        let in_braces = matches!(self.brackets.last(), Some((Symbol::OpenBrace, _)));
        let Some(Token { kind, span }) = self.tokens.last() else {
            return false;
        };
        let whole = match kind {
            TokenKind::Text | TokenKind::Number => true,
            TokenKind::Symbol(symbol) => symbol.ends_value(),
            TokenKind::Word => {
                let joins = ["AND", "OR", "NOT"];
                !joins
                    .iter()
                    .any(|word| word.eq_ignore_ascii_case(span.text(self.source)))
            }
            _ => false,
        };
        whole && !in_braces && raw::sets_a_variable(self.line_rest())
    }

    /// Whether the statement goes on in the line that begins here.
    pub(super) fn goes_on(&self) -> bool {
        let Some(Token { kind, span }) = self.tokens.last() else {
            return false;
        };
        let word = span.text(self.source);
        let unfinished = *kind == TokenKind::Word
            && ["AND", "OR", "WITH", "SET", "WHERE"]
                .iter()
                .any(|known| known.eq_ignore_ascii_case(word))
            && self.is_clause()
            && !raw::begins_like_a_statement(self.line_rest());
        *kind != TokenKind::Line && (unfinished || raw::continues_a_statement(self.line_rest()))
    }

    /// Takes the number of a line: a label where something jumps to it, else nothing.
    pub(super) fn line_number(&mut self) -> bool {
        let Some(jumps) = &self.jumps else {
            return false;
        };
        let line = self.line_rest();
        let digits = line.find(|c: char| !c.is_ascii_digit()).unwrap_or(line.len());
        // Blanks before a statement are looked at one by one: what follows each must not be looked through.
        if digits == 0 {
            return false;
        }
        let after = line[digits..].trim_start();
        let numbers =
            after.len() < line.len() - digits && after.starts_with(|c: char| c.is_alphabetic() || c == '\'');
        if !numbers {
            return false;
        }
        let (start, end) = (self.at, self.at + digits);
        if jumps.contains(&line[..digits]) {
            self.push(TokenKind::Word, start, end);
            self.push(TokenKind::Symbol(Symbol::Colon), end, end);
            self.push(TokenKind::Line, end, end);
        }
        self.at = end;
        true
    }

    /// Tells of a block in braces and of nothing behind it: all of it would be a consequence.
    pub(super) fn block_in_braces(&mut self, brace: Span) -> bool {
        // The statement is looked at last: it may have very many tokens.
        if !self.brackets.is_empty() || !self.line_rest().trim().is_empty() {
            return false;
        }
        let line = self
            .tokens
            .iter()
            .rev()
            .take_while(|token| token.kind != TokenKind::Line);
        let ends_value = self.tokens.last().is_some_and(|last| match last.kind {
            TokenKind::Symbol(symbol) => symbol.ends_value(),
            kind => kind != TokenKind::Line,
        });
        let Some(first) = line.last().filter(|_| ends_value) else {
            return false;
        };
        let help = match first.span.text(self.source).to_uppercase().as_str() {
            "IF" | "ELSE" => "write IF condition THEN … ELSE IF condition THEN … ELSE … END IF",
            "FOR" => "write FOR i = 1 TO 10 … NEXT, or FOR EACH item IN list … NEXT",
            "WHILE" => "write WHILE condition … WEND",
            "DO" => "write DO … LOOP WHILE condition",
            "FUNCTION" | "FN" | "SUB" => {
                "write FUNCTION name(a, b) … END FUNCTION, or SUB name(a, b) … END SUB"
            }
            "SWITCH" => "write SWITCH value … CASE 1 … DEFAULT … END SWITCH",
            "TRY" => "write TRY … CATCH problem … END TRY",
            _ => return false,
        };
        let message = "blocks are not written in braces";
        self.report.add_with_help(STRANGE_CHARACTER, brace, message, help);
        self.report.close();
        true
    }

    /// Skips `/* … */`; false where it is not closed.
    pub(super) fn skip_remark(&mut self) -> bool {
        let closed = (!self.unclosed_remark).then(|| self.rest().find("*/")).flatten();
        self.unclosed_remark = closed.is_none();
        self.at += closed.map_or(0, |length| length + 2);
        closed.is_some()
    }

    /// Whether the line ends with `++`: what it counts is complete.
    pub(super) fn steps(&self) -> bool {
        let plus = TokenKind::Symbol(Symbol::Plus);
        matches!(self.tokens.as_slice(), [.., Token { kind: word, .. }, first, last]
            if *word == TokenKind::Word && first.kind == plus && last.kind == plus && first.span.end == last.span.start)
    }
}
