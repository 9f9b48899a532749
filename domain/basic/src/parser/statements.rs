//! Telling statements apart.

use super::simple::variable_of;
use super::{Parser, mends};
use crate::diagnostic::{
    NOT_ASSIGNABLE, RESERVED as RESERVED_NAME, UNKNOWN_FUNCTION, UNKNOWN_STATEMENT, UNOPENED_BLOCK,
};
use crate::language::{self, Changes, PHRASE_WORDS_MAX, RESERVED, Role, Word};
use crate::lexer::{Symbol, TokenKind};
use crate::source::Span;
use crate::syntax::{Call, Statement, StatementKind};

/// No word of the table is longer.
const WORD_BYTES_MAX: usize = 40;

impl Parser<'_, '_> {
    /// All statements to the end of the source.
    pub(super) fn script(&mut self) -> Vec<Statement> {
        let mut statements = Vec::new();
        loop {
            self.skip_separators();
            if self.peek().kind == TokenKind::End || self.report.is_closed() {
                return statements;
            }
            if let Some((_, word, length)) = self.closer() {
                let span = self.peek().span.to(self.peek_at(length - 1).span);
                self.report.add(
                    UNOPENED_BLOCK,
                    span,
                    format!("{} without a block that it could close", word.name),
                );
                self.at += length;
                self.skip_line();
                continue;
            }
            statements.extend(self.whole_statement());
        }
    }

    pub(super) fn skip_separators(&mut self) {
        while matches!(
            self.peek().kind,
            TokenKind::Line | TokenKind::Symbol(Symbol::Colon)
        ) {
            self.advance();
        }
    }

    /// One statement to its end, whatever is wrong with it.
    pub(super) fn whole_statement(&mut self) -> Option<Statement> {
        let before = self.at;
        self.last_clauses = &[];
        let statement = self.deeper(|parser| parser.statement());
        match &statement {
            Some(_) => self.finish_statement(),
            None => self.skip_statement(),
        }
        // What ends a statement may stand where none begins, as in `ELSE = 1`.
        if self.at == before {
            self.advance();
        }
        statement
    }

    fn statement(&mut self) -> Option<Statement> {
        let first = self.peek();
        if first.kind == TokenKind::Symbol(Symbol::Dot) && !self.subjects.is_empty() {
            let target = self.subject_target(first.span)?;
            return self.assigned(target, first.span);
        }
        if first.kind != TokenKind::Word {
            let found = self.shown(first);
            return self.error(
                UNKNOWN_STATEMENT,
                first.span,
                format!("no statement begins with {found}"),
            );
        }
        let next = self.peek_at(1).kind;
        let text = self.text(first.span);
        if next == TokenKind::Symbol(Symbol::Assign) {
            if RESERVED.iter().any(|word| word.eq_ignore_ascii_case(text)) {
                let message = format!(
                    "{} is a word of the language and cannot be a variable",
                    text.to_uppercase()
                );
                return self.error(RESERVED_NAME, first.span, message);
            }
            if !self.subjects.is_empty() {
                let target = self.subject_target(first.span)?;
                return self.assigned(target, first.span);
            }
            return self.assignment(first.span);
        }
        if self.is_compound() {
            return self.assignment(first.span);
        }
        if let Some(known) = self.procedure_here() {
            return self.procedure_statement(known);
        }
        // Who may call a procedure is not told in scripts.
        let shown = self.at_word("PUBLIC") || self.at_word("PRIVATE");
        if shown && (self.word_is(1, "SUB") || self.word_is(1, "FUNCTION")) {
            self.advance();
            return self.statement();
        }
        if next == TokenKind::Symbol(Symbol::Dot) && self.member_statement() {
            return None;
        }
        if next == TokenKind::Symbol(Symbol::Dot) && self.is_method_statement() {
            return self.method_statement(first.span);
        }
        if next == TokenKind::Symbol(Symbol::OpenParenthesis) && self.is_set(text) && self.sets_an_item() {
            return self.assignment(first.span);
        }
        // `last[0] = 1` sets an item of a variable that is called like a function, `THROW [a, b]` is a call.
        let apart = first.span.end < self.peek_at(1).span.start;
        let is_statement = || match self.phrase() {
            Some((word, _)) => match word.role {
                Role::Statement(_) | Role::Effect { .. } => true,
                Role::Function(_) | Role::Request(_) => apart,
                Role::Closer(_) => false,
            },
            None => false,
        };
        if next == TokenKind::Symbol(Symbol::Dot)
            || next == TokenKind::Symbol(Symbol::OpenBracket) && !is_statement()
        {
            return self.assignment(first.span);
        }
        match self.phrase() {
            Some((word, length)) => {
                let span = first.span.to(self.peek_at(length - 1).span);
                self.at += length;
                self.worded(word, span)
            }
            None => self.unknown(first.span),
        }
    }

