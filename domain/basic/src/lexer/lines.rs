//! Where a statement ends: which lines go on with it, and where a remark begins.

use super::{Lexer, Symbol, Token, TokenKind, raw};

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
}
