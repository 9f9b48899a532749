//! Tokens: kind and place. What they say is read from the source when it is needed, which keeps a large
//! script's tokens small.

use crate::source::Span;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Word,
    Number,
    /// With its quotes.
    Text,
    /// The raw lines between BEGIN TALK and END TALK and the like.
    Block,
    Symbol(Symbol),
    /// End of a statement: end of a line, or a colon or semicolon between two statements on one.
    Line,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Symbol {
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    /// `{` or `#{`
    OpenBrace,
    CloseBrace,
    Comma,
    Colon,
    Dot,
    Assign,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    Ampersand,
    And,
    Or,
    Not,
}

impl Symbol {
    /// Whether a line that ends with the symbol goes on with the next one. A star does not: it closes
    /// the list of an open menu.
    pub fn continues_line(self) -> bool {
        matches!(
            self,
            Symbol::Comma | Symbol::Plus | Symbol::Ampersand | Symbol::And | Symbol::Or
        )
    }

    /// Whether the symbol compares two values, or sets one.
    pub fn compares(self) -> bool {
        matches!(
            self,
            Symbol::Assign
                | Symbol::Equal
                | Symbol::NotEqual
                | Symbol::Less
                | Symbol::LessOrEqual
                | Symbol::Greater
                | Symbol::GreaterOrEqual
        )
    }

    /// Whether a value can end with the symbol.
    pub fn ends_value(self) -> bool {
        matches!(
            self,
            Symbol::CloseParenthesis | Symbol::CloseBracket | Symbol::CloseBrace
        )
    }
}