    /// The statement that a word of the table begins.
    fn worded(&mut self, word: &'static Word, span: Span) -> Option<Statement> {
        match &word.role {
            Role::Statement(parse) => parse(self, span),
            Role::Request(_) => {
                let value = self.request_statement(word, span)?;
                Some(Statement {
                    span: value.span,
                    kind: StatementKind::Evaluate(value),
                })
            }
            Role::Effect { .. } | Role::Function(_) => {
                if self.assigns_to_call() {
                    let message = format!(
                        "{}(…) is a call and cannot be set; items of arrays stand in [ ]",
                        word.name
                    );
                    return self.error(NOT_ASSIGNABLE, span, message);
                }
                let arguments = self.statement_arguments(word, span)?;
                let (word, arguments) = self.continued(word, arguments)?;
                // `APPEND found, line`: a list that is not there yet comes into being.
                let changes = word
                    .function()
                    .is_some_and(|function| function.changes != Changes::Nothing);
                if let Some((name, _)) = arguments.first().filter(|_| changes).and_then(variable_of) {
                    self.mark_set(name);
                }
                let span = span.to(self.previous());
                Some(Statement {
                    span,
                    kind: StatementKind::Call(Call { word, arguments }),
                })
            }
            Role::Closer(_) => self.error(
                UNKNOWN_STATEMENT,
                span,
                format!("{} cannot stand here", word.name),
            ),
        }
    }

    fn unknown(&mut self, span: Span) -> Option<Statement> {
        let text = self.text(span);
        if self.peek_at(1).kind == TokenKind::Symbol(Symbol::Colon)
            && matches!(self.peek_at(2).kind, TokenKind::Line | TokenKind::End)
        {
            let label = text.to_lowercase();
            self.advance();
            return Some(Statement {
                span,
                kind: StatementKind::Label(label),
            });
        }
        if self.peek_at(1).kind == TokenKind::Symbol(Symbol::OpenParenthesis) {
            return self.unknown_function(span);
        }
        let spoken = text.replace('_', " ");
        let two = self.joined_words(2).unwrap_or_default();
        let names = || {
            language::names()
                .filter(|(_, word)| !matches!(word.role, Role::Closer(_)))
                .map(|(name, _)| name)
        };
        let phrases = || names().filter(|name| name.contains(' '));
        // What can begin a statement is meant rather than what cannot.
        let begins = || {
            language::names()
                .filter(|(_, word)| word.function().is_none())
                .map(|(name, _)| name)
        };
        let near = language::translated(&spoken.to_uppercase())
            .or_else(|| language::nearest(&two, phrases()))
            .or_else(|| language::nearest(&spoken, begins()))
            .or_else(|| language::nearest(&spoken, names()));
        let message = format!("{} is not a statement", self.shown(self.peek()));
        let foreign = language::translated(&spoken.to_uppercase()).is_some();
        if let Some(mend) = self.mended_assignment(text).filter(|_| !foreign) {
            self.report.add_with_help(UNKNOWN_STATEMENT, span, message, mend);
            return None;
        }
        let help = match (mends::instead(&spoken.to_uppercase()), near) {
            (Some(instead), _) => instead.to_owned(),
            (None, Some(name)) => format!("did you mean {name}?"),
            (None, None) if self.is_set(text) && self.is_statement_end(1) => {
                format!("a value alone does nothing; write TALK {text} to say it")
            }
            (None, None) => {
                "a statement begins with a keyword such as TALK, or sets a variable: name = value".to_owned()
            }
        };
        self.report.add_with_help(UNKNOWN_STATEMENT, span, message, help);
        None
    }

