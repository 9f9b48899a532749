//! Blocks: what opens, continues and closes them.

use super::Parser;
use crate::diagnostic::{UNCLOSED_BLOCK, UNOPENED_BLOCK};
use crate::language::{self, Closer, Role, Word};
use crate::lexer::{Symbol, Token, TokenKind};
use crate::source::Span;
use crate::syntax::Statement;

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
    On,
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
            BlockKind::On => closer == Closer::EndOn,
            BlockKind::Select | BlockKind::Switch => {
                matches!(closer, Closer::Case | Closer::CaseElse | Closer::EndSelect)
            }
        }
    }

    /// What closes it.
    fn end(self) -> Closer {
        match self {
            BlockKind::If => Closer::EndIf,
            BlockKind::For => Closer::Next,
            BlockKind::While => Closer::Wend,
            BlockKind::Do => Closer::Loop,
            BlockKind::Select | BlockKind::Switch => Closer::EndSelect,
            BlockKind::Sub => Closer::EndSub,
            BlockKind::Function => Closer::EndFunction,
            BlockKind::With => Closer::EndWith,
            BlockKind::Try => Closer::EndTry,
            BlockKind::On => Closer::EndOn,
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
            BlockKind::On => ("ON EVENT", "END ON"),
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
                if self.at_unknown_end() {
                    return (statements, Some(self.misspelt_end(innermost)));
                }
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
            self.at += length;
            if closer.closes() && !self.is_closed_below(innermost.kind) {
                self.wrong_end(innermost, span, word.name);
                self.skip_line();
                return (statements, Some((innermost.kind.end(), span)));
            }
            let message = format!("{} without a block that it could close", word.name);
            self.report.add(UNOPENED_BLOCK, span, message);
            self.skip_line();
        }
    }

    /// Whether END stands here before a word that closes nothing: `END CASE`.
    fn at_unknown_end(&self) -> bool {
        let known = self.phrase().is_some_and(|(_, length)| length > 1);
        self.at_word("END") && self.peek_at(1).kind == TokenKind::Word && !known
    }

    /// Takes such an END for that of the innermost block.
    fn misspelt_end(&mut self, innermost: Open) -> (Closer, Span) {
        let span = self.peek().span.to(self.peek_at(1).span);
        let written = self.text(span).to_uppercase();
        self.wrong_end(innermost, span, &written);
        self.at += 2;
        self.skip_line();
        (innermost.kind.end(), span)
    }

    fn wrong_end(&mut self, innermost: Open, span: Span, written: &str) {
        let (opening, closing) = innermost.kind.words();
        let (line, _) = self.report.place(innermost.span.start);
        let message = format!("{written} does not close the {opening} of line {line}");
        self.report
            .add_with_help(UNOPENED_BLOCK, span, message, format!("write {closing}"));
    }

    /// Whether a statement below closes a block of this kind.
    fn is_closed_below(&mut self, kind: BlockKind) -> bool {
        let (source, tokens) = (self.source, &self.tokens);
        let closers = self.closers.get_or_insert_with(|| last_closers(source, tokens));
        closers
            .iter()
            .any(|(closer, at)| *at >= self.at && kind.accepts(*closer))
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

/// Where statements that close a block last stand, by what they close with: the places of the line ends before them.
fn last_closers(source: &str, tokens: &[Token]) -> Vec<(Closer, usize)> {
    let mut last: Vec<(Closer, usize)> = Vec::new();
    for (at, tokens) in tokens.windows(3).enumerate() {
        if tokens[0].kind != TokenKind::Line || tokens[1].kind != TokenKind::Word {
            continue;
        }
        let text = |at: usize| tokens[at].span.text(source).to_uppercase();
        let names = [text(1).replace('_', " "), format!("{} {}", text(1), text(2))];
        for word in names.iter().filter_map(|name| language::find(name)) {
            let Role::Closer(closer) = word.role else { continue };
            match last.iter_mut().find(|(known, _)| *known == closer) {
                Some((_, place)) => *place = at,
                None if closer.closes() => last.push((closer, at)),
                None => {}
            }
        }
    }
    last
}