    /// How to set the variable `name`, where the statement seems to want that in another language.
    fn mended_assignment(&self, name: &str) -> Option<String> {
        let symbol = |distance: usize| match self.peek_at(distance).kind {
            TokenKind::Symbol(symbol) => Some(symbol),
            _ => None,
        };
        let sets = |distance: usize| symbol(distance) == Some(Symbol::Assign);
        let word = |distance: usize| {
            let token = self.peek_at(distance);
            (token.kind == TokenKind::Word).then(|| self.text(token.span))
        };
        match symbol(1) {
            Some(Symbol::Equal) => Some(format!("one = sets a variable: {name} = value")),
            Some(Symbol::Colon) if sets(2) => Some(format!("= alone sets a variable: {name} = value")),
            Some(Symbol::Minus) if word(2).is_some() && sets(3) => {
                Some(format!("names are joined by _: {name}_{} = value", word(2)?))
            }
            None if word(1).is_some() && sets(2) => {
                Some(format!("a name is one word: {name}_{} = value", word(1)?))
            }
            _ => None,
        }
    }

    pub(super) fn unknown_function<T>(&mut self, span: Span) -> Option<T> {
        let text = self.text(span);
        let functions = language::names()
            .filter(|(_, word)| word.function().is_some())
            .map(|(name, _)| name);
        let help = language::translated(&text.to_uppercase())
            .or_else(|| language::nearest(&text.replace('_', " "), functions))
            .map(|name| format!("did you mean {name}?"));
        self.report.push(
            UNKNOWN_FUNCTION,
            span,
            format!("there is no function {}", self.quoted(span)),
            help,
        );
        None
    }

    /// The longest name of the table that begins here, and how many tokens it takes.
    pub(super) fn phrase(&self) -> Option<(&'static Word, usize)> {
        let mut found = None;
        let mut name = String::new();
        for length in 1..=PHRASE_WORDS_MAX {
            if !self.append_word(&mut name, length - 1) {
                break;
            }
            // `SEND TEMPLATE to, …`: a word before a comma is an argument, if the words before it are a name too.
            let is_argument =
                found.is_some() && self.peek_at(length).kind == TokenKind::Symbol(Symbol::Comma);
            let longer = language::find(&name).filter(|_| !is_argument);
            found = longer.map(|word| (word, length)).or(found);
        }
        // SET USER is a phrase, but in `set user = …` the second word is a variable.
        let sets = ["SET", "LET", "CONST"].iter().any(|word| self.at_word(word));
        match found {
            Some((_, length)) if length > 1 && sets && self.continues_a_target(length) => {
                Some((language::find(&self.joined_words(1)?)?, 1))
            }
            other => other,
        }
    }

    /// Whether `name(…) =` stands here.
    fn sets_an_item(&mut self) -> bool {
        self.at += 1;
        let sets = self.assigns_to_call();
        self.at -= 1;
        sets
    }

    fn continues_a_target(&self, distance: usize) -> bool {
        matches!(
            self.peek_at(distance).kind,
            TokenKind::Symbol(Symbol::Assign | Symbol::Dot | Symbol::OpenBracket)
        )
    }

    /// The next `length` words in capitals, underscores as spaces; absent where there are fewer.
    fn joined_words(&self, length: usize) -> Option<String> {
        let mut name = String::new();
        (0..length)
            .all(|distance| self.append_word(&mut name, distance))
            .then_some(name)
    }

    /// Appends the word `distance` further on in capitals, underscores as spaces; false where none stands.
    fn append_word(&self, name: &mut String, distance: usize) -> bool {
        let token = self.peek_at(distance);
        let text = self.text(token.span);
        if token.kind != TokenKind::Word || text.len() > WORD_BYTES_MAX {
            return false;
        }
        name.push_str(if distance > 0 { " " } else { "" });
        name.extend(
            text.chars()
                .map(|c| if c == '_' { ' ' } else { c.to_ascii_uppercase() }),
        );
        true
    }
}
